import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { ByteRanges } from "./byte-ranges.ts";

const interval = fc.tuple(
  fc.nat(6),
  fc.oneof({ weight: 5, arbitrary: fc.nat(6) }, { weight: 1, arbitrary: fc.constant(Infinity) }),
);

test.prop([fc.array(interval, { maxLength: 6 }), interval], { numRuns: 1000 })(
  "it covers an interval exactly if it has every byte of it, and meets it exactly if it has one",
  (added, [start, end]) => {
    const coverage = new ByteRanges();
    const bytes = new Set<number>();
    // Beyond 6 there is nothing but the tails of infinite intervals, so 7 stands for all that follows.
    const each = (from: number, to: number): number[] =>
      Array.from({ length: 8 }, (_, i) => i).filter((i) => i >= from && i < to);
    for (const [from, to] of added) {
      coverage.add(from, to);
      for (const byte of each(from, to)) bytes.add(byte);
    }
    expect(coverage.covers(start, end)).toBe(each(start, end).every((byte) => bytes.has(byte)));
    expect(coverage.meets(start, end)).toBe(each(start, end).some((byte) => bytes.has(byte)));
  },
);
