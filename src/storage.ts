/**
 * `Storage`: streams of hash-chained, checksummed records in a data directory, with a directory for each
 * stream.
 *
 * Promised: what was acknowledged with `fsync` survives every crash; a read returns what was appended, or an
 * error; after a crash a stream is a prefix of what was appended and goes on from there. Not promised: that
 * the deliberate removal of a stream's last records is noticed without an anchor kept elsewhere
 * (docs/FORMAT.md, section 3). One process at a time has a directory open for writing; others may open it
 * read-only, and see what was there when they looked.
 * @module
 */
import { BaseStorage } from "./base-storage.ts";
import type { CodecRegistry } from "./format/codec.ts";
import type { Cursor } from "./cursor.ts";
import type { Disk, DiskLock } from "./disk/disk.ts";
import { StorageError } from "./error.ts";
import { io, ioError, isMissing, syncNames } from "./disk/files.ts";
import { LOCK_NAME } from "./disk/names.ts";
import { guarded } from "./disk/guarded-disk.ts";
import { MAX_STREAM_ID, SEGMENT_BYTES, SEGMENT_BYTES_MAX } from "./limits.ts";
import { NodeDisk } from "./disk/node-disk.ts";
import { type MakeStream, OpenStreams } from "./stream/open-streams.ts";
import { asCount, asFlag, asFormat, asOptions, type OptionNames, typeOf } from "./options.ts";
import { LogCursor, type ReadSource } from "./stream/read.ts";
import { ReverseCursor } from "./stream/read-reverse.ts";
import {
  asCheckpointPolicy,
  asCodecs,
  asCompaction,
  asCompression,
  asDurability,
  type ReadRequest,
} from "./requests.ts";
import type { StreamSurroundings } from "./segment/stream-context.ts";
import { snapshotOf } from "./stream/snapshot.ts";
import type { CompactionConfig, CompactionResult } from "./stream/compaction.ts";
import type { StreamStatus } from "./stream/stream-status.ts";
import { Stream, type StreamSettings } from "./stream/stream.ts";
import type { CheckpointPolicy, CompressionKind, Durability, Format, StreamId } from "./types.ts";

/** How a data directory is opened, and how its streams are written. */
export interface StorageOptions {
  /** Where files are. Default: `NodeDisk`, the file system. */
  readonly disk?: Disk | undefined;
  /** How payloads are compressed. Default: `none`. Payloads that are stored otherwise can be read, too. */
  readonly compression?: CompressionKind | undefined;
  /** The codecs to compress and expand payloads with. Default: those of this package. */
  readonly codecs?: CodecRegistry | undefined;
  /** When a checkpoint is appended automatically. Default: after every 1000 offsets. */
  readonly checkpoints?: CheckpointPolicy | undefined;
  /**
   * The format of streams that are created; an existing stream keeps its own. Kimberlite reads `sentinel`.
   * Default: `plain`.
   */
  readonly format?: Format | undefined;
  /** What an acknowledgement proves. It does not change what a log says. Default: `standard`. */
  readonly durability?: Durability | undefined;
  /**
   * A batch that would make the active segment larger than this begins a new segment. In a `sentinel` stream,
   * as with Kimberlite, a batch begins a new segment if earlier batches have made the active one this large.
   * Default: 256 MiB.
   */
  readonly maxSegmentBytes?: number | undefined;
  /**
   * The index is saved again after this many entries, or after as many as were saved before if that is more.
   * Default: 65536.
   */
  readonly indexLogMaxEntries?: number | undefined;
  /** How many bytes are read at a time. Default: 1 MiB. */
  readonly readChunkBytes?: number | undefined;
  /**
   * The most streams that are kept open. The least recently used one is closed for the next one, and opened
   * again when it is used. Each has two files open, for moments up to three more, and one for each read in
   * progress. Default: 64.
   */
  readonly maxOpenStreams?: number | undefined;
  /**
   * Opens the directory only for reading: takes no lock, changes nothing, and works on a file system that is
   * mounted read-only. Each stream is shown as recovery would leave it, and its findings say what recovery
   * would do. While another process writes to the directory, a stream is shown as a prefix of what that
   * process appends: with everything that was acknowledged before the stream was opened, perhaps with records
   * that are not acknowledged yet. It stays so until it is released (or closed for others, see
   * `maxOpenStreams`) and used again. Appends and `follow` are refused. Default: false.
   */
  readonly readOnly?: boolean | undefined;
}

const OPTIONS: OptionNames<StorageOptions> = {
  disk: true,
  compression: true,
  codecs: true,
  checkpoints: true,
  format: true,
  durability: true,
  maxSegmentBytes: true,
  indexLogMaxEntries: true,
  readChunkBytes: true,
  maxOpenStreams: true,
  readOnly: true,
};

