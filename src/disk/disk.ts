/**
 * The only door to the outside. The engine reads and changes the world through `Disk` and `DiskFile` and
 * through nothing else, so the same engine runs on a real file system and on a simulated one.
 *
 * Semantics are those of POSIX, including what POSIX does not promise: a write is durable only after `sync`
 * of that file, a name only after `syncDirectory` of its directory, and unsynced writes may reach the medium
 * in any order or not at all.
 *
 * Every failure is thrown as an `Error` whose `code` is the POSIX name: "ENOENT", "EIO", "ENOSPC", ...
 * Paths are separated by "/". Results may be values or promises.
 *
 * Anything may stand in a directory under any name, so no call waits for what is no file: opening a directory
 * fails with EISDIR, a FIFO, socket or device with ENXIO. A symbolic link is followed only to read a file;
 * any other call on one fails with ELOOP, but `rename` and `remove` act on the link itself.
 * @module
 */
import type { Answer } from "../types.ts";

/**
 * `read`: an existing file, for reading. `update`: an existing file, for reading and writing.
 * `create`: an empty file for reading and writing, whether or not there was one (`O_CREAT | O_TRUNC`).
 */
export type OpenMode = "read" | "update" | "create";

/** An open file. Positions and sizes are in bytes. */
export interface DiskFile {
  /** The file's size. */
  size(): Answer<number>;
  /** Fills `target` from `position`; returns how many bytes it read, fewer only where the file ends. */
  read(target: Uint8Array, position: number): Answer<number>;
  /**
   * Where a hole of a sparse file ends: all bytes from `position` up to the answer are zero and need not be
   * read. `Infinity` if all up to the file's end are. `position` itself if there is no hole, or it is not
   * known; a disk that knows of none lacks this call.
   */
  dataFrom?(position: number): Answer<number>;
  /**
   * Writes `source` at `position`; a gap behind the old end reads as zeros. Returns how many bytes it wrote:
   * fewer than asked is a short write, after which those bytes are in the file and the others are not.
   */
  write(source: Uint8Array, position: number): Answer<number>;
  /** Cuts the file to `size`, or extends it with zeros. */
  truncate(size: number): Answer<void>;
  /** Makes the file's data and size durable (POSIX `fdatasync`): not its name. */
  sync(): Answer<void>;
  close(): Answer<void>;
}

/** A held lock; the kernel releases it when the process ends, however it ends. */
export interface DiskLock {
  /**
   * Whether it still keeps others out: whether the locked file still has the name that others would lock. A
   * file can be removed or renamed while it is locked, and the next one that gets its name is not locked.
   * Once lost it stays lost.
   */
  isHeld(): Answer<boolean>;
  release(): Answer<void>;
}

export interface Disk {
  /**
   * The path that leads to the same place whatever becomes of the working directory and of links on the way:
   * absolute, and without links. What is to be created there need not be there yet.
   */
  resolve(path: string): Answer<string>;
  open(path: string, mode: OpenMode): Answer<DiskFile>;
  /** Renames a file, replacing what has the new name, atomically. Both names are in the same directory. */
  rename(from: string, to: string): Answer<void>;
  remove(path: string): Answer<void>;
  /** Names in a directory, in no particular order. */
  list(path: string): Answer<string[]>;
  /** Creates one directory; an existing one is no error. */
  makeDirectory(path: string): Answer<void>;
  /** Makes the names in a directory durable: what was created, renamed and removed there. */
  syncDirectory(path: string): Answer<void>;
  /**
   * Takes an exclusive lock on the file at `path`, creating it; `undefined` if somebody else holds it, or has
   * just replaced the file.
   */
  lock(path: string): Answer<DiskLock | undefined>;
}
