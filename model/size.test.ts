import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("What a log is can be read in one sitting: log.ts has under 160 lines", () => {
  const lines = readFileSync(new URL("./log.ts", import.meta.url), "utf8").split("\n").length - 1;
  expect(lines).toBeLessThan(160);
});
