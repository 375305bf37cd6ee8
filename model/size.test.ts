import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("The model can be read in one sitting: under 300 lines", () => {
  const lines = ["log", "reader", "expand", "hash"].map(
    (name) => readFileSync(new URL(`./${name}.ts`, import.meta.url), "utf8").split("\n").length - 1,
  );
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(300);
});
