import { describe, expect, test } from "vitest";
import type { Measurement } from "./performance.ts";
import { comparisonTable, cpuTable, size, speedTable } from "./performance-tables.ts";

const measured = (
  contestant: string,
  wallNs: readonly number[],
  changed: Partial<Measurement> = {},
): Measurement => ({
  question: "append",
  variant: "batches of 1",
  payloadBytes: 64,
  contestant,
  wallNs,
  cpuNs: wallNs.map((ns) => ns / 2),
  ...changed,
});

const MEASUREMENTS = [
  measured("floor", [1000, 2000, 1000]),
  measured("plain", [2000, 8000, 1000]),
  measured("floor", [10_000, 10_000, 10_000], { payloadBytes: 4096 }),
  measured("plain", [5000, 5000, 5000], { payloadBytes: 4096 }),
  measured("lmdb", [100_000, 100_000, 100_000], { payloadBytes: 4096 }),
  measured("plain", [2e6, 2e6, 2e6], { question: "reopen", variant: "" }),
];

describe("Tables of measurements", () => {
  test("a cell has the median speed, and the median and the quartiles of the ratios within repetitions", () => {
    expect(speedTable(MEASUREMENTS, "append")).toBe(
      [
        "| payload            | floor | plain                   | lmdb                     |",
        "| ------------------ | ----- | ----------------------- | ------------------------ |",
        "| 64 B batches of 1  | 1.0 M | 500 k (0.50; 0.38-0.75) |                          |",
        "| 4 KiB batches of 1 | 100 k | 200 k (2.00; 2.00-2.00) | 10.0 k (0.10; 0.10-0.10) |",
        "",
      ].join("\n"),
    );
  });

  test("CPU time is told as time", () => {
    expect(cpuTable(MEASUREMENTS, "append")).toContain("| 64 B batches of 1  | 500 ns |");
  });

  test("openings are told as time, and without a floor there is no ratio", () => {
    expect(speedTable(MEASUREMENTS, "reopen")).toContain("| 64 B    | 2.0 ms |");
  });

  test("a comparison goes from the worst case to the best, over cases in which both took part", () => {
    expect(comparisonTable(MEASUREMENTS, "plain")).toBe(
      [
        "| plain, times as fast as | floor     | lmdb |",
        "| ----------------------- | --------- | ---- |",
        "| Appends without sync    | 0.50-2.00 | 20.0 |",
        "| Opening again           |           |      |",
        "",
      ].join("\n"),
    );
  });

  test("sizes are in binary units where that is exact", () => {
    expect([64, 1024, 65_536, 2 ** 26, 2 ** 30].map(size)).toEqual([
      "64 B",
      "1 KiB",
      "64 KiB",
      "64 MiB",
      "1 GiB",
    ]);
  });
});
