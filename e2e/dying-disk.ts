/**
 * A memory disk under a process that is killed: after so many changes nothing happens any more, and what was
 * made until then stays.
 * @module
 */
import type { Disk, DiskFile } from "../src/disk/disk.ts";
import type { MemoryDisk } from "./memory-disk.ts";

class Death extends Error {}

/** Whether an error came of the process's death. */
export function isDeath(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof Death) return true;
  return false;
}

/** A disk under a process that dies after so many changes; a write is torn in the middle. */
export class DyingDisk implements Disk {
  readonly #disk: MemoryDisk;
  #left: number;

  constructor(disk: MemoryDisk, changes: number) {
    this.#disk = disk;
    this.#left = changes;
  }

  resolve(path: string): string {
    return path;
  }

  open(path: string, mode: Parameters<Disk["open"]>[1]): DiskFile {
    if (mode === "create") this.#change();
    else this.#call();
    const file = this.#disk.open(path, mode);
    return {
      size: () => this.#call(() => file.size()),
      read: (target, position) => this.#call(() => file.read(target, position)),
      write: (source, position) => {
        if (this.#left === 0) void file.write(source.subarray(0, source.length >>> 1), position);
        return this.#change(() => file.write(source, position));
      },
      truncate: (size) => this.#change(() => file.truncate(size)),
      sync: () => this.#call(() => file.sync()),
      close: () => file.close(),
    };
  }

  rename(from: string, to: string): void {
    this.#change(() => {
      this.#disk.rename(from, to);
    });
  }

  remove(path: string): void {
    this.#change(() => {
      this.#disk.remove(path);
    });
  }

  list(path: string): string[] {
    return this.#call(() => this.#disk.list(path));
  }

  makeDirectory(path: string): void {
    this.#change(() => {
      this.#disk.makeDirectory(path);
    });
  }

  syncDirectory(path: string): void {
    this.#call(() => {
      this.#disk.syncDirectory(path);
    });
  }

  lock(path: string): ReturnType<MemoryDisk["lock"]> {
    return this.#change(() => this.#disk.lock(path));
  }

  #call<T>(call: () => T = () => undefined as T): T {
    if (this.#left < 0) throw new Death();
    return call();
  }

  #change<T>(call: () => T = () => undefined as T): T {
    this.#left -= 1;
    return this.#call(call);
  }
}
