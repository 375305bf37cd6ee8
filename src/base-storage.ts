/**
 * What every storage does alike, wherever it keeps its records: the calls' arguments and options, ranges,
 * iteration, following, refusal after `close`, and that an error says which stream it is about.
 *
 * Promises: what is wrong with a call is found before a stream is opened for it. Left to subclasses: streams,
 * and what a cursor reads.
 * @module
 */
import type {
  AppendOptions,
  AppendResult,
  FollowOptions,
  IterateOptions,
  ReadOptions,
  StorageBackend,
} from "./backend.ts";
import { refuseIfAborted } from "./aborted.ts";
import type { Cursor, Room } from "./cursor.ts";
import { errorOf, StorageError } from "./error.ts";
import { Followers, Following, type Watch } from "./follow.ts";
import type { Record } from "./format/record.ts";
import { asTombstone, type Tombstone } from "./format/tombstone.ts";
import type { OffsetRanges } from "./format/offset-ranges.ts";
import {
  asAppendOptions,
  asFollowRequest,
  asIterateRequest,
  asMaxBytes,
  asPayloads,
  asReadRequest,
  asStreamId,
  type ReadRequest,
} from "./requests.ts";
import type { Answer, StreamHead, StreamId } from "./types.ts";

/** A stream while a call uses it. */
export interface UsableStream<Source> {
  append(
    payloads: readonly Uint8Array[],
    expectedOffset: bigint | undefined,
    fsync: boolean,
  ): Promise<AppendResult>;
  checkpoint(expectedOffset: bigint | undefined, fsync: boolean): Promise<AppendResult>;
  tombstone(tombstone: Tombstone, expectedOffset: bigint | undefined, fsync: boolean): Promise<AppendResult>;
  sync(): Promise<void>;
  head(): Answer<StreamHead>;
  /** The data records from an offset on that are hidden; it may say so of others. */
  hidden(from: number): Answer<OffsetRanges>;
  /** What a cursor reads from. */
  source(): Answer<Source>;
}

/** How much one step of an iteration reads. */
const STEP_BYTES = 1 << 20;
const STEP_RECORDS = 1 << 14;

const isAny = (): boolean => true;

export abstract class BaseStorage<Source, Used extends UsableStream<Source>> implements StorageBackend {
  readonly #isReadOnly: boolean;
  readonly #followers = new Followers();
  #closing: Promise<void> | undefined;

  protected constructor(isReadOnly: boolean) {
    this.#isReadOnly = isReadOnly;
  }

  /** Runs `work` with a stream, which stays open until `work` ends. */
  protected abstract use<T>(stream: StreamId, work: (stream: Used) => Promise<T>): Promise<T>;
  /** A cursor for a range, which has read nothing yet. */
  protected abstract cursor(request: ReadRequest): Cursor<Source>;
  /** Closes a stream's files, if they are open, as soon as no call uses it. */
  protected abstract releaseStream(stream: StreamId): Promise<void>;
  protected abstract listStreams(): Answer<StreamId[]>;
  /** Waits for calls in progress, makes everything durable, and closes everything. */
  protected abstract closeAll(): Promise<void>;

  async appendBatch(
    stream: bigint,
    payloads: readonly Uint8Array[],
    options?: AppendOptions,
  ): Promise<AppendResult> {
    const { expectedOffset, fsync } = asAppendOptions("appendBatch", options);
    return this.call(stream, (id) => {
      const checked = asPayloads(payloads);
      return this.#append(id, (used) => used.append(checked, expectedOffset, fsync));
    });
  }

