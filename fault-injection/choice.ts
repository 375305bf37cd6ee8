/**
 * The one source of choice. Whatever is not determined (the next operation, whether to crash here, what an
 * undecided sector holds) is asked for here. Who answers makes the mode: an odometer that runs every
 * combination, a random generator, a recorded list.
 * @module
 */

/** A thing that a crash left undecided. */
export interface LeftUndecided {
  readonly kind: "sector" | "truncation" | "size" | "creation" | "removal" | "renaming";
  /** The file that it belongs to; of a renaming, its new name. */
  readonly path: string;
}

export interface Choice {
  /**
   * Picks one of `n` possibilities, numbered from 0; 0 is the simplest.
   *
   * @param n at least 1; with `n` = 1 there is nothing to choose and nobody is asked
   * @param what a label for a person who reads the counterexample
   * @param about what is decided, if a crash left it undecided. 0 is that it survived and 1 that it was lost, but a size is chosen from values.
   */
  choose(n: number, what: string, about?: LeftUndecided): number;
}
