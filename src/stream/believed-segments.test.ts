/** Which files with names of segments are a stream's, by the names and the manifest alone. */
import { describe, expect, test } from "vitest";

import { segmentName } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import { believedSegments } from "./believed-segments.ts";

const named = (...segments: readonly (number | [number, number])[]): string[] =>
  segments.map((numbers) =>
    segmentName(typeof numbers === "number" ? { number: numbers } : { number: numbers[0], last: numbers[1] }),
  );
const shown = (segments: readonly SegmentNumbers[]): string[] => segments.map(segmentName);

describe("without a manifest", () => {
  test.each([
    ["beside all of the others is not believed", named(0, 1, 2, 3, [0, 2]), named(0, 1, 2, 3), []],
    ["beside some of the others takes their place", named(0, 2, 3, [0, 2]), named([0, 2], 3), named(0, 2)],
    [
      "that took the place of merged ones is not, either",
      named([0, 1], 2, 3, [0, 2]),
      named([0, 1], 2, 3),
      [],
    ],
    ["of the last number is not believed", named(0, 1, 2, [1, 2]), named(0, 1, 2), []],
    ["behind the others is", named(0, [1, 2]), named(0, [1, 2]), []],
    [
      "that reaches out of another does not keep that from being found covered",
      named(0, 1, 2, 3, 4, 5, 6, 7, [0, 4], [3, 6]),
      named(0, 1, 2, 3, 4, 5, 6, 7),
      [],
    ],
  ])("a merged segment %s", (_, names, segments, replaced) => {
    const believed = believedSegments(names, "plain", undefined);
    expect({ segments: shown(believed.segments), replaced: shown(believed.replaced) }).toStrictEqual({
      segments,
      replaced,
    });
  });

  test("the format sentinel has no merged segments", () => {
    expect(believedSegments(named(0, [1, 2]), "sentinel", undefined).segments).toStrictEqual([{ number: 0 }]);
  });
});

describe("with a manifest", () => {
  const entry = (number: number, last?: number): SegmentNumbers & Record<string, number> => ({
    number,
    ...(last === undefined ? {} : { last }),
    firstOffset: 0,
    nextOffset: 0,
    bytes: 0,
  });
  const manifest = {
    segments: [entry(0, 2), entry(3), entry(4), entry(5)] as never,
    activeSegment: 5,
    format: "plain",
    pageSegments: 4,
    pages: new Map(),
  } as const;
  const all = [0, 1, 2, 3, 4, 5] as const;

  test.each([
    ["that it names", {}, [0, 2] as const, true],
    ["that it does not name", {}, [0, 1] as const, false],
    ["that it announces", { replacing: 1 }, [1, 2] as const, true],
    ["of another number than it announces", { replacing: 2 }, [1, 2] as const, false],
    ["over the end of a page", { replacing: 3 }, [3, 4] as const, false],
    ["of the last number", { replacing: 4 }, [4, 5] as const, false],
  ])("a merged segment beside all others %s", (_, fields, [first, last], isBelieved) => {
    const { segments } = believedSegments(named(...all, [first, last]), "plain", { ...manifest, ...fields });
    expect(shown(segments).includes(segmentName({ number: first, last }))).toBe(isBelieved);
  });
});
