/**
 * Reading a stream: from a verified starting point, forward, over segment borders.
 *
 * Nothing that the index says is believed before the record found says the same offset; where it does not,
 * the index is built again from the segment. Memory: the records returned and one chunk.
 * @module
 */
import { genesisHash } from "../format/chain.ts";
import type { CodecRegistry } from "../format/codec.ts";
import { refuseIfAborted } from "../aborted.ts";
import { type Cursor, hasRoom, type Room, takeRoom } from "../cursor.ts";
import type { DiskFile } from "../disk/disk.ts";
import { elementAt } from "../element-at.ts";
import { StorageError } from "../error.ts";
import { withFile } from "../disk/files.ts";
import { segmentName } from "../disk/names.ts";
import { indexAround } from "../segment/resynchronise.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import { isNoFile } from "../disk/obstacles.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import {
  chainHashAt,
  CONTRADICTS_INDEX,
  type Flaw,
  type Frame,
  isIntactAt,
  type Record,
  recordAt,
  saysOffset,
} from "../format/record.ts";
import type { StreamContext } from "../segment/stream-context.ts";
import { expandedPayload, expansionFlaw } from "../format/expand.ts";
import { misfit, placesOf } from "../format/misfit.ts";
import type { OffsetRanges } from "../format/offset-ranges.ts";
import { RecordScanner } from "../segment/scan.ts";
import type { Offset, Verification } from "../types.ts";

/** What a reader sees of a stream; asked again whenever the reader comes to the end of what it knew. */
export interface ReadSource {
  readonly context: StreamContext;
  /** The segments in order, the active one as far as it is committed. */
  segments(): readonly SegmentInfo[];
  /** The index of a segment, as good as the index files are. */
  index(segment: SegmentInfo): Promise<OffsetIndex>;
  /** Takes an index that was built from the segment in place of one that misled. */
  replaceIndex(segment: SegmentInfo, index: OffsetIndex): void;
  /** The data records from an offset on that are hidden; it may say so of others. */
  hidden(from: number): Promise<OffsetRanges>;
  /** Another one whenever positions in segments that were valid may not be any more. */
  edition(): object;
  /** Waits until no segment is being replaced. */
  settled(): Promise<void>;
  /** Why it is not known whether records follow the last segment, if it is not. */
  readonly lostEnd: StorageError | undefined;
}

interface Start {
  readonly segment: SegmentInfo;
  readonly offset: number;
  readonly position: number;
  readonly isCheckpoint: boolean;
}

/** Where a walk goes. */
interface Walk {
  /** Offset of the first record that is returned, and the offset before which the walk ends. */
  readonly from: number;
  readonly to: number;
  /**
   * What is verified before the first; `links` is nothing before it, but that each carries the hash of the
   * one before.
   */
  readonly verify: Verification | "links";
  readonly signal: AbortSignal | undefined;
}

/** Walks a stream from an offset on. */
export class LogCursor implements Cursor<ReadSource> {
  readonly #walked: Walk;
  /** What the current step reads from. */
  #source!: ReadSource;
  /** Offset of the next record to look at, and where it is, if that is known. */
  #offset = 0;
  #position: number | undefined;
  /** For which edition of the stream that is known. */
  #edition: object | undefined;
  #previous: Uint8Array | undefined;
  #started = false;
  #failure: StorageError | undefined;

  constructor(walk: Walk) {
    this.#walked = walk;
  }

  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** Whether all that is to be returned was. */
  get isDone(): boolean {
    return this.#started && this.#offset >= this.#walked.to;
  }

  /** Chain hash of the last record returned; unknown if nothing is verified. */
  get head(): Uint8Array | undefined {
    return this.#previous;
  }

