/**
 * Answers by counting: every combination of answers, once.
 * @module
 */
import { type Choice, type Chosen, NotDeterministic } from "./choice.ts";

/**
 * Runs every combination of choices by counting, simplest first: the last digit runs fastest, and a digit
 * that a run does not come to does not exist for it. Memory: one run's choices.
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
