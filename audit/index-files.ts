/**
 * Holding the index files beside a segment against the records in it, entry by entry, while the segment is read.
 *
 * An index is a hint: no record is accepted for its sake. But it bears witness: one that names more than the segment holds says that something
 * is gone. Memory: one chunk a file, or the largest frame.
 *
 * Layouts: docs/FORMAT.md, sections 5, 6 and 8.3.
 * @module
 */
import { crc32 } from "node:zlib";
import { ByteWindow } from "../src/byte-window.ts";
import type { DiskFile, Format, RecordKind } from "../src/index.ts";
import {
  forChunks,
  indexLogName,
  indexName,
  kimberliteIndexLogName,
  kimberliteIndexName,
} from "../src/files.ts";
import { kindOf } from "../src/formats.ts";
import type { Finding } from "./report.ts";
import { readAt } from "./run.ts";

/** What an entry says of one record; where it is the last of a frame or file, also where that record ends, and its chain hash. */
interface Entry {
  readonly position: number;
  readonly kind: RecordKind | "not assigned" | undefined;
  readonly end?: number;
  readonly head?: Buffer;
}

/** A file open for reading, and how large it was then: what is written to it later is not looked at. */
export interface OpenedFile {
  readonly size: number;
  readonly file: DiskFile;
  readonly path: string;
}

/** Opens a file of the stream's directory by its name, or says that it is not there. */
export type OpenNamed = (name: string) => Promise<OpenedFile | undefined>;

type Entries = AsyncGenerator<Entry, void>;

/** A saved index and its write-ahead file, this package's or Kimberlite's. */
interface Pair {
  readonly path: string;
  readonly isKimberlites: boolean;
  readonly entries: Entries;
  next: Entry | undefined;
  covered: number;
  disagreed: boolean;
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
  readonly #findings: Finding[] = [];
  /** Offset of the segment's first record. */
  #firstOffset: number | undefined;
  readonly #segment: IndexedSegment;
  #hasLog = false;
  /** Farthest byte that this package's index files name: below it, everything was durable. */
  #watermark = 0;

  private constructor(segment: IndexedSegment) {
    this.#segment = segment;
  }

  /**
   * Opens the index files of a segment: before the segment's size is looked at, for a writer names a record only after it was written.
   *
   * @throws StorageError `io`, and what `open` throws
   */
  static async open(open: OpenNamed, segment: IndexedSegment): Promise<IndexWatch> {
    const watch = new IndexWatch(segment);
    const { number, format, chunkBytes } = segment;
    const own = {
      saved: indexName(number, format),
      log: indexLogName(number, format),
      isKimberlites: false,
    };
    const theirs = {
      saved: kimberliteIndexName(number),
      log: kimberliteIndexLogName(number),
      isKimberlites: true,
    };
    for (const { saved, log, isKimberlites } of format === "plain" ? [own] : [own, theirs]) {
      const files = [await open(saved), await open(log)] as const;
      if (!isKimberlites) watch.#hasLog = files[1] !== undefined;
      if (files[0] === undefined && files[1] === undefined) continue;
      const entries = watch.#entries(files, isKimberlites, chunkBytes);
      const pair: Pair = {
        path: (files[0] ?? files[1])?.path ?? saved,
        isKimberlites,
        entries,
        next: undefined,
        covered: 0,
        disagreed: false,
      };
      pair.next = await step(pair);
      watch.#pairs.push(pair);
    }
    return watch;
  }

  get watermark(): number {
    return this.#watermark;
  }

  /** Takes a record that was read. */
  async record(seen: {
    readonly kind: RecordKind;
    readonly position: number;
    readonly end: number;
    readonly offset: number;
    readonly hash: Buffer;
  }): Promise<void> {
    this.#firstOffset ??= this.#firstOffsetBefore(seen);
    const ordinal = seen.offset - this.#firstOffset;
    for (const pair of this.#pairs) {
      while (pair.next !== undefined && pair.covered < ordinal) pair.next = await step(pair);
      const { next } = pair;
      if (next === undefined || pair.covered !== ordinal) continue;
      const wrong =
        next.position !== seen.position ||
        (next.kind !== undefined && next.kind !== seen.kind) ||
        (next.end !== undefined && next.end !== seen.end) ||
        (next.head !== undefined && Buffer.compare(next.head, seen.hash) !== 0);
      if (wrong) {
        const says = `says another place, kind or hash of the record at offset ${seen.offset}, which is at byte ${seen.position} of its segment`;
        this.#disagree(pair, seen.offset, says);
      }
      pair.next = await step(pair);
    }
  }

