/**
 * Which data records of a stream are hidden by its tombstones.
 *
 * Tombstones are found by the kinds in the index of each segment, newest segment first and no further back
 * than a read needs: what hides a record comes after it. A sealed segment's index is believed if it covers
 * exactly the segment and its chain hash is the one that the next record carries; otherwise the segment is
 * scanned. What a tombstone says is read from the log.
 *
 * Not promised: where a tombstone is damaged and no index file names it any more, what it hid is shown again.
 * Recovery reports the damaged record.
 * @module
 */
import { segmentName } from "../disk/names.ts";
import { ifReadable } from "../disk/obstacles.ts";
import { elementAt } from "../element-at.ts";
import { StorageError } from "../error.ts";
import { genesisHash, sameHash } from "../format/chain.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import { OffsetIndex } from "../format/offset-index.ts";
import { deserializeTombstonePayload, type Tombstone } from "../format/tombstone.ts";
import { OffsetRanges, rangeOf } from "../format/offset-ranges.ts";
import { indexAround } from "../segment/resynchronise.ts";
import { type ReadSource, recordAtOffset } from "./read.ts";

export class HiddenRecords {
  #ranges = OffsetRanges.none;
  /** Of the segments from this place on, every tombstone is taken into account. */
  #knownFrom = Number.POSITIVE_INFINITY;
  #looking: Promise<unknown> = Promise.resolve();

  /** Takes a tombstone that was appended. */
  add(tombstone: Tombstone): void {
    this.#ranges = this.#ranges.with([rangeOf(tombstone)]);
  }

  /**
   * The hidden records from an offset on; others may be missing. The first call takes O(records after it)
   * time; later ones read nothing.
   *
   * @throws StorageError what is wrong with a tombstone, because then it is not known what it hides; `io`
   */
  async from(source: ReadSource, offset: number): Promise<OffsetRanges> {
    if (!source.context.format.hidesRecords) return OffsetRanges.none;
    const looked = this.#looking.then(() => this.#look(source, offset));
    this.#looking = looked.catch(() => undefined);
    await looked;
    return this.#ranges;
  }

  async #look(source: ReadSource, offset: number): Promise<void> {
    const segments = source.segments();
    for (let i = Math.min(this.#knownFrom, segments.length) - 1; i >= 0; i -= 1) {
      const segment = elementAt(segments, i);
      if (segment.nextOffset <= offset) return;
      const tombstones = await tombstonesIn(source, segment);
      if (tombstones.length > 0) this.#ranges = this.#ranges.with(tombstones.map(rangeOf));
      this.#knownFrom = i;
    }
  }
}

/** The tombstones in a segment. @throws StorageError what is wrong with one of them */
export async function tombstonesIn(source: ReadSource, segment: SegmentInfo): Promise<Tombstone[]> {
  const index = await source.index(segment);
  const isBelieved = await isConfirmed(source, segment, index);
  return tombstonesOf(source, segment, isBelieved ? index : await scannedIndex(source, segment));
}

/** Whether an index is that of the whole segment. Damage in the next segment does not make it doubtful. */
async function isConfirmed(
  source: ReadSource,
  { firstOffset, nextOffset, bytes }: SegmentInfo,
  { places, end, head }: OffsetIndex,
): Promise<boolean> {
  if (places !== nextOffset - firstOffset || end !== bytes) return false;
  try {
    const next = await recordAtOffset(source, nextOffset);
    return next === undefined || sameHash(next.prevHash, head);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code === "io") throw error;
    return true;
  }
}

/** The tombstones that an index names and that are there. @throws StorageError what is wrong with one */
async function tombstonesOf(
  source: ReadSource,
  { firstOffset }: SegmentInfo,
  index: OffsetIndex,
): Promise<Tombstone[]> {
  const tombstones: Tombstone[] = [];
  for (const ordinal of index.ordinalsOf("tombstone")) {
    const record = await recordAtOffset(source, firstOffset + index.placeOf(ordinal));
    if (record?.kind === "tombstone") tombstones.push(deserializeTombstonePayload(record.payload));
  }
  return tombstones;
}

/** The index of a segment, made from it, with gaps where records cannot be read. */
async function scannedIndex(source: ReadSource, segment: SegmentInfo): Promise<OffsetIndex> {
  const { disk, path: directory, format, codecs, chunkBytes } = source.context;
  const path = `${directory}/${segmentName(segment)}`;
  const head = segment.firstOffset === 0 ? genesisHash() : undefined;
  const scanned = await ifReadable(disk, path, async (file) => {
    const region = { format, file, path, end: segment.bytes, codecs, chunkBytes };
    return (await indexAround(region, segment.firstOffset, head, segment.nextOffset)).index;
  });
  return scanned ?? new OffsetIndex();
}
