/**
 * `MemoryStorage`: a storage that keeps its records in memory, for tests and for what need not outlive the process.
 *
 * It answers as `Storage` does, hash for hash; everything is as durable as the process.
 * @module
 */
import type {
  AppendOptions,
  AppendResult,
  IterateOptions,
  ReadOptions,
  StorageBackend,
  StreamHead,
} from "./backend.ts";
import { genesisHash } from "./chain.ts";
import { CodecRegistry } from "./codec.ts";
import { StorageError } from "./error.ts";
import { formatNamed, type RecordFormat } from "./formats.ts";
import { appendResult, type PreparedBatch, prepareBatch, prepareCheckpoint, type Tip } from "./pipeline.ts";
import { decodeRecord, type Record } from "./record.ts";
import {
  asAppendOptions,
  asCount,
  asFormat,
  asMaxBytes,
  asPayloads,
  asStart,
  asStreamId,
  asVerification,
  refuseOtherOffset,
} from "./requests.ts";
import { expandedPayload } from "./scan.ts";
import type { CheckpointPolicy, CompressionKind, Format, Offset, StreamId } from "./types.ts";

export interface MemoryStorageOptions {
  /** How payloads are compressed. Default: `none`. */
  readonly compression?: CompressionKind;
  /** Default: the codecs of this package. */
  readonly codecs?: CodecRegistry;
  /** When a checkpoint is appended by itself. Default: after every 1000 offsets. */
  readonly checkpoints?: CheckpointPolicy;
  /** How records are chained. Default: `plain`. */
  readonly format?: Format;
}

interface MemoryStream {
  /** Encoded records. */
  readonly records: Buffer[];
  tip: Tip;
  queue: Promise<unknown>;
}

export class MemoryStorage implements StorageBackend {
  readonly #format: RecordFormat;
  readonly #codecs: CodecRegistry;
  readonly #compression: CompressionKind;
  readonly #policy: CheckpointPolicy;
  readonly #streams = new Map<StreamId, MemoryStream>();
  #closed = false;

  /** @throws StorageError `out-of-range`, `unknown-codec` */
  constructor(options: MemoryStorageOptions = {}) {
    this.#format = formatNamed(asFormat(options.format));
    this.#codecs = this.#format.codecs(options.codecs ?? new CodecRegistry());
    this.#compression = options.compression ?? "none";
    this.#codecs.get(this.#compression);
    const everyNRecords = options.checkpoints?.everyNRecords ?? 1000;
    this.#policy = {
      everyNRecords: asCount("checkpoints.everyNRecords", everyNRecords, 0, Number.MAX_SAFE_INTEGER),
    };
  }

  async appendBatch(
    stream: bigint,
    payloads: readonly Uint8Array[],
    options?: AppendOptions,
  ): Promise<AppendResult> {
    const { expectedOffset } = asAppendOptions(options);
    const found = this.#stream(asStreamId(stream));
    const checked = asPayloads(payloads);
    const codec = this.#codecs.get(this.#compression);
    return this.#append(found, asStreamId(stream), expectedOffset, (tip) =>
      prepareBatch(this.#format, tip, checked, codec, this.#policy),
    );
  }

  async appendCheckpoint(stream: bigint, options?: AppendOptions): Promise<AppendResult> {
    const { expectedOffset } = asAppendOptions(options);
    return this.#append(this.#stream(asStreamId(stream)), asStreamId(stream), expectedOffset, (tip) =>
      prepareCheckpoint(this.#format, tip),
    );
  }

  async sync(stream: bigint): Promise<void> {
    await this.#stream(asStreamId(stream)).queue;
  }

  async readFrom(
    stream: bigint,
    from: bigint,
    maxBytes: number,
    options?: ReadOptions,
  ): Promise<Uint8Array[]> {
    const isData = (record: Record): boolean => record.kind === "data";
    const records = await this.#read(stream, from, maxBytes, options, isData);
    return records.filter(isData).map((record) => record.payload);
  }

  async readRecords(
    stream: bigint,
    from: bigint,
    maxBytes: number,
    options?: ReadOptions,
  ): Promise<Record[]> {
    return this.#read(stream, from, maxBytes, options, () => true);
  }

  async *iterate(stream: bigint, options: IterateOptions = {}): AsyncIterableIterator<Record> {
    const found = this.#stream(asStreamId(stream));
    asVerification(options.verify);
    for (let at = asStart(options.from ?? 0n); ; at += 1) {
      this.#refuseIfClosed();
      const bytes = found.records[at];
      if (bytes === undefined) return;
      yield this.#record(bytes);
    }
  }

  async head(stream: bigint): Promise<StreamHead> {
    const { nextOffset, head } = this.#stream(asStreamId(stream)).tip;
    return Promise.resolve({ nextOffset: BigInt(nextOffset) as Offset, head: Uint8Array.from(head) });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#streams.values()].map((stream) => stream.queue));
  }

  #append(
    stream: MemoryStream,
    id: StreamId,
    expectedOffset: bigint | undefined,
    prepare: (tip: Tip) => PreparedBatch | Promise<PreparedBatch>,
  ): Promise<AppendResult> {
    const appended = stream.queue.then(async () => {
      refuseOtherOffset(id, expectedOffset, stream.tip.nextOffset);
      const batch = await prepare(stream.tip);
      let at = 0;
      for (const size of batch.sizes) {
        stream.records.push(batch.bytes.subarray(at, at + size));
        at += size;
      }
      stream.tip = batch.tip;
      return appendResult(batch);
    });
    stream.queue = appended.catch(() => undefined);
    return appended;
  }

  async #read(
    stream: bigint,
    from: bigint,
    maxBytes: number,
    options: ReadOptions | undefined,
    counts: (record: Record) => boolean,
  ): Promise<Record[]> {
    const found = this.#stream(asStreamId(stream));
    const start = asStart(from);
    let room = asMaxBytes(maxBytes);
    asVerification(options?.verify);
    const records: Record[] = [];
    for (let at = start; room > 0; at += 1) {
      const bytes = found.records[at];
      if (bytes === undefined) break;
      const record = await this.#record(bytes);
      records.push(record);
      if (counts(record)) room -= record.payload.length;
    }
    return records;
  }

  /** A record of its own: what the caller does to it must not reach the one that is kept. */
  async #record(stored: Buffer): Promise<Record> {
    const bytes = Buffer.from(stored);
    const { record, size } = decodeRecord(bytes, this.#format.name);
    const { compression } = record;
    const payload = await expandedPayload(this.#format, bytes, 0, { compression, size }, this.#codecs);
    return { ...record, payload };
  }

  #stream(id: StreamId): MemoryStream {
    this.#refuseIfClosed();
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      stream = { records: [], tip: { nextOffset: 0, head: genesisHash() }, queue: Promise.resolve() };
      this.#streams.set(id, stream);
    }
    return stream;
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new StorageError("closed", "The storage is closed. Open it again.");
  }
}
