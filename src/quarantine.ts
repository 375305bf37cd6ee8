/**
 * Setting bytes aside: what recovery cuts off a segment is first made durable in the stream's `quarantine/`.
 *
 * The name says where the bytes were and what they are, so doing it again, after a crash in the middle, writes the same
 * file again. Nothing in quarantine is ever read back.
 * @module
 */
import { createHash } from "node:crypto";
import type { Disk, DiskFile } from "./disk.ts";
import { forChunks, io, QUARANTINE_NAME, segmentName, syncNames, withFile, writeAll } from "./files.ts";

/**
 * Copies the bytes of a segment from `start` to `end` into quarantine, durably.
 * @returns the path of the copy
 */
export function setAside(
  disk: Disk,
  streamPath: string,
  segment: number,
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
  await io("making a directory", { file: directory }, () => disk.makeDirectory(directory));
  await syncNames(disk, streamPath);
  const digest = createHash("sha256");
  await forChunks(file, source, start, end, (chunk) => {
    digest.update(chunk);
  });
  const path = `${directory}/${name}.${start}.${digest.digest("hex").slice(0, 16)}`;
  const copy = await io("creating a file", { file: path }, () => disk.open(path, "create"));
  try {
    await forChunks(file, source, start, end, (chunk, at) => writeAll(copy, path, chunk, at - start));
    await io("syncing a file", { file: path }, () => copy.sync());
  } finally {
    await io("closing a file", { file: path }, () => copy.close());
  }
  await syncNames(disk, directory);
  return path;
}
