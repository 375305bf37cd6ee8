/**
 * The plot of `docs/SCALE.md`.
 * @module
 */
import type { TopLevelSpec } from "vega-lite";
import { type Growth, type GrowthRow, ofSeries } from "../properties/documents/growth.ts";
import { svgOf } from "./svg.ts";

/** What is drawn, and how it is called there. */
const MEASURES: readonly (readonly [string, (row: GrowthRow) => number])[] = [
  ["workloads", ({ workloads }) => workloads],
  ["crash states", ({ states }) => Number(states)],
  ["recoveries", ({ recoveries }) => recoveries],
  ["engine runs", ({ engineRuns }) => engineRuns],
  ["seconds of CPU", ({ cpuSeconds }) => cpuSeconds],
];

/** The plot: what grows with the length of workloads, on a logarithmic scale. */
export function growthPlot(growth: Growth): Promise<string> {
  const lengths = ofSeries(growth, "length", "plain");
  const values = MEASURES.flatMap(([measure, of]) =>
    lengths.map((one) => ({ length: one.value, measure, amount: of(one) })),
  );
  const spec: TopLevelSpec = {
    width: 480,
    height: 320,
    background: "white",
    data: { values },
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: "length",
        type: "ordinal",
        title: "operations in a workload, at most",
        axis: { labelAngle: 0 },
      },
      y: {
        field: "amount",
        type: "quantitative",
        scale: { type: "log" },
        title: null,
        axis: { format: "~s" },
      },
      color: { field: "measure", type: "nominal", title: null, sort: MEASURES.map(([name]) => name) },
    },
  };
  return svgOf(spec);
}
