/**
 * Every log that has a given head: found backwards, by trying what the hash may have been made from.
 *
 * Complete for every scheme in which a record's hash is made, by one hash or a hash of a hash, from blocks
 * among which its payload stands in one piece and the hash before it is one block: payloads of any length,
 * with any blocks.
 * @module
 */
import { KINDS, type Kind, type Scheme } from "./schemes.ts";
import { type Atom, type Terms, textOf } from "./terms.ts";

export interface SymbolicRecord {
  readonly kind: Kind;
  readonly payload: readonly Atom[];
}

export type SymbolicLog = readonly SymbolicRecord[];

/** The head of a log. */
export function headOf(scheme: Scheme, terms: Terms, log: SymbolicLog): Atom | undefined {
  let head: Atom | undefined;
  for (const { kind, payload } of log) head = scheme.hash(terms, kind, head, payload);
  return head;
}

/** Every log of up to `recordsMax` records that ends in `head`. */
export function logsEndingIn(scheme: Scheme, terms: Terms, head: Atom, recordsMax: number): SymbolicLog[] {
  if (head.input === undefined || recordsMax === 0) return [];
  const sources = [head.input, ...head.input.flatMap(({ input }) => (input === undefined ? [] : [input]))];
  const befores = new Set(recordsMax === 1 ? [] : sources.flat().filter(({ input }) => input !== undefined));
  const logs: SymbolicLog[] = [];
  for (const payload of pieces(sources)) {
    for (const kind of scheme.first) {
      if (scheme.hash(terms, kind, undefined, payload) === head) logs.push([{ kind, payload }]);
    }
    for (const before of befores) {
      for (const kind of KINDS) {
        if (scheme.hash(terms, kind, before, payload) !== head) continue;
        for (const log of logsEndingIn(scheme, terms, before, recordsMax - 1)) {
          logs.push([...log, { kind, payload }]);
        }
      }
    }
  }
  return logs;
}

/** Every piece of these sequences, each once. */
function pieces(sources: readonly (readonly Atom[])[]): Iterable<readonly Atom[]> {
  const found = new Map<string, readonly Atom[]>();
  for (const source of sources) {
    for (let start = 0; start <= source.length; start += 1) {
      for (let end = start; end <= source.length; end += 1) {
        const piece = source.slice(start, end);
        found.set(piece.map(({ id }) => id).join(), piece);
      }
    }
  }
  return found.values();
}

/** A log for a person. */
export function showLog(log: SymbolicLog): string {
  const records = log.map(({ kind, payload }) => `${kind === "data" ? "" : `${kind} `}"${textOf(payload)}"`);
  return `[${records.join(", ")}]`;
}
