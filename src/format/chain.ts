/**
 * The hash chain and the checksum: the primitives that records are sealed with.
 *
 * With a later chain hash, an edit of a record is visible; with the CRC of a record, accidental damage to it
 * is visible. Neither reveals that the last records were removed: see docs/FORMAT.md, section 3, "Anchor".
 * @module
 */
import { createHash, createHmac, hash as digest } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import { deserializeRedactedPayload } from "./redaction.ts";
import type { Offset, RecordKind, StreamHead } from "../types.ts";

/** Size of a chain hash in bytes (SHA-256). */
export const HASH_BYTES = 32;

/** Up to this payload size one copy beside the previous hash is cheaper than an incremental hash. */
const JOIN_MAX_BYTES = 1 << 16;

/** `prev_hash` of a stream's first record, in a new array: a caller may change it. */
export function genesisHash(): Uint8Array {
  return new Uint8Array(HASH_BYTES);
}

/** Where a stream without records ends. */
export function genesisHead(): StreamHead {
  return { nextOffset: 0n as Offset, head: genesisHash() };
}

/**
 * The chain hash of a record in the format `plain` (docs/FORMAT.md, section 3): `SHA-256(previous ||
 * payload)` for data, `SHA-256(payload)` for a stream's first record, `HMAC-SHA-256("kimberlite/" + kind,
 * previous || payload)` for checkpoints and tombstones; a redacted record says its own.
 *
 * @param payload the payload before compression
 * @returns 32 bytes; O(payload) time
 * @throws StorageError `malformed` for the payload of a redacted record that is none
 */
export function plainHash(previous: Uint8Array | undefined, kind: RecordKind, payload: Uint8Array): Buffer {
  if (kind === "data") return sha256(previous ?? NOTHING, NOTHING, payload);
  if (kind === "redacted") return Buffer.from(deserializeRedactedPayload(payload).hash);
  const keyed = createHmac("sha256", `kimberlite/${kind}`);
  if (previous !== undefined) keyed.update(previous);
  return keyed.update(payload).digest();
}

/**
 * The chain hash of a record in the format `sentinel` (docs/FORMAT.md, section 8.2): `SHA-256(previous ||
 * kind || payload)`, of a stream's first record without the first term.
 *
 * @param kindCode the kind as the one byte that stands for it
 * @returns 32 bytes; O(payload) time
 */
export function sentinelHash(
  previous: Uint8Array | undefined,
  kindCode: number,
  payload: Uint8Array,
): Buffer {
  return sha256(previous ?? NOTHING, Uint8Array.of(kindCode), payload);
}

const NOTHING: Uint8Array = new Uint8Array(0);

function sha256(first: Uint8Array, second: Uint8Array, payload: Uint8Array): Buffer {
  if (payload.length > JOIN_MAX_BYTES) {
    return createHash("sha256").update(first).update(second).update(payload).digest();
  }
  const before = first.length + second.length;
  const joined = Buffer.allocUnsafe(before + payload.length);
  joined.set(first, 0);
  joined.set(second, first.length);
  joined.set(payload, before);
  return Buffer.from(digest("sha256", joined, "binary"), "binary");
}

/**
 * IEEE CRC-32 (reflected 0xEDB88320) as an unsigned 32-bit number; of bytes that follow others, given the CRC
 * of those.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  return zlibCrc32(bytes, before);
}

/** Whether `length` bytes of `a` from `aStart` equal those of `b` from `bStart`; both must be long enough. */
export function equalBytes(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i += 1) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** Whether two chain hashes are the same. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a, 0, b, 0, HASH_BYTES);
}
