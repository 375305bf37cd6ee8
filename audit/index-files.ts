/**
 * Holding the index files beside a segment against the records in it, entry by entry, while the segment is
 * read.
 *
 * An index is a hint: no record is accepted for its sake. But it bears witness: one that names more than the
 * segment holds says that something is gone. Memory: one chunk a file, or the largest frame.
 *
 * Layouts: docs/FORMAT.md, sections 5, 6 and 8.3.
 * @module
 */
import type { Format, RecordKind } from "../src/index.ts";
import { indexLogName } from "../src/disk/names.ts";
import { type Entry, IndexReader, type OpenNamed, type TornIndex } from "./index-entries.ts";
import type { AuditFinding } from "./report.ts";

/** A saved index and its write-ahead file while they are held against the records. */
interface Pair {
  readonly path: string;
  readonly reader: IndexReader;
  readonly entries: AsyncGenerator<Entry, void>;
  next: Entry | undefined;
  /** How many offsets the entries before `next` have. */
  covered: number;
  disagreed: boolean;
  /** Whether a saved index that ends inside an entry is not what a segment's begins with. */
  isWrong: boolean;
}

/** Whose index files they are, and what is known of the segment beforehand. */
export interface IndexedSegment {
  /** Path of the stream's directory. */
  readonly path: string;
  readonly number: number;
  readonly format: Format;
  /** Whether a later segment exists, so that its index must be whole. */
  readonly isSealed: boolean;
  /** Offset of its first record, if that record cannot be read. */
  readonly fallbackOffset: number;
  /** One more than the offset of its last record, if something beside the segment tells it. */
  readonly knownEnd?: number | undefined;
  /** Whether there must be a write-ahead file of this package's as long as the segment is appended to. */
  readonly hasOwnIndex: boolean;
  readonly chunkBytes: number;
}

/** How far a segment could be read. */
export interface SegmentEnd {
  /** One more than the offset of its last record. */
  readonly nextOffset: number;
  /** Where that record ends. */
  readonly lastEnd: number;
  /** The segment's size. */
  readonly bytes: number;
}

/** Watches a segment being read, with its index files open. */
export class IndexWatch {
  readonly #pairs: Pair[] = [];
  readonly #findings: AuditFinding[] = [];
  /** Offset of the segment's first record. */
  #firstOffset: number | undefined;
  readonly #segment: IndexedSegment;
  private constructor(segment: IndexedSegment) {
    this.#segment = segment;
  }

  /**
   * Opens the index files of a segment: before the segment's size is looked at, for a writer names a record
   * only after it was written.
   *
   * @throws StorageError `io`, and what `open` throws
   */
  static async open(open: OpenNamed, segment: IndexedSegment): Promise<IndexWatch> {
    const watch = new IndexWatch(segment);
    const { format, chunkBytes } = segment;
    for (const reader of await IndexReader.openAll(open, segment, format, chunkBytes)) {
      const { path } = reader;
      if (path === undefined) continue;
      const entries = reader.entries();
      const pair = { path, reader, entries, next: undefined, covered: 0, disagreed: false, isWrong: false };
      watch.#pairs.push(pair);
      await step(pair);
    }
    return watch;
  }

