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

/** What a checkpoint says. */
export interface Checkpoint {
  /** Chain hash of the record before the checkpoint, 32 bytes. */
  readonly chainHash: Uint8Array;
  /** How many records precede the checkpoint: its own offset. */
  readonly recordCount: bigint;
}

/**
 * The checkpoint that belongs after a stream's first `recordCount` records.
 *
 * @param chainHash chain hash of the last of them
 * @param recordCount how many they are: the offset of the checkpoint
 * @returns the checkpoint, with a copy of the hash
 * @throws StorageError `empty-stream` for no records (a stream's first record is data), `malformed` for a
 *   hash that is not 32 bytes
 * @throws TypeError for an argument of another type
 * @example
 * ```ts
 * createCheckpoint(head, 7n).recordCount; // 7n
 * ```
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

/**
 * The payload of a checkpoint: `[chain_hash:32][record_count:u64]`, little-endian (docs/FORMAT.md, section
 * 4).
 *
 * @param checkpoint as `createCheckpoint` makes it
 * @returns 40 bytes
 * @example
 * ```ts
 * serializeCheckpointPayload(createCheckpoint(head, 7n)).length; // 40
 * ```
 */
export function serializeCheckpointPayload(checkpoint: Checkpoint): Uint8Array {
  const bytes = Buffer.alloc(CHECKPOINT_PAYLOAD_BYTES);
  bytes.set(checkpoint.chainHash, 0);
  bytes.writeBigUInt64LE(checkpoint.recordCount, HASH_BYTES);
  return bytes;
}

/**
 * What the payload of a checkpoint says. Whether it is true is not checked here.
 *
 * @param payload as `serializeCheckpointPayload` makes it
 * @returns the checkpoint, which shares no memory with `payload`
 * @throws StorageError `malformed` if the payload does not have 40 bytes
 * @throws TypeError for a payload of another type
 * @example
 * ```ts
 * const checkpoint = deserializeCheckpointPayload(serializeCheckpointPayload(createCheckpoint(head, 7n)));
 * checkpoint.recordCount; // 7n
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
 * Whether a record makes a checkpoint due: `(offset + 1) % everyNRecords == 0`. With `everyNRecords` 0 none
 * does.
 *
 * @param policy after how many offsets a checkpoint is due
 * @param offset the record's offset
 * @returns whether a checkpoint is due after the record
 * @throws TypeError for an argument of another type
 * @throws StorageError `out-of-range` for a number of records that is not a whole number from 0
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

/**
 * Where the checkpoints among consecutive records are, by ordinal: the place of a record among them, from 0.
 * Memory: one number for each checkpoint.
 *
 * @example
 * ```ts
 * const index = new CheckpointIndex();
 * index.add(3);
 * index.add(7);
 * index.nearest(6); // 3
 * index.nearest(2); // undefined
 * ```
 */
export class CheckpointIndex {
  readonly #ordinals: number[] = [];

  /** How many there are. */
  get count(): number {
    return this.#ordinals.length;
  }

  /**
   * Adds a checkpoint after the others; amortised O(1).
   *
   * @param ordinal larger than that of the last one
   * @throws StorageError `out-of-range` if it is not
   */
  add(ordinal: number): void {
    const last = this.#ordinals.at(-1);
    if (last !== undefined && ordinal <= last) {
      throw new StorageError("out-of-range", `Checkpoint ${ordinal} does not come after ${last}.`);
    }
    this.#ordinals.push(ordinal);
  }

  /**
   * The last checkpoint at or before a record; O(log n) for n checkpoints.
   *
   * @param ordinal the record's
   * @returns the checkpoint's ordinal; `undefined` if there is none
   */
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
