/**
 * The per-stream manifest: which segments there are, for a fast start and as evidence of a missing one.
 *
 * A hint: the segment files are the log, and a manifest that is missing or unreadable is rebuilt from them.
 * Field names are Kimberlite's (docs/FORMAT.md, section 7); unknown fields are ignored.
 *
 * It has two parts, so that replacing it costs the same however many segments there are: `manifest.json`,
 * which names the last ones, and pages, each of which names the same number of segments and is not replaced
 * again. `manifest-files.ts` reads and writes them.
 * @module
 */
import * as z from "zod/mini";
import { countOf, lastNumber, sameNumbers, type SegmentNumbers } from "../segment-numbers.ts";
import { MERGED_MAX } from "../limits.ts";
import type { Format } from "../types.ts";

/** What the manifest says of a segment. Exact for every segment but the active one. */
export interface SegmentInfo extends SegmentNumbers {
  /** Offset of its first record. */
  readonly firstOffset: number;
  /** One more than the offset of its last record. */
  readonly nextOffset: number;
  readonly bytes: number;
  /** How many words its saved index has, if it is not one for each offset. */
  readonly indexWords?: number | undefined;
}

/** Whether two entries of one segment's number say the same. */
export function sameSegment(a: SegmentInfo, b: SegmentInfo | undefined): boolean {
  return (
    b !== undefined &&
    sameNumbers(a, b) &&
    b.firstOffset === a.firstOffset &&
    b.nextOffset === a.nextOffset &&
    b.bytes === a.bytes &&
    indexWordsOf(a) === indexWordsOf(b)
  );
}

/** A segment whose saved index has so many words. */
export function withIndexWords(info: SegmentInfo, indexWords: number): SegmentInfo {
  const { number, last, firstOffset, nextOffset, bytes } = info;
  const known = { number, ...(last === undefined ? {} : { last }), firstOffset, nextOffset, bytes };
  return indexWords === nextOffset - firstOffset ? known : { ...known, indexWords };
}

/** How many words the saved index of a sealed segment has. */
export function indexWordsOf({ firstOffset, nextOffset, indexWords }: SegmentInfo): number {
  return indexWords ?? nextOffset - firstOffset;
}

/** What `manifest.json` says. */
export interface Manifest {
  /** The segments after those of the pages; at least one. */
  readonly segments: readonly SegmentInfo[];
  /** Number of the segment that appends go to: the last one. */
  readonly activeSegment: number;
  /**
   * The stream's format; missing in a manifest that Kimberlite wrote. There the active segment's entry says
   * what that held at the last append, and that segment need not be there while it is empty.
   */
  readonly format: Format | undefined;
  /** How many segments a page of this stream names. */
  readonly pageSegments: number;
  /** Number of the sealed segment that compaction is replacing, if it is replacing one. */
  readonly replacing?: number | undefined;
}

/** How many segments a page names if the manifest does not say it. */
export const PAGE_SEGMENTS = 1000;

const count = z.int().check(z.nonnegative());

const segmentsSchema = z.array(
  z.object({
    segment_num: count,
    last_segment_num: z.optional(count),
    first_offset: count,
    next_offset: count,
    size_bytes: count,
    index_words: z.optional(count),
  }),
);

const schema = z.object({
  segments: segmentsSchema,
  active_segment: count,
  format: z.optional(z.enum(["plain", "sentinel"])),
  page_segments: z.optional(z.int().check(z.positive())),
  replacing: z.optional(count),
});

const pageSchema = z.object({ segments: segmentsSchema });

/**
 * Bytes that a manifest, or a page, has at most, of a stream of which so many segments are there. One may
 * name many more, and is evidence then; but not any number.
 */
export function manifestBytesMax(segments: number): number {
  return 2 ** 24 + 256 * segments;
}

/** The bytes of `manifest.json`. */
export function serializeManifest(manifest: Manifest): Buffer {
  const { activeSegment, format, pageSegments, replacing } = manifest;
  return jsonBytes({
    segments: manifest.segments.map(entryOf),
    active_segment: activeSegment,
    format,
    page_segments: pageSegments === PAGE_SEGMENTS ? undefined : pageSegments,
    replacing,
  });
}

