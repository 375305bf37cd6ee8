/**
 * What the simulated disk asks about.
 * @module
 */
import type { Choice } from "../explore/choice.ts";

/** A thing that a crash left undecided. */
export interface LeftUndecided {
  readonly kind: "sector" | "truncation" | "size" | "creation" | "removal" | "renaming";
  /** The file that it belongs to; of a renaming, its new name. */
  readonly path: string;
}

/**
 * Answers of a disk. Of what a crash left undecided 0 is that it survived and 1 that it was lost, but a size
 * is chosen from values.
 */
export type DiskChoice = Choice<LeftUndecided>;
