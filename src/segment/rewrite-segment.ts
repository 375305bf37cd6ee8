/**
 * Writing sealed segments anew, beside the old ones: several that follow each other become one, runs of
 * hidden data records become one redacted record each, and payloads are compressed if that is wanted.
 *
 * Invariants: every record that is read belongs where it is, and its hash is the one that the record after it
 * carries; nothing but hidden data records is left out; offsets, kinds, previous hashes and chain hashes are
 * those of the old segments. What does not hold ends it, and then nothing was replaced.
 *
 * Specification: docs/FORMAT.md, sections 4 and 9. Memory: a chunk, or one record where that is larger, and
 * the index.
 * @module
 */
import { forChunks, withFile } from "../disk/files.ts";
import { lastNumber } from "../segment-numbers.ts";
import { segmentName } from "../disk/names.ts";
import type { DiskFile } from "../disk/disk.ts";
import { refuseIfAborted } from "../aborted.ts";
import { StorageError } from "../error.ts";
import { sameHash } from "../format/chain.ts";
import { type Codec, compressed } from "../format/codec.ts";
import { expandedPayload, expansionFlaw } from "../format/expand.ts";
import { type SegmentInfo, withIndexWords } from "../format/manifest.ts";
import { misfit, placesOf } from "../format/misfit.ts";
import { OffsetIndex } from "../format/offset-index.ts";
import type { OffsetRange, OffsetRanges } from "../format/offset-ranges.ts";
import type { RecordFormat } from "../format/formats.ts";
import {
  chainHashAt,
  encodeInto,
  type Flaw,
  type Frame,
  payloadAt,
  prevHashAt,
  type Record,
  recordAt,
} from "../format/record.ts";
import { serializeRedactedPayload } from "../format/redaction.ts";
import type { Answer, Offset, RecordKind } from "../types.ts";
import { RecordScanner } from "./scan.ts";
import { SegmentCopy } from "./segment-copy.ts";
import type { StreamContext } from "./stream-context.ts";

/** What segments are written anew by. */
export interface Rewriting {
  /** The offsets that tombstones of the stream name, all of them durable. */
  readonly hidden: OffsetRanges;
  /** What compresses payloads; they stay as they are stored if nothing does, or where that saves nothing. */
  readonly codec: Codec | undefined;
  /** The chain hash that the record after them carries, if there is one. */
  readonly head: Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A segment that was written anew, durably, and is not yet in its place. */
export interface RewrittenSegment {
  /** Path of the file that it is in. */
  readonly path: string;
  readonly info: SegmentInfo;
  readonly index: OffsetIndex;
  /** The data records that it leaves out and the old one had. */
  readonly erased: readonly OffsetRange[];
}

/** Segments that follow each other. */
export type Segments = readonly [SegmentInfo, ...SegmentInfo[]];

/**
 * Writes segments anew, as one.
 *
 * @returns nothing if there is one and it would not differ; O(bytes) time, and nothing is written before the
 *   first difference
 * @throws StorageError the damage that is met, `io`; the reason of the signal
 */
export function rewriteSegments(
  context: StreamContext,
  segments: Segments,
  rewriting: Rewriting,
): Promise<RewrittenSegment | undefined> {
  return new Rewrite(context, segments, rewriting).run();
}

/** A segment that is being read. */
interface Source {
  readonly segment: SegmentInfo;
  readonly file: DiskFile;
  readonly path: string;
}

/** Consecutive records that become one. */
interface Run {
  readonly offset: number;
  readonly prevHash: Uint8Array;
  /** Where they begin in the old segment, and how many they are there. */
  readonly position: number;
  records: number;
  places: number;
  hash: Uint8Array;
}

class Rewrite {
  readonly #context: StreamContext;
  readonly #segments: Segments;
  readonly #rewriting: Rewriting;
  readonly #index = new OffsetIndex();
  readonly #erased: OffsetRange[] = [];
  #run: Run | undefined;
  /** Offset of the next record, and the chain hash before it. */
  #offset: number;
  #previous: Uint8Array | undefined;
  #copy: SegmentCopy | undefined;

