/**
 * `Storage`: streams of hash-chained, checksummed records in a data directory, one directory a stream.
 *
 * Promised: what was acknowledged with `fsync` survives every crash; what is read is what was appended, or an error; after a
 * crash a stream is a prefix of what was appended and goes on from there. Not promised: that a tail cut off on purpose is noticed
 * without an anchor kept elsewhere (docs/FORMAT.md, section 3), nor that one process sees another's appends: a
 * directory is open in one process at a time.
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
import { CodecRegistry } from "./codec.ts";
import type { Disk, DiskLock } from "./disk.ts";
import { StorageError } from "./error.ts";
import { io, ioError, isMissing, LOCK_NAME, syncNames } from "./files.ts";
import { guarded } from "./guarded-disk.ts";
import { MAX_STREAM_ID, SEGMENT_BYTES } from "./limits.ts";
import { NodeDisk } from "./node-disk.ts";
import { type MakeStream, OpenStreams } from "./open-streams.ts";
import { LogCursor } from "./read.ts";
import type { Record } from "./record.ts";
import {
  asAppendOptions,
  asCount,
  asDurability,
  asFormat,
  asMaxBytes,
  asPayloads,
  asStart,
  asStreamId,
  asVerification,
} from "./requests.ts";
import { Stream, type StreamSettings, type StreamStatus } from "./stream.ts";
import type { CheckpointPolicy, CompressionKind, Durability, Format, StreamId } from "./types.ts";

export interface StorageOptions {
  /** Default: `NodeDisk`, the file system. */
  readonly disk?: Disk;
  /** How payloads are compressed. Default: `none`. What is stored otherwise is read all the same. */
  readonly compression?: CompressionKind;
  /** Default: the codecs of this package. */
  readonly codecs?: CodecRegistry;
  /** When a checkpoint is appended by itself. Default: after every 1000 offsets. */
  readonly checkpoints?: CheckpointPolicy;
  /** The format of streams that are created; one that is there keeps its own. `sentinel` is what Kimberlite reads. Default: `plain`. */
  readonly format?: Format;
  /** What an acknowledgement proves; how a log is written, not what it says. Default: `standard`. */
  readonly durability?: Durability;
  /**
   * A batch that would make the active segment larger begins a new one. In a `sentinel` stream, as with Kimberlite, one begins a new one if
   * an earlier batch has made the segment so large. Default: 256 MiB.
   */
  readonly maxSegmentBytes?: number;
  /** After this many entries, or as many as were saved before, the index is saved anew. Default: 65536. */
  readonly indexLogMaxEntries?: number;
  /** How much is read at a time. Default: 1 MiB. */
  readonly readChunkBytes?: number;
  /**
   * So many streams are kept open at most; the least recently used is closed for the next one, and opened again when it is used. Each has two
   * files open, for moments up to three more, and one for each read under way. Default: 64.
   */
  readonly maxOpenStreams?: number;
}

const ITERATE_BYTES = 1 << 20;
const ITERATE_RECORDS = 1 << 14;
const STREAM_NAME = /^(0|[1-9]\d{0,19})$/;

export class Storage implements StorageBackend {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #lock: DiskLock;
  readonly #streams: OpenStreams;
  #closing: Promise<void> | undefined;

  private constructor(path: string, lock: DiskLock, options: Required<StorageOptions>) {
    this.#path = path;
    this.#lock = lock;
    this.#disk = options.disk;
    this.#streams = new OpenStreams(options.maxOpenStreams, streamsOf(path, options));
  }

  /**
   * Opens a data directory, creating it (but not its parents) if need be, and locks it. Streams are recovered when they are first used.
   *
   * @throws StorageError `locked` if somebody has it open, `io`, `out-of-range`, `unknown-codec`
   * @example
   * ```ts
   * const storage = await Storage.open("/data/kimberlite");
   * await storage.appendBatch(1n, [Buffer.from("event1")]);
   * await storage.close();
   * ```
   */
  static async open(path: string, options: StorageOptions = {}): Promise<Storage> {
    if (typeof (path as unknown) !== "string")
      throw new TypeError("The path of the data directory is a string.");
    if (path === "") throw new StorageError("out-of-range", "The path of the data directory is empty.");
    const settled = withDefaults(options);
    settled.codecs.get(settled.compression);
    const named = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const root = await io("looking for the data directory", { file: named }, () =>
      settled.disk.resolve(named),
    );
    const lock = await lockDirectory(settled.disk, root);
    if (lock === undefined) {
      const sentence =
        "The data directory is open elsewhere, in this process or another. Close it there first.";
      throw new StorageError("locked", sentence, { file: `${root}/${LOCK_NAME}` });
    }
    return new Storage(root, lock, { ...settled, disk: guarded(settled.disk, lock, `${root}/${LOCK_NAME}`) });
  }

  async appendBatch(
    stream: bigint,
    payloads: readonly Uint8Array[],
    options?: AppendOptions,
  ): Promise<AppendResult> {
    const { expectedOffset, fsync } = asAppendOptions(options);
    const id = asStreamId(stream);
    const checked = asPayloads(payloads);
    return this.#use(id, (opened) => opened.append(checked, expectedOffset, fsync));
  }

  async appendCheckpoint(stream: bigint, options?: AppendOptions): Promise<AppendResult> {
    const { expectedOffset, fsync } = asAppendOptions(options);
    return this.#use(asStreamId(stream), (opened) => opened.checkpoint(expectedOffset, fsync));
  }

