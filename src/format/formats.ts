/**
 * The two formats that a stream can have: where the fields of a record are, which codes they hold, and how
 * records are chained.
 *
 * ```
 * plain     [offset:i64][prev_hash:32][length:u32][payload][crc32:u32]                                   little-endian
 *            0           8             40          44       44 + stored size
 * sentinel  [0xBADC0FFE:u32][offset:u64][prev_hash:32][kind:u8][compression:u8][length:u32][payload][crc32:u32][0xC0FFEE42:u32]
 *            0               4           12            44       45              46          50       50 + n     54 + n
 * ```
 * In `plain`, `length` holds the stored payload's size in bits 0-27, the kind in bits 28-29, the compression
 * in bits 30-31.
 *
 * Specification: docs/FORMAT.md, sections 2, 3 and 8.
 * @module
 */
import { plainHash, sentinelHash } from "./chain.ts";
import { type CodecRegistry, withUndeclaredSizes } from "./codec.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { asBytes, asFormat, asOneOf } from "../options.ts";
import type { CompressionKind, Format, RecordKind } from "../types.ts";

/** What distinguishes one format from the other. `at` is always where a record starts. */
export interface RecordFormat {
  readonly name: Format;
  /** Bytes from a record's start to its offset, its `prev_hash`, and its payload. */
  readonly offsetAt: number;
  readonly prevHashAt: number;
  readonly headerBytes: number;
  /** Bytes after the payload; the first of them are the CRC. */
  readonly trailerBytes: number;
  /** Bytes a record has beyond its stored payload. */
  readonly overheadBytes: number;
  /** Whether an offset is a signed 64-bit integer; a negative one is then invalid. */
  readonly isSigned: boolean;
  /** The kinds of record that it has. */
  readonly kinds: readonly RecordKind[];
  /** Whether a stream's first record must be data. */
  readonly startsWithData: boolean;
  /** Whether a checkpoint that does not count the records before it is invalid. */
  readonly checksCounts: boolean;
  /** Whether a tombstone says which records it hides; in the other format it may say anything. */
  readonly hidesRecords: boolean;
  /** Whether the mark with which a record begins is there. */
  beginsAt(bytes: Buffer, at: number): boolean;
  /** Whether the mark with which a record ends is there; `at` is the byte after the CRC. */
  endsAt(bytes: Buffer, at: number): boolean;
  /** The size of the stored payload, as the header says, even if no record is that large. */
  storedBytesAt(bytes: Buffer, at: number): number;
  kindAt(bytes: Buffer, at: number): RecordKind | undefined;
  compressionAt(bytes: Buffer, at: number): CompressionKind | undefined;
  /** Writes the first mark, if the format has one, and the codes. */
  writeCodes(target: Buffer, at: number, kind: RecordKind, compression: CompressionKind): void;
  /**
   * Writes the size of the stored payload, of at most `MAX_PAYLOAD_BYTES`, and leaves the codes as they are.
   */
  writeStoredBytes(target: Buffer, at: number, storedBytes: number): void;
  /** Writes the mark after the CRC, if the format has one. */
  writeEnd(target: Buffer, at: number): void;
  /**
   * Chain hash of a record, from that of the record before, `undefined` for a stream's first, and the payload
   * before compression.
   */
  chainHash(previous: Uint8Array | undefined, kind: RecordKind, payload: Uint8Array): Buffer;
  /** The codecs as this format's payloads need them. */
  codecs(registry: CodecRegistry): CodecRegistry;
}

const KINDS: readonly [RecordKind, ...RecordKind[]] = ["data", "checkpoint", "tombstone", "redacted"];
/** Kimberlite has no redacted records. */
const SENTINEL_KINDS: readonly RecordKind[] = KINDS.slice(0, 3);
const COMPRESSIONS: readonly CompressionKind[] = ["none", "lz4", "zstd"];

const LENGTH_AT = 40;
const KIND_SHIFT = 28;
const COMPRESSION_SHIFT = 30;

