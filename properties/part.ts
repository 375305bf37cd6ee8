/**
 * A part of the check: one run of it is decided by the answers to its questions, so that running all answers is the exhaustive check,
 * random answers are a random one, and recorded answers are a replay.
 * @module
 */
import type { Choice } from "../fault-injection/choice.ts";
import type { Bounds } from "./bounds.ts";
import type { InvariantId } from "./invariants/catalogue.ts";
import { type Chosen, Odometer } from "./choices.ts";
import type { Engines } from "./conversations/engines.ts";
import { type Counts, emptyCounts, Violation } from "./tally.ts";

/** Gets what a person wants to see of a run, line by line. */
export type Trace = (line: string) => void;

/** One run, every step of it chosen, of engines that these open; by default each of them runs. @throws Violation */
export type Run = (
  bounds: Bounds,
  choice: Choice,
  counts: Counts,
  trace: Trace,
  engines?: Engines,
) => void | Promise<void>;

type Units = readonly (readonly Chosen[])[];

export interface Part {
  /** What one of its cases is, in the plural. */
  readonly cases: string;
  /** The first answers of its runs, cut so that the lists together stand for everything and can be run independently. */
  units(bounds: Bounds): Units | Promise<Units>;
  readonly run: Run;
}

/** What is wrong, and the choices that show it. */
export interface Counterexample {
  readonly invariant: InvariantId;
  readonly expected: string;
  readonly seen: string;
  readonly choices: readonly Chosen[];
}

export interface PartResult {
  readonly counts: Counts;
  /** The first violation; nothing was searched beyond it. */
  readonly counterexample: Counterexample | undefined;
}

/** A violation, and the choices that lead to it. */
export class Found extends Error {
  readonly violation: Violation;
  readonly path: readonly Chosen[];

  constructor(violation: Violation, path: readonly Chosen[]) {
    super(violation.message);
    this.violation = violation;
    this.path = path;
  }
}

/** What a person gets to see of a violation; any other error is thrown on. */
export function asCounterexample(error: unknown, path: () => readonly Chosen[]): Counterexample {
  const found = error instanceof Violation ? new Found(error, path()) : error;
  if (!(found instanceof Found)) throw error;
  const { invariant, expected, seen } = found.violation;
  return { invariant, expected, seen, choices: found.path };
}

/** One list for each answer to a first question. */
export function answersTo(what: string, of: number): Chosen[][] {
  return Array.from({ length: of }, (_, chosen) => [{ what, chosen, of }]);
}

/** Runs a part with every combination of answers that begins as the unit says. */
export async function exhaust(
  run: Run,
  bounds: Bounds,
  unit: readonly Chosen[],
  engines?: Engines,
): Promise<PartResult> {
  const counts = emptyCounts();
  const odometer = new Odometer(unit.filter(({ of }) => of > 1).map(({ chosen }) => chosen));
  const silent = (): void => undefined;
  try {
    do {
      odometer.begin();
      const running = run(bounds, odometer, counts, silent, engines);
      if (running !== undefined) await running;
    } while (odometer.advance());
  } catch (error) {
    return { counts, counterexample: asCounterexample(error, () => odometer.path()) };
  }
  return { counts, counterexample: undefined };
}
