/**
 * What a log is: plain functions over immutable data, so that a checker can keep, fork and compare states.
 * Promises: states share their records, and a record is hashed once, when its operation begins.
 * Does not promise: anything about files or time; to copy payloads, which must not change once passed in.
 * @module
 */
import type { CheckpointPolicy, Format, Offset, RecordKind } from "../src/types.ts";
import { chainHash, type Kind, NO_HASH } from "./hash.ts";
import { offsetAfter } from "./redacted.ts";
import { namedBy, naming } from "./tombstone.ts";

/** A record (`docs/FORMAT.md`, section 2), its payload as it was before compression. */
export interface ShownRecord {
  readonly offset: Offset;
  readonly kind: RecordKind;
  readonly payload: Uint8Array;
  readonly prevHash: Uint8Array;
}

/** A record with its chain hash. */
export type ModelRecord = ShownRecord & Readonly<{ hash: Uint8Array }>;

/** What the next record depends on (section 3): the last one, or no more than its last offset and hash. */
export type Last = Pick<ModelRecord, "offset" | "hash"> & Partial<ModelRecord>;

/** A stream's records, acknowledged or not; compaction leaves them as they are (`compaction.ts`). */
export interface ModelLog {
  readonly format: Format;
  readonly records: readonly ModelRecord[];
  /** The first so many were acknowledged. */
  readonly written: number;
  /** The first so many were acknowledged with a sync, or shown by a recovery. */
  readonly durable: number;
}

/** An append, an explicit checkpoint, or a tombstone for `count` records from offset `first` on. */
export type ModelRequest =
  | "checkpoint"
  | { readonly payloads: readonly Uint8Array[]; readonly expectedOffset?: bigint | undefined }
  | { readonly first: bigint; readonly count: bigint; readonly expectedOffset?: bigint | undefined };

/** What ended the process: a power failure, or something that left the machine running. */
export type CrashKind = "power" | "process";

/** A stream to which nothing was appended. */
export const emptyLog = (format: Format): ModelLog => ({ format, records: [], written: 0, durable: 0 });

/** The record that follows `last`; without that, a stream's first. */
export function following(format: Format, kind: Kind, payload: Uint8Array, last?: Last): ModelRecord {
  const offset = offsetAfter(last);
  const hash = chainHash(format, kind, payload, last?.hash);
  return { offset, kind, payload, prevHash: last?.hash ?? NO_HASH, hash };
}

/** The checkpoint that follows `last` (section 4). */
export function checkpointAfter(format: Format, last: Last): ModelRecord {
  const payload = Buffer.concat([last.hash], 40);
  payload.writeBigUInt64LE(offsetAfter(last), 32);
  return following(format, "checkpoint", payload, last);
}

/** The error code with which a request is refused, `undefined` if it is not. */
export function refuses({ format, records }: ModelLog, request: ModelRequest): string | undefined {
  if (request === "checkpoint") return records.length === 0 ? "empty-stream" : undefined;
  if ("payloads" in request && request.payloads.length === 0) return "empty-batch";
  const next = BigInt(records.length);
  if ((request.expectedOffset ?? next) !== next) return "offset-mismatch";
  if ("payloads" in request) return undefined;
  if (format === "sentinel") return "wrong-format";
  const isData = (offset: bigint): boolean => records[Number(offset)]?.kind === "data";
  const { first, count } = request; // between the first and the last that it names there may be others
  return count > 0n && isData(first) && isData(first + count - 1n) ? undefined : "out-of-range";
}

/** Begins an append. One checkpoint follows the batch if the policy asks for one at any of its offsets. */
export function append(
  log: ModelLog,
  payloads: readonly Uint8Array[],
  policy: CheckpointPolicy,
  kind: Kind = "data",
): ModelLog {
  const records = [...log.records];
  for (const payload of payloads) records.push(following(log.format, kind, payload, records.at(-1)));
  const due = records.length % policy.everyNRecords < payloads.length; // a multiple is among them; x % 0 is NaN
  return due ? checkpoint({ ...log, records }) : { ...log, records };
}

/** Begins an append of a tombstone, which is a batch of one record. */
export const tombstone = (log: ModelLog, first: bigint, count: bigint, policy: CheckpointPolicy): ModelLog =>
  append(log, [naming(first, count)], policy, "tombstone");

/** Begins a checkpoint; of an empty log, which can have none, it is the log itself. */
export function checkpoint(log: ModelLog): ModelLog {
  const last = log.records.at(-1);
  return last ? { ...log, records: [...log.records, checkpointAfter(log.format, last)] } : log;
}

/** The operation in flight succeeded; with `synced`, all records are on the medium. */
export function acknowledge(log: ModelLog, synced: boolean): ModelLog {
  const written = log.records.length;
  return { ...log, written, durable: synced ? written : log.durable };
}
/** A sync succeeded: what was acknowledged is durable. */
export const sync = (log: ModelLog): ModelLog => ({ ...log, durable: log.written });
/** The operation in flight was refused and left nothing. */
export const fail = (log: ModelLog): ModelLog => ({ ...log, records: log.records.slice(0, log.written) });

/** Whether a tombstone of the log, wherever it is, hides the data at an offset; none in `sentinel` does. */
export const isHidden = ({ format, records }: ModelLog, offset: bigint): boolean =>
  records.some((record) => {
    const named = record.kind === "tombstone" ? namedBy(record.payload, record.offset) : undefined;
    return format === "plain" && named !== undefined && named.first <= offset && offset < named.end;
  });

/**
 * Data payloads from offset `from` on that are not hidden, up to and with the one that brings their sizes to
 * `maxBytes`.
 */
export function read(log: ModelLog, from: bigint, maxBytes: number): Uint8Array[] {
  let bytes = 0;
  return log.records.flatMap(({ offset, kind, payload }) => {
    if (offset < from || kind !== "data" || isHidden(log, offset) || bytes >= maxBytes) return [];
    bytes += payload.length;
    return [payload];
  });
}

/**
 * The records from offset `from` up to and without `to`, the last first if they are read in reverse; `limit`
 * of them at most.
 */
export function range(
  log: ModelLog,
  { from, to, limit, reverse }: Readonly<{ from: bigint; to: bigint; limit: number; reverse: boolean }>,
): readonly ModelRecord[] {
  const inside = log.records.filter(({ offset }) => offset >= from && offset < to);
  return (reverse ? inside.toReversed() : inside).slice(0, limit);
}

/** Chain hash of the last record, 32 zero bytes if there is none. */
export const head = (log: ModelLog): Uint8Array => log.records.at(-1)?.hash ?? NO_HASH;
/**
 * What is still promised once a crash has come: a power failure voids what was acknowledged without a sync.
 */
export const crashed = (log: ModelLog, crash: CrashKind): ModelLog =>
  crash === "power" ? { ...log, written: log.durable } : log;
/**
 * The log after a recovery that showed `count` records. What was shown once is never taken back: it is
 * durable.
 */
export const recover = (log: ModelLog, count: number): ModelLog =>
  acknowledge({ ...log, records: log.records.slice(0, count) }, true);
