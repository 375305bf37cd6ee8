/** Redacted records against tombstones: what is named by none is found, whatever there is of both. */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { merged, type OffsetRange } from "../src/format/offset-ranges.ts";
import { ErasureWatch, namings, offsetsIn, spansInWords } from "./erasures.ts";
import { secondUnnamed } from "./second-reader.ts";

const span = fc
  .tuple(fc.nat(40), fc.integer({ min: 1, max: 12 }))
  .map(([from, size]) => ({ from, to: from + size }));
const offsetsOf = ({ from, to }: OffsetRange): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

describe("spans", () => {
  test.prop([fc.array(span)])(
    "merged, they have the same offsets, ascending, and none touches another",
    (spans) => {
      const result = merged(spans);
      const offsets = new Set(spans.flatMap(offsetsOf));
      expect(result.flatMap(offsetsOf)).toStrictEqual([...offsets].sort((a, b) => a - b));
      for (const [i, { from }] of result.slice(1).entries()) expect(from).toBeGreaterThan(result[i]?.to ?? 0);
    },
  );

  test.prop([fc.array(span)])("a watch comes to the same as merging all at once", (spans) => {
    const watch = new ErasureWatch();
    for (const one of spans) watch.tombstone(one);
    expect(watch.seen()).toStrictEqual({ redactions: [], named: merged(spans) });
  });

  test("a watch keeps as few as they come to, however many tombstones there are", () => {
    const watch = new ErasureWatch();
    // Every second offset, so that none touches the one before; then those between.
    for (const first of [0, 1])
      for (let from = first; from < 5000; from += 2) watch.tombstone({ from, to: from + 1 });
    expect(watch.seen().named).toStrictEqual([{ from: 0, to: 5000 }]);
  });

  test("in words, a few of them", () => {
    expect(spansInWords([{ from: 3, to: 4 }])).toBe("offset 3");
    expect(spansInWords([{ from: 3, to: 6 }])).toBe("offsets 3 to 5");
    const many = Array.from({ length: 7 }, (_, i) => ({ from: 10 * i, to: 10 * i + 2 }));
    expect(spansInWords(many)).toBe("offsets 0 to 1, 10 to 11, 20 to 21, 30 to 31, 40 to 41 and 4 more");
    expect(offsetsIn(many)).toBe(14);
  });
});

describe("redacted records", () => {
  test.prop([fc.array(span), fc.array(span)])(
    "what no tombstone names of each is found, by the model as well",
    (redactions, tombstones) => {
      const sorted = redactions.toSorted((a, b) => a.from - b.from);
      const named = new Set(tombstones.flatMap(offsetsOf));
      const found = [...namings(sorted, merged(tombstones))];
      expect(found.map(({ redaction }) => redaction)).toStrictEqual(sorted);
      for (const { redaction, named: meeting, missing } of found) {
        const expected = offsetsOf(redaction).filter((offset) => !named.has(offset));
        expect(missing.flatMap(offsetsOf)).toStrictEqual(expected);
        expect(secondUnnamed(redaction, meeting)).toBe(expected[0]);
        expect(secondUnnamed(redaction, tombstones)).toBe(expected[0]);
      }
    },
  );
});
