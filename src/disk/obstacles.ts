/**
 * Files whose names may be taken by something else: a directory, a FIFO, a link, a file that may not be read.
 *
 * A hint that is not a file counts as missing, because everything in it can be found out from the segments.
 * Where one is to be written, whatever has its name keeps its content under another name: `….aside1`, or the
 * first such name that is free. A failure of the disk (EIO) is an error.
 * @module
 */
import type { Disk, DiskFile } from "./disk.ts";
import { StorageError } from "../error.ts";
import { codeOf, io, ioError, isMissing, withFile, writeAll } from "./files.ts";
import { temporaryName } from "./names.ts";

/**
 * What opening fails with if there is no file but a directory, a FIFO, or a link that is not followed or
 * leads nowhere.
 */
const NO_FILE: readonly unknown[] = ["EISDIR", "ENXIO", "ELOOP", "ENOTDIR"];

/**
 * Whether a call, or the `StorageError` that it became, failed because what has a file's name is no file, or
 * has gone since it was listed.
 */
export function isNoFile(error: unknown): boolean {
  const cause = error instanceof StorageError ? error.cause : error;
  return isMissing(cause) || NO_FILE.includes(codeOf(cause));
}

/** Whether an error says of a file that it is not there, or that it is a link that leads nowhere. */
export const isGone = (error: unknown, path: string): boolean =>
  error instanceof StorageError && error.file === path && isMissing(error.cause);

/** The same, or that it may not be read or written: for a hint this makes no difference. */
function isUnusable(error: unknown): boolean {
  const code = codeOf(error instanceof StorageError ? error.cause : error);
  return isNoFile(error) || code === "EACCES" || code === "EPERM";
}

/**
 * Opens a file for the time of `use`; nothing if what has its name is no file or may not be read. @throws
 * StorageError `io`
 */
export async function ifReadable<T>(
  disk: Disk,
  path: string,
  use: (file: DiskFile) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withFile(disk, path, use);
  } catch (error) {
    if (isUnusable(error)) return undefined;
    throw error;
  }
}

/** Whether a file of this name can be written. @throws StorageError `io` */
export async function isFile(disk: Disk, path: string): Promise<boolean> {
  try {
    const file = await disk.open(path, "update");
    await file.close();
    return true;
  } catch (cause) {
    if (isNoFile(cause)) return false;
    throw ioError("opening a file", { file: path }, cause);
  }
}

/**
 * All of a hint's bytes; nothing if it is larger than `bytesMax`, which no such hint is, is no file, or may
 * not be read. @throws StorageError `io`
 */
export function readHint(disk: Disk, path: string, bytesMax: number): Promise<Buffer | undefined> {
  return ifReadable(disk, path, (file) =>
    io("reading a file", { file: path }, async () => {
      const size = await file.size();
      if (size > bytesMax) return undefined;
      const bytes = Buffer.allocUnsafe(size);
      const read = await file.read(bytes, 0);
      return bytes.subarray(0, read);
    }),
  );
}

/**
 * Opens a file, empty, whether or not there was one. What has its name and is no file keeps its content under
 * another name: `….aside1`, or the first such that is free.
 *
 * @throws StorageError `io`
 */
export async function createFile(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, "create");
  } catch (cause) {
    if (isMissing(cause) || !isUnusable(cause)) throw ioError("creating a file", { file: path }, cause);
  }
  await makeWay(disk, path);
  return io("creating a file", { file: path }, () => disk.open(path, "create"));
}

/**
 * Opens a hint for reading and writing; nothing if what has its name cannot be, and then the name is free.
 * @throws StorageError `io`
 */
export async function updateHint(disk: Disk, path: string): Promise<DiskFile | undefined> {
  try {
    return await disk.open(path, "update");
  } catch (cause) {
    if (!isUnusable(cause)) throw ioError("opening a file", { file: path }, cause);
    if (isMissing(cause)) return undefined;
  }
  await makeWay(disk, path);
  return undefined;
}

/**
 * Removes a file that is no longer needed; what has its name and is no file stays. @throws StorageError `io`
 */
export async function removeIfFile(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (cause) {
    if (!isUnusable(cause)) throw ioError("removing a file", { file: path }, cause);
  }
}

/**
 * Removes a hint that must not be there; what has its name and is no file, gets another. @throws StorageError
 * `io`
 */
export async function removeHint(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
    return;
  } catch (cause) {
    if (isMissing(cause) || !isUnusable(cause)) throw ioError("removing a file", { file: path }, cause);
  }
  await makeWay(disk, path);
}

/** Makes a directory; what has its name and is none, gets another name first. @throws StorageError `io` */
export async function makeDirectory(disk: Disk, path: string): Promise<void> {
  try {
    await disk.makeDirectory(path);
    return;
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw ioError("making a directory", { file: path }, cause);
  }
  await makeWay(disk, path);
  await io("making a directory", { file: path }, () => disk.makeDirectory(path));
}

/** Gives what stands in the way another name, durable with the caller's next `syncDirectory`. */
async function makeWay(disk: Disk, path: string): Promise<void> {
  const end = path.lastIndexOf("/");
  const directory = path.slice(0, end);
  const names = new Set(await io("listing a directory", { file: directory }, () => disk.list(directory)));
  let number = 1;
  while (names.has(`${path.slice(end + 1)}.aside${number}`)) number += 1;
  await io("renaming what is no file", { file: path }, () => disk.rename(path, `${path}.aside${number}`));
}

/**
 * Replaces a file's content atomically: a reader sees all of the old content or all of the new. The new bytes
 * are durable before they get the name; the name itself is durable only after the caller's `syncDirectory`.
 */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  const file = await createFile(disk, temporary);
  try {
    await writeAll(file, temporary, bytes, 0);
    await io("syncing a file", { file: temporary }, () => file.sync());
  } finally {
    await io("closing a file", { file: temporary }, () => file.close());
  }
  try {
    await disk.rename(temporary, path);
    return;
  } catch (cause) {
    if (isMissing(cause) || !isNoFile(cause)) throw ioError("renaming a file", { file: temporary }, cause);
  }
  await makeWay(disk, path);
  await io("renaming a file", { file: temporary }, () => disk.rename(temporary, path));
}
