/**
 * Following a stream, one suite over every storage: what is there, then what is appended, until it is told to
 * end. Nothing here waits for time to pass.
 */
import { describe, expect, test } from "vitest";

import { benchFor, EVENTS, IMPLEMENTATIONS } from "../e2e/backends.ts";
import { text } from "../e2e/by-hand.ts";
import { failureOf, shown } from "../e2e/testing.ts";
import { Followers, Sleeper } from "./follow.ts";
import type { Record } from "./format/record.ts";
import { MemoryStorage } from "./memory.ts";
import type { StreamId } from "./types.ts";

const DONE = { done: true, value: undefined };

/** The next so many records. */
async function take(records: AsyncIterator<Record, undefined>, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) {
    const { done, value } = await records.next();
    if (done === true) return [...lines, "end"];
    lines.push(shown(value));
  }
  return lines;
}

/** Lets everything happen that waits for nothing but its turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether a promise settles that waits for nothing but its turn; of one that waits for ever, `false`. */
const ends = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), turn().then(() => false)]);

// First, for a follower that nobody wakes is found here at once, and by later tests only by their time-out.
describe("a sleeper", () => {
  test("sleeps until it is woken, and not at all if it was before", async () => {
    const sleeper = new Sleeper();
    sleeper.wake();
    sleeper.wake();
    expect(await ends(sleeper.sleep())).toBe(true);
    const slept = sleeper.sleep();
    expect(await ends(slept)).toBe(false);
    sleeper.wake();
    expect(await ends(slept)).toBe(true);
  });

  test("that does not follow any more is not woken", async () => {
    const followers = new Followers();
    const [one, other] = [new Sleeper(), new Sleeper()];
    const stream = 1n as StreamId;
    followers.add(stream, one);
    followers.add(stream, other);
    followers.remove(stream, other);
    followers.remove(stream, other);
    const slept: string[] = [];
    const first = one.sleep().then(() => slept.push("one"));
    void other.sleep().then(() => slept.push("other"));
    followers.wakeAll();
    await first;
    followers.remove(stream, one);
    followers.remove(stream, one);
    followers.wake(stream);
    await turn();
    expect(slept).toStrictEqual(["one"]);
  });
});

test("an append wakes who follows", async () => {
  const storage = new MemoryStorage();
  const followed = storage.follow(1n);
  const next = followed.next();
  expect(await ends(next)).toBe(false);
  await storage.appendBatch(1n, [text("a")]);
  expect(await ends(next)).toBe(true);
  await followed.return?.();
});

