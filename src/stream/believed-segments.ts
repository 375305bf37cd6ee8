/**
 * Which files are a stream's segments, where a merged one is there beside those that it takes the place of.
 *
 * Compaction announces a merged segment in the manifest before it gives it its name. So one that is there
 * beside all of the others, and that the manifest neither names nor announces, is none of compaction's: the
 * others are read, and nothing of them is ever removed for it.
 * @module
 */
import { inOrder, type NamedSegments, segmentsAmong } from "../disk/names.ts";
import { isInOnePage } from "../format/manifest.ts";
import { lastNumber, type SegmentNumbers } from "../segment-numbers.ts";
import type { Format } from "../types.ts";
import { type PagedManifest, segmentIn } from "./manifest-files.ts";

/**
 * The segments that are read, and those whose place one of them takes.
 *
 * @param names in the stream's directory
 * @param manifest if there is one that can be read
 */
export function believedSegments(
  names: readonly string[],
  format: Format,
  manifest: PagedManifest | undefined,
): NamedSegments {
  const all = segmentsAmong(names).filter(({ last }) => last === undefined || format === "plain");
  const single = all.filter(({ last }) => last === undefined);
  if (single.length === all.length) return { segments: all, replaced: [] };
  const there = byNumber(all);
  // The last segment of all was never merged.
  const lastThere = single.at(-1)?.number ?? -1;
  const isBelieved = (segment: SegmentNumbers): boolean =>
    segment.last === undefined ||
    (isWithinStream(segment, lastThere, manifest) &&
      (isAnnounced(segment, manifest) || !isCovered(segment, there)));
  return inOrder(all.filter(isBelieved));
}

/** Whether a merged segment is where compaction can have put it: before the last one, and in one page. */
function isWithinStream(
  segment: SegmentNumbers,
  lastThere: number,
  manifest: PagedManifest | undefined,
): boolean {
  const last = lastNumber(segment);
  if (manifest === undefined) return last < lastThere || lastThere < segment.number;
  return last < Math.max(manifest.activeSegment, lastThere) && isInOnePage(segment, manifest.pageSegments);
}

/** Whether the manifest names a merged segment, or says that it was about to come. */
function isAnnounced(segment: SegmentNumbers, manifest: PagedManifest | undefined): boolean {
  if (manifest === undefined) return false;
  return manifest.replacing === segment.number || segmentIn(manifest, segment) !== undefined;
}

/** Segments by their first numbers. */
type ByNumber = ReadonlyMap<number, readonly SegmentNumbers[]>;

/** These segments by their first numbers; O(segments) time. */
export function byNumber(segments: readonly SegmentNumbers[]): ByNumber {
  const found = new Map<number, SegmentNumbers[]>();
  for (const segment of segments) {
    const others = found.get(segment.number);
    if (others === undefined) found.set(segment.number, [segment]);
    else others.push(segment);
  }
  return found;
}

/** Whether others have all numbers of a merged segment; O(its numbers) time. */
export function isCovered(segment: SegmentNumbers, there: ByNumber): boolean {
  const last = lastNumber(segment);
  let next = segment.number;
  for (let number = segment.number; number <= next && next <= last; number += 1) {
    for (const other of there.get(number) ?? [])
      if (other !== segment && lastNumber(other) <= last) next = Math.max(next, lastNumber(other) + 1);
  }
  return next > last;
}
