/**
 * The counts of the profiles, as constants: the same bounds give the same counts on any machine, so a change to one of these
 * is a change to review. A run that comes to other counts is not complete.
 * @module
 */
import type { Format } from "../src/types.ts";
import type { ProfileName } from "./bounds.ts";
import type { Counts } from "./tally.ts";

type Pinned = Pick<Counts, "workloads" | "crashPoints" | "crashStates"> & {
  readonly cases: Partial<Counts["cases"]>;
};

const PINNED: Readonly<Partial<Record<`${ProfileName} ${Format}`, Pinned>>> = {
  "quick plain": {
    workloads: 399,
    crashPoints: 61_385,
    crashStates: 6_100_832_451n,
    cases: {
      crashes: 99_373,
      "failing-calls": 4_084,
      "stored-bytes": 34_367,
      ambiguity: 10_939,
      tampering: 4_362,
      "symbolic-hashes": 9_039,
      format: 3_223_794,
    },
  },
  "quick sentinel": {
    workloads: 399,
    crashPoints: 114_584,
    crashStates: 329_144_571n,
    cases: {
      crashes: 205_657,
      "failing-calls": 4_084,
      "stored-bytes": 36_954,
      ambiguity: 67_002,
      tampering: 3_873,
      "symbolic-hashes": 25_902,
      format: 5_108_525,
    },
  },
  "default plain": {
    workloads: 2_800,
    crashPoints: 476_470,
    crashStates: 12_982_929_245_875_740_279_478n,
    cases: {
      crashes: 1_600_948,
      "failing-calls": 58_752,
      "stored-bytes": 364_164,
      ambiguity: 10_939,
      tampering: 21_096,
      "symbolic-hashes": 104_376,
      format: 21_270_998,
    },
  },
};

/** Where counts differ from the profile's, in words. */
export function pinnedDifferences(profile: ProfileName, format: Format, counts: Counts): string[] {
  const pinned = PINNED[`${profile} ${format}`];
  if (pinned === undefined) return [];
  const flat = ({ cases, ...rest }: Pinned): Record<string, number | bigint> => ({ ...rest, ...cases });
  const [wanted, seen] = [flat(pinned), flat(counts)];
  return Object.keys(wanted)
    .filter((name) => wanted[name] !== seen[name])
    .map(
      (name) =>
        `${name} is ${String(seen[name])} where ${String(wanted[name])} is pinned (properties/pinned.ts)`,
    );
}
