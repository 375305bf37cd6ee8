/**
 * The real disk: `Disk` over `node:fs`.
 *
 * Calls that are cheaper than a hop to another thread answer at once: metadata, and reads and writes of up to
 * 1 MiB. Those that wait for the medium or move much are promises: `sync`, `syncDirectory`, longer reads and
 * writes.
 *
 * Promises: what `Disk` promises, with POSIX meanings; errors are Node's own, `code` included. A file is
 * never touched after it was closed, not even by a call in progress: `close` waits for those.
 *
 * Does not promise, because no program can:
 * - that `sync` reached the medium if the drive lies about its cache. On macOS libuv asks for `F_FULLFSYNC`.
 * - names on Windows, where a directory cannot be synced and NTFS's own journal has to do: see
 *   `syncDirectory`.
 * - locks on network file systems beyond what these offer, nor against a program that takes none. A locked
 *   file that was removed is noticed by `isHeld` when it is asked, and not before.
 * - anything if files are exchanged between a check and the call after it.
 *
 * New files get mode 0666 and new directories 0777, less the umask that the process has at that moment, as
 * from `touch` and `mkdir`: who may read a log is the operator's decision, made with the umask or with the
 * data directory's own mode.
 *
 * Specification: POSIX.1-2024, https://pubs.opengroup.org/onlinepubs/9799919799/functions/fdatasync.html and
 * `pread`, `pwrite`, `fsync`, `rename` beside it.
 * @module
 */
// The default import, so that a call finds what is in the module at that moment: tests put failing calls
// there.
import fs from "node:fs";
import nodePath from "node:path";
import { tryLock } from "fs-native-extensions";

import type { Disk, DiskFile, DiskLock, OpenMode } from "./disk.ts";
import type { Answer } from "../types.ts";

/** Up to here one system call in this thread costs less than handing it to another. */
const SYNC_TRANSFER_BYTES_MAX = 2 ** 20;

/** What one `read` or `write` transfers at most on Linux (`MAX_RW_COUNT`, see read(2)). */
const TRANSFER_BYTES_MAX = 0x7ffff000;

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/**
 * To write is never through a link: it would land wherever that leads. Windows lacks some of the flags; they
 * count for 0 there.
 */
const TO_WRITE = O_RDWR | O_NOFOLLOW | O_NONBLOCK;

/** `O_NONBLOCK`, because opening a FIFO waits for its other end; it makes no difference to a file. */
const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY | O_NONBLOCK,
  update: TO_WRITE,
  create: TO_WRITE | O_CREAT | O_TRUNC,
};

const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;

/** What `fsync` of a directory, or opening one for it, fails with on Windows. */
const REFUSALS_ON_WINDOWS: readonly (string | undefined)[] = ["EPERM", "EACCES", "EISDIR"];

/**
 * Where an open file has data at or after a position, as `lseek` with `SEEK_DATA` tells: the position of it,
 * `Infinity` if there is none, `undefined` where the file system does not tell. Node has no such call.
 */
export type SeekData = (descriptor: number, position: number) => number | undefined;

/**
 * The file system of this machine. It holds no state: every `NodeDisk` is the same disk.
 *
 * @example
 * ```ts
 * const disk = new NodeDisk();
 * const file = disk.open("/data/segment_000000.log", "create");
 * await file.write(bytes, 0);
 * await file.sync();
 * await file.close();
 * await disk.syncDirectory("/data");
 * ```
 */
export class NodeDisk implements Disk {
  readonly #seekData: SeekData | undefined;

  /** @param seekData passes over the holes of sparse files; without it they are read, as any other bytes */
  constructor(seekData?: SeekData) {
    this.#seekData = seekData;
  }

  /** A path that cannot be resolved is only made absolute; the call that uses it then fails. */
  resolve(path: string): string {
    const absolute = nodePath.resolve(path);
    const resolved = realPath(absolute) ?? besides(absolute);
    return resolved.split(nodePath.sep).join("/");
  }

  /**
   * Throws ENOENT if `mode` is not `create` and there is no such file, EACCES, EMFILE ...; EISDIR for a
   * directory, ENXIO for what is neither that nor a file, and ELOOP for a symbolic link unless `mode` is
   * `read`.
   */
  open(path: string, mode: OpenMode): DiskFile {
    return new NodeFile(path, openFile(path, OPEN_FLAGS[mode]), this.#seekData);
  }

  /** Throws ENOENT, EXDEV ... */
  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  }

