/**
 * A segment while it is written anew, under a name that means nothing until it is renamed.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { abandon, io, writeAll } from "../disk/files.ts";
import { segmentName, temporaryName } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import { createFile, removeIfFile } from "../disk/obstacles.ts";
import type { Answer } from "../types.ts";
import type { StreamContext } from "./stream-context.ts";

/** How many bytes are collected before they are written. */
const WRITE_BYTES = 1 << 20;

export class SegmentCopy {
  /** Path of the file. */
  readonly path: string;
  readonly #context: StreamContext;
  readonly #file: DiskFile;
  readonly #pending = Buffer.allocUnsafe(WRITE_BYTES);
  #used = 0;
  #written = 0;

  private constructor(context: StreamContext, path: string, file: DiskFile) {
    this.#context = context;
    this.path = path;
    this.#file = file;
  }

  /** Begins one, empty. @throws StorageError `io` */
  static async begin(context: StreamContext, segment: SegmentNumbers): Promise<SegmentCopy> {
    const path = temporaryName(`${context.path}/${segmentName(segment)}`);
    return new SegmentCopy(context, path, await createFile(context.disk, path));
  }

  /** Adds bytes, which have to be waited for only if that says so. @throws StorageError `io` */
  add(bytes: Uint8Array): Answer<void> {
    if (this.#used + bytes.length > WRITE_BYTES) return this.#addBehindPending(bytes);
    this.#pending.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Makes everything durable and closes the file. @throws StorageError `io` */
  async finish(): Promise<void> {
    await this.#flush();
    await io("syncing a segment", { file: this.path }, () => this.#file.sync());
    await io("closing a segment", { file: this.path }, () => this.#file.close());
  }

  /** Closes and removes the file after a failure. */
  async abandon(): Promise<void> {
    await abandon(this.#file);
    // What stays is removed when the stream is opened; the caller throws the failure that led here.
    await removeIfFile(this.#context.disk, this.path).catch(() => undefined);
  }

  async #addBehindPending(bytes: Uint8Array): Promise<void> {
    await this.#flush();
    if (bytes.length > WRITE_BYTES) await this.#write(bytes);
    else await this.add(bytes);
  }

  async #flush(): Promise<void> {
    if (this.#used > 0) await this.#write(this.#pending.subarray(0, this.#used));
    this.#used = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, this.path, bytes, this.#written);
    this.#written += bytes.length;
  }
}
