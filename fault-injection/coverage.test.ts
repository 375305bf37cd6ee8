import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { Coverage } from "./coverage.ts";

const interval = fc.tuple(fc.nat(12), fc.oneof(fc.nat(12), fc.constant(Infinity)));

test.prop([fc.array(interval, { maxLength: 8 }), interval])(
  "it covers an interval exactly if it has every byte of it",
  (added, [start, end]) => {
    const coverage = new Coverage();
    const bytes = new Set<number>();
    // Beyond 12 there is nothing but the tails of infinite intervals, so 13 stands for all that follows.
    const each = (from: number, to: number): number[] =>
      Array.from({ length: 14 }, (_, i) => i).filter((i) => i >= from && i < to);
    for (const [from, to] of added) {
      coverage.add(from, to);
      for (const byte of each(from, to)) bytes.add(byte);
    }
    expect(coverage.covers(start, end)).toBe(each(start, end).every((byte) => bytes.has(byte)));
  },
);
