/**
 * Opening a stream: which segments there are, where each begins, and where the stream ends.
 *
 * The segment files are the log; the manifest spares looking at all but the last, and bears witness to one that is missing.
 * Whatever a crash left half done (a rotation, a torn tail) is finished or undone here, so that what is opened is durable and
 * ready for appends. May itself crash at any point and be run again.
 * @module
 */
import {
  ActiveSegment,
  createIndexLog,
  createSegmentFiles,
  type IndexLogState,
  type IndexSettings,
} from "../segment/active-segment.ts";
import { genesisHash, genesisHead } from "../format/chain.ts";
import { detectFormat, formatOf } from "./detect-format.ts";
import type { DiskFile } from "../disk/disk.ts";
import { StorageError } from "../error.ts";
import type { RecordFormat } from "../format/formats.ts";
import {
  abandon,
  indexLogName,
  indexName,
  io,
  kimberliteIndexName,
  listIfThere,
  MANIFEST_NAME,
  pageName,
  segmentName,
  segmentNumber,
  syncNames,
  withFile,
} from "../disk/files.ts";
import {
  createFile,
  ifReadable,
  isFile,
  isNoFile,
  readHint,
  removeIfFile,
  updateHint,
} from "../disk/obstacles.ts";
import {
  type Manifest,
  manifestBytesMax,
  parseManifest,
  sameSegment,
  type SegmentInfo,
} from "../format/manifest.ts";
import {
  countNamed,
  fileNaming,
  ManifestFiles,
  type PagedManifest,
  pagesMissing,
  segmentIn,
  withPages,
} from "./manifest-files.ts";
import { OffsetIndex, indexBytes, savedPositionsBytes } from "../format/offset-index.ts";
import { OtherFormat, type RecoveredSegment, recoverSegment } from "../segment/recover-segment.ts";
import { damagedHint, type Finding } from "../segment/finding.ts";
import { removeKimberliteIndexLog } from "../segment/kimberlite-index.ts";
import { saveSealedIndex } from "../segment/saved-index.ts";
import { RecordScanner } from "../segment/scan.ts";
import {
  filesOf,
  type StreamContext,
  type StreamSurroundings,
  withFormat,
} from "../segment/stream-context.ts";
import { offsetAt } from "../format/record.ts";
import type { Format, Offset, StreamHead } from "../types.ts";

/** What of an open stream is known however it was found: its segments, where it ends, and what recovery found. */
interface Opened {
  readonly context: StreamContext;
  readonly manifest: ManifestFiles;
  /** Sealed segments, in order. */
  readonly sealed: SegmentInfo[];
  readonly end: StreamHead;
  readonly findings: readonly Finding[];
  /** Indexes of sealed segments that are damaged, by number: no file has them. */
  readonly indexes: Map<number, OffsetIndex>;
}

/** A stream that takes appends. */
export interface WholeStream extends Opened {
  readonly active: ActiveSegment;
  readonly lostEnd: undefined;
}

/** A stream whose end is lost. */
interface StreamWithoutEnd extends Opened {
  /** Missing if the last segment is. */
  readonly active: ActiveSegment | undefined;
  /** Why nothing can be appended, and why a read to the end cannot succeed. */
  readonly lostEnd: StorageError;
}

export type OpenStream = WholeStream | StreamWithoutEnd;

/** Opens a stream, or says that there is none: no directory, or one in which no segment was ever completed. */
export async function openStream(
  surroundings: StreamSurroundings,
  settings: IndexSettings & { readonly format: Format },
): Promise<OpenStream | undefined> {
  const listed = await listIfThere(surroundings.disk, surroundings.path);
  return listed === undefined ? undefined : openListed(surroundings, settings, listed);
}

/** Opens a stream of whose directory only these names count. */
async function openListed(
  surroundings: StreamSurroundings,
  settings: IndexSettings & { readonly format: Format },
  listed: readonly string[],
): Promise<OpenStream | undefined> {
  const names = new Set(listed);
  const there = listed.map(segmentNumber).filter((number) => number !== undefined);
  const bytes = names.has(MANIFEST_NAME)
    ? await readHint(
        surroundings.disk,
        `${surroundings.path}/${MANIFEST_NAME}`,
        manifestBytesMax(there.length),
      )
    : undefined;
  const parsed = bytes === undefined ? undefined : parseManifest(bytes);
  const opening = (format: RecordFormat, isHearsay: boolean): Promise<OpenStream | undefined> =>
    openAs(withFormat(surroundings, format, isHearsay), settings, listed, parsed);
  const format = await formatOf(surroundings, listed, settings.format, parsed);
  try {
    return await opening(format, format.name === parsed?.format);
  } catch (error) {
    if (!(error instanceof OtherFormat)) throw error;
    return opening(await detectFormat(surroundings, listed, format.name), false);
  }
}

