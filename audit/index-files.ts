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

/** What an entry says of one record; where it is the last of a frame or file, also where that record ends, and its chain hash. */
interface Entry {
  readonly position: number;
  readonly kind: RecordKind | undefined;
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

/** Watches a segment being read, with its index files open. */
export class IndexWatch {
  readonly #pairs: Pair[] = [];
  readonly #findings: Finding[] = [];
  /** Offset of the segment's first record. */
  #firstOffset: number | undefined;
  /** Farthest byte that this package's index files name: below it, everything was durable. */
  #watermark = 0;

  private constructor() {
    // It is made by `open`, which has to wait.
  }

  /**
   * Opens the index files of a segment: before the segment's size is looked at, for a writer names a record only after it was written.
   *
   * @throws what the disk throws
   */
  static async open(
    open: OpenNamed,
    segment: number,
    format: Format,
    chunkBytes: number,
  ): Promise<IndexWatch> {
    const watch = new IndexWatch();
    const own = {
      saved: indexName(segment, format),
      log: indexLogName(segment, format),
      isKimberlites: false,
    };
    const theirs = {
      saved: kimberliteIndexName(segment),
      log: kimberliteIndexLogName(segment),
      isKimberlites: true,
    };
    for (const { saved, log, isKimberlites } of format === "plain" ? [own] : [own, theirs]) {
      const files = [await open(saved), await open(log)] as const;
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
    this.#firstOffset ??= seen.offset;
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
      if (wrong && !pair.disagreed) {
        pair.disagreed = true;
        this.#findings.push({
          severity: pair.isKimberlites ? "notice" : "damage",
          code: "wrong-index",
          file: pair.path,
          offset: seen.offset,
          sentence: `The index says another place, kind or hash of the record at offset ${seen.offset}, which is at byte ${seen.position} of its segment.`,
          cause: pair.isKimberlites
            ? "Kimberlite leaves such an index when it goes on after a crash; reads through it fail there."
            : "The index or the segment was replaced, or both were changed.",
        });
      }
      pair.next = await step(pair);
    }
  }

  /**
   * Says what is left once the segment was read.
   *
   * @param firstOffset offset of its first record, as far as that is known without having read it
   * @param nextOffset one more than the offset of its last record
   * @param isSealed whether a later segment exists, so that its index must be whole
   */
  async finish(firstOffset: number, nextOffset: number, isSealed: boolean): Promise<Finding[]> {
    const first = this.#firstOffset ?? firstOffset;
    const records = nextOffset - first;
    for (const pair of this.#pairs) {
      let beyond = 0;
      while (pair.next !== undefined) {
        if (pair.covered >= records) beyond += 1;
        pair.next = await step(pair);
      }
      if (beyond > 0) {
        this.#findings.push({
          severity: "damage",
          code: "truncated-log",
          file: pair.path,
          offset: nextOffset,
          sentence: `The index names ${first + records + beyond} offsets, and the segment can be read up to ${nextOffset}.`,
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
    const refuse = (sentence: string): void => {
      this.#damaged(path, sentence);
    };
    if (size < 16 + tail) {
      refuse("The index is shorter than an empty one.");
      return;
    }
    let crc = 0;
    let stored = 0;
    await forChunks(file, path, 0, size, (chunk, at) => {
      const covered = Math.max(0, Math.min(chunk.length, size - 4 - at));
      crc = crc32(chunk.subarray(0, covered), crc);
      for (let i = covered; i < chunk.length; i += 1)
        stored += (chunk[i] ?? 0) * 256 ** (at + i - (size - 4));
    });
    const window = new ByteWindow(file, path, 0, size, chunkBytes, true);
    await window.fill(16);
    const header = take(window, 16);
    if (crc !== stored) refuse("The index's CRC-32 does not match its bytes.");
    else if (header.readUInt32LE(0) !== MAGIC || header.readUInt32LE(4) !== version)
      refuse(`The index does not begin as one of version ${version} does.`);
    else if (Number(header.readBigUInt64LE(8)) !== (size - 16 - tail) / 8)
      refuse("The index's count does not fit its size.");
    else {
      const coverage = version === 2 ? await coverageAt(file, size - tail) : undefined;
      yield* entriesIn(window, (size - 16 - tail) / 8, version === 2, coverage);
      if (coverage !== undefined) this.#watermark = Math.max(this.#watermark, coverage.end);
    }
  }

  async *#frames({ file, path, size }: OpenedFile, chunkBytes: number): Entries {
    const window = new ByteWindow(file, path, 0, size, chunkBytes, true);
    while (window.left > 0) {
      const start = window.position;
      if (window.held < FRAME_HEADER_BYTES) await window.fill(FRAME_HEADER_BYTES);
      const count = window.held < FRAME_HEADER_BYTES ? 0 : window.bytes.readUInt32LE(window.at);
      const frameBytes = FRAME_HEADER_BYTES + count * 8 + 4;
      const isWhole = count > 0 && frameBytes <= window.left;
      if (isWhole && window.held < frameBytes) await window.fill(frameBytes);
      const bytes = window.bytes.subarray(window.at, window.at + frameBytes);
      const crcAt = frameBytes - 4;
      if (
        !isWhole ||
        bytes.length < frameBytes ||
        crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32LE(crcAt)
      ) {
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
      const coverage = { end: Number(bytes.readBigUInt64LE(4)), head: Buffer.from(bytes.subarray(12, 44)) };
      for (let i = 0; i < count; i += 1) {
        yield entryAt(bytes, FRAME_HEADER_BYTES + i * 8, true, i + 1 === count ? coverage : undefined);
      }
      this.#watermark = Math.max(this.#watermark, coverage.end);
      window.skip(frameBytes);
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

const MAGIC = 0x49584456; // "VDXI"
const FRAME_HEADER_BYTES = 44;

async function step(pair: Pair): Promise<Entry | undefined> {
  if (pair.next !== undefined) pair.covered += 1;
  const { value, done } = await pair.entries.next();
  return done === true ? undefined : value;
}

interface Coverage {
  readonly end: number;
  readonly head: Buffer;
}

async function coverageAt(file: DiskFile, position: number): Promise<Coverage> {
  const bytes = Buffer.alloc(40);
  await file.read(bytes, position);
  return { end: Number(bytes.readBigUInt64LE(0)), head: bytes.subarray(8) };
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
  const kind = hasKinds ? kindOf(top >>> 24) : undefined;
  const high = hasKinds ? top & 0xffffff : top;
  return { position: bytes.readUInt32LE(at) + high * 2 ** 32, kind, ...coverage };
}

function take(window: ByteWindow, bytes: number): Buffer {
  const taken = Buffer.from(window.bytes.subarray(window.at, window.at + bytes));
  window.skip(bytes);
  return taken;
}
