/**
 * The offset index of one segment: from a record's ordinal in the segment to its byte position and kind.
 *
 * On disk it is a saved part (`.idx`) and the frames appended since then (`.idx.wal`). It is a hint: whoever
 * uses a position checks that the record found there says the same offset. One thing in it is evidence:
 * records are named only after they were synced, so `end` is a watermark.
 *
 * Specification: docs/FORMAT.md, sections 5, 6 and 8.3.
 * @module
 */
import { crc32, genesisHash, HASH_BYTES } from "./chain.ts";
import { CheckpointIndex } from "./checkpoint.ts";
import { elementAt } from "../element-at.ts";
import { kindCode, kindOf } from "./formats.ts";
import { invariant } from "../invariant.ts";
import { RecordWidths } from "./record-widths.ts";
import type { RecordKind } from "../types.ts";

const MAGIC = 0x49584456; // "VDXI"
const VERSION = 2;
/** Kimberlite's: only positions, and after them the CRC. */
const POSITIONS_VERSION = 1;
const CRC_BYTES = 4;
const IDX_HEADER_BYTES = 16;
const WORD_BYTES = 8;
const TAIL_BYTES = 8 + HASH_BYTES + 4;
const FRAME_HEADER_BYTES = 4 + 8 + HASH_BYTES;
const FRAME_OVERHEAD_BYTES = FRAME_HEADER_BYTES + 4;
const KIND_SCALE = 2 ** 24;
const KIND_AT = 7;
const DATA = kindCode("data");
const CHECKPOINT = kindCode("checkpoint");
const REDACTED = kindCode("redacted");
const HALF_WORD = 2 ** 32;

/**
 * The size of a saved index. A frame is not larger, nor is any index file of fewer words.
 *
 * @param words that it has: one for each record, and a second for each that is redacted
 * @returns bytes
 */
export function indexBytes(words: number): number {
  return IDX_HEADER_BYTES + words * WORD_BYTES + TAIL_BYTES;
}

/** How far index entries reach: where the last record covered ends, and its chain hash. */
export interface Coverage {
  readonly end: number;
  readonly head: Uint8Array;
}

/** Where a record is, as an index entry says. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Bytes that are read forward, a piece at a time. */
export interface ForwardBytes {
  /** The piece that is in memory, and where in it the next byte is. */
  readonly bytes: Buffer;
  readonly at: number;
  /** The next byte's place among all, how many from it on are in memory, and how many there are. */
  readonly position: number;
  readonly held: number;
  readonly left: number;
  /** Waits until so many are in memory, or as many as there are. */
  fill(needed: number): Promise<void>;
  skip(bytes: number): void;
}

/**
 * The size of Kimberlite's own saved index.
 *
 * @param count how many records it names
 * @returns bytes
 */
export function savedPositionsBytes(count: number): number {
  return IDX_HEADER_BYTES + count * WORD_BYTES + CRC_BYTES;
}

/**
 * Positions and kinds of the records of a segment, from the first on, and the chain hash of the last.
 * Memory: 9 bytes a record, up to twice as much while it grows.
 *
 * A record is named by its **ordinal**: its number among the records of the segment, from 0. A **place** is
 * an offset counted from the segment's first; a redacted record has as many places as it stands for records.
 *
 * @example
 * ```ts
 * const index = new OffsetIndex();
 * index.push("data", 54, head);
 * index.push("checkpoint", 142, head);
 * index.position(1); // 54
 * index.endOf(1); // 142
 * index.ordinalAt(54); // 1
 * index.checkpointAtOrBefore(0); // undefined
 * OffsetIndex.parse(index.serialize())?.count; // 2
 * ```
 */
export class OffsetIndex {
  #positions = new Float64Array(8);
  #kinds = new Uint8Array(8);
  #count = 0;
  #end = 0;
  #dataEnd = 0;
  #head: Uint8Array = genesisHash();
  #hasGaps = false;
  #redacted = 0;
  readonly #widths = new RecordWidths();
  readonly #checkpoints = new CheckpointIndex();

