import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { encoded, hex, join, text, u64 } from "../e2e/by-hand.ts";
import type { Offset } from "../src/types.ts";
import { erasedBy, restored } from "./compaction.ts";
import * as model from "./log.ts";
import { emptyLog, type ModelLog, type ShownRecord } from "./log.ts";
import { readStream } from "./reader.ts";

const never = { everyNRecords: 0 };
const payloads = (...letters: string[]): Uint8Array[] => letters.map(text);

// a, b, c, a checkpoint, d, e, and tombstones for a and b and for all from c to d.
const BEFORE = model.checkpoint(model.append(emptyLog("plain"), payloads("a", "b", "c"), never));
const SHOWN = model.tombstone(model.append(BEFORE, payloads("d", "e"), never), 0n, 2n, never);
const LOG = model.tombstone(SHOWN, 2n, 3n, never);

const ZERO = new Uint8Array(32);
const ANY = hex("ab".repeat(32));

/** What stands for the records from `first` up to and with `last`, but for what is given otherwise. */
function standing(first: number, last: number, fields: Partial<ShownRecord> = {}, log = LOG): ShownRecord {
  const hash = (offset: number): Uint8Array => log.records[offset]?.hash ?? ZERO;
  const payload = join(hash(last), u64(BigInt(last - first + 1)));
  return { offset: BigInt(first) as Offset, kind: "redacted", payload, prevHash: hash(first - 1), ...fields };
}

describe("a redacted record that is shown", () => {
  test.each([
    [0, 0],
    [0, 2],
    [1, 2],
    [4, 4],
  ])("may stand for the hidden data from %i to %i", (first, last) => {
    const erased = erasedBy(LOG, standing(first, last));
    expect(erased).toEqual(LOG.records.slice(first, last + 1));
  });

  const { payload } = standing(1, 2);
  const saying = (hash: Uint8Array = ANY): Uint8Array => join(hash, u64(2n));
  const [, { hash } = { hash: ANY }] = LOG.records;

  test.each<{ what: string; shown: ShownRecord }>([
    { what: "is one of data", shown: standing(1, 2, { kind: "data" }) },
    { what: "stands for none", shown: standing(1, 0) },
    { what: "has a byte too many", shown: standing(1, 2, { payload: join(payload, Uint8Array.of(0)) }) },
    { what: "has another prev_hash", shown: standing(1, 2, { prevHash: ANY }) },
    { what: "has another hash", shown: standing(1, 2, { payload: saying() }) },
    { what: "has the first one's hash", shown: standing(1, 2, { payload: saying(hash) }) },
    { what: "stands for data that is not hidden", shown: standing(5, 5) },
    { what: "ends with data that is not hidden", shown: standing(4, 5) },
    { what: "begins with a checkpoint", shown: standing(3, 4) },
    { what: "has a checkpoint within", shown: standing(2, 4) },
    { what: "stands for a tombstone", shown: standing(6, 6) },
    { what: "begins before the log", shown: standing(-1, 0) },
    { what: "begins after the log", shown: standing(8, 8) },
  ])("stands for nothing if it $what", ({ shown }) => {
    expect(erasedBy(LOG, shown)).toBeUndefined();
  });

  test("stands for nothing if a crash took the tombstone", () => {
    expect(erasedBy(model.recover(LOG, 7), standing(2, 2))).toBeUndefined();
    expect(erasedBy(model.recover(LOG, 7), standing(0, 1))).toEqual(LOG.records.slice(0, 2));
  });

  test("stands for nothing in sentinel, where nothing is hidden", () => {
    const data = model.append(emptyLog("sentinel"), payloads("a", "b"), never);
    const log = model.tombstone(data, 0n, 1n, never);
    expect(erasedBy(log, standing(0, 0, {}, log))).toBeUndefined();
  });
});

describe("what is shown of a compacted stream", () => {
  const rest = LOG.records.slice(5);
  const [, , , checkpoint] = LOG.records;
  const shown = [standing(0, 2), checkpoint ?? standing(3, 3), standing(4, 4), ...rest];

  test("is restored to the log's records", () => {
    expect(restored(LOG, shown)).toEqual(LOG.records);
    expect(restored(LOG, shown.slice(2))).toEqual(LOG.records.slice(4));
    expect(restored(LOG, LOG.records)).toEqual(LOG.records);
    expect(restored(LOG, [])).toEqual([]);
  });

  test("keeps a redacted record that may stand for nothing, and only that", () => {
    const wrong = standing(0, 2, { prevHash: ANY });
    expect(restored(LOG, [wrong, ...shown.slice(1)])).toEqual([wrong, ...LOG.records.slice(3)]);
  });
});

const tombstone = fc.record({
  first: fc.bigInt({ min: 0n, max: 5n }),
  count: fc.bigInt({ min: 1n, max: 4n }),
});
const step = fc.oneof(fc.constantFrom("data", "data", "checkpoint"), tombstone);
/** Whether to erase a record that may be erased, and whether to end a run after it. */
const choice = fc.tuple(fc.boolean(), fc.boolean());

function logOf(steps: readonly ("data" | "checkpoint" | { first: bigint; count: bigint })[]): ModelLog {
  let log: ModelLog = emptyLog("plain");
  for (const what of steps) {
    if (what === "data") log = model.append(log, payloads("x"), never);
    else if (what === "checkpoint") log = model.checkpoint(log);
    else if (model.refuses(log, what) === undefined)
      log = model.tombstone(log, what.first, what.count, never);
  }
  return log;
}

/** What may be shown of a log once some of its hidden data is erased, in runs of any length. */
function compacted(log: ModelLog, choices: readonly (readonly [boolean, boolean])[]): ShownRecord[] {
  const all: ShownRecord[] = [];
  let first: number | undefined;
  const mayGo = (at: number): boolean => log.records[at]?.kind === "data" && model.isHidden(log, BigInt(at));
  for (const [i, record] of log.records.entries()) {
    const [isErased, ends] = choices[i % choices.length] ?? [true, true];
    if (!mayGo(i) || (first === undefined && !isErased)) {
      all.push(record);
      continue;
    }
    first ??= i;
    if (mayGo(i + 1) && !ends) continue;
    all.push(standing(first, i, {}, log));
    first = undefined;
  }
  return all;
}

property.prop([fc.array(step, { maxLength: 12 }), fc.array(choice, { minLength: 1 })])(
  "any log of which hidden data was erased is read and restored to what it was",
  (steps, choices) => {
    const log = logOf(["data", "data", "data", ...steps]);
    const written = compacted(log, choices);
    const bytes = join(...written.map((record) => encoded(record)));
    const { records, problem } = readStream(new Map([["segment_000000.log", bytes]]), "plain");
    expect(problem).toBeUndefined();
    expect(records.length).toBe(written.length);
    expect(records.at(-1)?.hash).toEqual(log.records.at(-1)?.hash);
    const content = ({ offset, kind, payload, prevHash }: ShownRecord): string =>
      [offset, kind, Buffer.from(payload).toString("hex"), Buffer.from(prevHash).toString("hex")].join(" ");
    expect(restored(log, records).map(content)).toEqual(log.records.map(content));
  },
);
