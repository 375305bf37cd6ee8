/**
 * A disk over another one that is only read: changes stay in memory, and can be listed. What a program would
 * do to a directory is what it does to this.
 *
 * Promises: the disk beneath is not changed and not locked. Memory: what is written, but not what is written
 * over the same bytes, nor the content of files in a directory called `quarantine`, of which only the size
 * is kept. Does not promise: durability, or that `makeDirectory` fails where it should.
 * @module
 */
import type { Disk, DiskFile, DiskLock, OpenMode } from "./disk.ts";
import { isMissing } from "./files.ts";
import { QUARANTINE_NAME } from "./names.ts";
import { isNoFile } from "./obstacles.ts";
import { readOnly } from "./read-only-disk.ts";
import type { Answer } from "../types.ts";

/** What would become of a file. Sizes in bytes. */
export interface Change {
  readonly path: string;
  readonly does: "create" | "remove" | "cut" | "extend" | "rewrite";
  /** Its size before, if it was there, and after, if it will be. */
  readonly before: number | undefined;
  readonly after: number | undefined;
}

const missing = (path: string): Error =>
  Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: "ENOENT" });

const COMPARED_BYTES = 1 << 16;

/** What is set aside is a copy of what is there. */
const isNotKept = (path: string): boolean => path.split("/").includes(QUARANTINE_NAME);

/** A file as it would be: some of the old one's bytes, and what was written over them. */
class Layered {
  size: number;
  /** Of the old file, the first so many bytes still show. */
  #oldShown: number;
  readonly #oldPath: string | undefined;
  readonly #patches: { readonly at: number; readonly bytes: Buffer }[];
  isWritten = false;

  constructor(oldPath: string | undefined, oldSize: number, bytes: Uint8Array = Buffer.alloc(0)) {
    this.#oldPath = oldPath;
    this.#oldShown = oldSize;
    this.size = Math.max(oldSize, bytes.length);
    this.#patches = [{ at: 0, bytes: Buffer.from(bytes) }];
  }

