/**
 * Recovering one segment: what its index files cover is trusted as far as the last record bears it out, the rest is scanned, and
 * the decision table (`recovery.ts`) says what a place means where no record can be read.
 *
 * Time: the records that the index does not cover, plus one. Changes the segment only where the table says `cut`.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { formatNamed } from "../format/formats.ts";
import { StorageError } from "../error.ts";
import { indexLogName, indexName, io, segmentName } from "../disk/files.ts";
import {
  contradicts,
  foreignState,
  type Hints,
  type HintState,
  lastCovered,
  readHints,
  type SegmentFile,
} from "./hints.ts";
import { extendIndex, findIntact, type Region } from "./index-builder.ts";
import { OffsetIndex } from "../format/offset-index.ts";
import { setAside } from "./quarantine.ts";
import { type Flaw, TOO_LARGE } from "../format/record.ts";
import { decide, type RecoveryAction } from "./recovery.ts";
import { BEYOND_LIMITS, isIntactBeyondLimits, RecordScanner } from "./scan.ts";
import type { SegmentPlace, StreamContext } from "./stream-context.ts";
import type { Offset } from "../types.ts";

/** Something that recovery found and that its user may want to know. */
export interface Finding {
  /** Name of the case of the recovery table, or `missing segment`, `size differs`, `damaged hint`. */
  readonly what: string;
  readonly action: RecoveryAction;
  /** Says where it is. */
  readonly error: StorageError;
  /** Path of the bytes that were set aside. */
  readonly quarantine?: string;
}

/** One segment as recovery leaves it. */
export interface RecoveredSegment {
  readonly number: number;
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
   * Whether the index files prove more than the index could say, or say it of places that it has no form for: then they stay as they
   * are, so that the next start knows as much as this one.
   */
  readonly frozen: boolean;
  /** Why the segment's end is not known, if it is not: nothing can be appended behind it. */
  readonly lostEnd: StorageError | undefined;
}

/** The records are not of the format that the manifest names, which nothing else bears out. */
export class OtherFormat extends Error {}

/**
 * Recovers a segment that is there. `names` are those in the stream's directory.
 *
 * @throws StorageError `io`; OtherFormat, before anything was changed
 */
export async function recoverSegment(
  context: StreamContext,
  place: SegmentPlace,
  names: ReadonlySet<string>,
  file: DiskFile,
  findings: Finding[],
): Promise<RecoveredSegment> {
  const path = `${context.path}/${segmentName(place.number)}`;
  const bytes = await io("asking for a segment's size", { file: path }, () => file.size());
  return new Recovery(context, place, { file, path, bytes }, findings).run(names);
}

class Recovery {
  readonly #context: StreamContext;
  readonly #place: SegmentPlace;
  readonly #segment: SegmentFile;
  readonly #region: Region;
  readonly #findings: Finding[];

  constructor(context: StreamContext, place: SegmentPlace, segment: SegmentFile, findings: Finding[]) {
    this.#context = context;
    this.#place = place;
    this.#segment = segment;
    const { format, codecs, chunkBytes } = context;
    this.#region = { format, ...segment, end: segment.bytes, codecs, chunkBytes };
    this.#findings = findings;
  }

