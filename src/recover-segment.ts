/**
 * Recovering one segment: what its index files cover is trusted as far as the last record bears it out, the rest is scanned, and
 * the decision table (`recovery.ts`) says what a place means where no record can be read.
 *
 * Time: the records that the index does not cover, plus one. Changes the segment only where the table says `cut`.
 * @module
 */
import { ByteWindow } from "./byte-window.ts";
import { sameHash } from "./chain.ts";
import type { CodecRegistry } from "./codec.ts";
import type { Disk, DiskFile } from "./disk.ts";
import type { RecordFormat } from "./formats.ts";
import { StorageError } from "./error.ts";
import { indexLogName, indexName, io, segmentName } from "./files.ts";
import { extendIndex, findIntact } from "./index-builder.ts";
import { SEGMENT_BYTES } from "./limits.ts";
import { readHint, ifReadable } from "./obstacles.ts";
import { indexBytes, OffsetIndex } from "./offset-index.ts";
import { setAside } from "./quarantine.ts";
import { CONTRADICTS_INDEX, type Flaw, isIntactAt, prevHashAt } from "./record.ts";
import { decide, type RecoveryAction } from "./recovery.ts";
import type { StreamFiles } from "./saved-index.ts";
import { expandedPayload, expansionFlaw, misfit, RecordScanner } from "./scan.ts";
import type { Offset, StreamId } from "./types.ts";

/** What opening a stream needs to know of its surroundings. */
export interface StreamSurroundings {
  readonly disk: Disk;
  readonly stream: StreamId;
  /** Path of the data directory. */
  readonly rootPath: string;
  /** Path of the stream's directory in it. */
  readonly path: string;
  readonly codecs: CodecRegistry;
  readonly chunkBytes: number;
}

/** The same, where the stream's format is known; the codecs are as that needs them. */
export interface StreamContext extends StreamSurroundings {
  readonly format: RecordFormat;
}

/** The stream's context, once its format is known. */
export function withFormat(surroundings: StreamSurroundings, format: RecordFormat): StreamContext {
  return { ...surroundings, format, codecs: format.codecs(surroundings.codecs) };
}

/** The same, as what deals in files needs it. */
export function filesOf({ disk, path, format }: StreamContext): StreamFiles {
  return { disk, path, format: format.name };
}

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

/** What of a segment's index files is good. */
interface HintState {
  /** Records that they name. */
  readonly framed: number;
  /** Whether the write-ahead file is there. */
  readonly hasLog: boolean;
  /** Bytes of whole frames in the write-ahead file, and the entries that they add. */
  readonly logBytes: number;
  readonly logEntries: number;
  /** Whether something follows those bytes: a torn frame. */
  readonly logTorn: boolean;
  /** Whether the `.idx` is unreadable or was made for another segment, and must be replaced. */
  readonly rotten: boolean;
}

/** Which segment, and what is known of where it begins. */
export interface SegmentPlace {
  readonly number: number;
  readonly firstOffset: number;
  /** Chain hash of the record before its first; asked only where the segment is scanned from its start. */
  readonly previousHead: () => Promise<Uint8Array | undefined>;
  /** Whether a later segment exists. */
  readonly sealed: boolean;
  /** What Kimberlite's manifest says that the segment holds, if that is one of its manifests: a segment that holds less has lost it. */
  readonly claimed?: { readonly nextOffset: number; readonly bytes: number } | undefined;
}

