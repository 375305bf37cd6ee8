/**
 * Random answers to `Choice`, from fast-check: beyond the bounds of the exhaustive check, and shrinking
 * towards short and simple runs, for 0 is the simplest answer to every question.
 * @module
 */
import fc from "fast-check";
import type { Choice } from "./choice.ts";

class ListedChoice implements Choice {
  readonly #answers: readonly number[];
  #used = 0;

  constructor(answers: readonly number[]) {
    this.#answers = answers;
  }

  choose(n: number): number {
    if (n <= 1) return 0;
    const answer = this.#answers[this.#used] ?? 0;
    this.#used += 1;
    return answer % n;
  }
}

/** Answers for a run of up to so many questions; those behind are answered with 0. */
export function randomChoice(questionsMax: number): fc.Arbitrary<Choice> {
  return fc
    .array(fc.nat(0xffff), { maxLength: questionsMax, size: "max" })
    .map((answers) => new ListedChoice(answers));
}
