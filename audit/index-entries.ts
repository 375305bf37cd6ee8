/**
 * Reading a saved index and its write-ahead file, this package's or Kimberlite's: what they name, and whether
 * they are whole.
 *
 * Nothing here is held against records. Memory: one chunk a file, or the largest frame.
 *
 * Layouts: docs/FORMAT.md, sections 5, 6 and 8.3.
 * @module
 */
import { crc32 } from "node:zlib";
import { ByteWindow } from "../src/disk/byte-window.ts";
import { forChunks } from "../src/disk/files.ts";
import { indexLogName, indexName, kimberliteIndexLogName, kimberliteIndexName } from "../src/disk/names.ts";
import type { SegmentNumbers } from "../src/segment-numbers.ts";
import { kindOf } from "../src/format/formats.ts";
import { type DiskFile, type Format, MAX_OFFSET, type RecordKind } from "../src/index.ts";
import type { AuditFinding } from "./report.ts";
import { readAt } from "./run.ts";

/**
 * What an entry says of one record; where it is the last of a frame or file, also where that record ends, and
 * its chain hash.
 */
export interface Entry {
  readonly position: number;
  readonly kind: RecordKind | "not assigned" | undefined;
  /** How many offsets the record has. */
  readonly places: number;
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

/** A saved index of Kimberlite's that ends before its last entry does. */
export interface TornIndex {
  readonly path: string;
  /** How many entries it was to have, how many are whole, and what there is of the next. */
  readonly count: number;
  readonly whole: number;
  readonly rest: Buffer;
}

type Entries = AsyncGenerator<Entry, void>;

/** One saved index with its write-ahead file; either may be missing. */
export class IndexReader {
  readonly isKimberlites: boolean;
  readonly hasLog: boolean;
  /** What is wrong with the files, as far as they were read. */
  readonly findings: AuditFinding[] = [];
  /** Farthest byte that was durable: below it, this package's files prove it. */
  watermark = 0;
  /** Farthest position of a record that is named; -1 if none is. */
  farthest = -1;
  /** Whether a file is not whole; then it is no wonder that they cover less. */
  isDamaged = false;
  /**
   * Whether entries before the next one are missing, so that its position alone tells which record it is of.
   */
  isUnaligned = false;
  torn: TornIndex | undefined;
  readonly #saved: OpenedFile | undefined;
  readonly #log: OpenedFile | undefined;
  readonly #chunkBytes: number;

  private constructor(
    saved: OpenedFile | undefined,
    log: OpenedFile | undefined,
    isKimberlites: boolean,
    chunkBytes: number,
  ) {
    this.#saved = saved;
    this.#log = log;
    this.hasLog = log !== undefined;
    this.isKimberlites = isKimberlites;
    this.#chunkBytes = chunkBytes;
  }

  /**
   * Readers of all index files that a segment can have: this package's, and in a stream of Kimberlite's
   * format that program's, too.
   */
  static async openAll(
    open: OpenNamed,
    segment: SegmentNumbers,
    format: Format,
    chunkBytes: number,
  ): Promise<IndexReader[]> {
    const own = new IndexReader(
      await open(indexName(segment, format)),
      await open(indexLogName(segment, format)),
      false,
      chunkBytes,
    );
    if (format === "plain") return [own];
    const theirs = new IndexReader(
      await open(kimberliteIndexName(segment)),
      await open(kimberliteIndexLogName(segment)),
      true,
      chunkBytes,
    );
    return [own, theirs];
  }

