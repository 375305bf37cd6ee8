/**
 * The segment that a stream's appends go to: its file, its index and the index's write-ahead file.
 *
 * Invariants: bytes below `index.end` are committed records and are never written again; the write-ahead file
 * names a record only after the record was synced; a batch that failed leaves the file as it was or the
 * segment says that it cannot.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { elementAt } from "../element-at.ts";
import type { ErrorPlace } from "../error.ts";
import { abandon, forChunks, io, syncNames, writeAll } from "../disk/files.ts";
import { indexLogName, segmentName } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import { KimberliteIndex } from "./kimberlite-index.ts";
import { createFile, removeIfFile } from "../disk/obstacles.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import type { PreparedBatch } from "../format/batch.ts";
import { invariant } from "../invariant.ts";
import { saveIndex, saveSealedIndex, type StreamFiles } from "./saved-index.ts";
import type { Durability } from "../types.ts";

/** What is known of a segment's index files when it is opened. */
export interface IndexLogState {
  /** Bytes of whole frames in the write-ahead file: where the next frame goes. */
  readonly bytes: number;
  /** Entries in the write-ahead file's frames. */
  readonly entries: number;
  /** Records that persisted entries name. */
  readonly framed: number;
}

/** The write-ahead file of a segment's index, and how it is kept. */
export interface IndexLog {
  /** Missing where index files must not be written. */
  readonly file: DiskFile | undefined;
  /** Whether the file is there; if it is missing above, too. */
  readonly isThere: boolean;
  readonly state: IndexLogState;
  readonly settings: IndexSettings;
}

export interface IndexSettings {
  /** After this many entries the index is saved again. */
  readonly indexLogMaxEntries: number;
  readonly durability: Durability;
}

export class ActiveSegment {
  readonly number: number;
  readonly firstOffset: number;
  readonly index: OffsetIndex;
  readonly file: DiskFile;
  readonly #files: StreamFiles;
  readonly #indexLog: DiskFile | undefined;
  readonly #hasLog: boolean;
  readonly #settings: IndexSettings;
  /** What Kimberlite reads of a `sentinel` segment whose index files may be written. */
  readonly #kimberliteIndex: KimberliteIndex | undefined;
  #logState: IndexLogState;
  #unsynced: boolean;
  /** Set when the index files can no longer be written; they are hints, so appends go on without. */
  #indexStopped = false;

  constructor(
    files: StreamFiles,
    segment: { number: number; firstOffset: number; index: OffsetIndex; file: DiskFile },
    indexLog: IndexLog,
  ) {
    this.#files = files;
    this.number = segment.number;
    this.firstOffset = segment.firstOffset;
    this.index = segment.index;
    this.file = segment.file;
    this.#indexLog = indexLog.file;
    this.#hasLog = indexLog.isThere;
    this.#settings = indexLog.settings;
    this.#logState = indexLog.state;
    this.#unsynced = false;
    const isKimberlites = files.format === "sentinel" && indexLog.file !== undefined;
    this.#kimberliteIndex = isKimberlites ? new KimberliteIndex(files, segment) : undefined;
  }

  /** Path of the segment file. */
  get path(): string {
    return `${this.#files.path}/${segmentName(this)}`;
  }

  /** Whether the index files stay as they are, because they prove more than this index could say. */
  get isFrozen(): boolean {
    return this.#indexLog === undefined;
  }

