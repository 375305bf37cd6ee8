/**
 * The segments of a stream that have a successor: what is known of each when the stream is opened.
 *
 * What the manifest says about a segment is believed if the segment's size and its index agree; otherwise the
 * segment is recovered. So the time to open depends on the segments that nothing confirms, not on the log.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { io, syncNames, withFile } from "../disk/files.ts";
import { indexLogName, indexName, kimberliteIndexName, pageName, segmentName } from "../disk/names.ts";
import { lastNumber, sameNumbers, type SegmentNumbers } from "../segment-numbers.ts";
import { ifReadable, isGone, isNoFile } from "../disk/obstacles.ts";
import { StorageError } from "../error.ts";
import { genesisHash } from "../format/chain.ts";
import { indexWordsOf, sameSegment, type SegmentInfo, withIndexWords } from "../format/manifest.ts";
import { invariant } from "../invariant.ts";
import { indexBytes, type OffsetIndex, savedPositionsBytes } from "../format/offset-index.ts";
import type { OffsetRange } from "../format/offset-ranges.ts";
import { offsetAt } from "../format/record.ts";
import { createIndexLog, removeIndexLog } from "../segment/active-segment.ts";
import { damagedHint, type Finding } from "../segment/finding.ts";
import { removeKimberliteIndexLog } from "../segment/kimberlite-index.ts";
import { type RecoveredSegment, recoverSegment } from "../segment/recover-segment.ts";
import { loadSealedIndex, saveSealedIndex } from "../segment/saved-index.ts";
import { RecordScanner } from "../segment/scan.ts";
import { filesOf, type StreamContext } from "../segment/stream-context.ts";
import type { Offset } from "../types.ts";
import { byNumber, isCovered } from "./believed-segments.ts";
import {
  fileNaming,
  offsetsIn,
  type PagedManifest,
  pagesMissing,
  placeWith,
  segmentWith,
} from "./manifest-files.ts";
import { MISSING_SEGMENT } from "./read.ts";
import { removeSegment } from "./replace-segment.ts";
import { redactedIn } from "./unnamed-redactions.ts";

/** What opening a stream has to go by, and where it tells what it found. */
export interface Evidence {
  readonly context: StreamContext;
  /** Names in the stream's directory; one that is found to be no segment's goes, one that is made comes. */
  readonly names: Set<string>;
  readonly manifest: PagedManifest | undefined;
  /** The segments that have a successor, there or not, in order. */
  readonly sealed: readonly SegmentNumbers[];
  /** Number of the last segment. */
  readonly last: number;
  /** Segments whose place another one takes: leftovers of compaction. */
  readonly replaced: readonly SegmentNumbers[];
  readonly findings: Finding[];
}

/**
 * A segment that was listed does not count: it is not there, or it is a merged one that is damaged while all
 * that it takes the place of is there. The stream is to be opened without it.
 */
export class DiscountedSegment extends Error {
  /** Its name in the stream's directory. */
  readonly file: string;

  constructor(file: string) {
    super(file);
    this.file = file;
  }
}

/** Why a segment whose name belongs to something else is missing. */
export const NO_FILE =
  "A segment's name belongs to something that is not a regular file. Restore the segment from a copy.";

export class SealedSegments {
  /** What is known of each, in order. */
  readonly list: SegmentInfo[] = [];
  /** Indexes of those that are damaged, by number: their index files stay. */
  readonly damaged: Map<number, OffsetIndex> = new Map<number, OffsetIndex>();
  /** What the redacted records stand for of those that were recovered. */
  readonly redacted: OffsetRange[] = [];
  /**
   * Names of files of the manifest that cannot be read, or say something else than segments and index files
   * do.
   */
  readonly wrongNames: Set<string> = new Set<string>();
  readonly #context: StreamContext;
  readonly #names: Set<string>;
  readonly #manifest: PagedManifest | undefined;
  readonly #due: readonly SegmentNumbers[];
  readonly #last: number;
  readonly #replaced: readonly SegmentNumbers[];
  readonly #findings: Finding[];
  /**
   * The head after each that was recovered, by its last number; `undefined` if it cannot be known. So none is
   * recovered twice.
   */
  readonly #heads = new Map<number, Uint8Array | undefined>();
  /** The index of the last of them, if its head was asked for and all of it was read. */
  #lastIndex: OffsetIndex | undefined;
  #isManifestStale = false;

  constructor({ context, names, manifest, sealed, last, replaced, findings }: Evidence) {
    this.#context = context;
    this.#names = names;
    this.#manifest = manifest;
    this.#due = sealed;
    this.#last = last;
    this.#replaced = replaced;
    this.#findings = findings;
    for (const { first, last: end } of manifest === undefined ? [] : pagesMissing(manifest))
      for (let page = first; page <= end; page += 1) this.wrongNames.add(pageName(page));
  }

