/**
 * Putting a sealed segment that was written anew in the place of the old one (docs/FORMAT.md, section 9).
 *
 * Invariants: no index file is ever beside a segment that it was not made for; renaming commits; what a crash
 * leaves before that is the old segment, after it the new one, and the manifest says that either may be
 * there.
 * @module
 */
import { indexLogName, indexName, io, segmentName, syncNames } from "../disk/files.ts";
import { removeIfFile } from "../disk/obstacles.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import type { RewrittenSegment } from "../segment/rewrite-segment.ts";
import { saveIndex, type StreamFiles } from "../segment/saved-index.ts";
import type { ManifestFiles } from "./manifest-files.ts";
import { emptySegment } from "./start-segment.ts";

/** What of an open stream a replacement is about. */
export interface Replaceable {
  readonly manifest: ManifestFiles;
  readonly sealed: SegmentInfo[];
  readonly active: { readonly number: number; readonly firstOffset: number };
}

/**
 * Announces the replacement of a segment, and removes the index of the old one, durably. If that fails, the
 * stream is as it was.
 *
 * @throws StorageError `io`
 */
export async function beginReplacement(
  { disk, path, format }: StreamFiles,
  { manifest, sealed, active }: Replaceable,
  number: number,
): Promise<void> {
  manifest.beginReplacing(number);
  await manifest.replace(sealed, emptySegment(active.number, active.firstOffset));
  for (const name of [indexName(number, format), indexLogName(number, format)])
    await removeIfFile(disk, `${path}/${name}`);
  await syncNames(disk, path);
}

/**
 * Gives the new segment its name, and then saves what is beside it. If that fails, it is not known which of
 * the two the disk holds.
 *
 * @param isNamed called when the new segment has its name, durably
 * @throws StorageError `io`
 */
export async function commitReplacement(
  files: StreamFiles,
  { manifest, sealed, active }: Replaceable,
  { path: temporary, info, index }: RewrittenSegment,
  isNamed: () => void,
): Promise<void> {
  const { disk, path } = files;
  const { number } = info;
  const segment = `${path}/${segmentName(number)}`;
  await io("renaming a file", { file: temporary }, () => disk.rename(temporary, segment));
  await syncNames(disk, path);
  sealed[number] = info;
  isNamed();
  await saveIndex(files, number, index);
  await syncNames(disk, path);
  manifest.endReplacing(number);
  await manifest.replace(sealed, emptySegment(active.number, active.firstOffset));
}
