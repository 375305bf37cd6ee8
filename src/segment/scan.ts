/**
 * Walking over records in a segment file, a chunk at a time, and checking that each belongs where it is.
 *
 * Memory: one chunk, or one record where that is larger; a record's size is believed only if the file has
 * that many bytes left.
 * @module
 */
import { ByteWindow } from "../disk/byte-window.ts";
import { crc32, equalBytes, HASH_BYTES, sameHash } from "../format/chain.ts";
import { CHECKPOINT_PAYLOAD_BYTES, deserializeCheckpointPayload } from "../format/checkpoint.ts";
import type { CodecRegistry } from "../format/codec.ts";
import type { DiskFile } from "../disk/disk.ts";
import { StorageError } from "../error.ts";
import { forChunks, io } from "../disk/files.ts";
import type { RecordFormat } from "../format/formats.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import {
  claimedSize,
  type Flaw,
  type Frame,
  frameAt,
  payloadAt,
  prevHashAt,
  saysOffset,
} from "../format/record.ts";
import type { Answer } from "../types.ts";

const NO_ROOM: Flaw = { ok: false, code: "incomplete", sentence: "The file ends inside a record." };

const misplaced = (code: Flaw["code"], sentence: string): Flaw => ({
  ok: false,
  code,
  sentence,
  misplaced: true,
});
const WRONG_OFFSET = misplaced("wrong-offset", "An intact record says that it belongs at another offset.");
const BROKEN_CHAIN = misplaced(
  "broken-chain",
  "An intact record does not carry the hash of the record before it.",
);
const FIRST_NOT_DATA = misplaced("malformed", "A stream's first record is not data.");
const BAD_CHECKPOINT = misplaced("malformed", "A checkpoint contradicts its own place in the chain.");
const UNKNOWN_KIND: Flaw = {
  ok: false,
  code: "malformed",
  sentence: "Records of this kind are not known to this version. Use one that knows them.",
  unreadable: true,
};

/** An intact record that is not for this reader. Kimberlite writes records as large as 32 bits can say. */
export const BEYOND_LIMITS: Flaw = {
  ok: false,
  code: "payload-too-large",
  sentence: "An intact record is larger than this version reads. Use a version or a program that reads it.",
  unreadable: true,
};

/**
 * Gives the records of a file region one by one. `next` answers from memory or says that it needs more; then the
 * caller waits for `fill` and asks again, so that only one record in thousands costs a wait.
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

  /** Goes on to the byte behind the record that `next` gave. */
  accept(frame: Frame): void {
    this.#window.skip(frame.size);
  }

  /** Goes on at another place, at or behind this one. */
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
 * Whether the intact record at `at` may stand at `offset` behind a record whose chain hash is `previous`.
 * @param previous `undefined` where it is not known; then the record's own `prev_hash` is taken as given
 * @returns the flaw, if there is one
 */
export function misfit(
  format: RecordFormat,
  bytes: Buffer,
  at: number,
  frame: Frame,
  offset: number,
  previous: Uint8Array | undefined,
): Flaw | undefined {
  if (!saysOffset(format, bytes, at, offset)) return WRONG_OFFSET;
  const prevHash = prevHashAt(format, bytes, at);
  if (previous !== undefined && !sameHash(prevHash, previous)) return BROKEN_CHAIN;
  if (offset === 0) {
    if (frame.kind !== "data" && format.startsWithData) return FIRST_NOT_DATA;
    if (!prevHash.every((byte) => byte === 0)) return BROKEN_CHAIN;
  }
  if (frame.kind === "data") return undefined;
  if (frame.kind !== "checkpoint") return format.name === "plain" ? UNKNOWN_KIND : undefined;
  const payload = payloadAt(format, bytes, at, frame.size);
  if (payload.length !== CHECKPOINT_PAYLOAD_BYTES) return BAD_CHECKPOINT;
  if (!equalBytes(payload, 0, prevHash, 0, HASH_BYTES)) return BAD_CHECKPOINT;
  if (!format.checksCounts) return undefined;
  return deserializeCheckpointPayload(payload).recordCount === BigInt(offset) ? undefined : BAD_CHECKPOINT;
}

/** The payload of the record at `at` as it was appended; a view of `bytes` if it is stored uncompressed. */
export function expandedPayload(
  format: RecordFormat,
  bytes: Buffer,
  at: number,
  frame: Pick<Frame, "compression" | "size">,
  codecs: CodecRegistry,
): Answer<Uint8Array> {
  const stored = payloadAt(format, bytes, at, frame.size);
  return frame.compression === "none" ? stored : codecs.get(frame.compression).decompress(stored);
}

/** The flaw that an expansion failed with; anything else is thrown on. */
export function expansionFlaw(error: unknown): Flaw {
  if (error instanceof StorageError && error.code !== "io")
    return { ok: false, code: error.code, sentence: error.message, unreadable: true };
  throw error;
}

/**
 * Whether a record that is larger than `MAX_PAYLOAD_BYTES` allows begins at `position`, all of it before `end`, marks and checksum right.
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