/** The options with nothing left out. */
type Settled = { readonly [K in keyof StorageOptions]-?: Exclude<StorageOptions[K], undefined> };

const STREAM_NAME = /^(0|[1-9]\d{0,19})$/;

/**
 * A data directory that is open.
 *
 * @example
 * ```ts
 * const storage = await Storage.open("/data");
 * const { head } = await storage.appendBatch(1n, [Buffer.from("placed"), Buffer.from("paid")]);
 * for await (const { offset, payload } of storage.iterate(1n)) print(offset, payload);
 * await storage.close();
 * ```
 */
export class Storage extends BaseStorage<ReadSource, Stream> {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #lock: DiskLock | undefined;
  readonly #streams: OpenStreams;
  readonly #options: Settled;

  private constructor(path: string, lock: DiskLock | undefined, options: Settled) {
    super(options.readOnly);
    this.#path = path;
    this.#options = options;
    this.#lock = lock;
    this.#disk = options.disk;
    this.#streams = new OpenStreams(options.maxOpenStreams, streamsOf(path, options));
  }

  /**
   * Opens a data directory and locks it. Creates the directory, but not its parents, if it does not exist.
   * Streams are recovered when they are first used.
   *
   * @param path of the data directory
   * @param options how it is opened and written
   * @returns the storage, which its user closes; O(1) time, whatever the directory holds
   * @throws TypeError for a path or an option of another type, or an unknown option
   * @throws StorageError `locked` if it is open elsewhere, `io`, `out-of-range`, `unknown-codec`
   * @example
   * ```ts
   * const storage = await Storage.open("/data");
   * await storage.appendBatch(1n, [Buffer.from("event1")]);
   * await storage.close();
   * ```
   */
  static async open(path: string, options?: StorageOptions): Promise<Storage> {
    if (typeof (path as unknown) !== "string")
      throw new TypeError(`The path of the data directory is a string, not ${typeOf(path)}.`);
    if (path.includes("\0"))
      throw new StorageError("out-of-range", "The path of the data directory contains a null character.");
    if (path === "") throw new StorageError("out-of-range", "The path of the data directory is empty.");
    const settled = withDefaults(options);
    const named = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const root = await io("looking for the data directory", { file: named }, () =>
      settled.disk.resolve(named),
    );
    if (settled.readOnly) {
      await io("listing the data directory", { file: root }, () => settled.disk.list(root));
      return new Storage(root, undefined, settled);
    }
    const lock = await lockDirectory(settled.disk, root);
    if (lock === undefined) {
      const sentence =
        "The data directory is open elsewhere, in this process or another. Close it there first.";
      throw new StorageError("locked", sentence, { file: `${root}/${LOCK_NAME}` });
    }
    return new Storage(root, lock, { ...settled, disk: guarded(settled.disk, lock, `${root}/${LOCK_NAME}`) });
  }

  /**
   * What is known of a stream: where it ends, its segments, and what recovery found when it was opened.
   *
   * @param stream the stream's number
   * @returns an unknown stream has no segments and ends at 0; O(segments) time once the stream is open
   * @throws StorageError `closed`, `io`, `out-of-range`
   * @example
   * ```ts
   * const storage = await Storage.open("/data");
   * const { findings } = await storage.status(1n);
   * for (const { what, action, error } of findings) print(what, action, error.message);
   * await storage.close();
   * ```
   */
  async status(stream: bigint): Promise<StreamStatus> {
    return this.call(stream, (id) => this.use(id, (used) => used.status()));
  }

