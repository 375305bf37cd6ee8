/**
 * Bounds of the exhaustive check, by name, and the profiles: named sets of them.
 * @module
 */
import type { PersistenceName } from "../fault-injection/persistence.ts";
import type { CompressionKind, Durability, Format } from "../src/index.ts";
import * as z from "zod/mini";
import { ALPHABET, OPERATIONS, type OperationName } from "./operations.ts";

/** The parts of the check (`parts.ts`). */
export const PART_NAMES = [
  "crashes",
  "failing-calls",
  "stored-bytes",
  "ambiguity",
  "concurrency",
  "kimberlite",
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
  /** Workloads of a compaction have up to so many operations more than they begin with; 0: there are none. */
  readonly compactionLength: number;
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
  /**
   * Limits of the engine so small that the segment is rotated, a checkpoint written and the index saved
   * within three operations.
   */
  readonly maxSegmentBytes: number;
  readonly checkpointEvery: number;
  readonly indexLogMaxEntries: number;
  readonly readChunkBytes: number;
  /** Recoveries after one crash at most; the states that remain are counted as left. */
  readonly recoveriesMax: number;
  /** Disk calls in one incarnation of the process at most: ends what would not end. */
  readonly stepsMax: number;
  /** Logs of up to this many records are tampered with. */
  readonly tamperedRecords: number;
  /**
   * Logs over symbolic hashes have up to this many records, and this many blocks in all their payloads
   * together.
   */
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

/** One bound: what it may be, and how a person sets it. */
interface BoundRow<T> {
  readonly schema: z.ZodMiniType<T>;
  /** What stands for its value in the flag's description; a flag without a value switches something on. */
  readonly argument: string | undefined;
  /** What it bounds, and the values that are allowed. */
  readonly help: string;
  /** A command line's text as a value, which is still to be checked. */
  readonly parse: (text: string) => unknown;
}

/** A whole number from `min` to `max`. */
function whole(min: number, max: number, help: string): BoundRow<number> {
  const error = `must be a whole number from ${min} to ${max}`;
  return {
    schema: z.int({ error }).check(z.minimum(min, { error }), z.maximum(max, { error })),
    argument: "n",
    help: `${help} (${min} to ${max})`,
    parse: wholeNumber,
  };
}

/** Digits as their number; anything else as what no schema of numbers takes. */
export function wholeNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** One of some names. */
function oneOf<T extends string>(names: readonly T[], argument: string, help: string): BoundRow<T> {
  const error = `must be one of ${names.join(", ")}`;
  return { schema: z.enum(names, { error }), argument, help: `${help}: ${names.join(", ")}`, parse: String };
}

/** One or more of some names, each at most once. */
function someOf<T extends string>(names: readonly T[], help: string): BoundRow<T[]> {
  const error = `must be one or more of ${names.join(", ")}, each at most once`;
  const once = z.refine<T[]>((given) => new Set(given).size === given.length, { error });
  return {
    schema: z.array(z.enum(names, { error }), { error }).check(z.minLength(1, { error }), once),
    argument: "names",
    help: `${help}, separated by commas: ${names.join(", ")}`,
    parse: (text) => text.split(","),
  };
}

/** Yes or no. */
function flag(help: string): BoundRow<boolean> {
  return { schema: z.boolean({ error: "must be true or false" }), argument: undefined, help, parse: Boolean };
}

/**
 * Every bound, once: what it may be, and its help text. The largest values are beyond what anybody waits for;
 * they keep a mistyped one from asking for more memory than there is.
 */
export const BOUND_TABLE: { readonly [Name in keyof Bounds]: BoundRow<Bounds[Name]> } = {
  parts: someOf(PART_NAMES, "parts of the check"),
  length: whole(1, 12, "workloads are all sequences of up to n operations"),
  operations: someOf(
    OPERATIONS.map(({ name }) => name),
    "operations of workloads",
  ),
  compactionLength: whole(0, 8, "workloads of a compaction: so many operations; 0 for none"),
  persistence: oneOf(["posix", "ordered-metadata", "prefix"], "model", "what a crash may leave"),
  sectorBytes: whole(1, 1 << 20, "bytes that reach the medium as a whole"),
  tornSectors: flag("a sector may be cut anywhere"),
  format: oneOf(["plain", "sentinel"], "name", "how records are laid out and chained"),
  durability: oneOf(["standard", "strict"], "mode", "what an acknowledgement of the engine proves"),
  compression: oneOf(["none", "lz4", "zstd"], "codec", "how the engine stores payloads"),
  recoveryCrashes: whole(0, 4, "how many crashes deep recovery is crashed"),
  faultLength: whole(1, 6, "single faults: in all sequences of up to n operations"),
  maxSegmentBytes: whole(1, 1 << 30, "size at which a segment ends"),
  checkpointEvery: whole(0, 1_000_000, "offsets between checkpoints; 0 for none"),
  indexLogMaxEntries: whole(1, 1_000_000, "entries after which an index is saved"),
  readChunkBytes: whole(1, 1 << 24, "bytes that the engine reads at a time"),
  recoveriesMax: whole(1, 1_000_000_000, "recoveries after one crash at most"),
  stepsMax: whole(1000, 1_000_000_000, "disk calls in one incarnation of the process at most"),
  tamperedRecords: whole(1, 8, "logs of up to n records are tampered with"),
  symbolicRecords: whole(1, 5, "records of a log over symbolic hashes"),
  symbolicBlocks: whole(0, 8, "blocks in all payloads of such a log"),
  flippedBits: whole(1, 4, "up to n bits flipped in a record, everywhere"),
  burstBits: whole(2, 32, "bursts of up to n bits in a record, all of them"),
  shortBytes: whole(0, 3, "all inputs of up to n bytes to every reader"),
  fuzzInputs: whole(1, 1_000_000_000, "inputs drawn for the readers of stored bytes"),
  fuzzSeed: whole(0, 0xffff_ffff, "what drawn inputs are drawn with"),
  drawnPayloads: whole(1, 100_000_000, "payloads drawn for the codecs"),
};

/** The names of all bounds, in order. */
export const BOUND_NAMES: readonly (keyof Bounds)[] = Object.keys(BOUND_TABLE) as (keyof Bounds)[];

/** For bounds that come from a file or a command line. */
export const boundsSchema: z.ZodMiniType<Bounds> = z.strictObject(
  Object.fromEntries(BOUND_NAMES.map((name) => [name, BOUND_TABLE[name].schema])),
  { error: `must have the fields ${BOUND_NAMES.join(", ")} and no others` },
) as unknown as z.ZodMiniType<Bounds>;

const standard: Bounds = {
  parts: PART_NAMES,
  length: 4,
  operations: ALPHABET,
  compactionLength: 3,
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
    compactionLength: 2,
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
    compactionLength: 4,
    recoveryCrashes: 2,
    faultLength: 3,
    tamperedRecords: 5,
    symbolicBlocks: 4,
    burstBits: 16,
    fuzzInputs: 20_000_000,
    drawnPayloads: 50_000,
  },
};

