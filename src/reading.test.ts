/**
 * Ranges: reads with `to`, `limit`, `reverse` and `signal`, one suite over every storage. What must come out
 * is a slice of a log made by hand.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { benchFor, EVENTS, IMPLEMENTATIONS } from "../e2e/backends.ts";
import { type HandLog, text } from "../e2e/by-hand.ts";
import { failureOf, shown } from "../e2e/testing.ts";
import type { IterateOptions, StorageBackend } from "./backend.ts";
import type { Record } from "./format/record.ts";

const ALL = Number.POSITIVE_INFINITY;
const LEVELS = ["record", "checkpoint", "genesis"] as const;

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

async function all(records: AsyncIterable<Record>): Promise<string[]> {
  const lines: string[] = [];
  for await (const record of records) lines.push(shown(record));
  return lines;
}

interface Range {
  readonly from: number;
  readonly to: number | undefined;
  readonly limit: number | undefined;
  readonly reverse: boolean;
}

type Shown = HandLog["records"][number];

/** What a range has, in the order that was asked for; `counts` says what the limit is about. */
function expected(
  log: HandLog,
  { from, to, limit, reverse }: Range,
  counts: (record: Shown) => boolean,
): Shown[] {
  const records = log.records.slice(from, to).filter(counts);
  return (reverse ? records.reverse() : records).slice(0, limit);
}

const isData = ({ kind }: Shown): boolean => kind === "data";
const isAny = (): boolean => true;

function optionsOf({ to, limit, reverse }: Range): Omit<IterateOptions, "from"> {
  return { to: to === undefined ? undefined : BigInt(to), limit, reverse };
}

async function expectRange(
  storage: StorageBackend,
  log: HandLog,
  range: Range,
  verify: (typeof LEVELS)[number],
): Promise<void> {
  const from = BigInt(range.from);
  const options = { ...optionsOf(range), verify };
  const records = expected(log, range, isAny).map(shown);
  expect((await storage.readRecords(1n, from, ALL, options)).map(shown)).toStrictEqual(records);
  expect(await all(storage.iterate(1n, { ...options, from }))).toStrictEqual(records);
  const payloads = expected(log, range, isData).map(({ payload }) => hexOf(payload));
  expect((await storage.readFrom(1n, from, ALL, options)).map(hexOf)).toStrictEqual(payloads);
}

