/**
 * Opening a stream whose format and segments are known: its sealed segments, then the one that appends go to,
 * then what a crash left half done.
 *
 * May itself crash at any point and be run again: what names something is replaced only after what it names
 * is durable.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { abandon, io, syncNames } from "../disk/files.ts";
import { indexLogName, isUnfinishedSegment, MANIFEST_NAME, segmentName } from "../disk/names.ts";
import { createFile, isGone, isNoFile, removeIfFile, updateHint } from "../disk/obstacles.ts";
import { StorageError } from "../error.ts";
import { genesisHash } from "../format/chain.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import {
  ActiveSegment,
  createSegmentFiles,
  type IndexLogState,
  type IndexSettings,
} from "../segment/active-segment.ts";
import { damagedHint, type Finding } from "../segment/finding.ts";
import { type RecoveredSegment, recoverSegment } from "../segment/recover-segment.ts";
import { filesOf, type StreamContext } from "../segment/stream-context.ts";
import type { Offset, StreamHead } from "../types.ts";
import { ManifestFiles, type PagedManifest } from "./manifest-files.ts";
import type { OpenStream } from "./opened-stream.ts";
import { DiscountedSegment, type Evidence, NO_FILE, SealedSegments } from "./sealed-segments.ts";
import { emptySegment } from "./start-segment.ts";

const NOTHING_FRAMED: IndexLogState = { bytes: 0, entries: 0, framed: 0 };

const GONE_UNNAMED =
  "A segment that was merged is not the last one, but none is there after it, so the stream's end is not known. Restore it from a copy.";
const GONE =
  "The manifest names a last segment that is missing, so the stream's end is not known. Restore it from a copy.";
/**
 * Opens a stream.
 *
 * @returns nothing if the last segment is no file, and none that the manifest knows
 * @throws StorageError `io`; OtherFormat
 */
export function openSegments(evidence: Evidence, settings: IndexSettings): Promise<OpenStream | undefined> {
  return new Opening(evidence).run(settings);
}

class Opening {
  readonly #context: StreamContext;
  readonly #names: Set<string>;
  readonly #manifest: PagedManifest | undefined;
  readonly #manifestFiles: ManifestFiles;
  /** What the manifest says of the active segment, if it is one that Kimberlite wrote. */
  readonly #claimed: SegmentInfo | undefined;
  readonly #last: number;
  readonly #findings: Finding[];
  readonly #sealed: SealedSegments;

  constructor(evidence: Evidence) {
    const { context, names, manifest, last, findings } = evidence;
    const isKimberlites = manifest !== undefined && manifest.format === undefined;
    this.#claimed = isKimberlites && manifest.activeSegment === last ? manifest.segments.at(-1) : undefined;
    this.#context = context;
    this.#names = names;
    this.#manifest = manifest;
    this.#manifestFiles = new ManifestFiles(filesOf(context), manifest);
    this.#last = last;
    this.#findings = findings;
    this.#sealed = new SealedSegments(evidence);
  }

