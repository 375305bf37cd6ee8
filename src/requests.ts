/**
 * Guards for what callers pass in: each returns the value it checked. Wrong types are `TypeError`s, values
 * that cannot be are `StorageError`s; either way nothing has been changed yet.
 * @module
 */
import type { AppendOptions, FollowOptions, IterateOptions, ReadOptions } from "./backend.ts";
import { CodecRegistry } from "./format/codec.ts";
import type { RecordFormat } from "./format/formats.ts";
import type { Tombstone } from "./format/tombstone.ts";
import type { Compaction, CompactionConfig } from "./stream/compaction.ts";
import { StorageError } from "./error.ts";
import { MAX_OFFSET, MAX_PAYLOAD_BYTES, MAX_STREAM_ID, SEGMENT_BYTES_MAX } from "./limits.ts";
import {
  asBigInt,
  asBytes,
  asCount,
  asFlag,
  asOneOf,
  asOptions,
  type OptionNames,
  typeOf,
} from "./options.ts";
import type {
  CheckpointPolicy,
  CompressionKind,
  Durability,
  Offset,
  RecordKind,
  StreamId,
  Verification,
} from "./types.ts";

/** What a read is to give, in the engine's own numbers. */
export interface ReadRequest {
  /** The range's first offset. */
  readonly from: number;
  /** The offset after its last; `MAX_OFFSET`, which no record has, for the end of the stream. */
  readonly to: number;
  /** How many records at most. */
  readonly limit: number;
  readonly reverse: boolean;
  readonly verify: Verification;
  readonly signal: AbortSignal | undefined;
}

const APPEND_OPTIONS: OptionNames<AppendOptions> = { expectedOffset: true, fsync: true };
const FOLLOW_OPTIONS: OptionNames<FollowOptions> = { verify: true, signal: true };
const READ_OPTIONS: OptionNames<ReadOptions> = { ...FOLLOW_OPTIONS, to: true, limit: true, reverse: true };
const ITERATE_OPTIONS: OptionNames<IterateOptions> = { from: true, ...READ_OPTIONS };
const CHECKPOINT_OPTIONS: OptionNames<CheckpointPolicy> = { everyNRecords: true };

export function asStreamId(value: unknown): StreamId {
  const id = asBigInt("A stream id", value);
  if (id < 0n || id > MAX_STREAM_ID) {
    throw new StorageError(
      "out-of-range",
      `A stream id is from 0 to ${String(MAX_STREAM_ID)}, not ${String(id)}.`,
    );
  }
  return id as StreamId;
}

/** An offset to read from, or up to; one beyond the largest possible is beyond every end. */
function asStart(value: unknown): number {
  const offset = asBigInt("An offset", value);
  if (offset < 0n) throw new StorageError("out-of-range", `An offset is at least 0, not ${String(offset)}.`);
  return offset > BigInt(MAX_OFFSET) ? MAX_OFFSET : Number(offset);
}

export function asMaxBytes(value: unknown): number {
  if (typeof value !== "number") throw new TypeError(`maxBytes is a number, not ${typeOf(value)}.`);
  if (!(value >= 0)) throw new StorageError("out-of-range", `maxBytes is at least 0, not ${value}.`);
  return value;
}

/** The options of a read, with their defaults. @param whose the call that they were passed to */
export function asReadRequest(whose: string, from: unknown, value: ReadOptions | undefined): ReadRequest {
  return requested(from, asOptions(whose, value, READ_OPTIONS));
}

/** The options of an iteration, with their defaults. */
export function asIterateRequest(value: IterateOptions | undefined): ReadRequest {
  const { from = 0n, ...options } = asOptions("iterate", value, ITERATE_OPTIONS);
  return requested(from, options);
}

/** What is to be followed: everything from an offset on. */
export function asFollowRequest(from: unknown = 0n, value?: FollowOptions): ReadRequest {
  return requested(from, asOptions("follow", value, FOLLOW_OPTIONS));
}

function requested(from: unknown, options: ReadOptions): ReadRequest {
  const { to = BigInt(MAX_OFFSET), limit, reverse, verify, signal } = options;
  return {
    from: asStart(from),
    to: asStart(to),
    limit: asLimit(limit),
    reverse: asFlag("reverse", reverse, false),
    verify: asVerification(verify),
    signal: asSignal(signal),
  };
}

function asLimit(value: unknown = Number.POSITIVE_INFINITY): number {
  return value === Number.POSITIVE_INFINITY ? value : asCount("limit", value, 0, Number.MAX_SAFE_INTEGER);
}

function asVerification(value: unknown): Verification {
  return asOneOf<Verification>("verify", value, ["checkpoint", "record", "genesis"]);
}

function asSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  // Not `instanceof`: a signal may come from another realm.
  const { aborted, addEventListener, removeEventListener } = Object(value) as Partial<AbortSignal>;
  const isTarget = typeof addEventListener === "function" && typeof removeEventListener === "function";
  if (typeof aborted === "boolean" && isTarget) return value as AbortSignal;
  throw new TypeError(`signal is an AbortSignal, not ${typeOf(value)}.`);
}

/** Checks that there is something to append and that every payload may be a payload. */
export function asPayloads(value: unknown): readonly Uint8Array[] {
  if (!Array.isArray(value)) throw new TypeError(`A batch is an array of Uint8Array, not ${typeOf(value)}.`);
  for (const element of value as unknown[]) {
    const payload = asBytes("A payload", element);
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new StorageError(
        "payload-too-large",
        `A payload has ${payload.length} bytes; at most ${MAX_PAYLOAD_BYTES} are allowed. Split it.`,
      );
    }
  }
  if (value.length === 0) throw new StorageError("empty-batch", "A batch needs at least one event.");
  return [...(value as Uint8Array[])];
}

