/**
 * Who answers `Choice`: an odometer that runs every combination, or a recorded list. (The random answerer is
 * in `random-choice.ts`.)
 * @module
 */
import type { Choice } from "../fault-injection/choice.ts";

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

/**
 * Runs every combination of choices by counting, simplest first: the last digit runs fastest, and a digit that a run does not
 * come to does not exist for it. Memory: one run's choices.
 *
 * @example
 * ```ts
 * const odometer = new Odometer();
 * do {
 *   odometer.begin();
 *   run(odometer);
 * } while (odometer.advance());
 * ```
 */
export class Odometer implements Choice {
  readonly #digits: { what: string; chosen: number; of: number }[] = [];
  readonly #fixed: readonly number[];
  #used = 0;
  #changed = -1;

  /** @param fixed answers to the first questions, which are not counted through: a shard is such a prefix */
  constructor(fixed: readonly number[] = []) {
    this.#fixed = fixed;
  }

  /** Begins a run. */
  begin(): void {
    this.#used = 0;
  }

  choose(n: number, what: string): number {
    if (n <= 1) return 0;
    const at = this.#used;
    this.#used += 1;
    const digit = this.#digits[at];
    if (digit === undefined) {
      const chosen = this.#fixed[at] ?? 0;
      if (chosen >= n)
        throw new RangeError(`Choice ${at} (${what}) has ${n} possibilities; ${chosen} is not one.`);
      this.#digits.push({ what, chosen, of: n });
      return chosen;
    }
    if (digit.of !== n || digit.what !== what) {
      throw new NotDeterministic(
        `Choice ${at} was "${digit.what}" of ${digit.of}, and is now "${what}" of ${n}.`,
      );
    }
    return digit.chosen;
  }

  /** Whether this run has come to choices that no run before it made: what happens from here on is new. */
  get fresh(): boolean {
    return this.#used > this.#changed;
  }

  /** Goes on to the next combination; `false` when all have been run. */
  advance(): boolean {
    if (this.#used < this.#digits.length) {
      throw new NotDeterministic(
        `A run made ${this.#used} choices where an equal one made ${this.#digits.length}.`,
      );
    }
    for (let at = this.#digits.length - 1; at >= this.#fixed.length; at -= 1) {
      const digit = this.#digits[at];
      if (digit !== undefined && digit.chosen + 1 < digit.of) {
        digit.chosen += 1;
        this.#digits.length = at + 1;
        this.#changed = at;
        return true;
      }
    }
    return false;
  }

  /** The choices of this run so far. */
  path(): Chosen[] {
    return this.#digits.slice(0, this.#used).map((digit) => ({ ...digit }));
  }
}

/** A run that repeats a recording came to another question than the recording did: what was recorded does not happen any more. */
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

  /** @throws AnotherWay where the recording has another question here, and from then on; once it is used up, the answer is 0 */
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

/** Answers that must never be asked for: for disks that only keep a state. */
export const nobody: Choice = {
  choose(n: number, what: string): number {
    throw new NotDeterministic(`A kept state was asked to choose "${what}" of ${n}.`);
  },
};