  /**
   * Whether it covers a record that is lost or damaged. Such an index is not saved, so that the next start
   * finds the damage, too.
   */
  get hasGaps(): boolean {
    return this.#hasGaps;
  }

  /** How many records it covers. */
  get count(): number {
    return this.#count;
  }

  /** How many offsets they have. */
  get places(): number {
    return this.#count + this.#widths.extra;
  }

  /** How many words its saved form has. */
  get words(): number {
    return this.#count + this.#redacted;
  }

  /** Byte position where the last record covered ends; 0 if it covers none. */
  get end(): number {
    return this.#end;
  }

  /** Byte position where the last data record covered ends; 0 if there is none. */
  get dataEnd(): number {
    return this.#dataEnd;
  }

  /** Chain hash of the last record covered; zeros if it covers none. */
  get head(): Uint8Array {
    return this.#head;
  }

  /**
   * Adds the record that begins at `end`; amortised O(1).
   *
   * @param kind of the record
   * @param nextEnd byte position where the record ends
   * @param head chain hash of the record
   * @param places how many offsets it has: more than one only if it is redacted
   */
  push(kind: RecordKind, nextEnd: number, head: Uint8Array, places = 1): void {
    invariant(nextEnd > this.#end, "A record ends after the one before it.");
    this.#push(kindCode(kind), nextEnd, head, places);
  }

  #push(kind: number, nextEnd: number, head: Uint8Array, places = 1): void {
    if (this.#count === this.#positions.length) this.#grow();
    this.#positions[this.#count] = this.#end;
    this.#kinds[this.#count] = kind;
    if (places > 1) this.#widths.widen(this.#count, places);
    if (kind === REDACTED) this.#redacted += 1;
    if (kind === CHECKPOINT) this.#checkpoints.add(this.#count);
    if (kind === DATA) this.#dataEnd = nextEnd;
    this.#count += 1;
    this.#end = nextEnd;
    this.#head = head;
  }

  /**
   * Adds records that cannot be read and lie somewhere between `end` and `nextEnd`. They pass for one record
   * that has the places of all.
   *
   * @param places how many they have
   * @param nextEnd byte position where records can be read again
   */
  pushLost(places: number, nextEnd: number): void {
    invariant(nextEnd >= this.#end, "What is lost lies after what was read.");
    if (places > 0) this.#push(DATA, this.#end, this.#head, places);
    this.#end = nextEnd;
    this.#hasGaps = true;
  }

  /** Notes that the last record covered is damaged. */
  markDamaged(): void {
    this.#hasGaps = true;
  }

  /**
   * The record that has a place; O(log n) for n records that have several.
   *
   * @param place an offset counted from the segment's first
   * @returns the record's ordinal
   */
  ordinalOf(place: number): number {
    return this.#widths.ordinalAt(place);
  }

  /**
   * Where a record is among the offsets; O(log n) for n records that have several places.
   *
   * @param ordinal of the record
   * @returns its first place
   */
  placeOf(ordinal: number): number {
    return this.#widths.placeOf(ordinal);
  }

  /**
   * How many offsets a record has; O(log n) for n records that have several.
   *
   * @param ordinal of the record
   * @returns one, unless it is redacted
   */
  placesOf(ordinal: number): number {
    return this.#widths.placesOf(ordinal);
  }

  /**
   * The record that begins at a byte position; O(log n) for n records.
   *
   * @param position in the segment
   * @returns the record's ordinal; `undefined` if none begins there
   */
  ordinalAt(position: number): number | undefined {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.position(middle) < position) low = middle + 1;
      else high = middle;
    }
    return this.position(low) === position && low < this.#count ? low : undefined;
  }

  /**
   * Where a record begins; O(1).
   *
   * @param ordinal the record's place in the segment, from 0; less than `count`
   * @returns its byte position; for a record that is not covered `NaN` or a meaningless number
   */
  position(ordinal: number): number {
    return this.#positions[ordinal] ?? Number.NaN;
  }