  /** Offset of the segment's first record, once the first that can be read was seen, wherever that is. */
  #firstOffsetBefore({ position, offset }: { readonly position: number; readonly offset: number }): number {
    const { fallbackOffset } = this.#segment;
    const before = offset - fallbackOffset;
    return before > 0 && before * RECORD_BYTES_MIN <= position ? fallbackOffset : offset;
  }

  /** Says what is left once the segment was read. */
  async finish({ nextOffset, lastEnd, bytes }: SegmentEnd): Promise<Finding[]> {
    const { path, number, format, isSealed, hasOwnIndex, fallbackOffset } = this.#segment;
    const first = this.#firstOffset ?? fallbackOffset;
    const records = nextOffset - first;
    if (hasOwnIndex && !isSealed && bytes > 0 && !this.#hasLog) {
      this.#findings.push({
        severity: "damage",
        code: "missing-index",
        file: `${path}/${indexLogName(number, format)}`,
        sentence: "There is no write-ahead file of the index beside a segment with records.",
        cause:
          "Somebody removed it: it is made before the first record is. Records do not depend on it; without it nobody can tell that the segment's end was cut off.",
      });
    }
    for (const pair of this.#pairs) {
      let beyond = 0;
      while (pair.next !== undefined) {
        if (pair.covered >= records) {
          const { position } = pair.next;
          // What it names between the last record and the end is there, only not to be read; that is found elsewhere.
          if (position >= bytes) beyond += 1;
          else if (position < lastEnd)
            this.#disagree(pair, nextOffset, "names a record where another one is");
        }
        pair.next = await step(pair);
      }
      if (beyond > 0) {
        this.#findings.push({
          severity: "damage",
          code: "truncated-log",
          file: pair.path,
          offset: first + pair.covered - beyond,
          sentence: `The index names ${pair.covered} records, and the segment ends before ${beyond === 1 ? "the last of them begins" : `the last ${beyond} of them begin`}.`,
          cause: pair.isKimberlites
            ? "The segment was cut, or a crash of Kimberlite lost appends that it had not synced, or its write-ahead file was left over."
            : "The segment was cut: index entries are written only for records that are durable.",
        });
      } else if (pair.covered < records && (pair.isKimberlites || isSealed)) {
        this.#findings.push({
          severity: "notice",
          code: "index-lags",
          file: pair.path,
          offset: first + pair.covered,
          sentence: `The index covers ${pair.covered} of ${records} records.`,
          cause: "The process ended before the index was saved; nothing is lost by it.",
        });
      }
    }
    return this.#findings;
  }

  /** Says once of an index that it is not this segment's. */
  #disagree(pair: Pair, offset: number, says: string): void {
    if (pair.disagreed) return;
    pair.disagreed = true;
    this.#findings.push({
      severity: pair.isKimberlites ? "notice" : "damage",
      code: "wrong-index",
      file: pair.path,
      offset,
      sentence: `The index ${says}.`,
      cause: pair.isKimberlites
        ? "Kimberlite leaves such an index when it goes on after a crash; reads through it fail there."
        : "The index or the segment was replaced, or both were changed.",
    });
  }

  async *#entries(
    [saved, log]: readonly [OpenedFile | undefined, OpenedFile | undefined],
    isKimberlites: boolean,
    chunkBytes: number,
  ): Entries {
    let last = -1;
    if (saved !== undefined) {
      for await (const entry of this.#saved(saved, isKimberlites ? 1 : 2, chunkBytes)) {
        last = entry.position;
        yield entry;
      }
    }
    if (log === undefined) return;
    for await (const entry of isKimberlites
      ? this.#positions(log, chunkBytes)
      : this.#frames(log, chunkBytes)) {
      // A write-ahead file may repeat what the saved index has.
      if (entry.position <= last) continue;
      last = entry.position;
      yield entry;
    }
  }

  async *#saved({ file, path, size }: OpenedFile, version: 1 | 2, chunkBytes: number): Entries {
    const tail = version === 1 ? 4 : 44;
    if (size < 16 + tail) {
      this.#damaged(path, "The index is shorter than an empty one.");
      return;
    }
    const window = new ByteWindow(file, path, 0, size, chunkBytes, true);
    await window.fill(16);
    const header = take(window, 16);
    const count = (size - 16 - tail) / 8;
    if (header.readUInt32LE(0) !== MAGIC || header.readUInt32LE(4) !== version)
      this.#damaged(path, `The index does not begin as one of version ${version} does.`);
    else if (Number(header.readBigUInt64LE(8)) !== count)
      this.#damaged(path, "The index's count does not fit its size.");
    else if (!(await isSealed(file, path, 0, size)))
      this.#damaged(path, "The index's CRC-32 does not match its bytes.");
    else {
      const coverage =
        version === 2 ? coverageIn(await readAt({ file, path }, size - tail, COVERAGE_BYTES)) : undefined;
      yield* entriesIn(window, count, version === 2, coverage);
      if (coverage !== undefined) this.#watermark = Math.max(this.#watermark, coverage.end);
    }
  }

  async *#frames({ file, path, size }: OpenedFile, chunkBytes: number): Entries {
    const window = new ByteWindow(file, path, 0, size, chunkBytes, true);
    while (window.left > 0) {
      const start = window.position;
      if (window.held < FRAME_HEADER_BYTES) await window.fill(FRAME_HEADER_BYTES);
      const header = window.held < FRAME_HEADER_BYTES ? undefined : take(window, FRAME_HEADER_BYTES);
      const count = header?.readUInt32LE(0) ?? 0;
      const frameBytes = FRAME_HEADER_BYTES + count * 8 + CRC_BYTES;
      const isWhole = count > 0 && start + frameBytes <= size;
      if (header === undefined || !isWhole || !(await isSealed(file, path, start, frameBytes))) {
        this.#findings.push({
          severity: isWhole && start + frameBytes < size ? "damage" : "notice",
          code: "damaged-index",
          file: path,
          position: start,
          end: size,
          sentence:
            "A frame of the index's write-ahead file is not whole, or its CRC-32 does not match; what follows is not read.",
          cause:
            "A crash tore the last frame, or its bytes were changed. Nothing is lost by it but proof of durability.",
        });
        return;
      }
      const coverage = coverageIn(header.subarray(4));
      yield* entriesIn(window, count, true, coverage);
      this.#watermark = Math.max(this.#watermark, coverage.end);
      window.skip(CRC_BYTES);
    }
  }

  async *#positions({ file, path, size }: OpenedFile, chunkBytes: number): Entries {
    const window = new ByteWindow(file, path, 0, size, chunkBytes, true);
    yield* entriesIn(window, Math.floor(size / 8), false, undefined);
    if (size % 8 !== 0) {
      this.#findings.push({
        severity: "notice",
        code: "damaged-index",
        file: path,
        position: size - (size % 8),
        end: size,
        sentence: "The index's write-ahead file ends inside an entry.",
        cause: "A crash tore it. Nothing is lost by it.",
      });
    }
  }

  #damaged(file: string, sentence: string): void {
    this.#findings.push({
      severity: "damage",
      code: "damaged-index",
      file,
      sentence,
      cause: "It was changed, or a crash left half of it. Records do not depend on it; it can be rebuilt.",
    });
  }
}

