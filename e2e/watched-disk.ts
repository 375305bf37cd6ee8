/**
 * The real disk with somebody looking: a test sees every call before it is made, lets it fail, or lets a
 * write fall short.
 *
 * Does not promise durability: `sync` and `syncDirectory` are seen and then left out, because tests that do
 * not lose power need none and run ten times as fast.
 * @module
 */
import type { Disk, DiskFile, DiskLock, OpenMode } from "../src/disk/disk.ts";
import { NodeDisk } from "../src/disk/node-disk.ts";
import type { Answer } from "../src/types.ts";

/** A call to the disk or to one of its files. */
export interface DiskCall {
  readonly name: keyof Disk | keyof DiskFile | "release";
  readonly path: string;
  /** Of a read or a write: how many bytes are asked for. */
  readonly bytes: number;
}

/**
 * Sees a call before it is made; may throw in its place, or return how many bytes of a write are to be
 * written.
 */
export type Watcher = (call: DiskCall) => number | undefined;

/** An error as Node throws it. */
export const systemError = (code: string): Error => Object.assign(new Error(`${code}: on purpose`), { code });

export class WatchedDisk implements Disk {
  readonly #disk = new NodeDisk();
  readonly #watcher: Watcher;
  readonly #open = new Set<WatchedFile>();

  constructor(watcher: Watcher = () => undefined) {
    this.#watcher = watcher;
  }

  /** How many files are open. */
  get openFiles(): number {
    return this.#open.size;
  }

  /** Not watched: it touches no file. */
  resolve(path: string): string {
    return this.#disk.resolve(path);
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.#watch("open", path);
    const file = new WatchedFile(this.#disk.open(path, mode), path, this.#watcher, () => {
      this.#open.delete(file);
    });
    this.#open.add(file);
    return file;
  }

  rename(from: string, to: string): void {
    this.#watch("rename", to);
    this.#disk.rename(from, to);
  }

  remove(path: string): void {
    this.#watch("remove", path);
    this.#disk.remove(path);
  }

  list(path: string): string[] {
    this.#watch("list", path);
    return this.#disk.list(path);
  }

  makeDirectory(path: string): void {
    this.#watch("makeDirectory", path);
    this.#disk.makeDirectory(path);
  }

  syncDirectory(path: string): void {
    this.#watch("syncDirectory", path);
  }

  lock(path: string): DiskLock | undefined {
    this.#watch("lock", path);
    const lock = this.#disk.lock(path);
    if (lock === undefined) return undefined;
    return {
      isHeld: () => lock.isHeld(),
      release: () => {
        // As with `close`: what fails has ended all the same.
        const released = lock.release();
        this.#watch("release", path);
        return released;
      },
    };
  }

  #watch(name: DiskCall["name"], path: string): void {
    this.#watcher({ name, path, bytes: 0 });
  }
}

class WatchedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #watcher: Watcher;
  readonly #closed: () => void;

  constructor(file: DiskFile, path: string, watcher: Watcher, closed: () => void) {
    this.#file = file;
    this.#path = path;
    this.#watcher = watcher;
    this.#closed = closed;
  }

  size(): Answer<number> {
    this.#watch("size");
    return this.#file.size();
  }

  read(target: Uint8Array, position: number): Answer<number> {
    this.#watch("read", target.length);
    return this.#file.read(target, position);
  }

  write(source: Uint8Array, position: number): Answer<number> {
    const bytes = this.#watch("write", source.length) ?? source.length;
    return this.#file.write(source.subarray(0, bytes), position);
  }

  truncate(size: number): Answer<void> {
    this.#watch("truncate");
    return this.#file.truncate(size);
  }

  sync(): void {
    this.#watch("sync");
  }

  close(): Answer<void> {
    // A close that fails closes all the same, as on Linux.
    this.#closed();
    const closed = this.#file.close();
    this.#watch("close");
    return closed;
  }

  #watch(name: DiskCall["name"], bytes = 0): number | undefined {
    return this.#watcher({ name, path: this.#path, bytes });
  }
}
