/**
 * Frames of zstd's own test suite (`tests/golden-decompression` and `tests/golden-decompression-errors` of
 * https://github.com/facebook/zstd), where they are at hand: the engine and the model each expand the valid
 * ones to the same, and each refuse the others. They are not part of this project; `ZSTD_VECTORS` names
 * another place for them.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { expand } from "../model/expand.ts";
import { ZstdCodec } from "../src/format/codec.ts";
import { StorageError } from "../src/error.ts";

const beside = path.join(import.meta.dirname, "../../shared/fixtures/zstd");
const directory = process.env["ZSTD_VECTORS"] ?? beside;
const isThere = existsSync(directory);
if (!isThere)
  console.warn(`SKIPPED: zstd's golden vectors are not at ${directory}; see e2e/zstd-vectors.test.ts.`);

const vectors = (kind: "valid" | "errors"): [string, Buffer][] =>
  isThere
    ? readdirSync(path.join(directory, kind)).map((name) => [
        name,
        readFileSync(path.join(directory, kind, name)),
      ])
    : [];

describe.skipIf(!isThere)("zstd's golden vectors", () => {
  const codec = new ZstdCodec({ acceptsUndeclaredSize: true });
  /** Their content, where their bytes show it to the eye. */
  const CONTENTS = new Map([
    ["empty-block.zst", Buffer.of()],
    ["rle-first-block.zst", Buffer.alloc(2 ** 20)],
    ["zeroSeq_2B.zst", Buffer.from("Hello World!\n")],
  ]);

  test.each(vectors("valid"))("%s is expanded, and to the same by engine and model", async (name, frame) => {
    const engine = await codec.decompress(frame);
    const model = expand("sentinel", "zstd", frame);
    expect(typeof model === "string" ? model : Buffer.compare(engine, model)).toBe(0);
    const content = CONTENTS.get(name);
    if (content !== undefined) expect(Buffer.compare(engine, content)).toBe(0);
  });

  test.each(vectors("errors"))("%s is refused, by engine and model", async (_, frame) => {
    await expect(codec.decompress(frame)).rejects.toThrow(StorageError);
    expect(expand("sentinel", "zstd", frame)).toBeTypeOf("string");
  });
});
