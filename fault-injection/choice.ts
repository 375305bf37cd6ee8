/**
 * The one source of choice. Whatever is not determined (the next operation, whether to crash here, what an
 * undecided sector holds) is asked for here. Who answers makes the mode: an odometer that runs every
 * combination, a random generator, a recorded list.
 * @module
 */
export interface Choice {
  /**
   * Picks one of `n` possibilities, numbered from 0; 0 is the simplest.
   *
   * @param n at least 1; with `n` = 1 there is nothing to choose and nobody is asked
   * @param what a label for a person who reads the counterexample
   */
  choose(n: number, what: string): number;
}
