/**
 * The bounded exhaustive check: every workload, every crash of its last operation, every state that the crash may leave.
 *
 * The work is cut into **blocks**, the workloads that begin alike; a block's counts depend on nothing but the bounds, so the sum
 * is the same with any number of workers and shards.
 * @module
 */
import type { Bounds } from "./bounds.ts";
import { type Chosen, Odometer } from "./choices.ts";
import { ASKED, CrashSearch, Found } from "./crash-search.ts";
import { type Counts, emptyCounts, Violation } from "./tally.ts";
import { chooseWorkload, runWorkload } from "./walk.ts";

/** Answers to the first questions of every workload in it. */
export type Block = readonly number[];

/** What is wrong, and the choices that show it. */
export interface Counterexample {
  readonly invariant: string;
  readonly expected: string;
  readonly seen: string;
  readonly choices: readonly Chosen[];
}

export interface BlockResult {
  readonly counts: Counts;
  /** The first violation; the block was not searched beyond it. */
  readonly counterexample: Counterexample | undefined;
  /** Whether it was searched to its end. */
  readonly finished: boolean;
}

/** All blocks, shortest workloads first, so that the first violation found is one of the shortest. */
export function blocksOf(bounds: Bounds): Block[] {
  const blocks: Block[] = [];
  const operations = bounds.operations.map((_, i) => i);
  for (let length = 1; length <= bounds.length; length += 1) {
    // One possibility is no question: see Choice.
    const asked = bounds.length > 1 ? [length - 1] : [];
    if (length < 3 || operations.length < 2) blocks.push(asked);
    else
      for (const first of operations) for (const second of operations) blocks.push([...asked, first, second]);
  }
  return blocks;
}

/** How many workloads the bounds name. */
export function workloadsIn(bounds: Bounds): number {
  let sum = 0;
  for (let length = 1; length <= bounds.length; length += 1) sum += bounds.operations.length ** length;
  return sum;
}

/**
 * Searches one block.
 * @param goOn asked before every workload with the counts so far; `false` ends the search, unfinished
 */
export async function runBlock(
  bounds: Bounds,
  block: Block,
  goOn: (counts: Counts) => boolean,
): Promise<BlockResult> {
  const counts = emptyCounts();
  const search = new CrashSearch(bounds, counts);
  const workloads = new Odometer(block);
  try {
    do {
      if (!goOn(counts)) return { counts, counterexample: undefined, finished: false };
      workloads.begin();
      const workload = chooseWorkload(bounds, workloads);
      const points = await runWorkload(bounds, workload, counts);
      for (const point of points) {
        const asked = { what: ASKED.crash, chosen: point.place, of: points.length + 1 };
        await search.explore(point, bounds.recoveryCrashes, () => [...workloads.path(), asked]);
      }
    } while (workloads.advance());
  } catch (error) {
    const found = error instanceof Violation ? new Found(error, workloads.path()) : error;
    if (!(found instanceof Found)) throw error;
    const { invariant, expected, seen } = found.violation;
    return { counts, counterexample: { invariant, expected, seen, choices: found.path }, finished: false };
  }
  return { counts, counterexample: undefined, finished: true };
}
