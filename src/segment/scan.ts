/**
 * Walking over the records in a segment file, a chunk at a time. Not checked here: whether a record belongs
 * where it is.
 *
 * Memory: one chunk, or one record where that is larger; a record's size is believed only if the file has
 * that many bytes left.
 * @module
 */
import { ByteWindow } from "../disk/byte-window.ts";
import { crc32 } from "../format/chain.ts";
import type { DiskFile } from "../disk/disk.ts";
import { forChunks, io } from "../disk/files.ts";
import type { RecordFormat } from "../format/formats.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { claimedSize, type Flaw, type Frame, frameAt } from "../format/record.ts";

const NO_ROOM: Flaw = { ok: false, code: "incomplete", sentence: "The file ends inside a record." };

/** An intact record that is not for this reader. Kimberlite writes records as large as 32 bits can say. */
export const BEYOND_LIMITS: Flaw = {
  ok: false,
  code: "payload-too-large",
  sentence: "An intact record is larger than this version reads. Use a version or a program that reads it.",
  unreadable: true,
};

/**
 * Gives the records of a file region one by one. `next` answers from memory or says that it needs more; then
 * the caller waits for `fill` and asks again, so that only one record in thousands costs a wait.
 */
export class RecordScanner {
  readonly format: RecordFormat;
  readonly #window: ByteWindow;

  /** Scans from byte `start` up to byte `end`. With `reuses`, records are good until the next `fill`. */
  constructor(
    format: RecordFormat,
    file: DiskFile,
    path: string,
    start: number,
    end: number,
    chunkBytes: number,
    reuses = false,
  ) {
    this.format = format;
    this.#window = new ByteWindow(file, path, start, end, chunkBytes, reuses);
  }

  /** File position of the next record. */
  get position(): number {
    return this.#window.position;
  }

  /** The bytes in memory; a record that `next` gave starts in them at `at`. */
  get bytes(): Buffer {
    return this.#window.bytes;
  }

  get at(): number {
    return this.#window.at;
  }

  /** Whether the region has been walked to its end. */
  get done(): boolean {
    return this.#window.left <= 0;
  }

  /** The next record's outline, why there is none, or `undefined` if more must be read first. */
  next(): Frame | Flaw | undefined {
    const { left, held, bytes, at } = this.#window;
    const { headerBytes } = this.format;
    if (left < headerBytes) return NO_ROOM;
    if (held < headerBytes) return undefined;
    const size = claimedSize(this.format, bytes, at);
    if (left < size && size < Number.POSITIVE_INFINITY) return NO_ROOM;
    if (held < size && size < Number.POSITIVE_INFINITY) return undefined;
    return frameAt(this.format, bytes, at, bytes.length);
  }

  /** Moves to the byte after the record that `next` returned. */
  accept(frame: Frame): void {
    this.#window.skip(frame.size);
  }

  /** Moves to a later place, or stays. */
  skipTo(position: number): void {
    this.#window.skip(position - this.#window.position);
  }

  /** Reads the next chunk, or as much as the record that is waited for needs. @throws StorageError `io` */
  async fill(): Promise<void> {
    const { held, bytes, at } = this.#window;
    const { headerBytes } = this.format;
    await this.#window.fill(held < headerBytes ? headerBytes : claimedSize(this.format, bytes, at));
  }

  /** `next`, waited for. */
  async advance(): Promise<Frame | Flaw> {
    for (;;) {
      const found = this.next();
      if (found !== undefined) return found;
      await this.fill();
    }
  }
}

/**
 * Whether a record that is larger than `MAX_PAYLOAD_BYTES` allows begins at `position`, all of it before
 * `end`, marks and checksum right.
 *
 * O(record) time, memory of one chunk.
 * @throws StorageError `io`
 */
export async function isIntactBeyondLimits(
  { format, file, path, end }: Pick<RecordScanner, "format"> & { file: DiskFile; path: string; end: number },
  position: number,
): Promise<boolean> {
  const { headerBytes, trailerBytes } = format;
  const part = Buffer.alloc(Math.max(headerBytes, trailerBytes));
  const read = (at: number, bytes: number): Promise<number> =>
    io("reading a segment", { file: path, position: at }, () => file.read(part.subarray(0, bytes), at));
  await read(position, headerBytes);
  const storedBytes = format.storedBytesAt(part, 0);
  const crcAt = position + headerBytes + storedBytes;
  if (!format.beginsAt(part, 0) || storedBytes <= MAX_PAYLOAD_BYTES || crcAt + trailerBytes > end)
    return false;
  let crc = 0;
  await forChunks(file, path, position, crcAt, (chunk) => {
    crc = crc32(chunk, crc);
  });
  await read(crcAt, trailerBytes);
  return part.readUInt32LE(0) === crc && format.endsAt(part, 4);
}
