/**
 * Checkpoints: records that repeat the chain hash before them and how many records precede them, so that a
 * reader can begin to verify there instead of at the stream's first record. Layout: docs/FORMAT.md, section
 * 4.
 * @module
 */
import { HASH_BYTES } from "./chain.ts";
import { elementAt } from "../element-at.ts";
import { StorageError } from "../error.ts";
import { asBigInt, asBytes, asCount } from "../options.ts";
import type { CheckpointPolicy, Offset } from "../types.ts";

/** Size of a checkpoint's payload in bytes: 32 for the hash, 8 for the count. */
export const CHECKPOINT_PAYLOAD_BYTES: number = HASH_BYTES + 8;

export interface Checkpoint {
  /** Chain hash of the record before. */
  readonly chainHash: Uint8Array;
  /** How many records precede the checkpoint: its own offset. */
  readonly recordCount: bigint;
}

/**
 * The checkpoint that belongs behind `recordCount` records of which `chainHash` is the last one's hash.
 *
 * @throws StorageError `empty-stream` for no records (a stream's first record is data), `malformed` for a
 *   hash that is not 32 bytes
 */
export function createCheckpoint(chainHash: Uint8Array, recordCount: bigint): Checkpoint {
  if (asBigInt("recordCount", recordCount) < 1n) {
    throw new StorageError(
      "empty-stream",
      "A stream's first record must be data: append an event before a checkpoint.",
    );
  }
  if (asBytes("chainHash", chainHash).length !== HASH_BYTES) {
    throw new StorageError("malformed", `A chain hash has ${HASH_BYTES} bytes, not ${chainHash.length}.`);
  }
  return { chainHash: Uint8Array.from(chainHash), recordCount };
}

/** `[chain_hash:32][record_count:u64]`. */
export function serializeCheckpointPayload(checkpoint: Checkpoint): Uint8Array {
  const bytes = Buffer.alloc(CHECKPOINT_PAYLOAD_BYTES);
  bytes.set(checkpoint.chainHash, 0);
  bytes.writeBigUInt64LE(checkpoint.recordCount, HASH_BYTES);
  return bytes;
}

/**
 * @throws StorageError `malformed` if it has not 40 bytes
 * @example
 * ```ts
 * const checkpoint = deserializeCheckpointPayload(serializeCheckpointPayload(createCheckpoint(head, 7n)));
 * ```
 */
export function deserializeCheckpointPayload(payload: Uint8Array): Checkpoint {
  if (asBytes("A payload", payload).length !== CHECKPOINT_PAYLOAD_BYTES) {
    throw new StorageError(
      "malformed",
      `A checkpoint's payload has ${CHECKPOINT_PAYLOAD_BYTES} bytes, not ${payload.length}.`,
    );
  }
  const bytes = Buffer.from(payload);
  return { chainHash: bytes.subarray(0, HASH_BYTES), recordCount: bytes.readBigUInt64LE(HASH_BYTES) };
}

/**
 * Whether the record at `offset` makes a checkpoint due: `(offset + 1) % everyNRecords == 0`; never for 0.
 *
 * @throws TypeError for what is no policy or no offset; StorageError `out-of-range`
 * @example
 * ```ts
 * shouldCreateCheckpoint({ everyNRecords: 10 }, 9n as Offset); // true
 * ```
 */
export function shouldCreateCheckpoint(policy: CheckpointPolicy, offset: Offset): boolean {
  const { everyNRecords } = Object(policy) as CheckpointPolicy;
  const every = asCount("policy.everyNRecords", everyNRecords, 0, Number.MAX_SAFE_INTEGER);
  return every > 0 && (asBigInt("An offset", offset) + 1n) % BigInt(every) === 0n;
}

/** Where the checkpoints of a run of records are, by their ordinal; ascending. */
export class CheckpointIndex {
  readonly #ordinals: number[] = [];

  /** How many there are. */
  get count(): number {
    return this.#ordinals.length;
  }

  /** Adds one behind the others. */
  add(ordinal: number): void {
    const last = this.#ordinals.at(-1);
    if (last !== undefined && ordinal <= last) {
      throw new StorageError("out-of-range", `Checkpoint ${ordinal} does not come after ${last}.`);
    }
    this.#ordinals.push(ordinal);
  }

  /** The last one at or before `ordinal`; O(log n). */
  nearest(ordinal: number): number | undefined {
    let low = 0;
    let high = this.#ordinals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (elementAt(this.#ordinals, middle) <= ordinal) low = middle + 1;
      else high = middle;
    }
    return this.#ordinals[low - 1];
  }
}
