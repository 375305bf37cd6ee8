/**
 * Holding a stream's index files against what they must prove (`model/proof.ts`), and against the segments,
 * by the model's readers.
 * @module
 */
import { type Proof, savedAtLeast } from "../model/proof.ts";
import { claimedSize } from "../model/reader.ts";
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
import { type Counts, observe } from "./tally.ts";

/** A segment as the model's reader finds it, and what its index files say. */
interface Held {
  readonly name: string;
  /** Offset of its first record. */
  readonly first: number;
  /** Where each of its records starts, and behind them where the last one ends. */
  readonly borders: readonly number[];
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
  for (const held of segmentsIn(files, records, bounds)) {
    checkNames(held, mayHideFrames, counts);
    checkProof(held, proof, bounds, counts);
  }
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
  const names = [...files.keys()].filter((name) => name.endsWith(".log")).sort();
  let first = 0;
  return names.map((name, i) => {
    const bytes = files.get(name) ?? new Uint8Array();
    const borders = [0];
    for (let at = 0; at < bytes.length && first + borders.length <= records; borders.push(at)) {
      const size = claimedSize(format, bytes.subarray(at)) ?? 0;
      at = size === 0 ? bytes.length : at + size;
    }
    const { saved, frames } = indexFiles(files, name, format);
    const isSealed = i < names.length - 1;
    const held = {
      name,
      first,
      borders,
      isSealed,
      saved: saved === undefined ? NO_INDEX : readIndex(saved),
      frames,
    };
    first += borders.length - 1;
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
  { name, first, borders, isSealed, saved, frames }: Held,
  { named, framed, once }: Proof,
  { indexLogMaxEntries }: Pick<Bounds, "indexLogMaxEntries">,
  counts: Counts,
): void {
  const count = borders.length - 1;
  /** How many of its records are among the first so many of the stream. */
  const within = (records: number): number => Math.min(Math.max(records - first, 0), count);
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
    savedAtLeast: isSealed ? count : savedAtLeast(within(once), indexLogMaxEntries),
  });
}
