/**
 * What a segment's index files say about it, and how far the segment confirms that.
 *
 * An index is believed if the last record that it covers is there: at its place, with its hash. If that
 * record is damaged, the nearest one before it that is intact decides. One that names more than there is
 * proves a lost end, unless an intact record contradicts it. Whatever else an index says was made for another
 * segment, and it is rebuilt.
 *
 * Known limit: where records of two segments have the same sizes, an index of the longer one is not
 * contradicted by the shorter one.
 * @module
 */
import { ByteWindow } from "../disk/byte-window.ts";
import { sameHash } from "../format/chain.ts";
import type { DiskFile } from "../disk/disk.ts";
import { io } from "../disk/files.ts";
import { indexLogName, indexName } from "../disk/names.ts";
import { MAX_PAYLOAD_BYTES, SEGMENT_BYTES } from "../limits.ts";
import { ifReadable, readHint } from "../disk/obstacles.ts";
import { indexBytes, OffsetIndex, type Span } from "../format/offset-index.ts";
import { chainHashAt, CONTRADICTS_INDEX, type Flaw, isIntactAt, saysOffset } from "../format/record.ts";
import type { SegmentPlace, StreamContext } from "./stream-context.ts";
import { expandedPayload, expansionFlaw } from "../format/expand.ts";
import { misfit, placesOf } from "../format/misfit.ts";
import { RecordScanner } from "./scan.ts";

