/**
 * Reading the same records with the model's reader, which shares no code with the engine, and saying where
 * the two differ.
 *
 * Memory: one chunk, or the largest record.
 * @module
 */
import { offsetAfter, stoodFor } from "../model/redacted.ts";
import { claimedSize, readRecord } from "../model/reader.ts";
import { firstUnnamed, namedBy } from "../model/tombstone.ts";
import type { Last, ModelRecord } from "../model/log.ts";
import type { Offset } from "../src/index.ts";
import { ByteWindow } from "../src/disk/byte-window.ts";
import type { Region } from "../src/segment/resynchronise.ts";
import type { OffsetRange } from "../src/format/offset-ranges.ts";
import { type Erasures, ErasureWatch } from "./erasures.ts";
import type { Gap } from "./first-reader.ts";
import { readAt, type Run } from "./run.ts";

/** Where the two readers differ, and how; a place that only one of them refuses. */
export interface Disagreement {
  readonly position: number;
  readonly offset: number;
  readonly sentence: string;
}

/**
 * Holds what the first reader made of a segment against what the second makes of the same bytes.
 *
 * @returns where they differ, and the redacted records and tombstones as the second reader sees them
 * @throws StorageError `io`
 */
export async function disagreements(
  region: Region,
  { runs, gaps }: { runs: readonly Run[]; gaps: readonly Gap[] },
): Promise<{ readonly found: readonly Disagreement[]; readonly erasures: Erasures }> {
  const found: Disagreement[] = [];
  const erasures = new ErasureWatch();
  for (const run of runs) {
    const end = await secondRun(region, run, erasures);
    if (typeof end.problem === "string") {
      found.push({
        position: end.position,
        offset: end.offset,
        sentence: `The engine's reader accepts this record, but the model's reader does not: ${end.problem}`,
      });
    } else if (end.offset !== run.nextOffset || Buffer.compare(end.hash, run.head) !== 0) {
      found.push({
        position: run.start,
        offset: run.offset,
        sentence: `The two readers compute different hashes before offset ${run.nextOffset}.`,
      });
    }
  }
  for (const gap of gaps) {
    // What only this version of the engine cannot read, a codec or a kind that it lacks, the model may well
    // read.
    if (gap.flaw.unreadable === true) continue;
    const accepted = await secondVerdict(region, gap);
    if (accepted) {
      const sentence = "The engine's reader refuses this record, but the model's reader does not.";
      found.push({ position: gap.position, offset: gap.offset, sentence });
    }
  }
  return { found, erasures: erasures.seen() };
}

/**
 * The first offset that a redacted record stands for and that no tombstone names, as the model finds it.
 *
 * @param named what tombstones name, of it at least all that meets the record's offsets
 */
export function secondUnnamed({ from, to }: OffsetRange, named: readonly OffsetRange[]): number | undefined {
  const spans = named.map((span) => ({ first: BigInt(span.from), end: BigInt(span.to) }));
  const offset = Number(firstUnnamed(spans, BigInt(from)));
  return offset < to ? offset : undefined;
}

interface SecondEnd {
  readonly position: number;
  readonly offset: number;
  readonly hash: Uint8Array;
  readonly problem?: string;
}

async function secondRun(
  { format, file, path, chunkBytes }: Region,
  run: Run,
  erasures: ErasureWatch,
): Promise<SecondEnd> {
  const window = new ByteWindow(file, path, run.start, run.end, chunkBytes, true);
  let last: Last | undefined = before(run.offset, run.prevHash);
  let hash: Uint8Array = run.prevHash;
  const end = (problem?: string): SecondEnd => ({
    position: window.position,
    offset: Number(offsetAfter(last)),
    hash,
    ...(problem === undefined ? {} : { problem }),
  });
  while (window.left > 0) {
    const held = window.bytes.subarray(window.at);
    const size = claimedSize(format.name, held);
    if (size === undefined || size > held.length) {
      if (held.length === window.left) return end("The segment ends within it.");
      await window.fill(Math.max(size ?? 0, HEADER_BYTES_MAX));
      if (window.held === held.length) return end("The segment ends within it.");
      continue;
    }
    const found = readRecord(format.name, held, last);
    if (typeof found === "string") return end(found);
    if (format.name === "plain") watchErasures(erasures, found.record, window.position);
    last = found.record;
    ({ hash } = found.record);
    window.skip(found.size);
  }
  return end();
}

/** Notes a record that is redacted, or that is a tombstone. */
function watchErasures(erasures: ErasureWatch, record: ModelRecord, position: number): void {
  const { kind, offset, payload } = record;
  const stood = kind === "redacted" ? stoodFor(payload, offset) : undefined;
  if (stood !== undefined) erasures.redaction({ from: Number(offset), to: Number(stood.end), position });
  const named = kind === "tombstone" ? namedBy(payload, offset) : undefined;
  if (named !== undefined) erasures.tombstone({ from: Number(named.first), to: Number(named.end) });
}

/** Whether the model accepts a record at a place where the engine accepts none. */
async function secondVerdict(region: Region, gap: Gap): Promise<boolean> {
  const { format, end } = region;
  const header = await readAt(region, gap.position, Math.min(HEADER_BYTES_MAX, end - gap.position));
  const size = claimedSize(format.name, header);
  if (size === undefined || size > end - gap.position) return false;
  const bytes = await readAt(region, gap.position, size);
  const last = before(gap.offset, gap.previous ?? new Uint8Array(32));
  return typeof readRecord(format.name, bytes, last) !== "string";
}

/** No format has a longer header. */
const HEADER_BYTES_MAX = 64;

function before(offset: number, hash: Uint8Array): Last | undefined {
  return offset === 0 ? undefined : { offset: BigInt(offset - 1) as Offset, hash };
}
