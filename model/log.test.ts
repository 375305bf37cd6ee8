import { createHash, createHmac } from "node:crypto";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import type { Offset } from "../src/types.ts";
import * as model from "./log.ts";
import { emptyLog, type ModelLog } from "./log.ts";

const text = (...payloads: string[]): Uint8Array[] => payloads.map((payload) => Buffer.from(payload));
const texts = (payloads: Uint8Array[]): string[] =>
  payloads.map((payload) => Buffer.from(payload).toString());
const kinds = (log: ModelLog): string =>
  log.records.map(({ kind }) => (kind === "data" ? "d" : "C")).join("");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const never = { everyNRecords: 0 };
const appended = (...payloads: string[]): ModelLog =>
  model.append(emptyLog("plain"), text(...payloads), never);

/** Three records, of which one is durable, two are acknowledged and one is in flight. */
const inFlight = (): ModelLog => {
  const one = model.acknowledge(appended("one"), true);
  const two = model.acknowledge(model.append(one, text("two"), never), false);
  return model.append(two, text("three"), never);
};

describe("append and checkpoint", () => {
  test("offsets count from 0, and every record carries the hash of the one before", () => {
    const hash0 = createHash("sha256").update("event1").digest();
    const hash1 = createHash("sha256").update(hash0).update("event2").digest();
    const payload = Buffer.concat([hash1, Buffer.of(2, 0, 0, 0, 0, 0, 0, 0)]);
    const hash2 = createHmac("sha256", "kimberlite/checkpoint").update(hash1).update(payload).digest();

    const log = model.checkpoint(appended("event1", "event2"));
    expect(log.records.map((r) => [r.offset, r.kind, hex(r.payload), hex(r.prevHash), hex(r.hash)])).toEqual([
      [0n, "data", hex(Buffer.from("event1")), "00".repeat(32), hex(hash0)],
      [1n, "data", hex(Buffer.from("event2")), hex(hash0), hex(hash1)],
      [2n, "checkpoint", hex(payload), hex(hash1), hex(hash2)],
    ]);
    expect(hex(model.head(log))).toBe(hex(hash2));
  });

  // Hashes of section 8.2, computed with Python's hashlib.
  test("in format sentinel the same records have other hashes, a checkpoint the same payload", () => {
    const HASH0 = "68f4eeaee188f5086f88f98319692ef321b4c5f3d1003a9d1b8c0ced5bf934a4";
    const HASH1 = "dbffa3cf34f7f57f9a4f263fef75984f55e0ac5ece1ed001cd6f897a653d9235";
    const HASH2 = "56fbd6982fed8b156bdacfa8052c6044bc2dde2165b8828663d3345907f56dff";
    const HASH3 = "8611b53d0d62a45b6c0c419a25fa111fa3aaf9474a8fb28ed17b1dabeef409b0";
    const first = model.append(emptyLog("sentinel"), text("event1", "event2"), { everyNRecords: 2 });
    const log = model.append(first, text("event3"), never);
    expect(log.records.map((r) => [r.offset, r.kind, hex(r.payload), hex(r.prevHash), hex(r.hash)])).toEqual([
      [0n, "data", hex(Buffer.from("event1")), "00".repeat(32), HASH0],
      [1n, "data", hex(Buffer.from("event2")), HASH0, HASH1],
      [2n, "checkpoint", `${HASH1}0200000000000000`, HASH1, HASH2],
      [3n, "data", hex(Buffer.from("event3")), HASH2, HASH3],
    ]);
    expect(hex(model.head(log))).toBe(HASH3);
  });

  test("a record may follow one of which no more is known than its offset and hash", () => {
    const last = { offset: (2n ** 60n) as Offset, hash: Buffer.alloc(32, 7) };
    const data = model.following("sentinel", "data", Buffer.from("x"), last);
    expect(data.offset).toBe(2n ** 60n + 1n);
    expect(hex(data.prevHash)).toBe("07".repeat(32));
    expect(hex(data.hash)).toBe(createHash("sha256").update(last.hash).update("\0x").digest("hex"));
    const payload = hex(model.checkpointAfter("sentinel", last).payload);
    expect(payload).toBe(`${"07".repeat(32)}0100000000000010`);
  });

  test("a record may follow a redacted one, after all that this stands for", () => {
    const count = Buffer.of(3, 0, 0, 0, 0, 0, 0, 0);
    const last: model.ModelRecord = {
      offset: 4n as Offset,
      kind: "redacted",
      payload: Buffer.concat([Buffer.alloc(32, 7), count]),
      prevHash: Buffer.alloc(32, 6),
      hash: Buffer.alloc(32, 7),
    };
    expect(model.following("plain", "data", Buffer.from("x"), last)).toMatchObject({
      offset: 7n,
      prevHash: last.hash,
    });
    const checkpoint = model.checkpointAfter("plain", last);
    expect(checkpoint.offset).toBe(7n);
    expect(hex(checkpoint.payload)).toBe(`${"07".repeat(32)}0700000000000000`);
  });

  test("what becomes of a log keeps its format", () => {
    const log = model.append(emptyLog("sentinel"), text("a"), { everyNRecords: 1 });
    const after = [model.acknowledge(log, true), model.sync(log), model.fail(log), model.recover(log, 1)];
    const all = [log, model.checkpoint(log), ...after, model.crashed(log, "power")];
    expect(all.map(({ format }) => format)).toEqual(all.map(() => "sentinel"));
  });

  test.each([
    { every: 0, batches: [1, 1, 5], expected: "ddddddd" },
    { every: 1, batches: [1, 1, 2], expected: "dCdCddC" },
    { every: 2, batches: [1, 1, 1], expected: "ddCdC" },
    { every: 3, batches: [2, 1, 1, 1], expected: "dddCddC" }, // checkpoints have offsets, so it is 2 and 5
    { every: 3, batches: [3, 2], expected: "dddCddC" },
    { every: 3, batches: [7], expected: "dddddddC" },
    { every: 4, batches: [3, 1, 2], expected: "ddddCdd" },
    { every: 4, batches: [4, 3], expected: "ddddCdddC" },
  ])("a checkpoint every $every offsets follows the batches $batches so: $expected", (given) => {
    let log = emptyLog("plain");
    for (const size of given.batches) {
      const batch = model.append(log, text(...Array<string>(size).fill("x")), { everyNRecords: given.every });
      log = model.acknowledge(batch, false);
    }
    expect(kinds(log)).toBe(given.expected);
  });

  test("a checkpoint's own offset asks for no other checkpoint", () => {
    const log = model.checkpoint(appended("a"));
    expect(kinds(model.append(log, text("b"), { everyNRecords: 2 }))).toBe("dCd");
  });

  test("an empty log has no checkpoint, and its head is 32 zero bytes", () => {
    const empty = emptyLog("sentinel");
    expect(model.checkpoint(empty)).toBe(empty);
    expect(hex(model.head(empty))).toBe("00".repeat(32));
  });

  test("a state stays as it is when another one follows it, and shares its records with that", () => {
    const before = Object.freeze(model.acknowledge(appended("a"), true));
    Object.freeze(before.records);
    const after = model.checkpoint(model.append(before, text("b"), never));
    expect(kinds(before)).toBe("d");
    expect(after.records[0]).toBe(before.records[0]);
  });
});

