/**
 * Watches what is decided about a crash, and notes the situations that only these decisions show.
 * @module
 */
import type { Choice } from "../../fault-injection/choice.ts";
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

  choose(n: number, what: string): number {
    const chosen = this.#answers.choose(n, what);
    const { met } = this.#counts;
    if (what.startsWith("sector ")) {
      const file = what.slice(what.indexOf("/"), what.indexOf(" ["));
      if (chosen === SURVIVED) this.#sectors.add(file);
      else if (chosen === LOST) {
        // Newer things are looked at first, so what survived so far is later than what is lost now.
        if (this.#sectors.has(file)) met["out-of-order"] += 1;
        if (this.#sizes.has(file)) met["size-without-data"] += 1;
      }
    } else if (what.startsWith("size of ")) {
      if (chosen === 0) this.#sizes.add(what.slice(8, what.indexOf(":")));
    } else if (what.startsWith("creation of ") && chosen === LOST) met["name-lost"] += 1;
    return chosen;
  }
}