  constructor(context: StreamContext, segments: Segments, rewriting: Rewriting) {
    this.#context = context;
    this.#segments = segments;
    this.#rewriting = rewriting;
    this.#offset = segments[0].firstOffset;
  }

  async run(): Promise<RewrittenSegment | undefined> {
    try {
      const info = await this.#writeAll();
      const copy = this.#copy;
      if (copy === undefined) return undefined;
      await copy.finish();
      const { end: bytes, words } = this.#index;
      return {
        path: copy.path,
        info: withIndexWords({ ...info, bytes }, words),
        index: this.#index,
        erased: this.#erased,
      };
    } catch (error) {
      await this.#copy?.abandon();
      throw error;
    }
  }

  /** @returns which segment it is then, its size apart */
  async #writeAll(): Promise<SegmentInfo> {
    const [first, ...others] = this.#segments;
    const last = others.at(-1) ?? first;
    const { nextOffset } = last;
    const info = others.length === 0 ? first : { ...first, last: lastNumber(last), nextOffset };
    if (others.length > 0) this.#copy = await SegmentCopy.begin(this.#context, info);
    for (const segment of this.#segments) {
      const path = `${this.#context.path}/${segmentName(segment)}`;
      await withFile(this.#context.disk, path, async (file) => {
        const position = await this.#walk({ segment, file, path });
        if (this.#offset !== segment.nextOffset) throw this.#error(INCOMPLETE, path, position);
        if (segment !== last) return;
        await this.#endRun();
        const { head } = this.#rewriting;
        if (head !== undefined && this.#previous !== undefined && !sameHash(head, this.#previous))
          throw this.#error(NOT_CARRIED, path, position);
      });
    }
    return info;
  }

  async #walk(source: Source): Promise<number> {
    const { format, chunkBytes } = this.#context;
    const { file, path, segment } = source;
    const scanner = new RecordScanner(format, file, path, 0, segment.bytes, chunkBytes, true);
    while (!scanner.done) {
      const found = scanner.next();
      if (found === undefined) {
        refuseIfAborted(this.#rewriting.signal);
        await scanner.fill();
        continue;
      }
      if (!found.ok) throw this.#error(found, source.path, scanner.position);
      // A promise for each record would take as long as all else.
      const taken = this.#take(source, scanner, found);
      if (taken !== undefined) await taken;
      scanner.accept(found);
    }
    return scanner.position;
  }

  /** Takes the record at which the scanner stands. */
  #take(source: Source, scanner: RecordScanner, found: Frame): Answer<void> {
    const { format } = this.#context;
    const { bytes, at, position } = scanner;
    const flaw = misfit(format, bytes, at, found, this.#offset, this.#previous);
    if (flaw !== undefined) throw this.#error(flaw, source.path, position);
    if (found.compression !== "none") return this.#takeExpanded(source, scanner, found);
    return this.#place(source, scanner, found, payloadAt(format, bytes, at, found.size));
  }

  async #takeExpanded(source: Source, scanner: RecordScanner, found: Frame): Promise<void> {
    const { format, codecs } = this.#context;
    const { bytes, at, position } = scanner;
    let payload: Uint8Array;
    try {
      payload = await expandedPayload(format, bytes, at, found, codecs);
    } catch (error) {
      throw this.#error(expansionFlaw(error), source.path, position);
    }
    await this.#place(source, scanner, found, payload);
  }

  /** Does with a record, of which the payload as it was appended is known, what is to be done with it. */
  #place(source: Source, scanner: RecordScanner, found: Frame, payload: Uint8Array): Answer<void> {
    const { format } = this.#context;
    const { bytes, at, position } = scanner;
    const { kind, size } = found;
    const offset = this.#offset;
    const hash = chainHashAt(format, bytes, at, kind, offset, payload);
    const places = placesOf(format, bytes, at, found);
    const isErased = kind === "data" && this.#rewriting.hidden.has(offset);
    const prevHash = this.#previous ?? prevHashAt(format, bytes, at);
    this.#offset += places;
    this.#previous = hash;
    if (isErased || kind === "redacted")
      return this.#extendRun(source, { offset, prevHash, position, places, hash }, isErased);
    const mayShrink = kind === "data" && this.#rewriting.codec !== undefined;
    if (mayShrink || this.#run !== undefined)
      return this.#endRunAndPut(source, position, recordAt(format, bytes, at, found), payload, hash);
    return this.#put(bytes.subarray(at, at + size), kind, hash, 1);
  }

