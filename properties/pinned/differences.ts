/**
 * Pinned counts: the same bounds give the same counts on any machine, so what a profile tries, what it checks
 * and what it meets are constants, and a change to one of them is a change to review. A run that comes to
 * other counts is not complete.
 *
 * Promises: every count is compared, and one that only one side has differs. Does not promise: that a check
 * which is counted compares anything (`properties/defects/` is for that).
 * @module
 */
import type { Format } from "../../src/types.ts";
import type { ProfileName } from "../bounds.ts";
import type { Counts } from "../tally.ts";
import { PINNED } from "./counts.ts";
import type { Pins } from "./pins.ts";

/** A count that is not the pinned one. Bigints, so that JSON has all their digits. */
export interface Difference {
  /** Such as `checks of D1`. */
  readonly count: string;
  readonly pinned: bigint | null;
  readonly seen: bigint | null;
}

const GROUPS = [
  ["cases", "cases of"],
  ["checks", "checks of"],
  ["met", "meetings of"],
] as const;

/** The counts that are pinned for a profile, if any are. */
export function pinsOf(profile: ProfileName, format: Format): Pins | undefined {
  return PINNED[`${profile} ${format}`];
}

/** Where counts are not the pinned ones. */
export function pinnedDifferences(pinned: Pins, counts: Counts | Pins): Difference[] {
  const [wanted, seen] = [flat(pinned, pinned), flat(counts, pinned)];
  return [...new Set([...wanted.keys(), ...seen.keys()])]
    .map((count) => ({ count, pinned: wanted.get(count) ?? null, seen: seen.get(count) ?? null }))
    .filter((difference) => difference.pinned !== difference.seen);
}

/** All counts by name; only the groups that the pins have. */
function flat(counts: Counts | Pins, { checks, met }: Pins): Map<string, bigint> {
  const names = new Map<string, bigint>([
    ["workloads", BigInt(counts.workloads)],
    ["crash points", BigInt(counts.crashPoints)],
    ["crash states", counts.crashStates],
  ]);
  for (const [group, words] of GROUPS) {
    if ((group === "checks" && checks === undefined) || (group === "met" && met === undefined)) continue;
    for (const [id, count] of Object.entries(counts[group] ?? {})) names.set(`${words} ${id}`, BigInt(count));
  }
  return names;
}

/** A difference for a person. */
export function differenceText({ count, pinned, seen }: Difference): string {
  const number = (value: bigint | null): string =>
    value === null ? "not there" : value.toLocaleString("en-US");
  return `${count}: ${number(seen)} where ${number(pinned)} is pinned`;
}
