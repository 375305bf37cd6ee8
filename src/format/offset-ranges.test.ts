import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { OffsetRanges, rangeOf } from "./offset-ranges.ts";

const OFFSETS = Array.from({ length: 24 }, (_, offset) => offset);
const range = fc
  .record({ from: fc.nat(20), length: fc.integer({ min: 1, max: 3 }) })
  .map(({ from, length }) => ({ from, to: from + length }));

test("of nothing nothing is in it", () => {
  expect(OFFSETS.filter((offset) => OffsetRanges.none.has(offset))).toStrictEqual([]);
  expect(OffsetRanges.none.size).toBe(0);
});

property.prop([fc.array(range)])(
  "holds the offsets of what was added, in as few ranges as can be",
  (ranges) => {
    let some = OffsetRanges.none;
    const offsets = new Set<number>();
    for (const added of ranges) {
      const before = some;
      const held = OFFSETS.filter((offset) => before.has(offset));
      some = some.with([added]);
      expect(OFFSETS.filter((offset) => before.has(offset))).toStrictEqual(held);
      for (let offset = added.from; offset < added.to; offset += 1) offsets.add(offset);
    }
    expect(OFFSETS.filter((offset) => some.has(offset))).toStrictEqual(
      OFFSETS.filter((offset) => offsets.has(offset)),
    );
    expect(some.size).toBe([...offsets].filter((offset) => !offsets.has(offset - 1)).length);
  },
);

property.prop([fc.array(range)])("is the same whether they are added at once or one by one", (ranges) => {
  let some = OffsetRanges.none;
  for (const added of ranges) some = some.with([added]);
  const all = OffsetRanges.none.with(ranges);
  expect(OFFSETS.map((offset) => all.has(offset))).toStrictEqual(OFFSETS.map((offset) => some.has(offset)));
  expect(all.size).toBe(some.size);
});

property.prop([fc.array(range), range])(
  "gives what of it is within a range, and how many ranges",
  (ranges, of) => {
    const some = OffsetRanges.none.with(ranges);
    const within = some.within(of);
    expect(some.countWithin(of)).toBe(within.length);
    const all = OffsetRanges.none.with(within);
    expect(all.size).toBe(within.length);
    expect(OFFSETS.filter((offset) => all.has(offset))).toStrictEqual(
      OFFSETS.filter((offset) => some.has(offset) && of.from <= offset && offset < of.to),
    );
  },
);

test("a tombstone's range", () => {
  expect(rangeOf({ first: 3n, count: 2n })).toStrictEqual({ from: 3, to: 5 });
});
