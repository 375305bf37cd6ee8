/**
 * A seeded defect: a mistake that somebody could make, as a replacement in one source file, and the invariant that must catch it.
 * @module
 */
import type { Bounds, PartName } from "../bounds.ts";
import type { InvariantId } from "../catalogue.ts";

export interface Defect {
  /** Unique; what is wrong, in a few words joined by hyphens. */
  readonly id: string;
  /** The mistake, for a person. */
  readonly sentence: string;
  /** The source file, from the package's root. */
  readonly file: string;
  /** Source text that is there exactly once, and what stands in its place. */
  readonly find: string;
  readonly replace: string;
  /** The invariant that must be violated. */
  readonly invariant: InvariantId;
  /** The part of the check that must see it. */
  readonly part: PartName;
  /** The section of the part `format` that must see it; the others are not run. */
  readonly section?: string;
  /** Where the bounds of that part are not those of `SMALL` (`search.ts`): as small as shows it. */
  readonly bounds?: Partial<Bounds>;
}

/** The environment variable with the name of the file that says which module is replaced. */
export const REPLACEMENT_VARIABLE = "KIMBERLITE_DEFECT";
