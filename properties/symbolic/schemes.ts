/**
 * The chain of `docs/FORMAT.md`, section 3, over symbols; HMAC once as a function of its own and once as it
 * is built from SHA-256 (RFC 2104), for a payload may contain what it is built from.
 * @module
 */
import type { Atom, Terms } from "./terms.ts";

/** The kinds of record that have a chain hash of their own. */
export const KINDS = ["data", "checkpoint", "tombstone"] as const;
export type Kind = (typeof KINDS)[number];

/** How records are chained. */
export interface Scheme {
  readonly name: string;
  /** The kinds that a log's first record may have. */
  readonly first: readonly Kind[];
  /** The hash of a record behind one whose hash is `before`; without that, of a log's first. */
  readonly hash: (terms: Terms, kind: Kind, before: Atom | undefined, payload: readonly Atom[]) => Atom;
  /** What a payload may contain besides letters, counts and hashes. */
  readonly blocks: readonly string[];
}

const joined = (before: Atom | undefined, payload: readonly Atom[]): readonly Atom[] =>
  before === undefined ? payload : [before, ...payload];

/** HMAC as RFC 2104 builds it: the key is in two blocks of 64 bytes, the inner pad and the outer. */
export function nestedHmac(terms: Terms, key: string, text: readonly Atom[]): Atom {
  return terms.hash([terms.named(`opad:${key}`), terms.hash([terms.named(`ipad:${key}`), ...text])]);
}

/** The format's chain, HMAC being a function that has nothing to do with SHA-256. */
export const OPAQUE: Scheme = {
  name: "a function of its own",
  first: ["data"],
  hash: (terms, kind, before, payload) =>
    kind === "data"
      ? terms.hash(joined(before, payload))
      : terms.hash(joined(before, payload), `HMAC:${kind}`),
  blocks: ["key:checkpoint", "key:tombstone"],
};

const CODES = ["kind:data", "kind:checkpoint", "kind:tombstone"];

const sentinelInput = (
  terms: Terms,
  kind: Kind,
  before: Atom | undefined,
  payload: readonly Atom[],
): Atom[] => [...(before === undefined ? [] : [before]), terms.named(`kind:${kind}`), ...payload];

/**
 * The chain of the format `sentinel` (section 8.2): the kind is one byte before the payload, and no hash
 * begins with such a byte.
 */
export const SENTINEL: Scheme = {
  name: "none, no hash begins with the code of a kind",
  first: KINDS,
  hash: (terms, kind, before, payload) => terms.hash(sentinelInput(terms, kind, before, payload)),
  blocks: CODES,
};

/**
 * The same, where every hash begins with the code of a data record, as one in 256 does: a first record whose
 * payload is what is left of a hash and something behind it can then be taken for the end of a longer log.
 */
export const SENTINEL_CODED: Scheme = {
  name: "none, every hash begins with the code of a data record",
  first: KINDS,
  hash: (terms, kind, before, payload) => {
    const isRestOfHash = before === undefined && kind === "data" && payload[0]?.input !== undefined;
    return terms.hash(isRestOfHash ? payload : sentinelInput(terms, kind, before, payload));
  },
  blocks: CODES,
};

/** The format's chain as it is computed. */
export const NESTED: Scheme = {
  name: "built from SHA-256",
  first: ["data"],
  hash: (terms, kind, before, payload) =>
    kind === "data" ? terms.hash(joined(before, payload)) : nestedHmac(terms, kind, joined(before, payload)),
  blocks: ["ipad:checkpoint", "opad:checkpoint", "ipad:tombstone", "opad:tombstone"],
};
