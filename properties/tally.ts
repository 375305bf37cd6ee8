/**
 * What a run has done: checks and witnesses are evaluated and counted here and nowhere else, and counts add
 * up, whoever ran which part.
 * @module
 */
import { StorageError } from "../src/index.ts";
import { PART_NAMES, type PartName } from "./bounds.ts";
import { type InvariantId, INVARIANTS, type WitnessId, WITNESSES } from "./invariants/catalogue.ts";
import type { Check } from "./invariants/invariant.ts";
import type { Witness } from "./invariants/witnesses.ts";

/** The counts of a run or of a part of one; plain data, so that it passes between threads and files. */
export interface Counts {
  workloads: number;
  crashPoints: number;
  /** Crash states that the recoveries stand for. */
  crashStates: bigint;
  /** Crash states that a cap or a budget kept from being searched. */
  left: bigint;
  /** What each part has tried; of the crashes, the recoveries. */
  cases: Record<PartName, number>;
  readonly checks: Readonly<Record<InvariantId, number>>;
  readonly met: Readonly<Record<WitnessId, number>>;
}

export function emptyCounts(): Counts {
  return {
    workloads: 0,
    crashPoints: 0,
    crashStates: 0n,
    left: 0n,
    cases: Object.fromEntries(PART_NAMES.map((name) => [name, 0])) as Counts["cases"],
    checks: Object.fromEntries(INVARIANTS.map(({ id }) => [id, 0])) as Counts["checks"],
    met: Object.fromEntries(WITNESSES.map(({ id }) => [id, 0])) as Counts["met"],
  };
}

/** Adds `more` into `sum`. */
export function addCounts(sum: Counts, more: Counts): void {
  sum.workloads += more.workloads;
  sum.crashPoints += more.crashPoints;
  sum.crashStates += more.crashStates;
  for (const name of PART_NAMES) sum.cases[name] += more.cases[name];
  sum.left += more.left;
  const { checks, met }: CountsWithin = sum;
  for (const { id } of INVARIANTS) checks[id] += more.checks[id];
  for (const { id } of WITNESSES) met[id] += more.met[id];
}

/** The same counts where they may be changed. */
interface CountsWithin {
  checks: Record<InvariantId, number>;
  met: Record<WitnessId, number>;
}

/** An invariant does not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: InvariantId;
  /** The name of its check that does not hold, where that is known. */
  readonly check: string | undefined;
  readonly expected: string;
  readonly seen: string;

  constructor(invariant: InvariantId, expected: string, seen: string, cause?: unknown, check?: string) {
    super(`${invariant}: expected ${expected}; seen ${seen}`, cause === undefined ? undefined : { cause });
    this.invariant = invariant;
    this.check = check;
    this.expected = expected;
    this.seen = seen;
  }
}

/** Makes a check and counts it. @throws Violation if it does not hold */
export function observe<Observation>(
  counts: Counts,
  check: Check<Observation, InvariantId>,
  observation: Observation,
): void {
  const { checks }: CountsWithin = counts;
  checks[check.invariant] += 1;
  hold(check, observation);
}

/** Makes a check that is a part of one that is counted. @throws Violation if it does not hold */
export function hold<Observation>(
  check: Check<Observation, InvariantId>,
  observation: Observation,
  cause?: unknown,
): void {
  if (check.holds(observation)) return;
  const { invariant, name } = check;
  throw new Violation(invariant, check.expected(observation), check.seen(observation), cause, name);
}

/** Counts a witness if the event is one. */
export function witnessed<Event>(counts: Counts, witness: Witness<Event, WitnessId>, event: Event): void {
  const { met }: CountsWithin = counts;
  if (witness.met(event)) met[witness.id] += 1;
}

/**
 * Does what must succeed, so that a check can be made at all: an error is a violation of its invariant, and
 * one that is not a `StorageError` says so with its stack.
 */
export async function attempt<T>(
  { invariant, name }: Pick<Check<never, InvariantId>, "invariant" | "name">,
  expected: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // One that was found within a call to the disk comes wrapped by the engine.
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof Violation) throw cause;
    }
    throw new Violation(invariant, expected, describe(error), error, name);
  }
}

/** An error for a person. */
function describe(error: unknown): string {
  if (error instanceof StorageError) return `StorageError ${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