  /** Path of the saved index, or of the write-ahead file where that alone is there; nothing if none is. */
  get path(): string | undefined {
    return (this.#saved ?? this.#log)?.path;
  }

  /**
   * The entries in order. What else is known of the files is known once all were taken.
   * @throws StorageError `io`
   */
  async *entries(): Entries {
    let last = -1;
    if (this.#saved !== undefined) {
      const saved = this.isKimberlites ? this.#begunIndex(this.#saved) : this.#wholeIndex(this.#saved, 2);
      for await (const entry of saved) {
        last = entry.position;
        this.farthest = Math.max(this.farthest, last);
        yield entry;
      }
    }
    if (this.#log === undefined) return;
    this.isUnaligned = this.isDamaged;
    for await (const entry of this.isKimberlites ? this.#positions(this.#log) : this.#frames(this.#log)) {
      // A write-ahead file may repeat what the saved index has.
      if (entry.position <= last) continue;
      last = entry.position;
      this.farthest = Math.max(this.farthest, last);
      yield entry;
    }
  }

  /** Kimberlite writes its index over the old one, so a kill leaves the beginning of it. */
  async *#begunIndex(saved: OpenedFile): Entries {
    const { file, path, size } = saved;
    const header = await readAt({ file, path }, 0, Math.min(size, SAVED_HEADER_BYTES));
    const isBegun = header.subarray(0, 8).equals(KIMBERLITE_BEGIN.subarray(0, Math.min(8, size)));
    const count = header.length < SAVED_HEADER_BYTES ? 0 : Number(header.readBigUInt64LE(8));
    if (!isBegun || size >= SAVED_HEADER_BYTES + count * 8 + CRC_BYTES) {
      yield* this.#wholeIndex(saved, 1);
      return;
    }
    const whole = Math.min(count, Math.floor(Math.max(0, size - SAVED_HEADER_BYTES) / 8));
    const end = SAVED_HEADER_BYTES + whole * 8;
    const rest =
      whole === count ? Buffer.alloc(0) : await readAt({ file, path }, end, Math.max(0, size - end));
    this.torn = { path, count, whole, rest };
    this.isDamaged = true;
    const window = new ByteWindow(
      file,
      path,
      Math.min(size, SAVED_HEADER_BYTES),
      size,
      this.#chunkBytes,
      true,
    );
    yield* entriesIn(window, whole, false, undefined);
  }

  async *#wholeIndex({ file, path, size }: OpenedFile, version: 1 | 2): Entries {
    const tail = version === 1 ? 4 : 44;
    if (size < 16 + tail) {
      this.#damaged(path, "The index is shorter than an empty one.");
      return;
    }
    const window = new ByteWindow(file, path, 0, size, this.#chunkBytes, true);
    await window.fill(16);
    const header = take(window, 16);
    const count = (size - 16 - tail) / 8;
    if (header.readUInt32LE(0) !== MAGIC || header.readUInt32LE(4) !== version)
      this.#damaged(path, `The index does not begin like an index of version ${version}.`);
    else if (Number(header.readBigUInt64LE(8)) !== count)
      this.#damaged(path, "The index's number of entries does not match its size.");
    else if (!(await isSealed(file, path, 0, size)))
      this.#damaged(path, "The index's CRC-32 does not match its bytes.");
    else {
      const coverage =
        version === 2 ? coverageIn(await readAt({ file, path }, size - tail, COVERAGE_BYTES)) : undefined;
      if (!(yield* entriesIn(window, count, version === 2, coverage))) {
        this.#damaged(path, NO_SECOND_WORD);
        return;
      }
      if (coverage !== undefined) this.watermark = Math.max(this.watermark, coverage.end);
    }
  }

  async *#frames({ file, path, size }: OpenedFile): Entries {
    const window = new ByteWindow(file, path, 0, size, this.#chunkBytes, true);
    while (window.left > 0) {
      const start = window.position;
      if (window.held < FRAME_HEADER_BYTES) await window.fill(FRAME_HEADER_BYTES);
      const header = window.held < FRAME_HEADER_BYTES ? undefined : take(window, FRAME_HEADER_BYTES);
      const count = header?.readUInt32LE(0) ?? 0;
      const frameBytes = FRAME_HEADER_BYTES + count * 8 + CRC_BYTES;
      const isWhole = count > 0 && start + frameBytes <= size;
      if (header === undefined || !isWhole || !(await isSealed(file, path, start, frameBytes))) {
        this.isDamaged = true;
        this.findings.push({
          severity: isWhole && start + frameBytes < size ? "damage" : "notice",
          code: "damaged-index",
          file: path,
          position: start,
          end: size,
          sentence:
            "A frame of the index's write-ahead file is not whole, or its CRC-32 does not match; what follows is not read.",
          cause:
            "A crash tore the last frame, or its bytes were changed. Nothing is lost except proof of durability.",
        });
        return;
      }
      const coverage = coverageIn(header.subarray(4));
      const isWholly = yield* entriesIn(window, count, true, coverage);
      // Its checksum is right, so what it says was durable, whatever the words say.
      this.watermark = Math.max(this.watermark, coverage.end);
      if (!isWholly) {
        this.#damaged(path, NO_SECOND_WORD);
        return;
      }
      window.skip(CRC_BYTES);
    }
  }

  async *#positions({ file, path, size }: OpenedFile): Entries {
    const window = new ByteWindow(file, path, 0, size, this.#chunkBytes, true);
    yield* entriesIn(window, Math.floor(size / 8), false, undefined);
    if (size % 8 !== 0) {
      this.isDamaged = true;
      this.findings.push({
        severity: "notice",
        code: "damaged-index",
        file: path,
        position: size - (size % 8),
        end: size,
        sentence: "The index's write-ahead file ends inside an entry.",
        cause: "A crash tore it. Nothing is lost.",
      });
    }
  }

  #damaged(file: string, sentence: string): void {
    this.isDamaged = true;
    this.findings.push({
      severity: "damage",
      code: "damaged-index",
      file,
      sentence,
      cause: "It was changed, or a crash left half of it. No record depends on it; it can be rebuilt.",
    });
  }
}

const MAGIC = 0x49584456; // "VDXI"
const WORD_BYTES = 8;
/** How many offsets a stream can have. */
const OFFSETS_MAX = BigInt(MAX_OFFSET) + 1n;
const FRAME_HEADER_BYTES = 44;
const COVERAGE_BYTES = 40;
const CRC_BYTES = 4;
const SAVED_HEADER_BYTES = 16;
/** Magic, version and zeros (docs/FORMAT.md, section 8.3). */
const KIMBERLITE_BEGIN = Buffer.from([0x56, 0x44, 0x58, 0x49, 1, 0, 0, 0]);

const NO_SECOND_WORD =
  "An index entry of a redacted record does not say how many records that stands for, or says what cannot be.";

/**
 * How many offsets the records of a segment have that its index files name, whether or not the segment is
 * there.
 * @throws StorageError `io`, and what `open` throws
 */
export async function countNamed(
  open: OpenNamed,
  segment: SegmentNumbers,
  format: Format,
  chunkBytes: number,
): Promise<number> {
  let most = 0;
  for (const reader of await IndexReader.openAll(open, segment, format, chunkBytes)) {
    const entries = reader.entries();
    let count = 0;
    for await (const { places } of entries) count += places;
    most = Math.max(most, count);
  }
  return most;
}

interface Coverage {
  readonly end: number;
  readonly head: Buffer;
}

const coverageIn = (bytes: Buffer): Coverage => ({
  end: Number(bytes.readBigUInt64LE(0)),
  head: Buffer.from(bytes.subarray(8, COVERAGE_BYTES)),
});

/**
 * Whether the last four of so many bytes from `start` on are the CRC-32 of those before. Memory: one chunk,
 * however many bytes are claimed.
 */
async function isSealed(file: DiskFile, path: string, start: number, bytes: number): Promise<boolean> {
  let crc = 0;
  await forChunks(file, path, start, start + bytes - CRC_BYTES, (chunk) => {
    crc = crc32(chunk, crc);
  });
  const stored = await readAt({ file, path }, start + bytes - CRC_BYTES, CRC_BYTES);
  return stored.length === CRC_BYTES && stored.readUInt32LE(0) === crc;
}

/**
 * The entries that so many words are.
 * @returns whether the second word of every redacted record is there and says what it can
 */
async function* entriesIn(
  window: ByteWindow,
  words: number,
  hasKinds: boolean,
  coverage: Coverage | undefined,
): AsyncGenerator<Entry, boolean> {
  for (let left = words; left > 0;) {
    if (window.held < WORD_BYTES) await window.fill(WORD_BYTES);
    if (window.held < WORD_BYTES) return true;
    const entry = entryAt(window.bytes, window.at, hasKinds);
    window.skip(WORD_BYTES);
    left -= 1;
    let places: number | undefined = 1;
    if (entry.kind === "redacted") {
      places = left === 0 ? undefined : await placesIn(window);
      left -= 1;
    }
    if (places === undefined) return false;
    yield { ...entry, places, ...(left === 0 ? coverage : undefined) };
  }
  return true;
}

/** What the second word of a redacted record says, if it can; it is passed. */
async function placesIn(window: ByteWindow): Promise<number | undefined> {
  if (window.held < WORD_BYTES) await window.fill(WORD_BYTES);
  if (window.held < WORD_BYTES) return undefined;
  const places = window.bytes.readBigUInt64LE(window.at);
  window.skip(WORD_BYTES);
  return places > 0n && places <= OFFSETS_MAX ? Number(places) : undefined;
}

function entryAt(bytes: Buffer, at: number, hasKinds: boolean): Pick<Entry, "position" | "kind"> {
  const top = bytes.readUInt32LE(at + 4);
  const kind = hasKinds ? (kindOf(top >>> 24) ?? "not assigned") : undefined;
  const high = hasKinds ? top & 0xffffff : top;
  return { position: bytes.readUInt32LE(at) + high * 2 ** 32, kind };
}

function take(window: ByteWindow, bytes: number): Buffer {
  const taken = Buffer.from(window.bytes.subarray(window.at, window.at + bytes));
  window.skip(bytes);
  return taken;
}
