/**
 * `MemoryStorage`: a storage that keeps its records in memory, for tests and for data that need not outlive
 * the process.
 *
 * It answers as `Storage` does, hash for hash. Nothing outlives the process.
 * @module
 */
import type { AppendResult } from "./backend.ts";
import { BaseStorage, type UsableStream } from "./base-storage.ts";
import {
  appendResult,
  type PreparedBatch,
  prepareBatch,
  prepareCheckpoint,
  prepareTombstone,
} from "./format/batch.ts";
import { genesisHead } from "./format/chain.ts";
import type { CodecRegistry } from "./format/codec.ts";
import { refuseIfAborted } from "./aborted.ts";
import { type Cursor, hasRoom, type Room, takeRoom } from "./cursor.ts";
import { elementAt } from "./element-at.ts";
import { formatNamed, type RecordFormat } from "./format/formats.ts";
import type { Tombstone } from "./format/tombstone.ts";
import { type OffsetRange, OffsetRanges, rangeOf } from "./format/offset-ranges.ts";
import { asFormat, asOptions, type OptionNames } from "./options.ts";
import { decodeRecord, type Record } from "./format/record.ts";
import {
  asCheckpointPolicy,
  asCodecs,
  asCompression,
  type ReadRequest,
  refuseOtherOffset,
  refuseTombstone,
} from "./requests.ts";
import { expandedPayload } from "./format/expand.ts";
import type { CheckpointPolicy, CompressionKind, Format, StreamHead, StreamId } from "./types.ts";

/** How a `MemoryStorage` stores records. */
export interface MemoryStorageOptions {
  /** How payloads are compressed. Default: `none`. */
  readonly compression?: CompressionKind | undefined;
  /** Default: the codecs of this package. */
  readonly codecs?: CodecRegistry | undefined;
  /** When a checkpoint is appended automatically. Default: after every 1000 offsets. */
  readonly checkpoints?: CheckpointPolicy | undefined;
  /** How records are chained. Default: `plain`. */
  readonly format?: Format | undefined;
}

const OPTIONS: OptionNames<MemoryStorageOptions> = {
  compression: true,
  codecs: true,
  checkpoints: true,
  format: true,
};

interface MemorySettings {
  readonly format: RecordFormat;
  readonly codecs: CodecRegistry;
  readonly compression: CompressionKind;
  readonly policy: CheckpointPolicy;
}

/**
 * A storage in memory. Memory: the records as they would be stored. Time of a read: O(bytes returned).
 *
 * @example
 * ```ts
 * await using storage = new MemoryStorage({ checkpoints: { everyNRecords: 100 } });
 * await storage.appendBatch(1n, [Buffer.from("event1")]);
 * ```
 */
export class MemoryStorage extends BaseStorage<MemoryStream, MemoryStream> {
  readonly #settings: MemorySettings;
  readonly #streams = new Map<StreamId, MemoryStream>();

  /**
   * @param options how records are stored
   * @throws TypeError for an unknown option, or one of another type
   * @throws StorageError `out-of-range`, `unknown-codec`
   */
  constructor(options?: MemoryStorageOptions) {
    super(false);
    const given = asOptions("MemoryStorage", options, OPTIONS);
    const format = formatNamed(asFormat(given.format));
    const codecs = format.codecs(asCodecs(given.codecs));
    const compression = asCompression(given.compression, codecs);
    this.#settings = { format, codecs, compression, policy: asCheckpointPolicy(given.checkpoints) };
  }

