/**
 * Redacted records: what compaction writes in the place of data records that are hidden, so that their
 * payloads are gone and every chain hash stays. Layout: docs/FORMAT.md, section 4.
 * @module
 */
import { StorageError } from "../error.ts";
import { MAX_OFFSET } from "../limits.ts";
import { asBigInt, asBytes } from "../options.ts";

/** Size of a redacted record's payload in bytes: 32 for the hash, 8 for the count. */
export const REDACTED_PAYLOAD_BYTES = 40;
const COUNT_AT = 32;

/** What a redacted record says. */
export interface Redaction {
  /** Chain hash of the last record that it stands for, 32 bytes; its own as well. */
  readonly hash: Uint8Array;
  /** How many data records it stands for, from its own offset on. */
  readonly count: bigint;
}

/**
 * The payload of a redacted record: `[hash:32][count:u64]`, little-endian (docs/FORMAT.md, section 4).
 *
 * @param redaction what it is to say
 * @returns 40 bytes
 * @throws TypeError for a hash or a count of another type
 * @throws StorageError `malformed` for a hash of another size; `out-of-range` for a count that is none
 * @example
 * ```ts
 * serializeRedactedPayload({ hash: new Uint8Array(32), count: 2n }).length; // 40
 * ```
 */
export function serializeRedactedPayload(redaction: Redaction): Uint8Array {
  const { hash, count } = redaction;
  if (asBytes("hash", hash).length !== COUNT_AT) {
    throw new StorageError("malformed", `A chain hash has ${COUNT_AT} bytes, not ${hash.length}.`);
  }
  if (asBigInt("count", count) < 1n || count > BigInt(MAX_OFFSET)) {
    throw new StorageError("out-of-range", `A redacted record stands for at least one record, not ${count}.`);
  }
  const bytes = Buffer.alloc(REDACTED_PAYLOAD_BYTES);
  bytes.set(hash, 0);
  bytes.writeBigUInt64LE(count, COUNT_AT);
  return bytes;
}

/**
 * What the payload of a redacted record says. Whether it may say so where it is, is not checked here.
 *
 * @param payload as `serializeRedactedPayload` makes it
 * @returns the redaction; its hash is a copy
 * @throws StorageError `malformed` if the payload does not have 40 bytes
 * @throws TypeError for a payload of another type
 * @example
 * ```ts
 * deserializeRedactedPayload(serializeRedactedPayload({ hash: new Uint8Array(32), count: 2n })).count; // 2n
 * ```
 */
export function deserializeRedactedPayload(payload: Uint8Array): Redaction {
  if (asBytes("A payload", payload).length !== REDACTED_PAYLOAD_BYTES) {
    throw new StorageError(
      "malformed",
      `A redacted record's payload has ${REDACTED_PAYLOAD_BYTES} bytes, not ${payload.length}.`,
    );
  }
  const bytes = Buffer.from(payload);
  return { hash: bytes.subarray(0, COUNT_AT), count: bytes.readBigUInt64LE(COUNT_AT) };
}