  async sync(stream: bigint): Promise<void> {
    await this.#use(asStreamId(stream), (opened) => opened.sync());
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
    const id = asStreamId(stream);
    const from = asStart(options.from ?? 0n);
    const verify = asVerification(options.verify);
    let cursor: LogCursor | undefined;
    for (;;) {
      // Between two steps the caller takes its time, so the stream is not kept open for it.
      const step = await this.#use(id, async (opened) => {
        const source = await opened.source();
        cursor ??= new LogCursor(source, from, verify);
        cursor.continueIn(source);
        const records = await cursor.next(ITERATE_BYTES, () => true, ITERATE_RECORDS);
        return { records, failure: cursor.failure };
      });
      yield* step.records;
      if (step.failure !== undefined) throw step.failure;
      if (step.records.length === 0) return;
    }
  }

  async head(stream: bigint): Promise<StreamHead> {
    return this.#use(asStreamId(stream), (opened) => opened.head());
  }

  /** Where a stream ends, its segments, and what recovery found when it was opened. */
  async status(stream: bigint): Promise<StreamStatus> {
    return this.#use(asStreamId(stream), (opened) => opened.status());
  }

  /** The streams that there are, ascending; one whose creation a crash interrupted may be among them, empty. */
  async streams(): Promise<StreamId[]> {
    this.#refuseIfClosed();
    const names = await io("listing a directory", { file: this.#path }, () => this.#disk.list(this.#path));
    const ids = names.filter((name) => STREAM_NAME.test(name)).map((name) => BigInt(name) as StreamId);
    return ids.filter((id) => id <= MAX_STREAM_ID).sort((a, b) => (a < b ? -1 : 1));
  }

  /** Waits for what is under way, makes everything durable, closes all files and releases the lock. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#streams.close();
    } finally {
      await io("releasing the lock", { file: `${this.#path}/${LOCK_NAME}` }, () => this.#lock.release());
    }
  }

  async #read(
    stream: bigint,
    from: bigint,
    maxBytes: number,
    options: ReadOptions | undefined,
    counts: (record: Record) => boolean,
  ): Promise<Record[]> {
    const id = asStreamId(stream);
    const start = asStart(from);
    const room = asMaxBytes(maxBytes);
    const verify = asVerification(options?.verify);
    return this.#use(id, async (opened) => {
      const cursor = new LogCursor(await opened.source(), start, verify);
      const records = await cursor.next(room, counts);
      if (cursor.failure !== undefined) throw cursor.failure;
      return records;
    });
  }

  #use<T>(id: StreamId, work: (stream: Stream) => Promise<T>): Promise<T> {
    this.#refuseIfClosed();
    return this.#streams.use(id, work);
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined)
      throw new StorageError("closed", "The storage is closed. Open it again.");
  }
}

/** Makes the streams of a directory. */
function streamsOf(rootPath: string, options: Required<StorageOptions>): MakeStream {
  const { disk, codecs, readChunkBytes: chunkBytes } = options;
  const settings: StreamSettings = {
    codec: codecs.get(options.compression),
    policy: options.checkpoints,
    maxSegmentBytes: options.maxSegmentBytes,
    indexLogMaxEntries: options.indexLogMaxEntries,
    durability: options.durability,
    format: options.format,
  };
  return (stream, earlier) => {
    const surroundings = {
      rootPath,
      disk,
      stream,
      path: `${rootPath}/${String(stream)}`,
      codecs,
      chunkBytes,
    };
    return new Stream(surroundings, settings, earlier);
  };
}

/** Locks the directory, which is made if need be; its own name is made durable whoever made it, for they may have been killed. */
async function lockDirectory(disk: Disk, path: string): Promise<DiskLock | undefined> {
  const lockPath = `${path}/${LOCK_NAME}`;
  let lock: DiskLock | undefined;
  try {
    lock = await disk.lock(lockPath);
  } catch (cause) {
    if (!isMissing(cause)) throw ioError("locking the data directory", { file: lockPath }, cause);
    await io("making the data directory", { file: path }, () => disk.makeDirectory(path));
    lock = await io("locking the data directory", { file: lockPath }, () => disk.lock(lockPath));
  }
  if (lock === undefined) return undefined;
  try {
    await syncNames(disk, parentOf(path));
  } catch (error) {
    await io("releasing the lock", { file: lockPath }, () => lock.release()).catch(() => undefined);
    throw error;
  }
  return lock;
}

/** The directory that a path's last name is in. */
function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  if (end < 0) return ".";
  return end === 0 ? "/" : path.slice(0, end);
}

function withDefaults(options: StorageOptions): Required<StorageOptions> {
  const everyNRecords = options.checkpoints?.everyNRecords ?? 1000;
  return {
    disk: options.disk ?? new NodeDisk(),
    compression: options.compression ?? "none",
    codecs: options.codecs ?? new CodecRegistry(),
    checkpoints: {
      everyNRecords: asCount("checkpoints.everyNRecords", everyNRecords, 0, Number.MAX_SAFE_INTEGER),
    },
    durability: asDurability(options.durability),
    format: asFormat(options.format),
    maxSegmentBytes: asCount("maxSegmentBytes", options.maxSegmentBytes ?? SEGMENT_BYTES, 1, 2 ** 40),
    indexLogMaxEntries: asCount("indexLogMaxEntries", options.indexLogMaxEntries ?? 65_536, 1, 2 ** 31),
    readChunkBytes: asCount("readChunkBytes", options.readChunkBytes ?? 1 << 20, 1, 2 ** 30),
    maxOpenStreams: asCount("maxOpenStreams", options.maxOpenStreams ?? 64, 1, 2 ** 31),
  };
}
