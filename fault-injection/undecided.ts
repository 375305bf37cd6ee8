/**
 * The ledger of what crashes left undecided. A thing left by a crash is decided here, through `DiskChoice`,
 * when somebody looks at what depends on it, and the ledger counts how many combinations are still open.
 *
 * A thing survives in `steps`: one for a whole sector or a directory operation, one per byte for a sector
 * that can be torn. Things that survive independently have `at` = -1. Ordered things lie in a row (`at` is
 * where a thing's steps begin) and one cut per crash says how many steps of the row survived; a question
 * about one thing only narrows the bounds of that cut, so the answer binds the others too.
 *
 * Options are numbered: 0 survived, 1 lost, then (torn only) its first byte, its first two bytes, ...
 * @module
 */
import type { DiskChoice, LeftUndecided } from "./left-undecided.ts";

/** In place of a crash's number: nothing is open, it is on the medium. */
export const DURABLE = -1;
/**
 * In place of a crash's number: a sync failed and its pages count as clean. The process sees it and no sync
 * writes it; the next power failure leaves it undecided.
 */
export const CLEAN = -2;
/** In place of a size or a count: not decided yet. */
export const UNKNOWN = -1;

/** What the ledger needs to know of a thing to say how much of it survived. */
export interface Fate {
  /** The crash that left it undecided, from 0; or `DURABLE`, or `CLEAN`: below 0 the process sees it. */
  readonly crash: number;
  /** Where its steps begin in the row of ordered things of that crash; -1 if it survives independently. */
  readonly at: number;
  /** In how many steps it reaches the medium. */
  readonly steps: number;
}

/** Of a crash's row of ordered steps at least `low` and at most `high` survived. */
interface Cut {
  readonly low: number;
  readonly high: number;
}

const NO_CUT: Cut = { low: 0, high: 0 };

export class Undecided {
  private readonly choice: DiskChoice;
  /** Combinations of the independent things. */
  private independent = 1n;
  /** By crash. */
  private cuts: Cut[] = [];

  constructor(choice: DiskChoice) {
    this.choice = choice;
  }

  /** A ledger in the same state, answered by another choice. */
  fork(choice: DiskChoice): Undecided {
    const copy = new Undecided(choice);
    copy.independent = this.independent;
    copy.cuts = this.cuts.slice();
    return copy;
  }

  /** Opens the ledger for a crash that leaves a row of so many ordered steps; returns the crash's number. */
  openCrash(orderedSteps: number): number {
    this.cuts.push(orderedSteps === 0 ? NO_CUT : { low: 0, high: orderedSteps });
    return this.cuts.length - 1;
  }

  /** Enters independent things with so many combinations in all. */
  enter(combinations: bigint): void {
    this.independent *= combinations;
  }

  /** Whether a crash's row of ordered things is not decided to the end. */
  hasOpenCut(crash: number): boolean {
    const cut = this.cuts[crash];
    return cut !== undefined && cut.low < cut.high;
  }

  /** How many steps of a thing survived if that follows from what was decided, or `UNKNOWN`. Asks nobody. */
  known(thing: Fate): number {
    if (thing.crash === DURABLE) return thing.steps;
    if (thing.at < 0) return UNKNOWN;
    const { low, high } = this.cuts[thing.crash] ?? NO_CUT;
    if (low >= thing.at + thing.steps) return thing.steps;
    if (high <= thing.at) return 0;
    return low === high ? low - thing.at : UNKNOWN;
  }

  /** Decides how many steps survived of a thing that is not `known`. `what` names the thing for a person. */
  decide(thing: Fate, what: string, about: LeftUndecided): number {
    const { at, steps } = thing;
    const question =
      steps === 1
        ? `${what}: survived, lost`
        : `${what}: survived, lost, only its first 1 .. ${steps - 1} bytes`;
    const option = this.choice.choose(steps + 1, question, about);
    const kept = option === 0 ? steps : option - 1;
    if (at < 0) {
      this.independent /= BigInt(steps + 1);
      return kept;
    }
    // Bounds only ever lie between things or have met inside one, so a thing that is not known is open as a
    // whole.
    const { low, high } = this.cuts[thing.crash] ?? NO_CUT;
    if (kept === steps) this.cuts[thing.crash] = { low: at + steps, high };
    else if (kept === 0) this.cuts[thing.crash] = { low, high: at };
    else this.cuts[thing.crash] = { low: at + kept, high: at + kept };
    return kept;
  }

  /** Decides an independent thing with `n` options that was entered as such. */
  decideOption(n: number, question: string, about: LeftUndecided): number {
    const option = n === 1 ? 0 : this.choice.choose(n, question, about);
    this.independent /= BigInt(n);
    return option;
  }

  /** How many combinations are open. */
  states(): bigint {
    let states = this.independent;
    for (const { low, high } of this.cuts) if (low < high) states *= BigInt(high - low + 1);
    return states;
  }
}
