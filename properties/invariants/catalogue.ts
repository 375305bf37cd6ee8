/**
 * All invariants and all witnesses, derived from their entries. `docs/INVARIANTS.md` is written from here.
 * @module
 */
import * as chain from "./chain.ts";
import * as compaction from "./compaction.ts";
import * as compression from "./compression.ts";
import * as conformance from "./conformance.ts";
import * as corruption from "./corruption.ts";
import * as durability from "./durability.ts";
import * as format from "./format.ts";
import type { Format } from "../../src/index.ts";
import type { Statement } from "./invariant.ts";
import * as witnesses from "./witnesses.ts";
import type { Witness } from "./witnesses.ts";

type Chapter =
  | typeof chain
  | typeof compaction
  | typeof compression
  | typeof conformance
  | typeof corruption
  | typeof durability
  | typeof format;
type ExportOf<T> = T extends unknown ? T[keyof T] : never;
type IdOf<T> = T extends { readonly id: infer Id } ? Id : never;

export type InvariantId = IdOf<ExportOf<Chapter>>;

/** The first letters of the ids in the order of the documents. */
const LETTERS = "FHIDCMKLZS";

/**
 * Where an id stands in the documents: by its letter, then by its number.
 * @throws RangeError for an id with another letter, or without a number from 1 to 99
 */
export function placeOf(id: string): number {
  const [letter, number] = [LETTERS.indexOf(id.charAt(0)), id.slice(1)];
  if (id === "" || letter < 0 || !/^[1-9]\d?$/.test(number))
    throw new RangeError(`"${id}" is no id of an invariant: one of ${LETTERS}, then a number from 1 to 99.`);
  return letter * 100 + Number(number);
}

export const INVARIANTS: readonly Statement<InvariantId>[] = [
  chain,
  compaction,
  compression,
  conformance,
  corruption,
  durability,
  format,
]
  .flatMap((chapter) => Object.values<Statement<InvariantId>>(chapter))
  .sort((a, b) => placeOf(a.id) - placeOf(b.id));

/** The invariants that are about a format. */
export const invariantsOf = (ofRun: Format): readonly Statement<InvariantId>[] =>
  INVARIANTS.filter(({ format = ofRun }) => format === ofRun);

/** The sentence of an invariant, if there is one with this id. */
export const sentenceOf = (id: string): string | undefined =>
  INVARIANTS.find((invariant) => invariant.id === id)?.sentence;

type WitnessEntry = ExportOf<typeof witnesses>;

export type WitnessId = IdOf<WitnessEntry | (WitnessEntry extends infer Entry ? ElementOf<Entry> : never)>;
type ElementOf<T> = T extends readonly (infer Element)[] ? Element : never;

export const WITNESSES: readonly Witness<never, WitnessId>[] = Object.values(witnesses)
  .flatMap((entry): readonly Witness<never, WitnessId>[] => ("id" in entry ? [entry] : entry))
  .sort((a, b) => (a.id < b.id ? -1 : 1));
