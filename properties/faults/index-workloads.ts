/**
 * Workloads for failing calls on index files. Within the limits of the bounds the next call may rotate,
 * append a checkpoint or save the index, and that hides what a failing call left of these files. Here the
 * limits are wider, and each call adds one frame.
 * @module
 */
import type { DiskCall } from "../../fault-injection/disk-call.ts";
import type { Bounds } from "../bounds.ts";
import type { OperationName } from "../operations.ts";

interface IndexWorkload {
  readonly name: string;
  /** After how many entries the index is saved. */
  readonly indexLogMaxEntries: number;
}

export const INDEX_WORKLOADS: readonly IndexWorkload[] = [
  { name: "frames alone", indexLogMaxEntries: 1 << 20 },
  { name: "an index saved with each doubling", indexLogMaxEntries: 1 },
  { name: "one saved with the second record", indexLogMaxEntries: 2 },
  { name: "one saved with the third record", indexLogMaxEntries: 3 },
];

const WORKLOAD: readonly OperationName[] = ["append+sync", "append+sync", "append+sync"];

/** What an engine is opened with and asked to do. */
export interface RunSetup {
  readonly bounds: Bounds;
  readonly workload: readonly OperationName[];
}

/** @param bounds those in which nothing but the limits is made for it */
export function setupOf(bounds: Bounds, { indexLogMaxEntries }: IndexWorkload): RunSetup {
  const limits = { ...bounds, maxSegmentBytes: 1 << 20, checkpointEvery: 0, indexLogMaxEntries };
  return { bounds: limits, workload: WORKLOAD };
}

/** Whether a call is about an index file, or one that is to become one. */
export function isOfIndex(call: DiskCall | undefined): boolean {
  return call?.path.includes(".idx") === true;
}