/** Opens a stream whose format is known. @throws OtherFormat if that is hearsay and wrong */
async function openAs(
  context: StreamContext,
  settings: IndexSettings & { readonly format: Format },
  names: readonly string[],
  parsed: Manifest | undefined,
): Promise<OpenStream | undefined> {
  // Kimberlite has no streams of the format `plain`: there a manifest without the field is a damaged one.
  const isBelieved = (parsed?.format ?? "sentinel") === context.format.name;
  const there = names.map(segmentNumber).filter((number) => number !== undefined);
  const manifest =
    parsed !== undefined && isBelieved
      ? await withPages(context.disk, context.path, parsed, names, there.length)
      : undefined;
  const last = there.reduce((most, number) => Math.max(most, number), manifest?.activeSegment ?? -1);
  if (last < 0) return undefined;
  if (last + 1 > there.length + (manifest === undefined ? 0 : countNamed(manifest))) {
    throw new StorageError(
      "missing-segment",
      `Only ${there.length} of ${last + 1} segments are present. Restore the others from a copy.`,
      {
        stream: context.stream,
        file: context.path,
      },
    );
  }
  const opened = await new Opening(context, new Set(names), manifest, last).run(settings);
  if (opened !== undefined || manifest === undefined) return opened;
  return openListed(context, settings, await withoutStrays(context, names, manifest.activeSegment));
}

/**
 * The names without those that would be segments behind the last that the manifest knows, and are no files. A segment is named there before
 * anything is appended to it, so nothing was ever in what stands there instead.
 */
async function withoutStrays(
  { disk, path }: StreamSurroundings,
  names: readonly string[],
  activeSegment: number,
): Promise<string[]> {
  const kept: string[] = [];
  for (const name of names) {
    const isKnown = (segmentNumber(name) ?? -1) <= activeSegment;
    if (isKnown || (await isFile(disk, `${path}/${name}`))) kept.push(name);
  }
  return kept;
}

/** Creates a stream's directory, its first segment and its manifest, and makes all of them durable. */
export async function createStream(context: StreamContext, settings: IndexSettings): Promise<WholeStream> {
  await io("making a directory", { file: context.path }, () => context.disk.makeDirectory(context.path));
  await syncNames(context.disk, context.rootPath);
  const manifest = new ManifestFiles(filesOf(context));
  const active = await startSegment(context, manifest, [], { number: 0, firstOffset: 0 }, settings);
  return {
    context,
    manifest,
    sealed: [],
    active,
    end: genesisHead(),
    findings: [],
    indexes: new Map(),
    lostEnd: undefined,
  };
}

/**
 * Creates a segment and then the manifest that names it: in this order, so that a manifest never names a segment that is not there.
 *
 * @param sealed all that precede it, but for `full`, the last one, if that is only now to be sealed
 * @param before the last one, if it has been open
 */
export async function startSegment(
  context: StreamContext,
  manifest: ManifestFiles,
  sealed: readonly SegmentInfo[],
  { number, firstOffset, full = [] }: { number: number; firstOffset: number; full?: readonly SegmentInfo[] },
  settings: IndexSettings,
  before?: ActiveSegment,
): Promise<ActiveSegment> {
  const { file, indexLog } = await createSegmentFiles(filesOf(context), number);
  try {
    // Before anything is appended: a start looks at the segment before an empty one in any case, and at any other only if it is marked.
    await before?.markDamaged();
    await manifest.replace(sealed, ...full, emptySegment(number, firstOffset));
  } catch (error) {
    await abandon(file, indexLog);
    throw error;
  }
  return new ActiveSegment(
    filesOf(context),
    { number, firstOffset, index: new OffsetIndex(), file },
    { file: indexLog, isThere: true, state: { bytes: 0, entries: 0, framed: 0 }, settings },
  );
}

/** What the manifest says of the active segment. */
function emptySegment(number: number, firstOffset: number): SegmentInfo {
  return { number, firstOffset, nextOffset: firstOffset, bytes: 0 };
}

