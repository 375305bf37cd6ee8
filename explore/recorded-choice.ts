/**
 * Answers from a recording, to run something again.
 * @module
 */
import type { Choice, Chosen } from "./choice.ts";

/**
 * A run that repeats a recording came to another question than the recording did: what was recorded does not
 * happen any more.
 */
export class AnotherWay extends Error {
  override readonly name = "AnotherWay";
  /** Which of the recorded choices it was, from 1. */
  readonly choice: number;

  constructor(choice: number, sentence: string) {
    super(sentence);
    this.choice = choice;
  }
}

/** Answers from a recorded list, and says so when the list and the run part ways. */
export class RecordedChoice implements Choice {
  readonly #recorded: readonly Chosen[];
  #used = 0;
  #parted: AnotherWay | undefined;

  constructor(recorded: readonly Chosen[]) {
    this.#recorded = recorded.filter(({ of }) => of > 1);
  }

  /** How many answers were recorded. */
  get length(): number {
    return this.#recorded.length;
  }

  /** Whether every recorded answer was given: a question that comes now is beyond the recording. */
  get isUsedUp(): boolean {
    return this.#used >= this.#recorded.length;
  }

  /** Where the run took another way, if it did: what was asked may have swallowed the error. */
  get parted(): AnotherWay | undefined {
    return this.#parted;
  }

  /** Where a run that has ended took another way by ending early, if it did. */
  get unasked(): AnotherWay | undefined {
    const next = this.#recorded[this.#used];
    if (next === undefined) return undefined;
    return new AnotherWay(
      this.#used + 1,
      `The recording chose ${next.chosen} of ${next.of} for "${next.what}"; this run ended before.`,
    );
  }

  /**
   * @throws AnotherWay where the recording has another question here, and from then on; once it is used up,
   *   the answer is 0
   */
  choose(n: number, what: string): number {
    if (this.#parted !== undefined) throw this.#parted;
    if (n <= 1) return 0;
    const next = this.#recorded[this.#used];
    if (next === undefined) return 0;
    this.#used += 1;
    if (next.of === n && next.chosen < n && next.what.startsWith(what)) return next.chosen;
    this.#parted = new AnotherWay(
      this.#used,
      `The recording chose ${next.chosen} of ${next.of} for "${next.what}"; this run asks "${what}" of ${n}.`,
    );
    throw this.#parted;
  }
}
