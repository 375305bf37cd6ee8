/**
 * The few ways in which the engine uses files, on top of `Disk`.
 *
 * What the disk throws becomes a `StorageError` `io` with the cause, so that users see no other errors of the
 * disk.
 * @module
 */
import type { Disk, DiskFile } from "./disk.ts";
import { type ErrorPlace, StorageError } from "../error.ts";
import { ioSentence } from "./io-error.ts";
import type { Answer } from "../types.ts";

/** Bytes copied at a time. */
export const COPY_BYTES: number = 1 << 20;

/** Runs a call to the disk; a failure becomes a `StorageError` `io` that says what was being done. */
export async function io<T>(doing: string, place: ErrorPlace, call: () => Answer<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw ioError(doing, place, cause);
  }
}

/** The error for a failed call to the disk. */
export function ioError(doing: string, place: ErrorPlace, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const code = codeOf(cause);
  const why = typeof code === "string" ? code : String(cause);
  return new StorageError("io", ioSentence(doing, why), place, cause);
}

/** Whether the disk said that there is no such file or directory. */
export function isMissing(cause: unknown): boolean {
  return codeOf(cause) === "ENOENT";
}

/**
 * Whether a call, or the `StorageError` that it became, failed because too many files are open: the disk
 * itself is well.
 */
export function isOutOfFiles(error: unknown): boolean {
  const code = codeOf(error instanceof StorageError ? error.cause : error);
  return code === "EMFILE" || code === "ENFILE";
}

/** The POSIX name of what a call failed with. */
export function codeOf(cause: unknown): unknown {
  return (cause as { code?: unknown } | undefined)?.code;
}

/** Names in a directory, or `undefined` if there is no such directory. */
export async function listIfThere(disk: Disk, path: string): Promise<string[] | undefined> {
  try {
    return await disk.list(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw ioError("listing a directory", { file: path }, cause);
  }
}

/** Opens a file for the time of `use`, and closes it however that ends. */
export async function withFile<T>(disk: Disk, path: string, use: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await io("opening a file", { file: path }, () => disk.open(path, "read"));
  try {
    return await use(file);
  } finally {
    await io("closing a file", { file: path }, () => file.close());
  }
}

/** Closes files after a failure. That closing fails, too, is not reported: the caller throws the failure. */
export async function abandon(...files: readonly (DiskFile | undefined)[]): Promise<void> {
  for (const file of files) {
    try {
      await file?.close();
    } catch {
      // The caller throws the failure that led here.
    }
  }
}

/** Writes all of `bytes` at `position`; a short write is a failure, which leaves some of them written. */
export async function writeAll(
  file: DiskFile,
  path: string,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  const written = await io("writing a file", { file: path, position }, () => file.write(bytes, position));
  if (written !== bytes.length) {
    const cause = `${written} of ${bytes.length} bytes were written`;
    throw ioError("writing a file", { file: path, position: position + written }, cause);
  }
}

/** Makes the names in a directory durable. */
export async function syncNames(disk: Disk, path: string): Promise<void> {
  await io("syncing a directory", { file: path }, () => disk.syncDirectory(path));
}

/**
 * Reads the bytes of a file from `start` to `end`, or to where it ends, a piece at a time. @throws
 * StorageError `io`
 */
export async function forChunks(
  file: DiskFile,
  path: string,
  start: number,
  end: number,
  use: (chunk: Buffer, at: number) => void | Promise<void>,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, end - start));
  for (let at = start; at < end;) {
    const want = buffer.subarray(0, Math.min(buffer.length, end - at));
    const read = await io("reading a file", { file: path, position: at }, () => file.read(want, at));
    if (read === 0) return;
    await use(want.subarray(0, read), at);
    at += read;
  }
}