const NOTHING_FRAMED: IndexLogState = { bytes: 0, entries: 0, framed: 0 };

const GONE =
  "The manifest names a last segment that is missing, so the stream's end is not known. Restore it from a copy.";
const NO_FILE =
  "A segment's name belongs to something that is not a regular file. Restore the segment from a copy.";

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

class Opening {
  readonly #context: StreamContext;
  readonly #names: Set<string>;
  readonly #manifest: PagedManifest | undefined;
  readonly #manifestFiles: ManifestFiles;
  /** What the manifest says of the active segment, if it is one that Kimberlite wrote. */
  readonly #claimed: SegmentInfo | undefined;
  readonly #last: number;
  readonly #findings: Finding[] = [];
  readonly #sealed: SegmentInfo[] = [];
  /** The index of the segment before the last, if its head was asked for and all of it was read. */
  #before: OffsetIndex | undefined;
  /** The head after each sealed segment that was recovered, by number; `undefined` if it cannot be known. So none is recovered twice. */
  readonly #heads = new Map<number, Uint8Array | undefined>();
  /** Whether the manifest said less than the segments do. */
  #manifestStale = false;
  /** Names of files of the manifest that cannot be read, or say something else than segments and index files do. */
  readonly #wrongNames: Set<string>;
  /** Indexes of sealed segments that are damaged, by number: their index files stay. */
  readonly #damaged = new Map<number, OffsetIndex>();

  constructor(context: StreamContext, names: Set<string>, manifest: PagedManifest | undefined, last: number) {
    const isKimberlites = manifest !== undefined && manifest.format === undefined;
    this.#claimed = isKimberlites && manifest.activeSegment === last ? manifest.segments[last] : undefined;
    this.#context = context;
    this.#names = names;
    this.#manifest = manifest;
    this.#manifestFiles = new ManifestFiles(filesOf(context), manifest);
    this.#wrongNames = new Set();
    for (const { first, last: end } of manifest === undefined ? [] : pagesMissing(manifest))
      for (let page = first; page <= end; page += 1) this.#wrongNames.add(pageName(page));
    this.#last = last;
  }

