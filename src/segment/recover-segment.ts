/**
 * Recovering one segment: what its index files cover is trusted if the last record confirms it, the rest is
 * scanned, and the decision table (`recovery.ts`) says what it means if no record can be read at a place.
 *
 * Time: the records that the index does not cover, plus one. Changes the segment only where the table says
 * `cut`.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { formatNamed } from "../format/formats.ts";
import { StorageError } from "../error.ts";
import { io } from "../disk/files.ts";
import { indexLogName, indexName, segmentName } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import {
  contradicts,
  foreignState,
  type Hints,
  type HintState,
  lastCovered,
  readHints,
  type SegmentFile,
} from "./hints.ts";
import { findIntact, type Found, type Region, type Search } from "./resynchronise.ts";
import { extendIndex, type ScanEnd } from "./index-builder.ts";
import { OffsetIndex } from "../format/offset-index.ts";
import { invariant } from "../invariant.ts";
import { damagedHint, type Finding } from "./finding.ts";
import { setAside } from "./quarantine.ts";
import { type Flaw, TOO_LARGE } from "../format/record.ts";
import { decide, type RecoveryCase } from "./recovery.ts";
import { BEYOND_LIMITS, isIntactBeyondLimits, RecordScanner } from "./scan.ts";
import type { SegmentPlace, StreamContext } from "./stream-context.ts";
import type { Offset } from "../types.ts";

/** One segment as recovery leaves it. */
export interface RecoveredSegment extends SegmentNumbers {
  readonly firstOffset: number;
  readonly nextOffset: number;
  /** Chain hash of the last record; `undefined` if it cannot be known. */
  readonly head: Uint8Array | undefined;
  readonly index: OffsetIndex;
  /** What of the index files is good. */
  readonly hints: HintState;
  /** Bytes that index entries prove to be durable. */
  readonly proven: number;
  /**
   * Whether the index files prove more than the index could say, or say it of places that it has no form for:
   * then they stay as they are, so that the next start knows as much as this one.
   */
  readonly frozen: boolean;
  /** Why the segment's end is not known, if it is not: nothing can be appended after it. */
  readonly lostEnd: StorageError | undefined;
}

/** The records are not of the format that the manifest names, and nothing else confirms that format. */
export class OtherFormat extends Error {}

/**
 * Recovers a segment that is there.
 *
 * @param names those in the stream's directory
 * @param findings receives what is found
 * @returns what the segment holds, and where appends can go on
 * @throws StorageError `io`; OtherFormat, before anything was changed
 */
export async function recoverSegment(
  context: StreamContext,
  place: SegmentPlace,
  names: ReadonlySet<string>,
  file: DiskFile,
  findings: Finding[],
): Promise<RecoveredSegment> {
  const path = `${context.path}/${segmentName(place)}`;
  const bytes = await io("asking for a segment's size", { file: path }, () => file.size());
  const hints = await readHints(context, place, names, bytes);
  return new Recovery(context, place, { file, path, bytes }, hints, findings).run(names);
}

/** Where a scan came to an end. */
type Scanned = Pick<RecoveredSegment, "nextOffset" | "head" | "lostEnd">;

/** What the table says of the place where a scan stopped. */
interface Judgement {
  readonly verdict: RecoveryCase;
  /** What is wrong there; if nothing is, that a record is missing. */
  readonly flaw: Flaw;
  /** Whether records may be read again after the place. */
  readonly mayGoOn: boolean;
  /** What was found after it, if that was asked for. */
  readonly behind: Search | undefined;
}

class Recovery {
  readonly #context: StreamContext;
  readonly #place: SegmentPlace;
  readonly #segment: SegmentFile;
  readonly #region: Region;
  readonly #hints: Hints;
  readonly #findings: Finding[];
  #index: OffsetIndex;
  /** Whether the index files were made for another segment. */
  #isForeign = false;

  constructor(
    context: StreamContext,
    place: SegmentPlace,
    segment: SegmentFile,
    hints: Hints,
    findings: Finding[],
  ) {
    this.#context = context;
    this.#place = place;
    this.#segment = segment;
    const { format, codecs, chunkBytes } = context;
    this.#region = { format, ...segment, end: segment.bytes, codecs, chunkBytes };
    this.#hints = hints;
    this.#findings = findings;
    this.#index = hints.index;
  }