  /** Notes that a record is to be one with those before it, if they are to be. */
  #extendRun(source: Source, record: Omit<Run, "records">, isErased: boolean): Answer<void> {
    const { offset, places, hash } = record;
    const run = (this.#run ??= {
      ...record,
      prevHash: Uint8Array.from(record.prevHash),
      records: 0,
      places: 0,
    });
    run.records += 1;
    run.places += places;
    run.hash = hash;
    if (isErased) this.#erase({ from: offset, to: offset + places });
    // Only now is it certain that the run is not the one redacted record that it was.
    if (isErased || run.records > 1) return this.#begin(source, run.position);
  }

  /** Notes what is erased, in as few ranges as can be. */
  #erase(range: OffsetRange): void {
    const last = this.#erased.at(-1);
    if (last?.to === range.from) this.#erased[this.#erased.length - 1] = { from: last.from, to: range.to };
    else this.#erased.push(range);
  }

  /** Adds a record that stays, or its payload compressed, behind what stands for the run before it. */
  async #endRunAndPut(
    source: Source,
    position: number,
    record: Record,
    payload: Uint8Array,
    hash: Uint8Array,
  ): Promise<void> {
    await this.#endRun();
    const smaller = await this.#smaller(record, payload);
    if (smaller !== record) await this.#begin(source, position);
    await this.#put(encoded(this.#context.format, smaller), record.kind, hash, 1);
  }

  /** Writes the redacted record that stands for the run, if there is one. */
  async #endRun(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    const { prevHash, places, hash } = run;
    const offset = BigInt(run.offset) as Offset;
    const payload = serializeRedactedPayload({ hash, count: BigInt(places) });
    const record = { offset, prevHash, kind: "redacted", compression: "none", payload } as const;
    await this.#put(encoded(this.#context.format, record), "redacted", hash, places);
    this.#run = undefined;
  }

  /** A data record with its payload compressed, if that is wanted and makes it smaller. */
  async #smaller(record: Record, payload: Uint8Array): Promise<Record> {
    const { codec } = this.#rewriting;
    if (codec === undefined || record.kind !== "data") return record;
    const { compression, bytes } = await compressed(codec, payload);
    return bytes.length < record.payload.length ? { ...record, compression, payload: bytes } : record;
  }

  /** Adds a record to the index, and to the new file if that was begun. */
  #put(bytes: Uint8Array, kind: RecordKind, hash: Uint8Array, places: number): Answer<void> {
    this.#index.push(kind, this.#index.end + bytes.length, hash, places);
    return this.#copy?.add(bytes);
  }

  /** Begins the new file of a segment alone, with what both have before this position of the old one. */
  #begin(source: Source, position: number): Answer<void> {
    if (this.#copy === undefined) return this.#beginCopy(source, position);
  }

  async #beginCopy({ segment, file, path }: Source, position: number): Promise<void> {
    const copy = await SegmentCopy.begin(this.#context, segment);
    this.#copy = copy;
    await forChunks(file, path, 0, position, (chunk) => copy.add(chunk));
  }

  #error({ code, sentence }: Pick<Flaw, "code" | "sentence">, file: string, position: number): StorageError {
    const { stream } = this.#context;
    const offset = BigInt(this.#offset) as Offset;
    return new StorageError(code, sentence, { stream, offset, file, position });
  }
}

/** A record's bytes. */
function encoded(format: RecordFormat, record: Record): Buffer {
  const bytes = Buffer.allocUnsafe(format.overheadBytes + record.payload.length);
  encodeInto(format, bytes, 0, record);
  return bytes;
}

const INCOMPLETE = {
  code: "truncated-log",
  sentence: "The segment ends before its last record. Restore it from a copy.",
} as const;
const NOT_CARRIED = {
  code: "broken-chain",
  sentence:
    "The record after the segment does not carry the hash of its last record. Compare it with a copy.",
} as const;
