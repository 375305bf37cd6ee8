/**
 * The part about symbolic hashes: for every log within the bounds, all logs of any payloads that have as many
 * records and the same head; there must be none but itself. So an anchor, which is both, fixes a log, as long
 * as nobody finds a collision or a preimage of SHA-256.
 *
 * Payloads contain what a forger may put there: letters, hashes of this log and of another, counts, the keys
 * of the HMAC. Payloads of checkpoints are free, too, though a reader refuses all but one. The logs that they
 * are held against have any payloads. Not verified: longer logs, and what a part of a block may be taken for.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import type { Bounds } from "../bounds.ts";
import { answersTo, type Part, type Trace } from "../part.ts";
import { EQUAL_HEADS } from "../invariants/witnesses.ts";
import { H5 } from "../invariants/chain.ts";
import { type Counts, observe, witnessed } from "../tally.ts";
import { headOf, logsEndingIn, showLog, type SymbolicLog, type SymbolicRecord } from "./preimages.ts";
import { KINDS, NESTED, OPAQUE, type Scheme, SENTINEL, SENTINEL_CODED } from "./schemes.ts";
import { type Atom, Terms } from "./terms.ts";

const schemesOf = ({ format }: Bounds): readonly Scheme[] =>
  format === "plain" ? [OPAQUE, NESTED] : [SENTINEL, SENTINEL_CODED];
const whichHmac = (schemes: readonly Scheme[]): string =>
  `HMAC is: ${schemes.map(({ name }) => name).join(", ")}`;
const HOW_MANY = "records, less one";

export const SYMBOLIC_HASHES: Part = {
  cases: "logs over symbolic hashes, each held against all logs with its head",
  units: (bounds) => {
    const schemes = schemesOf(bounds);
    return answersTo(whichHmac(schemes), schemes.length).flatMap((hmac) =>
      answersTo(HOW_MANY, bounds.symbolicRecords).map((records) => [...hmac, ...records]),
    );
  },
  runner: () => run,
};

function run(bounds: Bounds, choice: Choice, counts: Counts, trace: Trace | undefined): void {
  const schemes = schemesOf(bounds);
  const scheme = schemes[choice.choose(schemes.length, whichHmac(schemes))];
  if (scheme === undefined) throw new RangeError("There are no schemes.");
  const terms = new Terms();
  const log = chooseLog(scheme, terms, bounds, choice);
  trace?.(showLog(log));
  counts.cases["symbolic-hashes"] += 1;
  checkAlone(scheme, terms, log, bounds.symbolicRecords, counts);
}

/** Chooses a log of bounded length whose payloads have a bounded number of blocks together. */
export function chooseLog(scheme: Scheme, terms: Terms, bounds: Bounds, choice: Choice): SymbolicLog {
  const letter = terms.named("a");
  terms.hash([letter]);
  const blocks = [letter, ...scheme.blocks.map((name) => terms.named(name))];
  const length = choice.choose(bounds.symbolicRecords, HOW_MANY) + 1;
  const log: SymbolicRecord[] = [];
  let room = bounds.symbolicBlocks;
  let before: Atom | undefined;
  for (let i = 0; i < length; i += 1) {
    const kinds = i === 0 ? scheme.first : KINDS;
    const kind = kinds[choice.choose(kinds.length, `record ${i}: ${kinds.join(", ")}`)] ?? "data";
    const count = terms.named(`#${i}`);
    const right =
      kind === "checkpoint" && before !== undefined && choice.choose(2, "payload: right, free") === 0
        ? [before, count]
        : undefined;
    const payload = right ?? choosePayload([...blocks, count, ...terms.hashes], room, choice);
    if (right === undefined) room -= payload.length;
    log.push({ kind, payload });
    before = scheme.hash(terms, kind, before, payload);
  }
  return log;
}

function choosePayload(alphabet: readonly Atom[], room: number, choice: Choice): Atom[] {
  const length = choice.choose(room + 1, "blocks in the payload");
  return Array.from({ length }, () => {
    const atom = alphabet[choice.choose(alphabet.length, "block")];
    if (atom === undefined) throw new RangeError("There are no blocks.");
    return atom;
  });
}

/** Searches for logs with the head of `log`, and checks that none has as many records. */
export function checkAlone(
  scheme: Scheme,
  terms: Terms,
  log: SymbolicLog,
  recordsMax: number,
  counts: Counts,
): void {
  const head = headOf(scheme, terms, log);
  const found = head === undefined ? [] : logsEndingIn(scheme, terms, head, recordsMax);
  const asLong = found
    .filter(({ length }) => length === log.length)
    .map(showLog)
    .sort();
  witnessed(counts, EQUAL_HEADS, { logs: found.length, asLong: asLong.length });
  observe(counts, H5.alone, { log: showLog(log), asLong });
}
