/**
 * A record's bytes (`docs/FORMAT.md`, section 2) by hand: how they are laid out, and what a reader must make of any. Shares nothing with
 * the engine but type names.
 * @module
 */
import { little } from "../../model/expand.ts";
import { crc32 } from "../../model/hash.ts";
import { KINDS } from "../../model/reader.ts";
import type { CompressionKind, RecordKind } from "../../src/types.ts";

/** The compressions, each at its code; code 3 is not assigned. */
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
export const CODINGS: readonly Pick<Fields, "kind" | "compression">[] = [
  ...KINDS.map((kind) => ({ kind, compression: "none" as const })),
  { kind: "data", compression: "lz4" },
  { kind: "data", compression: "zstd" },
];

/** Writes the CRC of the first `size - 4` bytes behind them. */
export function seal(bytes: Buffer, size: number): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, size - 4)), size - 4);
}

/** The size that a header claims for its record. */
export const claimed = (bytes: Uint8Array): number => 48 + (little(bytes, 40, 4) % 2 ** 28);

/** The bytes of a record. */
export function laidOut({ offset, prevHash, kind, compression, payload }: Fields): Buffer {
  const bytes = Buffer.alloc(48 + payload.length);
  bytes.writeBigInt64LE(offset, 0);
  bytes.set(prevHash, 8);
  const codes = KINDS.indexOf(kind) * 2 ** 28 + COMPRESSIONS.indexOf(compression) * 2 ** 30;
  bytes.writeUInt32LE(payload.length + codes, 40);
  bytes.set(payload, 44);
  seal(bytes, bytes.length);
  return bytes;
}

/** What bytes begin with: a valid record, one whose end is not there, or one that is not valid. */
export type Expected = (Fields & { readonly size: number }) | "incomplete" | "invalid";

export function expected(bytes: Buffer): Expected {
  if (bytes.length < 44 || bytes.length < claimed(bytes)) return "incomplete";
  const size = claimed(bytes);
  if (crc32(bytes.subarray(0, size - 4)) !== little(bytes, size - 4, 4)) return "invalid";
  const codes = little(bytes, 43, 1) >> 4;
  const [kind, compression] = [KINDS[codes % 4], COMPRESSIONS[codes >> 2]];
  const offset = bytes.readBigInt64LE(0);
  if (offset < 0n || kind === undefined || compression === undefined) return "invalid";
  if (kind !== "data" && compression !== "none") return "invalid";
  return {
    offset,
    prevHash: bytes.subarray(8, 40),
    kind,
    compression,
    payload: bytes.subarray(44, size - 4),
    size,
  };
}