/** Recovers a segment that is there. `names` are those in the stream's directory. */
export async function recoverSegment(
  context: StreamContext,
  place: SegmentPlace,
  names: ReadonlySet<string>,
  file: DiskFile,
  findings: Finding[],
): Promise<RecoveredSegment> {
  const path = `${context.path}/${segmentName(place.number)}`;
  const bytes = await io("asking for a segment's size", { file: path }, () => file.size());
  const hints = await readHints(context, place, names, bytes);
  const trust = await lastCovered(context, place, hints.index, file, path, bytes);
  const error = (flaw: Flaw, position: number, offset: number): StorageError =>
    new StorageError(flaw.code, flaw.sentence, {
      stream: context.stream,
      offset: BigInt(offset) as Offset,
      file: path,
      position,
    });

  const foreign = trust === "foreign";
  if (foreign || hints.state.rotten) {
    const sentence = "The saved index of a segment is unreadable or was made for another; it is rebuilt.";
    findings.push(damagedHint(context, indexName(place.number, context.format.name), sentence));
  }
  const index = foreign ? new OffsetIndex() : hints.index;
  // Whatever it was made for, nothing is cut off below what it names: a sector in a wrong place makes a good index look foreign, too.
  const durable = foreign ? Math.min(hints.watermark, bytes) : hints.watermark;
  const { claimed } = place;
  const watermark = Math.max(durable, claimed?.bytes ?? 0);
  const watermarkKnown = hints.state.hasLog;
  let offset = place.firstOffset + index.count;
  let head = index.count === 0 ? await place.previousHead() : index.head;
  if (typeof trust === "object") {
    const found = decide(factsAt(place.sealed, trust.code === "truncated-log", true, true));
    findings.push({
      what: found.name,
      action: found.action,
      error: error(trust, index.position(index.count - 1), offset - 1),
    });
  }

  const scanner = new RecordScanner(context.format, file, path, index.end, bytes, context.chunkBytes);
  const region = {
    format: context.format,
    file,
    path,
    end: bytes,
    codecs: context.codecs,
    chunkBytes: context.chunkBytes,
  };
  let lostEnd: StorageError | undefined;
  for (;;) {
    const end = await extendIndex(index, scanner, offset, head, context.codecs);
    offset = end.nextOffset;
    head = end.head;
    const position = index.end;
    // A manifest that lags is ordinary: only what it counts beyond the records that are there is lost.
    const fewer = claimed !== undefined && position < claimed.bytes && offset < claimed.nextOffset;
    const short = (bytes < durable && position < durable) || fewer;
    if (end.flaw === undefined && !short) break;
    const flaw = end.flaw ?? LOST_END;
    const known = watermarkKnown || position < watermark;
    const unreadable = end.flaw?.unreadable ?? false;
    // Looked for only where it decides, or where there is something to go on behind: it costs a walk over the rest.
    let behind =
      known || place.sealed || unreadable ? undefined : await findIntact(region, position + 1, offset);
    const verdict = decide({
      intact: end.flaw === undefined,
      sealed: place.sealed,
      watermarkKnown: known,
      belowWatermark: position < watermark,
      unreadable,
      intactBehind:
        behind !== undefined &&
        (behind.found !== undefined || behind.givenUp || end.flaw?.misplaced === true),
    });
    if (verdict.action === "cut") {
      const quarantine = await setAside(context.disk, context.path, place.number, file, position, bytes);
      await io("cutting a torn tail", { file: path, position }, () => file.truncate(position));
      await io("syncing a segment", { file: path }, () => file.sync());
      findings.push({ what: verdict.name, action: "cut", error: error(flaw, position, offset), quarantine });
      break;
    }
    findings.push({ what: verdict.name, action: verdict.action, error: error(flaw, position, offset) });
    if (end.flaw !== undefined && !unreadable) behind ??= await findIntact(region, position + 1, offset);
    const found = behind?.found;
    if (found === undefined) {
      lostEnd = error(flaw, position, offset);
      break;
    }
    index.pushLost(found.offset - offset, found.position);
    offset = found.offset;
    head = undefined;
    scanner.skipTo(found.position);
  }
  return {
    number: place.number,
    firstOffset: place.firstOffset,
    nextOffset: offset,
    head,
    index,
    hints: foreign
      ? { framed: 0, hasLog: hints.state.hasLog, logBytes: 0, logEntries: 0, logTorn: true, rotten: true }
      : hints.state,
    proven: foreign ? 0 : Math.min(durable, index.end),
    frozen: index.hasGaps || lostEnd !== undefined || index.end < durable,
    lostEnd,
  };
}

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

