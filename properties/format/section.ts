/**
 * A section of the part `format`: inputs of one sort, and what must hold for each. A run tries one input, and
 * its answers determine the input to the byte.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import type { Format } from "../../src/types.ts";
import type { Bounds } from "../bounds.ts";
import type { InvariantId } from "../invariants/catalogue.ts";
import type { Counts } from "../tally.ts";

/** A question of a section: its label and how many answers it has. */
interface Question {
  readonly what: string;
  readonly of: number;
}

export interface Section {
  /** Without a comma, for it is one option of a label. */
  readonly name: string;
  readonly invariants: readonly InvariantId[];
  /** The formats that have what it is about; both if left out. */
  readonly formats?: readonly Format[];
  /** What is tried within these bounds, for a person; every number in it comes from what is run. */
  covers(bounds: Bounds): string;
  /** The first question; its answers are searched independently of each other. */
  first(bounds: Bounds): Question;
  /** Tries one input. @throws Violation */
  run(bounds: Bounds, first: number, choice: Choice, counts: Counts): void | Promise<void>;
}

/** Computes something once for each set of bounds: runs are counted in millions. */
export function perBounds<T>(compute: (bounds: Bounds) => T): (bounds: Bounds) => T {
  const known = new WeakMap<Bounds, { readonly value: T }>();
  return (bounds) => {
    let found = known.get(bounds);
    if (found === undefined) {
      found = { value: compute(bounds) };
      known.set(bounds, found);
    }
    return found.value;
  };
}

/** Computes something once for each format. */
export function perFormat<T>(compute: (format: Format) => T): (format: Format) => T {
  const known = new Map<Format, { readonly value: T }>();
  return (format) => {
    let found = known.get(format);
    if (found === undefined) {
      found = { value: compute(format) };
      known.set(format, found);
    }
    return found.value;
  };
}

/** Picks one of a list. */
export function chooseFrom<T>(choice: Choice, items: readonly T[], what: string): T {
  return itemAt(items, choice.choose(items.length, what));
}

/** An item that must be there. */
export function itemAt<T>(items: readonly T[], at: number): T {
  const item = items[at];
  if (item === undefined) throw new RangeError(`There is no item ${at} among ${items.length}.`);
  return item;
}

/** A number for a person. */
export const numberText = (value: number): string => value.toLocaleString("en-US");
