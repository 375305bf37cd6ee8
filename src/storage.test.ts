/**
 * What a storage does, whichever it is: one suite over `Storage` on the file system, over `Storage` with
 * limits so small that a batch hardly fits a segment, and over `MemoryStorage`. What must come out is kept by
 * a log made by hand (`e2e/by-hand.ts`).
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { benchFor, EVENTS, IMPLEMENTATIONS, SENTINEL } from "../e2e/backends.ts";
import { type HandLog, text } from "../e2e/by-hand.ts";
import { failureOf, shown } from "../e2e/testing.ts";
import type { AppendResult, StorageBackend } from "./backend.ts";
import { CodecRegistry, NoneCodec } from "./format/codec.ts";
import { StorageError, type StorageErrorCode } from "./error.ts";
import { MAX_PAYLOAD_BYTES } from "./limits.ts";
import { MemoryStorage, type MemoryStorageOptions } from "./memory.ts";
import type { Record } from "./format/record.ts";
import type { CompressionKind } from "./types.ts";

const LEVELS = ["record", "checkpoint", "genesis"] as const;
const ALL = Number.POSITIVE_INFINITY;

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Where a stream ends, in a form that shows well. */
const end = ({ nextOffset, head }: { nextOffset: bigint; head: Uint8Array }): string =>
  `${String(nextOffset)}: ${hexOf(head)}`;

async function all(records: AsyncIterable<Record>): Promise<string[]> {
  const lines: string[] = [];
  for await (const record of records) lines.push(shown(record));
  return lines;
}

/** The stream holds exactly the log's records, by every way of reading. */
async function expectLog(storage: StorageBackend, stream: bigint, log: HandLog): Promise<void> {
  expect(end(await storage.head(stream))).toBe(end(log));
  expect(await all(storage.iterate(stream))).toStrictEqual(log.records.map(shown));
  const records = await storage.readRecords(stream, 0n, ALL, { verify: "genesis" });
  expect(records.map(shown)).toStrictEqual(log.records.map(shown));
}

async function expectRefusal(work: () => unknown, code: StorageErrorCode): Promise<StorageError> {
  const error = await failureOf(work);
  expect(error).toBeInstanceOf(StorageError);
  expect((error as StorageError).code).toBe(code);
  return error as StorageError;
}

