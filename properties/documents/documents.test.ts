import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { DOCUMENTS } from "./list.ts";

/** Seconds of computing: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

describe("Documents generated from code are current (npm run docs writes them)", () => {
  test.each(DOCUMENTS)("$path", async ({ path, render }) => {
    const file = fileURLToPath(new URL(`../../${path}`, import.meta.url));
    expect(readFileSync(file, "utf8")).toBe(await render());
  });
});
