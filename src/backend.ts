/**
 * What a storage is, wherever it keeps its records: `Storage` on a disk, `MemoryStorage` in memory. Through
 * this interface the two cannot be told apart, except that only one of them survives a restart.
 * @module
 */
import type { Record } from "./format/record.ts";
import type { Offset, StreamHead, StreamId, Verification } from "./types.ts";

/** How a batch is appended. */
export interface AppendOptions {
  /** The offset that the batch's first record must get; if it would get another, the append is refused. */
  readonly expectedOffset?: bigint | undefined;
  /** Whether the promise resolves only when the batch is durable. Default: true. */
  readonly fsync?: boolean | undefined;
}

/**
 * What was appended, and where the stream then ends: after the batch, and after the checkpoint if the batch
 * made one due. `nextOffset` and `head`, with the stream's number, are an anchor.
 */
export interface AppendResult extends StreamHead {
  /** Offset of the batch's first record; the others follow without a gap. */
  readonly firstOffset: Offset;
}

/** How a stream is followed. */
export interface FollowOptions {
  /**
   * How far back the chain is verified before the first record is returned: not at all (`record`), from the
   * nearest checkpoint, or from the stream's first record (`genesis`). Default: `checkpoint`.
   */
  readonly verify?: Verification | undefined;
  /**
   * Ends the call when it is aborted: a read rejects with the signal's reason, and `follow` ends as if there
   * were no more records.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Which records of a stream are read, and in which order. The records from the offset to begin at up to `to`
 * are a range; `reverse` does not change the range, which is then read from its other end.
 */
export interface ReadOptions extends FollowOptions {
  /**
   * The offset before which the range ends: the record at `to` is not in it. Default: the end of the stream.
   */
  readonly to?: bigint | undefined;
  /** The most records, or payloads, that are returned. Default: no limit. */
  readonly limit?: number | undefined;
  /**
   * Whether the last record of the range comes first. The record returned first is verified as `verify` says,
   * every other by the hash that the record after it carries. Default: false.
   */
  readonly reverse?: boolean | undefined;
}

/** Which records of a stream are iterated over, and in which order. */
export interface IterateOptions extends ReadOptions {
  /** The offset at which the range begins. Default: 0. */
  readonly from?: bigint | undefined;
}

/**
 * Streams of records: append, read, follow.
 *
 * Payloads and records that a read returns share memory with others of the same read: copy what you keep for
 * long. Payloads that you pass in must not change before the promise settles.
 *
 * A call with an argument of a wrong type or with an unknown option rejects with a `TypeError`. Everything
 * else that is refused or found damaged is a `StorageError`, with the stream if the call names one. After
 * `close` every call rejects with `closed`.
 *
 * @example
 * ```ts
 * async function lastEvents(storage: StorageBackend, stream: bigint): Promise<Uint8Array[]> {
 *   return storage.readFrom(stream, 0n, 1 << 20, { reverse: true, limit: 10 });
 * }
 * (await lastEvents(storage, 1n)).length; // 2
 * ```
 */
export interface StorageBackend extends AsyncDisposable {
  /**
   * Appends a batch of events to a stream. The first batch creates the stream. Appends to one stream happen
   * one after another, in the order of the calls. When the promise rejects, nothing of the batch is visible.
   *
   * @param stream the stream's number, from 0 to 2^64 - 1
   * @param payloads at least one, each of at most `MAX_PAYLOAD_BYTES`
   * @param options where the batch must begin, and whether to wait until it is durable
   * @returns where the batch begins and where the stream ends; O(bytes) time
   * @throws StorageError `empty-batch`, `payload-too-large`, `batch-too-large` if the batch cannot be stored;
   * `offset-mismatch` if the stream does not end at `expectedOffset` (the error's `offset` says where it
   * does); `offset-limit` if the stream is full; `out-of-range`, `closed`, `read-only`, `poisoned`, `io`; and
   * what recovery of the stream finds
   * @example
   * ```ts
   * await storage.appendBatch(2n, [Buffer.from("placed"), Buffer.from("paid")], { expectedOffset: 0n });
   * ```
   */
  appendBatch(
    stream: bigint,
    payloads: readonly Uint8Array[],
    options?: AppendOptions,
  ): Promise<AppendResult>;
  /**
   * Appends a checkpoint: a record that repeats the chain hash before it, from which reads can verify.
   *
   * @param stream the stream's number
   * @param options where the checkpoint must be, and whether to wait until it is durable
   * @returns the checkpoint's offset and where the stream ends; O(1) time
   * @throws StorageError `empty-stream` if the stream has no records; otherwise as `appendBatch`
   * @example
   * ```ts
   * const { nextOffset, head } = await storage.appendCheckpoint(1n); // an anchor, to be kept elsewhere
   * ```
   */
  appendCheckpoint(stream: bigint, options?: AppendOptions): Promise<AppendResult>;
  /**
   * Deletes data records logically: appends a tombstone, a record that names them. From then on `readFrom`
   * leaves them out, also when the stream is opened again. They stay in the log: no hash, no head and no
   * anchor changes, and `readRecords`, `iterate` and `follow` show the log as it is, with its tombstones.
   *
   * Checkpoints and tombstones among the records that are named stay as they are. Naming a record again
   * changes nothing.
   *
   * @param stream the stream's number
   * @param first offset of the first record to be hidden, a data record
   * @param count how many records from there on; the last of them is a data record, too
   * @param options where the tombstone must be, and whether to wait until it is durable
   * @returns the tombstone's offset and where the stream ends; O(log records) time
   * @throws StorageError `out-of-range` if the first or the last of these records is not there or is no data
   * record; `wrong-format` in a stream of the format `sentinel`, whose tombstones name nothing; what reading
   * these two finds; otherwise as `appendBatch`
   * @example
   * ```ts
   * await storage.appendBatch(3n, [Buffer.from("kept"), Buffer.from("deleted")]);
   * await storage.tombstone(3n, 1n, 1n);
   * (await storage.readFrom(3n, 0n, Infinity)).length; // 1
   * ```
   */
  tombstone(stream: bigint, first: bigint, count: bigint, options?: AppendOptions): Promise<AppendResult>;
  /**
   * Makes everything that was appended to a stream durable.
   *
   * @param stream the stream's number
   * @throws StorageError `read-only`, `poisoned`, `io`, `closed`, `out-of-range`
   * @example
   * ```ts
   * await storage.appendBatch(1n, events, { fsync: false });
   * await storage.sync(1n);
   * ```
   */
  sync(stream: bigint): Promise<void>;
  /**
   * Payloads of data records that no tombstone hides, in order, from an offset on. Stops after the payload
   * that reaches `maxBytes`. After the end of a stream, and in an unknown stream, there are none.
   *
   * The first such read of a stream since it was opened looks for tombstones after `from`, in the index of
   * each later segment: O(records after `from`) time, and memory for the ranges that they name.
   *
   * @param stream the stream's number
   * @param from the offset to begin at
   * @param maxBytes limit of the payloads together, in bytes; `Infinity` for no limit
   * @param options which records, in which order, and how far back the chain is verified
   * @returns the payloads; time O(bytes returned + bytes since the nearest checkpoint), memory O(bytes
   *   returned)
   * @throws StorageError `out-of-range`, `closed`, `io`, or the damage that is met
   * @example
   * ```ts
   * const first = await storage.readFrom(1n, 0n, 1024);
   * const newest = await storage.readFrom(1n, 0n, 1024, { reverse: true, limit: 1 });
   * ```
   */
  readFrom(stream: bigint, from: bigint, maxBytes: number, options?: ReadOptions): Promise<Uint8Array[]>;
  /**
   * Whole records of every kind, in order, from an offset on. Stops after the record whose payload reaches
   * `maxBytes`. `maxBytes` and `limit` count records of every kind.
   *
   * @param stream the stream's number
   * @param from the offset to begin at
   * @param maxBytes limit of the payloads together, in bytes; `Infinity` for no limit
   * @param options which records, in which order, and how far back the chain is verified
   * @returns the records, payloads expanded; time and memory as `readFrom`
   * @throws StorageError as `readFrom`
   * @example
   * ```ts
   * const [record] = await storage.readRecords(1n, 1n, Infinity, { to: 2n });
   * record?.offset; // 1n
   * ```
   */
  readRecords(stream: bigint, from: bigint, maxBytes: number, options?: ReadOptions): Promise<Record[]>;
  /**
   * All records of a range, however many: memory does not grow with the stream. Records that are appended
   * during the iteration are among them. Where damage is met, it throws after the records before the damage,
   * in the order of reading.
   *
   * @param stream the stream's number
   * @param options which records, in which order, and how far back the chain is verified
   * @returns the records, one by one; what is wrong with the arguments is thrown by the first `next`
   * @throws StorageError as `readFrom`
   * @example
   * ```ts
   * for await (const record of storage.iterate(1n, { from: 100n, to: 200n, reverse: true })) print(record.offset);
   * ```
   */
  iterate(stream: bigint, options?: IterateOptions): AsyncIterableIterator<Record>;
  /**
   * All records from an offset on, and then those that are appended later through this storage, as soon as
   * they are appended. It waits for them and does not poll. It ends with `signal`, with its own `return`
   * (which `break` calls), or with `close`, even while it waits. To go on later, begin at the offset after
   * the last record.
   *
   * @param stream the stream's number
   * @param from where to begin; if the stream ends before it, the records up to it are waited for and not
   *   returned. Default: 0
   * @param options how far back the chain is verified, and what ends it
   * @returns the records, one by one; memory does not grow with the stream, nor with how far the reader lags
   * @throws StorageError as `readFrom`; `read-only`, because a storage that was opened so is not told of
   *   appends
   * @example
   * ```ts
   * for await (const record of storage.follow(1n, 0n)) {
   *   await project(record);
   *   if (record.offset === 1n) break;
   * }
   * ```
   */
  follow(stream: bigint, from?: bigint, options?: FollowOptions): AsyncIterableIterator<Record>;
  /**
   * Where a stream ends; an unknown one ends at 0.
   *
   * @param stream the stream's number
   * @returns the next offset and the chain hash of the last record; O(1) time once the stream is open
   * @throws StorageError `closed`, `io`, `out-of-range`, or why the end is not known
   * @example
   * ```ts
   * const { nextOffset, head } = await storage.head(1n);
   * nextOffset; // 2n
   * ```
   */
  head(stream: bigint): Promise<StreamHead>;
  /**
   * The streams that exist, in ascending order. On a disk, a stream whose creation was interrupted by a crash
   * may be among them; it is empty.
   *
   * @returns their numbers; O(streams log streams) time
   * @throws StorageError `closed`, `io`
   * @example
   * ```ts
   * for (const stream of await storage.streams()) print(stream, await storage.head(stream));
   * ```
   */
  streams(): Promise<StreamId[]>;
  /**
   * Closes what is kept open for a stream: waits for calls in progress, makes everything in the stream
   * durable, and closes its files. The next call that names the stream opens it again. Records stay where
   * they are.
   *
   * @param stream the stream's number
   * @throws StorageError `closed`, `out-of-range`; `poisoned`, `io` if what was appended may not be durable,
   *   and then the files are closed nevertheless
   * @example
   * ```ts
   * await storage.release(1n);
   * ```
   */
  release(stream: bigint): Promise<void>;
  /**
   * Closes the storage: later calls are refused. What was appended is made durable first. May be called
   * again. `await using` calls it at the end of its block.
   *
   * @throws StorageError `poisoned`, `io` if what was appended may not be durable
   * @example
   * ```ts
   * const storage = await Storage.open("/data");
   * await storage.appendBatch(1n, events);
   * await storage.close();
   * ```
   */
  close(): Promise<void>;
}
