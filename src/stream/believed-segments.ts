/**
 * Which files are a stream's segments, where a merged one is there beside those that it takes the place of.
 *
 * Compaction announces a merged segment in the manifest before it gives it its name. So one that is there
 * beside all of the others, and that the manifest neither names nor announces, is none of compaction's: the
 * others are read, and nothing of them is ever removed for it.
 * @module
 */
import { inOrder, type NamedSegments, segmentsAmong } from "../disk/names.ts";
import type { Manifest } from "../format/manifest.ts";
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
  const merged = all.filter(({ last }) => last !== undefined);
  if (merged.length === 0) return { segments: all, replaced: [] };
  return inOrder(all.filter((segment) => isBelieved(segment, all, manifest)));
}

function isBelieved(
  segment: SegmentNumbers,
  all: readonly SegmentNumbers[],
  manifest: PagedManifest | undefined,
): boolean {
  if (segment.last === undefined) return true;
  // The last segment of all was never merged.
  const last = all.findLast((other) => other.last === undefined)?.number ?? -1;
  const isBeyond = lastNumber(segment) >= Math.max(manifest?.activeSegment ?? -1, last);
  if (isBeyond && (manifest !== undefined || last >= segment.number)) return false;
  if (manifest !== undefined) {
    if (!isInOnePage(segment, manifest)) return false;
    if (segmentIn(manifest, segment) !== undefined || manifest.replacing === segment.number) return true;
  }
  return !isCovered(segment, all);
}

/** Whether one page of the manifest names all numbers of a merged segment. */
function isInOnePage(segment: SegmentNumbers, { pageSegments }: Manifest): boolean {
  return Math.floor(lastNumber(segment) / pageSegments) === Math.floor(segment.number / pageSegments);
}

/** Whether others have all numbers of a merged segment. */
export function isCovered(segment: SegmentNumbers, all: readonly SegmentNumbers[]): boolean {
  const inside = all.filter((other) => other !== segment && other.number >= segment.number);
  let next = segment.number;
  for (const other of inside.sort((a, b) => a.number - b.number)) {
    if (other.number > next || lastNumber(other) > lastNumber(segment)) break;
    next = Math.max(next, lastNumber(other) + 1);
  }
  return next > lastNumber(segment);
}
