import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { growthPlot } from "../bench/growth-plot.ts";
import { readGrowth } from "../properties/documents/growth.ts";

test("The plot in docs/ is of what is in the table beside it", async () => {
  expect(readFileSync("docs/growth.svg", "utf8")).toBe(await growthPlot(readGrowth()));
});
