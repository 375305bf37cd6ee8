/**
 * A record's bytes (`docs/FORMAT.md`, sections 2 and 8.1) by hand: how they are laid out, and what a reader
 * must make of any. Shares nothing with the engine but type names.
 * @module
 */
import { crc32, KINDS } from "../../model/hash.ts";
import type { CompressionKind, Format, RecordKind } from "../../src/types.ts";

/**
 * A number in a record: the byte where it starts, the first of its bits counted from there, and how many they
 * are; within 32 bits.
 */
type Field = readonly [at: number, bit: number, bits: number];

/** Where everything is in a record, in bytes from its start, and what it may be. */
interface Layout {
  /** What it begins with. */
  readonly mark: Buffer;
  readonly offset: number;
  /** Offsets are below 2 to this. */
  readonly offsetBits: number;
  readonly prevHash: number;
  readonly kind: Field;
  readonly compression: Field;
  readonly length: Field;
  readonly payload: number;
  /** What it ends with, behind the CRC. */
  readonly endMark: Buffer;
  /** Each at its code. */
  readonly kinds: readonly RecordKind[];
}

const hex = (text: string): Buffer => Buffer.from(text, "hex");

const LAYOUTS: Readonly<Record<Format, Layout>> = {
  plain: {
    mark: hex(""),
    offset: 0,
    offsetBits: 63,
    prevHash: 8,
    kind: [40, 28, 2],
    compression: [40, 30, 2],
    length: [40, 0, 28],
    payload: 44,
    endMark: hex(""),
    kinds: KINDS,
  },
  sentinel: {
    mark: hex("fe0fdcba"),
    offset: 4,
    offsetBits: 64,
    prevHash: 12,
    kind: [44, 0, 8],
    compression: [45, 0, 8],
    length: [46, 0, 32],
    payload: 50,
    endMark: hex("42eeffc0"),
    kinds: ["data", "checkpoint", "tombstone"],
  },
};

export const layoutOf = (format: Format): Layout => LAYOUTS[format];

export const HASH_BYTES = 32;
const CRC_BYTES = 4;
/** Of a payload, stored or expanded. */
export const PAYLOAD_BYTES_MAX: number = 2 ** 28 - 1;

/** The compressions, each at its code; others are not assigned. */
export const COMPRESSIONS: readonly CompressionKind[] = ["none", "lz4", "zstd"];

/** What a record's fields say, its payload as stored. */
export interface Fields {
  readonly offset: bigint;
  readonly prevHash: Uint8Array;
  readonly kind: RecordKind;
  readonly compression: CompressionKind;
  readonly payload: Uint8Array;
}

/** The codings that are records: any kind uncompressed, data also compressed. */
export const codingsOf = (format: Format): readonly Pick<Fields, "kind" | "compression">[] => [
  ...LAYOUTS[format].kinds.map((kind) => ({ kind, compression: "none" as const })),
  { kind: "data", compression: "lz4" },
  { kind: "data", compression: "zstd" },
];

/** The bytes that hold a code, or the highest bits of one. */
export function codeBytesOf(format: Format): readonly number[] {
  const { kind, compression } = LAYOUTS[format];
  return [...new Set([kind, compression].map(([at, bit, bits]) => at + Math.floor((bit + bits - 1) / 8)))];
}

/** Bytes behind the payload. */
export const trailerBytes = (format: Format): number => CRC_BYTES + LAYOUTS[format].endMark.length;

/** Bytes that a record has beyond its stored payload. */
export const overheadBytes = (format: Format): number => LAYOUTS[format].payload + trailerBytes(format);

/** What a field of the record that `bytes` begin with says. */
export const fieldIn = (bytes: Buffer, [at, bit, bits]: Field): number =>
  Math.floor(bytes.readUInt32LE(at) / 2 ** bit) % 2 ** bits;

/** Makes a field say something else, and leaves the bits beside it as they are. */
export function setField(bytes: Buffer, field: Field, value: number): void {
  const [at, bit] = field;
  bytes.writeUInt32LE(bytes.readUInt32LE(at) + (value - fieldIn(bytes, field)) * 2 ** bit, at);
}

/** Writes the CRC of the bytes before `at` there. */
export function putCrc(bytes: Buffer, at: number): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, at)), at);
}

/** Makes the last bytes of a record of `size` bytes what they have to be. */
export function seal(format: Format, bytes: Buffer, size: number): void {
  putCrc(bytes, size - trailerBytes(format));
  bytes.set(LAYOUTS[format].endMark, size - LAYOUTS[format].endMark.length);
}

/** The size that a header claims for its record. */
export const claimed = (format: Format, bytes: Buffer): number =>
  overheadBytes(format) + fieldIn(bytes, LAYOUTS[format].length);

/** The bytes of a record. */
export function laidOut(format: Format, { offset, prevHash, kind, compression, payload }: Fields): Buffer {
  const layout = LAYOUTS[format];
  const bytes = Buffer.alloc(overheadBytes(format) + payload.length);
  bytes.set(layout.mark, 0);
  bytes.writeBigUInt64LE(offset, layout.offset);
  bytes.set(prevHash, layout.prevHash);
  setField(bytes, layout.kind, layout.kinds.indexOf(kind));
  setField(bytes, layout.compression, COMPRESSIONS.indexOf(compression));
  setField(bytes, layout.length, payload.length);
  bytes.set(payload, layout.payload);
  seal(format, bytes, bytes.length);
  return bytes;
}

/** What bytes begin with: a valid record, one whose end is not there, or one that is not valid. */
export type Expected = (Fields & { readonly size: number }) | "incomplete" | "invalid";

export function expected(format: Format, bytes: Buffer): Expected {
  const layout = LAYOUTS[format];
  if (bytes.length < layout.payload) return "incomplete";
  if (!bytes.subarray(0, layout.mark.length).equals(layout.mark)) return "invalid";
  if (fieldIn(bytes, layout.length) > PAYLOAD_BYTES_MAX) return "invalid";
  const size = claimed(format, bytes);
  if (bytes.length < size) return "incomplete";
  const end = size - trailerBytes(format);
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) return "invalid";
  if (!bytes.subarray(end + CRC_BYTES, size).equals(layout.endMark)) return "invalid";
  const offset = bytes.readBigUInt64LE(layout.offset);
  const kind = layout.kinds[fieldIn(bytes, layout.kind)];
  const compression = COMPRESSIONS[fieldIn(bytes, layout.compression)];
  if (offset >= 2n ** BigInt(layout.offsetBits) || kind === undefined || compression === undefined)
    return "invalid";
  if (kind !== "data" && compression !== "none") return "invalid";
  const prevHash = bytes.subarray(layout.prevHash, layout.prevHash + HASH_BYTES);
  return { offset, prevHash, kind, compression, payload: bytes.subarray(layout.payload, end), size };
}
