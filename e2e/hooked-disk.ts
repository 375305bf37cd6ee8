/**
 * The real disk on which others may act before a name is opened, changed or listed: a test lets a compaction
 * come between two steps of somebody else, or a call fail.
 *
 * Does not promise durability: directories are not synced, for tests that do not lose power.
 * @module
 */
import type { Disk, DiskFile, DiskLock, OpenMode } from "../src/disk/disk.ts";
import { NodeDisk } from "../src/disk/node-disk.ts";

/** A call that waits for the hook. */
type HookedCall = "open" | "rename" | "remove" | "list";

export class HookedDisk implements Disk {
  readonly #disk = new NodeDisk();
  readonly #before: (call: HookedCall, path: string) => void | Promise<void>;

  /** @param before is waited for before each such call; what it throws, the call fails with */
  constructor(before: (call: HookedCall, path: string) => void | Promise<void>) {
    this.#before = before;
  }

  resolve(path: string): string {
    return this.#disk.resolve(path);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    await this.#before("open", path);
    return this.#disk.open(path, mode);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#before("rename", to);
    this.#disk.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.#before("remove", path);
    this.#disk.remove(path);
  }

  async list(path: string): Promise<string[]> {
    await this.#before("list", path);
    return this.#disk.list(path);
  }

  makeDirectory(path: string): void {
    this.#disk.makeDirectory(path);
  }

  syncDirectory(): void {
    // Nothing loses power here.
  }

  lock(path: string): DiskLock | undefined {
    return this.#disk.lock(path);
  }
}