  async run(names: ReadonlySet<string>): Promise<RecoveredSegment> {
    const { number, last, firstOffset, previousHead } = this.#place;
    await this.#believeIndex();
    const index = this.#index;
    const head = index.count === 0 ? await previousHead() : index.head;
    const { nextOffset, head: lastHead, lostEnd } = await this.#scan(head);
    const isForeign = this.#isForeign;
    const { state } = this.#hints;
    if (isForeign || state.rotten) this.#reportHints(names);
    return {
      number,
      last,
      firstOffset,
      nextOffset,
      head: lastHead,
      index,
      hints: isForeign ? foreignState(state) : state,
      proven: isForeign ? 0 : Math.min(this.#durable, index.end),
      frozen: index.hasGaps || lostEnd !== undefined || index.end < this.#durable,
      lostEnd,
    };
  }

  /** Keeps the index if the last record that it covers confirms it. */
  async #believeIndex(): Promise<void> {
    const index = this.#index;
    const trust = await lastCovered(this.#context, this.#place, index, this.#segment);
    if (trust === "good") return;
    if (trust === "foreign") {
      this.#isForeign = true;
      this.#index = new OffsetIndex();
      return;
    }
    index.markDamaged();
    const offset = this.#place.firstOffset + index.placeOf(index.count - 1);
    const { name, action } = decide({ ...NO_RECORD, sealed: this.#place.sealed, belowWatermark: true });
    const error = this.#error(trust, index.position(index.count - 1), offset);
    this.#findings.push({ what: name, action, error });
  }

  /** Reads what the index does not cover, and does what the table says wherever it stops. */
  async #scan(knownHead: Uint8Array | undefined): Promise<Scanned> {
    const { format, codecs, chunkBytes } = this.#context;
    const { file, path, bytes } = this.#segment;
    const index = this.#index;
    const scanner = new RecordScanner(format, file, path, index.end, bytes, chunkBytes);
    let head = knownHead;
    let offset = this.#place.firstOffset + index.places;
    for (;;) {
      const end = await extendIndex(index, scanner, offset, head, codecs);
      ({ head, nextOffset: offset } = end);
      const scanned = { head, nextOffset: offset, lostEnd: undefined };
      this.#compareHints(end);
      const { verdict, flaw, ...judged } = await this.#judge(end);
      const { name: what, action } = verdict;
      if (action === "accept") return scanned;
      const error = this.#error(flaw, index.end, offset);
      if (action === "cut") {
        this.#findings.push({ what, action, error, quarantine: await this.#cut(index.end) });
        return scanned;
      }
      this.#findings.push({ what, action, error });
      const found = await this.#resynchronise(judged, offset);
      if (found === undefined) return { ...scanned, lostEnd: error };
      index.pushLost(found.offset - offset, found.position);
      offset = found.offset;
      head = undefined;
      scanner.skipTo(found.position);
    }
  }

  /** Whether what was read contradicts the index files, or shows that they were made for a longer segment. */
  #compareHints({ flaw, nextOffset }: ScanEnd): void {
    const { recorded } = this.#place;
    const { end } = this.#index;
    const isShort = flaw === undefined && end < this.#hints.watermark;
    const isAsRecorded = recorded?.nextOffset === nextOffset && recorded.bytes === end;
    this.#isForeign ||= contradicts(this.#index, this.#hints) || (isShort && isAsRecorded);
  }

  /**
   * Bytes below which nothing is truncated. Index files count even if they seem to be another segment's: a
   * sector in a wrong place makes good ones look foreign, too.
   */
  get #durable(): number {
    const { watermark } = this.#hints;
    return this.#isForeign ? Math.min(watermark, this.#segment.bytes) : watermark;
  }

