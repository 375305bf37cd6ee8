/**
 * Shards: how one run of the check is shared between machines that know nothing of each other.
 *
 * Every shard lists all units, searches those that are its own, and counts what these count. The first one
 * also counts what the survey of the workloads counted, which all of them repeat.
 *
 * Why shards merged are one run: the list of units depends on nothing but the bounds (`planOf` names it, and
 * shards with other lists are not merged); each unit belongs to exactly one shard; what a unit counts depends
 * on nothing but the unit. So every summand of the one run's counts is in the counts of exactly one shard,
 * and a sum does not depend on its order. What is judged by the counts of everything (witnesses, pinned
 * counts, whether each invariant was checked) is judged on the sum only.
 * @module
 */
import { createHash } from "node:crypto";
import type { Format } from "../src/types.ts";
import type { Unit } from "./parts.ts";
import { costOf } from "./unit-costs.ts";

/** One shard of so many. */
export interface Share {
  /** From 1. */
  readonly index: number;
  readonly of: number;
}

/** A shard, and how far its run came. */
export interface Shard extends Share {
  /** Whether engines ran only where their conversations were new: S3 counts by it. */
  readonly memo: boolean;
  /** The name of the list of all units; `null` where the run ended before there was one. */
  readonly plan: string | null;
  /** How many units are the shard's own, and how many of them were searched. */
  readonly units: number;
  readonly searched: number;
}

/** A shard's run did all that it was to do, or ended at a violation. */
export const isSearched = ({ plan, units, searched }: Shard): boolean => plan !== null && searched === units;

/** More would find no unit left for them. */
export const SHARDS_MAX = 1000;

/**
 * Whose each unit is, so that the shards take about equally long: the costliest unit first, each goes to the
 * shard that has the least to do so far.
 * @returns the index of a shard, from 1, for each unit
 */
export function sharesOf(costs: readonly number[], of: number): number[] {
  const loads = Array.from({ length: of }, () => 0);
  const shares = costs.map(() => 0);
  const order = [...costs.keys()].sort((a, b) => (costs[b] ?? 0) - (costs[a] ?? 0) || a - b);
  for (const unit of order) {
    let least = 0;
    for (let shard = 1; shard < of; shard += 1) if ((loads[shard] ?? 0) < (loads[least] ?? 0)) least = shard;
    loads[least] = (loads[least] ?? 0) + (costs[unit] ?? 0);
    shares[unit] = least + 1;
  }
  return shares;
}

/** The units of a shard, in the order of all units. */
export function unitsOfShare(units: readonly Unit[], format: Format, { index, of }: Share): Unit[] {
  const costs = units.map((unit) => costOf(unit, format));
  const shares = sharesOf(costs, of);
  return units.filter((_, i) => shares[i] === index);
}

/** A name of a list of units: lists with the same name are equal. */
export function planOf(units: readonly Unit[]): string {
  const hash = createHash("sha256");
  for (const unit of units) hash.update(`${JSON.stringify(unit)}\n`);
  return hash.digest("hex");
}
