/**
 * The alphabet of workloads.
 * @module
 */

import type { Format, RecordKind } from "../src/types.ts";

/** The stream most operations work on, and the second one. */
const STREAMS = { first: 1n, second: 2n } as const;

export type Operation =
  | {
      readonly does: "append";
      readonly stream: bigint;
      readonly records: number;
      readonly fsync: boolean;
      /** Size of each payload. */
      readonly bytes: number;
      /** The payload itself, if it is not to be made. */
      readonly payload?: Uint8Array;
      /** The payloads of a batch that were made for a format. */
      readonly made?: Readonly<Record<Format, readonly Uint8Array[]>> | undefined;
      /** Whether the caller expects another offset than the next. */
      readonly misplaced?: boolean;
    }
  | { readonly does: "sync"; readonly stream: bigint }
  | { readonly does: "checkpoint"; readonly stream: bigint; readonly fsync: boolean }
  | {
      readonly does: "tombstone";
      readonly stream: bigint;
      readonly names: "the first record" | "all records" | "all up to the last data record";
      readonly fsync: boolean;
    }
  | { readonly does: "compact"; readonly stream: bigint }
  | { readonly does: "reopen" };

export type OperationName =
  | "append"
  | "append+sync"
  | "batch"
  | "sync"
  | "checkpoint"
  | "reopen"
  | "second-stream"
  | "misplaced-append"
  | "unsynced-checkpoint"
  | "empty-payload"
  | "large-payload"
  | "made-payload"
  | "made-batch"
  | "large-batch"
  | "tombstone"
  | "unsynced-tombstone"
  | "secret"
  | "hide"
  | "compact";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/**
 * What follows the header of a stream's first record if its payload is empty: its CRC, and the mark of
 * `sentinel`. So a first record with this payload is intact with the length 0, too: one flipped bit of its
 * length leaves another record whose checksum holds.
 */
const SHORTER: Readonly<Record<Format, readonly Uint8Array[]>> = {
  plain: [hex("1c662483")],
  sentinel: [hex("953a9a1642eeffc0")],
};

/**
 * A stream's first record with an empty payload, and one that ends a longer record: with the length 64 the
 * first reaches into the second, up to what is the CRC of that. So one flipped bit of a length claims bytes
 * of the next record, and the checksum holds. Printed by python3's zlib and hashlib.
 */
const LONGER: Readonly<Record<Format, readonly Uint8Array[]>> = {
  plain: [hex(""), hex("6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6df88a6901")],
  sentinel: [hex(""), hex("6d6d6d6d6d6d5049da2442eeffc0")],
};

/** Those that were made so that one flipped bit of a length leaves another record whose checksum holds. */
export const MADE_OPERATIONS: readonly OperationName[] = ["made-payload", "made-batch"];

const one = { does: "append", stream: STREAMS.first, records: 1, bytes: 1 } as const;

const tombstone = { does: "tombstone", stream: STREAMS.first } as const;

/** Every operation by its name. */
export const OPERATIONS: readonly { readonly name: OperationName; readonly operation: Operation }[] = [
  { name: "append", operation: { ...one, fsync: false } },
  { name: "append+sync", operation: { ...one, fsync: true } },
  { name: "batch", operation: { ...one, records: 2, fsync: true } },
  { name: "sync", operation: { does: "sync", stream: STREAMS.first } },
  { name: "checkpoint", operation: { does: "checkpoint", stream: STREAMS.first, fsync: true } },
  { name: "reopen", operation: { does: "reopen" } },
  { name: "second-stream", operation: { ...one, stream: STREAMS.second, fsync: true } },
  { name: "misplaced-append", operation: { ...one, fsync: true, misplaced: true } },
  { name: "unsynced-checkpoint", operation: { does: "checkpoint", stream: STREAMS.first, fsync: false } },
  { name: "empty-payload", operation: { ...one, bytes: 0, fsync: true } },
  { name: "large-payload", operation: { ...one, bytes: 700, fsync: false } },
  { name: "made-payload", operation: { ...one, fsync: true, made: SHORTER } },
  { name: "made-batch", operation: { ...one, records: 2, fsync: true, made: LONGER } },
  { name: "large-batch", operation: { ...one, records: 5, bytes: 70, fsync: false } },
  { name: "tombstone", operation: { ...tombstone, names: "the first record", fsync: true } },
  { name: "unsynced-tombstone", operation: { ...tombstone, names: "all records", fsync: false } },
  { name: "secret", operation: { ...one, records: 3, bytes: 24, fsync: true } },
  { name: "hide", operation: { ...tombstone, names: "all up to the last data record", fsync: false } },
  { name: "compact", operation: { does: "compact", stream: STREAMS.first } },
];

/**
 * The alphabet of the exhaustive profiles: the shortest that makes every part of the engine run. The rest is
 * for random sequences.
 */
export const ALPHABET: readonly OperationName[] = [
  "append",
  "append+sync",
  "batch",
  "sync",
  "checkpoint",
  "reopen",
  "second-stream",
  "tombstone",
];

/**
 * What workloads of a compaction begin with: records that are long enough to be searched for, with a
 * checkpoint right behind them, of which the first is hidden; and one record more, so that a later tombstone
 * can name what the first one is among.
 */
export const COMPACTION_BEGINS: readonly OperationName[] = ["secret", "tombstone", "append+sync"];
/** The operations that follow. */
export const COMPACTION_ALPHABET: readonly OperationName[] = ["compact", "hide", "batch", "reopen"];

/** The operation with this name. */
export function operationNamed(name: OperationName): Operation {
  const found = OPERATIONS.find((row) => row.name === name);
  if (found === undefined) throw new RangeError(`There is no operation "${name}".`);
  return found.operation;
}

/** What a tombstone names in a stream that has these records. */
export function recordsNamedBy(
  { names }: Operation & { does: "tombstone" },
  records: readonly { readonly kind: RecordKind }[],
): Readonly<{ first: bigint; count: bigint }> {
  const count = {
    "the first record": 1,
    "all records": records.length,
    "all up to the last data record": records.findLastIndex(({ kind }) => kind === "data") + 1,
  }[names];
  return { first: 0n, count: BigInt(Math.max(count, 1)) };
}

/**
 * The payloads of records from this offset on: different from the record before and behind, and from what is
 * appended after a crash, but equal for equal logs, so that equal states are recognised. One byte repeated,
 * which compresses.
 */
export function payloadsOf(
  offset: number,
  { records, bytes, payload, made }: Operation & { does: "append" },
  format: Format,
): readonly Uint8Array[] {
  return (
    made?.[format] ??
    Array.from({ length: records }, (_, i) => payload ?? new Uint8Array(bytes).fill(0x61 + offset + i))
  );
}