/** Bytes of a record beyond its payload, in each format. */
const OVERHEAD_BYTES = { plain: 48, sentinel: 58 } as const;

/**
 * Records of the format `sentinel` are larger, and a segment ends only behind the batch that fills it: with
 * these limits as much happens within as few operations, and as many sectors hold as many records. It refuses
 * tombstones and compaction.
 */
function forSentinel(bounds: Bounds): Bounds {
  const sectorBytes = Math.floor((bounds.sectorBytes * OVERHEAD_BYTES.sentinel) / OVERHEAD_BYTES.plain);
  const operations = bounds.operations.filter((name) => name !== "tombstone");
  return {
    ...bounds,
    operations,
    compactionLength: 0,
    format: "sentinel",
    maxSegmentBytes: 100,
    sectorBytes,
  };
}

/** The bounds of a profile. */
export function profileOf(name: ProfileName, format: Format = "plain"): Bounds {
  const bounds = PLAIN_PROFILES[name];
  return format === "plain" ? bounds : forSentinel(bounds);
}

/** A bound's value in words. */
export function boundText(value: Bounds[keyof Bounds], separator = ", "): string {
  return typeof value === "object" ? value.join(separator) : String(value);
}

/** The names of those in which some bounds differ from others. */
export function boundsThatDiffer(some: Bounds, others: Bounds): (keyof Bounds)[] {
  return BOUND_NAMES.filter((name) => JSON.stringify(some[name]) !== JSON.stringify(others[name]));
}

/** Whether bounds are the profile's own, in its format, so that its pinned counts are theirs. */
export function isOwn(profile: ProfileName, bounds: Bounds): boolean {
  return boundsThatDiffer(profileOf(profile, bounds.format), bounds).length === 0;
}

export const PROFILE_NAMES: readonly ProfileName[] = ["quick", "default", "nightly"];
