/**
 * The whole check: the parts that it has, and how each is cut into units, so that any number of workers can
 * share them.
 *
 * What a unit's search counts depends on nothing but the unit, so the sum is the same with any number of
 * workers and in any order.
 * @module
 */
import { addCounts } from "./tally.ts";
import { AMBIGUITY } from "./faults/ambiguity.ts";
import type { Bounds, PartName } from "./bounds.ts";
import { CONCURRENCY } from "./concurrency/concurrency.ts";
import type { Chosen } from "../explore/choice.ts";
import { type Engines, heardEngines, runningEngines } from "./conversations/engines.ts";
import type { ConversationTree } from "./conversations/tree.ts";
import { type CrashUnit, searchCrashes } from "./crashes/survey.ts";
import { FORMAT } from "./format/format.ts";
import { FAILING_CALLS } from "./faults/failing-calls.ts";
import { KIMBERLITE } from "./kimberlite/kimberlite.ts";
import { searchPart, type Part, type PartResult, type Run } from "./part.ts";
import { SYMBOLIC_HASHES } from "./symbolic/symbolic-hashes.ts";
import { TAMPERING } from "./tampering/tampering.ts";
import { STORED_BYTES } from "./faults/stored-bytes.ts";
import { walk } from "./crashes/walk.ts";

/** The part that is searched by `crashes/survey.ts`: its units come from a survey. */
const CRASHES = {
  cases: "recoveries",
  units: () => [],
  runner: () => walk,
} satisfies Part;

export const PARTS: Readonly<Record<PartName, Part>> = {
  crashes: CRASHES,
  "failing-calls": FAILING_CALLS,
  "stored-bytes": STORED_BYTES,
  ambiguity: AMBIGUITY,
  concurrency: CONCURRENCY,
  kimberlite: KIMBERLITE,
  tampering: TAMPERING,
  "symbolic-hashes": SYMBOLIC_HASHES,
  format: FORMAT,
};

/** What one worker does at a time. */
export type Unit =
  | { readonly part: "crashes"; readonly crashes: CrashUnit }
  | { readonly part: Exclude<PartName, "crashes">; readonly begins: readonly Chosen[] };

/** The units of a part other than the crashes, in order. */
export async function unitsOf(bounds: Bounds, part: Exclude<PartName, "crashes">): Promise<Unit[]> {
  const units = await PARTS[part].units(bounds);
  return units.map((begins) => ({ part, begins }));
}

/** One runner a part, made when it is asked for first, for units that are searched one after the other. */
export class Runners {
  readonly #runners = new Map<PartName, Run>();

  of(part: PartName): Run {
    const runner = this.#runners.get(part) ?? PARTS[part].runner();
    this.#runners.set(part, runner);
    return runner;
  }
}

/**
 * Searches a unit to its end, or to the first violation if it does not go on after one.
 * @param tree of conversations with these bounds; without one, every engine runs
 * @param runners those of the units before, so that what these have in common is made once
 */
export async function searchUnit(
  bounds: Bounds,
  unit: Unit,
  tree?: ConversationTree,
  runners: Runners = new Runners(),
  goesOn = false,
): Promise<PartResult> {
  if (tree === undefined) return search(bounds, unit, runningEngines(bounds), runners, goesOn);
  const engines = heardEngines(bounds, tree);
  const result = await search(bounds, unit, engines, runners, goesOn);
  addCounts(result.counts, engines.counts);
  return result;
}

function search(
  bounds: Bounds,
  unit: Unit,
  engines: Engines,
  runners: Runners,
  goesOn: boolean,
): Promise<PartResult> {
  if (unit.part === "crashes") return searchCrashes(bounds, unit.crashes, engines, goesOn);
  return searchPart(runners.of(unit.part), bounds, unit.begins, engines, goesOn);
}