  protected override use<T>(id: StreamId, work: (stream: MemoryStream) => Promise<T>): Promise<T> {
    return work(this.#streams.get(id) ?? new MemoryStream(id, this.#settings, this.#streams));
  }

  protected override cursor(request: ReadRequest): Cursor<MemoryStream> {
    return new MemoryCursor(request);
  }

  protected override async releaseStream(id: StreamId): Promise<void> {
    await this.#streams.get(id)?.sync();
  }

  protected override listStreams(): StreamId[] {
    const streams = [...this.#streams].filter(([, stream]) => stream.count > 0);
    return streams.map(([id]) => id).sort((a, b) => (a < b ? -1 : 1));
  }

  protected override async closeAll(): Promise<void> {
    await Promise.all([...this.#streams.values()].map((stream) => stream.sync()));
  }
}

class MemoryStream implements UsableStream<MemoryStream> {
  readonly #id: StreamId;
  readonly #settings: MemorySettings;
  /** The storage's streams; this one is among them once it has been appended to. */
  readonly #streams: Map<StreamId, MemoryStream>;
  /** Encoded records. */
  readonly #records: Buffer[] = [];
  #end: StreamHead = genesisHead();
  #hidden = OffsetRanges.none;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(id: StreamId, settings: MemorySettings, streams: Map<StreamId, MemoryStream>) {
    this.#id = id;
    this.#settings = settings;
    this.#streams = streams;
  }

  get count(): number {
    return this.#records.length;
  }

  append(payloads: readonly Uint8Array[], expectedOffset: bigint | undefined): Promise<AppendResult> {
    const { format, codecs, compression, policy } = this.#settings;
    return this.#append(expectedOffset, (end) =>
      prepareBatch(format, end, payloads, codecs.get(compression), policy),
    );
  }

  checkpoint(expectedOffset: bigint | undefined): Promise<AppendResult> {
    return this.#append(expectedOffset, (end) => prepareCheckpoint(this.#settings.format, end));
  }

  tombstone(tombstone: Tombstone, expectedOffset: bigint | undefined): Promise<AppendResult> {
    const { format, policy } = this.#settings;
    return this.#append(
      expectedOffset,
      async (end) => {
        await refuseTombstone(this.#id, format, tombstone, async (offset) =>
          offset < this.count ? this.record(offset) : undefined,
        );
        return prepareTombstone(format, end, tombstone, policy);
      },
      rangeOf(tombstone),
    );
  }

  async sync(): Promise<void> {
    await this.#queue;
  }

  hidden(): OffsetRanges {
    return this.#hidden;
  }

  head(): StreamHead {
    const { nextOffset, head } = this.#end;
    return { nextOffset, head: Uint8Array.from(head) };
  }

  source(): this {
    return this;
  }

  /** The record at an offset. It is a copy: the caller may change it. */
  async record(offset: number): Promise<Record> {
    const { format, codecs } = this.#settings;
    const bytes = Buffer.from(elementAt(this.#records, offset));
    const { record, size } = decodeRecord(bytes, format.name);
    const { compression } = record;
    const payload = await expandedPayload(format, bytes, 0, { compression, size }, codecs);
    return { ...record, payload };
  }

  #append(
    expectedOffset: bigint | undefined,
    prepare: (end: StreamHead) => PreparedBatch | Promise<PreparedBatch>,
    hides?: OffsetRange,
  ): Promise<AppendResult> {
    this.#streams.set(this.#id, this);
    const appended = this.#queue.then(async () => {
      refuseOtherOffset(this.#id, expectedOffset, this.#end.nextOffset);
      const batch = await prepare(this.#end);
      let at = 0;
      for (const size of batch.sizes) {
        this.#records.push(batch.bytes.subarray(at, at + size));
        at += size;
      }
      this.#end = batch.end;
      if (hides !== undefined) this.#hidden = this.#hidden.with([hides]);
      return appendResult(batch);
    });
    this.#queue = appended.catch(() => undefined);
    return appended;
  }
}

class MemoryCursor implements Cursor<MemoryStream> {
  readonly failure = undefined;
  readonly #request: ReadRequest;
  /** Offset of the next record; `undefined` before the first step. */
  #at: number | undefined;

  constructor(request: ReadRequest) {
    this.#request = request;
  }

  async next(stream: MemoryStream, room: Room): Promise<Record[]> {
    const { from, to, reverse, signal } = this.#request;
    const records: Record[] = [];
    let at = this.#at ?? (reverse ? Math.min(to, stream.count) - 1 : from);
    while (hasRoom(room) && at >= from && at < Math.min(to, stream.count)) {
      refuseIfAborted(signal);
      const record = await stream.record(at);
      records.push(record);
      takeRoom(room, record);
      at += reverse ? -1 : 1;
    }
    this.#at = at;
    return records;
  }
}
