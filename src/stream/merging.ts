/**
 * Which sealed segments compaction makes one.
 *
 * Segments that follow each other, in their order, as many as fit: so each group begins where the one before
 * ends. What they will have is estimated by their indexes, for they are not written yet: wrong indexes make
 * groups larger or smaller, never wrong.
 * @module
 */
import { refuseIfAborted } from "../aborted.ts";
import { countOf, lastNumber } from "../segment-numbers.ts";
import { MERGED_MAX } from "../limits.ts";
import { elementAt } from "../element-at.ts";
import { isInOnePage, type SegmentInfo } from "../format/manifest.ts";
import { REDACTED_PAYLOAD_BYTES } from "../format/redaction.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import type { OffsetRange, OffsetRanges } from "../format/offset-ranges.ts";
import type { Segments } from "../segment/rewrite-segment.ts";
import type { ReadSource } from "./read.ts";

/** How segments are merged. */
export interface Merging {
  /** How many segments there must be at least for one to take their place. */
  readonly minSegments: number;
  /** How many bytes one that takes the place of several has at most. */
  readonly mergeThresholdBytes: number;
}

/**
 * Segments in groups, in order; one that is not merged is a group alone.
 *
 * @param sealed in order
 * @param pageSegments how many numbers of segments a page of the manifest is about: none is merged across its
 *   end
 * @throws StorageError `io`
 */
export async function groupsOf(
  source: ReadSource,
  sealed: readonly SegmentInfo[],
  hidden: OffsetRanges,
  pageSegments: number,
  { minSegments, mergeThresholdBytes }: Merging,
  signal: AbortSignal | undefined,
): Promise<Segments[]> {
  const redactedBytes = source.context.format.overheadBytes + REDACTED_PAYLOAD_BYTES;
  const groups: Segments[] = [];
  const kept: number[] = [];
  for (const segment of mergeThresholdBytes > 0 ? sealed : []) {
    refuseIfAborted(signal);
    kept.push(await bytesKept(source, segment, hidden));
  }
  for (let next = 0; next < sealed.length;) {
    const first = elementAt(sealed, next);
    const others: SegmentInfo[] = [];
    let bytes = kept[next] ?? Infinity;
    for (let i = next + 1; i < sealed.length; i += 1) {
      const segment = elementAt(sealed, i);
      const merged = { number: first.number, last: lastNumber(segment) };
      if (!isInOnePage(merged, pageSegments) || countOf(merged) > MERGED_MAX) break;
      bytes += kept[i] ?? Infinity;
      const runs = hidden.countWithin({ from: first.firstOffset, to: segment.nextOffset });
      if (bytes + runs * redactedBytes > mergeThresholdBytes) break;
      others.push(segment);
    }
    const isGroup = others.length > 0 && others.length + 1 >= minSegments;
    groups.push(isGroup ? [first, ...others] : [first]);
    next += isGroup ? others.length + 1 : 1;
  }
  return groups;
}

/** How many bytes a segment has but for its hidden records. */
async function bytesKept(source: ReadSource, segment: SegmentInfo, hidden: OffsetRanges): Promise<number> {
  const { firstOffset, nextOffset, bytes } = segment;
  const ranges = hidden.within({ from: firstOffset, to: nextOffset });
  if (ranges.length === 0) return bytes;
  const index = await source.index(segment);
  if (index.places !== nextOffset - firstOffset || index.end !== bytes) return bytes;
  return ranges.reduce((left, range) => left - bytesOf(index, range, firstOffset), bytes);
}

/** How many bytes the records of these offsets have. */
function bytesOf(index: OffsetIndex, { from, to }: OffsetRange, firstOffset: number): number {
  const start = index.position(index.ordinalOf(from - firstOffset));
  return index.endOf(index.ordinalOf(to - 1 - firstOffset)) - start;
}
