/**
 * Putting a segment that was written anew in the place of the old one, or of several (docs/FORMAT.md, section
 * 9).
 *
 * Invariants: no index file is ever beside a segment that it was not made for; renaming commits; what a crash
 * leaves before that is the old segments, after it the new one, and the manifest says that either may be
 * there. A segment that was merged is removed only after the name of the one in its place is durable.
 * @module
 */
import { io, syncNames } from "../disk/files.ts";
import { indexLogName, indexName, segmentName } from "../disk/names.ts";
import { lastNumber, type SegmentNumbers } from "../segment-numbers.ts";
import { removeIfFile } from "../disk/obstacles.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import type { RewrittenSegment } from "../segment/rewrite-segment.ts";
import { saveIndex, type StreamFiles } from "../segment/saved-index.ts";
import { type ManifestFiles, placeWith } from "./manifest-files.ts";
import { emptySegment } from "./start-segment.ts";

/** What of an open stream a replacement is about. */
export interface Replaceable {
  readonly manifest: ManifestFiles;
  readonly sealed: SegmentInfo[];
  readonly active: { readonly number: number; readonly firstOffset: number };
}

/**
 * Announces the replacement, and removes any index of the new segment's name, durably. If that fails, the
 * stream is as it was.
 *
 * @throws StorageError `io`
 */
export async function beginReplacement(
  files: StreamFiles,
  { manifest, sealed, active }: Replaceable,
  segment: SegmentNumbers,
): Promise<void> {
  manifest.beginReplacing(segment.number);
  await manifest.replace(sealed, emptySegment(active.number, active.firstOffset));
  await removeIndexes(files, segment);
  await syncNames(files.disk, files.path);
}

/**
 * Gives the new segment its name, and then removes what was merged into it and saves what is beside it. If
 * that fails, it is not known what the disk holds.
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
  const name = segmentName(info);
  await io("renaming a file", { file: temporary }, () => disk.rename(temporary, `${path}/${name}`));
  await syncNames(disk, path);
  const first = placeWith(sealed, info.number);
  const replaced = sealed.splice(first, placeWith(sealed, lastNumber(info) + 1) - first, info);
  isNamed();
  for (const segment of replaced) if (segmentName(segment) !== name) await removeSegment(files, segment);
  await saveIndex(files, info, index);
  await syncNames(disk, path);
  manifest.endReplacing(info.number);
  await manifest.replace(sealed, emptySegment(active.number, active.firstOffset));
}

/** Removes a segment that another one takes the place of, and what is beside it. @throws StorageError `io` */
export async function removeSegment(files: StreamFiles, segment: SegmentNumbers): Promise<void> {
  await removeIfFile(files.disk, `${files.path}/${segmentName(segment)}`);
  await removeIndexes(files, segment);
}

/** Removes the saved index of a segment and its write-ahead file, if they are there. */
async function removeIndexes({ disk, path, format }: StreamFiles, segment: SegmentNumbers): Promise<void> {
  for (const name of [indexName(segment, format), indexLogName(segment, format)])
    await removeIfFile(disk, `${path}/${name}`);
}
