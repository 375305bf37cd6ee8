/**
 * Lives that are made for calls on index files that fail: where the limits of the bounds rotate, append a
 * checkpoint or save the index at the next call, that hides what a failing call left of them. Here each call
 * adds one frame.
 * @module
 */
import type { DiskCall } from "../../fault-injection/disk-call.ts";
import type { Bounds } from "../bounds.ts";
import type { OperationName } from "../operations.ts";

interface MadeLife {
  readonly name: string;
  /** After how many entries the index is saved. */
  readonly indexLogMaxEntries: number;
}

export const MADE_LIVES: readonly MadeLife[] = [
  { name: "frames alone", indexLogMaxEntries: 1 << 20 },
  { name: "an index saved with each doubling", indexLogMaxEntries: 1 },
  { name: "one saved with the second record", indexLogMaxEntries: 2 },
  { name: "one saved with the third record", indexLogMaxEntries: 3 },
];

const WORKLOAD: readonly OperationName[] = ["append+sync", "append+sync", "append+sync"];

/** What an engine is opened with and asked to do. */
export interface Lived {
  readonly bounds: Bounds;
  readonly workload: readonly OperationName[];
}

/** @param bounds those in which nothing but the limits is made for it */
export function madeLife(bounds: Bounds, { indexLogMaxEntries }: MadeLife): Lived {
  const limits = { ...bounds, maxSegmentBytes: 1 << 20, checkpointEvery: 0, indexLogMaxEntries };
  return { bounds: limits, workload: WORKLOAD };
}

/** Whether a call is about an index file, or one that is to become one. */
export function isOfIndex(call: DiskCall | undefined): boolean {
  return call?.path.includes(".idx") === true;
}