describe.each(IMPLEMENTATIONS)("$name", (implementation) => {
  const { open, newLog, withEvents } = benchFor(implementation);

  test.each(LEVELS)("every range, either way, with every limit, verified as `%s`", async (verify) => {
    const { storage, log } = await withEvents();
    const end = log.records.length;
    for (let from = 0; from <= end + 1; from += 1) {
      for (const to of [undefined, 0, from, from + 1, from + 3, end, end + 5]) {
        for (const limit of [undefined, 0, 1, 2, end]) {
          for (const reverse of [false, true])
            await expectRange(storage, log, { from, to, limit, reverse }, verify);
        }
      }
    }
  });

  test.prop(
    [
      fc.array(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 4 }), { maxLength: 8 }),
      fc.record({
        from: fc.nat(40),
        to: fc.option(fc.nat(40), { nil: undefined }),
        limit: fc.option(fc.nat(12), { nil: undefined }),
        reverse: fc.boolean(),
      }),
      fc.constantFrom(...LEVELS),
      fc.constantFrom(0, 1, 2, 5),
    ],
    { numRuns: 20 },
  )("M1 any range of any log is a slice of it", async (batches, range, verify, every) => {
    const storage = await open({ checkpoints: { everyNRecords: every } });
    const log = newLog(every);
    for (const batch of batches) {
      await storage.appendBatch(1n, batch, { fsync: false });
      log.append(...batch);
    }
    await expectRange(storage, log, range, verify);
  });

  test("`maxBytes` counts in the order of reading, and stops after the record that reaches it", async () => {
    const storage = await open({ checkpoints: { everyNRecords: 0 } });
    await storage.appendBatch(1n, ["aaa", "b", "cc", "dddd"].map(text));
    const newest = async (maxBytes: number): Promise<string[]> =>
      (await storage.readFrom(1n, 0n, maxBytes, { reverse: true })).map((payload) =>
        String(Buffer.from(payload)),
      );
    expect(await newest(0)).toStrictEqual([]);
    expect(await newest(1)).toStrictEqual(["dddd"]);
    expect(await newest(4)).toStrictEqual(["dddd"]);
    expect(await newest(5)).toStrictEqual(["dddd", "cc"]);
    expect(await newest(7)).toStrictEqual(["dddd", "cc", "b"]);
    expect(await newest(ALL)).toStrictEqual(["dddd", "cc", "b", "aaa"]);
  });

  test("bounds beyond what an offset can be are beyond every end", async () => {
    const { storage, log } = await withEvents();
    const records = log.records.map(shown);
    expect(await all(storage.iterate(1n, { to: 2n ** 80n }))).toStrictEqual(records);
    expect(await all(storage.iterate(1n, { to: 2n ** 80n, reverse: true }))).toStrictEqual(records.reverse());
    expect(await all(storage.iterate(1n, { from: 2n ** 80n, reverse: true }))).toStrictEqual([]);
  });

  test("of an unknown stream there is nothing, either way, and it does not begin to exist", async () => {
    const storage = await open();
    expect(await all(storage.iterate(1n, { reverse: true }))).toStrictEqual([]);
    expect(await storage.readFrom(1n, 0n, ALL, { reverse: true, limit: 3 })).toStrictEqual([]);
    expect(await storage.streams()).toStrictEqual([]);
  });

  test("what is appended during an iteration is in it forwards, up to `to`, and not backwards", async () => {
    const { storage, log } = await withEvents();
    const lines = async (options: IterateOptions): Promise<string[]> => {
      const seen: string[] = [];
      for await (const record of storage.iterate(1n, options)) {
        if (seen.length === 0) {
          log.append(text("meanwhile"));
          await storage.appendBatch(1n, [text("meanwhile")]);
        }
        seen.push(shown(record));
      }
      return seen;
    };
    const backwards = log.records.map(shown).reverse();
    expect(await lines({ reverse: true })).toStrictEqual(backwards);
    expect(await lines({})).toStrictEqual(log.records.map(shown));
    const to = log.nextOffset;
    expect(await lines({ to })).toStrictEqual(log.records.slice(0, Number(to)).map(shown));
  });

  describe("a signal", () => {
    const reason = new Error("enough");

    test("that is aborted before a read refuses it with its reason", async () => {
      const { storage } = await withEvents();
      const signal = AbortSignal.abort(reason);
      for (const reverse of [false, true]) {
        for (const work of [
          () => storage.readFrom(1n, 0n, ALL, { signal, reverse }),
          () => storage.readRecords(1n, 0n, ALL, { signal, reverse }),
          () => storage.iterate(1n, { signal, reverse }).next(),
        ]) {
          expect(await failureOf(work)).toBe(reason);
        }
      }
    });

    test("that is not aborted changes nothing", async () => {
      const { storage, log } = await withEvents();
      const { signal } = new AbortController();
      expect(await all(storage.iterate(1n, { signal }))).toStrictEqual(log.records.map(shown));
    });

    test("that is aborted during an iteration ends it with its reason at the next record", async () => {
      const { storage } = await withEvents();
      for (const reverse of [false, true]) {
        const aborter = new AbortController();
        let seen = 0;
        const error = await failureOf(async () => {
          for await (const { offset } of storage.iterate(1n, { signal: aborter.signal, reverse })) {
            expect(offset).toBeDefined();
            seen += 1;
            if (seen === 2) aborter.abort(reason);
          }
        });
        expect(error).toBe(reason);
        expect(seen).toBe(2);
      }
      expect((await storage.readFrom(1n, 0n, ALL)).length).toBe(EVENTS.length);
    });
  });

  test("`streams` tells which there are, ascending", async () => {
    const storage = await open();
    expect(await storage.streams()).toStrictEqual([]);
    for (const stream of [10n, 2n ** 64n - 1n, 9n, 0n]) await storage.appendBatch(stream, [text("e")]);
    await storage.head(5n);
    await failureOf(() => storage.appendBatch(6n, []));
    await failureOf(() => storage.appendBatch(7n, EVENTS, { expectedOffset: 1n }));
    expect(await storage.streams()).toStrictEqual([0n, 9n, 10n, 2n ** 64n - 1n]);
  });

  test("`release` leaves everything as it was, also for what goes on", async () => {
    const { storage, log } = await withEvents();
    const iteration = storage.iterate(1n);
    const seen = [(await iteration.next()).value];
    await storage.release(1n);
    await storage.release(1n);
    await storage.release(2n);
    const appended = storage.appendBatch(1n, [text("after")], { fsync: false });
    log.append(text("after"));
    const released = storage.release(1n);
    expect((await appended).nextOffset).toBe(log.nextOffset);
    await released;
    for await (const record of iteration) seen.push(record);
    expect(seen.map((record) => shown(record as Record))).toStrictEqual(log.records.map(shown));
    expect(await all(storage.iterate(1n, { reverse: true }))).toStrictEqual(log.records.map(shown).reverse());
  });

  test("`await using` closes it", async () => {
    const storage = await open();
    const underWay = storage.appendBatch(1n, EVENTS);
    await storage[Symbol.asyncDispose]();
    await underWay;
    expect(await failureOf(() => storage.head(1n))).toMatchObject({ code: "closed" });
    await storage[Symbol.asyncDispose]();
  });
});
