/**
 * Starting a segment: its files first, then the manifest that names it.
 * @module
 */
import { abandon } from "../disk/files.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import { OffsetIndex } from "../format/offset-index.ts";
import { ActiveSegment, createSegmentFiles, type IndexSettings } from "../segment/active-segment.ts";
import { filesOf, type StreamContext } from "../segment/stream-context.ts";
import type { ManifestFiles } from "./manifest-files.ts";

/**
 * Creates a segment and then the manifest that names it: in this order, so that a manifest never names a
 * segment that is not there.
 *
 * @param sealed all segments before it, except `full`: the last one, if it is being sealed now
 * @param before the last one, if it is open
 */
export async function startSegment(
  context: StreamContext,
  manifest: ManifestFiles,
  sealed: readonly SegmentInfo[],
  { number, firstOffset, full = [] }: { number: number; firstOffset: number; full?: readonly SegmentInfo[] },
  settings: IndexSettings,
  before?: ActiveSegment,
): Promise<ActiveSegment> {
  const { file, indexLog } = await createSegmentFiles(filesOf(context), number);
  try {
    // Before anything is appended: a start looks at the segment before an empty one in any case, and at any
    // other only if it is marked.
    await before?.markDamaged();
    await manifest.replace(sealed, ...full, emptySegment(number, firstOffset));
  } catch (error) {
    await abandon(file, indexLog);
    throw error;
  }
  return new ActiveSegment(
    filesOf(context),
    { number, firstOffset, index: new OffsetIndex(), file },
    { file: indexLog, isThere: true, state: { bytes: 0, entries: 0, framed: 0 }, settings },
  );
}

/** What the manifest says of the active segment. */
export function emptySegment(number: number, firstOffset: number): SegmentInfo {
  return { number, firstOffset, nextOffset: firstOffset, bytes: 0 };
}

/** What the manifest says of a segment that holds records up to here. */
export function filledSegment(
  { number, firstOffset }: ActiveSegment,
  nextOffset: number,
  bytes: number,
): SegmentInfo {
  return { number, firstOffset, nextOffset, bytes };
}
