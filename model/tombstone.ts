/**
 * What a tombstone of the format `plain` says: which offsets it names (`docs/FORMAT.md`, section 4).
 * @module
 */

/** Offsets from `first` up to and without `end`. */
export interface Named {
  readonly first: bigint;
  readonly end: bigint;
}

const PAYLOAD_BYTES = 16;

/** The payload of a tombstone for `count` offsets from `first` on. */
export function naming(first: bigint, count: bigint): Uint8Array {
  const payload = Buffer.alloc(PAYLOAD_BYTES);
  payload.writeBigUInt64LE(first, 0);
  payload.writeBigUInt64LE(count, 8);
  return payload;
}

/** What a payload names; `undefined` if no tombstone at this offset has it. */
export function namedBy(payload: Uint8Array, offset: bigint): Named | undefined {
  if (payload.length !== PAYLOAD_BYTES) return undefined;
  const fields = Buffer.from(payload);
  const first = fields.readBigUInt64LE(0);
  const end = first + fields.readBigUInt64LE(8);
  return first < end && end <= offset ? { first, end } : undefined;
}

/** The first offset from `from` on that none of these names. */
export const firstUnnamed = (named: readonly Named[], from: bigint): bigint =>
  named
    .toSorted((a, b) => Number(a.first - b.first)) // so that one pass is enough
    .reduce((at, { first, end }) => (first <= at && at < end ? end : at), from);
