/**
 * A part of the check: one run of it is decided by the answers to its questions, so that running all answers
 * is the exhaustive check, random answers are a random one, and recorded answers are a replay.
 * @module
 */
import type { Choice } from "../explore/choice.ts";
import type { Bounds } from "./bounds.ts";
import type { InvariantId } from "./invariants/catalogue.ts";
import type { Chosen } from "../explore/choice.ts";
import { exhaust } from "../explore/exhaust.ts";
import { asFailure, Failure } from "../explore/failure.ts";
import { minimise } from "../explore/minimise.ts";
import type { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import type { Odometer } from "../explore/odometer.ts";
import type { Engines } from "./conversations/engines.ts";
import { type Counts, emptyCounts, Violation } from "./tally.ts";

/**
 * Gets what a person wants to see of a run, line by line. With a call, and with what happens to a disk
 * otherwise, comes the disk as it is before that; and the one that it goes on with, where that is another.
 */
export type Trace = (line: string, before?: SimulatedDisk, after?: SimulatedDisk) => void;

/**
 * One run, every step of it chosen, of engines that these open; by default each of them runs. Where nobody
 * looks on, no text is made. @throws Violation
 */
export type Run = (
  bounds: Bounds,
  choice: Choice,
  counts: Counts,
  trace: Trace | undefined,
  engines?: Engines,
) => void | Promise<void>;

type Units = readonly (readonly Chosen[])[];

export interface Part {
  /** What one of its cases is, in the plural. */
  readonly cases: string;
  /**
   * The first answers of its runs, cut so that the lists together stand for everything and can be run
   * independently.
   */
  units(bounds: Bounds): Units | Promise<Units>;
  /** What runs it. What its runs have in common is kept in there, and nowhere else. */
  runner(): Run;
}

/** What is wrong, and the choices that show it. */
export interface Counterexample {
  readonly invariant: InvariantId;
  /** The name of its check that does not hold, where that is known. */
  readonly check?: string | undefined;
  readonly expected: string;
  readonly seen: string;
  readonly choices: readonly Chosen[];
}

export interface PartResult {
  readonly counts: Counts;
  /** The first violation. Unless the search went on, nothing was searched beyond it. */
  readonly counterexample: Counterexample | undefined;
  /** Of a search that went on: the first violation of each other invariant. */
  readonly further: readonly Counterexample[];
}

/**
 * The violations that a search meets: the first, which ends it, or of a search that goes on, the first of
 * each invariant.
 */
export class Violations {
  readonly #goesOn: boolean;
  readonly #first = new Map<InvariantId, Counterexample>();

  constructor(goesOn: boolean) {
    this.#goesOn = goesOn;
  }

  /** Keeps a violation. @throws the failure if it ends the search, and what caused it if that is none */
  readonly take = (failure: Failure): void => {
    const found = asCounterexample(failure);
    if (!this.#goesOn) throw failure;
    if (!this.#first.has(found.invariant)) this.#first.set(found.invariant, found);
  };

  /** @param ended by what the search ended, if it did before its end */
  result(counts: Counts, ended?: unknown): PartResult {
    const last = ended === undefined ? [] : [asCounterexample(ended)];
    const [counterexample, ...further] = [...this.#first.values(), ...last];
    return { counts, counterexample, further };
  }
}

/** What a person gets to see of a violation; any other error is thrown on. */
export function asCounterexample(error: unknown): Counterexample {
  const cause = error instanceof Failure ? error.cause : error;
  if (!(error instanceof Failure) || !(cause instanceof Violation)) throw cause;
  return { ...told(cause), choices: error.choices };
}

/** What is told of a violation. */
const told = ({ invariant, check, expected, seen }: Violation): Omit<Counterexample, "choices"> => ({
  invariant,
  check,
  expected,
  seen,
});

/** One list for each answer to a first question. */
export function answersTo(what: string, of: number): Chosen[][] {
  return Array.from({ length: of }, (_, chosen) => [{ what, chosen, of }]);
}

/**
 * Runs a part with every combination of answers that begins as the unit says.
 * @param goesOn whether a run that ends in a violation does not end the search
 */
export async function searchPart(
  run: Run,
  bounds: Bounds,
  unit: readonly Chosen[],
  engines?: Engines,
  goesOn = false,
): Promise<PartResult> {
  const counts = emptyCounts();
  const fixed = unit.filter(({ of }) => of > 1).map(({ chosen }) => chosen);
  const violations = new Violations(goesOn);
  const once = (choice: Choice): void | Promise<void> => run(bounds, choice, counts, undefined, engines);
  try {
    await exhaust(goesOn ? goingOn(once, violations) : once, fixed);
  } catch (error) {
    return violations.result(counts, error);
  }
  return violations.result(counts);
}

/** The same runs; what they end in is kept, and the next one runs. */
export function goingOn(
  run: (choice: Odometer) => void | Promise<void>,
  violations: Violations,
): (choice: Odometer) => Promise<void> {
  return async (choice) => {
    try {
      await run(choice);
    } catch (error) {
      violations.take(asFailure(error, () => choice.path()));
    }
  };
}

/** A counterexample to the same invariant by simpler choices, or the same. */
export async function simplest(run: Run, bounds: Bounds, found: Counterexample): Promise<Counterexample> {
  const { choices, ...what } = found;
  const again = async (choice: Choice): Promise<Omit<Counterexample, "choices"> | undefined> => {
    try {
      await run(bounds, choice, emptyCounts(), undefined);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return error.invariant === found.invariant ? told(error) : undefined;
    }
    return undefined;
  };
  const least = await minimise(again, { what, choices });
  return least.choices === choices ? found : { ...least.what, choices: least.choices };
}
