/**
 * What a redacted record of the format `plain` says: for how many records it stands, and the chain hash of
 * the last of them (`docs/FORMAT.md`, section 4).
 * Does not promise: that they were data, or had this hash; once they are erased, nothing shows it.
 * @module
 */
import type { Offset, RecordKind } from "../src/types.ts";

/** How many records, the first offset after them, and the chain hash of the last. */
export interface StoodFor {
  readonly hash: Uint8Array;
  readonly count: bigint;
  readonly end: bigint;
}

const HASH_BYTES = 32;
const PAYLOAD_BYTES = 40;
const END_MAX = 2n ** 53n; // section 4

/** The payload of a redacted record for `count` records, of which the last has this chain hash. */
export function standingFor(hash: Uint8Array, count: bigint): Uint8Array {
  const payload = Buffer.concat([hash], PAYLOAD_BYTES);
  payload.writeBigUInt64LE(count, HASH_BYTES);
  return payload;
}

/** What a payload says, the hash copied; `undefined` if no redacted record at this offset has it. */
export function stoodFor(payload: Uint8Array, offset: bigint): StoodFor | undefined {
  if (payload.length !== PAYLOAD_BYTES) return undefined;
  const count = Buffer.from(payload).readBigUInt64LE(HASH_BYTES);
  const end = offset + count;
  if (count === 0n || end > END_MAX) return undefined;
  return { hash: new Uint8Array(payload.subarray(0, HASH_BYTES)), count, end };
}

/** A record, or no more than the last offset before the next one. */
type Before = Readonly<{ offset: bigint; kind?: RecordKind; payload?: Uint8Array }>;

/**
 * The offset of the record that follows `last`; without that, of a stream's first. A redacted record with a
 * payload that it cannot have counts as one.
 */
export function offsetAfter(last?: Before): Offset {
  if (!last) return 0n as Offset;
  const { offset, kind, payload } = last;
  const stood = kind === "redacted" && payload ? stoodFor(payload, offset) : undefined;
  return (stood?.end ?? offset + 1n) as Offset;
}
