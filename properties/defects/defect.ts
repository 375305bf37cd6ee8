/**
 * A seeded defect: a mistake that somebody could make, as a replacement in one source file, and what must
 * notice it.
 * @module
 */
import type { Bounds, PartName } from "../bounds.ts";
import type { InvariantId } from "../invariants/catalogue.ts";

/** What a mistake is about; the chapters of `docs/DEFECTS.md`. */
export const DEFECT_KINDS = [
  "records and formats",
  "compression",
  "the hash chain",
  "index and manifest",
  "durability",
  "recovery",
  "failing calls",
  "reading",
  "tombstones",
  "compaction",
  "concurrency and streams",
  "the data directory",
  "the audit",
  "the checker",
] as const;

type DefectKind = (typeof DEFECT_KINDS)[number];

/** The mistake. */
export interface Mistake {
  /** Unique; what is wrong, in a few words joined by hyphens. */
  readonly id: string;
  readonly kind: DefectKind;
  /** Where such a mistake was made or described, if it was in public. */
  readonly source?: string;
  /** The mistake, for a person. */
  readonly sentence: string;
  /** The source file, from the package's root. */
  readonly file: string;
  /** Source text that is there exactly once, and what stands in its place. */
  readonly find: string;
  readonly replace: string;
}

/** What of the check is run. */
export interface Searched {
  readonly part: PartName;
  /** The section of the part `format` that is run; the others are not. */
  readonly section?: string;
  /** The directory of the part `stored-bytes` that gets faults; the others do not. */
  readonly directory?: string;
  /** Where the bounds of that part are not those of `SMALL` (`search.ts`): as small as shows it. */
  readonly bounds?: Partial<Bounds>;
}

/** A defect that makes an invariant not hold. */
export interface ViolatingDefect extends Mistake, Searched {
  /** The invariant that must be violated. */
  readonly invariant: InvariantId;
}

/**
 * A defect of the checker that makes it do less or count otherwise: the counts of the same search without it,
 * which are pinned, are others.
 */
export interface CountedDefect extends Mistake, Searched {
  /** One of the counts that must differ, as a difference from pinned counts names it. */
  readonly count: string;
}

/** A defect of the checker that an assertion of its own meets. */
interface AssertedDefect extends Mistake, Searched {
  /** A part of what it ends with. */
  readonly error: string;
}

/**
 * A defect of the checker that lets another defect pass: with both of them, what must notice the other does
 * not.
 */
interface BlindingDefect extends Mistake {
  /** The id of a `ViolatingDefect`. */
  readonly blinds: string;
}

/** A defect in what the check does not run: a file of tests must fail. */
interface TestedDefect extends Mistake {
  /** From the package's root. */
  readonly test: string;
}

export type Defect = ViolatingDefect | CountedDefect | AssertedDefect | BlindingDefect | TestedDefect;

/** What must notice a defect, in few words. */
export function noticedBy(defect: Defect): string {
  if ("invariant" in defect) return defect.invariant;
  if ("count" in defect) return defect.count;
  if ("error" in defect) return "an assertion";
  return "blinds" in defect ? `misses ${defect.blinds}` : defect.test;
}

/** The environment variable with the name of the file that says which modules are replaced. */
export const REPLACEMENT_VARIABLE = "KIMBERLITE_DEFECT";
