/**
 * One walk through the checker's tree, every step of it chosen by one `Choice`: a workload, a crash in its
 * last operation, what the crash left, perhaps a crash in recovery, and what comes after. Replays and random
 * runs are such walks; the exhaustive search (`survey.ts`) asks the same questions in the same order.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import { nothingSearched, walkCrashes } from "../../explore/crash-search.ts";
import { callText, type DiskCall, type DiskChange } from "../../fault-injection/disk-call.ts";
import type { Bounds } from "../bounds.ts";
import { type Engines, runningEngines } from "../conversations/engines.ts";
import { countSearched, CrashedEngine } from "./crashed-engine.ts";
import { showModel } from "../comparison.ts";
import { ASKED, type CrashPoint, CrashPoints } from "./points.ts";
import type { Leavings } from "../kimberlite/leavings.ts";
import { INDEX_SAVED, ROTATION } from "../invariants/witnesses.ts";
import { Lockstep } from "../lockstep.ts";
import { COMPACTION_ALPHABET, COMPACTION_BEGINS, type OperationName, operationNamed } from "../operations.ts";
import type { Trace } from "../part.ts";
import { type Counts, witnessed } from "../tally.ts";

/** Chooses a workload: its length, then its operations. */
export function chooseWorkload(bounds: Bounds, choice: Choice): OperationName[] {
  const length = choice.choose(bounds.length, "operations, less one") + 1;
  return Array.from({ length }, (_, i) => {
    const question = `operation ${i + 1}: ${bounds.operations.join(", ")}`;
    const chosen = bounds.operations[choice.choose(bounds.operations.length, question)];
    if (chosen === undefined) throw new RangeError("The bounds name no operations.");
    return chosen;
  });
}

/**
 * Chooses a workload to be crashed: one of the bounds, or one of a compaction, which begins with records that
 * are hidden.
 */
export function chooseCrashed(bounds: Bounds, choice: Choice): OperationName[] {
  const { compactionLength: length } = bounds;
  if (length === 0 || choice.choose(2, "workload: of the bounds, of a compaction") === 0)
    return chooseWorkload(bounds, choice);
  const following = chooseWorkload({ ...bounds, length, operations: COMPACTION_ALPHABET }, choice);
  return [...COMPACTION_BEGINS, ...following];
}

/**
 * Runs a workload on engine and model, in an empty directory or in what was found. @returns the moments of
 * its last operation at which a crash may come
 */
export async function runWorkload(
  bounds: Bounds,
  workload: readonly OperationName[],
  counts: Counts,
  trace?: Trace,
  found?: Leavings,
): Promise<CrashPoint[]> {
  const lockstep = await Lockstep.open(bounds, counts, found);
  const { disk } = lockstep;
  const points = new CrashPoints(disk, () => lockstep.logs);
  const witness = (change: DiskChange): void => {
    witnessed(counts, INDEX_SAVED, change);
    witnessed(counts, ROTATION, change);
  };
  const tell =
    trace &&
    ((call: DiskCall): void => {
      trace(callText(call), disk);
    });
  disk.onCall = tell;
  for (const [i, name] of workload.entries()) {
    if (i === workload.length - 1) points.watch(witness, tell);
    trace?.(`-- ${name}`);
    await lockstep.perform(operationNamed(name));
    trace?.(showModel(lockstep.logs), disk);
    lockstep.checkProofs();
  }
  points.end("the operation's acknowledgement");
  await lockstep.compareAll();
  return points.kept;
}

/**
 * Walks once.
 * @param trace gets every call to the disk, and what it belongs to
 * @throws Violation
 */
export async function walk(
  bounds: Bounds,
  choice: Choice,
  counts: Counts,
  trace?: Trace,
  engines: Engines = runningEngines(bounds),
): Promise<void> {
  const points = await runWorkload(bounds, chooseCrashed(bounds, choice), counts, trace);
  counts.workloads += 1;
  const point = points[choice.choose(points.length + 1, ASKED.crash) - 1];
  const program = new CrashedEngine(bounds, engines, counts, trace);
  const searched = nothingSearched();
  try {
    await walkCrashes(program, searched, choice, point, bounds.recoveryCrashes);
  } finally {
    countSearched(counts, searched);
  }
}