const PLAIN: RecordFormat = {
  name: "plain",
  offsetAt: 0,
  prevHashAt: 8,
  headerBytes: 44,
  trailerBytes: 4,
  overheadBytes: 48,
  isSigned: true,
  kinds: KINDS,
  startsWithData: true,
  checksCounts: true,
  hidesRecords: true,
  beginsAt: () => true,
  endsAt: () => true,
  storedBytesAt: (bytes, at) => bytes.readUInt32LE(at + LENGTH_AT) & MAX_PAYLOAD_BYTES,
  kindAt: (bytes, at) => KINDS[(bytes.readUInt32LE(at + LENGTH_AT) >>> KIND_SHIFT) & 3],
  compressionAt: (bytes, at) => COMPRESSIONS[bytes.readUInt32LE(at + LENGTH_AT) >>> COMPRESSION_SHIFT],
  writeCodes(target, at, kind, compression) {
    const codes = (kindCode(kind) << KIND_SHIFT) | (compressionCode(compression) << COMPRESSION_SHIFT);
    target.writeUInt32LE(codes >>> 0, at + LENGTH_AT);
  },
  writeStoredBytes(target, at, storedBytes) {
    const codes = target.readUInt32LE(at + LENGTH_AT) & ~MAX_PAYLOAD_BYTES;
    target.writeUInt32LE((codes | storedBytes) >>> 0, at + LENGTH_AT);
  },
  writeEnd: () => undefined,
  chainHash: plainHash,
  codecs: (registry) => registry,
};

const START_MARK = 0xbadc0ffe;
const END_MARK = 0xc0ffee42;
const KIND_AT = 44;
const COMPRESSION_AT = 45;
const SIZE_AT = 46;

const SENTINEL: RecordFormat = {
  name: "sentinel",
  offsetAt: 4,
  prevHashAt: 12,
  headerBytes: 50,
  trailerBytes: 8,
  overheadBytes: 58,
  isSigned: false,
  kinds: SENTINEL_KINDS,
  startsWithData: false,
  checksCounts: false,
  hidesRecords: false,
  beginsAt: (bytes, at) => bytes.readUInt32LE(at) === START_MARK,
  endsAt: (bytes, at) => bytes.readUInt32LE(at) === END_MARK,
  storedBytesAt: (bytes, at) => bytes.readUInt32LE(at + SIZE_AT),
  kindAt: (bytes, at) => SENTINEL_KINDS[bytes.readUInt8(at + KIND_AT)],
  compressionAt: (bytes, at) => COMPRESSIONS[bytes.readUInt8(at + COMPRESSION_AT)],
  writeCodes(target, at, kind, compression) {
    target.writeUInt32LE(START_MARK, at);
    target.writeUInt8(kindCode(kind), at + KIND_AT);
    target.writeUInt8(compressionCode(compression), at + COMPRESSION_AT);
  },
  writeStoredBytes: (target, at, storedBytes) => {
    target.writeUInt32LE(storedBytes, at + SIZE_AT);
  },
  writeEnd: (target, at) => {
    target.writeUInt32LE(END_MARK, at);
  },
  chainHash: (previous, kind, payload) => sentinelHash(previous, kindCode(kind), payload),
  codecs: withUndeclaredSizes,
};

/** The format with this name. @throws TypeError if there is none */
export function formatNamed(name: Format): RecordFormat {
  return asFormat(name) === "plain" ? PLAIN : SENTINEL;
}

/**
 * The chain hash of a record.
 *
 * `plain`: `SHA-256(previous || payload)` for data, `HMAC-SHA-256("kimberlite/" + kind, previous || payload)`
 * for checkpoints and tombstones, and what its payload says for a redacted record; `sentinel`:
 * `SHA-256(previous || kind || payload)` (docs/FORMAT.md, sections 3 and 8.2).
 *
 * @param previous chain hash of the record before; `undefined` for a stream's first record
 * @param kind of the record
 * @param payload the payload before compression
 * @param format of the stream; default: `plain`
 * @returns 32 bytes; O(payload) time
 * @throws TypeError for an argument of another type, and for an unknown kind or format
 * @throws StorageError `malformed` for the payload of a redacted record that is none
 * @example
 * ```ts
 * const first = chainHash(undefined, "data", Buffer.from("event1"));
 * const second = chainHash(first, "data", Buffer.from("event2"));
 * ```
 */
export function chainHash(
  previous: Uint8Array | undefined,
  kind: RecordKind,
  payload: Uint8Array,
  format: Format = "plain",
): Buffer {
  if (previous !== undefined) asBytes("previous", previous);
  return formatNamed(format).chainHash(previous, asOneOf("kind", kind, KINDS), asBytes("payload", payload));
}

/** The on-disk code of a record kind: 0 data, 1 checkpoint, 2 tombstone, 3 redacted. */
export function kindCode(kind: RecordKind): number {
  return KINDS.indexOf(kind);
}

/** The kind with this code, `undefined` for one that is not assigned. */
export function kindOf(code: number): RecordKind | undefined {
  return KINDS[code];
}

/** Whether there is such a compression. */
export function isCompression(value: unknown): boolean {
  return COMPRESSIONS.some((compression) => compression === value);
}

function compressionCode(compression: CompressionKind): number {
  return COMPRESSIONS.indexOf(compression);
}
