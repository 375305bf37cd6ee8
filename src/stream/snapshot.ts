/**
 * A stream's directory for one who only reads it, perhaps beside its writer: what recovery would do is done
 * in memory.
 *
 * Promises: nothing is written, locked or created; what recovery finds does not come from looking at one file
 * before and at another after an append. For that the files that bear witness are looked at before those that
 * they bear witness of, in the order opposite to the writer's: the manifest, which names no segment before it
 * is there; the names; the index files of the last segment, which name no record before it is in the segment;
 * and the segments. Memory: the index files of one segment, and what recovery would write.
 *
 * Does not promise: that a record which the writer has not acknowledged yet is not shown, or stays.
 * @module
 */
import type { Disk } from "../disk/disk.ts";
import { StorageError } from "../error.ts";
import { isMissing, withFile } from "../disk/files.ts";
import { indexedSegment, MANIFEST_NAME, segmentName, segmentsAmong } from "../disk/names.ts";
import { OverlayDisk } from "../disk/overlay-disk.ts";
import { readOnly } from "../disk/read-only-disk.ts";

/** How often a segment may be begun while its directory is being looked at. */
const ATTEMPTS_MAX = 100;
/** What is larger than anything that could be of use is left where it is. */
const MANIFEST_BYTES_MAX = 2 ** 26;
/** Index files have less than two bytes for each of their segment's, and these. */
const INDEX_BYTES_MIN = 2 ** 16;

/** A directory at one moment: its names, and what files of it held. */
interface Look {
  readonly names: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The last segment's name and size, if there is one. */
  readonly last: readonly [string, number] | undefined;
}

/**
 * The disk on which a stream is to be opened in order to read it, once. The moment that it shows is that of
 * the first listing of the stream's directory.
 *
 * @param path of the stream's directory
 */
export function snapshotOf(disk: Disk, path: string): Disk {
  const beneath = readOnly(disk);
  let listed: readonly string[] | undefined;
  const overlay: OverlayDisk = new OverlayDisk({
    ...beneath,
    async list() {
      if (listed !== undefined) return [...listed];
      const { names, files, last } = await lookAt(beneath, path);
      for (const [name, bytes] of files) overlay.show(`${path}/${name}`, bytes);
      if (last !== undefined) overlay.freeze(`${path}/${last[0]}`, last[1]);
      listed = names;
      return [...names];
    },
  });
  return overlay;
}

async function lookAt(disk: Disk, path: string): Promise<Look> {
  const gone = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const look = await tryLookAt(disk, path, gone);
    if (look !== undefined) return look;
  }
  const sentence =
    "The stream's writer begins segments faster than they can be looked at. Try again, or read where it is written.";
  throw new StorageError("locked", sentence, { file: path });
}

/**
 * `undefined` if a segment was begun at the same time.
 *
 * @param gone names that were listed and could not be opened before, which this adds to. A writer does that
 * to a name once, when a stream or a segment begins; one that is there again is a link that leads nowhere,
 * and stays among the names as a file that cannot be read does.
 */
async function tryLookAt(disk: Disk, path: string, gone: Set<string>): Promise<Look | undefined> {
  const isFirstTime = (name: string): boolean => {
    const isNew = !gone.has(name);
    gone.add(name);
    return isNew;
  };
  const manifest = await contentOf(disk, `${path}/${MANIFEST_NAME}`, MANIFEST_BYTES_MAX);
  const names = new Set(await disk.list(path));
  if (manifest === "missing" && names.has(MANIFEST_NAME) && isFirstTime(MANIFEST_NAME)) return undefined;
  const files = new Map<string, Uint8Array>();
  if (manifest instanceof Uint8Array) files.set(MANIFEST_NAME, manifest);
  const last = segmentsAmong(names).findLast(({ last: several }) => several === undefined);
  const lastName = last && segmentName(last);
  for (const name of [...names]) {
    const index = indexedSegment(name);
    if (index === undefined) continue;
    const segment = segmentName(index.segment);
    const isOfLast = segment === lastName;
    // What is saved for an earlier segment is complete; its write-ahead file is about to be removed, if it is
    // there at all.
    if (!isOfLast && !index.isLog) continue;
    const content = await contentOf(
      disk,
      `${path}/${name}`,
      INDEX_BYTES_MIN + 2 * ((await sizeOf(disk, `${path}/${segment}`)) ?? 0),
    );
    if (content instanceof Uint8Array) files.set(name, content);
    if (content !== "missing") continue;
    if (!isOfLast) names.delete(name);
    else if (isFirstTime(name)) return undefined;
  }
  const bytes = lastName === undefined ? undefined : await sizeOf(disk, `${path}/${lastName}`);
  // A stream that is being created has a manifest before its first record, so after this look at it.
  if (manifest === "missing" && (await contentOf(disk, `${path}/${MANIFEST_NAME}`, 0)) !== "missing")
    return undefined;
  const isKnown = lastName !== undefined && bytes !== undefined;
  return { names: [...names], files, last: isKnown ? [lastName, bytes] : undefined };
}

/** A file's size, if it can be had. */
async function sizeOf(disk: Disk, file: string): Promise<number | undefined> {
  try {
    return await withFile(disk, file, async (opened) => opened.size());
  } catch {
    return undefined;
  }
}

/** A file's bytes; nothing if it has more than `max`, or cannot be read: a call that needs it fails then. */
async function contentOf(disk: Disk, file: string, max: number): Promise<Buffer | "missing" | undefined> {
  try {
    return await withFile(disk, file, async (opened) => {
      const size = await opened.size();
      if (size > max) return undefined;
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, await opened.read(bytes, 0));
    });
  } catch (error) {
    return isMissing((error as StorageError).cause) ? "missing" : undefined;
  }
}
