/**
 * The hidden records of a stream: data records that tombstones name and that are still there. Compaction
 * would erase them.
 *
 * Promises: nothing is written, no lock is taken. Does not promise: to see what cannot be read; a damaged
 * tombstone hides nothing here. Memory: O(ranges that tombstones name).
 * @module
 */
import { CodecRegistry, type Disk } from "../src/index.ts";
import { io, withFile } from "../src/disk/files.ts";
import { segmentName } from "../src/disk/names.ts";
import type { SegmentNumbers } from "../src/segment-numbers.ts";
import { formatNamed } from "../src/format/formats.ts";
import { OffsetRanges, rangeOf } from "../src/format/offset-ranges.ts";
import { deserializeTombstonePayload } from "../src/format/tombstone.ts";
import { offsetsIn } from "../src/stream/manifest-files.ts";
import { ErasureWatch } from "./erasures.ts";
import { type Gap, readSegment, type Witness } from "./first-reader.ts";
import type { Outline } from "./outline.ts";

/** A segment with hidden records. */
export interface HiddenInSegment extends SegmentNumbers {
  readonly file: string;
  /** How many hidden records it has. */
  readonly records: number;
  /** The first place in it that cannot be read: compaction ends there. */
  readonly damage: Gap | undefined;
}

const CHUNK_BYTES = 1 << 20;

/**
 * The offsets that the tombstones of a stream name; none in a format whose tombstones hide nothing.
 *
 * @param progress is told before each segment how many were read
 * @throws StorageError `io`
 */
export async function namedOffsets(
  disk: Disk,
  outline: Outline,
  progress: (segments: number) => void = () => undefined,
): Promise<OffsetRanges> {
  if (!formatNamed(outline.format).hidesRecords) return OffsetRanges.none;
  const watch = new ErasureWatch();
  for (const [i, segment] of outline.segments.entries()) {
    progress(i);
    await walk(disk, outline, segment, {
      record({ kind, payload }) {
        if (kind !== "tombstone") return;
        watch.tombstone(rangeOf(deserializeTombstonePayload(payload)));
      },
    });
  }
  return OffsetRanges.none.with(watch.seen().named);
}

/**
 * The segments in which there are hidden records, in order.
 *
 * @param named what tombstones name
 * @param progress is told before each segment how many were read
 * @throws StorageError `io`
 */
export async function hiddenRecords(
  disk: Disk,
  outline: Outline,
  named: OffsetRanges,
  progress: (segments: number) => void = () => undefined,
): Promise<HiddenInSegment[]> {
  const found: HiddenInSegment[] = [];
  if (named.size === 0) return found;
  for (const [i, segment] of outline.segments.entries()) {
    progress(i);
    let records = 0;
    let damage: Gap | undefined;
    await walk(disk, outline, segment, {
      record({ kind, offset }) {
        if (kind === "data" && named.has(offset)) records += 1;
      },
      gap(gap) {
        damage ??= gap;
      },
    });
    const file = `${outline.path}/${segmentName(segment)}`;
    if (records > 0) found.push({ ...segment, file, records, damage });
  }
  return found;
}

/** Reads one segment. */
async function walk(disk: Disk, outline: Outline, segment: SegmentNumbers, witness: Witness): Promise<void> {
  const path = `${outline.path}/${segmentName(segment)}`;
  const format = formatNamed(outline.format);
  const codecs = format.codecs(new CodecRegistry());
  const said = outline.manifest && offsetsIn(outline.manifest, segment);
  await withFile(disk, path, async (file) => {
    const end = await io("asking for a file's size", { file: path }, () => file.size());
    const region = { format, file, path, end, codecs, chunkBytes: CHUNK_BYTES };
    await readSegment(region, said?.firstOffset ?? 0, witness, said?.nextOffset);
  });
}
