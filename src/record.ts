/**
 * One record, format `plain`: encode and decode.
 *
 * ```
 * [offset:i64][prev_hash:32][length:u32][payload][crc32:u32]        little-endian
 *  0           8             40          44       44 + stored size
 * ```
 * `length`: bits 0-27 the stored payload's size, bits 28-29 the kind, bits 30-31 the compression.
 * Specification: docs/FORMAT.md, section 2.
 *
 * Every accepted byte string has exactly one record and every record one encoding. Not checked here: whether
 * the record belongs where it was found (offset and chain), and whether its payload expands.
 * @module
 */
import { crc32, HASH_BYTES } from "./chain.ts";
import { StorageError, type StorageErrorCode } from "./error.ts";
import { MAX_PAYLOAD_BYTES } from "./limits.ts";
import type { CompressionKind, Offset, RecordKind } from "./types.ts";

/** Bytes before the payload. */
export const HEADER_BYTES = 44;
/** Bytes a record has beyond its stored payload. */
export const OVERHEAD_BYTES = 48;

const PREV_HASH_AT = 8;
const LENGTH_AT = 40;
const KIND_SHIFT = 28;
const COMPRESSION_SHIFT = 30;

const KINDS: readonly RecordKind[] = ["data", "checkpoint", "tombstone", "redacted"];
const COMPRESSIONS: readonly CompressionKind[] = ["none", "lz4", "zstd"];

/** A record. In `encodeRecord` and `decodeRecord` the payload is as stored; what a read returns is expanded. */
export interface Record {
  readonly offset: Offset;
  readonly prevHash: Uint8Array;
  readonly kind: RecordKind;
  readonly compression: CompressionKind;
  readonly payload: Uint8Array;
}

/** What lies at a position of a buffer: a record's outline, its CRC and codes checked. */
export interface Frame {
  readonly ok: true;
  readonly kind: RecordKind;
  readonly compression: CompressionKind;
  /** The whole record's size in bytes. */
  readonly size: number;
}

/** Why there is no record. A value, not an exception: recovery meets them in the ordinary course. */
export interface Flaw {
  readonly ok: false;
  readonly code: StorageErrorCode;
  readonly sentence: string;
  /** Whether the bytes are an intact record in its place that only this reader cannot read: then it is no torn write. */
  readonly unreadable?: boolean;
  /** Whether there is an intact record, but one that does not continue the stream here. */
  readonly misplaced?: boolean;
}

/**
 * A payload can be made to hold the checksum that its record would have if it were shorter. One flipped bit in the length then leaves
 * a record whose checksum holds, and only the index or the chain knows better.
 */
export const CONTRADICTS_INDEX: Flaw = {
  ok: false,
  code: "checksum-mismatch",
  sentence: "A record's checksum holds, but not with the size or hash that its index entry proves.",
};

const flaw = (code: StorageErrorCode, sentence: string): Flaw => ({ ok: false, code, sentence });

const INCOMPLETE = flaw("incomplete", "The bytes end inside a record.");
const NEGATIVE_OFFSET = flaw("malformed", "The record's offset is negative.");
const BAD_COMPRESSION = flaw("malformed", "The record's compression code 3 is not assigned.");
const COMPRESSED_KIND = flaw(
  "malformed",
  "Only data records may be compressed; this one is of another kind.",
);
const BAD_CRC = flaw("checksum-mismatch", "The record's CRC-32 does not match its bytes.");

/** The on-disk code of a record kind: 0 data, 1 checkpoint, 2 tombstone, 3 redacted. */
export function kindCode(kind: RecordKind): number {
  return KINDS.indexOf(kind);
}

/** The kind with this code, `undefined` for one that is not assigned. */
export function kindOf(code: number): RecordKind | undefined {
  return KINDS[code];
}

/** The size in bytes of the record whose header starts at `at`, as its length field says; the header must be there. */
export function claimedSize(bytes: Buffer, at: number): number {
  return OVERHEAD_BYTES + (bytes.readUInt32LE(at + LENGTH_AT) & MAX_PAYLOAD_BYTES);
}

/**
 * Examines the bytes from `at` up to `end`.
 *
 * O(record) time; allocates nothing that grows with it.
 */
export function frameAt(bytes: Buffer, at: number, end: number): Frame | Flaw {
  if (end - at < HEADER_BYTES) return INCOMPLETE;
  const length = bytes.readUInt32LE(at + LENGTH_AT);
  const size = OVERHEAD_BYTES + (length & MAX_PAYLOAD_BYTES);
  if (end - at < size) return INCOMPLETE;
  const crcAt = at + size - 4;
  if (crc32(bytes.subarray(at, crcAt)) !== bytes.readUInt32LE(crcAt)) return BAD_CRC;
  const kind = KINDS[(length >>> KIND_SHIFT) & 3];
  const compression = COMPRESSIONS[length >>> COMPRESSION_SHIFT];
  if (bytes.readInt32LE(at + 4) < 0) return NEGATIVE_OFFSET;
  if (kind === undefined || compression === undefined) return BAD_COMPRESSION;
  if (kind !== "data" && compression !== "none") return COMPRESSED_KIND;
  return { ok: true, kind, compression, size };
}