describe("a tombstone", () => {
  const TWO_OF_FOUR = model.tombstone(appended("a", "b", "c", "d"), 1n, 2n, never);

  test("is a record of its own kind that says what it names", () => {
    const last = TWO_OF_FOUR.records.at(-1);
    expect(last?.kind).toBe("tombstone");
    expect(hex(last?.payload ?? Buffer.of())).toBe("01000000000000000200000000000000");
    const hash = createHmac("sha256", "kimberlite/tombstone")
      .update(last?.prevHash ?? "")
      .update(last?.payload ?? "");
    expect(hex(last?.hash ?? Buffer.of())).toBe(hash.digest("hex"));
  });

  test("hides data from reads of payloads, wherever it is, and nothing from reads of records", () => {
    expect(texts(model.read(TWO_OF_FOUR, 0n, Infinity))).toEqual(["a", "d"]);
    expect(texts(model.read(TWO_OF_FOUR, 2n, Infinity))).toEqual(["d"]);
    expect(texts(model.read(TWO_OF_FOUR, 0n, 2))).toEqual(["a", "d"]);
    const all = { from: 0n, to: 9n, limit: 9, reverse: false };
    expect(model.range(TWO_OF_FOUR, all)).toEqual(TWO_OF_FOUR.records);
  });

  test("makes a checkpoint due as a batch of one does", () => {
    expect(
      model.tombstone(appended("a"), 0n, 1n, { everyNRecords: 2 }).records.map(({ kind }) => kind),
    ).toEqual(["data", "tombstone", "checkpoint"]);
  });

  test("hides nothing in sentinel, whatever it says", () => {
    const log = model.append(emptyLog("sentinel"), text("a"), never);
    expect(texts(model.read(model.tombstone(log, 0n, 1n, never), 0n, Infinity))).toEqual(["a"]);
    expect(model.refuses(log, { first: 0n, count: 1n })).toBe("wrong-format");
  });

  test.each([
    [0n, 2n, undefined, undefined],
    [0n, 4n, undefined, undefined],
    [2n, 1n, undefined, "out-of-range"],
    [0n, 3n, undefined, "out-of-range"],
    [3n, 2n, undefined, "out-of-range"],
    [1n, 0n, undefined, "out-of-range"],
    [-1n, 2n, undefined, "out-of-range"],
    [0n, 1n, 4n, undefined],
    [0n, 1n, 3n, "offset-mismatch"],
  ])("for records from %s on, %s of them, expected at %s: %s", (first, count, expectedOffset, code) => {
    const log = model.append(model.checkpoint(appended("a", "b")), text("c"), never);
    expect(model.refuses(log, { first, count, expectedOffset })).toBe(code);
  });
});

