/**
 * What a storage is, whatever it keeps its records in: `Storage` on a disk, `MemoryStorage` in memory. The two cannot be told
 * apart through this interface, except that one of them survives a restart.
 * @module
 */
import type { Record } from "./record.ts";
import type { Offset, Verification } from "./types.ts";

export interface AppendOptions {
  /** The offset that the batch's first record must get; if it would get another, the append is refused. */
  readonly expectedOffset?: bigint;
  /** Whether the promise resolves only when the batch is durable. Default: true. */
  readonly fsync?: boolean;
}

export interface AppendResult {
  /** Offset of the batch's first record; the others follow without a gap. */
  readonly firstOffset: Offset;
  /** Offset that the next record will get: behind the batch, and behind the checkpoint if it made one due. */
  readonly nextOffset: Offset;
  /** Chain hash of the stream's last record. With the stream and `nextOffset` it is an anchor. */
  readonly head: Uint8Array;
}

/** Where a stream ends. */
export interface StreamHead {
  /** How many records it has, which is the offset of the next one. */
  readonly nextOffset: Offset;
  /** Chain hash of its last record; 32 zero bytes if it has none. */
  readonly head: Uint8Array;
}

export interface ReadOptions {
  /** How far back the chain is verified first. Default: `checkpoint`. */
  readonly verify?: Verification;
}

export interface IterateOptions extends ReadOptions {
  /** Offset to begin at. Default: 0. */
  readonly from?: bigint;
}

/**
 * Payloads and records that a read returns share memory with others of the same read: copy what is to be kept long.
 * Payloads that are passed in must not change before the promise settles.
 */
export interface StorageBackend {
  /**
   * Appends a batch of events to a stream, which begins to exist with its first one. Appends to a stream happen one
   * after the other, in the order of the calls. When it rejects, nothing of the batch is visible.
   *
   * @throws StorageError `empty-batch`, `payload-too-large`, `batch-too-large`, `offset-mismatch` (its `offset` is the actual
   * one), `offset-limit`, `out-of-range`, `closed`, `poisoned`, `io`; and what recovery of the stream finds
   */
  appendBatch(
    stream: bigint,
    payloads: readonly Uint8Array[],
    options?: AppendOptions,
  ): Promise<AppendResult>;
  /** Appends a checkpoint. @throws StorageError `empty-stream` if there is nothing to check yet; else as `appendBatch` */
  appendCheckpoint(stream: bigint, options?: AppendOptions): Promise<AppendResult>;
  /** Makes all that was appended to a stream durable. */
  sync(stream: bigint): Promise<void>;
  /**
   * Payloads of data records from offset `from` on, in order; stops after the one that reaches `maxBytes`.
   * Past the end, or for an unknown stream: none.
   */
  readFrom(stream: bigint, from: bigint, maxBytes: number, options?: ReadOptions): Promise<Uint8Array[]>;
  /** As `readFrom`, but whole records, of every kind; `maxBytes` counts the payloads of all of them. */
  readRecords(stream: bigint, from: bigint, maxBytes: number, options?: ReadOptions): Promise<Record[]>;
  /** All records from an offset to the end, however many: memory does not grow with the stream. */
  iterate(stream: bigint, options?: IterateOptions): AsyncIterableIterator<Record>;
  /** Where a stream ends; an unknown one ends at 0. */
  head(stream: bigint): Promise<StreamHead>;
  /** Ends it: later calls are refused. What was appended is made durable first. */
  close(): Promise<void>;
}
