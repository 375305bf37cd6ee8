/**
 * Setting bytes aside: what recovery removes from a segment is first made durable in the stream's
 * `quarantine/`.
 *
 * The name says where the bytes were and what they are, so doing it again, after a crash in the middle,
 * writes the same file again. Nothing in quarantine is ever read back.
 *
 * Zeros are not written, a chunk of them at a time: the copy has a hole there, which reads as zeros. Time:
 * one pass over the bytes, at the speed of reading where they are zeros, and a second up to the last that are
 * not.
 * @module
 */
import { createHash } from "node:crypto";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { COPY_BYTES, forChunks, io, listIfThere, syncNames, withFile, writeAll } from "../disk/files.ts";
import { QUARANTINE_NAME, segmentName } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import { createFile, makeDirectory } from "../disk/obstacles.ts";
import { isZeros } from "../format/zeros.ts";

/**
 * Copies the bytes of a segment from `start` to `end` into quarantine, durably.
 * @returns the path of the copy
 */
export function setAside(
  disk: Disk,
  streamPath: string,
  segment: SegmentNumbers,
  file: DiskFile,
  start: number,
  end: number,
): Promise<string> {
  const source = segmentName(segment);
  return copyAside(disk, streamPath, source, file, start, end);
}

/**
 * Copies a whole file of a stream's directory into quarantine, durably.
 * @returns the path of the copy
 */
export function setFileAside(disk: Disk, streamPath: string, name: string): Promise<string> {
  const path = `${streamPath}/${name}`;
  return withFile(disk, path, async (file) => {
    const size = await io("asking for a file's size", { file: path }, () => file.size());
    return copyAside(disk, streamPath, name, file, 0, size);
  });
}

async function copyAside(
  disk: Disk,
  streamPath: string,
  name: string,
  file: DiskFile,
  start: number,
  end: number,
): Promise<string> {
  const directory = `${streamPath}/${QUARANTINE_NAME}`;
  const source = `${streamPath}/${name}`;
  await makeDirectory(disk, directory);
  await syncNames(disk, streamPath);
  // What is less than a chunk is copied as it is.
  const isHole = (chunk: Buffer, at: number): boolean =>
    (at > start || chunk.length === COPY_BYTES) && isZeros(chunk);
  const digest = createHash("sha256");
  let dataEnd = start;
  await forChunks(file, source, start, end, (chunk, at) => {
    if (isHole(chunk, at)) return;
    if (dataEnd < at) digest.update(`${dataEnd}-${at} zero`);
    digest.update(chunk);
    dataEnd = at + chunk.length;
  });
  if (dataEnd < end) digest.update(`${dataEnd}-${end} zero`);
  const path = `${directory}/${name}.${start}.${digest.digest("hex").slice(0, 16)}`;
  const copy = await createFile(disk, path);
  try {
    await forChunks(file, source, start, dataEnd, async (chunk, at) => {
      if (!isHole(chunk, at)) await writeAll(copy, path, chunk, at - start);
    });
    if (dataEnd < end) await io("extending a file", { file: path }, () => copy.truncate(end - start));
    await io("syncing a file", { file: path }, () => copy.sync());
  } finally {
    await io("closing a file", { file: path }, () => copy.close());
  }
  await syncNames(disk, directory);
  return path;
}

/**
 * Removes every file in a stream's quarantine, durably.
 * @returns their names
 * @throws StorageError `io`
 */
export async function purgeQuarantine(disk: Disk, streamPath: string): Promise<string[]> {
  const directory = `${streamPath}/${QUARANTINE_NAME}`;
  const names = (await listIfThere(disk, directory)) ?? [];
  for (const name of names) {
    const file = `${directory}/${name}`;
    await io("removing a file", { file }, () => disk.remove(file));
  }
  if (names.length > 0) await syncNames(disk, directory);
  return names;
}
