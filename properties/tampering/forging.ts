/**
 * How a forger changes a log: functions that choose one change of a kind. Which there are, and what of each
 * must be revealed, is in `edits.ts`.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import type { Format } from "../../src/types.ts";
import type { RawRecord, Segments, Stored, Wanted } from "./forged-log.ts";
import { foldedPayload, hidden, type Original, otherStream } from "./original.ts";

/** The records from `from` up to `until` give way to others. */
export interface Substitution {
  readonly from: number;
  readonly until: number;
  readonly put: readonly Wanted[];
  /** What is done to the segments as a whole, once the records are in them. */
  readonly arrange?: (segments: RawRecord[][]) => Segments;
  /** What is done to the bytes of the last segment. */
  readonly tail?: (bytes: Buffer) => Buffer;
}

/** Chooses one change of its kind; `undefined` where this log has none. */
export type SubstitutionMaker = (log: Original, choice: Choice, format: Format) => Substitution | undefined;

/** What becomes of a record that is put somewhere else. */
export type Placement = (record: RawRecord) => Wanted;

/** Chooses a record that this can be done to, and what is put in its place. */
export function inPlace(
  fits: (record: RawRecord) => boolean,
  replace: (record: RawRecord, choice: Choice, format: Format) => Wanted,
): SubstitutionMaker {
  return (log, choice, format) => {
    const candidates = log.filter(fits);
    const record = candidates[choice.choose(candidates.length, "which record of those that it fits")];
    if (record === undefined) return undefined;
    const from = Number(record.offset);
    return { from, until: from + 1, put: [replace(record, choice, format)] };
  };
}

export const isData = ({ kind }: RawRecord): boolean => kind === "data";
export const isCheckpoint = ({ kind }: RawRecord): boolean => kind === "checkpoint";
export const isLater = ({ offset }: RawRecord): boolean => offset > 0n;
export const anyRecord = (): boolean => true;

export const FORGED: Uint8Array = Buffer.from("z");

export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}

/** One of the possibilities; the label names them. */
export function pick<T>(choice: Choice, what: string, options: Readonly<Record<string, T>>): T {
  const names = Object.keys(options);
  const chosen = options[names[choice.choose(names.length, `${what}: ${names.join(", ")}`)] ?? ""];
  if (chosen === undefined) throw new RangeError(`There is nothing to choose for "${what}".`);
  return chosen;
}

/** A record where it was: all that it says is kept. */
const asItIs = ({ kind, payload, offset, prevHash }: RawRecord): Wanted => ({
  kind,
  payload,
  offset,
  prevHash,
});
/** A record with its old link and the offset of its new place. */
const renumbered = ({ kind, payload, prevHash }: RawRecord): Wanted => ({ kind, payload, prevHash });
/** A record made to fit its new place. */
export const made = ({ kind, payload }: RawRecord): Wanted => ({
  kind,
  payload: kind === "data" ? payload : undefined,
});

/** A record put somewhere else without its link to the one before being made to fit. */
export const KEPT: Readonly<Record<string, Placement>> = { "as it was": asItIs, renumbered };

/**
 * A payload of up to 255 bytes in a block of its own, longer than it is: an lz4 block of literals, or a raw
 * zstd block.
 */
export function compressed({ payload }: RawRecord, compression: 1 | 2): Stored {
  const size = payload.length;
  const literals = size < 15 ? [size << 4] : [0xf0, size - 15];
  const block = Buffer.alloc(3);
  block.writeUIntLE(8 * size + 1, 0, 3);
  const start =
    compression === 1 ? [size, 0, 0, 0, ...literals] : [0x28, 0xb5, 0x2f, 0xfd, 0x20, size, ...block];
  return { compression, bytes: Buffer.concat([Buffer.from(start), payload]) };
}

export function removed(log: Original, choice: Choice): Substitution | undefined {
  const last = log.length - 1;
  if (last < 1) return undefined;
  const from = choice.choose(last, "the first record removed");
  return { from, until: from + 1 + choice.choose(last - from, "more records removed"), put: [] };
}

export function cut(log: Original, choice: Choice): Substitution {
  const records = choice.choose(log.length, "records cut off, less one") + 1;
  return { from: log.length - records, until: log.length, put: [] };
}

export function inserted(from: number, choice: Choice): Substitution {
  const put = pick<Wanted[]>(choice, "what", {
    "a data record": [{ kind: "data", payload: FORGED }],
    "a checkpoint": [{ kind: "checkpoint" }],
  });
  return { from, until: from, put };
}

export function duplicated(log: Original, choice: Choice, how: Placement): Substitution | undefined {
  const at = choice.choose(log.length, "record");
  const before = choice.choose(log.length, "copied to before record, its own place left out");
  const from = before >= at ? before + 1 : before;
  const record = log[at];
  return record && { from, until: from, put: [how(record)] };
}

