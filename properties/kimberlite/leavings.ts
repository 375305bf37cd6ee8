/**
 * Directories as Kimberlite leaves them, closed and killed, made by the stand-in for its writer; of records
 * so small, and segments so short, that all of it happens within a few.
 * @module
 */
import { type KimberliteRecord, KimberliteWriter } from "../../model/kimberlite-writer.ts";

/** What a process left, and the records that are there. */
export interface Leavings {
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly records: readonly KimberliteRecord[];
}

/** A record of one byte has 59. */
const SEGMENT_BYTES = 130;
const events = (...numbers: readonly number[]): Uint8Array[] =>
  numbers.map((number) => Uint8Array.of(number));

/**
 * Kimberlite writes log, write-ahead file, index and manifest one after the other: killed between them, the
 * later ones are those of before.
 */
function killedBefore(later: RegExp, before: KimberliteWriter, after: KimberliteWriter): KimberliteWriter {
  const killed = after.reopened();
  for (const name of new Set([...before.files.keys(), ...after.files.keys()])) {
    if (!later.test(name)) continue;
    const old = before.files.get(name);
    if (old === undefined) killed.files.delete(name);
    else killed.files.set(name, old);
  }
  return killed;
}

function one(fsync: boolean): KimberliteWriter {
  return new KimberliteWriter(SEGMENT_BYTES).append(events(1), fsync);
}

function torn(writer: KimberliteWriter, name: string, bytes: number): KimberliteWriter {
  const torn = writer.reopened();
  const whole = torn.files.get(name) ?? Buffer.alloc(0);
  torn.files.set(name, whole.subarray(0, whole.length - bytes));
  return torn;
}

const LOG = "segment_000000.log";

const MADE: readonly [string, () => KimberliteWriter][] = [
  ["closed", () => one(false).drop()],
  ["killed with a write-ahead file", () => one(true).append(events(2), true)],
  ["killed with an index that lags", () => one(true).append(events(2), false)],
  [
    "a checkpoint indexed twice",
    () => new KimberliteWriter(300).append(events(1), true).reopened().checkpoint(),
  ],
  [
    "a checkpoint filed at the wrong place",
    () =>
      new KimberliteWriter(400)
        .append(events(1, 2), false)
        .checkpoint()
        .append(events(3), false)
        .reopened()
        .checkpoint(),
  ],
  ["a next segment that is only named", () => one(true).append(events(2, 3), true)],
  ["two segments", () => one(true).append(events(2, 3), true).append(events(4), true)],
  ["a manifest that lags", () => killedBefore(/manifest/, one(true), one(true).append(events(2), true))],
  [
    "a manifest that lags a rotation",
    () => killedBefore(/manifest/, one(true), one(true).append(events(2, 3), true)),
  ],
  [
    "an index and a manifest that lag",
    () => killedBefore(/manifest|idx/, one(true), one(true).append(events(2), true)),
  ],
  ["a torn index", () => torn(one(true).append(events(2, 3), true), `${LOG}.idx`, 9)],
];

/** All of them; each record is there, whatever the hints say. */
export const LEAVINGS: readonly Leavings[] = MADE.map(([name, make]) => {
  const { files, records } = make();
  return { name, files, records };
});
