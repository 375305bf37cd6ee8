/**
 * A window that moves forward over a file, read a chunk at a time.
 *
 * Memory: one chunk, or what is asked for where that is more; never more than the file has left.
 * @module
 */
import type { DiskFile } from "./disk.ts";
import { ioError } from "./files.ts";

export class ByteWindow {
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #chunkBytes: number;
  #end: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** File position of the first byte in memory. */
  #base: number;
  #at = 0;

  /**
   * Whether what was passed may be overwritten: then views of it are good until the next `fill`, and memory
   * is not allocated again.
   */
  readonly #reuses: boolean;
  #memory: Buffer = Buffer.alloc(0);

  /** Over the bytes of a file from `start` to `end`. */
  constructor(file: DiskFile, path: string, start: number, end: number, chunkBytes: number, reuses = false) {
    this.#reuses = reuses;
    this.#file = file;
    this.#path = path;
    this.#base = start;
    this.#end = end;
    this.#chunkBytes = chunkBytes;
  }

  /**
   * The bytes in memory; those not yet passed begin at `at`. A later `fill` leaves them as they are and takes
   * others, unless memory is reused.
   */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get at(): number {
    return this.#at;
  }

  /** File position of `at`. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** Bytes from `at` on that are in memory. */
  get held(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes from `at` on that the file has. */
  get left(): number {
    return this.#end - this.position;
  }

  /** Moves on by so many bytes, in memory or not. */
  skip(bytes: number): void {
    if (bytes <= this.held) {
      this.#at += bytes;
    } else {
      this.#base = this.position + bytes;
      this.#bytes = Buffer.alloc(0);
      this.#at = 0;
    }
  }

  /** Reads until `needed` bytes are held, or as many as there are. @throws StorageError `io` */
  async fill(needed: number): Promise<void> {
    const kept = this.#bytes.subarray(this.#at);
    const from = this.position + kept.length;
    const wanted = Math.min(Math.max(needed - kept.length, this.#chunkBytes), this.#end - from);
    const bytes = this.#take(kept.length + wanted);
    bytes.set(kept, 0);
    let read: number;
    try {
      read = await this.#file.read(bytes.subarray(kept.length), from);
    } catch (cause) {
      throw ioError("reading a file", { file: this.#path, position: from }, cause);
    }
    this.#base = this.position;
    this.#at = 0;
    this.#bytes = bytes.subarray(0, kept.length + read);
    if (read < wanted) this.#end = from + read;
  }

  /** Memory for so many bytes. If it is reused, the caller moves what is kept to its beginning. */
  #take(bytes: number): Buffer {
    if (!this.#reuses) return Buffer.allocUnsafe(bytes);
    if (this.#memory.length < bytes) this.#memory = Buffer.allocUnsafe(bytes);
    return this.#memory.subarray(0, bytes);
  }
}
