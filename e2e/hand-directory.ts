/**
 * A stream's directory by hand, with everything in it that one can have: three segments, saved indexes,
 * write-ahead files of several frames, checkpoints, and payloads stored as they are, as lz4 and as zstd.
 *
 * Promises: what `by-hand.ts` promises. Nothing in it is damaged, and nothing is left to be said of it.
 * @module
 */
import { type Entry, encoded, frameBytes, HandLog, hex, indexBytes, join, text } from "./by-hand.ts";

type Format = "plain" | "sentinel";

/** 24 times "a", as a payload and as the codecs store it (docs/FORMAT.md, section 2). */
const LONG = text("a".repeat(24));
/** Its size; one literal, 18 bytes from one byte before, five literals. */
const LZ4 = hex("18000000 1e 61 0100 50 6161616161");
/** Magic, one segment with its size, a last block of 24 times the same byte. */
const ZSTD = hex("28b52ffd 20 18 c30000 61");

/** Which records are stored compressed, and how. */
const COMPRESSED: ReadonlyMap<number, { readonly compression: number; readonly payload: Uint8Array }> =
  new Map([
    [2, { compression: 1, payload: LZ4 }],
    [5, { compression: 2, payload: ZSTD }],
    [10, { compression: 1, payload: LZ4 }],
  ]);
const CHECKPOINTS: readonly number[] = [3, 7, 11];
/** Offset of the first record of each segment, and of the one after the last. */
const FIRSTS = [0, 5, 9, 14] as const;

/** Where a record is. */
export interface Place {
  readonly segment: number;
  readonly position: number;
  readonly end: number;
}

export class HandDirectory {
  readonly format: Format;
  readonly log: HandLog;
  /** Where each record is, by its offset. */
  readonly places: readonly Place[];

  constructor(format: Format) {
    this.format = format;
    this.log = new HandLog(0, format);
    for (let offset = 0; offset < FIRSTS[3]; offset += 1) {
      if (CHECKPOINTS.includes(offset)) this.log.checkpoint();
      else this.log.append(COMPRESSED.has(offset) ? LONG : text(`event-${offset}`));
    }
    const places: Place[] = [];
    for (let offset = 0; offset < FIRSTS[3]; offset += 1) {
      const position = FIRSTS.some((first) => first === offset) ? 0 : (places.at(-1)?.end ?? 0);
      const segment = FIRSTS.filter((first) => first <= offset).length - 1;
      places.push({ segment, position, end: position + this.record(offset).length });
    }
    this.places = places;
  }

  /** A record's bytes. */
  record(offset: number): Buffer {
    const record = this.log.records[offset];
    if (record === undefined) throw new RangeError(`There is no record ${offset}.`);
    return encoded({ ...record, ...COMPRESSED.get(offset) }, this.format);
  }

  place(offset: number): Place {
    const place = this.places[offset];
    if (place === undefined) throw new RangeError(`There is no record ${offset}.`);
    return place;
  }

  /** The chain hash of the record at an offset. */
  hash(offset: number): Uint8Array {
    return this.log.records[offset]?.hash ?? new Uint8Array(32);
  }

  /** The index entries of records from one offset up to another. */
  entries(from: number, to: number): Entry[] {
    return this.places
      .slice(from, to)
      .map(({ position }, i): Entry => [position, CHECKPOINTS.includes(from + i) ? 1 : 0]);
  }

  /** A saved index of records from one offset up to another. */
  index(from: number, to: number): Buffer {
    return indexBytes(this.entries(from, to), this.place(to - 1).end, this.hash(to - 1));
  }

  /** A frame of a write-ahead file that names records from one offset up to another. */
  frame(from: number, to: number): Buffer {
    return frameBytes(this.entries(from, to), this.place(to - 1).end, this.hash(to - 1));
  }

  /** The manifest of the first so many segments, the last of them active. */
  manifest(segments = 3): Buffer {
    const rows = Array.from({ length: segments }, (_, segment) => {
      const [first = 0, next = 0] = [FIRSTS[segment], FIRSTS[segment + 1]];
      const isLast = segment === segments - 1;
      return {
        segment_num: segment,
        first_offset: first,
        next_offset: isLast ? first : next,
        size_bytes: isLast ? 0 : this.place(next - 1).end,
      };
    });
    return Buffer.from(JSON.stringify({ segments: rows, active_segment: segments - 1, format: this.format }));
  }

  /** Name of a segment's file, or of one of its index files. */
  name(segment: number, kind: "log" | "index" | "frames" = "log"): string {
    const index = this.format === "plain" ? ".idx" : ".idx2";
    const ending = { log: "", index, frames: `${index}.wal` }[kind];
    return `segment_${String(segment).padStart(6, "0")}.log${ending}`;
  }

  /**
   * All files by their names. Of the last segment the index was saved after two records, and the last record
   * is not named by any.
   */
  files(): Map<string, Uint8Array> {
    const log = (segment: number): Buffer =>
      join(
        ...this.places.flatMap((place, offset) => (place.segment === segment ? [this.record(offset)] : [])),
      );
    return new Map<string, Uint8Array>([
      ["manifest.json", this.manifest()],
      [this.name(0), log(0)],
      [this.name(0, "index"), this.index(0, 5)],
      // Left over: it was to be removed once the index was saved.
      [this.name(0, "frames"), join(this.frame(0, 2), this.frame(2, 3), this.frame(3, 5))],
      [this.name(1), log(1)],
      [this.name(1, "index"), this.index(5, 9)],
      [this.name(2), log(2)],
      [this.name(2, "index"), this.index(9, 11)],
      [this.name(2, "frames"), join(this.frame(11, 12), this.frame(12, 13))],
    ]);
  }
}