  /** The next records, of every kind, payloads expanded. */
  async next(source: ReadSource, room: Room): Promise<Record[]> {
    this.#source = source;
    const records: Record[] = [];
    try {
      while (hasRoom(room) && this.#failure === undefined) {
        if (!this.#started && !(await this.#orAgain(() => this.#start()))) continue;
        if (this.isDone) break;
        const segment = this.#started ? this.#segmentAt(this.#offset) : undefined;
        if (segment === undefined) {
          if (this.#source.lostEnd !== undefined) throw this.#source.lostEnd;
          break;
        }
        await this.#orAgain(() => this.#walk(segment, room, records));
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#failure = error;
    }
    return records;
  }

  #segmentAt(offset: number): SegmentInfo | undefined {
    return segmentAt(this.#source.segments(), offset);
  }

  /** Finds the record that verification begins with. */
  async #start(): Promise<void> {
    const { from, to, verify } = this.#walked;
    const end = endOf(this.#source);
    this.#offset = from;
    if (from >= end) {
      // Nothing to return, but records may be appended before the next call; their chain begins with what is
      // there now.
      return;
    }
    if (from >= to) {
      this.#started = true;
      return;
    }
    const anchor = verify === "record" || verify === "links" ? from : await this.#anchor(from, verify);
    this.#offset = anchor;
    this.#previous = anchor === 0 && verify !== "record" ? genesisHash() : undefined;
    this.#started = true;
  }

  /** Offset of the nearest checkpoint at or before the start, else 0. */
  async #anchor(from: number, verify: "checkpoint" | "genesis"): Promise<number> {
    if (verify === "genesis") return 0;
    const segments = this.#source.segments();
    for (let i = segments.length - 1; i >= 0; i -= 1) {
      const segment = segments[i];
      if (segment === undefined || segment.firstOffset > from) continue;
      const place = Math.min(from, segment.nextOffset - 1) - segment.firstOffset;
      const index = await this.#source.index(segment);
      const checkpoint = index.checkpointAtOrBefore(index.ordinalOf(place));
      if (checkpoint === undefined) continue;
      const start = await this.#locate(segment, segment.firstOffset + index.placeOf(checkpoint));
      if (start.isCheckpoint) return start.offset;
    }
    return 0;
  }

  /**
   * Takes a step in segments as they are now.
   * @returns whether it was taken; it was not if one was replaced meanwhile, and has to be again
   */
  async #orAgain(step: () => Promise<void>): Promise<boolean> {
    const edition = this.#source.edition();
    if (this.#edition !== edition) this.#position = undefined;
    this.#edition = edition;
    try {
      await step();
      return true;
    } catch (error) {
      await this.#source.settled();
      if (this.#source.edition() === edition) throw error;
      return false;
    }
  }

  /** Where to begin in a segment. A redacted record that stands for the next offset may begin before it. */
  async #begin(segment: SegmentInfo): Promise<number> {
    if (this.#offset === segment.firstOffset) return 0;
    const { offset, position } = await this.#locate(segment, this.#offset);
    if (offset < this.#offset) this.#previous = undefined;
    this.#offset = offset;
    return position;
  }

  /** Walks from `#offset` on in one segment. */
  async #walk(segment: SegmentInfo, room: Room, records: Record[]): Promise<void> {
    const { from, to, verify, signal } = this.#walked;
    const position = this.#position ?? (await this.#begin(segment));
    return this.#open(segment, async (file, path) => {
      const { format, chunkBytes, codecs } = this.#source.context;
      const scanner = new RecordScanner(format, file, path, position, segment.bytes, chunkBytes);
      const chained = verify !== "record";
      const index = await this.#source.index(segment);
      const end = Math.min(segment.nextOffset, to);
      while (hasRoom(room) && this.#offset < end) {
        const found = scanner.next();
        if (found === undefined) {
          refuseIfAborted(signal);
          await scanner.fill();
          continue;
        }
        const { bytes, at } = scanner;
        if (!found.ok) throw this.#flawError(found, path, scanner.position);
        const flaw = misfit(format, bytes, at, found, this.#offset, this.#previous);
        if (flaw !== undefined) throw this.#flawError(flaw, path, scanner.position);
        const next = this.#offset + placesOf(format, bytes, at, found);
        if (found.kind === "redacted") await this.#refuseRedaction(segment, path, scanner.position, next);
        const indexed = index.endOf(index.ordinalOf(this.#offset - segment.firstOffset));
        if (
          indexed > scanner.position &&
          indexed <= segment.bytes &&
          indexed !== scanner.position + found.size
        ) {
          await this.#refuseIfIndexProves(file, path, scanner.position, indexed);
        }
        const payload = await this.#expand(scanner, found, codecs, path);
        if (chained) {
          this.#previous = chainHashAt(format, bytes, at, found.kind, this.#offset, payload);
        }
        if (next > from) {
          const record = { ...recordAt(format, bytes, at, found), payload };
          records.push(record);
          takeRoom(room, record);
        }
        this.#offset = next;
        scanner.accept(found);
      }
      const ended = this.#offset >= segment.nextOffset;
      if (ended && !scanner.done) throw this.#flawError(LEFT_OVER, path, scanner.position);
      this.#position = ended ? undefined : scanner.position;
    });
  }

  /** Refuses a redacted record that reaches out of its segment, or stands for what no tombstone names. */
  async #refuseRedaction(segment: SegmentInfo, path: string, position: number, next: number): Promise<void> {
    if (next > segment.nextOffset) throw this.#flawError(OUT_OF_SEGMENT, path, position);
    if (this.#walked.verify !== "genesis") return;
    const hidden = await this.#source.hidden(this.#offset);
    if (!hidden.covers({ from: this.#offset, to: next })) throw this.#flawError(UNNAMED, path, position);
  }

  /**
   * Refuses a record that would be intact with the size that the index says, too: one bit of its length is
   * enough for that.
   */
  async #refuseIfIndexProves(file: DiskFile, path: string, start: number, end: number): Promise<void> {
    const { format } = this.#source.context;
    const scanner = new RecordScanner(format, file, path, start, end, end - start);
    await scanner.fill();
    if (isIntactAt(format, scanner.bytes, scanner.at, end - start)) {
      throw this.#flawError(CONTRADICTS_INDEX, path, start);
    }
  }

  async #expand(
    scanner: RecordScanner,
    frame: Frame,
    codecs: CodecRegistry,
    path: string,
  ): Promise<Uint8Array> {
    try {
      return await expandedPayload(scanner.format, scanner.bytes, scanner.at, frame, codecs);
    } catch (error) {
      throw this.#flawError(expansionFlaw(error), path, scanner.position);
    }
  }

  /**
   * Where the record at `offset` is: where the index says, if the record there agrees, else where a scan
   * finds it.
   */
  async #locate(segment: SegmentInfo, offset: number): Promise<Start> {
    const hinted = await this.#look(segment, offset, await this.#source.index(segment));
    if (hinted !== undefined) return hinted;
    return this.#open(segment, async (file, path) => {
      const { format, chunkBytes, codecs } = this.#source.context;
      const first = segment.firstOffset === 0 ? genesisHash() : undefined;
      const region = { format, file, path, end: segment.bytes, codecs, chunkBytes };
      const { index, nextOffset, flaw, position } = await indexAround(
        region,
        segment.firstOffset,
        first,
        segment.nextOffset,
      );
      const found = offset < nextOffset ? await this.#look(segment, offset, index) : undefined;
      if (found !== undefined) {
        // Only then did the index at hand mislead: where the record itself is damaged, it may place others
        // that a scan cannot find again.
        if (nextOffset === segment.nextOffset) this.#source.replaceIndex(segment, index);
        return found;
      }
      throw this.#flawError(flaw ?? LOST, path, position);
    });
  }

  /** The record that has `offset`, as this index places it, or nothing if no such record is there. */
  async #look(segment: SegmentInfo, wanted: number, index: OffsetIndex): Promise<Start | undefined> {
    const ordinal = index.ordinalOf(wanted - segment.firstOffset);
    const offset = segment.firstOffset + index.placeOf(ordinal);
    const position = index.position(ordinal);
    if (!(position < segment.bytes)) return undefined;
    return this.#open(segment, async (file, path) => {
      const { format, chunkBytes } = this.#source.context;
      const scanner = new RecordScanner(format, file, path, position, segment.bytes, chunkBytes);
      const found = await scanner.advance();
      const { bytes, at } = scanner;
      if (!found.ok || !saysOffset(format, bytes, at, offset)) return undefined;
      const isWide = found.kind === "redacted";
      if (isWide && misfit(format, bytes, at, found, offset, undefined) !== undefined) return undefined;
      if (offset + placesOf(format, bytes, at, found) <= wanted) return undefined;
      return { segment, offset, position, isCheckpoint: found.kind === "checkpoint" };
    });
  }

  async #open<T>(segment: SegmentInfo, use: (file: DiskFile, path: string) => Promise<T>): Promise<T> {
    const path = `${this.#source.context.path}/${segmentName(segment)}`;
    try {
      return await withFile(this.#source.context.disk, path, (file) => use(file, path));
    } catch (error) {
      if (!(error instanceof StorageError) || !isNoFile(error)) throw error;
      throw this.#flawError(MISSING_SEGMENT, path, 0);
    }
  }

  #flawError(flaw: Flaw, file: string, position: number): StorageError {
    const { stream } = this.#source.context;
    return new StorageError(flaw.code, flaw.sentence, {
      stream,
      offset: BigInt(this.#offset) as Offset,
      file,
      position,
    });
  }
}