/** The bytes of a page. */
export function serializePage(segments: readonly SegmentInfo[]): Buffer {
  return jsonBytes({ segments: segments.map(entryOf) });
}

/**
 * The manifest in these bytes, or `undefined` if they are not one, or one that contradicts itself: segments
 * are numbered without gaps, from 0 or, in the format `plain`, from a multiple of the segments to a page;
 * one that was merged has several numbers, all in one page; each begins at the offset where the one before
 * ends, the first of all at 0; and the active one is the last.
 */
export function parseManifest(bytes: Uint8Array): Manifest | undefined {
  const parsed = schema.safeParse(jsonIn(bytes));
  if (!parsed.success) return undefined;
  const { active_segment: activeSegment, format, replacing } = parsed.data;
  const { page_segments: pageSegments = PAGE_SEGMENTS } = parsed.data;
  const segments = parsed.data.segments.map(infoOf);
  const [first] = segments;
  if (first === undefined || segments.at(-1)?.number !== activeSegment) return undefined;
  if (first.number > 0 && (format !== "plain" || first.number % pageSegments !== 0)) return undefined;
  if (!isRun(segments, first.number, activeSegment, pageSegments)) return undefined;
  if (format !== "plain" && segments.some(({ last }) => last !== undefined)) return undefined;
  const manifest = { segments, activeSegment, format, pageSegments };
  return replacing === undefined ? manifest : { ...manifest, replacing };
}

/**
 * The segments in the bytes of a page, or `undefined` if that is not this page of so many segments, or
 * contradicts itself.
 */
export function parsePage(
  bytes: Uint8Array,
  page: number,
  pageSegments: number,
): readonly SegmentInfo[] | undefined {
  const parsed = pageSchema.safeParse(jsonIn(bytes));
  if (!parsed.success) return undefined;
  const segments = parsed.data.segments.map(infoOf);
  const first = page * pageSegments;
  return isRun(segments, first, first + pageSegments - 1, pageSegments) ? segments : undefined;
}

/**
 * Whether segments have the numbers from `first` to `last`, no page ends within one of them, and each begins
 * where the one before ends.
 */
function isRun(segments: readonly SegmentInfo[], first: number, last: number, pageSegments: number): boolean {
  let number = first;
  let offset = first === 0 ? 0 : segments[0]?.firstOffset;
  for (const segment of segments) {
    if (segment.number !== number || segment.firstOffset !== offset || segment.nextOffset < offset)
      return false;
    const count = countOf(segment);
    if (segment.last !== undefined && (count < 2 || count > MERGED_MAX)) return false;
    if (!isInOnePage(segment, pageSegments)) return false;
    number += count;
    offset = segment.nextOffset;
  }
  return number === last + 1;
}

/** Whether all numbers of a segment are those of one page, or of none: a page never ends within a segment. */
export const isInOnePage = (segment: SegmentNumbers, pageSegments: number): boolean =>
  Math.floor(segment.number / pageSegments) === Math.floor(lastNumber(segment) / pageSegments);

type Entry = z.infer<typeof segmentsSchema>[number];

function entryOf(info: SegmentInfo): Entry {
  const { number, firstOffset, nextOffset, bytes, indexWords } = info;
  const last = lastNumber(info);
  return {
    segment_num: number,
    last_segment_num: last === number ? undefined : last,
    first_offset: firstOffset,
    next_offset: nextOffset,
    size_bytes: bytes,
    index_words: indexWords,
  };
}

function infoOf(entry: Entry): SegmentInfo {
  return {
    number: entry.segment_num,
    ...(entry.last_segment_num === undefined ? {} : { last: entry.last_segment_num }),
    firstOffset: entry.first_offset,
    nextOffset: entry.next_offset,
    bytes: entry.size_bytes,
    ...(entry.index_words === undefined ? {} : { indexWords: entry.index_words }),
  };
}

function jsonBytes(json: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`);
}

/** What these bytes say as JSON; nothing if they are none, as no JSON says. */
function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
