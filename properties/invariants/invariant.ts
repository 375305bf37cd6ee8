/**
 * What an invariant is: a sentence, the reason for it, and the predicates that decide it, each over
 * observations of one kind.
 *
 * An observation is plain data. What is expected and what was seen is told from it only where the predicate
 * does not hold.
 * @module
 */
import type { Format } from "../../src/index.ts";
import type { PartName } from "../bounds.ts";

/** A predicate over observations of one kind, and the words for it. */
export interface Predicate<Observation> {
  /** What this predicate observes: where the check looks, and when. An invariant may have several. */
  readonly of: string;
  /** The parts in which it is. */
  readonly parts: readonly PartName[];
  readonly holds: (observation: Observation) => boolean;
  readonly expected: (observation: Observation) => string;
  readonly seen: (observation: Observation) => string;
  /** The files that state what is expected, where the predicate only compares with it. */
  readonly statedIn?: readonly string[];
}

/** A predicate as it belongs to an invariant. */
export interface Check<Observation, Id extends string = string> extends Predicate<Observation> {
  readonly invariant: Id;
  /** As the invariant calls it. */
  readonly name: string;
}

export interface Statement<Id extends string> {
  readonly id: Id;
  /** What holds, in words that need no knowledge of the engine. */
  readonly sentence: string;
  /** Why it must, or whose experience it is. */
  readonly why: string;
  /** How the check as a whole puts it to the test: what is tried within the bounds, and what is not. */
  readonly checkedBy: string;
  /** The format that it is about, if it is not about both. */
  readonly format?: Format | undefined;
  /** Its predicates. The first decides the sentence; the others are about what goes with it. */
  readonly checks: readonly Check<never, Id>[];
}

/** An invariant, with its checks by name; `Observations` says for each of them what it observes. */
export type Invariant<Id extends string, Observations> = Statement<Id> & {
  readonly [Name in keyof Observations]: Check<Observations[Name], Id>;
};

/** Predicates by name. */
export type Predicates<Observations> = {
  readonly [Name in keyof Observations]: Predicate<Observations[Name]>;
};

/** Makes an invariant of what is said about it. */
export function invariant<Id extends string, Observations>(
  id: Id,
  {
    sentence,
    why,
    checkedBy,
    format,
    checks,
  }: {
    readonly sentence: string;
    readonly why: string;
    readonly checkedBy: string;
    readonly format?: Format;
    readonly checks: Predicates<NoInfer<Observations>>;
  },
): Invariant<Id, Observations> {
  const named = Object.entries<Predicate<never>>(checks).map(
    ([name, predicate]): [string, Check<never, Id>] => [name, { ...predicate, invariant: id, name }],
  );
  const statement: Statement<Id> = {
    id,
    sentence,
    why,
    checkedBy,
    format,
    checks: named.map(([, check]) => check),
  };
  return { ...Object.fromEntries(named), ...statement } as Invariant<Id, Observations>;
}