  /**
   * Where a record ends; O(1).
   *
   * @param ordinal the record's place in the segment, from 0
   * @returns the byte position after it; `NaN`, or a meaningless number, if it is not covered
   */
  endOf(ordinal: number): number {
    return ordinal + 1 === this.#count ? this.#end : this.position(ordinal + 1);
  }

  /**
   * The records of a kind; O(records).
   *
   * @param kind of the records
   * @returns their ordinals, in order
   */
  *ordinalsOf(kind: RecordKind): Generator<number, void> {
    const code = kindCode(kind);
    for (let ordinal = this.#kinds.indexOf(code); ordinal >= 0 && ordinal < this.#count;) {
      yield ordinal;
      ordinal = this.#kinds.indexOf(code, ordinal + 1);
    }
  }

  /**
   * The last checkpoint at or before a record; O(log n) for n checkpoints.
   *
   * @param ordinal the record's place in the segment
   * @returns the checkpoint's ordinal; `undefined` if there is none
   */
  checkpointAtOrBefore(ordinal: number): number | undefined {
    return this.#checkpoints.nearest(ordinal);
  }

  /**
   * The saved form: the bytes of an `.idx` file (docs/FORMAT.md, section 5).
   *
   * ```
   * ["VDXI"][version:u8 = 2][0][0][0][count:u64][word:u64 * count][end:u64][head:32][crc32:u32]
   * for each record a word: position in bits 0-55, kind in bits 56-63;
   * for each that is redacted a second: how many records it stands for            little-endian
   * ```
   * @returns a new buffer; O(records) time
   */
  serialize(): Buffer {
    const bytes = Buffer.alloc(indexBytes(this.words));
    bytes.writeUInt32LE(MAGIC, 0);
    bytes.writeUInt8(VERSION, 4);
    writeU64(bytes, 8, this.words);
    const tail = this.#writeEntries(bytes, IDX_HEADER_BYTES, 0);
    writeU64(bytes, tail, this.#end);
    bytes.set(this.#head, tail + 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, bytes.length - 4)), bytes.length - 4);
    return bytes;
  }

  /**
   * The bytes of Kimberlite's own `.idx` (docs/FORMAT.md, section 8.3).
   *
   * @returns a new buffer; O(records) time
   */
  serializePositions(): Buffer {
    const bytes = Buffer.alloc(savedPositionsBytes(this.#count));
    bytes.writeUInt32LE(MAGIC, 0);
    bytes.writeUInt8(POSITIONS_VERSION, 4);
    writeU64(bytes, 8, this.#count);
    for (let i = 0; i < this.#count; i += 1)
      writeU64(bytes, IDX_HEADER_BYTES + i * WORD_BYTES, this.position(i));
    bytes.writeUInt32LE(crc32(bytes.subarray(0, bytes.length - CRC_BYTES)), bytes.length - CRC_BYTES);
    return bytes;
  }

  /**
   * A frame of an `.idx.wal` file, which names the last records (docs/FORMAT.md, section 6).
   *
   * ```
   * [count:u32][end:u64][head:32][word:u64 * count][crc32:u32]      little-endian
   * ```
   * @param from ordinal of the first record that it names; less than `count`
   * @returns a new buffer; O(records named) time
   */
  frame(from: number): Buffer {
    invariant(from < this.#count, "A frame names at least one record.");
    let words = this.#count - from;
    for (let i = from; i < this.#count; i += 1) if (this.#kinds[i] === REDACTED) words += 1;
    const bytes = Buffer.alloc(FRAME_OVERHEAD_BYTES + words * WORD_BYTES);
    bytes.writeUInt32LE(words, 0);
    writeU64(bytes, 4, this.#end);
    bytes.set(this.#head, 12);
    this.#writeEntries(bytes, FRAME_HEADER_BYTES, from);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, bytes.length - 4)), bytes.length - 4);
    return bytes;
  }

  /**
   * The index in the bytes of an `.idx` file. Allocates memory in proportion to the bytes, whatever they say.
   *
   * @param bytes all of the file
   * @returns the index; `undefined` if magic number, version, size or CRC is wrong, or positions do not
   *   increase
   */
  static parse(bytes: Buffer): OffsetIndex | undefined {
    if (bytes.length < IDX_HEADER_BYTES + TAIL_BYTES) return undefined;
    if (bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(4) !== VERSION) return undefined;
    const count = readU64(bytes, 8);
    if (bytes.length !== indexBytes(count)) return undefined;
    if (bytes.readUInt32LE(bytes.length - 4) !== crc32(bytes.subarray(0, bytes.length - 4))) return undefined;
    const tail = IDX_HEADER_BYTES + count * WORD_BYTES;
    const index = new OffsetIndex();
    const coverage = { end: readU64(bytes, tail), head: copyHash(bytes, tail + 8) };
    return index.#addEntries(bytes, IDX_HEADER_BYTES, count, coverage) ? index : undefined;
  }

  /**
   * The index in the bytes of Kimberlite's own `.idx`. It has no kinds and no chain hash: every record passes
   * for data.
   *
   * @param bytes all of the file
   * @param count how many records the segment has
   * @param end how many bytes the segment has
   * @returns the index; `undefined` if the bytes are not one, or not one of such a segment
   */
  static parsePositions(bytes: Buffer, count: number, end: number): OffsetIndex | undefined {
    if (bytes.length !== savedPositionsBytes(count)) return undefined;
    if (bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(4) !== POSITIONS_VERSION) return undefined;
    if (readU64(bytes, 8) !== count) return undefined;
    const crcAt = bytes.length - CRC_BYTES;
    if (bytes.readUInt32LE(crcAt) !== crc32(bytes.subarray(0, crcAt))) return undefined;
    const index = new OffsetIndex();
    for (let i = 0; i < count; i += 1) {
      const entryAt = IDX_HEADER_BYTES + i * WORD_BYTES;
      const next = i + 1 < count ? readU64(bytes, entryAt + WORD_BYTES) : end;
      if (readU64(bytes, entryAt) !== index.end || next <= index.end) return undefined;
      index.#push(DATA, next, index.head);
    }
    return index;
  }

  /**
   * Adds the records that the frames of an `.idx.wal` file name and that this index does not cover.
   *
   * Stops at the first frame that is torn. A frame that repeats what is covered is skipped. A frame that
   * leaves a gap, or that names more than the segment has, adds nothing; but its end is still a claim that
   * records were durable up to there.
   *
   * @param frames the bytes of the file
   * @param frameBytesMax the most bytes of a frame; what claims to be longer is not a frame
   * @param limit bytes that the segment has
   * @param claims receives what the frames that added nothing say of records that begin before `limit`
   * @returns `size`: bytes up to the end of the last whole frame; `watermark`: the farthest end that any
   *   whole frame names. O(bytes) time
   */
  async replay(
    frames: ForwardBytes,
    frameBytesMax: number = Number.POSITIVE_INFINITY,
    limit: number = Number.POSITIVE_INFINITY,
    claims: Span[] = [],
  ): Promise<{ size: number; watermark: number }> {
    const start = frames.position;
    let watermark = this.#end;
    for (;;) {
      if (frames.held < FRAME_HEADER_BYTES && frames.left >= FRAME_OVERHEAD_BYTES)
        await frames.fill(FRAME_HEADER_BYTES);
      const count = frames.held < FRAME_HEADER_BYTES ? 0 : frames.bytes.readUInt32LE(frames.at);
      const size = FRAME_OVERHEAD_BYTES + count * WORD_BYTES;
      if (count === 0 || frames.left < size || size > frameBytesMax) break;
      if (frames.held < size) await frames.fill(size);
      if (frames.held < size) break;
      const bytes = frames.bytes.subarray(frames.at, frames.at + size);
      if (bytes.readUInt32LE(size - 4) !== crc32(bytes.subarray(0, size - 4))) break;
      if (!hasAllWords(bytes, count)) break;
      const coverage = { end: readU64(bytes, 4), head: copyHash(bytes, 12) };
      if (coverage.end > this.#end) {
        const added = coverage.end <= limit && this.#addEntries(bytes, FRAME_HEADER_BYTES, count, coverage);
        if (!added) for (const span of spansIn(bytes, count, coverage.end, limit)) claims.push(span);
      }
      watermark = Math.max(watermark, coverage.end);
      frames.skip(size);
    }
    return { size: frames.position - start, watermark };
  }

  /** Adds the records that lie after the end, of those that `count` words name: all of them or none. */
  #addEntries(bytes: Buffer, at: number, count: number, coverage: Coverage): boolean {
    if (count === 0) return coverage.end === 0 && coverage.head.every((byte) => byte === 0);
    const start = this.#end;
    let next = start;
    for (const { start: from, end, kind, places } of entriesIn(bytes, at, count, coverage.end)) {
      if (from < start) continue;
      if (from !== next || end <= from || kindOf(kind) === undefined || !(places >= 1)) return false;
      next = end;
    }
    if (next === start) return false;
    for (const { start: from, end, kind, places } of entriesIn(bytes, at, count, coverage.end))
      if (from >= start) this.#push(kind, end, coverage.head, places);
    return true;
  }

  #writeEntries(bytes: Buffer, at: number, from: number): number {
    let entryAt = at;
    for (let i = from; i < this.#count; i += 1) {
      const position = this.position(i);
      bytes.writeUInt32LE(position % HALF_WORD, entryAt);
      bytes.writeUInt32LE(
        Math.floor(position / HALF_WORD) + elementAt(this.#kinds, i) * KIND_SCALE,
        entryAt + 4,
      );
      entryAt += WORD_BYTES;
      if (this.#kinds[i] !== REDACTED) continue;
      writeU64(bytes, entryAt, this.placesOf(i));
      entryAt += WORD_BYTES;
    }
    return entryAt;
  }

  #grow(): void {
    const positions = new Float64Array(this.#positions.length * 2);
    positions.set(this.#positions);
    this.#positions = positions;
    const kinds = new Uint8Array(positions.length);
    kinds.set(this.#kinds);
    this.#kinds = kinds;
  }
}

/** What index words say of one record. */
interface Entry extends Span {
  readonly kind: number;
  readonly places: number;
}

/**
 * The records that `count` words name; the last ends at `end`. A redacted one at the very end that lacks its
 * second word has `NaN` places.
 */
function* entriesIn(bytes: Buffer, at: number, count: number, end: number): Generator<Entry> {
  for (let word = 0; word < count;) {
    const wordAt = at + word * WORD_BYTES;
    const kind = bytes.readUInt8(wordAt + KIND_AT);
    const isWide = kind === REDACTED;
    const following = word + (isWide ? 2 : 1);
    yield {
      start: readPosition(bytes, wordAt),
      end: following < count ? readPosition(bytes, at + following * WORD_BYTES) : end,
      kind,
      places: !isWide ? 1 : following <= count ? readU64(bytes, wordAt + WORD_BYTES) : Number.NaN,
    };
    word = following;
  }
}

/** Whether each redacted record in a frame has its second word. */
function hasAllWords(frame: Buffer, count: number): boolean {
  for (const { places } of entriesIn(frame, FRAME_HEADER_BYTES, count, 0)) if (!(places >= 1)) return false;
  return true;
}

/** What the entries of a frame say of records that begin before `limit`. */
function* spansIn(frame: Buffer, count: number, frameEnd: number, limit: number): Generator<Span> {
  for (const { start, end } of entriesIn(frame, FRAME_HEADER_BYTES, count, frameEnd))
    if (start < limit) yield { start, end };
}

function writeU64(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % HALF_WORD, at);
  bytes.writeUInt32LE(Math.floor(value / HALF_WORD), at + 4);
}

/** Inexact above 2^53; no caller takes such a number for a size that fits. */
function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * HALF_WORD;
}

function readPosition(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + (bytes.readUInt32LE(at + 4) % KIND_SCALE) * HALF_WORD;
}

function copyHash(bytes: Buffer, at: number): Uint8Array {
  return Uint8Array.from(bytes.subarray(at, at + HASH_BYTES));
}
