/**
 * Watches what is decided about a crash, and notes the situations that only these decisions show.
 * @module
 */
import type { DiskChoice, LeftUndecided } from "../../fault-injection/left-undecided.ts";
import { NAME_LOST, OUT_OF_ORDER, SIZE_WITHOUT_DATA } from "../invariants/witnesses.ts";
import { type Counts, witnessed } from "../tally.ts";

const SURVIVED = 0;
const LOST = 1;

export class Witnessing implements DiskChoice {
  readonly #answers: DiskChoice;
  readonly #counts: Counts;
  /** Files of which something newer was found on the medium: a later sector, or the size. */
  readonly #sectors = new Set<string>();
  readonly #sizes = new Set<string>();

  constructor(answers: DiskChoice, counts: Counts) {
    this.#answers = answers;
    this.#counts = counts;
  }

  choose(n: number, what: string, about?: LeftUndecided): number {
    const chosen = this.#answers.choose(n, what, about);
    if (about !== undefined) this.#witness(about, chosen);
    return chosen;
  }

  #witness({ kind, path }: LeftUndecided, chosen: number): void {
    // Newer things are looked at first, so what survived so far is later than what is decided now.
    const decision = {
      kind,
      isLost: chosen === LOST,
      laterSectorSurvived: this.#sectors.has(path),
      sizeSurvived: this.#sizes.has(path),
    };
    for (const witness of [OUT_OF_ORDER, SIZE_WITHOUT_DATA, NAME_LOST])
      witnessed(this.#counts, witness, decision);
    if (chosen !== SURVIVED) return;
    if (kind === "sector") this.#sectors.add(path);
    else if (kind === "size") this.#sizes.add(path);
  }
}
