/**
 * The segments of a stream that have a successor: what is known of each when the stream is opened.
 *
 * What the manifest says about a segment is believed if the segment's size and its index agree; otherwise the
 * segment is recovered. So the time to open depends on the segments that nothing confirms, not on the log.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import {
  indexLogName,
  indexName,
  io,
  kimberliteIndexName,
  pageName,
  segmentName,
  syncNames,
  withFile,
} from "../disk/files.ts";
import { ifReadable, isNoFile, removeIfFile } from "../disk/obstacles.ts";
import { StorageError } from "../error.ts";
import { genesisHash } from "../format/chain.ts";
import { indexWordsOf, sameSegment, type SegmentInfo, withIndexWords } from "../format/manifest.ts";
import { invariant } from "../invariant.ts";
import { indexBytes, type OffsetIndex, savedPositionsBytes } from "../format/offset-index.ts";
import type { OffsetRange } from "../format/offset-ranges.ts";
import { offsetAt } from "../format/record.ts";
import { createIndexLog } from "../segment/active-segment.ts";
import { damagedHint, type Finding } from "../segment/finding.ts";
import { removeKimberliteIndexLog } from "../segment/kimberlite-index.ts";
import { type RecoveredSegment, recoverSegment } from "../segment/recover-segment.ts";
import { loadSealedIndex, saveSealedIndex } from "../segment/saved-index.ts";
import { RecordScanner } from "../segment/scan.ts";
import { filesOf, type StreamContext } from "../segment/stream-context.ts";
import type { Offset } from "../types.ts";
import { fileNaming, type PagedManifest, pagesMissing, segmentIn } from "./manifest-files.ts";
import { redactedIn } from "./unnamed-redactions.ts";

/** What opening a stream has to go by, and where it tells what it found. */
export interface Evidence {
  readonly context: StreamContext;
  /** Names in the stream's directory; one that is found to be no segment's goes, one that is made comes. */
  readonly names: Set<string>;
  readonly manifest: PagedManifest | undefined;
  /** Number of the last segment. */
  readonly last: number;
  readonly findings: Finding[];
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
  readonly #last: number;
  readonly #findings: Finding[];
  /**
   * The head after each that was recovered, by number; `undefined` if it cannot be known. So none is
   * recovered twice.
   */
  readonly #heads = new Map<number, Uint8Array | undefined>();
  /** The index of the last of them, if its head was asked for and all of it was read. */
  #lastIndex: OffsetIndex | undefined;
  #isManifestStale = false;

