/** `AppendPipeline`: order without waiting, and that nothing is stored behind what was refused. */
import { describe, expect, test } from "vitest";

import { HandLog, text } from "../e2e/by-hand.ts";
import { failureOf, shown } from "../e2e/testing.ts";
import type { AppendOptions, AppendResult } from "./backend.ts";
import { StorageError } from "./error.ts";
import { MemoryStorage } from "./memory.ts";
import { AppendPipeline } from "./pipeline.ts";

const NO_CHECKPOINTS = { checkpoints: { everyNRecords: 0 } };

/** Notes what is asked of it, and answers when it is told to. */
class SlowStorage extends MemoryStorage {
  readonly asked: string[] = [];
  readonly options: (AppendOptions | undefined)[] = [];
  #go: () => void = () => undefined;
  #gate: Promise<void> = Promise.resolve();

  /** Holds back all appends until what this returns is called. */
  hold(): () => void {
    this.#gate = new Promise((resolve) => {
      this.#go = resolve;
    });
    return () => {
      this.#go();
    };
  }

  override async appendBatch(
    stream: bigint,
    payloads: readonly Uint8Array[],
    options?: AppendOptions,
  ): Promise<AppendResult> {
    this.asked.push(payloads.map((payload) => Buffer.from(payload).toString()).join());
    this.options.push(options);
    await this.#gate;
    return super.appendBatch(stream, payloads, options);
  }
}

const shownOf = async (storage: MemoryStorage): Promise<string[]> =>
  (await storage.readRecords(1n, 0n, 1e6)).map(shown);

describe("M2 Storage, MemoryStorage and AppendPipeline are indistinguishable", () => {
  test("batches are stored in the order of the calls, each right behind the one before", async () => {
    const storage = new MemoryStorage(NO_CHECKPOINTS);
    const pipeline = new AppendPipeline(storage, 1n);
    const batches = Array.from({ length: 30 }, (_, i) => [text(`${i}.1`), text(`${i}.2`)].slice(i % 2));
    const results = await Promise.all(batches.map((batch) => pipeline.append(batch)));
    const log = new HandLog();
    for (const [i, batch] of batches.entries()) {
      expect(results[i]?.firstOffset).toBe(log.nextOffset);
      log.append(...batch);
      expect(results[i]?.nextOffset).toBe(log.nextOffset);
      expect(Buffer.from(results[i]?.head ?? [])).toStrictEqual(Buffer.from(log.head));
    }
    expect(await shownOf(storage)).toStrictEqual(log.records.map(shown));
  });

  test("it begins where the stream ends, and goes on behind automatic checkpoints", async () => {
    const storage = new MemoryStorage({ checkpoints: { everyNRecords: 2 } });
    await storage.appendBatch(1n, [text("before")]);
    const pipeline = new AppendPipeline(storage, 1n);
    const appended = ["a", "b", "c", "d"].map((event) => pipeline.append([text(event)]));
    await Promise.all(appended);
    const log = new HandLog(2).append(text("before"));
    for (const event of ["a", "b", "c", "d"]) log.append(text(event));
    expect(await shownOf(storage)).toStrictEqual(log.records.map(shown));
  });
});

test("a call does not wait: batches queue while the first is being stored", async () => {
  const storage = new SlowStorage(NO_CHECKPOINTS);
  const go = storage.hold();
  const pipeline = new AppendPipeline(storage, 1n);
  const settled: string[] = [];
  const appended = ["a", "b", "c"].map((event) =>
    pipeline.append([text(event)]).then(() => settled.push(event)),
  );
  await Promise.resolve();
  await Promise.resolve();
  expect(storage.asked).toStrictEqual(["a"]);
  expect(settled).toStrictEqual([]);
  go();
  await Promise.all(appended);
  expect(settled).toStrictEqual(["a", "b", "c"]);
  expect(storage.asked).toStrictEqual(["a", "b", "c"]);
});

test("every batch but the first is held to the offset behind the one before, and `fsync` is passed on", async () => {
  const storage = new SlowStorage(NO_CHECKPOINTS);
  const pipeline = new AppendPipeline(storage, 1n);
  await pipeline.append([text("a"), text("b")], { fsync: false });
  await pipeline.append([text("c")], { fsync: true });
  await pipeline.append([text("d")]);
  expect(storage.options).toStrictEqual([
    { fsync: false },
    { fsync: true, expectedOffset: 2n },
    { expectedOffset: 3n },
  ]);
});

describe("after one is refused", () => {
  test("all later ones are, with the same error, and nothing of them is stored", async () => {
    const storage = new MemoryStorage(NO_CHECKPOINTS);
    const pipeline = new AppendPipeline(storage, 1n);
    const first = pipeline.append([text("a")]);
    const refused = pipeline.append([]);
    const later = pipeline.append([text("b")]);
    expect((await first).nextOffset).toBe(1n);
    const error = await failureOf(() => refused);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "empty-batch" });
    expect(await failureOf(() => later)).toBe(error);
    expect(await failureOf(() => pipeline.append([text("c")]))).toBe(error);
    expect(await failureOf(() => pipeline.drain())).toBe(error);
    expect(await shownOf(storage)).toStrictEqual(new HandLog().append(text("a")).records.map(shown));
  });

  test("because somebody else appended in between, nothing lands behind the stranger", async () => {
    const storage = new MemoryStorage(NO_CHECKPOINTS);
    const pipeline = new AppendPipeline(storage, 1n);
    await pipeline.append([text("a")]);
    await storage.appendBatch(1n, [text("stranger")]);
    expect(await failureOf(() => pipeline.append([text("b")]))).toMatchObject({
      code: "offset-mismatch",
      offset: 2n,
    });
    expect(await failureOf(() => pipeline.append([text("c")]))).toMatchObject({ code: "offset-mismatch" });
    expect((await storage.head(1n)).nextOffset).toBe(2n);
  });

  test("another pipeline goes on", async () => {
    const storage = new MemoryStorage(NO_CHECKPOINTS);
    const broken = new AppendPipeline(storage, 1n);
    await failureOf(() => broken.append([]));
    expect((await new AppendPipeline(storage, 1n).append([text("a")])).nextOffset).toBe(1n);
  });

  test("and nobody looks, no rejection goes unhandled", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): number => unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      const pipeline = new AppendPipeline(new MemoryStorage(), 1n);
      void pipeline.append([]);
      void pipeline.append([text("a")]);
      // Unhandled rejections are told of once the microtasks are done.
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toStrictEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
});

describe("drain", () => {
  test("resolves when everything is stored", async () => {
    const storage = new MemoryStorage(NO_CHECKPOINTS);
    const pipeline = new AppendPipeline(storage, 1n);
    for (let i = 0; i < 10; i += 1) void pipeline.append([text(String(i))]);
    await pipeline.drain();
    expect((await storage.head(1n)).nextOffset).toBe(10n);
  });

  test("of nothing resolves", async () => {
    await new AppendPipeline(new MemoryStorage(), 1n).drain();
  });
});

test("it is drained at the end of a block that it is used in", async () => {
  const storage = new MemoryStorage(NO_CHECKPOINTS);
  {
    await using pipeline = new AppendPipeline(storage, 1n);
    void pipeline.append([text("event1")]);
    void pipeline.append([text("event2")]);
  }
  expect((await storage.head(1n)).nextOffset).toBe(2n);
});