  async run(names: ReadonlySet<string>): Promise<RecoveredSegment> {
    const { number, firstOffset, previousHead } = this.#place;
    const { bytes } = this.#segment;
    const hints = await readHints(this.#context, this.#place, names, bytes);
    const trust = await lastCovered(this.#context, this.#place, hints.index, this.#segment);
    const index = trust === "foreign" ? new OffsetIndex() : hints.index;
    const isDamaged = typeof trust === "object";
    if (isDamaged) {
      index.markDamaged();
      const position = index.position(index.count - 1);
      const offset = firstOffset + index.count - 1;
      const { name, action } = decide({ ...NO_RECORD, sealed: this.#place.sealed, belowWatermark: true });
      this.#findings.push({ what: name, action, error: this.#error(trust, position, offset) });
    }
    const head = index.count === 0 ? await previousHead() : index.head;
    const end = await this.#scan(hints, index, trust === "foreign", head);
    const { isForeign, durable } = end;
    if (isForeign || hints.state.rotten) {
      const sentence = "The saved index of a segment is unreadable or was made for another; it is rebuilt.";
      const saved = indexName(number, this.#context.format.name);
      const name = names.has(saved) ? saved : indexLogName(number, this.#context.format.name);
      this.#findings.push(damagedHint(this.#context, name, sentence));
    }
    return {
      number,
      firstOffset,
      nextOffset: end.nextOffset,
      head: end.head,
      index,
      hints: isForeign ? foreignState(hints.state) : hints.state,
      proven: isForeign ? 0 : Math.min(durable, index.end),
      frozen: index.hasGaps || end.lostEnd !== undefined || index.end < durable,
      lostEnd: end.lostEnd,
    };
  }

  /** Reads what the index does not cover, and does what the table says wherever no record can be read. */
  async #scan(
    hints: Hints,
    index: OffsetIndex,
    wasForeign: boolean,
    knownHead: Uint8Array | undefined,
  ): Promise<Scanned> {
    const { format, codecs, chunkBytes } = this.#context;
    const { sealed, claimed, firstOffset } = this.#place;
    const { file, path, bytes } = this.#segment;
    const scanner = new RecordScanner(format, file, path, index.end, bytes, chunkBytes);
    let head = knownHead;
    let offset = firstOffset + index.count;
    let isForeign = wasForeign;
    for (;;) {
      const end = await extendIndex(index, scanner, offset, head, codecs);
      ({ head, nextOffset: offset } = end);
      const position = index.end;
      const isShort = end.flaw === undefined && position < hints.watermark;
      isForeign ||= contradicts(index, hints) || (isShort && this.#isAsRecorded(offset, position));
      // Whatever it was made for, nothing is cut off below what it names: a sector in a wrong place makes a good index look foreign, too.
      const durable = isForeign ? Math.min(hints.watermark, bytes) : hints.watermark;
      const scanned = { isForeign, durable, head, nextOffset: offset };
      // A manifest that lags is ordinary: only what it counts beyond the records that are there is lost.
      const fewer = claimed !== undefined && position < claimed.bytes && offset < claimed.nextOffset;
      if (end.flaw === undefined && position >= durable && !fewer) return { ...scanned, lostEnd: undefined };
      const flaw = await this.#flawAt(position, end.flaw, hints);
      const watermark = Math.max(durable, claimed?.bytes ?? 0);
      const known = (hints.state.hasLog && !isForeign) || position < watermark;
      const isWhole = end.flaw === undefined;
      const unreadable = flaw.unreadable ?? false;
      // Looked for only where it decides, or where there is something to go on behind: it costs a walk over the rest.
      const mayGoOn = !isWhole && !unreadable;
      let behind =
        mayGoOn && !known && !sealed ? await findIntact(this.#region, position + 1, offset) : undefined;
      const intactBehind =
        behind !== undefined && (behind.found !== undefined || behind.givenUp || flaw.misplaced === true);
      const verdict = decide({
        intact: isWhole,
        sealed,
        watermarkKnown: known,
        belowWatermark: position < watermark,
        unreadable,
        intactBehind,
      });
      const error = this.#error(flaw, position, offset);
      if (verdict.action === "cut") {
        const quarantine = await this.#cut(position);
        this.#findings.push({ what: verdict.name, action: "cut", error, quarantine });
        return { ...scanned, lostEnd: undefined };
      }
      this.#findings.push({ what: verdict.name, action: verdict.action, error });
      if (mayGoOn) behind ??= await findIntact(this.#region, position + 1, offset);
      const found = behind?.found;
      if (found === undefined) return { ...scanned, lostEnd: error };
      index.pushLost(found.offset - offset, found.position);
      offset = found.offset;
      head = undefined;
      scanner.skipTo(found.position);
    }
  }

  /** Whether the segment holds what the manifest says, to the byte. */
  #isAsRecorded(nextOffset: number, end: number): boolean {
    const { recorded } = this.#place;
    return recorded?.nextOffset === nextOffset && recorded.bytes === end;
  }

  /** What is wrong at a place; that a record is missing if none is due there. */
  async #flawAt(position: number, flaw: Flaw | undefined, hints: Hints): Promise<Flaw> {
    if (flaw === undefined) return LOST_END;
    if (flaw === TOO_LARGE && (await isIntactBeyondLimits(this.#region, position))) return BEYOND_LIMITS;
    if (position === 0 && hints.watermark === 0 && this.#context.isFormatHearsay) {
      if (await hasOtherMark(this.#region)) throw new OtherFormat();
    }
    return flaw;
  }

  /** Sets what lies behind `position` aside and cuts it off. */
  async #cut(position: number): Promise<string> {
    const { disk, path: streamPath } = this.#context;
    const { file, path, bytes } = this.#segment;
    const quarantine = await setAside(disk, streamPath, this.#place.number, file, position, bytes);
    await io("cutting a torn tail", { file: path, position }, () => file.truncate(position));
    await io("syncing a segment", { file: path }, () => file.sync());
    return quarantine;
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

/** Where a scan came to, and what became of the index files. */
interface Scanned extends Pick<RecoveredSegment, "nextOffset" | "head" | "lostEnd"> {
  /** Whether the index files were made for another segment. */
  readonly isForeign: boolean;
  /** Bytes below which nothing is cut. */
  readonly durable: number;
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

/** Index and manifest are replaced atomically, so a crash never leaves one unreadable: it is a fault, though no answer depends on it. */
export function damagedHint(context: StreamContext, name: string, sentence: string): Finding {
  const error = new StorageError("damaged-hint", sentence, {
    stream: context.stream,
    file: `${context.path}/${name}`,
  });
  return { what: "damaged hint", action: "keep", error };
}

const LOST_END: Flaw = {
  ok: false,
  code: "truncated-log",
  sentence:
    "The log ends before records that its index proves were durable. Restore the segment from a copy.",
};
