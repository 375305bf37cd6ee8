/**
 * Reading a segment with the engine's own reader, from end to end, around whatever is damaged.
 *
 * Promises: every byte of the segment belongs to a record that was verified or to a gap that is named.
 * Memory: one chunk, or the largest record. Does not promise: that the first record of a run continues the
 * chain; whoever joins the runs holds that against the record before.
 * @module
 */
import type { Region } from "../src/segment/resynchronise.ts";
import { claimedSize, type Flaw, TOO_LARGE } from "../src/format/record.ts";
import { BEYOND_LIMITS, isIntactBeyondLimits, RecordScanner } from "../src/segment/scan.ts";
import { type Due, readRun, type Run, runAt, type VerifiedRecord } from "./run.ts";
import { LOOKS_MAX, runsBehind } from "./search.ts";

/** Bytes that are no records, or a place where the chain does not go on. */
export interface Gap {
  readonly position: number;
  /**
   * Where records begin again, or the file ends; `position` itself if there is an intact record, only not one
   * that belongs there.
   */
  readonly end: number;
  /** Offset of the record that is due. */
  readonly offset: number;
  /** Offset of the record after, if one was found. */
  readonly behind: number | undefined;
  /** Chain hash of the record before, as far as it is known. */
  readonly previous: Buffer | undefined;
  readonly flaw: Flaw;
}

/** Gets what is read as it is read, in order; what it answers is waited for. */
export interface Witness {
  record(record: VerifiedRecord): void | Promise<void>;
  gap?(gap: Gap): void | Promise<void>;
  /** Is told how far the search for records after a damaged place has come. */
  searched?(position: number): void;
}

/** A segment with more gaps than this is not read beyond: it is no log any more. */
const GAPS_MAX = 1000;

const givenUp = (gaps: number): Flaw => ({
  ok: false,
  code: "malformed",
  sentence: `The segment has ${gaps} damaged places before this one and was not read further.`,
});

/** How much of a segment was read, and what is left of it. */
export interface Reading {
  readonly runs: readonly Run[];
  readonly gaps: readonly Gap[];
}

/**
 * Reads the bytes of a segment up to `region.end`.
 *
 * O(bytes), also where they were made to take long: what damaged records claim is read a fixed number of
 * times over at most.
 *
 * @param fallbackOffset the offset that its first record has if that cannot be read; what it says itself is
 * held against the segment before by whoever joins them
 * @param knownEnd one more than the offset of its last record, if that is known
 * @throws StorageError `io`
 */
export async function readSegment(
  region: Region,
  fallbackOffset: number,
  witness: Witness,
  knownEnd?: number,
): Promise<Reading> {
  const { format, file, path, end, chunkBytes } = region;
  const runs: Run[] = [];
  const gaps: Gap[] = [];
  const scanner = new RecordScanner(format, file, path, 0, end, chunkBytes, true);
  let due: Due = { offset: undefined, previous: undefined };
  /** Where records can be read after the first place that is damaged; looked for once. */
  let ahead: readonly Run[] | undefined;
  let room = LOOKS_MAX * end;
  while (!scanner.done) {
    const { run, flaw: seen } = await readRun(region, scanner, due, (record) => witness.record(record));
    if (run !== undefined) {
      runs.push(run);
      due = { offset: run.nextOffset, previous: run.head };
    }
    if (seen === undefined) break;
    const { bytes, at, position } = scanner;
    const offset = due.offset ?? fallbackOffset;
    const addGap = async (gap: Pick<Gap, "end" | "behind" | "flaw">): Promise<void> => {
      const { previous } = due;
      gaps.push({ position, offset, previous, ...gap });
      await witness.gap?.({ position, offset, previous, ...gap });
    };
    const hasHeader = bytes.length - at >= format.headerBytes;
    room -= hasHeader ? Math.min(claimedSize(format, bytes, at), end - position) : 0;
    if (gaps.length === GAPS_MAX || room < 0) {
      await addGap({ end, behind: undefined, flaw: givenUp(gaps.length) });
      break;
    }
    const isBeyondLimits = seen === TOO_LARGE && (await isIntactBeyondLimits(region, position));
    const flaw = isBeyondLimits ? BEYOND_LIMITS : seen;
    // An intact record that belongs elsewhere is read from its own offset on, as far as that goes: what is in
    // a file is to be known.
    let behind = flaw.misplaced === true ? await runAt(region, position) : undefined;
    if (behind === undefined) {
      ahead ??= await runsBehind(region, position + 1, { ...due, offset, knownEnd }, GAPS_MAX, (at) => {
        witness.searched?.(at);
      });
      behind = ahead.find((one) => one.start > position);
    }
    await addGap({ end: behind?.start ?? end, behind: behind?.offset, flaw });
    if (behind === undefined) break;
    due = { offset: behind.offset, previous: undefined };
    scanner.skipTo(behind.start);
  }
  return { runs, gaps };
}
