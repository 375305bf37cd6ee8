/**
 * Walking over records in a segment file, a chunk at a time, and checking that each belongs where it is.
 *
 * Memory: one chunk, or one record where that is larger; a record's size is believed only if the file has
 * that many bytes left.
 * @module
 */
import { chainHash, equalBytes, HASH_BYTES, sameHash } from "./chain.ts";
import { CHECKPOINT_PAYLOAD_BYTES, deserializeCheckpointPayload } from "./checkpoint.ts";
import type { CodecRegistry } from "./codec.ts";
import type { DiskFile } from "./disk.ts";
import { StorageError } from "./error.ts";
import { ioError } from "./files.ts";
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

const misplaced = (code: Flaw["code"], sentence: string): Flaw => ({ ok: false, code, sentence });
const WRONG_OFFSET = misplaced("wrong-offset", "An intact record says that it belongs at another offset.");
const BROKEN_CHAIN = misplaced(
  "broken-chain",
  "An intact record does not carry the hash of the record before it.",
);
const FIRST_NOT_DATA = misplaced("malformed", "A stream's first record is not data.");
const BAD_CHECKPOINT = misplaced("malformed", "A checkpoint contradicts its own place in the chain.");
const UNKNOWN_KIND = misplaced("malformed", "Records of this kind are not known to this version.");

/**
 * Gives the records of a file region one by one. `next` answers from memory or says that it needs more; then the
 * caller waits for `fill` and asks again, so that only one record in thousands costs a wait.
 */
export class RecordScanner {
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #chunkBytes: number;
  #end: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** File position of the first byte in memory. */
  #base: number;
  #at = 0;

  /** Scans from byte `start` up to byte `end`. */
  constructor(file: DiskFile, path: string, start: number, end: number, chunkBytes: number) {
    this.#file = file;
    this.#path = path;
    this.#base = start;
    this.#end = end;
    this.#chunkBytes = chunkBytes;
  }

  /** File position of the next record. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** The bytes in memory; a record that `next` gave starts in them at `at`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get at(): number {
    return this.#at;
  }

  /** Whether the region has been walked to its end. */
  get done(): boolean {
    return this.position >= this.#end;
  }

  /** The next record's outline, why there is none, or `undefined` if more must be read first. */
  next(): Frame | Flaw | undefined {
    const left = this.#end - this.position;
    const held = this.#bytes.length - this.#at;
    if (left < HEADER_BYTES) return NO_ROOM;
    if (held < HEADER_BYTES) return undefined;
    const size = claimedSize(this.#bytes, this.#at);
    if (left < size) return NO_ROOM;
    if (held < size) return undefined;
    return frameAt(this.#bytes, this.#at, this.#bytes.length);
  }

  /** Goes on to the byte behind the record that `next` gave. */
  accept(frame: Frame): void {
    this.#at += frame.size;
  }

  /** Goes on at another place, at or behind this one. */
  skipTo(position: number): void {
    const ahead = position - this.#base;
    if (ahead <= this.#bytes.length) {
      this.#at = ahead;
    } else {
      this.#bytes = Buffer.alloc(0);
      this.#base = position;
      this.#at = 0;
    }
  }

  /** Reads the next chunk, or as much as the record that is waited for needs. */
  async fill(): Promise<void> {
    const kept = this.#bytes.subarray(this.#at);
    const needed = kept.length < HEADER_BYTES ? HEADER_BYTES : claimedSize(kept, 0);
    const from = this.position + kept.length;
    const wanted = Math.min(Math.max(needed - kept.length, this.#chunkBytes), this.#end - from);
    const bytes = Buffer.allocUnsafe(kept.length + wanted);
    bytes.set(kept, 0);
    let read: number;
    try {
      read = await this.#file.read(bytes.subarray(kept.length), from);
    } catch (cause) {
      throw ioError("reading a segment", { file: this.#path, position: from }, cause);
    }
    this.#base = this.position;
    this.#at = 0;
    this.#bytes = bytes.subarray(0, kept.length + read);
    if (read < wanted) this.#end = from + read;
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
  frame: Frame,
  codecs: CodecRegistry,
): Answer<Uint8Array> {
  const stored = payloadAt(bytes, at, frame.size);
  return frame.compression === "none" ? stored : codecs.get(frame.compression).decompress(stored);
}

/** The chain hash of the record at `at`, which is at `offset`. */
export async function hashAt(
  bytes: Buffer,
  at: number,
  frame: Frame,
  offset: number,
  codecs: CodecRegistry,
): Promise<Buffer> {
  const expanded = expandedPayload(bytes, at, frame, codecs);
  const payload = expanded instanceof Uint8Array ? expanded : await expanded;
  return chainHash(offset === 0 ? undefined : prevHashAt(bytes, at), frame.kind, payload);
}

/** The flaw that an expansion failed with; anything else is thrown on. */
export function expansionFlaw(error: unknown): Flaw {
  if (error instanceof StorageError && error.code !== "io")
    return { ok: false, code: error.code, sentence: error.message };
  throw error;
}
