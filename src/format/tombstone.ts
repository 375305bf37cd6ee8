/**
 * Tombstones: records of the format `plain` that hide data records before them. Layout: docs/FORMAT.md,
 * section 4.
 * @module
 */
import { StorageError } from "../error.ts";
import { MAX_OFFSET } from "../limits.ts";
import { asBigInt, asBytes } from "../options.ts";

/** Size of a tombstone's payload in bytes: 8 for the first offset, 8 for the count. */
export const TOMBSTONE_PAYLOAD_BYTES = 16;

/** What a tombstone says: the data records among `count` records are deleted. */
export interface Tombstone {
  /** Offset of the first record. */
  readonly first: bigint;
  /** How many records from there on, those of other kinds included. */
  readonly count: bigint;
}

/** What somebody wants a tombstone to say. That there are such records is not checked here. */
export function asTombstone(first: unknown, count: unknown): Tombstone {
  const tombstone = { first: asBigInt("first", first), count: asBigInt("count", count) };
  const end = tombstone.first + tombstone.count;
  if (tombstone.first >= 0n && tombstone.count >= 1n && end <= BigInt(MAX_OFFSET)) return tombstone;
  const sentence = `A tombstone names at least one record, from offset 0 on; not ${String(count)} from ${String(first)} on.`;
  throw new StorageError("out-of-range", sentence);
}

/**
 * The payload of a tombstone: `[first:u64][count:u64]`, little-endian (docs/FORMAT.md, section 4).
 *
 * @param tombstone what it is to say
 * @returns 16 bytes
 * @throws TypeError for numbers of another type
 * @throws StorageError `out-of-range` if there can be no such records
 * @example
 * ```ts
 * serializeTombstonePayload({ first: 3n, count: 2n }).length; // 16
 * ```
 */
export function serializeTombstonePayload(tombstone: Tombstone): Uint8Array {
  const { first, count } = asTombstone(tombstone.first, tombstone.count);
  const bytes = Buffer.alloc(TOMBSTONE_PAYLOAD_BYTES);
  bytes.writeBigUInt64LE(first, 0);
  bytes.writeBigUInt64LE(count, 8);
  return bytes;
}

/**
 * What the payload of a tombstone says. Whether there are such records is not checked here.
 *
 * @param payload as `serializeTombstonePayload` makes it
 * @returns the tombstone
 * @throws StorageError `malformed` if the payload does not have 16 bytes
 * @throws TypeError for a payload of another type
 * @example
 * ```ts
 * deserializeTombstonePayload(serializeTombstonePayload({ first: 3n, count: 2n })).count; // 2n
 * ```
 */
export function deserializeTombstonePayload(payload: Uint8Array): Tombstone {
  if (asBytes("A payload", payload).length !== TOMBSTONE_PAYLOAD_BYTES) {
    throw new StorageError(
      "malformed",
      `A tombstone's payload has ${TOMBSTONE_PAYLOAD_BYTES} bytes, not ${payload.length}.`,
    );
  }
  const bytes = Buffer.from(payload);
  return { first: bytes.readBigUInt64LE(0), count: bytes.readBigUInt64LE(8) };
}
