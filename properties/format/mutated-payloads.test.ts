/**
 * That the payloads of the section `mutated payloads` are worth trying: many are valid, and the others break
 * every rule.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { expand } from "../../model/expand.ts";
import { profileOf } from "../bounds.ts";
import { mutatedPayload } from "./mutated-payloads.ts";

const PAYLOADS = 6000;

/** What the model can say of a frame: its refusals, as they stand in its source. */
function sentences(): string[] {
  const directory = new URL("../../model/zstd/", import.meta.url);
  const names = readdirSync(directory).filter((name) => !name.endsWith(".test.ts"));
  const source = names.map((name) => readFileSync(new URL(name, directory), "utf8")).join("\n");
  return Array.from(source.matchAll(/\bmust\([^"`;]*["`]([^"`]+)["`]/g), ([, sentence = ""]) =>
    sentence.replaceAll(/\$\{[^}]*\}/g, "#"),
  );
}

test("a fifth of the frames and of the blocks is valid, and every rule of zstd is broken by some frame", async () => {
  const bounds = profileOf("quick", "sentinel");
  const refusals = new Set<string>();
  const valid = { lz4: 0, zstd: 0 };
  for (let input = 0; input < PAYLOADS; input++) {
    const payload = await mutatedPayload(bounds, input);
    for (const codec of ["lz4", "zstd"] as const) {
      const expanded = expand(input % 2 === 0 ? "sentinel" : "plain", codec, payload[codec]);
      if (typeof expanded === "string") refusals.add(expanded.replaceAll(/(?<![\^\d])\d+ bytes/g, "# bytes"));
      else valid[codec] += 1;
    }
  }
  expect(valid.zstd).toBeGreaterThan(PAYLOADS / 5);
  expect(valid.lz4).toBeGreaterThan(PAYLOADS / 5);
  const all = sentences();
  expect(all.length).toBeGreaterThan(30);
  expect(all.filter((sentence) => !refusals.has(sentence))).toEqual([]);
});