/** No format has shorter ones. */
const RECORD_BYTES_MIN = 48;
const MAGIC = 0x49584456; // "VDXI"
const FRAME_HEADER_BYTES = 44;
const COVERAGE_BYTES = 40;
const CRC_BYTES = 4;

async function step(pair: Pair): Promise<Entry | undefined> {
  if (pair.next !== undefined) pair.covered += 1;
  const { value, done } = await pair.entries.next();
  return done === true ? undefined : value;
}

interface Coverage {
  readonly end: number;
  readonly head: Buffer;
}

const coverageIn = (bytes: Buffer): Coverage => ({
  end: Number(bytes.readBigUInt64LE(0)),
  head: Buffer.from(bytes.subarray(8, COVERAGE_BYTES)),
});

/** Whether the last four of so many bytes from `start` on are the CRC-32 of those before. Memory: one chunk, however many bytes are claimed. */
async function isSealed(file: DiskFile, path: string, start: number, bytes: number): Promise<boolean> {
  let crc = 0;
  await forChunks(file, path, start, start + bytes - CRC_BYTES, (chunk) => {
    crc = crc32(chunk, crc);
  });
  const stored = await readAt({ file, path }, start + bytes - CRC_BYTES, CRC_BYTES);
  return stored.length === CRC_BYTES && stored.readUInt32LE(0) === crc;
}

async function* entriesIn(
  window: ByteWindow,
  count: number,
  hasKinds: boolean,
  coverage: Coverage | undefined,
): Entries {
  for (let i = 0; i < count; i += 1) {
    if (window.held < 8) await window.fill(8);
    if (window.held < 8) return;
    yield entryAt(window.bytes, window.at, hasKinds, i + 1 === count ? coverage : undefined);
    window.skip(8);
  }
}

function entryAt(bytes: Buffer, at: number, hasKinds: boolean, coverage: Coverage | undefined): Entry {
  const top = bytes.readUInt32LE(at + 4);
  const kind = hasKinds ? (kindOf(top >>> 24) ?? "not assigned") : undefined;
  const high = hasKinds ? top & 0xffffff : top;
  return { position: bytes.readUInt32LE(at) + high * 2 ** 32, kind, ...coverage };
}

function take(window: ByteWindow, bytes: number): Buffer {
  const taken = Buffer.from(window.bytes.subarray(window.at, window.at + bytes));
  window.skip(bytes);
  return taken;
}
