/**
 * Compaction: what tombstones hide is erased for good, and no hash, head or anchor changes.
 *
 * Sealed segments are written anew, one at a time or several as one, and replaced as a whole (docs/FORMAT.md,
 * section 9).
 * Appends and reads go on meanwhile; what hides a record after compaction began is not asked. The active
 * segment is sealed first if it holds hidden records.
 * @module
 */
import { refuseIfAborted } from "../aborted.ts";
import { elementAt } from "../element-at.ts";
import { isNoFile } from "../disk/obstacles.ts";
import { StorageError } from "../error.ts";
import type { Codec } from "../format/codec.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import type { Tombstone } from "../format/tombstone.ts";
import { type OffsetRange, OffsetRanges, rangeOf } from "../format/offset-ranges.ts";
import { type RewrittenSegment, rewriteSegments, type Segments } from "../segment/rewrite-segment.ts";
import { tombstonesIn } from "./hidden-records.ts";
import { groupsOf, type Merging } from "./merging.ts";
import { endOf, MISSING_SEGMENT, type ReadSource, recordAtOffset } from "./read.ts";
import type { CompressionKind, RecordKind } from "../types.ts";

/** What else compaction does, and what ends it early. */
export interface CompactionConfig {
  /**
   * Data records before this offset are hidden first, by a tombstone that names all of them. So a log can be
   * kept from growing for ever, and anchors of what was erased still verify. Default: none are.
   */
  readonly olderThan?: bigint | undefined;
  /**
   * How many sealed segments there must be at least, one after the other, for one to take their place; from 2
   * on. Default: 2.
   */
  readonly minSegments?: number | undefined;
  /**
   * How many bytes one that takes the place of several has at most, about: what is erased of them is known
   * before they are written, what compression saves is not. 0 merges none. Default: the storage's
   * `maxSegmentBytes`.
   */
  readonly mergeThresholdBytes?: number | undefined;
  /** Whether payloads are compressed where that makes them smaller. Default: false. */
  readonly compressOnCompact?: boolean | undefined;
  /** What compresses them. Default: what compresses those that are appended. */
  readonly compression?: CompressionKind | undefined;
  /**
   * Whether the files in the stream's `quarantine/`, which may hold erased payloads, are removed. Default:
   * false.
   */
  readonly purgeQuarantine?: boolean | undefined;
  /** Is told before each sealed segment, and at the end, how many of how many are done. */
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
  /** Ends it when it is aborted: the segments that are done stay compacted. */
  readonly signal?: AbortSignal | undefined;
}

/** What a compaction came to. */
export interface CompactionResult {
  /** How many segments the stream had when it began. */
  readonly segmentsBefore: number;
  /** How many it had when it ended. */
  readonly segmentsAfter: number;
  /** How many of them were written anew. */
  readonly segmentsReplaced: number;
  /**
   * By how many bytes the segments became smaller; negative if redacted records are larger than what they
   * replace.
   */
  readonly bytesReclaimed: number;
  /** How many data records were erased. */
  readonly recordsErased: number;
  /** How many tombstones name at least one of them. */
  readonly tombstonesApplied: number;
  /** Names of the files that were removed from the stream's `quarantine/`. */
  readonly quarantinePurged: readonly string[];
}

