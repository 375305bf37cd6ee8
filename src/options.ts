/**
 * Options as callers pass them: a plain object with known names, or nothing; and the simple kinds of values.
 *
 * Promises: an unknown name, and anything other than an object, is a `TypeError` that names it and the known
 * names. So a misspelt or misplaced option is never taken for one that was left out; neither is `null`.
 * @module
 */
import { elementAt } from "./element-at.ts";
import { StorageError } from "./error.ts";
import type { Format } from "./types.ts";

/** The names of an options type, each of them. */
export type OptionNames<T> = Readonly<Record<keyof T & string, true>>;

/** How many letters may be wrong in a name that is still taken for a known one. */
const DISTANCE_MAX = 2;
/** How much of a wrong name or word is repeated. */
const SHOWN_MAX = 40;

/**
 * The options of a call; an empty object if there are none.
 *
 * @param whose the call that takes them, as its caller writes it
 * @param value what was passed
 * @param names all names that there are
 * @returns the options
 * @throws TypeError if `value` is not a plain object, or has an unknown name; O(names) time
 */
export function asOptions<T extends object>(
  whose: string,
  value: T | undefined,
  names: OptionNames<T>,
): Partial<T> {
  if (value === undefined) return {};
  const known = Object.keys(names);
  if (!isPlainObject(value)) {
    throw new TypeError(
      `${whose} takes its options as an object with ${listed(known)}, not ${typeOf(value)}.`,
    );
  }
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return value;
  const meant = nearest(unknown, known);
  const hint = meant === undefined ? `It has ${listed(known)}.` : `Did you mean "${meant}"?`;
  throw new TypeError(`${whose} has no option ${JSON.stringify(unknown.slice(0, SHOWN_MAX))}. ${hint}`);
}

/** What a value is, for a message. */
export function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "another object";
  if (value === undefined) return "undefined";
  return `a ${typeof value}`;
}

/** One of a few words; the first if it is left out. */
export function asOneOf<T extends string>(name: string, value: unknown, words: readonly [T, ...T[]]): T {
  if (value === undefined) return words[0];
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const said = typeof value === "string" ? JSON.stringify(value.slice(0, SHOWN_MAX)) : typeOf(value);
  throw new TypeError(`${name} is ${words.map((word) => `"${word}"`).join(" or ")}, not ${said}.`);
}

/** A format, by default `plain`. */
export function asFormat(value: unknown): Format {
  return asOneOf<Format>("format", value, ["plain", "sentinel"]);
}

/** Bytes. */
export function asBytes(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} is a Uint8Array, not ${typeOf(value)}.`);
  return value;
}

/** A bigint. */
export function asBigInt(name: string, value: unknown): bigint {
  if (typeof value !== "bigint") throw new TypeError(`${name} is a bigint, not ${typeOf(value)}.`);
  return value;
}

/** A yes or no. */
export function asFlag(name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== "boolean") throw new TypeError(`${name} is a boolean, not ${typeOf(value)}.`);
  return value;
}

/** A whole number from `min` to `max`. */
export function asCount(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${typeOf(value)}.`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new StorageError("out-of-range", `${name} is a whole number from ${min} to ${max}, not ${value}.`);
  }
  return value;
}

/** Whether it was written as `{ ... }`, in this realm or another, or has no prototype. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function listed(names: readonly string[]): string {
  return names.length === 1 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.slice(-1).join()}`;
}

/** The known name that differs least, if it differs little. */
function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = DISTANCE_MAX + 1;
  for (const candidate of known) {
    const distance = distanceBetween(name.toLowerCase(), candidate.toLowerCase());
    if (distance >= least || distance >= candidate.length) continue;
    best = candidate;
    least = distance;
  }
  return best;
}

/** Levenshtein distance; infinite where the lengths alone say that it is too large. */
function distanceBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > DISTANCE_MAX) return Number.POSITIVE_INFINITY;
  let before = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = elementAt(before, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, elementAt(before, j) + 1, elementAt(row, j - 1) + 1));
    }
    before = row;
  }
  return elementAt(before, b.length);
}
