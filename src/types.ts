/**
 * The vocabulary of everything else: plain types without behaviour.
 * @module
 */

/** A stream's number, an unsigned 64-bit integer. Branded so that it is not mistaken for an offset. */
export type StreamId = bigint & { readonly __brand: "StreamId" };

/** A record's position in its stream, counted from 0; a signed 64-bit integer on disk, never negative. */
export type Offset = bigint & { readonly __brand: "Offset" };

/** Where a stream ends. */
export interface StreamHead {
  /** How many records it has, which is the offset of the next one. */
  readonly nextOffset: Offset;
  /** Chain hash of its last record; 32 zero bytes if it has none. */
  readonly head: Uint8Array;
}

/** What a record is for. The codes on disk are in `docs/FORMAT.md`, section 2. */
export type RecordKind = "data" | "checkpoint" | "tombstone" | "redacted";

/**
 * How a stream's records are laid out and chained; chosen when the stream is created. `sentinel` is
 * Kimberlite 0.8's own.
 */
export type Format = "plain" | "sentinel";

/** How a record's payload is stored. */
export type CompressionKind = "none" | "lz4" | "zstd";

/** When a storage appends a checkpoint automatically. */
export interface CheckpointPolicy {
  /** After how many offsets, counted from the stream's first; 0 means never. */
  readonly everyNRecords: number;
}

/**
 * What an acknowledgement proves. `standard`: the records are synced. `strict`: the index entry that proves
 * it is synced, too, so that damage found later is never taken for a torn write. It costs one more sync for
 * every append.
 */
export type Durability = "standard" | "strict";

/** How far back a read verifies the hash chain before it returns anything. */
export type Verification = "record" | "checkpoint" | "genesis";

/** A value, or a promise of one: an answer that is there already need not be waited for. */
export type Answer<T> = T | Promise<T>;