  /** Removes a file. Throws ENOENT, and EISDIR or EPERM for a directory. */
  remove(path: string): void {
    fs.unlinkSync(path);
  }

  /**
   * Throws ENOENT, ENOTDIR, ELOOP for a symbolic link ... Time and memory are linear in the number of names.
   */
  list(path: string): string[] {
    if (fs.lstatSync(path).isSymbolicLink()) throw systemError("ELOOP", A_LINK, "scandir", path);
    return fs.readdirSync(path);
  }

  /**
   * Throws EEXIST if `path` is there but not a directory, also if it is a link to one; ENOENT if the one
   * above it is missing.
   */
  makeDirectory(path: string): void {
    try {
      fs.mkdirSync(path, DIRECTORY_MODE);
    } catch (error) {
      if (codeOf(error) === "EEXIST" && fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
      throw error;
    }
  }

  /**
   * `fsync` of the directory. Throws ENOENT, ENOTDIR, EIO ...
   *
   * Windows refuses it with EPERM, EACCES or EISDIR. Only there these are taken for success: NTFS journals
   * names itself, in order, which is all that can be had. Anywhere else they are errors: a name that is not
   * durable loses what it names.
   */
  async syncDirectory(path: string): Promise<void> {
    try {
      const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY);
      try {
        await answered((done) => {
          fs.fsync(fd, done);
        });
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      if (process.platform !== "win32" || !REFUSALS_ON_WINDOWS.includes(codeOf(error))) throw error;
    }
  }

  /**
   * Locks the file with an open file description lock on Linux (`F_OFD_SETLK`), with `flock` on macOS, with
   * `LockFileEx` on Windows. Each belongs to this one opening of the file: a second in the same process is
   * refused as one in another process is, a child process does not inherit it, and the kernel ends it with
   * the process.
   *
   * The lock lasts until `release`, whether or not the returned object is kept: it is a descriptor number,
   * which no garbage collection closes. Throws EACCES, ENOENT, ENOLCK ... if the lock cannot even be asked
   * for; EISDIR, ENXIO and ELOOP as `open`.
   */
  lock(path: string): DiskLock | undefined {
    const fd = openFile(path, TO_WRITE | O_CREAT);
    let lock: NodeLock | undefined;
    try {
      // Between opening and locking the file may have lost its name to another.
      if (tryLock(fd)) lock = new NodeLock(fd, path);
      if (lock?.isHeld() !== true) lock = undefined;
    } finally {
      if (lock === undefined) fs.closeSync(fd);
    }
    return lock;
  }
}

class NodeLock implements DiskLock {
  #fd: number | undefined;
  readonly #path: string;
  readonly #locked: fs.BigIntStats;
  #isLost = false;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
    this.#locked = fs.fstatSync(fd, { bigint: true });
  }