  async appendCheckpoint(stream: bigint, options?: AppendOptions): Promise<AppendResult> {
    const { expectedOffset, fsync } = asAppendOptions("appendCheckpoint", options);
    return this.call(stream, (id) => this.#append(id, (used) => used.checkpoint(expectedOffset, fsync)));
  }

  async tombstone(
    stream: bigint,
    first: bigint,
    count: bigint,
    options?: AppendOptions,
  ): Promise<AppendResult> {
    const { expectedOffset, fsync } = asAppendOptions("tombstone", options);
    return this.call(stream, (id) => {
      const tombstone = asTombstone(first, count);
      return this.#append(id, (used) => used.tombstone(tombstone, expectedOffset, fsync));
    });
  }

  async sync(stream: bigint): Promise<void> {
    return this.call(stream, (id) => {
      this.refuseIfReadOnly();
      return this.use(id, (used) => used.sync());
    });
  }

  async readFrom(
    stream: bigint,
    from: bigint,
    maxBytes: number,
    options?: ReadOptions,
  ): Promise<Uint8Array[]> {
    const records = await this.#read("readFrom", stream, from, maxBytes, options, async (used, first) => {
      const hidden = await used.hidden(first);
      return ({ kind, offset }) => kind === "data" && !hidden.has(Number(offset));
    });
    return records.map((record) => record.payload);
  }

  async readRecords(
    stream: bigint,
    from: bigint,
    maxBytes: number,
    options?: ReadOptions,
  ): Promise<Record[]> {
    return this.#read("readRecords", stream, from, maxBytes, options, () => isAny);
  }

  async *iterate(stream: bigint, options?: IterateOptions): AsyncGenerator<Record, undefined, undefined> {
    const id = asStreamId(stream);
    const request = await this.call(id, () => Promise.resolve(asIterateRequest(options)));
    const cursor = this.cursor(request);
    let left = request.limit;
    do {
      refuseIfAborted(request.signal);
      const room = { bytes: STEP_BYTES, records: Math.min(STEP_RECORDS, left), counts: isAny };
      const records = await this.#step(id, cursor, room);
      for (const record of records) {
        refuseIfAborted(request.signal);
        if (this.#closing !== undefined) throw errorOf(id, closed());
        yield record;
      }
      if (cursor.failure !== undefined) throw errorOf(id, cursor.failure);
      if (records.length === 0) return;
      left -= records.length;
    } while (left > 0);
  }

  follow(stream: bigint, from?: bigint, options?: FollowOptions): AsyncIterableIterator<Record> {
    return new Following((watch) => this.#follow(watch, stream, from, options));
  }

  async head(stream: bigint): Promise<StreamHead> {
    return this.call(stream, (id) => this.use(id, async (used) => used.head()));
  }

  async streams(): Promise<StreamId[]> {
    this.#refuseIfClosed();
    return this.listStreams();
  }

  async release(stream: bigint): Promise<void> {
    return this.call(stream, (id) => this.releaseStream(id));
  }

  close(): Promise<void> {
    this.#closing ??= this.closeAll();
    this.#followers.wakeAll();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Runs what is about a stream, so that what it fails with says which. */
  protected async call<T>(stream: bigint, work: (stream: StreamId) => Promise<T>): Promise<T> {
    const id = asStreamId(stream);
    try {
      this.#refuseIfClosed();
      return await work(id);
    } catch (error) {
      throw errorOf(id, error);
    }
  }

  /** @throws StorageError `read-only` */
  protected refuseIfReadOnly(): void {
    if (!this.#isReadOnly) return;
    const sentence = "The storage was opened read-only. Open it for writing, where that is allowed.";
    throw new StorageError("read-only", sentence);
  }

  async #append(stream: StreamId, work: (stream: Used) => Promise<AppendResult>): Promise<AppendResult> {
    this.refuseIfReadOnly();
    const result = await this.use(stream, work);
    this.#followers.wake(stream);
    return result;
  }

  /** @param shown which records of a stream are returned, and count */
  #read(
    whose: string,
    stream: bigint,
    from: bigint,
    maxBytes: number,
    options: ReadOptions | undefined,
    shown: (used: Used, from: number) => Answer<(record: Record) => boolean>,
  ): Promise<Record[]> {
    return this.call(stream, async (id) => {
      const request = asReadRequest(whose, from, options);
      const bytes = asMaxBytes(maxBytes);
      refuseIfAborted(request.signal);
      const cursor = this.cursor(request);
      const records = await this.use(id, async (used) => {
        const counts = await shown(used, request.from);
        const read = await cursor.next(await used.source(), { bytes, records: request.limit, counts });
        return read.filter(counts);
      });
      if (cursor.failure !== undefined) throw cursor.failure;
      return records;
    });
  }

  #step(stream: StreamId, cursor: Cursor<Source>, room: Room): Promise<Record[]> {
    return this.call(stream, (id) => this.use(id, async (used) => cursor.next(await used.source(), room)));
  }

  async *#follow(
    { sleeper, isOver: isLeft }: Watch,
    stream: bigint,
    from: bigint | undefined,
    options: FollowOptions | undefined,
  ): AsyncGenerator<Record, undefined, undefined> {
    const id = asStreamId(stream);
    const request = await this.call(id, () => {
      this.refuseIfReadOnly();
      return Promise.resolve(asFollowRequest(from, options));
    });
    const { signal } = request;
    const cursor = this.cursor(request);
    const isOver = (): boolean => isLeft() || signal?.aborted === true || this.#closing !== undefined;
    const wake = (): void => {
      sleeper.wake();
    };
    signal?.addEventListener("abort", wake);
    this.#followers.add(id, sleeper);
    try {
      while (!isOver()) {
        const room = { bytes: STEP_BYTES, records: STEP_RECORDS, counts: isAny };
        const records = await this.#step(id, cursor, room);
        for (const record of records) {
          if (isOver()) return;
          yield record;
        }
        if (cursor.failure !== undefined) throw errorOf(id, cursor.failure);
        if (records.length === 0) await sleeper.sleep();
      }
    } catch (error) {
      // What ended it may have interrupted a step.
      if (!isOver()) throw error;
    } finally {
      this.#followers.remove(id, sleeper);
      signal?.removeEventListener("abort", wake);
    }
    return undefined;
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw closed();
  }
}

function closed(): StorageError {
  return new StorageError("closed", "The storage is closed. Open it again.");
}