describe.each(IMPLEMENTATIONS)("$name", (implementation) => {
  const { newLog, open, withEvents } = benchFor(implementation);

  test("gives what is there, and then what is appended, as soon as it is", async () => {
    const { storage, log } = await withEvents();
    const followed = storage.follow(1n);
    expect(await take(followed, log.records.length)).toStrictEqual(log.records.map(shown));
    for (const batch of [[text("a")], [text("b"), text("c")], [text("d")]]) {
      const before = log.records.length;
      log.append(...batch);
      const next = take(followed, log.records.length - before);
      await turn();
      await storage.appendBatch(1n, batch);
      expect(await next).toStrictEqual(log.records.slice(before).map(shown));
    }
    const checkpoint = take(followed, 1);
    await storage.appendCheckpoint(1n);
    expect(await checkpoint).toStrictEqual(log.checkpoint().records.slice(-1).map(shown));
    expect(await followed.return?.()).toStrictEqual(DONE);
    expect(await followed.next()).toStrictEqual(DONE);
  });

  test("a stream that does not exist yet can be followed; other streams wake nobody for nothing", async () => {
    const storage = await open();
    const log = newLog();
    const followed = storage.follow(1n);
    const first = take(followed, 1);
    await storage.appendBatch(2n, EVENTS);
    await turn();
    expect(await storage.streams()).toStrictEqual([2n]);
    await storage.appendBatch(1n, [text("a")]);
    log.append(text("a"));
    expect(await first).toStrictEqual(log.records.slice(0, 1).map(shown));
    await followed.return?.();
  });

  test("from an offset past the end it waits for that, and is verified from there on", async () => {
    const { storage, log } = await withEvents();
    const from = log.records.length + 2;
    for (const verify of ["record", "checkpoint", "genesis"] as const) {
      const followed = storage.follow(1n, BigInt(from), { verify });
      const line = take(followed, 1);
      while (log.records.length <= from) {
        await turn();
        log.append(text("more"));
        await storage.appendBatch(1n, [text("more")]);
      }
      expect(await line).toStrictEqual(log.records.slice(from, from + 1).map(shown));
      await followed.return?.();
    }
  });

  test("several follow at once, each at its own pace, also while appends are under way", async () => {
    const storage = await open();
    const log = newLog();
    const batches = Array.from({ length: 20 }, (_, i) => [text(`${i}.1`), text(`${i}.2`)]);
    for (const batch of batches) log.append(...batch);
    const followers = [0, 0, 7].map((from) => ({ from, followed: storage.follow(1n, BigInt(from)) }));
    const lines = followers.map(({ from, followed }) => take(followed, log.records.length - from));
    await Promise.all(batches.map((batch) => storage.appendBatch(1n, batch, { fsync: false })));
    for (const [i, { from, followed }] of followers.entries()) {
      expect(await lines[i]).toStrictEqual(log.records.slice(from).map(shown));
      await followed.return?.();
    }
  });

  test("an append that is refused wakes nobody, and is never shown", async () => {
    const { storage, log } = await withEvents();
    const followed = storage.follow(1n, log.nextOffset);
    const next = take(followed, 1);
    await failureOf(() => storage.appendBatch(1n, [text("x")], { expectedOffset: 0n }));
    await storage.appendBatch(1n, [text("y")]);
    expect(await next).toStrictEqual(log.append(text("y")).records.slice(EVENTS.length).map(shown).slice(-1));
    await followed.return?.();
  });

  describe("ends", () => {
    test("with `break`", async () => {
      const { storage, log } = await withEvents();
      const seen: string[] = [];
      for await (const record of storage.follow(1n)) {
        seen.push(shown(record));
        if (seen.length === log.records.length) break;
      }
      expect(seen).toStrictEqual(log.records.map(shown));
    });

    test("with `return`, also before it began and while it waits", async () => {
      const storage = await open();
      const unused = storage.follow(1n);
      expect(await unused.return?.()).toStrictEqual(DONE);
      expect(await unused.next()).toStrictEqual(DONE);
      const waiting = storage.follow(1n);
      const next = waiting.next();
      await turn();
      expect(await waiting.return?.()).toStrictEqual(DONE);
      expect(await next).toStrictEqual(DONE);
    });

    test("with the end of an `await using`", async () => {
      const storage = await open();
      const followed = storage.follow(1n);
      const next = followed.next();
      await (followed as unknown as AsyncDisposable)[Symbol.asyncDispose]();
      expect(await next).toStrictEqual(DONE);
    });

    test("with its signal: before, between records, and while it waits", async () => {
      const { storage } = await withEvents();
      const before = storage.follow(1n, 0n, { signal: AbortSignal.abort() });
      expect(await before.next()).toStrictEqual(DONE);

      const between = new AbortController();
      const followed = storage.follow(1n, 0n, { signal: between.signal });
      await take(followed, 2);
      between.abort();
      expect(await followed.next()).toStrictEqual(DONE);

      const waiting = new AbortController();
      const waits = storage.follow(1n, 1000n, { signal: waiting.signal });
      const next = waits.next();
      await turn();
      waiting.abort();
      expect(await next).toStrictEqual(DONE);
    });

    test("with its signal in the middle of a step", async () => {
      const { storage } = await withEvents();
      const aborter = new AbortController();
      const followed = storage.follow(1n, 0n, { signal: aborter.signal });
      const next = followed.next();
      aborter.abort();
      expect(await next).toStrictEqual(DONE);
    });

    test("with `close`, also while it waits; after that none begins", async () => {
      const { storage, log } = await withEvents();
      const between = storage.follow(1n);
      await take(between, 2);
      const waiting = storage.follow(1n, log.nextOffset);
      const next = waiting.next();
      await turn();
      await storage.close();
      expect(await next).toStrictEqual(DONE);
      expect(await between.next()).toStrictEqual(DONE);
      expect(await failureOf(() => storage.follow(1n).next())).toMatchObject({ code: "closed", stream: 1n });
    });
  });

  test("after `release` it goes on", async () => {
    const { storage, log } = await withEvents();
    const followed = storage.follow(1n);
    await take(followed, 3);
    await storage.release(1n);
    expect(await take(followed, log.records.length - 3)).toStrictEqual(log.records.slice(3).map(shown));
    const next = take(followed, 1);
    await turn();
    await storage.release(1n);
    await storage.appendBatch(1n, [text("a")]);
    const end = log.records.length;
    expect(await next).toStrictEqual(
      log
        .append(text("a"))
        .records.slice(end, end + 1)
        .map(shown),
    );
    await followed.return?.();
  });

  test("it can be iterated, and is its own iterator", async () => {
    const storage = await open();
    const followed = storage.follow(1n);
    expect(followed[Symbol.asyncIterator]()).toBe(followed);
    await followed.return?.();
  });
});