/**
 * Refuses a tombstone in a stream of a format whose tombstones hide nothing, and one whose first or last
 * record is not data, or not there.
 *
 * @param recordAt the record at an offset; `undefined` if there is none
 */
export async function refuseTombstone(
  stream: StreamId,
  { hidesRecords }: RecordFormat,
  { first, count }: Tombstone,
  recordAt: (offset: number) => Promise<{ readonly kind: RecordKind } | undefined>,
): Promise<void> {
  if (!hidesRecords) {
    const sentence =
      "Kimberlite's tombstones do not say which records they delete. Use a stream of the format plain.";
    throw new StorageError("wrong-format", sentence, { stream });
  }
  for (const offset of new Set([first, first + count - 1n])) {
    const record = await recordAt(Number(offset));
    if (record?.kind === "data" || record?.kind === "redacted") continue;
    const what = record === undefined ? "is no record" : `is a ${record.kind}`;
    const sentence = `Only data records can be hidden, and at offset ${String(offset)} there ${what}. Name others.`;
    throw new StorageError("out-of-range", sentence, { stream, offset: offset as Offset });
  }
}

/** The options of an append, with their defaults. @param whose the call that they were passed to */
export function asAppendOptions(
  whose: string,
  value: AppendOptions | undefined,
): { expectedOffset: bigint | undefined; fsync: boolean } {
  const options = asOptions(whose, value, APPEND_OPTIONS);
  const { expectedOffset: expected } = options;
  const expectedOffset = expected === undefined ? undefined : asBigInt("expectedOffset", expected);
  return { expectedOffset, fsync: asFlag("fsync", options.fsync, true) };
}

/** Refuses an append that was meant for another offset than the one it would get. */
export function refuseOtherOffset(stream: StreamId, expected: bigint | undefined, nextOffset: Offset): void {
  if (expected === undefined || expected === nextOffset) return;
  throw new StorageError(
    "offset-mismatch",
    `The batch was to begin at offset ${String(expected)}, but the next offset is ${String(nextOffset)}. Read from there and decide again.`,
    { stream, offset: nextOffset },
  );
}

/** A policy for checkpoints, by default one after every 1000 offsets. */
export function asCheckpointPolicy(value: CheckpointPolicy | undefined): CheckpointPolicy {
  const { everyNRecords = 1000 } = asOptions("checkpoints", value, CHECKPOINT_OPTIONS);
  return { everyNRecords: asCount("checkpoints.everyNRecords", everyNRecords, 0, Number.MAX_SAFE_INTEGER) };
}

/** A durability, by default `standard`. */
export function asDurability(value: unknown): Durability {
  return asOneOf<Durability>("durability", value, ["standard", "strict"]);
}

/** A registry of codecs, by default of those of this package. */
export function asCodecs(value: unknown): CodecRegistry {
  if (value === undefined) return new CodecRegistry();
  if (!(value instanceof CodecRegistry))
    throw new TypeError(`codecs is a CodecRegistry, not ${typeOf(value)}.`);
  return value;
}

/** A compression that there is a codec for, by default `none`. @throws StorageError `unknown-codec` */
export function asCompression(value: unknown, codecs: CodecRegistry): CompressionKind {
  if (value === undefined) return codecs.get("none").kind;
  if (typeof value !== "string") throw new TypeError(`compression is a string, not ${typeOf(value)}.`);
  return codecs.get(value as CompressionKind).kind;
}

const COMPACTION_OPTIONS: OptionNames<CompactionConfig> = {
  olderThan: true,
  minSegments: true,
  mergeThresholdBytes: true,
  compressOnCompact: true,
  compression: true,
  purgeQuarantine: true,
  onProgress: true,
  signal: true,
};

/** A compaction; what it compresses with, and how far it merges, is by default what the storage does. */
export function asCompaction(
  value: CompactionConfig | undefined,
  storage: {
    readonly codecs: CodecRegistry;
    readonly compression: CompressionKind;
    readonly maxSegmentBytes: number;
  },
): Compaction {
  const config = asOptions("compact", value, COMPACTION_OPTIONS);
  const { compression = storage.compression, onProgress, olderThan = 0n } = config;
  const { minSegments = 2, mergeThresholdBytes = storage.maxSegmentBytes } = config;
  const codec = storage.codecs.get(asCompression(compression, storage.codecs));
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new TypeError(`onProgress is a function, not ${typeOf(onProgress)}.`);
  if (asBigInt("olderThan", olderThan) < 0n)
    throw new StorageError("out-of-range", `olderThan is an offset, from 0 on, not ${String(olderThan)}.`);
  return {
    olderThan: Number(olderThan),
    codec: asFlag("compressOnCompact", config.compressOnCompact, false) ? codec : undefined,
    merging: {
      minSegments: asCount("minSegments", minSegments, 2, Number.MAX_SAFE_INTEGER),
      mergeThresholdBytes: asCount("mergeThresholdBytes", mergeThresholdBytes, 0, SEGMENT_BYTES_MAX),
    },
    purgeQuarantine: asFlag("purgeQuarantine", config.purgeQuarantine, false),
    onProgress,
    signal: asSignal(config.signal),
  };
}