describe.each(IMPLEMENTATIONS)("$name", (implementation) => {
  const { newLog, open, withEvents } = benchFor(implementation);

  test("M2 what a caller does to a payload that a read returned reaches nobody else", async () => {
    const { storage, log } = await withEvents();
    const [first] = await storage.readRecords(1n, 0n, Number.MAX_SAFE_INTEGER);
    first?.payload.fill(0xff);
    const again = await storage.readRecords(1n, 0n, Number.MAX_SAFE_INTEGER);
    expect(again.map(shown)).toStrictEqual(log.records.map(shown));
  });

  describe("appending", () => {
    test("tells where the batch begins and where the stream ends", async () => {
      const storage = await open();
      const log = newLog();
      for (const batch of [EVENTS.slice(0, 1), EVENTS.slice(1, 4), EVENTS.slice(4)]) {
        const firstOffset = log.nextOffset;
        const result: AppendResult = await storage.appendBatch(1n, batch);
        log.append(...batch);
        expect(result.firstOffset).toBe(firstOffset);
        expect(end(result)).toBe(end(log));
        expect(end(await storage.head(1n))).toBe(end(log));
      }
    });

    test("without `fsync` shows the same", async () => {
      const storage = await open();
      const log = newLog().append(...EVENTS);
      const result = await storage.appendBatch(1n, EVENTS, { fsync: false });
      expect(end(result)).toBe(end(log));
      await expectLog(storage, 1n, log);
      await storage.sync(1n);
      await expectLog(storage, 1n, log);
    });

    test("with the right `expectedOffset` goes through", async () => {
      const storage = await open();
      const { nextOffset } = await storage.appendBatch(1n, EVENTS, { expectedOffset: 0n });
      const second = await storage.appendBatch(1n, EVENTS, { expectedOffset: nextOffset, fsync: false });
      expect(second.firstOffset).toBe(nextOffset);
    });

    test("with another `expectedOffset` is refused with the actual one, and nothing is appended", async () => {
      const { storage, log } = await withEvents();
      const actual = log.nextOffset;
      for (const expectedOffset of [0n, actual - 1n, actual + 1n, -1n, 2n ** 64n]) {
        const error = await expectRefusal(
          () => storage.appendBatch(1n, EVENTS, { expectedOffset }),
          "offset-mismatch",
        );
        expect(error).toMatchObject({ stream: 1n, offset: actual });
        await expectRefusal(() => storage.appendCheckpoint(1n, { expectedOffset }), "offset-mismatch");
      }
      const error = await expectRefusal(
        () => storage.appendBatch(2n, EVENTS, { expectedOffset: 1n }),
        "offset-mismatch",
      );
      expect(error).toMatchObject({ stream: 2n, offset: 0n });
      await expectLog(storage, 1n, log);
      await expectLog(storage, 2n, newLog(0));
    });

    test("the same batch again, with the same expectation, is refused", async () => {
      const storage = await open();
      const append = (): Promise<AppendResult> => storage.appendBatch(1n, EVENTS, { expectedOffset: 0n });
      await append();
      await expectRefusal(append, "offset-mismatch");
      await expectLog(storage, 1n, newLog().append(...EVENTS));
    });

    test("an empty batch is refused", async () => {
      const { storage, log } = await withEvents();
      await expectRefusal(() => storage.appendBatch(1n, []), "empty-batch");
      await expectRefusal(() => storage.appendBatch(2n, []), "empty-batch");
      await expectLog(storage, 1n, log);
      await expectLog(storage, 2n, newLog(0));
    });

    test("a payload beyond the limit is refused, and with it the batch", async () => {
      const { storage, log } = await withEvents();
      const oversized = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
      await expectRefusal(() => storage.appendBatch(1n, [text("a"), oversized]), "payload-too-large");
      await expectRefusal(() => storage.appendBatch(2n, [oversized]), "payload-too-large");
      await expectLog(storage, 1n, log);
      await expectLog(storage, 2n, newLog(0));
      expect(end(await storage.appendBatch(1n, EVENTS))).toBe(end(log.append(...EVENTS)));
    });

    test("a batch beyond the limit is refused, though each payload is within", async () => {
      const { storage, log } = await withEvents();
      const largest = new Uint8Array(MAX_PAYLOAD_BYTES);
      const batch = [largest, largest, largest, largest, largest];
      await expectRefusal(() => storage.appendBatch(1n, batch), "batch-too-large");
      await expectLog(storage, 1n, log);
      expect(end(await storage.appendBatch(1n, EVENTS))).toBe(end(log.append(...EVENTS)));
    });

    test("payloads of any size and content come back", async () => {
      const payloads = [
        new Uint8Array(0),
        Uint8Array.of(0),
        Uint8Array.from({ length: 256 }, (_, i) => i),
        new Uint8Array(70_000).fill(0xa5),
        Buffer.from("a view into something larger").subarray(2, 6),
        new Uint8Array(3_000_000),
      ];
      const storage = await open();
      await storage.appendBatch(1n, payloads);
      const read = await storage.readFrom(1n, 0n, ALL);
      expect(
        read.map((payload) => Buffer.compare(payload, payloads[read.indexOf(payload)] ?? text("?"))),
      ).toStrictEqual(payloads.map(() => 0));
    });

    test("a payload that changes after its append was acknowledged changes nothing", async () => {
      const storage = await open();
      const payload = text("event1");
      const { head } = await storage.appendBatch(1n, [payload]);
      payload.fill(0);
      head.fill(0);
      (await storage.head(1n)).head.fill(0);
      await expectLog(storage, 1n, newLog(0).append(text("event1")));
    });

    test("a batch is what it was when it was passed in, whatever becomes of the array", async () => {
      const { storage, log } = await withEvents();
      const batch = [text("a"), text("b")];
      const appended = storage.appendBatch(1n, batch);
      batch.length = 0;
      batch.push(text("c"));
      expect(end(await appended)).toBe(end(log.append(text("a"), text("b"))));
      const emptied = [text("d")];
      const appending = storage.appendBatch(1n, emptied);
      emptied.length = 0;
      expect(end(await appending)).toBe(end(log.append(text("d"))));
      await expectLog(storage, 1n, log);
    });

    test("streams do not mix, from the first number to the last", async () => {
      const storage = await open();
      const ids = [0n, 1n, 10n, 2n ** 63n, 2n ** 64n - 1n];
      for (const id of ids) await storage.appendBatch(id, [text(`of ${String(id)}`)]);
      for (const id of ids) {
        await storage.appendBatch(id, [text("more")]);
        await expectLog(
          storage,
          id,
          newLog()
            .append(text(`of ${String(id)}`))
            .append(text("more")),
        );
      }
    });
  });

  describe("checkpoints", () => {
    test.each([0, 1, 2, 3, 5, 1000])(
      "with the policy %i follow every batch in which one was due, and only those",
      async (every) => {
        const storage = await open({ checkpoints: { everyNRecords: every } });
        const log = newLog(every);
        for (const size of [1, 1, 2, 3, 7, 1, 4]) {
          const batch = EVENTS.slice(0, size);
          const result = await storage.appendBatch(1n, batch);
          expect(end(result)).toBe(end(log.append(...batch)));
        }
        await expectLog(storage, 1n, log);
        expect(log.records.some(({ kind }) => kind === "checkpoint")).toBe(every > 0 && every < 1000);
      },
    );

    test("asked for follow what is there, also one after the other", async () => {
      const { storage, log } = await withEvents({ checkpoints: { everyNRecords: 0 } });
      for (const fsync of [true, false]) {
        const firstOffset = log.nextOffset;
        const result = await storage.appendCheckpoint(1n, { fsync, expectedOffset: firstOffset });
        expect(result.firstOffset).toBe(firstOffset);
        expect(end(result)).toBe(end(log.checkpoint()));
      }
      await expectLog(storage, 1n, log);
    });

    test("of an empty stream are refused, and it stays empty", async () => {
      const storage = await open();
      await expectRefusal(() => storage.appendCheckpoint(1n), "empty-stream");
      await expectLog(storage, 1n, newLog(0));
      const result = await storage.appendBatch(1n, [text("event1")]);
      expect(end(result)).toBe(end(newLog().append(text("event1"))));
    });

    test("are no events: `readFrom` leaves them out", async () => {
      const { storage } = await withEvents({ checkpoints: { everyNRecords: 2 } });
      expect((await storage.readFrom(1n, 0n, ALL)).map(hexOf)).toStrictEqual(EVENTS.map(hexOf));
    });
  });

  describe("reading", () => {
    test.each(LEVELS)("from every offset, verified as `%s`, gives what was appended", async (verify) => {
      const { storage, log } = await withEvents();
      for (let from = 0; from <= log.records.length; from += 1) {
        const expected = log.records.slice(from);
        const start = BigInt(from);
        const payloads = await storage.readFrom(1n, start, ALL, { verify });
        const data = expected.filter(({ kind }) => kind === "data");
        expect(payloads.map(hexOf)).toStrictEqual(data.map(({ payload }) => hexOf(payload)));
        const records = await storage.readRecords(1n, start, ALL, { verify });
        expect(records.map(shown)).toStrictEqual(expected.map(shown));
        expect(await all(storage.iterate(1n, { from: start, verify }))).toStrictEqual(expected.map(shown));
      }
    });

    test("an unknown stream, or past the end, gives nothing", async () => {
      const { storage, log } = await withEvents();
      const places: [bigint, bigint][] = [
        [2n, 0n],
        [2n, 5n],
        [1n, log.nextOffset],
        [1n, log.nextOffset + 1n],
        [1n, 2n ** 53n],
        [1n, 2n ** 70n],
      ];
      for (const [stream, from] of places) {
        expect(await storage.readFrom(stream, from, ALL)).toStrictEqual([]);
        expect(await storage.readRecords(stream, from, ALL)).toStrictEqual([]);
        expect(await all(storage.iterate(stream, { from }))).toStrictEqual([]);
      }
      expect(end(await storage.head(2n))).toBe(end(newLog(0)));
      await storage.sync(2n);
    });

    test("stops after the record that reaches `maxBytes`; `readFrom` counts data, `readRecords` everything", async () => {
      const { storage, log } = await withEvents({ checkpoints: { everyNRecords: 2 } });
      const upTo = (payloads: readonly Uint8Array[], maxBytes: number): string[] => {
        const taken: string[] = [];
        let bytes = 0;
        for (const payload of payloads) {
          if (bytes >= maxBytes) break;
          taken.push(hexOf(payload));
          bytes += payload.length;
        }
        return taken;
      };
      const payloads = log.records.map(({ payload }) => payload);
      const data = log.records.filter(({ kind }) => kind === "data").map(({ payload }) => payload);
      for (const maxBytes of [0, 0.5, 1, 5, 6, 7, 11, 12, 13, 18, 46, 47, 52, 53, 100, 200, ALL]) {
        const events = await storage.readFrom(1n, 0n, maxBytes);
        expect(events.map(hexOf)).toStrictEqual(upTo(data, maxBytes));
        const records = await storage.readRecords(1n, 0n, maxBytes);
        expect(records.map(({ payload }) => hexOf(payload))).toStrictEqual(upTo(payloads, maxBytes));
      }
    });

    test("an iteration can be left early, and another begun", async () => {
      const { storage, log } = await withEvents();
      for await (const record of storage.iterate(1n)) {
        if (record.offset === 2n) break;
      }
      await expectLog(storage, 1n, log);
    });

    test("an iteration goes on to what was appended meanwhile", async () => {
      const { storage, log } = await withEvents();
      const records = storage.iterate(1n, { from: 1n });
      const seen: string[] = [];
      for await (const record of records) {
        seen.push(shown(record));
        if (record.offset === 3n) {
          await storage.appendBatch(1n, [text("late"), text("later")]);
          log.append(text("late"), text("later"));
        }
      }
      expect(seen).toStrictEqual(log.records.slice(1).map(shown));
    });
  });

  describe("L1 concurrent appends and reads on a stream are linearizable; batches do not interleave", () => {
    test("appends happen one after the other, in the order of the calls", async () => {
      const storage = await open();
      const log = newLog();
      const batches = Array.from({ length: 20 }, (_, i) =>
        [1, 2, 3].slice(0, (i % 3) + 1).map((part) => text(`${i}.${part}`)),
      );
      const results = await Promise.all(
        batches.map((batch, i) => storage.appendBatch(1n, batch, { fsync: i % 2 === 0 })),
      );
      for (const [i, batch] of batches.entries()) {
        expect(results[i]?.firstOffset).toBe(log.nextOffset);
        log.append(...batch);
        expect(end(results[i] ?? log)).toBe(end(log));
      }
      await expectLog(storage, 1n, log);
    });

    test("one that is refused stands in nobody's way", async () => {
      const storage = await open();
      const [first, refused, checkpoint, last] = await Promise.allSettled([
        storage.appendBatch(1n, [text("a")]),
        storage.appendBatch(1n, [text("b")], { expectedOffset: 7n }),
        storage.appendCheckpoint(1n),
        storage.appendBatch(1n, [text("c")]),
      ]);
      const log = newLog().append(text("a")).checkpoint().append(text("c"));
      expect([first.status, refused.status, checkpoint.status, last.status]).toStrictEqual([
        "fulfilled",
        "rejected",
        "fulfilled",
        "fulfilled",
      ]);
      await expectLog(storage, 1n, log);
    });

    test("a read beside appends sees whole batches from the beginning", async () => {
      const storage = await open();
      const log = newLog();
      const ends = new Set(["0"]);
      const appends: Promise<unknown>[] = [];
      const reads: Promise<Record[]>[] = [];
      for (let i = 0; i < 12; i += 1) {
        const batch = [text(`${i}.1`), text(`${i}.2`)];
        log.append(...batch);
        ends.add(String(log.nextOffset));
        appends.push(storage.appendBatch(1n, batch, { fsync: false }));
        reads.push(storage.readRecords(1n, 0n, ALL));
        if (i % 4 === 3) await appends.at(-1);
      }
      await Promise.all(appends);
      for (const read of await Promise.all(reads)) {
        expect(read.map(shown)).toStrictEqual(log.records.slice(0, read.length).map(shown));
        expect(ends).toContain(String(read.length));
      }
    });

    test("streams do not wait for one another's order", async () => {
      const storage = await open();
      const ids = [1n, 2n, 3n];
      await Promise.all(
        EVENTS.flatMap((event) => ids.map((id) => storage.appendBatch(id, [event], { fsync: false }))),
      );
      const log = newLog();
      for (const event of EVENTS) log.append(event);
      for (const id of ids) await expectLog(storage, id, log);
    });
  });

  describe("wrong types are TypeErrors, and nothing is appended", () => {
    type Call = (storage: StorageBackend, wrong: never) => unknown;
    const append: Call = (storage, wrong) => storage.appendBatch(1n, wrong);
    const withOffset: Call = (storage, expectedOffset) => storage.appendBatch(1n, EVENTS, { expectedOffset });
    const withFsync: Call = (storage, fsync) => storage.appendBatch(1n, EVENTS, { fsync });
    const toStream: Call = (storage, stream) => storage.appendBatch(stream, EVENTS);
    const from: Call = (storage, start) => storage.readFrom(1n, start, 10);
    const upTo: Call = (storage, maxBytes) => storage.readRecords(1n, 0n, maxBytes);
    const level: Call = (storage, verify) => storage.readFrom(1n, 0n, 10, { verify });

    test.each<[string, Call, unknown]>([
      ["a batch that is a string", append, "event1"],
      ["a batch that is an empty string", append, ""],
      ["a batch that is one payload", append, text("event1")],
      ["a batch that is one payload without bytes", append, new Uint8Array(0)],
      ["a batch that is a set", append, new Set([text("event1")])],
      ["a batch that is nothing", append, undefined],
      ["a payload that is a string", append, ["event1"]],
      ["a payload that is an array of numbers", append, [[1, 2, 3]]],
      ["a payload that is an ArrayBuffer", append, [new ArrayBuffer(3)]],
      ["a payload that is a Uint16Array", append, [new Uint16Array(3)]],
      ["a wrong payload behind a right one", append, [text("a"), null]],
      ["a hole for a payload", append, [text("a"), ,]], // eslint-disable-line no-sparse-arrays
      ["a stream that is a number", toStream, 1],
      ["a stream that is a string", toStream, "1"],
      ["no stream", toStream, undefined],
      ["an expected offset that is a number", withOffset, 0],
      ["an expected offset that is null", withOffset, null],
      ["an `fsync` that is a string", withFsync, "no"],
      ["an offset that is a number", from, 0],
      ["no offset", from, undefined],
      ["a `maxBytes` that is a bigint", upTo, 10n],
      ["no `maxBytes`", upTo, undefined],
      ["a level that does not exist", level, "everything"],
      ["a level that is a property of all objects", level, "toString"],
    ])("%s", async (_, call, wrong) => {
      const storage = await open();
      expect(await failureOf(() => call(storage, wrong as never))).toBeInstanceOf(TypeError);
      await expectLog(storage, 1n, newLog(0));
    });

    test("in an iteration and a head, likewise", async () => {
      const storage = await open();
      const wrong = 1 as unknown as bigint;
      const level = "all" as unknown as "record";
      for (const work of [
        () => storage.iterate(wrong).next(),
        () => storage.iterate(1n, { from: wrong }).next(),
        () => storage.iterate(1n, { verify: level }).next(),
        () => storage.head(wrong),
        () => storage.sync(wrong),
        () => storage.appendCheckpoint(wrong),
        () => storage.appendCheckpoint(1n, { expectedOffset: wrong }),
      ]) {
        expect(await failureOf(work)).toBeInstanceOf(TypeError);
      }
    });
  });

  test("numbers that cannot be are refused as `out-of-range`", async () => {
    const storage = await open();
    for (const stream of [-1n, 2n ** 64n]) {
      for (const work of [
        () => storage.appendBatch(stream, EVENTS),
        () => storage.appendCheckpoint(stream),
        () => storage.readFrom(stream, 0n, 10),
        () => storage.readRecords(stream, 0n, 10),
        () => storage.iterate(stream).next(),
        () => storage.head(stream),
        () => storage.sync(stream),
      ]) {
        await expectRefusal(work, "out-of-range");
      }
    }
    await expectRefusal(() => storage.readFrom(1n, -1n, 10), "out-of-range");
    await expectRefusal(() => storage.iterate(1n, { from: -1n }).next(), "out-of-range");
    for (const maxBytes of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) {
      await expectRefusal(() => storage.readFrom(1n, 0n, maxBytes), "out-of-range");
    }
  });

  test("after `close` every call is refused, but for another `close`; what was under way is finished", async () => {
    const storage = await open();
    const underWay = storage.appendBatch(1n, EVENTS);
    const closing = storage.close();
    for (const work of [
      () => storage.appendBatch(1n, EVENTS),
      () => storage.appendCheckpoint(1n),
      () => storage.sync(1n),
      () => storage.readFrom(1n, 0n, 10),
      () => storage.readRecords(1n, 0n, 10),
      () => storage.iterate(1n).next(),
      () => storage.head(1n),
      () => storage.head(2n),
    ]) {
      await expectRefusal(work, "closed");
    }
    expect(end(await underWay)).toBe(end(newLog().append(...EVENTS)));
    await closing;
    await storage.close();
    await expectRefusal(() => storage.head(1n), "closed");
  });

  test("an iteration under way yields nothing more after close", async () => {
    const storage = await open();
    await storage.appendBatch(1n, EVENTS);
    const records = storage.iterate(1n);
    expect((await records.next()).done).toBe(false);
    await storage.close();
    await expectRefusal(() => records.next(), "closed");
  });

  describe("H1 the same calls give the same hashes", () => {
    const batches = [EVENTS, [new Uint8Array(5000), text("a".repeat(3000))], [text("event")]];

    test.each<CompressionKind>(["none", "lz4", "zstd"])("whatever the codec: %s", async (compression) => {
      const storage = await open({ compression });
      const log = newLog();
      for (const batch of batches) {
        log.append(...batch);
        expect(end(await storage.appendBatch(1n, batch))).toBe(end(log));
      }
      await expectLog(storage, 1n, log);
      const kinds = (await storage.readRecords(1n, 0n, ALL)).map((record) => record.compression);
      expect(kinds.includes(compression)).toBe(true);
      expect(kinds.filter((kind) => kind !== compression && kind !== "none")).toStrictEqual([]);
    });

    test("without automatic checkpoints also whatever the batching", async () => {
      const storage = await open({ checkpoints: { everyNRecords: 0 } });
      const log = newLog(0).append(...EVENTS);
      await storage.appendBatch(1n, EVENTS);
      for (const event of EVENTS) await storage.appendBatch(2n, [event]);
      await Promise.all(EVENTS.map((event) => storage.appendBatch(3n, [event])));
      for (const stream of [1n, 2n, 3n]) await expectLog(storage, stream, log);
    });
  });

  const payload = fc.uint8Array({ maxLength: 60 });
  const operation = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(payload, { maxLength: 4 }).map((payloads) => ({ do: "append" as const, payloads })),
    },
    { weight: 1, arbitrary: fc.constant({ do: "checkpoint" as const }) },
    { weight: 1, arbitrary: fc.constant({ do: "sync" as const }) },
    { weight: 2, arbitrary: fc.nat(30).map((from) => ({ do: "read" as const, from })) },
  );

  test.prop([fc.array(operation, { maxLength: 15 }), fc.constantFrom(0, 1, 2, 3, 7)], { numRuns: 15 })(
    "M1 without faults engine and hand-made log agree on every result of every operation",
    async (operations, every) => {
      const storage = await open({ checkpoints: { everyNRecords: every } });
      const log = newLog(every);
      for (const step of operations) {
        if (step.do === "append" && step.payloads.length === 0) {
          await expectRefusal(() => storage.appendBatch(1n, step.payloads), "empty-batch");
        } else if (step.do === "append") {
          const result = await storage.appendBatch(1n, step.payloads, { fsync: false });
          expect(end(result)).toBe(end(log.append(...step.payloads)));
        } else if (step.do === "checkpoint" && log.records.length === 0) {
          await expectRefusal(() => storage.appendCheckpoint(1n), "empty-stream");
        } else if (step.do === "checkpoint") {
          expect(end(await storage.appendCheckpoint(1n, { fsync: false }))).toBe(end(log.checkpoint()));
        } else if (step.do === "sync") {
          await storage.sync(1n);
        } else {
          const records = await storage.readRecords(1n, BigInt(step.from), ALL);
          expect(records.map(shown)).toStrictEqual(log.records.slice(step.from).map(shown));
        }
      }
      await expectLog(storage, 1n, log);
    },
  );
});

test("a MemoryStorage is refused a format, a codec or a policy that does not exist", async () => {
  for (const format of ["kimberlite", "Sentinel", null, 1]) {
    const options = { format } as unknown as MemoryStorageOptions;
    expect(await failureOf(() => new MemoryStorage(options))).toBeInstanceOf(TypeError);
  }
  const codecs = new CodecRegistry([new NoneCodec()]);
  await expectRefusal(() => new MemoryStorage({ compression: "lz4", codecs }), "unknown-codec");
  await expectRefusal(() => new MemoryStorage({ compression: "lz4", codecs, ...SENTINEL }), "unknown-codec");
  await expectRefusal(() => new MemoryStorage({ checkpoints: { everyNRecords: 0.5 } }), "out-of-range");
});
