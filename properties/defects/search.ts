/**
 * Searches one part of the check until something is violated: what a process does that has a defect in it.
 * @module
 */
import { type Bounds, type PartName, profileOf } from "../bounds.ts";
import type { InvariantId } from "../invariants/catalogue.ts";
import { PARTS, Runners, searchUnit, type Unit, unitsOf } from "../parts.ts";
import { choiceText } from "../../explore/choice.ts";
import { ConversationTree } from "../conversations/tree.ts";
import { survey } from "../crashes/survey.ts";
import { directoryNames } from "../faults/stored-states.ts";
import { type Counterexample, type PartResult, simplest } from "../part.ts";
import { addCounts, type Counts, emptyCounts } from "../tally.ts";
import type { Searched } from "./defect.ts";

/** What a search came to. */
export interface Caught {
  /** What was violated, if anything was. */
  readonly invariant: InvariantId | undefined;
  readonly seen: string;
  /** Choices of the counterexample: its length. */
  readonly choices: number;
  /** Workloads, recoveries and other cases until then. */
  readonly cases: number;
}

/** Which units are to be searched, if not all. */
interface Units {
  readonly section: string | undefined;
  readonly directory: string | undefined;
}

/** Enough for most: what a defect needs beyond it, its entry says. */
const SMALL: Partial<Bounds> = {
  length: 2,
  compactionLength: 0,
  flippedBits: 1,
  burstBits: 2,
  shortBytes: 1,
  fuzzInputs: 1,
  drawnPayloads: 1,
  tamperedRecords: 2,
  symbolicRecords: 2,
  symbolicBlocks: 2,
};

/** @returns what was violated, and what was counted until then; `invariant` is `undefined` if nothing was */
export async function search({
  part,
  section,
  directory,
  bounds: own,
}: Searched): Promise<Caught & { readonly counts: Counts }> {
  const bounds: Bounds = { ...profileOf("quick", own?.format), ...SMALL, ...own, parts: [part] };
  const counts = emptyCounts();
  const found = await firstViolation(bounds, { section, directory }, counts);
  const cases = counts.workloads + Object.values(counts.cases).reduce((sum, tried) => sum + tried, 0);
  if (found === undefined) return { invariant: undefined, choices: 0, seen: "", cases, counts };
  const { invariant, seen, choices } = await simplest(PARTS[part].runner(), bounds, found);
  return { invariant, choices: choices.length, seen, cases, counts };
}

async function firstViolation(
  bounds: Bounds,
  only: Units,
  counts: Counts,
): Promise<Counterexample | undefined> {
  const take = (result: PartResult): Counterexample | undefined => {
    addCounts(counts, result.counts);
    return result.counterexample;
  };
  const tree = new ConversationTree();
  const runners = new Runners();
  const [part] = bounds.parts;
  if (part === undefined) return undefined;
  if (part !== "crashes") {
    for (const unit of await unitsIn(bounds, part, only)) {
      const found = take(await searchUnit(bounds, unit, tree, runners));
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const surveyed = await survey(bounds);
  const early = take(surveyed);
  if (early !== undefined) return early;
  for (const crashes of surveyed.units) {
    const found = take(await searchUnit(bounds, { part, crashes }, tree));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The units that are to be searched. */
async function unitsIn(
  bounds: Bounds,
  part: Exclude<PartName, "crashes">,
  { section, directory }: Units,
): Promise<Unit[]> {
  if (directory !== undefined) {
    // The first question is which directory gets the faults; to list the units of the others takes longer
    // than to search this one.
    const directories = directoryNames(bounds.format);
    const chosen = directories.indexOf(directory);
    if (chosen < 0) throw new RangeError(`There is no directory "${directory}".`);
    return [{ part, begins: [{ what: "directory", chosen, of: directories.length }] }];
  }
  const units = await unitsOf(bounds, part);
  return section === undefined ? units : units.filter((unit) => isIn(section, unit));
}

const isIn = (section: string, unit: Unit): boolean =>
  unit.part !== "crashes" && unit.begins.some((chosen) => choiceText(chosen) === `section: ${section}`);
