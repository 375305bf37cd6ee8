/**
 * What a storage is, whatever it keeps its records in: `Storage` on a disk, `MemoryStorage` in memory. The
 * two cannot be told apart through this interface, except that one of them survives a restart.
 * @module
 */
import type { Record } from "./format/record.ts";
import type { Offset, StreamHead, StreamId, Verification } from "./types.ts";

export interface AppendOptions {
  /** The offset that the batch's first record must get; if it would get another, the append is refused. */
  readonly expectedOffset?: bigint | undefined;
  /** Whether the promise resolves only when the batch is durable. Default: true. */
  readonly fsync?: boolean | undefined;
}

/**
 * What was appended, and where the stream ends with it: after the batch, and after the checkpoint if the
 * batch made one due. `nextOffset` and `head` are, with the stream's number, an anchor.
 */
export interface AppendResult extends StreamHead {
  /** Offset of the batch's first record; the others follow without a gap. */
  readonly firstOffset: Offset;
}

export interface FollowOptions {
  /**
   * How far back the chain is verified before the first record is returned: not at all (`record`), from the
   * nearest checkpoint, or from the stream's first record (`genesis`). Default: `checkpoint`.
   */
  readonly verify?: Verification | undefined;
  /**
   * Ends it. A read that is aborted rejects with the signal's reason; `follow` ends as if there were nothing
   * more.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The records from the offset to begin at up to `to` are a range, which `reverse` does not change: it is read
 * from the other end.
 */
export interface ReadOptions extends FollowOptions {
  /**
   * The offset before which the range ends: the record at `to` is not in it. Default: the end of the stream.
   */
  readonly to?: bigint | undefined;
  /** So many records are returned at most; of payloads so many. Default: no limit. */
  readonly limit?: number | undefined;
  /**
   * Whether the last record of the range comes first. The record returned first is verified as `verify` says,
   * every other by the hash that the record after it carries. Default: false.
   */
  readonly reverse?: boolean | undefined;
}

export interface IterateOptions extends ReadOptions {
  /** The offset at which the range begins. Default: 0. */
  readonly from?: bigint | undefined;
}

/**
 * Payloads and records that a read returns share memory with others of the same read: copy what is to be kept
 * long. Payloads that are passed in must not change before the promise settles.
 *
 * Calls with a wrong type or an unknown option reject with a `TypeError`; all else that is refused, and all
 * that is found damaged, is a `StorageError`, with the stream if the call names one. After `close` every call
 * rejects with `closed`.
 *
 * @example
 * ```ts
 * async function lastEvents(storage: StorageBackend, stream: bigint): Promise<Uint8Array[]> {
 *   return storage.readFrom(stream, 0n, 1 << 20, { reverse: true, limit: 10 });
 * }
 * ```
 */
export interface StorageBackend extends AsyncDisposable {
  /**
   * Appends a batch of events to a stream, which begins to exist with its first one. Appends to a stream
   * happen one after the other, in the order of the calls. When it rejects, nothing of the batch is visible.
   *
   * @param stream the stream's number, from 0 to 2^64 - 1
   * @param payloads at least one, each of at most `MAX_PAYLOAD_BYTES`
   * @returns where the batch begins and where the stream ends; O(bytes) time
   * @throws StorageError `empty-batch`, `payload-too-large`, `batch-too-large`, `offset-mismatch` (its
   * `offset` is the actual one), `offset-limit`, `out-of-range`, `closed`, `read-only`, `poisoned`, `io`; and
   * what recovery of the stream finds
   * @example
   * ```ts
   * await storage.appendBatch(1n, [Buffer.from("placed"), Buffer.from("paid")], { expectedOffset: 0n });
   * ```
   */
  appendBatch(
    stream: bigint,
    payloads: readonly Uint8Array[],
    options?: AppendOptions,
  ): Promise<AppendResult>;
  /**
   * Appends a checkpoint.
   *
   * @returns the checkpoint's offset and where the stream ends
   * @throws StorageError `empty-stream` if there is nothing to check yet; else as `appendBatch`
   * @example
   * ```ts
   * const { nextOffset, head } = await storage.appendCheckpoint(1n); // an anchor, to be kept elsewhere
   * ```
   */
  appendCheckpoint(stream: bigint, options?: AppendOptions): Promise<AppendResult>;
  /**
   * Makes all that was appended to a stream durable.
   *
   * @throws StorageError `read-only`, `poisoned`, `io`, `closed`
   * @example
   * ```ts
   * await storage.appendBatch(1n, events, { fsync: false });
   * await storage.sync(1n);
   * ```
   */
  sync(stream: bigint): Promise<void>;
  /**
   * Payloads of data records from offset `from` on, in order; stops after the one that reaches `maxBytes`.
   * Past the end, or for an unknown stream: none.
   *
   * @param maxBytes for the payloads together; `Infinity` for no limit
   * @returns the payloads; O(returned + the way from the nearest checkpoint) time and memory of what is
   *   returned
   * @throws StorageError `out-of-range`, `closed`, `io`, or the damage that is in the way
   * @example
   * ```ts
   * const first = await storage.readFrom(1n, 0n, 1024);
   * const newest = await storage.readFrom(1n, 0n, 1024, { reverse: true, limit: 1 });
   * ```
   */
  readFrom(stream: bigint, from: bigint, maxBytes: number, options?: ReadOptions): Promise<Uint8Array[]>;
  /**
   * As `readFrom`, but whole records, of every kind; `maxBytes` and `limit` count all of them.
   *
   * @example
   * ```ts
   * const [record] = await storage.readRecords(1n, 7n, Infinity, { to: 8n });
   * ```
   */
  readRecords(stream: bigint, from: bigint, maxBytes: number, options?: ReadOptions): Promise<Record[]>;
  /**
   * All records of a range, however many: memory does not grow with the stream. Records that are appended
   * meanwhile are among them. If damage is in the way, it throws after the records before it, in the order of
   * reading.
   *
   * @returns the records, one by one; what is wrong with the arguments is thrown by the first `next`
   * @throws StorageError as `readFrom`
   * @example
   * ```ts
   * for await (const record of storage.iterate(1n, { from: 100n, to: 200n, reverse: true })) console.log(record.offset);
   * ```
   */
  iterate(stream: bigint, options?: IterateOptions): AsyncIterableIterator<Record>;
  /**
   * All records from an offset on, and then those that are appended later through this storage, as soon as
   * they are: it waits for them and does not poll. It ends with `signal`, its own `return` (which `break`
   * calls), or `close`, also while it waits. To go on later, begin at the offset after the last record.
   *
   * @param from where to begin; past the end, the records before it are waited for and left out. Default: 0
   * @returns the records, one by one; memory does not grow with the stream, nor with how far it lags behind
   * @throws StorageError as `readFrom`; `read-only`, for a storage that was opened so is not told of appends
   * @example
   * ```ts
   * const { signal } = new AbortController();
   * for await (const record of storage.follow(1n, 0n, { signal })) await project(record);
   * ```
   */
  follow(stream: bigint, from?: bigint, options?: FollowOptions): AsyncIterableIterator<Record>;
  /**
   * Where a stream ends; an unknown one ends at 0.
   *
   * @throws StorageError `closed`, `io`, or why the end is not known
   * @example
   * ```ts
   * const { nextOffset, head } = await storage.head(1n);
   * ```
   */
  head(stream: bigint): Promise<StreamHead>;
  /**
   * The streams that there are, ascending; on a disk one whose creation a crash interrupted may be among
   * them, empty.
   *
   * @returns their numbers; O(streams log streams) time
   * @throws StorageError `closed`, `io`
   * @example
   * ```ts
   * for (const stream of await storage.streams()) console.log(stream, await storage.head(stream));
   * ```
   */
  streams(): Promise<StreamId[]>;
  /**
   * Gives back what is kept for a stream: waits for what is under way, makes everything in it durable, and
   * closes its files. The next call that names it opens it again. Records stay where they are.
   *
   * @throws StorageError `poisoned`, `io` if what was appended may not be durable; the files are closed all
   *   the same
   * @example
   * ```ts
   * await storage.release(1n);
   * ```
   */
  release(stream: bigint): Promise<void>;
  /**
   * Ends it: later calls are refused. What was appended is made durable first. May be called again. `await
   * using` calls it, too.
   *
   * @throws StorageError `poisoned`, `io` if what was appended may not be durable
   * @example
   * ```ts
   * await using storage = await Storage.open("/data/kimberlite"); // closed at the end of the block
   * ```
   */
  close(): Promise<void>;
}
