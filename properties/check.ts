/**
 * The whole check: the parts that it has, and how each is cut into units, so that any number of workers can share them.
 *
 * What a unit's search counts depends on nothing but the unit, so the sum is the same with any number of workers and in any order.
 * @module
 */
import type { Bounds, PartName } from "./bounds.ts";
import type { Chosen } from "./choices.ts";
import { type CrashUnit, searchCrashes } from "./crashes.ts";
import { exhaust, type Part, type PartResult } from "./part.ts";
import { walk } from "./walk.ts";

/** The part that is searched by `crashes.ts`: its units come from a survey. */
const CRASHES = {
  cases: "recoveries",
  units: () => [],
  run: walk,
} satisfies Part;

const NOTHING: Part = { cases: "", units: () => [], run: () => undefined };

export const PARTS: Readonly<Record<PartName, Part>> = {
  crashes: CRASHES,
  "failing-calls": NOTHING,
  "stored-bytes": NOTHING,
  tampering: NOTHING,
  "symbolic-hashes": NOTHING,
  format: NOTHING,
};

/** What one worker does at a time. */
export type Unit =
  | { readonly part: "crashes"; readonly crashes: CrashUnit }
  | { readonly part: Exclude<PartName, "crashes">; readonly begins: readonly Chosen[] };

/** The units of all parts but the crashes, in order. */
export function unitsOf(bounds: Bounds): Unit[] {
  return bounds.parts.flatMap((part) =>
    part === "crashes" ? [] : PARTS[part].units(bounds).map((begins) => ({ part, begins })),
  );
}

/** Searches a unit to its end, or to the first violation. */
export function searchUnit(bounds: Bounds, unit: Unit): Promise<PartResult> {
  if (unit.part === "crashes") return searchCrashes(bounds, unit.crashes);
  return exhaust(PARTS[unit.part].run, bounds, unit.begins);
}