  /** Asks the table about the place that a scan came to. */
  async #judge({ flaw, nextOffset }: ScanEnd): Promise<Judgement> {
    const { sealed, claimed } = this.#place;
    const position = this.#index.end;
    const isWhole = flaw === undefined;
    // A manifest that lags is ordinary: where every record was read, only what it counts beyond them is lost.
    const counts = claimed !== undefined && (!isWhole || nextOffset < claimed.nextOffset);
    const watermark = Math.max(this.#durable, counts ? claimed.bytes : 0);
    const known = (this.#hints.state.hasLog && !this.#isForeign) || position < watermark;
    const found = isWhole ? LOST_END : await this.#flawAt(position, flaw);
    const unreadable = found.unreadable ?? false;
    const mayGoOn = !isWhole && !unreadable;
    // Searched only where the answer decides: it costs a walk over the rest.
    const isAsked = mayGoOn && !known && !sealed;
    const behind = isAsked ? await this.#findIntact(position, nextOffset) : undefined;
    const intactBehind =
      behind !== undefined && (behind.found !== undefined || behind.givenUp || found.misplaced === true);
    const verdict = decide({
      intact: isWhole,
      sealed,
      watermarkKnown: known,
      belowWatermark: position < watermark,
      unreadable,
      intactBehind,
    });
    return { verdict, flaw: found, mayGoOn, behind };
  }

  /** Where records can be read again after damage; nothing if nowhere. */
  async #resynchronise(
    { mayGoOn, behind }: Pick<Judgement, "mayGoOn" | "behind">,
    offset: number,
  ): Promise<Found | undefined> {
    if (!mayGoOn) return undefined;
    return (behind ?? (await this.#findIntact(this.#index.end, offset))).found;
  }

  /** Searches behind the unreadable record at a place. */
  #findIntact(position: number, offset: number): Promise<Search> {
    return findIntact(this.#region, position + 1, offset, this.#place.recorded?.nextOffset);
  }

  /** What is wrong at a place where no record could be read. */
  async #flawAt(position: number, flaw: Flaw): Promise<Flaw> {
    if (flaw === TOO_LARGE && (await isIntactBeyondLimits(this.#region, position))) return BEYOND_LIMITS;
    if (position === 0 && this.#hints.watermark === 0 && this.#context.isFormatHearsay) {
      if (await hasOtherMark(this.#region)) throw new OtherFormat();
    }
    return flaw;
  }

  /** Sets what lies after `position` aside and truncates the segment. */
  async #cut(position: number): Promise<string> {
    invariant(position >= this.#durable, "Nothing is cut off that index entries name.");
    const { disk, path: streamPath } = this.#context;
    const { file, path, bytes } = this.#segment;
    const quarantine = await setAside(disk, streamPath, this.#place, file, position, bytes);
    await io("cutting a torn tail", { file: path, position }, () => file.truncate(position));
    await io("syncing a segment", { file: path }, () => file.sync());
    return quarantine;
  }

  /** Tells of index files that are unreadable or were made for another segment. */
  #reportHints(names: ReadonlySet<string>): void {
    const saved = indexName(this.#place, this.#context.format.name);
    const name = names.has(saved) ? saved : indexLogName(this.#place, this.#context.format.name);
    const sentence = "The saved index of a segment is unreadable or was made for another; it is rebuilt.";
    this.#findings.push(damagedHint(this.#context, name, sentence));
  }

  #error(flaw: Flaw, position: number, offset: number): StorageError {
    return new StorageError(flaw.code, flaw.sentence, {
      stream: this.#context.stream,
      offset: BigInt(offset) as Offset,
      file: this.#segment.path,
      position,
    });
  }
}

/** Whether a segment of the format `plain` begins as one of the other does. */
async function hasOtherMark({ format, file, path }: Region): Promise<boolean> {
  const mark = Buffer.alloc(4);
  await io("reading a segment", { file: path }, () => file.read(mark, 0));
  return format.name === "plain" && formatNamed("sentinel").beginsAt(mark, 0);
}

/** The facts where the last record that an index covers cannot be read. */
const NO_RECORD = {
  intact: false,
  watermarkKnown: true,
  unreadable: false,
  intactBehind: false,
};

const LOST_END: Flaw = {
  ok: false,
  code: "truncated-log",
  sentence:
    "The log ends before records that its index proves were durable. Restore the segment from a copy.",
};
