/**
 * Bounds of the exhaustive check, by name, and the profiles: named sets of them.
 * @module
 */
import type { PersistenceName } from "../fault-injection/persistence.ts";
import type { CompressionKind, Durability, Format } from "../src/index.ts";
import * as z from "zod/mini";
import { ALPHABET, OPERATIONS, type OperationName } from "./operations.ts";

/** The parts of the check (`check.ts`). */
export const PART_NAMES = [
  "crashes",
  "failing-calls",
  "stored-bytes",
  "ambiguity",
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
  /** How the streams' records are laid out and chained. */
  readonly format: Format;
  readonly durability: Durability;
  readonly compression: CompressionKind;
  /** How many crashes deep recovery itself is crashed. */
  readonly recoveryCrashes: number;
  /** Single faults are put into all sequences of up to this many operations. */
  readonly faultLength: number;
  /** Limits of the engine so small that rotation, checkpoint and index compaction happen within three operations. */
  readonly maxSegmentBytes: number;
  readonly checkpointEvery: number;
  readonly indexLogMaxEntries: number;
  readonly readChunkBytes: number;
  /** Recoveries behind one crash at most; what is cut off is counted as left. */
  readonly recoveriesMax: number;
  /** Disk calls in one life of the process at most: ends what would not end. */
  readonly stepsMax: number;
  /** Logs of up to this many records are tampered with. */
  readonly tamperedRecords: number;
  /** Logs over symbolic hashes have up to this many records, and this many blocks in all their payloads together. */
  readonly symbolicRecords: number;
  readonly symbolicBlocks: number;
  /** So many bits or fewer are flipped in the smallest record, everywhere. */
  readonly flippedBits: number;
  /** Bursts of up to so many bits are tried, everywhere; longer ones are solved for. */
  readonly burstBits: number;
  /** All inputs of up to so many bytes are tried on every reader. */
  readonly shortBytes: number;
  readonly fuzzInputs: number;
  /** What drawn inputs are drawn with. */
  readonly fuzzSeed: number;
  /** Payloads that are drawn for the codecs. */
  readonly drawnPayloads: number;
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
  format: z.enum(["plain", "sentinel"]),
  durability: z.enum(["standard", "strict"]),
  compression: z.enum(["none", "lz4", "zstd"]),
  recoveryCrashes: count(0),
  faultLength: count(1),
  maxSegmentBytes: count(1),
  checkpointEvery: count(0),
  indexLogMaxEntries: count(1),
  readChunkBytes: count(1),
  recoveriesMax: count(1),
  stepsMax: count(1),
  tamperedRecords: count(1),
  symbolicRecords: count(1),
  symbolicBlocks: count(0),
  flippedBits: z.int().check(z.minimum(1), z.maximum(4)),
  burstBits: z.int().check(z.minimum(2), z.maximum(32)),
  shortBytes: z.int().check(z.minimum(0), z.maximum(3)),
  fuzzInputs: count(1),
  fuzzSeed: count(0),
  drawnPayloads: count(1),
});

const standard: Bounds = {
  parts: PART_NAMES,
  length: 4,
  operations: ALPHABET,
  persistence: "posix",
  sectorBytes: 40,
  tornSectors: false,
  format: "plain",
  durability: "standard",
  compression: "none",
  recoveryCrashes: 1,
  faultLength: 2,
  maxSegmentBytes: 150,
  checkpointEvery: 3,
  indexLogMaxEntries: 2,
  readChunkBytes: 16,
  recoveriesMax: 1_000_000,
  stepsMax: 10_000,
  tamperedRecords: 4,
  symbolicRecords: 3,
  symbolicBlocks: 3,
  flippedBits: 3,
  burstBits: 12,
  shortBytes: 2,
  fuzzInputs: 1_500_000,
  fuzzSeed: 1,
  drawnPayloads: 5000,
};

export type ProfileName = "quick" | "default" | "nightly";

const PLAIN_PROFILES: Readonly<Record<ProfileName, Bounds>> = {
  quick: {
    ...standard,
    length: 3,
    sectorBytes: 96,
    faultLength: 1,
    tamperedRecords: 3,
    symbolicBlocks: 2,
    flippedBits: 2,
    burstBits: 8,
    shortBytes: 1,
    fuzzInputs: 30_000,
    drawnPayloads: 300,
  },
  default: standard,
  nightly: {
    ...standard,
    length: 5,
    recoveryCrashes: 2,
    faultLength: 3,
    tamperedRecords: 5,
    symbolicBlocks: 4,
    burstBits: 16,
    fuzzInputs: 20_000_000,
    drawnPayloads: 50_000,
  },
};

/**
 * Records of the format `sentinel` are larger, and a segment ends only behind the batch that fills it: with these limits as much happens within
 * as few operations, and as many sectors hold as many records.
 */
function forSentinel(bounds: Bounds): Bounds {
  const sectorBytes = bounds.sectorBytes === standard.sectorBytes ? bounds.sectorBytes : 116;
  return { ...bounds, format: "sentinel", maxSegmentBytes: 100, sectorBytes };
}

/** The bounds of a profile. */
export function profileOf(name: ProfileName, format: Format = "plain"): Bounds {
  const bounds = PLAIN_PROFILES[name];
  return format === "plain" ? bounds : forSentinel(bounds);
}

export const PROFILE_NAMES: readonly ProfileName[] = ["quick", "default", "nightly"];