  /** Farthest byte that this package's index files prove to have been durable. Known once all was read. */
  get watermark(): number {
    return Math.max(0, ...this.#pairs.map(({ reader }) => reader.watermark));
  }

  /** Farthest position of a record that any index file names; -1 if none does. Known once all was read. */
  get farthest(): number {
    return Math.max(-1, ...this.#pairs.map(({ reader }) => reader.farthest));
  }

  /** Whether there is a write-ahead file of this package's. */
  get hasLog(): boolean {
    return this.#pairs.some(({ reader }) => reader.hasLog && !reader.isKimberlites);
  }

  /** Takes a record that was read. */
  async record(seen: {
    readonly kind: RecordKind;
    readonly position: number;
    readonly end: number;
    readonly offset: number;
    readonly places: number;
    readonly hash: Buffer;
  }): Promise<void> {
    this.#firstOffset ??= this.#firstOffsetBefore(seen);
    const place = seen.offset - this.#firstOffset;
    for (const pair of this.#pairs) {
      await align(pair, place, seen.position);
      const { next } = pair;
      const { torn } = pair.reader;
      // Only this package writes redacted records, and no index that is torn.
      if (torn?.whole === place) pair.isWrong ||= !isBeginOf(torn.rest, seen.position);
      if (next === undefined || pair.reader.isUnaligned || pair.covered !== place) continue;
      const wrong =
        next.position !== seen.position ||
        (next.kind !== undefined && next.kind !== seen.kind) ||
        next.places !== seen.places ||
        (next.end !== undefined && next.end !== seen.end) ||
        (next.head !== undefined && Buffer.compare(next.head, seen.hash) !== 0);
      if (wrong) {
        const says = `gives another place, kind, count or hash for the record at offset ${seen.offset}, which is at byte ${seen.position} of its segment`;
        this.#disagree(pair, seen.offset, says);
      }
      await step(pair);
      pair.covered = place + seen.places;
    }
  }

  /** Offset of the segment's first record, once the first that can be read was seen, wherever that is. */
  #firstOffsetBefore({ position, offset }: { readonly position: number; readonly offset: number }): number {
    const { fallbackOffset, knownEnd = 0 } = this.#segment;
    const before = offset - fallbackOffset;
    const hasRoom = before * RECORD_BYTES_MIN <= position || (position > 0 && offset < knownEnd);
    return before > 0 && hasRoom ? fallbackOffset : offset;
  }

  /** Says what is left once the segment was read. */
  async finish({ nextOffset, lastEnd, bytes }: SegmentEnd): Promise<AuditFinding[]> {
    const { path, format, isSealed, hasOwnIndex, fallbackOffset } = this.#segment;
    const first = this.#firstOffset ?? fallbackOffset;
    // Redacted records count as many as they stand for.
    const records = nextOffset - first;
    if (hasOwnIndex && !isSealed && bytes > 0 && !this.hasLog) {
      this.#findings.push({
        severity: "damage",
        code: "missing-index",
        file: `${path}/${indexLogName(this.#segment, format)}`,
        sentence: "The segment has records, but no write-ahead file of its index.",
        cause:
          "Somebody removed it: it is made before the first record is. No record depends on it, but without it, truncation of the segment cannot be detected.",
      });
    }
    for (const pair of this.#pairs) {
      let beyond = 0;
      // Entries that no record could be found for are of records after the last.
      if (pair.next !== undefined && pair.reader.isUnaligned) pair.covered = Math.max(pair.covered, records);
      while (pair.next !== undefined) {
        if (pair.covered >= records) {
          const { position } = pair.next;
          // What it names between the last record and the end is there, only not to be read; that is found
          // elsewhere.
          if (position >= bytes) beyond += pair.next.places;
          else if (position < lastEnd)
            this.#disagree(pair, nextOffset, "names a record where another one is");
        }
        await step(pair);
      }
      if (beyond > 0) {
        this.#findings.push({
          severity: "damage",
          code: "truncated-log",
          file: pair.path,
          offset: first + pair.covered - beyond,
          sentence: `The index names ${pair.covered} records, and the segment ends before ${beyond === 1 ? "the last of them begins" : `the last ${beyond} of them begin`}.`,
          cause: pair.reader.isKimberlites
            ? "The segment was truncated, or a crash of Kimberlite lost appends that it had not synced, or the write-ahead file is an old one."
            : "The segment was truncated: index entries are written only for records that are durable.",
        });
      } else if (
        pair.covered < records &&
        !pair.reader.isDamaged &&
        (pair.reader.isKimberlites || isSealed)
      ) {
        this.#findings.push({
          severity: "notice",
          code: "index-lags",
          file: pair.path,
          offset: first + pair.covered,
          sentence: `The index covers ${pair.covered} of ${records} records.`,
          cause: "The process ended before the index was saved. Nothing is lost.",
        });
      }
    }
    const torn = this.#pairs.flatMap(({ reader, isWrong }) =>
      reader.torn === undefined ? [] : [tornFinding(reader.torn, isWrong, records)],
    );
    return [...this.#pairs.flatMap(({ reader }) => reader.findings), ...torn, ...this.#findings];
  }

  /** Says once of an index that it is not this segment's. */
  #disagree(pair: Pair, offset: number, says: string): void {
    if (pair.disagreed) return;
    pair.disagreed = true;
    this.#findings.push({
      severity: pair.reader.isKimberlites ? "notice" : "damage",
      code: "wrong-index",
      file: pair.path,
      offset,
      sentence: `The index ${says}.`,
      cause: pair.reader.isKimberlites
        ? "Kimberlite leaves such an index when it continues after a crash; reads through it fail there."
        : "The index or the segment was replaced, or both were changed.",
    });
  }
}

/** No format has shorter ones. */
const RECORD_BYTES_MIN = 48;

async function step(pair: Pair): Promise<void> {
  pair.covered += pair.next?.places ?? 0;
  const { value, done } = await pair.entries.next();
  pair.next = done === true ? undefined : value;
}

/** Goes on to the entry of a record, as far as there is one. */
async function align(pair: Pair, place: number, position: number): Promise<void> {
  const { reader } = pair;
  while (
    pair.next !== undefined &&
    (reader.isUnaligned ? pair.next.position < position : pair.covered < place)
  )
    await step(pair);
  if (!reader.isUnaligned || pair.next?.position !== position) return;
  pair.covered = place;
  reader.isUnaligned = false;
}

/**
 * What is said of a torn index: a notice, unless it is not the beginning of this segment's, or of one with
 * more records.
 */
function tornFinding({ path, count, whole }: TornIndex, isWrong: boolean, records: number): AuditFinding {
  const isBegun = !isWrong && count <= records;
  return {
    severity: isBegun ? "notice" : "damage",
    code: "damaged-index",
    file: path,
    sentence: `The index ends early: ${whole} of ${count} entries are there.`,
    cause: isBegun
      ? "Kimberlite was killed while it wrote the index. Nothing is lost; the index can be rebuilt."
      : "It was changed, or it belongs to another segment: no index of this segment begins like this. No record depends on it; it can be rebuilt.",
  };
}

/** Whether bytes are the first of a position as an index has it. */
function isBeginOf(rest: Buffer, position: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeBigUInt64LE(BigInt(position));
  return entry.subarray(0, rest.length).equals(rest);
}
