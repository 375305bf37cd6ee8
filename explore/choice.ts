/**
 * The one source of choice. Whatever is not determined (the next operation, whether to crash here, what an
 * undecided sector holds) is asked for here. Who answers makes the mode: an odometer that runs every
 * combination, a random generator, a recorded list.
 * @module
 */

/** @typeParam About what a question may be about, for those who watch what is decided */
export interface Choice<About = unknown> {
  /**
   * Picks one of `n` possibilities, numbered from 0; 0 is the simplest.
   *
   * @param n at least 1; with `n` = 1 there is nothing to choose and nobody is asked
   * @param what a label for a person who reads the counterexample
   */
  choose(n: number, what: string, about?: About): number;
}

/** One answer, with its label: a counterexample is a list of these. */
export interface Chosen {
  readonly what: string;
  readonly chosen: number;
  readonly of: number;
}

/** A choice for a person: of a label "question: this, that", what was chosen; of any other, its number. */
export function choiceText({ what, chosen }: Chosen): string {
  const colon = what.lastIndexOf(": ");
  const option = colon < 0 ? undefined : what.slice(colon + 2).split(", ")[chosen];
  return option === undefined ? `${what}: ${chosen}` : `${what.slice(0, colon)}: ${option}`;
}

/** A run asked for something else than the run it repeats: what is under test is not deterministic. */
export class NotDeterministic extends Error {
  override readonly name = "NotDeterministic";
}

/** Answers that must never be asked for: for disks that only keep a state. */
export const nobody: Choice = {
  choose(n: number, what: string): number {
    throw new NotDeterministic(`A kept state was asked to choose "${what}" of ${n}.`);
  },
};