  constructor({ context, names, manifest, last, findings }: Evidence) {
    this.#context = context;
    this.#names = names;
    this.#manifest = manifest;
    this.#last = last;
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
   * Adds the next one: what the manifest says if segment and index bear that out, else what the segment says.
   * @throws StorageError `io`
   */
  async add(number: number): Promise<void> {
    const firstOffset = this.nextOffset;
    const known = this.#manifest !== undefined && number < this.#manifest.activeSegment;
    const info = known ? segmentIn(this.#manifest, number) : undefined;
    const name = segmentName(number);
    if (!this.#names.has(name)) {
      await this.#addMissing(number, firstOffset, info, "A segment is missing. Restore it from a copy.");
      return;
    }
    try {
      await this.#addFile(number, firstOffset, info);
    } catch (error) {
      if (!isNoFile(error)) throw error;
      this.#names.delete(name);
      await this.#addMissing(number, firstOffset, info, NO_FILE);
    }
  }

  /** A segment that has a successor and is not there. */
  async #addMissing(
    number: number,
    firstOffset: number,
    info: SegmentInfo | undefined,
    sentence: string,
  ): Promise<void> {
    this.#find("missing segment", "missing-segment", sentence, firstOffset, number);
    const nextOffset = info?.nextOffset ?? (await this.#firstOffsetAfter(number, firstOffset)) ?? firstOffset;
    const end = Math.max(firstOffset, nextOffset);
    this.#push({ number, firstOffset, nextOffset: end, bytes: info?.bytes ?? 0 });
  }

  /** Notes what the redacted records of a segment that was recovered stand for. */
  noteRedacted({ index, firstOffset }: RecoveredSegment): void {
    for (const range of redactedIn(index, firstOffset)) this.redacted.push(range);
  }

  #push(info: SegmentInfo): void {
    invariant(info.number === this.list.length, "Segments are added in the order of their numbers.");
    invariant(info.firstOffset === this.nextOffset, "A segment begins where the one before it ends.");
    invariant(info.nextOffset >= info.firstOffset, "A segment does not end before it begins.");
    this.list.push(info);
  }

  async #addFile(number: number, firstOffset: number, info: SegmentInfo | undefined): Promise<void> {
    const name = segmentName(number);
    await this.#with(number, async (file) => {
      const bytes = await io("asking for a segment's size", { file: name }, () => file.size());
      if (info?.firstOffset === firstOffset && bytes === info.bytes && (await this.#isSettled(info))) {
        this.#push(info);
        return;
      }
      const found = this.#findings.length;
      const segment = await this.#recover(number, firstOffset, file, info);
      this.noteRedacted(segment);
      const settled = await this.#settled(segment, bytes, info);
      this.#push(settled);
      this.#heads.set(number, headAfter(segment, settled));
      if (this.damaged.has(number) && info !== undefined && info.bytes !== bytes) {
        const sentence = `A sealed segment has ${bytes} bytes where the manifest says ${info.bytes}. Compare it with a copy.`;
        const offset = Math.min(segment.nextOffset, settled.nextOffset);
        this.#find("size differs", "truncated-log", sentence, offset, number, found);
      }
    });
  }

  /**
   * Whether a sealed segment's index is there, of the size that it has by the manifest, and nothing says that
   * recovery has to look.
   */
  async #isSettled(info: SegmentInfo): Promise<boolean> {
    const { number } = info;
    const format = this.#context.format.name;
    if (this.#names.has(indexLogName(number, format))) return false;
    const words = indexWordsOf(info);
    const own = { name: indexName(number, format), bytes: indexBytes(words) };
    const theirs = { name: kimberliteIndexName(number), bytes: savedPositionsBytes(words) };
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
    const { number, firstOffset, nextOffset } = info;
    const next = await this.#firstOffsetAfter(number, firstOffset);
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
    const { number, firstOffset, index } = segment;
    const isProven = isWhole(segment) && segment.proven === bytes && bytes > 0;
    const said = info?.nextOffset ?? (segment.lostEnd === undefined ? segment.nextOffset : undefined);
    const nextOffset =
      isProven || said === segment.nextOffset
        ? segment.nextOffset
        : ((await this.#firstOffsetAfter(number, firstOffset)) ?? Math.max(said ?? 0, segment.nextOffset));
    this.#isManifestStale ||= info === undefined;
    if (!isWhole(segment) || nextOffset !== segment.nextOffset) {
      this.damaged.set(number, index);
      return { number, firstOffset, nextOffset, bytes: Math.max(bytes, info?.bytes ?? 0) };
    }
    const found = withIndexWords({ number, firstOffset, nextOffset, bytes: index.end }, index.words);
    const isWrong = info !== undefined && !sameSegment(info, found) && !this.#isReplacing(number);
    if (this.#manifest !== undefined && isWrong) this.wrongNames.add(fileNaming(this.#manifest, number));
    await this.#saveIndexOf(segment, info !== undefined);
    return found;
  }

  /**
   * Saves the index of a whole segment that has been sealed before, if it is not there, and says that it was
   * not.
   */
  async #saveIndexOf({ number, index, hints }: RecoveredSegment, wasSealed: boolean): Promise<void> {
    const name = indexName(number, this.#context.format.name);
    const isComplete =
      this.#names.has(name) && !hints.rotten && hints.framed - hints.logEntries === index.count;
    if (wasSealed && isComplete) return;
    await this.#saveSealed(number, index);
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
    const info = this.list[before];
    if (info === undefined || !this.#names.has(segmentName(before))) return undefined;
    const segment = await this.#with(before, (file) => this.#recover(before, info.firstOffset, file, info));
    if (!isWhole(segment)) this.damaged.set(before, segment.index);
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
    if (this.#lastIndex !== undefined) await this.#saveSealed(this.#last - 1, this.#lastIndex);
  }

  /** Saves the index of a segment that has a successor, whatever index files are there. */
  async #saveSealed(number: number, index: OffsetIndex): Promise<void> {
    const files = filesOf(this.#context);
    await saveSealedIndex(files, number, index);
    await syncNames(files.disk, files.path);
    if (files.format === "sentinel") await removeKimberliteIndexLog(files, number, this.#names);
  }

  #recover(
    number: number,
    firstOffset: number,
    file: DiskFile,
    recorded: SegmentInfo | undefined,
  ): Promise<RecoveredSegment> {
    const previousHead = (): Promise<Uint8Array | undefined> => this.headBefore(number);
    return recoverSegment(
      this.#context,
      { number, firstOffset, previousHead, sealed: true, recorded },
      this.#names,
      file,
      this.#findings,
    );
  }

  /**
   * The offset that the first record after segment `number` says it has, unless it is before `firstOffset`,
   * where that segment begins: then it is a record of another segment, and says nothing about this one's end.
   */
  async #firstOffsetAfter(number: number, firstOffset: number): Promise<number | undefined> {
    if (!this.#names.has(segmentName(number + 1))) return undefined;
    const path = `${this.#context.path}/${segmentName(number + 1)}`;
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
   * again.
   */
  async removeLeftovers(): Promise<void> {
    for (const { number } of this.list) {
      if (this.damaged.has(number)) continue;
      const format = this.#context.format.name;
      const name = indexLogName(number, format);
      if (!this.#names.has(name) || !this.#names.has(indexName(number, format))) continue;
      await removeIfFile(this.#context.disk, `${this.#context.path}/${name}`);
    }
  }

  /** Makes every start look at sealed segments that are damaged: there is a write-ahead file beside those. */
  async markDamaged(): Promise<void> {
    const files = filesOf(this.#context);
    for (const number of this.damaged.keys())
      if (!this.#names.has(indexLogName(number, files.format))) await createIndexLog(files, number);
  }

  #with<T>(number: number, use: (file: DiskFile) => T | Promise<T>): Promise<T> {
    const path = `${this.#context.path}/${segmentName(number)}`;
    return withFile(this.#context.disk, path, async (file) => use(file));
  }

  #find(
    what: string,
    code: "missing-segment" | "truncated-log",
    sentence: string,
    offset: number,
    number: number,
    at = this.#findings.length,
  ): void {
    const error = new StorageError(code, sentence, {
      stream: this.#context.stream,
      offset: BigInt(offset) as Offset,
      file: `${this.#context.path}/${segmentName(number)}`,
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
