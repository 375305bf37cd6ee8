/**
 * One record: encode and decode, whatever its format (`formats.ts` has the layouts).
 *
 * Every byte string that is accepted has exactly one record, and every record has one encoding. Not checked
 * here: whether the record belongs where it was found (offset and chain), and whether its payload expands.
 *
 * Specification: docs/FORMAT.md, sections 2 and 8.1.
 * @module
 */
import { crc32, HASH_BYTES } from "./chain.ts";
import { StorageError, type StorageErrorCode } from "../error.ts";
import { formatNamed, isCompression, type RecordFormat } from "./formats.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { asBigInt, asBytes } from "../options.ts";
import type { CompressionKind, Format, Offset, RecordKind } from "../types.ts";

/**
 * A record. In `encodeRecord` and `decodeRecord` the payload is as stored; what a read returns is expanded.
 */
export interface Record {
  /** Its place in the stream, from 0. */
  readonly offset: Offset;
  /** Chain hash of the record before it, 32 bytes; zeros in a stream's first record. */
  readonly prevHash: Uint8Array;
  /** What it is for. */
  readonly kind: RecordKind;
  /** How its payload is stored. */
  readonly compression: CompressionKind;
  /** Its content. */
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

/** Why there is no record. A value, not an exception, because recovery meets flaws regularly. */
export interface Flaw {
  readonly ok: false;
  readonly code: StorageErrorCode;
  readonly sentence: string;
  /**
   * Whether the bytes are an intact record in its place that this reader cannot read: then it is not a torn
   * write.
   */
  readonly unreadable?: boolean;
  /** Whether there is an intact record that does not continue the stream here. */
  readonly misplaced?: boolean;
}

/**
 * A payload can be made to contain the checksum that its record would have if it were shorter. One flipped
 * bit in the length then leaves a record with a matching checksum, and only the index or the chain shows the
 * damage.
 */
export const CONTRADICTS_INDEX: Flaw = {
  ok: false,
  code: "checksum-mismatch",
  sentence: "A record's checksum holds, but not with the size or hash that its index entry proves.",
};

const CRC_BYTES = 4;

const flaw = (code: StorageErrorCode, sentence: string): Flaw => ({ ok: false, code, sentence });

const INCOMPLETE = flaw("incomplete", "The bytes end inside a record.");
const NO_MARK = flaw("malformed", "No record begins here: the mark that it would begin with is not there.");
/**
 * What `frameAt` finds of a record that is larger than `MAX_PAYLOAD_BYTES` allows, whether it is intact or
 * not (`isIntactBeyondLimits`).
 */
export const TOO_LARGE: Flaw = flaw("malformed", "The record says that it is larger than a record can be.");
const NO_END_MARK = flaw("malformed", "The mark that the record would end with is not there.");
const NEGATIVE_OFFSET = flaw("malformed", "The record's offset is negative.");
const BAD_CODE = flaw("malformed", "The record's code for its kind or compression is not assigned.");
const COMPRESSED_KIND = flaw(
  "malformed",
  "Only data records may be compressed; this one is of another kind.",
);
const BAD_CRC = flaw("checksum-mismatch", "The record's CRC-32 does not match its bytes.");

/**
 * The size in bytes of the record whose header starts at `at`, as its length field says; the whole header
 * must be there.
 *
 * @returns bytes; `Infinity` if no record is that large
 */
export function claimedSize(format: RecordFormat, bytes: Buffer, at: number): number {
  const stored = format.storedBytesAt(bytes, at);
  return stored > MAX_PAYLOAD_BYTES ? Number.POSITIVE_INFINITY : format.overheadBytes + stored;
}

/**
 * Examines the bytes from `at` up to `end`.
 *
 * @returns the record's outline, or why there is none; O(record) time, O(1) memory
 */
export function frameAt(format: RecordFormat, bytes: Buffer, at: number, end: number): Frame | Flaw {
  if (end - at < format.headerBytes) return INCOMPLETE;
  if (!format.beginsAt(bytes, at)) return NO_MARK;
  const size = claimedSize(format, bytes, at);
  if (size === Number.POSITIVE_INFINITY) return TOO_LARGE;
  if (end - at < size) return INCOMPLETE;
  const crcAt = at + size - format.trailerBytes;
  if (crc32(bytes.subarray(at, crcAt)) !== bytes.readUInt32LE(crcAt)) return BAD_CRC;
  if (!format.endsAt(bytes, crcAt + CRC_BYTES)) return NO_END_MARK;
  if (format.isSigned && bytes.readInt32LE(at + format.offsetAt + 4) < 0) return NEGATIVE_OFFSET;
  const kind = format.kindAt(bytes, at);
  const compression = format.compressionAt(bytes, at);
  if (kind === undefined || compression === undefined) return BAD_CODE;
  if (kind !== "data" && compression !== "none") return COMPRESSED_KIND;
  return { ok: true, kind, compression, size };
}

/** Whether the record at `at` would be intact if its length field gave it `size` bytes. O(size) */
export function isIntactAt(format: RecordFormat, bytes: Buffer, at: number, size: number): boolean {
  if (size < format.overheadBytes || size > format.overheadBytes + MAX_PAYLOAD_BYTES) return false;
  if (bytes.length - at < size) return false;
  const record = Buffer.from(bytes.subarray(at, at + size));
  format.writeStoredBytes(record, 0, size - format.overheadBytes);
  return frameAt(format, record, 0, size).ok;
}

/** Whether the record at `at` says it is at `offset` (at most 2^53 - 1). */
export function saysOffset(format: RecordFormat, bytes: Buffer, at: number, offset: number): boolean {
  const low = at + format.offsetAt;
  return (
    bytes.readUInt32LE(low) === offset % 2 ** 32 &&
    bytes.readUInt32LE(low + 4) === Math.floor(offset / 2 ** 32)
  );
}

/** A view of the `prev_hash` of the record at `at`. */
export function prevHashAt(format: RecordFormat, bytes: Buffer, at: number): Buffer {
  const start = at + format.prevHashAt;
  return bytes.subarray(start, start + HASH_BYTES);
}

/**
 * The chain hash of the record at `at`, from the hash that it carries; O(payload).
 *
 * @param payload as it was appended
 */
export function chainHashAt(
  format: RecordFormat,
  bytes: Buffer,
  at: number,
  kind: RecordKind,
  offset: number,
  payload: Uint8Array,
): Buffer {
  return format.chainHash(offset === 0 ? undefined : prevHashAt(format, bytes, at), kind, payload);
}

/** A view of the stored payload of the record at `at`, whose size is `size`. */
export function payloadAt(format: RecordFormat, bytes: Buffer, at: number, size: number): Buffer {
  return bytes.subarray(at + format.headerBytes, at + size - format.trailerBytes);
}

/** The offset of the record at `at`. */
export function offsetAt(format: RecordFormat, bytes: Buffer, at: number): Offset {
  const start = at + format.offsetAt;
  return (format.isSigned ? bytes.readBigInt64LE(start) : bytes.readBigUInt64LE(start)) as Offset;
}

/**
 * Writes a record's bytes into `target` at `at`, where `overheadBytes + payload.length` bytes must be free.
 * @returns the record's size
 */
export function encodeInto(format: RecordFormat, target: Buffer, at: number, record: Record): number {
  const { offset, prevHash, kind, compression, payload } = record;
  target.writeBigUInt64LE(offset, at + format.offsetAt);
  target.set(prevHash, at + format.prevHashAt);
  format.writeCodes(target, at, kind, compression);
  format.writeStoredBytes(target, at, payload.length);
  target.set(payload, at + format.headerBytes);
  const crcAt = at + format.headerBytes + payload.length;
  target.writeUInt32LE(crc32(target.subarray(at, crcAt)), crcAt);
  format.writeEnd(target, crcAt + CRC_BYTES);
  return format.overheadBytes + payload.length;
}

/**
 * The bytes of a record (docs/FORMAT.md, sections 2 and 8.1).
 *
 * ```
 * [offset:i64][prev_hash:32][length:u32][payload][crc32:u32]      plain, little-endian
 * ```
 * @param record its payload as it is to be stored, of at most 2^28 - 1 bytes
 * @param format of the stream; default: `plain`
 * @returns the payload and 48 bytes more, in `sentinel` 58; O(payload) time
 * @throws StorageError `payload-too-large`; `out-of-range` for a negative offset, or one that does not fit
 *   the format; `malformed` for a previous hash that does not have 32 bytes, a compressed record that is not
 *   data, or a kind or compression that the format does not have
 * @throws TypeError for an offset, a hash or a payload of another type, or an unknown format
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
export function encodeRecord(record: Record, format: Format = "plain"): Uint8Array {
  const layout = formatNamed(format);
  const { offset, prevHash, kind, compression, payload } = record;
  asBigInt("offset", offset);
  asBytes("prevHash", prevHash);
  if (asBytes("payload", payload).length > MAX_PAYLOAD_BYTES) {
    throw new StorageError(
      "payload-too-large",
      `A payload has ${payload.length} bytes; at most ${MAX_PAYLOAD_BYTES} are allowed. Split it.`,
      { offset },
    );
  }
  const bits = layout.isSigned ? 63 : 64;
  if (offset < 0n || offset >= 1n << BigInt(bits)) {
    throw new StorageError("out-of-range", `A record's offset must be from 0 to 2^${bits} - 1.`, { offset });
  }
  if (prevHash.length !== HASH_BYTES) {
    throw new StorageError("malformed", `A previous hash has ${HASH_BYTES} bytes, not ${prevHash.length}.`, {
      offset,
    });
  }
  if (kind !== "data" && compression !== "none") {
    throw new StorageError(COMPRESSED_KIND.code, COMPRESSED_KIND.sentence, { offset });
  }
  if (!isCompression(compression)) {
    throw new StorageError("malformed", `There is no compression "${compression}".`, { offset });
  }
  if (!layout.kinds.includes(kind)) {
    throw new StorageError("malformed", `The format ${format} has no records of kind ${kind}.`, { offset });
  }
  const bytes = Buffer.alloc(layout.overheadBytes + payload.length);
  encodeInto(layout, bytes, 0, record);
  return bytes;
}

/**
 * The record at the start of `bytes`; the bytes after it are not looked at. The record's payload and hash are
 * views of `bytes`.
 *
 * @param bytes a record, and anything after it
 * @param format of the stream; default: `plain`
 * @returns the record, its payload as stored, and its size in bytes; O(record) time
 * @throws StorageError `incomplete`, `checksum-mismatch`, `malformed`; nothing else, whatever the bytes are
 * @throws TypeError for bytes of another type, or an unknown format
 * @example
 * ```ts
 * const { record, size } = decodeRecord(bytes);
 * const next = decodeRecord(bytes.subarray(size));
 * ```
 */
export function decodeRecord(bytes: Uint8Array, format: Format = "plain"): { record: Record; size: number } {
  const layout = formatNamed(format);
  const { buffer: memory, byteOffset, byteLength } = asBytes("What is decoded", bytes);
  const buffer = Buffer.from(memory, byteOffset, byteLength);
  const frame = frameAt(layout, buffer, 0, buffer.length);
  if (!frame.ok) throw new StorageError(frame.code, frame.sentence, { position: 0 });
  return { record: recordAt(layout, buffer, 0, frame), size: frame.size };
}

/** The record that `frame` outlines, its payload as stored; its payload and hash are views of `bytes`. */
export function recordAt(format: RecordFormat, bytes: Buffer, at: number, frame: Frame): Record {
  return {
    offset: offsetAt(format, bytes, at),
    prevHash: prevHashAt(format, bytes, at),
    kind: frame.kind,
    compression: frame.compression,
    payload: payloadAt(format, bytes, at, frame.size),
  };
}
