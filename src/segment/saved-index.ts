/**
 * The saved index files of a segment that will not be appended to again, and of one that will.
 *
 * Beside a `sentinel` segment there may be two: this package's own, and Kimberlite's, which says less, proves
 * nothing and is taken literally by Kimberlite (docs/FORMAT.md, section 8.3). Here it is written for a
 * segment that is full; `kimberlite-index.ts` deals with the last one's.
 * @module
 */
import type { Disk } from "../disk/disk.ts";
import { indexName, kimberliteIndexName } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import { indexWordsOf, type SegmentInfo } from "../format/manifest.ts";
import { readHint, replaceFile } from "../disk/obstacles.ts";
import { indexBytes, OffsetIndex } from "../format/offset-index.ts";
import type { Format } from "../types.ts";

/** Where a stream's files are and how they are named. */
export interface StreamFiles {
  readonly disk: Disk;
  /** Path of the stream's directory. */
  readonly path: string;
  readonly format: Format;
}

/**
 * Saves the index of a segment; the name is durable after the caller's `syncDirectory`. @throws StorageError
 * `io`
 */
export async function saveIndex(
  { disk, path, format }: StreamFiles,
  segment: SegmentNumbers,
  index: OffsetIndex,
): Promise<void> {
  await replaceFile(disk, `${path}/${indexName(segment, format)}`, index.serialize());
}

/**
 * Saves the index of a segment that has all its records, for Kimberlite as well where it may read them.
 * @throws StorageError `io`
 */
export async function saveSealedIndex(
  files: StreamFiles,
  segment: SegmentNumbers,
  index: OffsetIndex,
): Promise<void> {
  await saveIndex(files, segment, index);
  if (files.format === "plain") return;
  const path = `${files.path}/${kimberliteIndexName(segment)}`;
  await replaceFile(files.disk, path, index.serializePositions());
}

/** The saved index of a sealed segment; an empty one where there is none to be read. */
export async function loadSealedIndex(files: StreamFiles, segment: SegmentInfo): Promise<OffsetIndex> {
  const count = segment.nextOffset - segment.firstOffset;
  const words = indexWordsOf(segment);
  const own = await parsed(files, indexName(segment, files.format), words, (bytes) =>
    OffsetIndex.parse(bytes),
  );
  if (own !== undefined || files.format === "plain") return own ?? new OffsetIndex();
  const theirs = await parsed(files, kimberliteIndexName(segment), count, (bytes) =>
    OffsetIndex.parsePositions(bytes, count, segment.bytes),
  );
  return theirs ?? new OffsetIndex();
}

async function parsed(
  { disk, path }: StreamFiles,
  name: string,
  words: number,
  parse: (bytes: Buffer) => OffsetIndex | undefined,
): Promise<OffsetIndex | undefined> {
  try {
    const bytes = await readHint(disk, `${path}/${name}`, indexBytes(words));
    return bytes === undefined ? undefined : parse(bytes);
  } catch {
    return undefined;
  }
}
