/**
 * The two extremes of what a crash may leave.
 * @module
 */
import type { Choice } from "./choice.ts";

export const EXTREMES: readonly string[] = ["everything survives", "nothing survives"];

/** Answers every question with the first or with the last possibility. */
export class Extreme implements Choice {
  readonly #last: boolean;

  constructor(chosen: number) {
    this.#last = chosen > 0;
  }

  /** Whether it answers with the first. */
  get losesNothing(): boolean {
    return !this.#last;
  }

  choose(n: number): number {
    return this.#last ? n - 1 : 0;
  }
}
