/**
 * Writing a sealed segment anew, beside the old one: runs of hidden data records become one redacted record
 * each, and payloads are compressed if that is wanted.
 *
 * Invariants: every record that is read belongs where it is, and its hash is the one that the record after it
 * carries; nothing but hidden data records is left out; offsets, kinds, previous hashes and chain hashes are
 * those of the old segment. What does not hold ends it, and then nothing was replaced.
 *
 * Specification: docs/FORMAT.md, sections 4 and 9. Memory: a chunk, or one record where that is larger, and
 * the index.
 * @module
 */
import { forChunks, segmentName, withFile } from "../disk/files.ts";
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
import { chainHashAt, type Flaw, type Frame, type Record, recordAt } from "../format/record.ts";
import { serializeRedactedPayload } from "../format/redaction.ts";
import type { Offset } from "../types.ts";
import { RecordScanner } from "./scan.ts";
import { SegmentCopy } from "./segment-copy.ts";
import type { StreamContext } from "./stream-context.ts";

/** What a segment is written anew by. */
export interface Rewriting {
  /** The offsets that tombstones of the stream name, all of them durable. */
  readonly hidden: OffsetRanges;
  /** What compresses payloads; they stay as they are stored if nothing does, or where that saves nothing. */
  readonly codec: Codec | undefined;
  /** The chain hash that the record after the segment carries, if there is one. */
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

/**
 * Writes a segment anew.
 *
 * @returns nothing if it would not differ; O(bytes) time, and nothing is written before the first difference
 * @throws StorageError the damage that is met, `io`; the reason of the signal
 */
export function rewriteSegment(
  context: StreamContext,
  segment: SegmentInfo,
  rewriting: Rewriting,
): Promise<RewrittenSegment | undefined> {
  const path = `${context.path}/${segmentName(segment.number)}`;
  return withFile(context.disk, path, (file) => new Rewrite(context, segment, rewriting, file, path).run());
}

/** Consecutive records that become one. */
interface Run {
  readonly offset: Offset;
  readonly prevHash: Uint8Array;
  /** Where they begin in the old segment, and how many they are there. */
  readonly position: number;
  records: number;
  places: number;
  hash: Uint8Array;
}

class Rewrite {
  readonly #context: StreamContext;
  readonly #segment: SegmentInfo;
  readonly #rewriting: Rewriting;
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #index = new OffsetIndex();
  readonly #erased: OffsetRange[] = [];
  #run: Run | undefined;
  /** Offset of the next record, and the chain hash before it. */
  #offset: number;
  #previous: Uint8Array | undefined;
  #copy: SegmentCopy | undefined;

  constructor(
    context: StreamContext,
    segment: SegmentInfo,
    rewriting: Rewriting,
    file: DiskFile,
    path: string,
  ) {
    this.#context = context;
    this.#segment = segment;
    this.#rewriting = rewriting;
    this.#file = file;
    this.#path = path;
    this.#offset = segment.firstOffset;
  }

  async run(): Promise<RewrittenSegment | undefined> {
    try {
      const position = await this.#walk();
      await this.#endRun();
      const { head } = this.#rewriting;
      const isWhole = this.#offset === this.#segment.nextOffset;
      if (!isWhole) throw this.#error(INCOMPLETE, position);
      if (head !== undefined && this.#previous !== undefined && !sameHash(head, this.#previous))
        throw this.#error(NOT_CARRIED, position);
      const copy = this.#copy;
      if (copy === undefined) return undefined;
      await copy.finish();
      const { end: bytes, words } = this.#index;
      return {
        path: copy.path,
        info: withIndexWords({ ...this.#segment, bytes }, words),
        index: this.#index,
        erased: this.#erased,
      };
    } catch (error) {
      await this.#copy?.abandon();
      throw error;
    }
  }

  async #walk(): Promise<number> {
    const { format, chunkBytes } = this.#context;
    const scanner = new RecordScanner(format, this.#file, this.#path, 0, this.#segment.bytes, chunkBytes);
    while (!scanner.done) {
      const found = scanner.next();
      if (found === undefined) {
        refuseIfAborted(this.#rewriting.signal);
        await scanner.fill();
        continue;
      }
      if (!found.ok) throw this.#error(found, scanner.position);
      await this.#take(scanner, found);
      scanner.accept(found);
    }
    return scanner.position;
  }

  /** Takes the record at which the scanner stands. */
  async #take({ bytes, at, position }: RecordScanner, found: Frame): Promise<void> {
    const { format, codecs } = this.#context;
    const flaw = misfit(format, bytes, at, found, this.#offset, this.#previous);
    if (flaw !== undefined) throw this.#error(flaw, position);
    let payload: Uint8Array;
    try {
      payload = await expandedPayload(format, bytes, at, found, codecs);
    } catch (error) {
      throw this.#error(expansionFlaw(error), position);
    }
    const hash = chainHashAt(format, bytes, at, found.kind, this.#offset, payload);
    const places = placesOf(format, bytes, at, found);
    const isErased = found.kind === "data" && this.#rewriting.hidden.has(this.#offset);
    const record = recordAt(format, bytes, at, found);
    if (isErased || found.kind === "redacted") {
      await this.#extendRun(record, position, places, hash, isErased);
    } else {
      await this.#endRun();
      const smaller = await this.#smaller(record, payload);
      if (smaller !== record) await this.#begin(position);
      await this.#put(smaller, hash, 1);
    }
    this.#offset += places;
    this.#previous = hash;
  }

  async #extendRun(
    { offset, prevHash }: Record,
    position: number,
    places: number,
    hash: Uint8Array,
    isErased: boolean,
  ): Promise<void> {
    this.#run ??= { offset, prevHash: Uint8Array.from(prevHash), position, records: 0, places: 0, hash };
    const run = this.#run;
    run.records += 1;
    run.places += places;
    run.hash = hash;
    if (isErased) this.#erase({ from: this.#offset, to: this.#offset + places });
    // Only now is it certain that the run is not the one redacted record that it was.
    if (isErased || run.records > 1) await this.#begin(run.position);
  }

  /** Notes what is erased, in as few ranges as can be. */
  #erase(range: OffsetRange): void {
    const last = this.#erased.at(-1);
    if (last?.to === range.from) this.#erased[this.#erased.length - 1] = { from: last.from, to: range.to };
    else this.#erased.push(range);
  }

  /** Writes the redacted record that stands for the run, if there is one. */
  async #endRun(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    const { offset, prevHash, places, hash } = run;
    const payload = serializeRedactedPayload({ hash, count: BigInt(places) });
    await this.#put({ offset, prevHash, kind: "redacted", compression: "none", payload }, hash, places);
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
  async #put(record: Record, hash: Uint8Array, places: number): Promise<void> {
    const size = this.#context.format.overheadBytes + record.payload.length;
    this.#index.push(record.kind, this.#index.end + size, hash, places);
    await this.#copy?.add(record, size);
  }

  /** Begins the new file, with what both have before this position of the old one. */
  async #begin(position: number): Promise<void> {
    if (this.#copy !== undefined) return;
    this.#copy = await SegmentCopy.begin(this.#context, this.#segment.number);
    await forChunks(this.#file, this.#path, 0, position, (chunk) => this.#copy?.addBytes(chunk));
  }

  #error({ code, sentence }: Pick<Flaw, "code" | "sentence">, position: number): StorageError {
    const { stream } = this.#context;
    const offset = BigInt(this.#offset) as Offset;
    return new StorageError(code, sentence, { stream, offset, file: this.#path, position });
  }
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
