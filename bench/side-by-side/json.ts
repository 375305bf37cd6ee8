/**
 * The file that `npm run bench` writes.
 * @module
 */
import type { PerformanceRun } from "../../properties/documents/performance.ts";

/** As JSON, with each measurement on a line, so that two runs can be compared line by line. */
export function performanceJson({ measurements, ...about }: PerformanceRun): string {
  const lines = measurements.map((one) => `    ${JSON.stringify(one)}`).join(",\n");
  const head = JSON.stringify(about, undefined, 2).replace(/\n}$/, "");
  return `${head},\n  "measurements": [\n${lines}\n  ]\n}\n`;
}
