/**
 * Bounds of the exhaustive check, by name, and the profiles: named sets of them.
 * @module
 */
import type { PersistenceName } from "../fault-injection/persistence.ts";
import * as z from "zod/mini";
import { OPERATIONS, type OperationName } from "./operations.ts";

/** The parts of the check (`check.ts`). */
export const PART_NAMES = [
  "crashes",
  "failing-calls",
  "stored-bytes",
  "tampering",
  "symbolic-hashes",
  "format",
] as const;

export type PartName = (typeof PART_NAMES)[number];

export interface Bounds {
  readonly parts: readonly PartName[];
  /** Workloads are all sequences of up to this many operations. */
  readonly length: number;
  readonly operations: readonly OperationName[];
  readonly persistence: PersistenceName;
  /** Sectors this small make one record span several. */
  readonly sectorBytes: number;
  readonly tornSectors: boolean;
  /** How many crashes deep recovery itself is crashed. */
  readonly recoveryCrashes: number;
  /** Limits of the engine so small that rotation, checkpoint and index compaction happen within three operations. */
  readonly maxSegmentBytes: number;
  readonly checkpointEvery: number;
  readonly indexLogMaxEntries: number;
  readonly readChunkBytes: number;
  /** Recoveries behind one crash at most; what is cut off is counted as left. */
  readonly recoveriesMax: number;
  /** Disk calls in one life of the process at most: ends what would not end. */
  readonly stepsMax: number;
}

const count = (min: number): z.ZodMiniNumber => z.int().check(z.minimum(min));

/** For bounds that come from a file or a command line. */
export const boundsSchema: z.ZodMiniType<Bounds> = z.strictObject({
  parts: z.array(z.enum(PART_NAMES)).check(z.minLength(1)),
  length: count(1),
  operations: z.array(z.enum(OPERATIONS.map(({ name }) => name))).check(z.minLength(1)),
  persistence: z.enum(["posix", "ordered-metadata", "prefix"]),
  sectorBytes: count(1),
  tornSectors: z.boolean(),
  recoveryCrashes: count(0),
  maxSegmentBytes: count(1),
  checkpointEvery: count(0),
  indexLogMaxEntries: count(1),
  readChunkBytes: count(1),
  recoveriesMax: count(1),
  stepsMax: count(1),
});

const standard: Bounds = {
  parts: PART_NAMES,
  length: 4,
  operations: OPERATIONS.map(({ name }) => name),
  persistence: "posix",
  sectorBytes: 40,
  tornSectors: false,
  recoveryCrashes: 1,
  maxSegmentBytes: 150,
  checkpointEvery: 3,
  indexLogMaxEntries: 2,
  readChunkBytes: 16,
  recoveriesMax: 1_000_000,
  stepsMax: 10_000,
};

export type ProfileName = "quick" | "default" | "nightly";

export const PROFILES: Readonly<Record<ProfileName, Bounds>> = {
  quick: { ...standard, length: 3, sectorBytes: 96 },
  default: standard,
  nightly: { ...standard, length: 5, recoveryCrashes: 2 },
};