/** A compaction, its arguments checked. */
export interface Compaction {
  /** Data records before this offset are hidden first. */
  readonly olderThan: number;
  /** What compresses payloads; as they are stored if nothing does. */
  readonly codec: Codec | undefined;
  readonly merging: Merging;
  readonly purgeQuarantine: boolean;
  readonly onProgress: ((done: number, of: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What of a stream is to be compacted. */
export interface Prepared {
  /** The hidden records. */
  readonly hidden: OffsetRanges;
  readonly sealed: readonly SegmentInfo[];
  /** How many numbers of segments a page of the manifest is about. */
  readonly pageSegments: number;
}

/** What compaction needs of a stream that is open. */
export interface Compactable {
  source(): Promise<ReadSource>;
  /** Appends a tombstone, durably. */
  hide(tombstone: Tombstone): Promise<unknown>;
  /** Makes everything durable, and seals the active segment if it holds hidden records. */
  prepare(): Promise<Prepared>;
  /** Puts a segment that was written anew in its place. */
  replace(rewritten: RewrittenSegment): Promise<void>;
  /** Removes what is in quarantine. @returns the names */
  purgeQuarantine(): Promise<string[]>;
}

/**
 * Compacts a stream.
 *
 * @throws StorageError the first damage that is met: all else is compacted then; `io`, `poisoned`
 */
export async function compact(
  stream: Compactable,
  { olderThan, codec, merging, purgeQuarantine, onProgress, signal }: Compaction,
): Promise<CompactionResult> {
  const source = await stream.source();
  if (!source.context.format.hidesRecords) {
    const sentence =
      "Kimberlite knows no redacted records, so nothing can be erased from its streams. Copy what is to stay into a stream of the format plain.";
    throw new StorageError("wrong-format", sentence);
  }
  const segmentsBefore = source.segments().length;
  await hideBefore(stream, source, olderThan);
  const { hidden, sealed, pageSegments } = await stream.prepare();
  const erased: OffsetRange[] = [];
  let segmentsDone = 0;
  let segmentsReplaced = 0;
  let bytesReclaimed = 0;
  const replace = async (group: Segments): Promise<void> => {
    const [{ firstOffset: from }] = group;
    const last = elementAt(group, group.length - 1);
    const to = last.nextOffset;
    const isAsItIs = from === to || (codec === undefined && !hidden.meets({ from, to }));
    if (group.length === 1 && isAsItIs) return;
    const head = await headAfter(source, last);
    const rewritten = await rewriteSegments(source.context, group, { hidden, codec, head, signal });
    if (rewritten === undefined) return;
    await stream.replace(rewritten);
    segmentsReplaced += group.length;
    bytesReclaimed += group.reduce((sum, { bytes }) => sum + bytes, -rewritten.info.bytes);
    for (const range of rewritten.erased) erased.push(range);
  };
  // What cannot be merged is compacted segment by segment. The first damage that is met is told.
  const compactGroup = async (group: Segments): Promise<StorageError | undefined> => {
    const met = await tolerated(() => replace(group));
    if (met === undefined || group.length === 1) return met;
    let first: StorageError | undefined;
    for (const segment of group) {
      const damage = await compactGroup([segment]);
      first ??= damage;
    }
    return first;
  };
  let failure: StorageError | undefined;
  for (const group of await groupsOf(source, sealed, hidden, pageSegments, merging, signal)) {
    refuseIfAborted(signal);
    onProgress?.(segmentsDone, sealed.length);
    segmentsDone += group.length;
    const met = await compactGroup(group);
    failure ??= met;
  }
  if (failure !== undefined) throw failure;
  onProgress?.(sealed.length, sealed.length);
  return {
    segmentsBefore,
    segmentsAfter: source.segments().length,
    segmentsReplaced,
    bytesReclaimed,
    recordsErased: erased.reduce((sum, { from, to }) => sum + to - from, 0),
    tombstonesApplied: await tombstonesNaming(source, OffsetRanges.none.with(erased)),
    quarantinePurged: purgeQuarantine ? await stream.purgeQuarantine() : [],
  };
}

/** What keeps a segment from being compacted, if it is damage in it and nothing that is wrong elsewhere. */
async function tolerated(work: () => Promise<void>): Promise<StorageError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof StorageError && isNoFile(error)) return missingSegment(error);
    if (error instanceof StorageError && isDamage(error)) return error;
    throw error;
  }
}

const missingSegment = ({ stream, file, cause }: StorageError): StorageError =>
  new StorageError(MISSING_SEGMENT.code, MISSING_SEGMENT.sentence, { stream, file }, cause);

/** Whether an error says that what was read is damaged. */
const isDamage = (error: unknown): boolean =>
  error instanceof StorageError && error.code !== "io" && error.code !== "poisoned";

/**
 * The hash that the record after a segment carries, if there is one; where that is damaged, the one that the
 * segment's index has.
 */
async function headAfter(source: ReadSource, segment: SegmentInfo): Promise<Uint8Array | undefined> {
  try {
    return (await recordAtOffset(source, segment.nextOffset))?.prevHash;
  } catch (error) {
    const { places, end, head } = await source.index(segment);
    const isWhole = places === segment.nextOffset - segment.firstOffset && end === segment.bytes;
    if (!isDamage(error) || !isWhole) throw error;
    return head;
  }
}

/** Hides the data records before an offset, unless one tombstone or several name all of them already. */
async function hideBefore(stream: Compactable, source: ReadSource, end: number): Promise<void> {
  let count = Math.min(end, endOf(source));
  // The last record that a tombstone names is a data record.
  while (count > 0 && !isHideable((await recordAtOffset(source, count - 1))?.kind)) count -= 1;
  if (count === 0 || (await source.hidden(0)).covers({ from: 0, to: count })) return;
  await stream.hide({ first: 0n, count: BigInt(count) });
}

const isHideable = (kind: RecordKind | undefined): boolean => kind === "data" || kind === "redacted";

/** How many tombstones name at least one of these offsets. */
async function tombstonesNaming(source: ReadSource, offsets: OffsetRanges): Promise<number> {
  let naming = 0;
  if (offsets.size === 0) return naming;
  for (const segment of source.segments()) {
    const tombstones = await tombstonesIn(source, segment);
    naming += tombstones.filter((tombstone) => offsets.meets(rangeOf(tombstone))).length;
  }
  return naming;
}
