/**
 * The alphabet of workloads.
 * @module
 */

/** The stream most operations work on, and the second one. */
const STREAMS = { first: 1n, second: 2n } as const;

export type Operation =
  | { readonly does: "append"; readonly stream: bigint; readonly records: number; readonly fsync: boolean }
  | { readonly does: "sync"; readonly stream: bigint }
  | { readonly does: "checkpoint"; readonly stream: bigint; readonly fsync: boolean }
  | { readonly does: "reopen" };

export type OperationName =
  "append" | "append+sync" | "batch" | "sync" | "checkpoint" | "reopen" | "second-stream";

/** Every operation by its name. */
export const OPERATIONS: readonly { readonly name: OperationName; readonly operation: Operation }[] = [
  { name: "append", operation: { does: "append", stream: STREAMS.first, records: 1, fsync: false } },
  { name: "append+sync", operation: { does: "append", stream: STREAMS.first, records: 1, fsync: true } },
  { name: "batch", operation: { does: "append", stream: STREAMS.first, records: 2, fsync: true } },
  { name: "sync", operation: { does: "sync", stream: STREAMS.first } },
  { name: "checkpoint", operation: { does: "checkpoint", stream: STREAMS.first, fsync: true } },
  { name: "reopen", operation: { does: "reopen" } },
  { name: "second-stream", operation: { does: "append", stream: STREAMS.second, records: 1, fsync: true } },
];

/** The operation with this name. */
export function operationNamed(name: OperationName): Operation {
  const found = OPERATIONS.find((row) => row.name === name);
  if (found === undefined) throw new RangeError(`There is no operation "${name}".`);
  return found.operation;
}

/**
 * The payloads of records from this offset on, one byte each: different from the record before and behind, and from what is appended
 * after a crash, but equal for equal logs, so that equal states are recognised.
 */
export function payloadsOf(offset: number, records: number): Uint8Array[] {
  return Array.from({ length: records }, (_, i) => Uint8Array.of(0x61 + offset + i));
}
