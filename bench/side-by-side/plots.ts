/**
 * The plots of `docs/PERFORMANCE.md`, one for each question: how many times as fast as the floor.
 * @module
 */
import type { TopLevelSpec } from "vega-lite";
import { FLOOR, type Measurement, type Question, rowsOf } from "../../properties/documents/performance.ts";
import { size } from "../../properties/documents/performance-tables.ts";
import { quartiles, speedRatios } from "../../properties/documents/statistics.ts";
import { svgOf } from "../svg.ts";

/** A contestant in a case: the median of its ratios to the floor, and their quartiles. */
interface Point {
  readonly payload: string;
  readonly variant: string;
  readonly contestant: string;
  readonly ratio: number;
  readonly lower: number;
  readonly upper: number;
}

/** Draws a question; a bar through a point goes from quartile to quartile. */
export function plotOf(measurements: readonly Measurement[], question: Question): Promise<string> {
  const points = pointsOf(measurements, question);
  const distinct = (of: (point: Point) => string): string[] => [...new Set(points.map(of))];
  const ratio = { type: "quantitative", scale: { type: "log" }, title: "floor = 1" } as const;
  const x = {
    field: "payload",
    type: "ordinal",
    title: "payload",
    sort: distinct(({ payload }) => payload),
    axis: { labelAngle: 0 },
  } as const;
  const color = {
    field: "contestant",
    type: "nominal",
    title: null,
    sort: distinct(({ contestant }) => contestant),
  } as const;
  const spec: TopLevelSpec = {
    background: "white",
    data: { values: points },
    facet: {
      column: {
        field: "variant",
        type: "nominal",
        title: null,
        sort: distinct(({ variant }) => variant),
      },
    },
    spec: {
      width: 220,
      height: 260,
      layer: [
        { mark: "rule", encoding: { y: { datum: 1 } } },
        {
          mark: { type: "line", point: true },
          encoding: { x, color, y: { ...ratio, field: "ratio" } },
        },
        {
          mark: "rule",
          encoding: { x, color, y: { ...ratio, field: "lower" }, y2: { field: "upper" } },
        },
      ],
    },
  };
  return svgOf(spec);
}

function pointsOf(measurements: readonly Measurement[], question: Question): Point[] {
  return rowsOf(measurements, question).flatMap((row) => {
    const floor = row.find(({ contestant }) => contestant === FLOOR);
    if (floor === undefined) return [];
    return row
      .filter((one) => one !== floor)
      .map(({ payloadBytes, variant, contestant, wallNs }) => {
        const { median, lower, upper } = quartiles(speedRatios(wallNs, floor.wallNs));
        return { payload: size(payloadBytes), variant, contestant, ratio: median, lower, upper };
      });
  });
}