  /**
   * Erases the payloads of hidden records for good: segments in which there are such records are written
   * anew, each run of them as one redacted record. Small segments that follow each other become one. No chain
   * hash, no head and no anchor changes. The active segment is sealed first if it holds hidden records.
   * Appends and reads go on meanwhile; records that are hidden after it began are left for the next time.
   *
   * Not promised: that nobody can confirm a guess. The hash of an erased record stays, so a payload that can
   * be guessed can be confirmed; what may have to be erased should carry random bytes. Copies, backups, and
   * what the medium keeps of overwritten files, are out of reach. Records that recovery set aside stay in
   * `quarantine/` unless `purgeQuarantine` is set.
   *
   * A crash leaves each segment, and each group that becomes one, as it was or compacted.
   *
   * @param stream the stream's number
   * @param config what else is done, and what ends it early
   * @returns what was done; O(bytes of the segments concerned) time, memory of a chunk and an index
   * @throws StorageError `wrong-format` in a stream of the format `sentinel`, which has no redacted records;
   *   the first damage that is met (all else is compacted then); `read-only`, `poisoned`, `io`, `closed`,
   *   `out-of-range`, `unknown-codec`
   * @example
   * ```ts
   * const storage = await Storage.open("/data");
   * await storage.appendBatch(4n, [Buffer.from("kept"), Buffer.from("a person's name")]);
   * await storage.tombstone(4n, 1n, 1n);
   * (await storage.compact(4n)).recordsErased; // 1
   * await storage.close();
   * ```
   */
  async compact(stream: bigint, config?: CompactionConfig): Promise<CompactionResult> {
    const compaction = asCompaction(config, this.#options);
    return this.call(stream, (id) => {
      this.refuseIfReadOnly();
      return this.use(id, (used) => used.compact(compaction));
    });
  }

  protected override use<T>(id: StreamId, work: (stream: Stream) => Promise<T>): Promise<T> {
    return this.#streams.use(id, work);
  }

  protected override cursor(request: ReadRequest): Cursor<ReadSource> {
    return request.reverse ? new ReverseCursor(request) : new LogCursor(request);
  }

  protected override releaseStream(id: StreamId): Promise<void> {
    return this.#streams.release(id);
  }

  protected override async listStreams(): Promise<StreamId[]> {
    const names = await io("listing a directory", { file: this.#path }, () => this.#disk.list(this.#path));
    const ids = names.filter((name) => STREAM_NAME.test(name)).map((name) => BigInt(name) as StreamId);
    return ids.filter((id) => id <= MAX_STREAM_ID).sort((a, b) => (a < b ? -1 : 1));
  }

  protected override async closeAll(): Promise<void> {
    try {
      await this.#streams.close();
    } finally {
      await io("releasing the lock", { file: `${this.#path}/${LOCK_NAME}` }, () => this.#lock?.release());
    }
  }
}

/** What makes the streams of a directory. */
function streamsOf(rootPath: string, options: Settled): MakeStream {
  const { codecs, readChunkBytes: chunkBytes } = options;
  const settings: StreamSettings = {
    codec: codecs.get(options.compression),
    policy: options.checkpoints,
    maxSegmentBytes: options.maxSegmentBytes,
    indexLogMaxEntries: options.indexLogMaxEntries,
    durability: options.durability,
    format: options.format,
  };
  return (stream, earlier) => {
    const path = `${rootPath}/${String(stream)}`;
    const disk = (): Disk => (options.readOnly ? snapshotOf(options.disk, path) : options.disk);
    const look = (): StreamSurroundings => ({ rootPath, disk: disk(), stream, path, codecs, chunkBytes });
    return new Stream(look, settings, earlier);
  };
}

/**
 * Locks the directory, which is created if it does not exist. Its name is made durable in any case: the
 * process that created it may have been killed before it did so.
 */
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

function withDefaults(options: StorageOptions | undefined): Settled {
  const given = asOptions("Storage.open", options, OPTIONS);
  const { maxSegmentBytes = SEGMENT_BYTES, indexLogMaxEntries = 65_536 } = given;
  const { readChunkBytes = 1 << 20, maxOpenStreams = 64 } = given;
  const codecs = asCodecs(given.codecs);
  return {
    disk: asDisk(given.disk),
    compression: asCompression(given.compression, codecs),
    codecs,
    checkpoints: asCheckpointPolicy(given.checkpoints),
    durability: asDurability(given.durability),
    format: asFormat(given.format),
    maxSegmentBytes: asCount("maxSegmentBytes", maxSegmentBytes, 1, SEGMENT_BYTES_MAX),
    indexLogMaxEntries: asCount("indexLogMaxEntries", indexLogMaxEntries, 1, 2 ** 31),
    readChunkBytes: asCount("readChunkBytes", readChunkBytes, 1, 2 ** 30),
    maxOpenStreams: asCount("maxOpenStreams", maxOpenStreams, 1, 2 ** 31),
    readOnly: asFlag("readOnly", given.readOnly, false),
  };
}

const DISK_METHODS = [
  "resolve",
  "open",
  "rename",
  "remove",
  "list",
  "makeDirectory",
  "syncDirectory",
  "lock",
] as const satisfies readonly (keyof Disk)[];

/** A disk, by default the file system. */
function asDisk(value: Disk | undefined): Disk {
  if (value === undefined) return new NodeDisk();
  const methods = Object(value) as Partial<Disk>;
  if (DISK_METHODS.every((name) => typeof methods[name] === "function")) return value;
  throw new TypeError(`disk is a Disk, such as NodeDisk, not ${typeOf(value)}.`);
}