/** Whether the record at `at` would be intact if its length field gave it `size` bytes; they must be there. O(size) */
export function isIntactAt(bytes: Buffer, at: number, size: number): boolean {
  if (size < OVERHEAD_BYTES) return false;
  const record = Buffer.from(bytes.subarray(at, at + size));
  const rest = record.readUInt32LE(LENGTH_AT) >>> KIND_SHIFT;
  record.writeUInt32LE(rest * 2 ** KIND_SHIFT + (size - OVERHEAD_BYTES), LENGTH_AT);
  return frameAt(record, 0, size).ok;
}

/** Whether the record at `at` says it is at `offset` (at most 2^53 - 1). */
export function saysOffset(bytes: Buffer, at: number, offset: number): boolean {
  return (
    bytes.readUInt32LE(at) === offset % 2 ** 32 && bytes.readUInt32LE(at + 4) === Math.floor(offset / 2 ** 32)
  );
}

/** A view of the `prev_hash` of the record at `at`. */
export function prevHashAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + PREV_HASH_AT, at + PREV_HASH_AT + HASH_BYTES);
}

/** A view of the stored payload of the record at `at`, whose size is `size`. */
export function payloadAt(bytes: Buffer, at: number, size: number): Buffer {
  return bytes.subarray(at + HEADER_BYTES, at + size - 4);
}

/** The offset of the record at `at`. */
export function offsetAt(bytes: Buffer, at: number): Offset {
  return bytes.readBigInt64LE(at) as Offset;
}

/**
 * Writes a record's bytes into `target` at `at`, where `OVERHEAD_BYTES + payload.length` bytes must be free.
 * @returns the record's size
 */
export function encodeInto(target: Buffer, at: number, record: Record): number {
  const { offset, prevHash, kind, compression, payload } = record;
  const length =
    (payload.length |
      (kindCode(kind) << KIND_SHIFT) |
      (COMPRESSIONS.indexOf(compression) << COMPRESSION_SHIFT)) >>>
    0;
  target.writeBigInt64LE(offset, at);
  target.set(prevHash, at + PREV_HASH_AT);
  target.writeUInt32LE(length, at + LENGTH_AT);
  target.set(payload, at + HEADER_BYTES);
  const crcAt = at + HEADER_BYTES + payload.length;
  target.writeUInt32LE(crc32(target.subarray(at, crcAt)), crcAt);
  return OVERHEAD_BYTES + payload.length;
}

/**
 * The bytes of a record.
 *
 * @param record its payload as it is to be stored, of at most 2^28 - 1 bytes
 * @throws StorageError `payload-too-large`, `out-of-range` (negative offset, or one beyond i64), `malformed`
 * (a previous hash that is not 32 bytes; a compressed record that is not data)
 * @example
 * ```ts
 * const bytes = encodeRecord({
 *   offset: 0n as Offset,
 *   prevHash: new Uint8Array(32),
 *   kind: "data",
 *   compression: "none",
 *   payload: Buffer.from("event1"),
 * });
 * ```
 */
export function encodeRecord(record: Record): Uint8Array {
  const { offset, prevHash, kind, compression, payload } = record;
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new StorageError(
      "payload-too-large",
      `A payload has ${payload.length} bytes; at most ${MAX_PAYLOAD_BYTES} are allowed. Split it.`,
      { offset },
    );
  }
  if (offset < 0n || offset >= 1n << 63n) {
    throw new StorageError("out-of-range", "A record's offset must be from 0 to 2^63 - 1.", { offset });
  }
  if (prevHash.length !== HASH_BYTES) {
    throw new StorageError("malformed", `A previous hash has ${HASH_BYTES} bytes, not ${prevHash.length}.`, {
      offset,
    });
  }
  if (kind !== "data" && compression !== "none") {
    throw new StorageError(COMPRESSED_KIND.code, COMPRESSED_KIND.sentence, { offset });
  }
  const bytes = Buffer.alloc(OVERHEAD_BYTES + payload.length);
  encodeInto(bytes, 0, record);
  return bytes;
}

/**
 * The record that `bytes` begin with; what follows it is not looked at. The record's payload and hash are views of `bytes`.
 *
 * @returns the record and its size in bytes
 * @throws StorageError `incomplete`, `checksum-mismatch`, `malformed`; nothing else, whatever the bytes
 * @example
 * ```ts
 * const { record, size } = decodeRecord(bytes);
 * const next = decodeRecord(bytes.subarray(size));
 * ```
 */
export function decodeRecord(bytes: Uint8Array): { record: Record; size: number } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frame = frameAt(buffer, 0, buffer.length);
  if (!frame.ok) throw new StorageError(frame.code, frame.sentence, { position: 0 });
  return { record: recordAt(buffer, 0, frame), size: frame.size };
}

/** The record that `frame` outlines, its payload as stored; its payload and hash are views of `bytes`. */
export function recordAt(bytes: Buffer, at: number, frame: Frame): Record {
  return {
    offset: offsetAt(bytes, at),
    prevHash: prevHashAt(bytes, at),
    kind: frame.kind,
    compression: frame.compression,
    payload: payloadAt(bytes, at, frame.size),
  };
}