export const MISSING_SEGMENT: Flaw = {
  ok: false,
  code: "missing-segment",
  sentence: "A segment is missing. Restore it from a copy.",
};
const LEFT_OVER: Flaw = {
  ok: false,
  code: "malformed",
  sentence: "A segment goes on behind its last record. Compare it with a copy.",
};
const OUT_OF_SEGMENT: Flaw = {
  ok: false,
  code: "malformed",
  sentence: "A redacted record stands for records beyond its segment. Compare it with a copy.",
};
const UNNAMED: Flaw = {
  ok: false,
  code: "malformed",
  sentence: "A redacted record stands for records that no tombstone names. Compare it with a copy.",
};
const LOST: Flaw = { ok: false, code: "truncated-log", sentence: "The segment ends before this record." };

/**
 * The record at an offset, checked by itself; `undefined` after the end. @throws StorageError what is wrong
 * with it
 */
export async function recordAtOffset(source: ReadSource, offset: number): Promise<Record | undefined> {
  const cursor = new LogCursor({ from: offset, to: offset + 1, verify: "record", signal: undefined });
  const [record] = await cursor.next(source, { bytes: 1, records: 1, counts: () => true });
  if (cursor.failure !== undefined) throw cursor.failure;
  return record;
}

/** The offset after the last record that is known. */
export function endOf(source: ReadSource): number {
  return source.segments().at(-1)?.nextOffset ?? 0;
}

/** The segment that holds the record at `offset`; O(log segments). */
function segmentAt(segments: readonly SegmentInfo[], offset: number): SegmentInfo | undefined {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (elementAt(segments, middle).nextOffset <= offset) low = middle + 1;
    else high = middle;
  }
  return segments[low];
}
