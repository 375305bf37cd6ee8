/**
 * The pinned counts of the profiles. Written by `npm run pin`, reviewed as a difference.
 * @module
 */
import type { PinnedProfile, Pins } from "./pins.ts";

export const PINNED: Readonly<Partial<Record<PinnedProfile, Pins>>> = {
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
