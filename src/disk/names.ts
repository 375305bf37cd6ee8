/**
 * File names of a stream's directory (docs/FORMAT.md, section 1).
 * @module
 */
import { MERGED_MAX } from "../limits.ts";
import { countOf, lastNumber, type SegmentNumbers } from "../segment-numbers.ts";
import type { Format } from "../types.ts";

export const MANIFEST_NAME = "manifest.json";
export const QUARANTINE_NAME = "quarantine";
export const LOCK_NAME = "LOCK";

const TEMPORARY = ".tmp";
const SEGMENT_PATTERN = /^segment_(\d{6,15})(?:-(\d{6,15}))?\.log$/;
const INDEX_PATTERN = /^(segment_[\d-]+\.log)\.idx2?(\.wal)?$/;
const PAGE_PATTERN = /^manifest-(\d{6,15})\.json$/;

const digits = (number: number): string => String(number).padStart(6, "0");

/**
 * `segment_000000.log`, and so on; at least six digits. One that takes the place of several is called
 * `segment_000003-000005.log`.
 */
export function segmentName(segment: SegmentNumbers): string {
  const { number } = segment;
  const last = lastNumber(segment);
  return `segment_${digits(number)}${last === number ? "" : `-${digits(last)}`}.log`;
}

/**
 * The saved index. Beside `sentinel` segments it has a name that Kimberlite does not look at, for its own
 * `.idx` is another file.
 */
export function indexName(segment: SegmentNumbers, format: Format): string {
  return `${segmentName(segment)}.${format === "plain" ? "idx" : "idx2"}`;
}

/** The index's write-ahead file. */
export function indexLogName(segment: SegmentNumbers, format: Format): string {
  return `${indexName(segment, format)}.wal`;
}

/** The index that Kimberlite reads. */
export function kimberliteIndexName(segment: SegmentNumbers): string {
  return `${segmentName(segment)}.idx`;
}

/** The write-ahead file of the index that Kimberlite reads. */
export function kimberliteIndexLogName(segment: SegmentNumbers): string {
  return `${kimberliteIndexName(segment)}.wal`;
}

/** The segment with this file name, or `undefined` if it is not exactly one that `segmentName` gives. */
export function segmentNumbers(name: string): SegmentNumbers | undefined {
  const [, first, last] = SEGMENT_PATTERN.exec(name) ?? [];
  if (first === undefined) return undefined;
  const number = Number(first);
  const segment = last === undefined ? { number } : { number, last: Number(last) };
  const count = countOf(segment);
  return segmentName(segment) === name && count >= 1 && count <= MERGED_MAX ? segment : undefined;
}

/** The segment that a file is named as an index file of, if it is. */
export function indexedSegment(
  name: string,
): { readonly segment: SegmentNumbers; readonly isLog: boolean } | undefined {
  const [, base, log] = INDEX_PATTERN.exec(name) ?? [];
  const segment = base === undefined ? undefined : segmentNumbers(base);
  return segment === undefined ? undefined : { segment, isLog: log !== undefined };
}

/** The segments that file names tell of. */
export interface NamedSegments {
  /** Those that are read, in order. */
  readonly segments: readonly SegmentNumbers[];
  /** Those whose place one of them takes: leftovers of compaction. */
  readonly replaced: readonly SegmentNumbers[];
}

/** The segments that these names tell of, in order, and behind them the merged ones. */
export function segmentsAmong(names: Iterable<string>): SegmentNumbers[] {
  const all = [...names].map(segmentNumbers).filter((segment) => segment !== undefined);
  const isMerged = ({ last }: SegmentNumbers): number => (last === undefined ? 0 : 1);
  return all.sort((a, b) => isMerged(a) - isMerged(b) || a.number - b.number);
}

/**
 * Segments in order, those apart whose place another one takes. One that fits in neither list is none that
 * compaction makes.
 */
export function inOrder(all: readonly SegmentNumbers[]): NamedSegments {
  const segments: SegmentNumbers[] = [];
  const replaced: SegmentNumbers[] = [];
  let end = -1;
  for (const segment of all.toSorted((a, b) => a.number - b.number || lastNumber(b) - lastNumber(a))) {
    if (segment.number > end) {
      segments.push(segment);
      end = lastNumber(segment);
    } else if (lastNumber(segment) <= end) {
      replaced.push(segment);
    }
  }
  return { segments, replaced };
}

/** Where a file is written that is not finished yet, or is to replace the one of this name. */
export function temporaryName(name: string): string {
  return `${name}${TEMPORARY}`;
}

/** Whether a file is named as a segment is that compaction has not finished. */
export function isUnfinishedSegment(name: string): boolean {
  return name.endsWith(TEMPORARY) && segmentNumbers(name.slice(0, -TEMPORARY.length)) !== undefined;
}

/** A page of the manifest: `manifest-000000.json`, and so on; at least six digits. */
export function pageName(number: number): string {
  return `manifest-${digits(number)}.json`;
}

/**
 * The number of the page with this file name, or `undefined` if it is not exactly one that `pageName` gives.
 */
export function pageNumber(name: string): number | undefined {
  const found = PAGE_PATTERN.exec(name)?.[1];
  if (found === undefined) return undefined;
  const number = Number(found);
  return pageName(number) === name ? number : undefined;
}
