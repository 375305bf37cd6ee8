import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { elementAt } from "../../fault-injection/element-at.ts";
import { CATALOGUE } from "../catalogue.ts";
import { SECTIONS } from "../format/part.ts";
import { DefectError, defective } from "./apply.ts";
import type { Defect } from "./defect.ts";
import { DEFECTS } from "./defects.ts";
import { type Ended, runDefects } from "./run.ts";

const directory = mkdtempSync(join(tmpdir(), "defects-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** Quickly caught, and what variants of it are made of. */
const harmful = elementAt(
  DEFECTS.filter(({ id }) => id === "memory-repeats-a-record"),
  0,
);

describe("Seeded defects", () => {
  test("have ids of their own, and there is one for every invariant", () => {
    expect(new Set(DEFECTS.map(({ id }) => id)).size).toBe(DEFECTS.length);
    const invariants = new Set(DEFECTS.map(({ invariant }) => invariant));
    expect(CATALOGUE.map(({ id }) => id).filter((id) => !invariants.has(id))).toEqual([]);
  });

  test.each(DEFECTS)("$id fits the sources: its text is there once", (defect) => {
    const { url, source } = defective(defect);
    expect(url).toMatch(new RegExp(`/dist/${defect.file.replace(/\.ts$/, ".js")}$`));
    expect(source.length).toBeGreaterThan(100);
    if (defect.section !== undefined) expect(SECTIONS.map(({ name }) => name)).toContain(defect.section);
  });

  test.each([
    ["is not there", { find: "no such text" }, "0 times"],
    ["is there more than once", { find: "stream" }, "times, not once"],
    ["is empty", { find: "" }, "times, not once"],
    ["is replaced by itself", { replace: harmful.find }, "nothing is replaced"],
    ["leaves no TypeScript", { replace: "this.#records.push(" }, "not TypeScript any more"],
  ])("fail loudly where the text %s", (_, change, sentence) => {
    expect(() => defective({ ...harmful, ...change })).toThrow(DefectError);
    expect(() => defective({ ...harmful, ...change })).toThrow(sentence);
  });

  test("fail before anything is run where one does not fit", async () => {
    const ended: Ended[] = [];
    const wrong = { ...harmful, id: "wrong", find: "no such text" };
    await expect(
      runDefects([harmful, wrong], { workers: 1, seconds: 300 }, (end) => ended.push(end)),
    ).rejects.toThrow(DefectError);
    expect(ended).toEqual([]);
  });

  test("are caught, and told in their order; one that nothing catches is missed, and so is one that another invariant catches", async () => {
    const harmless = { ...harmful, id: "harmless", replace: `${harmful.find} // nothing else` };
    const other: Defect = { ...harmful, id: "other", invariant: "Z1" };
    const ended: Ended[] = [];
    const small = { length: 1 };
    await runDefects(
      [harmless, harmful, other].map((defect) => ({
        ...defect,
        bounds: { ...small, operations: ["batch"] },
      })),
      { workers: 2, seconds: 3000 },
      (end) => ended.push(end),
    );
    expect(ended.map(({ defect, caught }) => [defect.id, caught?.invariant])).toEqual([
      ["harmless", undefined],
      [harmful.id, "M2"],
      ["other", "M2"],
    ]);
    expect(ended.map(({ missed }) => missed)).toEqual([
      "nothing was violated",
      undefined,
      expect.stringContaining("M2 was violated, not Z1"),
    ]);
    expect(ended[0]?.caught?.cases).toBeGreaterThan(0);
    expect(ended[1]?.caught?.choices).toBe(0);
  });
});