  /** One `lstat`. Throws EACCES, EIO ... */
  isHeld(): boolean {
    if (this.#fd === undefined) return false;
    const named = namedFile(this.#path);
    this.#isLost ||= named?.ino !== this.#locked.ino || named.dev !== this.#locked.dev;
    return !this.#isLost;
  }

  /** Closing the only descriptor ends the lock. Again is harmless. */
  release(): void {
    const fd = this.#fd;
    // First: the number may be another file's once it is closed, also if closing failed.
    this.#fd = undefined;
    if (fd !== undefined) fs.closeSync(fd);
  }
}

class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #seekData: SeekData | undefined;
  /** Calls in other threads that are using the descriptor. */
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;
  #closing: Promise<void> | undefined;

  constructor(path: string, fd: number, seekData: SeekData | undefined) {
    this.#path = path;
    this.#fd = fd;
    this.#seekData = seekData;
  }

  size(): number {
    return fs.fstatSync(this.#descriptor("fstat")).size;
  }

  /** Throws EINVAL for a position that is none, EISDIR, EIO ... */
  read(target: Uint8Array, position: number): Answer<number> {
    const fd = this.#descriptor("read", position);
    if (target.length <= SYNC_TRANSFER_BYTES_MAX) return readAtOnce(fd, target, position);
    return this.#hold(readElsewhere(fd, target, position));
  }

  /** Moves where the descriptor stands, which no other call depends on. */
  dataFrom(position: number): number {
    const fd = this.#descriptor("lseek", position);
    return this.#seekData?.(fd, position) ?? position;
  }

  /**
   * One `pwrite` of at most 0x7ffff000 bytes: a short write is returned and not continued, for only the
   * caller knows whether to. `source` must not be changed until it answered. Throws EINVAL, EBADF if opened
   * to read, ENOSPC, EIO ...
   */
  write(source: Uint8Array, position: number): Answer<number> {
    const fd = this.#descriptor("write", position);
    const bytes = Math.min(source.length, TRANSFER_BYTES_MAX);
    if (bytes <= SYNC_TRANSFER_BYTES_MAX) return fs.writeSync(fd, source, 0, bytes, position);
    return this.#hold(
      answered<number>((done) => {
        fs.write(fd, source, 0, bytes, position, done);
      }),
    );
  }

  /** Throws EINVAL for a size that is none, EINVAL or EBADF if opened to read, ENOSPC, EIO ... */
  truncate(size: number): void {
    fs.ftruncateSync(this.#descriptor("ftruncate", size), size);
  }

  /**
   * `fdatasync`: the data, and of the metadata what is needed to read it, the size among it. Throws EIO,
   * ENOSPC ...
   */
  sync(): Promise<void> {
    const fd = this.#descriptor("fdatasync");
    return this.#hold(
      answered<undefined>((done) => {
        fs.fdatasync(fd, done);
      }),
    );
  }

  /**
   * Waits for calls in progress, then closes. Every later call throws EBADF; a second `close` does nothing.
   */
  close(): Answer<void> {
    if (this.#isClosed) return this.#closing;
    this.#isClosed = true;
    if (this.#underWay.size === 0) {
      fs.closeSync(this.#fd);
      return;
    }
    this.#closing = Promise.allSettled(this.#underWay).then(() => {
      fs.closeSync(this.#fd);
    });
    return this.#closing;
  }

  /** The descriptor, for a call at `position`; the checks that Node leaves out. */
  #descriptor(call: string, position = 0): number {
    // The kernel would say so too, unless the number is another file's by now.
    if (this.#isClosed) throw systemError("EBADF", "the file is closed", call, this.#path);
    // Node takes a negative position for "where the file stands", and a negative size for 0.
    if (!Number.isSafeInteger(position) || position < 0) {
      throw systemError("EINVAL", `${position} is no position`, call, this.#path);
    }
    return this.#fd;
  }

  #hold<T>(work: Promise<T>): Promise<T> {
    const settled = (): unknown => this.#underWay.delete(work);
    this.#underWay.add(work);
    work.then(settled, settled);
    return work;
  }
}

const A_LINK = "it is a symbolic link, and links are followed only to read files";

/** The descriptor of a regular file. */
function openFile(path: string, flags: number): number {
  let fd: number;
  try {
    fd = fs.openSync(path, flags, FILE_MODE);
  } catch (error) {
    // Node's own message does not say that it is a link at all.
    if (codeOf(error) === "ELOOP" && (flags & O_NOFOLLOW) !== 0)
      throw systemError("ELOOP", A_LINK, "open", path);
    throw error;
  }
  try {
    const stats = fs.fstatSync(fd);
    if (stats.isDirectory()) throw systemError("EISDIR", "it is a directory", "open", path);
    if (!stats.isFile()) throw systemError("ENXIO", "it is a FIFO, a socket or a device", "open", path);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  return fd;
}

/** What has this name, if anything has. */
function namedFile(path: string): fs.BigIntStats | undefined {
  try {
    return fs.lstatSync(path, { bigint: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The path without links, if all of it is there. */
function realPath(path: string): string | undefined {
  try {
    return fs.realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** The path of what is not there, in the directory where it would be. */
function besides(path: string): string {
  const parent = realPath(nodePath.dirname(path));
  return parent === undefined ? path : nodePath.join(parent, nodePath.basename(path));
}

function readAtOnce(fd: number, target: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < target.length) {
    let count: number;
    try {
      count = fs.readSync(fd, target, filled, target.length - filled, position + filled);
    } catch (error) {
      if (isInterrupted(error)) continue;
      throw error;
    }
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

async function readElsewhere(fd: number, target: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const bytes = Math.min(target.length - filled, TRANSFER_BYTES_MAX);
    let count: number;
    try {
      count = await answered<number>((done) => {
        fs.read(fd, target, filled, bytes, position + filled, done);
      });
    } catch (error) {
      if (isInterrupted(error)) continue;
      throw error;
    }
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/**
 * A read may be repeated. libuv repeats interrupted calls other than reads and closes; a close must not be
 * repeated.
 */
function isInterrupted(error: unknown): boolean {
  return codeOf(error) === "EINTR";
}

function answered<T>(start: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null) resolve(result as T);
      else reject(error);
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function systemError(code: string, what: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${what}, ${syscall} '${path}'`), { code, syscall, path });
}