  /** One more than the offset of the last record in them. */
  get nextOffset(): number {
    return this.list.at(-1)?.nextOffset ?? 0;
  }

  /** Whether the manifest said less than the segments do. */
  get isManifestStale(): boolean {
    return this.#isManifestStale;
  }

  /**
   * Adds all of them: what the manifest says if segment and index bear that out, else what the segment says.
   * @throws StorageError `io`
   */
  async addAll(): Promise<void> {
    for (const segment of this.#due) await this.#add(segment);
  }

  async #add(segment: SegmentNumbers): Promise<void> {
    const firstOffset = this.nextOffset;
    const entry = this.#entryOf(segment);
    const info = entry !== undefined && sameNumbers(entry, segment) ? entry : undefined;
    const name = segmentName(segment);
    if (!this.#names.has(name)) {
      await this.#addMissing(segment, firstOffset, info, MISSING_SEGMENT.sentence);
      return;
    }
    try {
      await this.#addFile(segment, firstOffset, info);
    } catch (error) {
      if (isGone(error, `${this.#context.path}/${name}`)) throw new DiscountedSegment(name);
      if (!isNoFile(error)) throw error;
      this.#names.delete(name);
      await this.#addMissing(segment, firstOffset, info, NO_FILE);
    }
  }

  /** What the manifest says of a sealed segment: the entry with its first number, which may be another's. */
  #entryOf({ number }: SegmentNumbers): SegmentInfo | undefined {
    const manifest = this.#manifest;
    return manifest === undefined || number >= manifest.activeSegment
      ? undefined
      : segmentWith(manifest, number);
  }

  /** A segment that has a successor and is not there. */
  async #addMissing(
    segment: SegmentNumbers,
    firstOffset: number,
    info: SegmentInfo | undefined,
    sentence: string,
  ): Promise<void> {
    this.#find("missing segment", "missing-segment", sentence, firstOffset, segment);
    const nextOffset =
      info?.nextOffset ?? (await this.#firstOffsetAfter(segment, firstOffset)) ?? firstOffset;
    const end = Math.max(firstOffset, nextOffset);
    this.#push({ ...segment, firstOffset, nextOffset: end, bytes: info?.bytes ?? 0 });
  }

  /** Notes what the redacted records of a segment that was recovered stand for. */
  noteRedacted({ index, firstOffset }: RecoveredSegment): void {
    for (const range of redactedIn(index, firstOffset)) this.redacted.push(range);
  }

  #push(info: SegmentInfo): void {
    const before = this.list.at(-1);
    const isNext = info.number === (before === undefined ? 0 : lastNumber(before) + 1);
    invariant(isNext, "Segments are added in the order of their numbers.");
    invariant(info.firstOffset === this.nextOffset, "A segment begins where the one before it ends.");
    invariant(info.nextOffset >= info.firstOffset, "A segment does not end before it begins.");
    this.list.push(info);
  }

  async #addFile(numbers: SegmentNumbers, firstOffset: number, info: SegmentInfo | undefined): Promise<void> {
    const name = segmentName(numbers);
    await this.#with(numbers, async (file) => {
      const bytes = await io("asking for a segment's size", { file: name }, () => file.size());
      if (info?.firstOffset === firstOffset && bytes === info.bytes && (await this.#isSettled(info))) {
        this.#push(info);
        return;
      }
      const found = this.#findings.length;
      const segment = await this.#recover(numbers, firstOffset, file, info);
      this.noteRedacted(segment);
      const settled = await this.#settled(segment, bytes, info);
      const isBehind = this.damaged.has(numbers.number) && isCovered(numbers, byNumber(this.#replaced));
      if (isBehind) throw new DiscountedSegment(name);
      this.#push(settled);
      this.#heads.set(lastNumber(numbers), headAfter(segment, settled));
      if (this.damaged.has(numbers.number) && info !== undefined && info.bytes !== bytes) {
        const sentence = `A sealed segment has ${bytes} bytes where the manifest says ${info.bytes}. Compare it with a copy.`;
        const offset = Math.min(segment.nextOffset, settled.nextOffset);
        this.#find("size differs", "truncated-log", sentence, offset, numbers, found);
      }
    });
  }

  /**
   * Whether a sealed segment's index is there, of the size that it has by the manifest, and nothing says that
   * recovery has to look.
   */
  async #isSettled(info: SegmentInfo): Promise<boolean> {
    const format = this.#context.format.name;
    if (this.#names.has(indexLogName(info, format))) return false;
    const words = indexWordsOf(info);
    const own = { name: indexName(info, format), bytes: indexBytes(words) };
    const theirs = { name: kimberliteIndexName(info), bytes: savedPositionsBytes(words) };
    const saved = format === "plain" || this.#names.has(own.name) ? own : theirs;
    if (!this.#names.has(saved.name)) return false;
    const file = `${this.#context.path}/${saved.name}`;
    const size = await ifReadable(this.#context.disk, file, (opened) =>
      io("asking for an index's size", { file }, () => opened.size()),
    );
    return size === saved.bytes && (info.indexWords === undefined || (await this.#endsAsSaid(info)));
  }

  /**
   * Whether a compacted segment ends where the manifest says: the size of its index does not tell how many
   * offsets it has. The record after it does, or else the index.
   */
  async #endsAsSaid(info: SegmentInfo): Promise<boolean> {
    const { firstOffset, nextOffset } = info;
    const next = await this.#firstOffsetAfter(info, firstOffset);
    if (next !== undefined) return next === nextOffset;
    const { places } = await loadSealedIndex(filesOf(this.#context), info);
    return places === nextOffset - firstOffset;
  }

  /**
   * What is known of a sealed segment once it was recovered. Where it and the manifest count differently its
   * index has the casting vote, or else the segment after it. Records that are missing at its end by that
   * count stay missing. So they do where no manifest says more, and the index names more than is there.
   */
  async #settled(
    segment: RecoveredSegment,
    bytes: number,
    info: SegmentInfo | undefined,
  ): Promise<SegmentInfo> {
    const { number, last, firstOffset, index } = segment;
    const isProven = isWhole(segment) && segment.proven === bytes && bytes > 0;
    const due = this.#manifest && offsetsIn(this.#manifest, segment)?.nextOffset;
    const found = segment.lostEnd === undefined ? segment.nextOffset : undefined;
    const said = info?.nextOffset ?? due ?? found;
    const nextOffset =
      isProven || said === segment.nextOffset
        ? segment.nextOffset
        : ((await this.#firstOffsetAfter(segment, firstOffset)) ?? Math.max(said ?? 0, segment.nextOffset));
    this.#isManifestStale ||= info === undefined;
    if (!isWhole(segment) || nextOffset !== segment.nextOffset) {
      this.damaged.set(number, index);
      return { number, last, firstOffset, nextOffset, bytes: Math.max(bytes, info?.bytes ?? 0) };
    }
    const ended = { number, last, firstOffset, nextOffset, bytes: index.end };
    const settled = withIndexWords(ended, index.words);
    const entry = this.#entryOf(segment);
    const isWrong = entry !== undefined && !sameSegment(entry, settled) && !this.#isReplacing(number);
    if (this.#manifest !== undefined && isWrong) this.wrongNames.add(fileNaming(this.#manifest, number));
    await this.#saveIndexOf(segment, info !== undefined);
    return settled;
  }

  /**
   * Saves the index of a whole segment that has been sealed before, if it is not there, and says that it was
   * not.
   */
  async #saveIndexOf(segment: RecoveredSegment, wasSealed: boolean): Promise<void> {
    const { number, index, hints } = segment;
    const name = indexName(segment, this.#context.format.name);
    const isComplete =
      this.#names.has(name) && !hints.rotten && hints.framed - hints.logEntries === index.count;
    if (wasSealed && isComplete) return;
    await this.#saveSealed(segment, index);
    const isOrdinary = this.#manifest?.format === undefined || this.#isReplacing(number);
    if (wasSealed && !hints.rotten && !isOrdinary) {
      const sentence = "The saved index of a sealed segment is missing, or lacks records; it is rebuilt.";
      this.#findings.push(damagedHint(this.#context, name, sentence));
    }
    this.#names.add(name);
  }

  /** Whether compaction was replacing a segment: then its size and its index may be other than expected. */
  #isReplacing(number: number): boolean {
    return this.#manifest?.replacing === number;
  }

  /** Chain hash of the last record before segment `number`. */
  async headBefore(number: number): Promise<Uint8Array | undefined> {
    if (number === 0) return genesisHash();
    const before = number - 1;
    if (this.#heads.has(before)) return this.#heads.get(before);
    const info = this.list.findLast((segment) => lastNumber(segment) === before);
    if (info === undefined || !this.#names.has(segmentName(info))) return undefined;
    const segment = await this.#with(info, (file) => this.#recover(info, info.firstOffset, file, info));
    if (!isWhole(segment)) this.damaged.set(info.number, segment.index);
    else if (segment.hints.rotten) await this.#saveIndexOf(segment, true);
    const head = headAfter(segment, info);
    this.#heads.set(before, head);
    if (number === this.#last && head !== undefined && isWhole(segment)) this.#lastIndex = segment.index;
    return head;
  }

  /**
   * Saves the index of the last of them, whatever index files are there, if all of it can be read. @throws
   * StorageError `io`
   */
  async saveLast(): Promise<void> {
    await this.headBefore(this.#last);
    const last = this.list.at(-1);
    if (last !== undefined && this.#lastIndex !== undefined) await this.#saveSealed(last, this.#lastIndex);
  }

  /** Saves the index of a segment that has a successor, whatever index files are there. */
  async #saveSealed(segment: SegmentNumbers, index: OffsetIndex): Promise<void> {
    const files = filesOf(this.#context);
    await saveSealedIndex(files, segment, index);
    await syncNames(files.disk, files.path);
    if (files.format === "sentinel") await removeKimberliteIndexLog(files, segment, this.#names);
  }

  #recover(
    segment: SegmentNumbers,
    firstOffset: number,
    file: DiskFile,
    recorded: SegmentInfo | undefined,
  ): Promise<RecoveredSegment> {
    const previousHead = (): Promise<Uint8Array | undefined> => this.headBefore(segment.number);
    const { number, last } = segment;
    return recoverSegment(
      this.#context,
      { number, last, firstOffset, previousHead, sealed: true, recorded },
      this.#names,
      file,
      this.#findings,
    );
  }

  /**
   * The offset that the first record after a segment says it has, unless it is before `firstOffset`,
   * where that segment begins: then it is a record of another segment, and says nothing about this one's end.
   */
  async #firstOffsetAfter(segment: SegmentNumbers, firstOffset: number): Promise<number | undefined> {
    const number = lastNumber(segment) + 1;
    const next = this.#due[placeWith(this.#due, number)] ?? { number };
    if (!this.#names.has(segmentName(next))) return undefined;
    const path = `${this.#context.path}/${segmentName(next)}`;
    return ifReadable(this.#context.disk, path, async (file) => {
      const size = await io("asking for a segment's size", { file: path }, () => file.size());
      const scanner = new RecordScanner(this.#context.format, file, path, 0, size, this.#context.chunkBytes);
      const found = await scanner.advance();
      const offset = found.ok ? Number(offsetAt(scanner.format, scanner.bytes, scanner.at)) : -1;
      return offset < firstOffset ? undefined : offset;
    });
  }

  /**
   * Write-ahead files of sealed segments that a crash kept from being removed: their entries are in the
   * `.idx`. Without one they stay; so do those of damaged segments, which make the next start look there
   * again. And what was merged into a segment, unless that is damaged.
   */
  async removeLeftovers(): Promise<void> {
    const files = filesOf(this.#context);
    for (const segment of this.list) {
      const names = [indexLogName(segment, files.format), indexName(segment, files.format)];
      if (this.damaged.has(segment.number) || !names.every((name) => this.#names.has(name))) continue;
      await removeIndexLog(files, segment);
    }
    for (const segment of this.#replaced) {
      const by = this.list[placeWith(this.list, segment.number)];
      if (by === undefined || this.damaged.has(by.number) || !this.#names.has(segmentName(by))) continue;
      await removeSegment(files, segment);
    }
  }

  /** Makes every start look at sealed segments that are damaged: there is a write-ahead file beside those. */
  async markDamaged(): Promise<void> {
    const files = filesOf(this.#context);
    for (const segment of this.list) {
      const isMarked = this.#names.has(indexLogName(segment, files.format));
      if (this.damaged.has(segment.number) && !isMarked) await createIndexLog(files, segment);
    }
  }

  #with<T>(segment: SegmentNumbers, use: (file: DiskFile) => T | Promise<T>): Promise<T> {
    const path = `${this.#context.path}/${segmentName(segment)}`;
    return withFile(this.#context.disk, path, async (file) => use(file));
  }

  #find(
    what: string,
    code: "missing-segment" | "truncated-log",
    sentence: string,
    offset: number,
    segment: SegmentNumbers,
    at = this.#findings.length,
  ): void {
    const error = new StorageError(code, sentence, {
      stream: this.#context.stream,
      offset: BigInt(offset) as Offset,
      file: `${this.#context.path}/${segmentName(segment)}`,
    });
    this.#findings.splice(at, 0, { what, action: "keep", error });
  }
}

/** Whether every record of a segment was read. */
function isWhole({ index, lostEnd }: RecoveredSegment): boolean {
  return !index.hasGaps && lostEnd === undefined;
}

/** Chain hash of a segment's last record, if the segment has all records that are due in it. */
function headAfter(
  { nextOffset, head, lostEnd }: RecoveredSegment,
  due: SegmentInfo,
): Uint8Array | undefined {
  return nextOffset === due.nextOffset && lostEnd === undefined ? head : undefined;
}
