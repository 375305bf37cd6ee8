/**
 * Walking over records in a segment file, a chunk at a time, and checking that each belongs where it is.
 *
 * Memory: one chunk, or one record where that is larger; a record's size is believed only if the file has
 * that many bytes left.
 * @module
 */
import { ByteWindow } from "./byte-window.ts";
import { equalBytes, HASH_BYTES, sameHash } from "./chain.ts";
import { CHECKPOINT_PAYLOAD_BYTES, deserializeCheckpointPayload } from "./checkpoint.ts";
import type { CodecRegistry } from "./codec.ts";
import type { DiskFile } from "./disk.ts";
import { StorageError } from "./error.ts";
import {
  claimedSize,
  type Flaw,
  type Frame,
  frameAt,
  HEADER_BYTES,
  payloadAt,
  prevHashAt,
  saysOffset,
} from "./record.ts";
import type { Answer } from "./types.ts";

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

/**
 * Gives the records of a file region one by one. `next` answers from memory or says that it needs more; then the
 * caller waits for `fill` and asks again, so that only one record in thousands costs a wait.
 */
export class RecordScanner {
  readonly #window: ByteWindow;

  /** Scans from byte `start` up to byte `end`. */
  constructor(file: DiskFile, path: string, start: number, end: number, chunkBytes: number) {
    this.#window = new ByteWindow(file, path, start, end, chunkBytes);
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
    if (left < HEADER_BYTES) return NO_ROOM;
    if (held < HEADER_BYTES) return undefined;
    const size = claimedSize(bytes, at);
    if (left < size) return NO_ROOM;
    if (held < size) return undefined;
    return frameAt(bytes, at, bytes.length);
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
    await this.#window.fill(held < HEADER_BYTES ? HEADER_BYTES : claimedSize(bytes, at));
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
  bytes: Buffer,
  at: number,
  frame: Frame,
  offset: number,
  previous: Uint8Array | undefined,
): Flaw | undefined {
  if (!saysOffset(bytes, at, offset)) return WRONG_OFFSET;
  const prevHash = prevHashAt(bytes, at);
  if (previous !== undefined && !sameHash(prevHash, previous)) return BROKEN_CHAIN;
  if (offset === 0) {
    if (frame.kind !== "data") return FIRST_NOT_DATA;
    return prevHash.every((byte) => byte === 0) ? undefined : BROKEN_CHAIN;
  }
  if (frame.kind === "data") return undefined;
  if (frame.kind !== "checkpoint") return UNKNOWN_KIND;
  const payload = payloadAt(bytes, at, frame.size);
  if (payload.length !== CHECKPOINT_PAYLOAD_BYTES) return BAD_CHECKPOINT;
  if (!equalBytes(payload, 0, prevHash, 0, HASH_BYTES)) return BAD_CHECKPOINT;
  return deserializeCheckpointPayload(payload).recordCount === BigInt(offset) ? undefined : BAD_CHECKPOINT;
}

/** The payload of the record at `at` as it was appended; a view of `bytes` if it is stored uncompressed. */
export function expandedPayload(
  bytes: Buffer,
  at: number,
  frame: Pick<Frame, "compression" | "size">,
  codecs: CodecRegistry,
): Answer<Uint8Array> {
  const stored = payloadAt(bytes, at, frame.size);
  return frame.compression === "none" ? stored : codecs.get(frame.compression).decompress(stored);
}

/** The flaw that an expansion failed with; anything else is thrown on. */
export function expansionFlaw(error: unknown): Flaw {
  if (error instanceof StorageError && error.code !== "io")
    return { ok: false, code: error.code, sentence: error.message, unreadable: true };
  throw error;
}
