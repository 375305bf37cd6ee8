import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readPerformance } from "../../properties/documents/performance.ts";
import { plotOf } from "./plots.ts";

const { measurements } = readPerformance();

describe("Plots of docs/PERFORMANCE.md are those of docs/performance.json (npm run bench draws them)", () => {
  test.each([...new Set(measurements.map(({ question }) => question))])("%s", async (question) => {
    const file = readFileSync(`docs/performance/${question}.svg`, "utf8");
    expect(file).toBe(await plotOf(measurements, question));
  });
});
