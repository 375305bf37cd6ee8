import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** What a log is, and how its bytes are read. Zstandard, a format of its own, is beside it in `zstd/`. */
test("The model can be read in one sitting: under 300 lines", () => {
  const lines = ["log", "reader", "expand", "lz4", "little", "hash"].map(
    (name) => readFileSync(new URL(`./${name}.ts`, import.meta.url), "utf8").split("\n").length - 1,
  );
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(300);
});
