/**
 * The search of crashes: every workload, every crash of its last operation, every state that the crash may
 * leave.
 *
 * First a **survey** runs every workload once, engine beside model, and lists the crash points that no
 * workload before it had. They are cut into **units**, one a workload; what a unit's search counts depends on
 * nothing but the unit, so the sum is the same with any number of workers and in any order.
 * @module
 */
import { CrashSearch, nothingSearched } from "../../explore/crash-search.ts";
import { exhaust } from "../../explore/exhaust.ts";
import type { Bounds } from "../bounds.ts";
import type { Chosen } from "../../explore/choice.ts";
import { Odometer } from "../../explore/odometer.ts";
import type { Engines } from "../conversations/engines.ts";
import { ASKED, momentChoice, onlyStream, stateKey } from "./points.ts";
import { countSearched, CrashedEngine } from "./crashed-engine.ts";
import { COMPACTION_ALPHABET } from "../operations.ts";
import { goingOn, type PartResult, Violations } from "../part.ts";
import { type Counts, emptyCounts } from "../tally.ts";
import { chooseCrashed, runWorkload } from "./walk.ts";

/** Crash points of one workload that are worth a search. */
export interface CrashUnit {
  /** The answers that make the workload. */
  readonly workload: readonly Chosen[];
  readonly points: readonly UnitPoint[];
}

/** A moment (its place in the last operation), and which of the streams is looked at. */
interface UnitPoint {
  readonly place: number;
  readonly stream: number;
}

export interface Survey extends PartResult {
  readonly units: readonly CrashUnit[];
}

/** How many workloads the bounds name. */
export function workloadsIn(bounds: Bounds): number {
  const { operations, length, compactionLength } = bounds;
  return sequences(operations.length, length) + sequences(COMPACTION_ALPHABET.length, compactionLength);
}

/** How many sequences of at least one and at most so many operations there are. */
function sequences(operations: number, length: number): number {
  return length === 0 ? 0 : operations * (1 + sequences(operations, length - 1));
}

/**
 * Runs every workload without a crash, shortest first, so that the first violation is one of the shortest.
 * @param watch sees before every workload what was counted so far
 * @param goesOn whether a violation does not end it
 */
export async function survey(
  bounds: Bounds,
  watch: (counts: Counts) => void = () => undefined,
  goesOn = false,
): Promise<Survey> {
  const counts = emptyCounts();
  const units: CrashUnit[] = [];
  const seen = new Set<string>();
  const violations = new Violations(goesOn);
  const once = async (workloads: Odometer): Promise<void> => {
    watch(counts);
    const found = await runWorkload(bounds, chooseCrashed(bounds, workloads), counts);
    counts.workloads += 1;
    const points: UnitPoint[] = [];
    for (const point of found) {
      for (const stream of [...point.logs.keys()].keys()) {
        const key = stateKey(onlyStream(point, stream), point.kind);
        if (seen.has(key)) continue;
        seen.add(key);
        points.push({ place: point.place, stream });
      }
    }
    if (points.length > 0) units.push({ workload: workloads.path(), points });
  };
  try {
    await exhaust(goingOn(once, violations));
  } catch (error) {
    return { ...violations.result(counts, error), units: [] };
  }
  return { ...violations.result(counts), units };
}

/**
 * Searches what lies after a unit's crash points.
 * @param goesOn whether a violation does not end the search, but only what lies after it
 */
export async function searchCrashes(
  bounds: Bounds,
  unit: CrashUnit,
  engines: Engines,
  goesOn = false,
): Promise<PartResult> {
  const counts = emptyCounts();
  const searched = nothingSearched();
  const program = new CrashedEngine(bounds, engines, counts);
  const violations = new Violations(goesOn);
  const search = new CrashSearch(program, searched, bounds.recoveriesMax, violations.take);
  const answers = new Odometer(unit.workload.map(({ chosen }) => chosen));
  answers.begin();
  const workload = chooseCrashed(bounds, answers);
  // Counted by the survey already.
  const points = await runWorkload(bounds, workload, emptyCounts());
  let ended: unknown;
  try {
    for (const { place, stream } of unit.points) {
      const point = points[place - 1];
      if (point === undefined) throw new RangeError(`A unit names crash point ${place} of ${points.length}.`);
      const asked = momentChoice(ASKED.crash, points.length, point);
      await search.explore(point, bounds.recoveryCrashes, () => [...unit.workload, asked], stream);
    }
  } catch (error) {
    ended = error;
  }
  countSearched(counts, searched);
  return violations.result(counts, ended);
}