  async run(settings: IndexSettings): Promise<OpenStream | undefined> {
    // A killed process may have left names that the kernel shows and the medium lacks; everything below
    // builds on them.
    await syncNames(this.#context.disk, this.#context.rootPath);
    await syncNames(this.#context.disk, this.#context.path);
    await this.#createEmptySegment();
    await this.#sealed.addAll();
    const opened = await this.#openLast(settings);
    if (opened === undefined) return undefined;
    try {
      await this.#finish(opened);
      return opened;
    } catch (error) {
      await opened.active?.abandon();
      throw error;
    }
  }

  /** Creates the last segment if Kimberlite has only named it, which it does when the one before is full. */
  async #createEmptySegment(): Promise<void> {
    const name = segmentName({ number: this.#last });
    if (this.#claimed === undefined || this.#claimed.bytes > 0 || this.#names.has(name)) return;
    const { file, indexLog } = await createSegmentFiles(filesOf(this.#context), this.#last);
    await abandon(file, indexLog);
    this.#names.add(name).add(indexLogName({ number: this.#last }, this.#context.format.name));
  }

  /** Replaces a manifest that is missing or says less than the segments do, and clears up. */
  async #finish({ active, end, lostEnd }: OpenStream): Promise<void> {
    const sealed = this.#sealed;
    // Evidence of what is lost stays; so does what Kimberlite would read, as long as nothing can be appended.
    const takesAppends = active?.isFrozen === false && lostEnd === undefined;
    if (takesAppends) await active.settleKimberliteIndex(this.#names);
    const isAdopted = takesAppends && this.#claimed !== undefined;
    // As long as the end is lost, what names it stays as it is.
    const isReplacing = this.#manifest?.replacing !== undefined;
    const isWrong = (sealed.wrongNames.size > 0 || isReplacing) && lostEnd === undefined;
    if (isAdopted) await sealed.saveLast();
    await sealed.markDamaged();
    if (this.#manifest !== undefined) this.#manifestFiles.keep(this.#manifest, sealed.list);
    const isBehind = this.#manifest?.activeSegment !== this.#last;
    if (isAdopted || sealed.isManifestStale || isWrong || isBehind) {
      await this.#manifestFiles.replace(sealed.list, emptySegment(this.#last, sealed.nextOffset));
    }
    const hasContent = this.#last > 0 || end.nextOffset > 0n;
    if (this.#manifest === undefined && hasContent) sealed.wrongNames.add(MANIFEST_NAME);
    for (const name of sealed.wrongNames) this.#reportManifest(name);
    if (lostEnd === undefined) await sealed.removeLeftovers();
    await this.#removeUnfinished();
  }

  /** Removes segments that compaction did not finish writing: records in them may be hidden since. */
  async #removeUnfinished(): Promise<void> {
    for (const name of [...this.#names].filter(isUnfinishedSegment))
      await removeIfFile(this.#context.disk, `${this.#context.path}/${name}`);
  }

  /** Tells of a file of the manifest that is rebuilt. */
  #reportManifest(name: string): void {
    const what = name === MANIFEST_NAME ? "The manifest" : "A page of the manifest";
    const sentence = `${what} is missing, unreadable or not this stream's; it is rebuilt from the segments.`;
    this.#findings.push(damagedHint(this.#context, name, sentence));
  }

  /** Opens the last segment's file, and goes by what is missing if it is none. */
  async #openLast(settings: IndexSettings): Promise<OpenStream | undefined> {
    const path = this.#lastPath;
    if (!this.#names.has(segmentName({ number: this.#last })))
      return this.#withoutEnd(this.#isLastNamed ? GONE : GONE_UNNAMED);
    let file: DiskFile;
    try {
      file = await io("opening a segment", { file: path }, () => this.#context.disk.open(path, "update"));
    } catch (error) {
      if (isGone(error, path)) throw new DiscountedSegment(segmentName({ number: this.#last }));
      if (!isNoFile(error)) throw error;
      if (this.#manifest !== undefined && this.#last > this.#manifest.activeSegment) return undefined;
      return this.#withoutEnd(NO_FILE);
    }
    return this.#recoverLast(file, settings);
  }

  /** Recovers the last segment, and makes durable what it holds. */
  async #recoverLast(file: DiskFile, settings: IndexSettings): Promise<OpenStream> {
    const number = this.#last;
    const firstOffset = this.#sealed.nextOffset;
    let indexLog: DiskFile | undefined;
    try {
      const previousHead = (): Promise<Uint8Array | undefined> => this.#sealed.headBefore(number);
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
      this.#sealed.noteRedacted(segment);
      const lostEnd = segment.lostEnd ?? (head === undefined ? this.#unknownHead() : undefined);
      return { ...this.#known, active, end: endAt(nextOffset, head), lostEnd };
    } catch (error) {
      await abandon(indexLog, file);
      throw error;
    }
  }

  /** The stream without its last segment. */
  async #withoutEnd(sentence: string): Promise<OpenStream> {
    const lostEnd = this.#missing(sentence);
    this.#findings.push({ what: "missing segment", action: "keep", error: lostEnd });
    const head = await this.#sealed.headBefore(this.#last);
    return { ...this.#known, active: undefined, end: endAt(this.#sealed.nextOffset, head), lostEnd };
  }

  /** What of the stream does not depend on its last segment. */
  get #known(): Pick<OpenStream, "context" | "manifest" | "sealed" | "findings" | "redacted" | "indexes"> {
    return {
      context: this.#context,
      manifest: this.#manifestFiles,
      sealed: this.#sealed.list,
      findings: this.#findings,
      redacted: this.#sealed.redacted,
      indexes: this.#sealed.damaged,
    };
  }

  /**
   * The write-ahead file of the active segment, created if it is missing; nothing where it has to stay as it
   * is.
   */
  async #openIndexLog(
    segment: RecoveredSegment,
  ): Promise<{ file: DiskFile | undefined; state: IndexLogState }> {
    const { disk, path } = this.#context;
    const name = indexLogName(segment, this.#context.format.name);
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

  #unknownHead(): StorageError {
    return this.#missing("The chain hash before this segment is lost with the segment before it.");
  }

  /** Why the stream's end is not known. */
  #missing(sentence: string): StorageError {
    return new StorageError("missing-segment", sentence, {
      stream: this.#context.stream,
      offset: BigInt(this.#sealed.nextOffset) as Offset,
      file: this.#lastPath,
    });
  }

  get #isLastNamed(): boolean {
    return this.#manifest?.activeSegment === this.#last;
  }

  get #lastPath(): string {
    return `${this.#context.path}/${segmentName({ number: this.#last })}`;
  }
}

/** Where a stream ends; if the hash is not known, nothing can be appended. */
function endAt(nextOffset: number, head: Uint8Array | undefined): StreamHead {
  return { nextOffset: BigInt(nextOffset) as Offset, head: head ?? genesisHash() };
}
