/**
 * A segment while it is written anew, under a name that means nothing until it is renamed.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { abandon, io, segmentName, temporaryName, writeAll } from "../disk/files.ts";
import { createFile, removeIfFile } from "../disk/obstacles.ts";
import { encodeInto, type Record } from "../format/record.ts";
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
  static async begin(context: StreamContext, segment: number): Promise<SegmentCopy> {
    const path = temporaryName(`${context.path}/${segmentName(segment)}`);
    return new SegmentCopy(context, path, await createFile(context.disk, path));
  }

  /** Adds a record of so many bytes. */
  async add(record: Record, size: number): Promise<void> {
    if (size > WRITE_BYTES) {
      const bytes = Buffer.allocUnsafe(size);
      encodeInto(this.#context.format, bytes, 0, record);
      await this.addBytes(bytes);
      return;
    }
    if (this.#used + size > WRITE_BYTES) await this.#flush();
    this.#used += encodeInto(this.#context.format, this.#pending, this.#used, record);
  }

  /** Adds bytes as they are. */
  async addBytes(bytes: Uint8Array): Promise<void> {
    await this.#flush();
    await writeAll(this.#file, this.path, bytes, this.#written);
    this.#written += bytes.length;
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

  async #flush(): Promise<void> {
    const bytes = this.#pending.subarray(0, this.#used);
    if (bytes.length === 0) return;
    await writeAll(this.#file, this.path, bytes, this.#written);
    this.#written += bytes.length;
    this.#used = 0;
  }
}
