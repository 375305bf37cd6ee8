/**
 * Holding a stream's index files against what they must prove (`model/proof.ts`), and against the segments,
 * by the model's readers.
 * @module
 */
import { type Proof, savedAtLeast } from "../model/proof.ts";
import { claimedRecords, claimedSize } from "../model/reader.ts";
import type { Bounds } from "./bounds.ts";
import {
  indexFiles,
  type IndexReading,
  NO_INDEX,
  readFrames,
  readIndex,
  wholeFrameBehind,
} from "../model/index-reader.ts";
import { C2 } from "./invariants/corruption.ts";
import { numbersOf, segmentNames } from "./segment-names.ts";
import { type Counts, observe } from "./tally.ts";

/** A segment as the model's reader finds it, and what its index files say. */
interface Held {
  readonly name: string;
  /** Where each of its records starts, and behind them where the last one ends. */
  readonly borders: readonly number[];
  /** The offset after each of them; a redacted one stands for several. */
  readonly ends: readonly number[];
  readonly isSealed: boolean;
  readonly saved: IndexReading;
  readonly frames: Uint8Array | undefined;
}

/**
 * Checks that index files name true places and prove what they must.
 *
 * @param files those of the stream's directory, by name
 * @param records how many records are in the segments
 * @param proof what they must prove
 * @param mayHideFrames whether a failed sync dropped pages, and no recovery has looked since: pages of the
 *   write-ahead file may show what they held before, an older frame behind a torn one
 */
export function checkProofs(
  files: ReadonlyMap<string, Uint8Array>,
  records: number,
  proof: Proof,
  bounds: Pick<Bounds, "format" | "indexLogMaxEntries">,
  counts: Counts,
  mayHideFrames = false,
): void {
  const replacing = replacingIn(files);
  for (const held of segmentsIn(files, records, bounds)) {
    checkNames(held, mayHideFrames, counts);
    if (replacing === undefined || numbersOf(held.name)?.[0] !== replacing)
      checkProof(held, proof, bounds, counts);
  }
}

/**
 * The number of the segment that the manifest says is being replaced, or the first of several: its index may
 * be missing (`docs/FORMAT.md`, section 7). It is sealed, so nothing of it is ever taken for a torn write.
 */
function replacingIn(files: ReadonlyMap<string, Uint8Array>): number | undefined {
  const manifest = Buffer.from(files.get("manifest.json") ?? "").toString();
  const number = /"replacing": (\d+)/.exec(manifest)?.[1];
  return number === undefined ? undefined : Number(number);
}

/**
 * The records are taken to be whole: that they are is checked elsewhere, and hashing them would cost more
 * than all of this.
 */
function segmentsIn(
  files: ReadonlyMap<string, Uint8Array>,
  records: number,
  { format }: Pick<Bounds, "format">,
): Held[] {
  const names = segmentNames(files.keys());
  let first = 0;
  return names.map((name, i) => {
    const bytes = files.get(name) ?? new Uint8Array();
    const borders = [0];
    const ends: number[] = [];
    for (let at = 0; at < bytes.length && first < records; borders.push(at)) {
      const rest = bytes.subarray(at);
      const size = claimedSize(format, rest) ?? 0;
      first += size === 0 || size > rest.length ? 1 : Number(claimedRecords(format, rest));
      ends.push(first);
      at = size === 0 ? bytes.length : at + size;
    }
    const { saved, frames } = indexFiles(files, name, format);
    const isSealed = i < names.length - 1;
    const held = {
      name,
      borders,
      ends,
      isSealed,
      saved: saved === undefined ? NO_INDEX : readIndex(saved),
      frames,
    };
    return held;
  });
}

/** What index files name is there; a frame may be torn, and then nothing was written behind it. */
function checkNames(
  { name, borders, isSealed, saved, frames }: Held,
  mayHideFrames: boolean,
  counts: Counts,
): void {
  const all = frames === undefined || isSealed ? saved : readFrames(frames, saved);
  for (const index of new Set([saved, all])) {
    const hasHiddenFrames =
      index.problem !== undefined && (frames === undefined || wholeFrameBehind(frames) !== undefined);
    observe(counts, C2.positions, { segment: name, borders, index, hasHiddenFrames, mayHideFrames });
  }
}

function checkProof(
  { name, borders, ends, isSealed, saved, frames }: Held,
  { named, framed, once }: Proof,
  { indexLogMaxEntries }: Pick<Bounds, "indexLogMaxEntries">,
  counts: Counts,
): void {
  /** How many of its records are among the first so many of the stream. */
  const within = (records: number): number => ends.filter((end) => end <= records).length;
  const alone = frames === undefined ? NO_INDEX : readFrames(frames);
  const all = frames === undefined ? saved : readFrames(frames, saved);
  observe(counts, C2.proof, {
    segment: name,
    isSealed,
    proven: all.entries.length,
    provenAtLeast: within(named),
    framedEnd: alone.end,
    framedEndAtLeast: borders[within(framed)] ?? 0,
    saved: saved.entries.length,
    savedAtLeast: isSealed ? ends.length : savedAtLeast(within(once), indexLogMaxEntries),
  });
}