  /** Nothing if the last segment is no file, and none that the manifest knows. */
  async run(settings: IndexSettings): Promise<OpenStream | undefined> {
    // A killed process may have left names that the kernel shows and the medium lacks; everything below builds on them.
    await syncNames(this.#context.disk, this.#context.rootPath);
    await syncNames(this.#context.disk, this.#context.path);
    await this.#createEmptySegment();
    for (let number = 0; number < this.#last; number += 1) await this.#sealedSegment(number);
    const firstOffset = this.#sealed.at(-1)?.nextOffset ?? 0;
    const active = await this.#activeSegment(firstOffset, () => this.#headBefore(this.#last), settings);
    if (active === undefined) return undefined;
    try {
      await this.#finish(active, firstOffset);
      return active;
    } catch (error) {
      await active.active?.abandon();
      throw error;
    }
  }

  /** Creates the last segment if Kimberlite has only named it, which it does when the one before is full. */
  async #createEmptySegment(): Promise<void> {
    const name = segmentName(this.#last);
    if (this.#claimed === undefined || this.#claimed.bytes > 0 || this.#names.has(name)) return;
    const { file, indexLog } = await createSegmentFiles(filesOf(this.#context), this.#last);
    await abandon(file, indexLog);
    this.#names.add(name).add(indexLogName(this.#last, this.#context.format.name));
  }

  /** Replaces a manifest that is missing or says less than the segments do, and clears up. */
  async #finish(active: OpenStream, firstOffset: number): Promise<void> {
    // Evidence of what is lost stays; so does what Kimberlite would read, as long as nothing can be appended.
    const takesAppends = active.active?.isFrozen === false && active.lostEnd === undefined;
    if (takesAppends) await active.active.settleKimberliteIndex(this.#names);
    const isAdopted = takesAppends && this.#claimed !== undefined;
    // As long as the end is lost, what names it stays as it is.
    const isWrong = this.#wrongNames.size > 0 && active.lostEnd === undefined;
    if (isAdopted) await this.#headBefore(this.#last);
    if (isAdopted && this.#before !== undefined) await this.#saveSealed(this.#last - 1, this.#before);
    await this.#markDamaged();
    if (this.#manifest !== undefined) this.#manifestFiles.keep(this.#manifest, this.#sealed);
    if (isAdopted || this.#manifestStale || isWrong || this.#manifest?.activeSegment !== this.#last) {
      await this.#manifestFiles.replace(this.#sealed, emptySegment(this.#last, firstOffset));
    }
    const hasContent = this.#last > 0 || active.end.nextOffset > 0n;
    if (this.#manifest === undefined && hasContent) this.#wrongNames.add(MANIFEST_NAME);
    for (const name of this.#wrongNames) {
      const what = name === MANIFEST_NAME ? "The manifest" : "A page of the manifest";
      const sentence = `${what} is missing, unreadable or not this stream's; it is rebuilt from the segments.`;
      this.#findings.push(damagedHint(this.#context, name, sentence));
    }
    if (active.lostEnd === undefined) await this.#removeLeftovers();
  }

  /** What is known of a segment that has a successor: from the manifest if segment and index bear that out, else from itself. */
  async #sealedSegment(number: number): Promise<void> {
    const firstOffset = this.#sealed.at(-1)?.nextOffset ?? 0;
    const known = this.#manifest !== undefined && number < this.#manifest.activeSegment;
    const info = known ? segmentIn(this.#manifest, number) : undefined;
    const name = segmentName(number);
    if (!this.#names.has(name)) {
      await this.#missing(number, firstOffset, info, "A segment is missing. Restore it from a copy.");
      return;
    }
    try {
      await this.#sealedFile(number, firstOffset, info);
    } catch (error) {
      if (!isNoFile(error)) throw error;
      this.#names.delete(name);
      await this.#missing(number, firstOffset, info, NO_FILE);
    }
  }

  /** A segment that has a successor and is not there. */
  async #missing(
    number: number,
    firstOffset: number,
    info: SegmentInfo | undefined,
    sentence: string,
  ): Promise<void> {
    this.#find("missing segment", "missing-segment", sentence, firstOffset, number);
    const nextOffset = info?.nextOffset ?? (await this.#firstOffsetBehind(number)) ?? firstOffset;
    const end = Math.max(firstOffset, nextOffset);
    this.#sealed.push({ number, firstOffset, nextOffset: end, bytes: info?.bytes ?? 0 });
  }

  async #sealedFile(number: number, firstOffset: number, info: SegmentInfo | undefined): Promise<void> {
    const name = segmentName(number);
    await this.#with(number, async (file) => {
      const bytes = await io("asking for a segment's size", { file: name }, () => file.size());
      if (info?.firstOffset === firstOffset && bytes === info.bytes && (await this.#isSettled(info))) {
        this.#sealed.push(info);
        return;
      }
      const found = this.#findings.length;
      const segment = await this.#recover(number, firstOffset, file, info);
      const settled = await this.#settled(segment, bytes, info);
      this.#sealed.push(settled);
      this.#heads.set(number, headAfter(segment, settled));
      if (this.#damaged.has(number) && info !== undefined && info.bytes !== bytes) {
        const sentence = `A sealed segment has ${bytes} bytes where the manifest says ${info.bytes}. Compare it with a copy.`;
        const offset = Math.min(segment.nextOffset, settled.nextOffset);
        this.#find("size differs", "truncated-log", sentence, offset, number, found);
      }
    });
  }

  /** Whether a sealed segment's index is there, of the size that it has by the manifest, and nothing says that recovery has to look. */
  async #isSettled({ number, firstOffset, nextOffset }: SegmentInfo): Promise<boolean> {
    const format = this.#context.format.name;
    if (this.#names.has(indexLogName(number, format))) return false;
    const count = nextOffset - firstOffset;
    const own = { name: indexName(number, format), bytes: indexBytes(count) };
    const theirs = { name: kimberliteIndexName(number), bytes: savedPositionsBytes(count) };
    const saved = format === "plain" || this.#names.has(own.name) ? own : theirs;
    if (!this.#names.has(saved.name)) return false;
    const file = `${this.#context.path}/${saved.name}`;
    const size = await ifReadable(this.#context.disk, file, (opened) =>
      io("asking for an index's size", { file }, () => opened.size()),
    );
    return size === saved.bytes;
  }

  /**
   * What is known of a sealed segment once it was recovered. Where it and the manifest count differently its index has the casting vote, or else the
   * segment behind; what is missing at its end by that stays missing. So it does where no manifest says more, and the index names more than is there.
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
        : ((await this.#firstOffsetBehind(number)) ?? Math.max(said ?? 0, segment.nextOffset));
    this.#manifestStale ||= info === undefined;
    if (!isWhole(segment) || nextOffset !== segment.nextOffset) {
      this.#damaged.set(number, index);
      return { number, firstOffset, nextOffset, bytes: Math.max(bytes, info?.bytes ?? 0) };
    }
    const found = { number, firstOffset, nextOffset, bytes: index.end };
    const isWrong = info !== undefined && !sameSegment(info, found);
    if (this.#manifest !== undefined && isWrong) this.#wrongNames.add(fileNaming(this.#manifest, number));
    await this.#saveIndexOf(segment, info !== undefined);
    return found;
  }

  /** Saves the index of a whole segment that has been sealed before, if it is not there, and says that it was not. */
  async #saveIndexOf({ number, index, hints }: RecoveredSegment, wasSealed: boolean): Promise<void> {
    const name = indexName(number, this.#context.format.name);
    const isComplete =
      this.#names.has(name) && !hints.rotten && hints.framed - hints.logEntries === index.count;
    if (wasSealed && isComplete) return;
    await this.#saveSealed(number, index);
    if (wasSealed && !hints.rotten && this.#manifest?.format !== undefined) {
      const sentence = "The saved index of a sealed segment is missing, or lacks records; it is rebuilt.";
      this.#findings.push(damagedHint(this.#context, name, sentence));
    }
    this.#names.add(name);
  }

  async #activeSegment(
    firstOffset: number,
    previousHead: () => Promise<Uint8Array | undefined>,
    settings: IndexSettings,
  ): Promise<OpenStream | undefined> {
    const { disk, path } = this.#context;
    const number = this.#last;
    const segmentPath = `${path}/${segmentName(number)}`;
    if (!this.#names.has(segmentName(number))) return this.#withoutEnd(firstOffset, previousHead, GONE);
    let file: DiskFile;
    try {
      file = await io("opening a segment", { file: segmentPath }, () => disk.open(segmentPath, "update"));
    } catch (error) {
      if (!isNoFile(error)) throw error;
      if (this.#manifest !== undefined && number > this.#manifest.activeSegment) return undefined;
      return this.#withoutEnd(firstOffset, previousHead, NO_FILE);
    }
    let indexLog: DiskFile | undefined;
    try {
      const place = { number, firstOffset, previousHead, sealed: false, claimed: this.#claimed };
      const segment = await recoverSegment(this.#context, place, this.#names, file, this.#findings);
      let state: IndexLogState;
      ({ file: indexLog, state } = await this.#openIndexLog(segment));
      const active = new ActiveSegment(
        filesOf(this.#context),
        { number, firstOffset, index: segment.index, file },
        { file: indexLog, isThere: segment.hints.hasLog, state, settings },
      );
      await active.settle(segment.proven, segment.hints);
      const { head, nextOffset } = segment;
      const lostEnd =
        segment.lostEnd ?? (head === undefined ? this.#unknownHead(segmentPath, firstOffset) : undefined);
      const end = { nextOffset: BigInt(nextOffset) as Offset, head: head ?? genesisHash() };
      return {
        context: this.#context,
        manifest: this.#manifestFiles,
        sealed: this.#sealed,
        active,
        end,
        findings: this.#findings,
        indexes: this.#damaged,
        lostEnd,
      };
    } catch (error) {
      await abandon(indexLog, file);
      throw error;
    }
  }

  /** The stream without its last segment. */
  async #withoutEnd(
    firstOffset: number,
    previousHead: () => Promise<Uint8Array | undefined>,
    sentence: string,
  ): Promise<OpenStream> {
    const { path, stream } = this.#context;
    const lostEnd = new StorageError("missing-segment", sentence, {
      stream,
      offset: BigInt(firstOffset) as Offset,
      file: `${path}/${segmentName(this.#last)}`,
    });
    this.#findings.push({ what: "missing segment", action: "keep", error: lostEnd });
    const end = { nextOffset: BigInt(firstOffset) as Offset, head: (await previousHead()) ?? genesisHash() };
    return {
      context: this.#context,
      manifest: this.#manifestFiles,
      sealed: this.#sealed,
      active: undefined,
      end,
      findings: this.#findings,
      indexes: this.#damaged,
      lostEnd,
    };
  }

  /** The write-ahead file of the active segment, created if it is missing; nothing where it has to stay as it is. */
  async #openIndexLog(
    segment: RecoveredSegment,
  ): Promise<{ file: DiskFile | undefined; state: IndexLogState }> {
    const { disk, path } = this.#context;
    const name = indexLogName(segment.number, this.#context.format.name);
    const { hasLog } = segment.hints;
    if (
      !hasLog &&
      this.#claimed === undefined &&
      (segment.nextOffset > segment.firstOffset || segment.lostEnd !== undefined)
    ) {
      const sentence =
        "The index write-ahead file of a segment with records is missing; its watermark was unknown.";
      this.#findings.push(damagedHint(this.#context, name, sentence));
    }
    if (segment.frozen) return { file: undefined, state: NOTHING_FRAMED };
    const logPath = `${path}/${name}`;
    const there = hasLog ? await updateHint(disk, logPath) : undefined;
    if (there !== undefined) {
      const { logBytes: bytes, logEntries: entries, framed } = segment.hints;
      return { file: there, state: { bytes, entries, framed } };
    }
    const file = await createFile(disk, logPath);
    try {
      await syncNames(disk, path);
      return { file, state: NOTHING_FRAMED };
    } catch (error) {
      await abandon(file);
      throw error;
    }
  }

  /** Chain hash of the last record before segment `number`. */
  async #headBefore(number: number): Promise<Uint8Array | undefined> {
    if (number === 0) return genesisHash();
    const before = number - 1;
    if (this.#heads.has(before)) return this.#heads.get(before);
    const info = this.#sealed[before];
    if (info === undefined || !this.#names.has(segmentName(before))) return undefined;
    const segment = await this.#with(before, (file) => this.#recover(before, info.firstOffset, file, info));
    if (!isWhole(segment)) this.#damaged.set(before, segment.index);
    else if (segment.hints.rotten) await this.#saveIndexOf(segment, true);
    const head = headAfter(segment, info);
    this.#heads.set(before, head);
    if (number === this.#last && head !== undefined && isWhole(segment)) this.#before = segment.index;
    return head;
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
    const previousHead = (): Promise<Uint8Array | undefined> => this.#headBefore(number);
    return recoverSegment(
      this.#context,
      { number, firstOffset, previousHead, sealed: true, recorded },
      this.#names,
      file,
      this.#findings,
    );
  }

  /** The offset that the first record behind a missing segment says it has. */
  async #firstOffsetBehind(number: number): Promise<number | undefined> {
    if (!this.#names.has(segmentName(number + 1))) return undefined;
    const path = `${this.#context.path}/${segmentName(number + 1)}`;
    return ifReadable(this.#context.disk, path, async (file) => {
      const size = await io("asking for a segment's size", { file: path }, () => file.size());
      const scanner = new RecordScanner(this.#context.format, file, path, 0, size, this.#context.chunkBytes);
      const found = await scanner.advance();
      return found.ok ? Number(offsetAt(scanner.format, scanner.bytes, scanner.at)) : undefined;
    });
  }

  /**
   * Write-ahead files of sealed segments that a crash kept from being removed: their entries are in the `.idx`. Without one they stay; so do
   * those of damaged segments, which make the next start look there again.
   */
  async #removeLeftovers(): Promise<void> {
    for (const { number } of this.#sealed) {
      if (this.#damaged.has(number)) continue;
      const format = this.#context.format.name;
      const name = indexLogName(number, format);
      if (!this.#names.has(name) || !this.#names.has(indexName(number, format))) continue;
      await removeIfFile(this.#context.disk, `${this.#context.path}/${name}`);
    }
  }

  /** Makes every start look at sealed segments that are damaged: there is a write-ahead file beside those. */
  async #markDamaged(): Promise<void> {
    const files = filesOf(this.#context);
    for (const number of this.#damaged.keys())
      if (!this.#names.has(indexLogName(number, files.format))) await createIndexLog(files, number);
  }

  #with<T>(number: number, use: (file: DiskFile) => T | Promise<T>): Promise<T> {
    const path = `${this.#context.path}/${segmentName(number)}`;
    return withFile(this.#context.disk, path, async (file) => use(file));
  }

  #unknownHead(file: string, offset: number): StorageError {
    return new StorageError(
      "missing-segment",
      "The chain hash before this segment is lost with the segment before it.",
      {
        stream: this.#context.stream,
        offset: BigInt(offset) as Offset,
        file,
      },
    );
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
