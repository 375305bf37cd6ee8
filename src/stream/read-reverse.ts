/**
 * Reading a stream backwards: from the end of a range to its beginning.
 *
 * The record returned first is verified as a read of it alone would be; each one before it is held against
 * the hash that the record after it carries. Records are read forwards, a block at a time, and returned the
 * other way round. Memory: the records returned, and a block of about a megabyte or of one record. Time: as a
 * forward read, and the way to the first record.
 * @module
 */
import { sameHash } from "../format/chain.ts";
import { type Cursor, hasRoom, type Room, takeRoom } from "../cursor.ts";
import { elementAt } from "../element-at.ts";
import { StorageError } from "../error.ts";
import { endOf, LogCursor, type ReadSource } from "./read.ts";
import type { Record } from "../format/record.ts";
import type { ReadRequest } from "../requests.ts";

/** A block ends where its payloads, expanded, reach this. */
const BLOCK_BYTES = 1 << 20;
const FIRST_BLOCK_RECORDS = 16;
const BLOCK_RECORDS_MAX = 1 << 14;

const isAny = (): boolean => true;

export class ReverseCursor implements Cursor<ReadSource> {
  readonly #request: ReadRequest;
  /** Records that were read and not yet returned, in the order of the stream. */
  readonly #held: Record[] = [];
  #hasBegun = false;
  /** Offset after the last record that is not yet read. */
  #end = 0;
  /** Chain hash that the record before `#end` must have. */
  #expected: Uint8Array | undefined;
  #blockRecords = FIRST_BLOCK_RECORDS;
  #blockRecordsMax = BLOCK_RECORDS_MAX;
  #failure: StorageError | undefined;

  constructor(request: ReadRequest) {
    this.#request = request;
  }

  get failure(): StorageError | undefined {
    return this.#failure;
  }

  async next(source: ReadSource, room: Room): Promise<Record[]> {
    const records: Record[] = [];
    try {
      if (!this.#hasBegun) this.#begin(source);
      while (hasRoom(room) && this.#failure === undefined) {
        if (this.#held.length === 0) await this.#fill(source);
        const record = this.#held.pop();
        if (record === undefined) break;
        records.push(record);
        takeRoom(room, record);
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#failure = error;
    }
    return records;
  }

  /** Where the range ends. */
  #begin(source: ReadSource): void {
    const end = endOf(source);
    if (this.#request.to > end && source.lostEnd !== undefined) throw source.lostEnd;
    this.#end = Math.min(this.#request.to, end);
    this.#hasBegun = true;
  }

  /** Reads the block before `#end`; nothing at the beginning of the range. */
  async #fill(source: ReadSource): Promise<void> {
    const { from, verify } = this.#request;
    while (this.#held.length === 0 && from < this.#end) {
      const end = this.#end;
      const isFirst = this.#expected === undefined && verify !== "record";
      const start = Math.max(from, end - (isFirst ? 1 : this.#blockRecords));
      const cursor = new LogCursor({
        from: start,
        to: end,
        verify: isFirst || verify === "record" ? verify : "links",
        signal: this.#request.signal,
      });
      const { records, isAll } = await lastOf(cursor, source);
      if (cursor.failure === undefined) {
        this.#hold(records, isAll ? end - start : undefined, cursor.head, source);
      } else if (end - start > 1) {
        // What lies after the damage comes before it here: come closer in smaller steps.
        this.#blockRecordsMax = (end - start) >>> 1;
        this.#blockRecords = this.#blockRecordsMax;
      } else {
        throw cursor.failure;
      }
    }
  }

  /**
   * Takes in the last records of a block.
   *
   * @param offsets how many a block has that is all there
   */
  #hold(
    records: Record[],
    offsets: number | undefined,
    head: Uint8Array | undefined,
    { context }: ReadSource,
  ): void {
    const first = elementAt(records, 0);
    if (this.#expected !== undefined && (head === undefined || !sameHash(head, this.#expected))) {
      const sentence =
        "An intact record is not the one whose hash the record after it carries. Compare it with a copy.";
      const { stream } = context;
      throw new StorageError("broken-chain", sentence, {
        stream,
        offset: elementAt(records, records.length - 1).offset,
      });
    }
    this.#held.push(...records);
    this.#end = Number(first.offset);
    if (this.#request.verify !== "record") this.#expected = first.prevHash;
    const bytes = records.reduce((sum, { payload }) => sum + payload.length, 0);
    if (offsets === undefined) this.#blockRecords = records.length;
    else if (offsets === this.#blockRecords && bytes <= BLOCK_BYTES / 2)
      this.#blockRecords = Math.min(this.#blockRecords * 2, this.#blockRecordsMax);
  }
}

/** The last records of a walk: as many as a block may hold, at least one; and whether these are all. */
async function lastOf(
  cursor: LogCursor,
  source: ReadSource,
): Promise<{ readonly records: Record[]; readonly isAll: boolean }> {
  let kept: Record[] = [];
  let isAll = true;
  let bytes = 0;
  do {
    const room = { bytes: BLOCK_BYTES, records: BLOCK_RECORDS_MAX, counts: isAny };
    const records = await cursor.next(source, room);
    bytes += BLOCK_BYTES - room.bytes;
    kept = [...kept, ...records];
    let first = 0;
    while (first < kept.length - 1 && bytes - elementAt(kept, first).payload.length >= BLOCK_BYTES) {
      bytes -= elementAt(kept, first).payload.length;
      first += 1;
    }
    kept = kept.slice(first);
    isAll &&= first === 0;
  } while (!cursor.isDone && cursor.failure === undefined);
  return { records: kept, isAll };
}
