/**
 * Searches one part of the check until something is violated: what a process does that has a defect in it.
 * @module
 */
import { type Bounds, profileOf } from "../bounds.ts";
import { PARTS, searchUnit, type Unit, unitsOf } from "../check.ts";
import { choiceText } from "../choices.ts";
import { ConversationTree } from "../conversations/tree.ts";
import { survey } from "../crashes/survey.ts";
import { minimise } from "../minimise.ts";
import type { Counterexample, PartResult } from "../part.ts";
import { addCounts, type Counts, emptyCounts } from "../tally.ts";
import type { Defect } from "./defect.ts";
import type { Caught } from "./run.ts";

/** Enough for most: what a defect needs beyond it, its entry says. */
const SMALL: Partial<Bounds> = {
  length: 2,
  flippedBits: 1,
  burstBits: 2,
  shortBytes: 1,
  fuzzInputs: 1,
  drawnPayloads: 1,
  tamperedRecords: 2,
  symbolicRecords: 2,
  symbolicBlocks: 2,
};

/** @returns what caught the defect; `invariant` is `undefined` if nothing did */
export async function search({ part, section, bounds: own }: Defect): Promise<Caught> {
  const bounds: Bounds = { ...profileOf("quick", own?.format), ...SMALL, ...own, parts: [part] };
  const counts = emptyCounts();
  const found = await firstViolation(bounds, section, counts);
  const cases = counts.workloads + Object.values(counts.cases).reduce((sum, tried) => sum + tried, 0);
  if (found === undefined) return { invariant: undefined, choices: 0, seen: "", cases };
  const { invariant, seen, choices } = await minimise(PARTS[part].run, bounds, found);
  return { invariant, choices: choices.length, seen, cases };
}

async function firstViolation(
  bounds: Bounds,
  section: string | undefined,
  counts: Counts,
): Promise<Counterexample | undefined> {
  const take = (result: PartResult): Counterexample | undefined => {
    addCounts(counts, result.counts);
    return result.counterexample;
  };
  const tree = new ConversationTree();
  const [part] = bounds.parts;
  if (part === undefined) return undefined;
  if (part !== "crashes") {
    for (const unit of await unitsOf(bounds, part)) {
      if (section !== undefined && !isIn(section, unit)) continue;
      const found = take(await searchUnit(bounds, unit, tree));
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

const isIn = (section: string, unit: Unit): boolean =>
  unit.part !== "crashes" && unit.begins.some((chosen) => choiceText(chosen) === `section: ${section}`);