describe("refuses", () => {
  test.each<{ log: ModelLog; request: model.ModelRequest; code: string | undefined }>([
    { log: emptyLog("plain"), request: { payloads: [] }, code: "empty-batch" },
    { log: emptyLog("plain"), request: { payloads: [], expectedOffset: 7n }, code: "empty-batch" },
    { log: emptyLog("plain"), request: { payloads: text("a") }, code: undefined },
    { log: emptyLog("plain"), request: { payloads: text("a"), expectedOffset: 0n }, code: undefined },
    { log: emptyLog("plain"), request: { payloads: text("a"), expectedOffset: 1n }, code: "offset-mismatch" },
    { log: appended("a", "b"), request: { payloads: text("a"), expectedOffset: 2n }, code: undefined },
    {
      log: appended("a", "b"),
      request: { payloads: text("a"), expectedOffset: 1n },
      code: "offset-mismatch",
    },
    {
      log: appended("a", "b"),
      request: { payloads: text("a"), expectedOffset: -1n },
      code: "offset-mismatch",
    },
    {
      log: appended("a"),
      request: { payloads: text("a"), expectedOffset: 2n ** 64n + 1n },
      code: "offset-mismatch",
    },
    { log: emptyLog("plain"), request: "checkpoint", code: "empty-stream" },
    { log: appended("a"), request: "checkpoint", code: undefined },
  ])("$code is the answer to $request", ({ log, request, code }) => {
    expect(model.refuses(log, request)).toBe(code);
  });
});

describe("what is acknowledged", () => {
  const counts = (log: ModelLog): number[] => [log.durable, log.written, log.records.length];

  test("an operation in flight counts only once it is acknowledged, and as durable only with a sync", () => {
    const log = inFlight();
    expect(counts(log)).toEqual([1, 2, 3]);
    expect(counts(model.acknowledge(log, false))).toEqual([1, 3, 3]);
    expect(counts(model.acknowledge(log, true))).toEqual([3, 3, 3]);
  });

  test("a sync makes durable what was acknowledged, not what is in flight", () => {
    expect(counts(model.sync(inFlight()))).toEqual([2, 2, 3]);
  });

  test("an operation that fails leaves what was acknowledged before it", () => {
    const log = model.fail(inFlight());
    expect(counts(log)).toEqual([1, 2, 2]);
    expect(texts(model.read(log, 0n, 100))).toEqual(["one", "two"]);
  });
});

describe("read", () => {
  const log = model.append(model.checkpoint(appended("one", "two")), text("", "four", "five"), never);

  test.each<{ from: bigint; maxBytes: number; expected: string[] }>([
    { from: 0n, maxBytes: 100, expected: ["one", "two", "", "four", "five"] },
    { from: -5n, maxBytes: 3, expected: ["one"] },
    { from: 0n, maxBytes: 0, expected: [] },
    { from: 0n, maxBytes: 1, expected: ["one"] },
    { from: 0n, maxBytes: 3, expected: ["one"] },
    { from: 0n, maxBytes: 4, expected: ["one", "two"] },
    { from: 1n, maxBytes: 4, expected: ["two", "", "four"] },
    { from: 2n, maxBytes: 4, expected: ["", "four"] }, // 2 is the checkpoint's
    { from: 5n, maxBytes: 4, expected: ["five"] },
    { from: 6n, maxBytes: 4, expected: [] },
    { from: 2n ** 63n, maxBytes: 4, expected: [] },
  ])("from $from, at most $maxBytes bytes and the rest of a payload: $expected", (given) => {
    expect(texts(model.read(log, given.from, given.maxBytes))).toEqual(given.expected);
  });
});