export function reordered(log: Original, choice: Choice, how: Placement): Substitution | undefined {
  if (log.length < 2) return undefined;
  const from = choice.choose(log.length - 1, "the first record moved");
  const until =
    from + 2 + choice.choose(log.length - from - 1, "records between the first and the last moved");
  const span = log.slice(from, until);
  const [first, last, between] = [span.slice(0, 1), span.slice(-1), span.slice(1, -1)];
  const orders = {
    exchanged: [...last, ...between, ...first],
    "the first moved to the end": [...between, ...last, ...first],
    "the last moved to the front": [...last, ...first, ...between],
  };
  const order =
    between.length === 0 ? orders.exchanged : pick(choice, "the first and the last of them", orders);
  return { from, until, put: order.map(how) };
}

/** The records from some later one on give way to another stream's from the same offset on. */
export function tailReplaced(
  log: Original,
  choice: Choice,
  how: Placement,
  format: Format,
  lengths: readonly (keyof typeof LONGER)[],
): Substitution | undefined {
  if (log.length < 2) return undefined;
  const from = choice.choose(log.length - 1, "records before, less one") + 1;
  const longer = pick(choice, "how many", Object.fromEntries(lengths.map((name) => [name, LONGER[name]])));
  const put = otherStream(format, log.length + longer)
    .slice(from)
    .map(how);
  return put.length === 0 ? undefined : { from, until: log.length, put };
}

const LONGER = { "as many": 0, "one more": 1, "one fewer": -1 } as const;

export function folded(log: Original, choice: Choice, format: Format): Substitution | undefined {
  // In `sentinel` the hash must begin with the code of the kind that the folded record gets.
  const fits = ({ prevHash }: RawRecord): boolean => format === "plain" || prevHash[0] === 0;
  const candidates = log.filter((record) => isData(record) && isLater(record) && fits(record));
  const last = candidates[choice.choose(candidates.length, "the last record folded, of those that can be")];
  if (last === undefined) return undefined;
  const payload = foldedPayload(format, last.prevHash, last.payload);
  return { from: 0, until: Number(last.offset) + 1, put: [{ kind: "data", payload }] };
}

export function unfolded(log: Original, _: Choice, format: Format): Substitution | undefined {
  // What is hidden there is as long as a hash. If it begins with the code of a kind, the code of the next one
  // comes after it.
  const payload = log[0]?.payload.subarray(32);
  return {
    from: 0,
    until: 1,
    put: [
      { kind: "data", payload: hidden(format) },
      { kind: "data", payload },
    ],
  };
}

/** Only the segments are touched. */
function arranged(log: Original, arrange: (segments: RawRecord[][]) => Segments): Substitution {
  return { from: log.length, until: log.length, put: [], arrange };
}

const segmentsOf = (log: Original): number => (log.at(-1)?.segment ?? 0) + 1;

export function bordersMoved(log: Original, choice: Choice): Substitution | undefined {
  const [segments, last] = [segmentsOf(log), log.length];
  const one = (all: RawRecord[][]): Segments => [all.flat()];
  const many = (all: RawRecord[][]): Segments => all.flat().map((record) => [record]);
  if (last < 2) return undefined;
  if (segments === 1) return arranged(log, many);
  if (segments === last) return arranged(log, one);
  return arranged(log, pick(choice, "segments", { "one for all": one, "one for each": many }));
}

export function exchanged(log: Original, choice: Choice): Substitution | undefined {
  const last = segmentsOf(log) - 1;
  if (last < 1) return undefined;
  const first = choice.choose(last, "segment file");
  const second = first + 1 + choice.choose(last - first, "and a later one");
  return arranged(log, (segments) =>
    segments.map((records, i) => segments[i === first ? second : i === second ? first : i] ?? records),
  );
}

export function gap(log: Original, choice: Choice): Substitution | undefined {
  const last = segmentsOf(log) - 1;
  if (last < 1) return undefined;
  const missing = choice.choose(last, "segment file");
  return arranged(log, (segments) => segments.map((records, i) => (i === missing ? undefined : records)));
}

export const nothing = (log: Original): Substitution => arranged(log, (segments) => segments);

export function torn(log: Original, choice: Choice): Substitution {
  const tail = pick<(bytes: Buffer) => Buffer>(choice, "the last segment", {
    "cut by a byte": (bytes) => bytes.subarray(0, -1),
    "longer by a byte": (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
    "longer by 48 zeros": (bytes) => Buffer.concat([bytes, Buffer.alloc(48)]),
  });
  return { ...nothing(log), tail };
}
