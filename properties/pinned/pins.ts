/**
 * What is pinned of a profile.
 * @module
 */
import type { Format } from "../../src/types.ts";
import type { ProfileName } from "../bounds.ts";

/**
 * The counts of a profile. Ids are not typed: one that was renamed is a difference to report, not a reason
 * not to compile.
 */
export interface Pins {
  readonly workloads: number;
  readonly crashPoints: number;
  readonly crashStates: bigint;
  /** What each part has tried. */
  readonly cases: Readonly<Record<string, number>>;
  /** How often each invariant was checked; left out where that is not pinned. */
  readonly checks?: Readonly<Record<string, number>>;
  /** How often each witness was met; left out where that is not pinned. */
  readonly met?: Readonly<Record<string, number>>;
}

export type PinnedProfile = `${ProfileName} ${Format}`;
