/**
 * The engine's only access to the outside. The engine reads and changes the world through `Disk` and
 * `DiskFile` and through nothing else, so the same engine runs on a real file system and on a simulated one.
 *
 * Semantics are those of POSIX, including what POSIX does not promise: a write is durable only after `sync`
 * of that file, a name only after `syncDirectory` of its directory, and unsynced writes may reach the medium
 * in any order or not at all.
 *
 * Every failure is thrown as an `Error` whose `code` is the POSIX name: "ENOENT", "EIO", "ENOSPC", ...
 * Paths are separated by "/". Results may be values or promises.
 *
 * Anything may have any name in a directory, so no call waits for something that is not a file: opening a
 * directory fails with EISDIR, opening a FIFO, a socket or a device with ENXIO. A symbolic link is followed
 * only to read a file; `rename` and `remove` act on the link itself, and any other call on it fails with
 * ELOOP.
 * @module
 */
import type { Answer } from "../types.ts";

/**
 * How a file is opened. `read`: an existing file, for reading. `update`: an existing file, for reading and
 * writing. `create`: an empty file, for reading and writing, whether or not there was one
 * (`O_CREAT | O_TRUNC`).
 */
export type OpenMode = "read" | "update" | "create";

/**
 * An open file. Positions and sizes are in bytes. Every call throws an `Error` with the POSIX `code` if it
 * fails.
 *
 * @example
 * ```ts
 * const file: DiskFile = await disk.open("/data/file", "create");
 * await file.write(bytes, 0);
 * await file.sync(); // durable, if the name is
 * const size = await file.size();
 * await file.close();
 * ```
 */
export interface DiskFile {
  /**
   * The file's size.
   *
   * @returns bytes
   */
  size(): Answer<number>;
  /**
   * Fills `target` with the bytes from `position` on (POSIX `pread`).
   *
   * @param target what to fill
   * @param position the first byte to read
   * @returns how many bytes were read: fewer than `target` holds only where the file ends
   */
  read(target: Uint8Array, position: number): Answer<number>;
  /**
   * Where a hole of a sparse file ends (`lseek` with `SEEK_DATA`): all bytes from `position` up to the answer
   * are zero and need not be read. A disk that does not know of holes lacks this call.
   *
   * @param position where to begin
   * @returns a position; `Infinity` if all bytes up to the end of the file are zero, `position` itself if
   *   there is no hole, or if this is not known
   */
  dataFrom?(position: number): Answer<number>;
  /**
   * Writes `source` at `position` (POSIX `pwrite`); a gap after the old end reads as zeros.
   *
   * @param source the bytes to write
   * @param position where the first of them goes
   * @returns how many bytes were written: fewer than `source` holds after a short write, and then those are
   *   in the file and the others are not
   */
  write(source: Uint8Array, position: number): Answer<number>;
  /**
   * Truncates the file to a size, or extends it with zeros (POSIX `ftruncate`).
   *
   * @param size in bytes
   */
  truncate(size: number): Answer<void>;
  /** Makes the file's data and size durable (POSIX `fdatasync`), but not its name. */
  sync(): Answer<void>;
  /** Closes the file; no other call may follow. */
  close(): Answer<void>;
}

/**
 * A lock that is held. The kernel releases it when the process ends, however it ends.
 *
 * @example
 * ```ts
 * const lock: DiskLock | undefined = await disk.lock("/data/LOCK");
 * await lock?.isHeld(); // true
 * await lock?.release();
 * ```
 */
export interface DiskLock {
  /**
   * Whether the lock still excludes others, that is, whether the locked file still has the name that others
   * would lock. A file can be removed or renamed while it is locked, and the next file with its name is not
   * locked.
   *
   * @returns once false, always false
   */
  isHeld(): Answer<boolean>;
  /** Releases the lock. */
  release(): Answer<void>;
}

/**
 * A file system: files by path, names in directories, locks.
 *
 * @example
 * ```ts
 * // The same disk, and each durable write is reported.
 * function reported(disk: Disk, report: (path: string) => void): Disk {
 *   return {
 *     resolve: (path) => disk.resolve(path),
 *     async open(path, mode) {
 *       const file = await disk.open(path, mode);
 *       return {
 *         size: () => file.size(),
 *         read: (target, position) => file.read(target, position),
 *         write: (source, position) => file.write(source, position),
 *         truncate: (size) => file.truncate(size),
 *         async sync() {
 *           await file.sync();
 *           report(path);
 *         },
 *         close: () => file.close(),
 *       };
 *     },
 *     rename: (from, to) => disk.rename(from, to),
 *     remove: (path) => disk.remove(path),
 *     list: (path) => disk.list(path),
 *     makeDirectory: (path) => disk.makeDirectory(path),
 *     syncDirectory: (path) => disk.syncDirectory(path),
 *     lock: (path) => disk.lock(path),
 *   };
 * }
 * const storage = await Storage.open("/data", { disk: reported(new NodeDisk(), print) });
 * await storage.appendBatch(1n, events);
 * await storage.close();
 * ```
 */
export interface Disk {
  /**
   * The absolute path, without symbolic links: it leads to the same place even if the working directory or a
   * link changes. What is to be created there need not exist yet.
   *
   * @param path of a file or directory
   * @returns the absolute path
   */
  resolve(path: string): Answer<string>;
  /**
   * Opens a file.
   *
   * @param path of the file
   * @param mode how it is opened
   * @returns the open file
   */
  open(path: string, mode: OpenMode): Answer<DiskFile>;
  /**
   * Renames a file, atomically, and replaces the file that has the new name, if there is one. Both names are
   * in the same directory.
   *
   * @param from the old path
   * @param to the new path
   */
  rename(from: string, to: string): Answer<void>;
  /**
   * Removes a file.
   *
   * @param path of the file
   */
  remove(path: string): Answer<void>;
  /**
   * Names in a directory.
   *
   * @param path of the directory
   * @returns names without the directory, in no particular order
   */
  list(path: string): Answer<string[]>;
  /**
   * Creates one directory; it is no error if it exists.
   *
   * @param path of the directory
   */
  makeDirectory(path: string): Answer<void>;
  /**
   * Makes the names in a directory durable: what was created, renamed and removed there.
   *
   * @param path of the directory
   */
  syncDirectory(path: string): Answer<void>;
  /**
   * Takes an exclusive lock on a file, which is created if it does not exist.
   *
   * @param path of the file
   * @returns the lock; `undefined` if another holder has it or has just replaced the file
   */
  lock(path: string): Answer<DiskLock | undefined>;
}