  async read(beneath: Disk, target: Uint8Array, position: number): Promise<number> {
    const length = Math.max(0, Math.min(target.length, this.size - position));
    const view = target.subarray(0, length);
    view.fill(0);
    if (this.#oldPath !== undefined && position < this.#oldShown && length > 0) {
      const file = await beneath.open(this.#oldPath, "read");
      await file.read(view.subarray(0, Math.min(length, this.#oldShown - position)), position);
      await file.close();
    }
    for (const { at, bytes } of this.#patches) {
      const from = Math.max(at, position);
      const to = Math.min(at + bytes.length, position + length, this.size);
      if (from < to) view.set(bytes.subarray(from - at, to - at), from - position);
    }
    return length;
  }

  async write(beneath: Disk, source: Uint8Array, position: number, keeps: boolean): Promise<void> {
    if (position + source.length <= this.size) {
      const there = Buffer.alloc(source.length);
      await this.read(beneath, there, position);
      if (there.equals(source)) return;
    }
    this.isWritten = true;
    if (keeps) this.#patches.push({ at: position, bytes: Buffer.from(source) });
    this.size = Math.max(this.size, position + source.length);
  }

  truncate(size: number): void {
    // What is truncated and then extended again is zeros.
    if (size < this.size) this.isWritten = true;
    this.#oldShown = Math.min(this.#oldShown, size);
    this.size = size;
    for (const [i, { at, bytes }] of this.#patches.entries()) {
      this.#patches[i] = { at, bytes: bytes.subarray(0, Math.max(0, size - at)) };
    }
  }
}

export class OverlayDisk implements Disk {
  readonly #beneath: Disk;
  /** What became of a file that was touched; `undefined` where it was removed. */
  readonly #files = new Map<string, Layered | undefined>();
  readonly #directories = new Set<string>();
  readonly #before = new Map<string, number | undefined>();

  constructor(beneath: Disk) {
    this.#beneath = readOnly(beneath);
  }

  /** Shows these bytes as a file's content, whatever lies beneath. */
  show(path: string, bytes: Uint8Array): void {
    this.#before.set(path, bytes.length);
    this.#files.set(path, new Layered(undefined, 0, bytes));
  }

  /** Shows a file that lies beneath as if it had this size: what is appended to it later is not seen. */
  freeze(path: string, bytes: number): void {
    this.#before.set(path, bytes);
  }

  /**
   * What was changed, by path: not what was written and is as it was. @throws what the disk beneath throws
   */
  async changes(): Promise<Change[]> {
    const changes: Change[] = [];
    for (const [path, file] of this.#files) {
      const before = this.#before.get(path);
      const after = file?.size;
      if (before === undefined && after === undefined) continue;
      const does =
        after === undefined
          ? "remove"
          : before === undefined
            ? "create"
            : after < before
              ? "cut"
              : after > before
                ? "extend"
                : "rewrite";
      if (does === "rewrite" && file !== undefined && !(await this.#differs(path, file))) continue;
      changes.push({ path, does, before, after });
    }
    return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  resolve(path: string): Answer<string> {
    return this.#beneath.resolve(path);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = mode === "create" ? await this.#created(path) : await this.#existing(path);
    const keeps = !isNotKept(path);
    return {
      size: () => file.size,
      read: (target, position) => file.read(this.#beneath, target, position),
      write: async (source, position) => {
        await file.write(this.#beneath, source, position, keeps);
        return source.length;
      },
      truncate: (size) => {
        file.truncate(size);
      },
      sync: () => undefined,
      close: () => undefined,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#remember(to);
    const file = await this.#movable(from);
    file.isWritten = true;
    this.#files.set(to, file);
    this.#files.set(from, undefined);
  }

  async remove(path: string): Promise<void> {
    await this.#existing(path);
    this.#files.set(path, undefined);
  }

  async list(path: string): Promise<string[]> {
    const names = new Set<string>();
    try {
      for (const name of await this.#beneath.list(path)) names.add(name);
    } catch (cause) {
      if (!this.#directories.has(path)) throw cause;
    }
    for (const [file, layered] of this.#files) {
      if (!file.startsWith(`${path}/`)) continue;
      const name = file.slice(path.length + 1);
      if (name.includes("/")) continue;
      if (layered === undefined) names.delete(name);
      else names.add(name);
    }
    for (const made of this.#directories) {
      const name = made.slice(path.length + 1);
      if (made.startsWith(`${path}/`) && !name.includes("/")) names.add(name);
    }
    return [...names];
  }

  makeDirectory(path: string): void {
    this.#directories.add(path);
  }

  syncDirectory(): void {
    // Nothing here outlives the process.
  }

  lock(): DiskLock {
    return { isHeld: () => true, release: () => undefined };
  }

  /**
   * Whether a file of the size that it had has other bytes. Of what is not kept it is not known, and what was
   * written counts as other.
   */
  async #differs(path: string, file: Layered): Promise<boolean> {
    if (!file.isWritten || isNotKept(path)) return file.isWritten;
    const old = await this.#beneath.open(path, "read");
    try {
      const [was, is] = [Buffer.alloc(COMPARED_BYTES), Buffer.alloc(COMPARED_BYTES)];
      for (let at = 0; at < file.size; at += COMPARED_BYTES) {
        const length = await old.read(was, at);
        await file.read(this.#beneath, is, at);
        if (!was.subarray(0, length).equals(is.subarray(0, length))) return true;
      }
      return false;
    } finally {
      await old.close();
    }
  }

  /** A file, or anything else that has its name: it is moved like a file, and its content does not matter. */
  async #movable(path: string): Promise<Layered> {
    try {
      return await this.#existing(path);
    } catch (cause) {
      if (isMissing(cause) || !isNoFile(cause)) throw cause;
      this.#before.set(path, 0);
      return new Layered(undefined, 0);
    }
  }

  async #created(path: string): Promise<Layered> {
    await this.#remember(path);
    const file = new Layered(undefined, 0);
    file.isWritten = true;
    this.#files.set(path, file);
    return file;
  }

  async #existing(path: string): Promise<Layered> {
    const before = await this.#remember(path);
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    if (this.#files.has(path) || before === undefined) throw missing(path);
    const file = new Layered(path, before);
    this.#files.set(path, file);
    return file;
  }

  /** The size that a file had before anything was changed. */
  async #remember(path: string): Promise<number | undefined> {
    if (this.#before.has(path)) return this.#before.get(path);
    let size: number | undefined;
    try {
      const file = await this.#beneath.open(path, "read");
      size = await file.size();
      await file.close();
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== "ENOENT") throw cause;
    }
    this.#before.set(path, size);
    return size;
  }
}