function factsAt(
  sealed: boolean,
  intact: boolean,
  watermarkKnown: boolean,
  belowWatermark: boolean,
): Parameters<typeof decide>[0] {
  return { intact, sealed, watermarkKnown, belowWatermark, unreadable: false, intactBehind: false };
}

interface Hints {
  readonly index: OffsetIndex;
  readonly watermark: number;
  readonly state: HintState;
}

/**
 * What the index files say; nothing where they are missing or unreadable. The saved index of a sealed segment is complete, so
 * a write-ahead file beside it is left over and not read.
 */
async function readHints(
  context: StreamContext,
  { number, sealed }: SegmentPlace,
  names: ReadonlySet<string>,
  bytes: number,
): Promise<Hints> {
  // An index may name more than is left of the segment, and is evidence then; but it was made for one of a usual size.
  const bytesMax = indexBytes(Math.max(bytes, SEGMENT_BYTES) / context.format.overheadBytes);
  const savedName = indexName(number, context.format.name);
  const logName = indexLogName(number, context.format.name);
  const saved = names.has(savedName)
    ? await readHint(context.disk, `${context.path}/${savedName}`, bytesMax)
    : Buffer.alloc(0);
  const parsed = saved === undefined ? undefined : OffsetIndex.parse(saved);
  const index = parsed ?? new OffsetIndex();
  const savedCount = index.count;
  const isLogNamed = names.has(logName);
  const logMatters = isLogNamed && !(sealed && parsed !== undefined);
  const logPath = `${context.path}/${logName}`;
  const read = logMatters
    ? await ifReadable(context.disk, logPath, async (file) => {
        const size = await io("asking for an index's size", { file: logPath }, () => file.size());
        const frames = new ByteWindow(file, logPath, 0, size, context.chunkBytes);
        const replayed = await index.replay(frames, bytesMax);
        return { ...replayed, torn: replayed.size < size };
      })
    : undefined;
  const hasLog = isLogNamed && (read !== undefined || !logMatters);
  const log = read ?? { size: 0, watermark: index.end, torn: false };
  const state = {
    framed: index.count,
    hasLog,
    logBytes: log.size,
    logEntries: index.count - savedCount,
    logTorn: log.torn,
    rotten: saved?.length !== 0 && parsed === undefined,
  };
  return { index, watermark: log.watermark, state };
}

/**
 * Holds the last record that the index covers against the segment.
 * @returns `good` (or nothing is covered); `foreign`, an intact record but not the one that the index was made for; or what is wrong with
 * the record
 */
async function lastCovered(
  context: StreamContext,
  place: SegmentPlace,
  index: OffsetIndex,
  file: DiskFile,
  path: string,
  bytes: number,
): Promise<"good" | "foreign" | Flaw> {
  if (index.count === 0) return "good";
  if (index.end > bytes) return LOST_END;
  const start = index.position(index.count - 1);
  const scanner = new RecordScanner(context.format, file, path, start, index.end, index.end - start);
  const found = await scanner.advance();
  if (!found.ok) return found;
  if (start + found.size !== index.end) {
    return isIntactAt(context.format, scanner.bytes, scanner.at, index.end - start)
      ? CONTRADICTS_INDEX
      : "foreign";
  }
  const offset = place.firstOffset + index.count - 1;
  if (misfit(context.format, scanner.bytes, scanner.at, found, offset, undefined) !== undefined)
    return "foreign";
  try {
    const payload = await expandedPayload(context.format, scanner.bytes, scanner.at, found, context.codecs);
    const hash = context.format.chainHash(
      offset === 0 ? undefined : prevHashAt(context.format, scanner.bytes, scanner.at),
      found.kind,
      payload,
    );
    return sameHash(hash, index.head) ? "good" : "foreign";
  } catch (error) {
    return expansionFlaw(error);
  }
}
