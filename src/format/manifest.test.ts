/** The manifest: its text written out, and everything that is not one. */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { text } from "../../e2e/by-hand.ts";
import { type Manifest, parseManifest, parsePage, serializeManifest, serializePage } from "./manifest.ts";

const MANIFEST: Manifest = {
  segments: [
    { number: 0, firstOffset: 0, nextOffset: 8, bytes: 520 },
    { number: 1, firstOffset: 8, nextOffset: 8, bytes: 0 },
  ],
  activeSegment: 1,
  format: "plain",
  pageSegments: 1000,
};

const TEXT = `{
  "segments": [
    {
      "segment_num": 0,
      "first_offset": 0,
      "next_offset": 8,
      "size_bytes": 520
    },
    {
      "segment_num": 1,
      "first_offset": 8,
      "next_offset": 8,
      "size_bytes": 0
    }
  ],
  "active_segment": 1,
  "format": "plain"
}
`;

const parsed = (content: string): Manifest | undefined => parseManifest(text(content));

/** A manifest's text from segments given as `[segment_num, first_offset, next_offset]`. */
const withSegments = (active: unknown, ...segments: readonly unknown[][]): string =>
  JSON.stringify({
    segments: segments.map(([segment_num, first_offset, next_offset]) => ({
      segment_num,
      first_offset,
      next_offset,
      size_bytes: 100,
    })),
    active_segment: active,
    format: "plain",
  });

test("a manifest has Kimberlite's field names, byte for byte", () => {
  expect(serializeManifest(MANIFEST).toString()).toBe(TEXT);
  expect(parsed(TEXT)).toStrictEqual(MANIFEST);
});

test("FORMAT.md's example is read, its layout does not matter", () => {
  const example = `{
    "segments": [
      { "segment_num": 0, "first_offset": 0, "next_offset": 8, "size_bytes": 520 },
      { "segment_num": 1, "first_offset": 8, "next_offset": 8, "size_bytes": 0 }
    ],
    "active_segment": 1,
    "format": "plain"
  }`;
  expect(parsed(example)).toStrictEqual(MANIFEST);
});

test("one that Kimberlite wrote has no format", () => {
  expect(parsed(TEXT.replace('"format"', '"layout"'))).toStrictEqual({ ...MANIFEST, format: undefined });
});

test("the format sentinel is said by its name", () => {
  const sentinel = TEXT.replace("plain", "sentinel");
  expect(serializeManifest({ ...MANIFEST, format: "sentinel" }).toString()).toBe(sentinel);
  expect(parsed(sentinel)).toStrictEqual({ ...MANIFEST, format: "sentinel" });
});

test("fields that are not known are ignored", () => {
  expect(parsed(TEXT.replace('"format"', '"note": {"a": [1]}, "format"'))).toStrictEqual(MANIFEST);
});

const formats = fc.constantFrom<Manifest["format"]>("plain", "sentinel", undefined);

test.prop([fc.array(fc.tuple(fc.nat(1000), fc.maxSafeNat()), { minLength: 1, maxLength: 8 }), formats])(
  "what was written is read",
  (sizes, format) => {
    let firstOffset = 0;
    const segments = sizes.map(([count, bytes], number) => {
      const segment = { number, firstOffset, nextOffset: firstOffset + count, bytes };
      firstOffset += count;
      return segment;
    });
    const manifest: Manifest = { segments, activeSegment: segments.length - 1, format, pageSegments: 1000 };
    expect(parseManifest(serializeManifest(manifest))).toStrictEqual(manifest);
  },
);

test("a page that names fewer segments than it is about is none", () => {
  const page = serializePage(MANIFEST.segments);
  expect(parsePage(page, 0, 2)).toStrictEqual(MANIFEST.segments);
  expect(parsePage(page, 0, 3)).toBeUndefined();
});

describe("is no manifest", () => {
  test.each([
    ["nothing", ""],
    ["zeros", "\0".repeat(200)],
    ["half of one", TEXT.slice(0, 100)],
    ["two of them", TEXT + TEXT],
    ["another type", "[]"],
    ["null", "null"],
    ["no segments", withSegments(0)],
    ["no field `segments`", TEXT.replace('"segments"', '"segment"')],
    ["no field `active_segment`", TEXT.replace('"active_segment"', '"active"')],
    ["no field `size_bytes`", TEXT.replace('"size_bytes"', '"size"')],
    ["a format that is not known", TEXT.replace("plain", "plaim")],
    ["a format that is no text", TEXT.replace('"plain"', "1")],
    ["no format where there is to be one", TEXT.replace('"plain"', "null")],
    ["a fraction", TEXT.replace("520", "520.5")],
    ["a negative number", TEXT.replace("520", "-520")],
    ["a number beyond 2^53", TEXT.replace("520", "9007199254740993")],
    ["a number as text", TEXT.replace("520", '"520"')],
    ["a first segment that is not 0", withSegments(1, [1, 0, 8])],
    ["a gap in the numbers", withSegments(2, [0, 0, 8], [2, 8, 9])],
    ["segments out of order", withSegments(1, [1, 0, 8], [0, 8, 9])],
    ["a segment twice", withSegments(1, [0, 0, 8], [0, 8, 9])],
    ["a first offset that is not 0", withSegments(0, [0, 1, 8])],
    ["a gap in the offsets", withSegments(1, [0, 0, 8], [1, 9, 9])],
    ["overlapping offsets", withSegments(1, [0, 0, 8], [1, 7, 9])],
    ["a segment that ends before it begins", withSegments(1, [0, 0, 8], [1, 8, 7])],
    ["an active segment that is not the last", withSegments(0, [0, 0, 8], [1, 8, 8])],
    ["an active segment that is not there", withSegments(2, [0, 0, 8], [1, 8, 8])],
  ])("%s", (_, content) => {
    expect(parsed(content)).toBeUndefined();
  });

  /** A manifest of a merged segment, which ends with this number, and of the last one. */
  const withMerged = (last: number, fields: object = {}): string =>
    JSON.stringify({
      segments: [
        { segment_num: 0, last_segment_num: last, first_offset: 0, next_offset: 8, size_bytes: 100 },
        { segment_num: last + 1, first_offset: 8, next_offset: 8, size_bytes: 0 },
      ],
      active_segment: last + 1,
      format: "plain",
      page_segments: 2000,
      ...fields,
    });

  test.each([
    ["a merged segment of one number", withMerged(0)],
    ["a merged segment of too many numbers", withMerged(1000)],
    ["a merged segment that reaches over the end of a page", withMerged(2, { page_segments: 2 })],
    ["a merged segment of the format sentinel", withMerged(2, { format: "sentinel" })],
    ["a merged segment that is the last one", withMerged(2, { active_segment: 2 })],
  ])("%s", (_, content) => {
    expect(parsed(content)).toBeUndefined();
    expect(parsed(withMerged(999))?.segments[0]?.last).toBe(999);
  });

  test("any strict prefix that ends before the last brace", () => {
    for (let length = 0; length < TEXT.length - 2; length += 1) {
      expect(parsed(TEXT.slice(0, length))).toBeUndefined();
    }
  });

  test.prop([fc.uint8Array({ maxLength: 100 })])("any bytes, without an exception", (bytes) => {
    expect(parseManifest(bytes)).toBeUndefined();
  });

  test.prop([fc.json()])("any JSON, without an exception", (json) => {
    expect(parsed(json)).toBeUndefined();
  });
});
