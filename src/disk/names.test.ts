/** File names of a stream's directory. */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  indexedSegment,
  inOrder,
  indexLogName,
  indexName,
  kimberliteIndexLogName,
  kimberliteIndexName,
  pageName,
  pageNumber,
  segmentName,
  segmentNumbers,
  segmentsAmong,
} from "./names.ts";
import { lastNumber, type SegmentNumbers } from "../segment-numbers.ts";
import { MERGED_MAX } from "../limits.ts";

describe("the files of a segment", () => {
  test.each([
    [0, "segment_000000.log"],
    [7, "segment_000007.log"],
    [999_999, "segment_999999.log"],
    [1_000_000, "segment_1000000.log"],
    [123_456_789_012_345, "segment_123456789012345.log"],
  ])("number %i", (number, name) => {
    const segment = { number };
    expect(segmentName(segment)).toBe(name);
    expect(segmentNumbers(name)).toStrictEqual(segment);
    expect(indexName(segment, "plain")).toBe(`${name}.idx`);
    expect(indexLogName(segment, "plain")).toBe(`${name}.idx.wal`);
    expect(indexName(segment, "sentinel")).toBe(`${name}.idx2`);
    expect(indexLogName(segment, "sentinel")).toBe(`${name}.idx2.wal`);
    expect(kimberliteIndexName(segment)).toBe(`${name}.idx`);
    expect(kimberliteIndexLogName(segment)).toBe(`${name}.idx.wal`);
  });

  test.prop([fc.nat({ max: 10 ** 15 - 1 })])("a name has one number, a number one name", (number) => {
    expect(segmentNumbers(segmentName({ number }))).toStrictEqual({ number });
  });
});

describe("a page of the manifest", () => {
  test.each([
    [0, "manifest-000000.json"],
    [1_000_000, "manifest-1000000.json"],
  ])("number %i", (number, name) => {
    expect(pageName(number)).toBe(name);
    expect(pageNumber(name)).toBe(number);
  });

  test.each(["manifest.json", "manifest-0000001.json", "manifest-000001.json.tmp", "manifest-1.json"])(
    "is not called %j",
    (name) => {
      expect(pageNumber(name)).toBeUndefined();
    },
  );
});

describe("S2 no file name reaches outside: is no segment's", () => {
  test.each([
    "",
    "segment_.log",
    "segment_00000.log",
    "segment_0000000.log",
    "segment_0000001.log",
    "segment_000001.LOG",
    "segment_000001.log.idx",
    "segment_000001.log ",
    " segment_000001.log",
    "segment_000001.log\n",
    "segment_-00001.log",
    "segment_+00001.log",
    "segment_0x0001.log",
    "segment_1e6000.log",
    "segment_١٢٣٤٥٦.log",
    "segment_1000000000000000.log",
    "../segment_000001.log",
    "manifest.json",
  ])("%j", (name) => {
    expect(segmentNumbers(name)).toBeUndefined();
  });
});

describe("the file of a merged segment", () => {
  test.each([
    [3, 5, "segment_000003-000005.log"],
    [999_999, 1_000_000, "segment_999999-1000000.log"],
    [0, MERGED_MAX - 1, "segment_000000-000999.log"],
  ])("numbers %i to %i", (number, last, name) => {
    const segment = { number, last };
    expect(segmentName(segment)).toBe(name);
    expect(segmentNumbers(name)).toStrictEqual(segment);
    expect(lastNumber(segment)).toBe(last);
    expect(indexName(segment, "plain")).toBe(`${name}.idx`);
    expect(indexLogName(segment, "plain")).toBe(`${name}.idx.wal`);
  });

  test.each([
    "segment_000003-000003.log",
    "segment_000005-000003.log",
    "segment_000003-0000005.log",
    "segment_000003-000005-000007.log",
    "segment_000003-.log",
    "segment_000000-001000.log",
    "segment_000000-999999999999999.log",
  ])("is not called %j", (name) => {
    expect(segmentNumbers(name)).toBeUndefined();
  });
});

describe("an index file", () => {
  test.each([
    ["segment_000003.log.idx", { segment: { number: 3 }, isLog: false }],
    ["segment_000003.log.idx2.wal", { segment: { number: 3 }, isLog: true }],
    ["segment_000003-000005.log.idx", { segment: { number: 3, last: 5 }, isLog: false }],
    ["segment_3.log.idx", undefined],
    ["segment_000003.log", undefined],
    ["segment_000003.log.idx3", undefined],
  ])("%s", (name, found) => {
    expect(indexedSegment(name)).toStrictEqual(found);
  });
});

describe("names in a directory", () => {
  test.each<[string, readonly string[], readonly SegmentNumbers[], readonly SegmentNumbers[]]>([
    ["in any order", ["segment_000001.log", "x", "segment_000000.log"], [{ number: 0 }, { number: 1 }], []],
    [
      "one merged and what it was merged from",
      ["segment_000000.log", "segment_000001.log", "segment_000002.log", "segment_000001-000002.log"],
      [{ number: 0 }, { number: 1, last: 2 }],
      [{ number: 1 }, { number: 2 }],
    ],
    [
      "merged again",
      ["segment_000000-000001.log", "segment_000000-000003.log", "segment_000003.log"],
      [{ number: 0, last: 3 }],
      [{ number: 0, last: 1 }, { number: 3 }],
    ],
    [
      "two that overlap, which compaction does not make",
      ["segment_000000-000002.log", "segment_000002-000003.log"],
      [{ number: 0, last: 2 }],
      [],
    ],
  ])("%s", (_, names, segments, replaced) => {
    expect(inOrder(segmentsAmong(names))).toStrictEqual({ segments, replaced });
  });
});
