/**
 * The counts of the profiles, as constants: the same bounds give the same counts on any machine, so a change to one of these
 * is a change to review. A run that comes to other counts is not complete.
 * @module
 */
import type { ProfileName } from "./bounds.ts";
import type { Counts } from "./tally.ts";

type Pinned = Pick<Counts, "workloads" | "crashPoints" | "crashStates"> & {
  readonly cases: Partial<Counts["cases"]>;
};

const PINNED: Readonly<Partial<Record<ProfileName, Pinned>>> = {
  quick: { workloads: 399, crashPoints: 58_699, crashStates: 6_099_191_109n, cases: { crashes: 92_470 } },
  default: {
    workloads: 2_800,
    crashPoints: 453_324,
    crashStates: 12_982_929_238_845_991_299_028n,
    cases: { crashes: 1_221_752 },
  },
};

/** Where counts differ from the profile's, in words. */
export function pinnedDifferences(profile: ProfileName, counts: Counts): string[] {
  const pinned = PINNED[profile];
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