/** What of a segment's index files is good. */
export interface HintState {
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

/** What index files say. */
export interface Hints {
  /** What they cover of the bytes that are there. */
  readonly index: OffsetIndex;
  /** The farthest byte that they name. */
  readonly watermark: number;
  /** The saved index, if it names more bytes than there are. */
  readonly ahead: OffsetIndex | undefined;
  /** What frames say that could not be added to the index. */
  readonly claims: readonly Span[];
  readonly state: HintState;
}

/** A segment's file. */
export interface SegmentFile {
  readonly file: DiskFile;
  readonly path: string;
  readonly bytes: number;
}

/** The state of index files that are not believed at all. */
export function foreignState({ hasLog }: HintState): HintState {
  return { framed: 0, hasLog, logBytes: 0, logEntries: 0, logTorn: true, rotten: true };
}

/**
 * Reads the index files; nothing comes of those that are missing or unreadable. The saved index of a sealed
 * segment is complete, so a write-ahead file beside it is a leftover and is not read.
 *
 * @param bytes how many the segment has
 * @throws StorageError `io`
 */
export async function readHints(
  context: StreamContext,
  place: SegmentPlace,
  names: ReadonlySet<string>,
  bytes: number,
): Promise<Hints> {
  // An index may name more than the segment still has, and is evidence then; but the segment it was made for
  // had a usual size. A record has fewer words than would fill its header.
  const bytesMax = indexBytes(Math.max(bytes, SEGMENT_BYTES) / context.format.headerBytes);
  const savedName = indexName(place, context.format.name);
  const logName = indexLogName(place, context.format.name);
  const isSaved = names.has(savedName);
  const saved = isSaved ? await readHint(context.disk, `${context.path}/${savedName}`, bytesMax) : undefined;
  const parsed = saved === undefined ? undefined : OffsetIndex.parse(saved);
  const ahead = parsed !== undefined && parsed.end > bytes ? parsed : undefined;
  const index = ahead === undefined ? (parsed ?? new OffsetIndex()) : new OffsetIndex();
  const savedCount = index.count;
  const isLogNamed = names.has(logName);
  const claims: Span[] = [];
  const logMatters = isLogNamed && !(place.sealed && parsed?.end === bytes);
  const logPath = `${context.path}/${logName}`;
  const read = logMatters
    ? await ifReadable(context.disk, logPath, async (file) => {
        const size = await io("asking for an index's size", { file: logPath }, () => file.size());
        const window = new ByteWindow(file, logPath, 0, size, context.chunkBytes);
        const replayed = await index.replay(window, bytesMax, bytes, claims);
        return { ...replayed, torn: replayed.size < size };
      })
    : undefined;
  const log = read ?? { size: 0, watermark: index.end, torn: false };
  const state = {
    framed: index.count,
    hasLog: isLogNamed && (read !== undefined || !logMatters),
    logBytes: log.size,
    logEntries: index.count - savedCount,
    logTorn: log.torn,
    rotten: isSaved && parsed === undefined,
  };
  return { index, watermark: Math.max(log.watermark, parsed?.end ?? 0), ahead, claims, state };
}

/**
 * Holds the last record that the index covers against the segment.
 * @returns `good` (or nothing is covered); `foreign`, if an intact record is not the one that the index was
 * made for; or what is wrong with the record, if the index is this segment's
 */
export async function lastCovered(
  context: StreamContext,
  place: SegmentPlace,
  index: OffsetIndex,
  segment: SegmentFile,
): Promise<"good" | "foreign" | Flaw> {
  if (index.count === 0) return "good";
  const { format, codecs } = context;
  const last = index.count - 1;
  const start = index.position(last);
  const size = index.end - start;
  const chunkBytes = Math.min(size, format.overheadBytes + MAX_PAYLOAD_BYTES);
  const scanner = new RecordScanner(format, segment.file, segment.path, start, index.end, chunkBytes);
  const found = await scanner.advance();
  const { bytes, at } = scanner;
  const offset = place.firstOffset + index.placeOf(last);
  if (!found.ok || found.size !== size) {
    const contradictory = found.ok && isIntactAt(format, bytes, at, size);
    if (found.ok && !contradictory) return "foreign";
    if (await isContradicted(context, place, index, segment)) return "foreign";
    return found.ok ? CONTRADICTS_INDEX : found;
  }
  if (misfit(format, bytes, at, found, offset, undefined) !== undefined) return "foreign";
  if (placesOf(format, bytes, at, found) !== index.placesOf(last)) return "foreign";
  try {
    const payload = await expandedPayload(format, bytes, at, found, codecs);
    const hash = chainHashAt(format, bytes, at, found.kind, offset, payload);
    return sameHash(hash, index.head) ? "good" : "foreign";
  } catch (error) {
    return expansionFlaw(error);
  }
}

/** How many times over a segment's bytes may be looked at. */
const LOOKS_MAX = 64;

/**
 * Whether the last record that is intact, of those that the index covers, is another than the index says.
 * O(bytes)
 */
async function isContradicted(
  { format, chunkBytes }: StreamContext,
  { firstOffset }: SegmentPlace,
  index: OffsetIndex,
  { file, path, bytes }: SegmentFile,
): Promise<boolean> {
  const bytesMax = format.overheadBytes + MAX_PAYLOAD_BYTES;
  let room = LOOKS_MAX * bytes;
  for (let i = index.count - 1; i >= 0 && room > 0; i -= 1) {
    const start = index.position(i);
    const size = index.endOf(i) - start;
    const chunk = Math.min(Math.max(size, chunkBytes), bytesMax);
    const scanner = new RecordScanner(format, file, path, start, bytes, chunk);
    const found = await scanner.advance();
    room -= scanner.bytes.length;
    if (!found.ok) continue;
    if (found.size === size)
      return !saysOffset(format, scanner.bytes, scanner.at, firstOffset + index.placeOf(i));
    if (!isIntactAt(format, scanner.bytes, scanner.at, size)) return true;
  }
  return false;
}

/**
 * Whether the records that were read contradict what index files say beyond them. `index` has the records
 * from the segment's first on.
 */
export function contradicts(index: OffsetIndex, { ahead, claims }: Hints): boolean {
  if (index.hasGaps) return false;
  if (ahead !== undefined) {
    const both = Math.min(index.count, ahead.count);
    for (let i = 0; i < both; i += 1) if (index.endOf(i) !== ahead.endOf(i)) return true;
  }
  return claims.some(({ start, end }) => {
    const ordinal = index.ordinalAt(start);
    return start < index.end && (ordinal === undefined || index.endOf(ordinal) !== end);
  });
}
