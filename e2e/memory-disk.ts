/**
 * A disk that is a map from paths to bytes: for tests that open a directory thousands of times, each time a
 * little different.
 *
 * Promises: what `Disk` promises while nothing fails. Does not promise: durability, locks, or to notice a
 * misuse.
 * @module
 */
import type { Disk, DiskFile, DiskLock, OpenMode } from "../src/disk/disk.ts";

const missing = (path: string): Error =>
  Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: "ENOENT" });

export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Buffer>();
  readonly #directories = new Set<string>();

  /** With these files in `root`, which stands directly under "/"; the bytes are not written to. */
  constructor(root: string, files: ReadonlyMap<string, Uint8Array>) {
    this.#directories.add("/");
    this.#directories.add(root);
    for (const [name, bytes] of files) {
      const path = `${root}/${name}`;
      this.#files.set(path, Buffer.from(bytes));
      for (let end = path.lastIndexOf("/"); end > root.length; end = path.lastIndexOf("/", end - 1)) {
        this.#directories.add(path.slice(0, end));
      }
    }
  }

  resolve(path: string): string {
    return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  }

  open(path: string, mode: OpenMode): DiskFile {
    if (mode === "create") this.#files.set(path, Buffer.alloc(0));
    this.#contentOf(path);
    return {
      size: () => this.#contentOf(path).length,
      read: (target, position) => {
        const found = this.#contentOf(path).subarray(position, position + target.length);
        target.set(found);
        return found.length;
      },
      write: (source, position) => {
        const old = this.#contentOf(path);
        const bytes = Buffer.alloc(Math.max(old.length, position + source.length));
        bytes.set(old);
        bytes.set(source, position);
        this.#files.set(path, bytes);
        return source.length;
      },
      truncate: (size) => {
        const bytes = Buffer.alloc(size);
        bytes.set(this.#contentOf(path).subarray(0, size));
        this.#files.set(path, bytes);
      },
      sync: () => undefined,
      close: () => undefined,
    };
  }

  rename(from: string, to: string): void {
    this.#files.set(to, this.#contentOf(from));
    this.#files.delete(from);
  }

  remove(path: string): void {
    if (!this.#files.delete(path)) throw missing(path);
  }

  list(path: string): string[] {
    if (!this.#directories.has(path)) throw missing(path);
    return [...this.#files.keys(), ...this.#directories]
      .filter((name) => name.lastIndexOf("/") === path.length && name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }

  makeDirectory(path: string): void {
    this.#directories.add(path);
  }

  syncDirectory(path: string): void {
    if (!this.#directories.has(path)) throw missing(path);
  }

  lock(path: string): DiskLock {
    if (!this.#files.has(path)) this.#files.set(path, Buffer.alloc(0));
    return { isHeld: () => true, release: () => undefined };
  }

  #contentOf(path: string): Buffer {
    const bytes = this.#files.get(path);
    if (bytes === undefined) throw missing(path);
    return bytes;
  }
}

/** What a file holds now; its name is that below `/data`. */
export function contentOf(disk: MemoryDisk, name: string): Buffer {
  const file = disk.open(`/data/${name}`, "read");
  const bytes = Buffer.alloc(Number(file.size()));
  void file.read(bytes, 0);
  return bytes;
}