describe("range", () => {
  const log = model.append(model.emptyLog("plain"), text("a", "b", "c", "d"), never);

  test.each<{ from: bigint; to: bigint; limit: number; reverse: boolean; expected: string[] }>([
    { from: 0n, to: 9n, limit: Infinity, reverse: false, expected: ["a", "b", "c", "d"] },
    { from: 0n, to: 9n, limit: Infinity, reverse: true, expected: ["d", "c", "b", "a"] },
    { from: 1n, to: 3n, limit: Infinity, reverse: false, expected: ["b", "c"] },
    { from: 1n, to: 3n, limit: Infinity, reverse: true, expected: ["c", "b"] },
    { from: 0n, to: 9n, limit: 2, reverse: false, expected: ["a", "b"] },
    { from: 0n, to: 9n, limit: 2, reverse: true, expected: ["d", "c"] },
    { from: 0n, to: 9n, limit: 0, reverse: true, expected: [] },
    { from: 3n, to: 3n, limit: 5, reverse: false, expected: [] },
    { from: 3n, to: 1n, limit: 5, reverse: true, expected: [] },
    { from: 4n, to: 9n, limit: 5, reverse: true, expected: [] },
  ])("from $from to $to, at most $limit, in reverse: $reverse", ({ expected, ...range }) => {
    expect(texts(model.range(log, range).map(({ payload }) => payload))).toEqual(expected);
    expect(log.records.map(({ offset }) => offset)).toEqual([0n, 1n, 2n, 3n]);
  });
});

describe("what a crash may leave", () => {
  const log = inFlight();

  test("a power failure leaves at least what is durable, a killed process what is acknowledged", () => {
    expect(model.crashed(log, "power")).toEqual({ ...log, written: 1 });
    expect(model.crashed(log, "process")).toBe(log);
  });

  test("what a recovery showed is durable, and nothing else is left", () => {
    const after = (count: number): number[] => {
      const { records, written, durable } = model.recover(log, count);
      return [durable, written, records.length];
    };
    expect(after(3)).toEqual([3, 3, 3]);
    expect(after(1)).toEqual([1, 1, 1]);
    expect(after(0)).toEqual([0, 0, 0]);
  });
});

const payloads = fc.array(fc.uint8Array({ maxLength: 5 }), { minLength: 1, maxLength: 3 });
const step = fc.oneof(
  fc.record({ append: payloads, every: fc.nat(4), synced: fc.option(fc.boolean()) }),
  fc.record({ crash: fc.constantFrom("power", "process"), count: fc.nat(40) }),
  fc.constant("sync"),
  fc.constant("checkpoint"),
);

property.prop([fc.array(step, { maxLength: 20 })])(
  "after any operations durable <= written <= all, offsets count from 0, and the hashes chain",
  (steps) => {
    let log = emptyLog("plain");
    for (const what of steps) {
      if (what === "sync") log = model.sync(log);
      else if (what === "checkpoint") log = model.acknowledge(model.checkpoint(log), false);
      else if ("append" in what) {
        log = model.append(log, what.append, { everyNRecords: what.every });
        log = what.synced === null ? model.fail(log) : model.acknowledge(log, what.synced);
      } else {
        const left = model.crashed(log, what.crash);
        const count = Math.max(left.written, Math.min(what.count, log.records.length));
        log = model.recover(left, count);
      }
      expect(log.durable).toBeLessThanOrEqual(log.written);
      expect(log.written).toBe(log.records.length);
    }
    for (const [i, record] of log.records.entries()) {
      expect(record.offset).toBe(BigInt(i));
      const before = log.records[i - 1]?.hash ?? new Uint8Array();
      const hash =
        record.kind === "data" ? createHash("sha256") : createHmac("sha256", "kimberlite/checkpoint");
      expect(hex(record.hash)).toBe(hash.update(before).update(record.payload).digest("hex"));
    }
  },
);