  /**
   * Makes durable what the segment holds now, and names it: what recovery shows, no later crash takes back. A
   * process that was killed may have left records, or a truncation, that the kernel shows and the medium
   * lacks. Replaces index files that are not believed. A torn frame is cut off durably, so that nothing of it
   * comes back between the frames that are written next.
   *
   * What nothing proves to be on the medium is written again: after a failed sync the kernel may show bytes,
   * call them clean, and not write them at the next sync (Rebello et al., "Can Applications Recover from
   * fsync Failures?", USENIX ATC '20).
   *
   * @param proven bytes that index entries prove to be durable
   * @throws StorageError `io`
   */
  async settle(proven: number, { logTorn, rotten }: { logTorn: boolean; rotten: boolean }): Promise<void> {
    invariant(proven <= this.index.end, "What is proven to be durable is in the segment.");
    const log = this.#indexLog;
    if (logTorn && log !== undefined) {
      await io("cutting an index", this.#place(), () => log.truncate(this.#logState.bytes));
      await io("syncing an index", this.#place(), () => log.sync());
    }
    await writeAgain(this.file, this.path, proven, this.index.end);
    this.#unsynced = true;
    await this.sync();
    if (this.#settings.durability === "strict" && log !== undefined) {
      await writeAgain(log, this.#indexLogPath, 0, this.#logState.bytes);
      await io("syncing an index", this.#place(), () => log.sync());
    }
    await this.nameRecords();
    if (rotten && log !== undefined && !this.#indexStopped) await this.#saveIndex(log);
  }

  /** Looks at the index that Kimberlite would read. @throws StorageError `io` */
  async settleKimberliteIndex(names: ReadonlySet<string>): Promise<void> {
    await this.#kimberliteIndex?.settle(names, this.index);
  }

  /**
   * To be called before a `write`: removes, durably, what would then say less than the segment holds. @throws
   * StorageError `io`
   */
  async wake(): Promise<void> {
    await this.#kimberliteIndex?.withdraw();
  }

  /**
   * Writes what a segment has beside it while nothing is appended. Everything in it must be synced. @throws
   * StorageError `io`
   */
  async rest(): Promise<void> {
    await this.#kimberliteIndex?.save(this.index);
  }

  /**
   * Writes a batch after the committed records; it is not visible before `commit`. @throws StorageError `io`
   */
  async write(batch: PreparedBatch): Promise<void> {
    invariant(batch.firstOffset === this.#nextOffset, "A batch begins at the segment's end.");
    this.#unsynced = true;
    await writeAll(this.file, this.path, batch.bytes, this.index.end);
  }

  /**
   * Removes what a failed `write` may have left, durably, so that no crash brings it back. @throws
   * StorageError `io`
   */
  async cutBack(): Promise<void> {
    const place = this.#place();
    await io("cutting a segment back", place, () => this.file.truncate(this.index.end));
    await io("syncing a segment", place, () => this.file.sync());
  }

  /** Makes everything written durable. @throws StorageError `io` */
  async sync(): Promise<void> {
    if (!this.#unsynced) return;
    await io("syncing a segment", this.#place(), () => this.file.sync());
    this.#unsynced = false;
  }

  /** Adds a batch that was written to the index: from here on it is part of the log. */
  commit(batch: PreparedBatch): void {
    const start = this.index.end;
    let end = start;
    for (const [i, size] of batch.sizes.entries()) {
      end += size;
      this.index.push(elementAt(batch.kinds, i), end, batch.end.head);
    }
    invariant(end === start + batch.bytes.length, "The index ends where the bytes of the batch do.");
    invariant(this.#nextOffset === batch.end.nextOffset, "The index has as many records as the stream.");
  }

  /**
   * Names the records since the last frame in the write-ahead file; all of them must be synced. With standard
   * durability the frame itself is not synced: a lost one lowers the watermark, and the records it named are
   * found by a scan. So a failure is no failure of the append: the records are durable.
   *
   * @throws StorageError `io`, with strict durability
   */
  async nameRecords(): Promise<void> {
    const log = this.#indexLog;
    if (log === undefined || this.#indexStopped || this.#logState.framed === this.index.count) return;
    try {
      await this.#writeFrame(log, this.#logState.framed, this.#logState.bytes, this.#logState.entries);
      const { entries } = this.#logState;
      if (entries >= Math.max(this.#settings.indexLogMaxEntries, this.index.count - entries)) {
        await this.#saveIndex(log);
      }
    } catch (error) {
      this.#indexStopped = true;
      if (this.#settings.durability === "strict") throw error;
    }
  }

  /**
   * Saves the index finally, unless the segment is damaged: nothing will be appended to it again. Everything
   * in it must be synced.
   *
   * @throws StorageError `io`
   */
  async seal(): Promise<void> {
    if (!this.index.hasGaps) await saveSealedIndex(this.#files, this, this.index);
  }

  /**
   * Makes every start look at the segment again, durably, if it is damaged: there is a write-ahead file
   * beside it, even if it is empty. To be called once its successor is durable and not earlier: an empty one
   * beside the last segment says that nothing in that was durable, so that recovery would take the damaged
   * record for torn and cut the intact ones that follow it.
   *
   * @throws StorageError `io`
   */
  async markDamaged(): Promise<void> {
    if (!this.index.hasGaps || this.#hasLog) return;
    await createIndexLog(this.#files, this);
  }

  /** Closes the files after a failure. */
  async abandon(): Promise<void> {
    await abandon(this.file, this.#indexLog);
  }

  /** Closes the files. @throws StorageError `io` */
  async close(): Promise<void> {
    try {
      await io("closing a segment", this.#place(), () => this.file.close());
    } finally {
      await io("closing an index", this.#place(), () => this.#indexLog?.close());
    }
  }

  /**
   * Moves the index from the write-ahead file to the saved one. The write-ahead file keeps a frame that names
   * the last record once more, and is synced, so that the watermark outlives a lost `.idx` also when the
   * power has failed. The work is proportional to the log only as often as it doubles.
   */
  async #saveIndex(log: DiskFile): Promise<void> {
    await saveIndex(this.#files, this, this.index);
    await syncNames(this.#files.disk, this.#files.path);
    await io("cutting an index", this.#place(), () => log.truncate(0));
    if (this.index.count > 0) await this.#writeFrame(log, this.index.count - 1, 0, 0);
    await io("syncing an index", this.#place(), () => log.sync());
  }

  async #writeFrame(log: DiskFile, from: number, at: number, entriesBefore: number): Promise<void> {
    const frame = this.index.frame(from);
    await writeAll(log, this.#indexLogPath, frame, at);
    if (this.#settings.durability === "strict") {
      await io("syncing an index", this.#place(), () => log.sync());
    }
    const framed = this.index.count;
    this.#logState = { bytes: at + frame.length, entries: entriesBefore + framed - from, framed };
  }

  /** The offset after the last record that the index has. */
  get #nextOffset(): bigint {
    return BigInt(this.firstOffset + this.index.places);
  }

  get #indexLogPath(): string {
    return `${this.#files.path}/${indexLogName(this, this.#files.format)}`;
  }

  #place(): ErrorPlace {
    return { file: this.path, position: this.index.end };
  }
}

/**
 * Writes the bytes of a file from `start` to `end` over themselves, so that the next sync has them to write.
 */
async function writeAgain(file: DiskFile, path: string, start: number, end: number): Promise<void> {
  await forChunks(file, path, start, end, (chunk, at) => writeAll(file, path, chunk, at));
}

/**
 * Creates the write-ahead file of a damaged segment that has a successor, empty, and makes its name durable.
 * @throws StorageError `io`
 */
export async function createIndexLog(
  { disk, path, format }: StreamFiles,
  segment: SegmentNumbers,
): Promise<void> {
  const file = `${path}/${indexLogName(segment, format)}`;
  const log = await createFile(disk, file);
  await io("closing an index", { file }, () => log.close());
  await syncNames(disk, path);
}

/** Removes the index write-ahead file of a segment, if it is there. @throws StorageError `io` */
export async function removeIndexLog(
  { disk, path, format }: StreamFiles,
  segment: SegmentNumbers,
): Promise<void> {
  await removeIfFile(disk, `${path}/${indexLogName(segment, format)}`);
}

/**
 * Creates a segment's two files, empty, and makes their names durable: the write-ahead file is there before
 * the first record is, so that its absence beside a record is never what a crash leaves.
 */
export async function createSegmentFiles(
  { disk, path: streamPath, format }: StreamFiles,
  number: number,
): Promise<{ file: DiskFile; indexLog: DiskFile }> {
  const logPath = `${streamPath}/${indexLogName({ number }, format)}`;
  const indexLog = await createFile(disk, logPath);
  const path = `${streamPath}/${segmentName({ number })}`;
  let file: DiskFile | undefined;
  try {
    file = await createFile(disk, path);
    await syncNames(disk, streamPath);
    return { file, indexLog };
  } catch (error) {
    await abandon(file, indexLog);
    throw error;
  }
}
