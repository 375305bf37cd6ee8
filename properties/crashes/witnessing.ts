/**
 * Watches what is decided about a crash, and notes the situations that only these decisions show.
 * @module
 */
import type { Choice, LeftUndecided } from "../../fault-injection/choice.ts";
import type { Counts } from "../tally.ts";

const SURVIVED = 0;
const LOST = 1;

export class Witnessing implements Choice {
  readonly #answers: Choice;
  readonly #counts: Counts;
  /** Files of which something newer was found on the medium: a later sector, or the size. */
  readonly #sectors = new Set<string>();
  readonly #sizes = new Set<string>();

  constructor(answers: Choice, counts: Counts) {
    this.#answers = answers;
    this.#counts = counts;
  }

  choose(n: number, what: string, about?: LeftUndecided): number {
    const chosen = this.#answers.choose(n, what, about);
    if (about !== undefined) this.#witness(about, chosen);
    return chosen;
  }

  #witness({ kind, path }: LeftUndecided, chosen: number): void {
    const { met } = this.#counts;
    if (kind === "sector") {
      if (chosen === SURVIVED) this.#sectors.add(path);
      else if (chosen === LOST) {
        // Newer things are looked at first, so what survived so far is later than what is lost now.
        if (this.#sectors.has(path)) met["out-of-order"] += 1;
        if (this.#sizes.has(path)) met["size-without-data"] += 1;
      }
    } else if (kind === "size") {
      if (chosen === SURVIVED) this.#sizes.add(path);
    } else if (kind === "creation" && chosen === LOST) met["name-lost"] += 1;
  }
}
