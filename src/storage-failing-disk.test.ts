/**
 * `Storage` on a disk that fails: every call once, and then every call from one on. Nothing bare comes from
 * below, what was acknowledged stays, what was refused is not seen.
 */
import { afterEach, describe, expect, test } from "vitest";

import { HandLog, text } from "../e2e/by-hand.ts";
import { failureOf, filesIn, restore, shown, temporaryDirectories } from "../e2e/testing.ts";
import { type DiskCall, systemError, WatchedDisk } from "../e2e/watched-disk.ts";
import { StorageError } from "./error.ts";
import { Storage, type StorageOptions } from "./storage.ts";

const newDirectory = temporaryDirectories();
const opened: Storage[] = [];

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close().catch(() => undefined);
});

const ALL = Number.POSITIVE_INFINITY;
/** Rotations, a checkpoint and a saved index within a few appends. */
const SMALL: StorageOptions = {
  checkpoints: { everyNRecords: 3 },
  maxSegmentBytes: 250,
  indexLogMaxEntries: 2,
  readChunkBytes: 64,
};

/** A disk, and what is to become of its next calls: an error, a number of bytes to write, or nothing. */
class Fault {
  #fault: ((call: DiskCall) => number | undefined) | undefined;
  readonly disk = new WatchedDisk((call) => this.#fault?.(call));

  /** From now on calls that `matches` picks fail. */
  fail(code: string, matches: (call: DiskCall) => boolean): void {
    this.#fault = (call) => {
      if (matches(call)) throw systemError(code);
      return undefined;
    };
  }

  /** From now on writes to the log write so many bytes only. */
  shorten(bytes: number): void {
    this.#fault = ({ name, path }) => (name === "write" && path.endsWith(".log") ? bytes : undefined);
  }

  lift(): void {
    this.#fault = undefined;
  }
}

const ofLog =
  (name: DiskCall["name"]) =>
  (call: DiskCall): boolean =>
    call.name === name && call.path.endsWith(".log");

async function expectLog(storage: Storage, log: HandLog): Promise<void> {
  const head = await storage.head(1n);
  expect(head.nextOffset).toBe(log.nextOffset);
  expect(Buffer.from(head.head)).toStrictEqual(Buffer.from(log.head));
  const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
  expect(records.map(shown)).toStrictEqual(log.records.map(shown));
}

async function expectCode(work: () => unknown, code: string): Promise<StorageError> {
  const error = await failureOf(work);
  expect(error).toBeInstanceOf(StorageError);
  expect(error).toMatchObject({ code });
  return error as StorageError;
}

/** A storage with two records in stream 1, on a disk that can be made to fail. */
async function withTwoRecords(options: StorageOptions = {}): Promise<{
  directory: string;
  fault: Fault;
  storage: Storage;
  log: HandLog;
}> {
  const directory = newDirectory();
  const fault = new Fault();
  const storage = await Storage.open(directory, { ...options, disk: fault.disk });
  opened.push(storage);
  const log = new HandLog(options.checkpoints?.everyNRecords ?? 1000)
    .append(text("event1"))
    .append(text("event2"));
  await storage.appendBatch(1n, [text("event1")]);
  await storage.appendBatch(1n, [text("event2")]);
  return { directory, fault, storage, log };
}

/** Closes, and opens again on a disk that does not fail. */
async function reopened(storage: Storage, directory: string, options: StorageOptions = {}): Promise<Storage> {
  await storage.close().catch((error: unknown) => {
    expect(error).toBeInstanceOf(StorageError);
  });
  const again = await Storage.open(directory, { ...options, disk: new WatchedDisk() });
  opened.push(again);
  return again;
}

describe("D6 after a failed sync nothing is acknowledged that a crash could lose", () => {
  test("of an append: it is refused with the cause, and all later ones as `poisoned`, until it is opened anew", async () => {
    const { directory, fault, storage, log } = await withTwoRecords();
    fault.fail("EIO", ofLog("sync"));
    const error = await expectCode(() => storage.appendBatch(1n, [text("event3")]), "io");
    expect(error).toMatchObject({ cause: { code: "EIO" }, file: `${directory}/1/segment_000000.log` });
    fault.lift();
    await expectCode(() => storage.appendBatch(1n, [text("event4")]), "poisoned");
    await expectCode(() => storage.appendBatch(1n, [text("event4")], { fsync: false }), "poisoned");
    await expectCode(() => storage.appendCheckpoint(1n), "poisoned");
    expect(await expectCode(() => storage.sync(1n), "poisoned")).toMatchObject({ stream: 1n, cause: error });
    await expectLog(storage, log);
    await storage.appendBatch(2n, [text("other streams go on")]);
    const again = await reopened(storage, directory);
    // Whether the batch in doubt is there is open; what was acknowledged is, and appends go on.
    const records = await again.readRecords(1n, 0n, ALL);
    expect([2, 3]).toContain(records.length);
    expect(records.slice(0, 2).map(shown)).toStrictEqual(log.records.map(shown));
    await again.appendBatch(1n, [text("event5")], { expectedOffset: BigInt(records.length) });
  });

  test("of `sync` itself", async () => {
    const { directory, fault, storage, log } = await withTwoRecords();
    await storage.appendBatch(1n, [text("event3")], { fsync: false });
    log.append(text("event3"));
    fault.fail("EIO", ofLog("sync"));
    await expectCode(() => storage.sync(1n), "io");
    fault.lift();
    await expectCode(() => storage.sync(1n), "poisoned");
    await expectCode(() => storage.appendBatch(1n, [text("event4")], { fsync: false }), "poisoned");
    await expectLog(storage, log);
    await expectLog(await reopened(storage, directory), log);
  });

  test("of `close`: it is told, the files are closed and the lock is free", async () => {
    const { directory, fault, storage, log } = await withTwoRecords();
    await storage.appendBatch(1n, [text("event3")], { fsync: false });
    fault.fail("EIO", ofLog("sync"));
    await expectCode(() => storage.close(), "io");
    expect(fault.disk.openFiles).toBe(0);
    await expectLog(await reopened(storage, directory), log.append(text("event3")));
  });
});

describe("D7 after a failed write the stream shows what it showed before, or refuses", () => {
  test.each(["EIO", "ENOSPC", "EDQUOT"])(
    "a write that fails with %s is cut back, and appends go on",
    async (code) => {
      const { directory, fault, storage, log } = await withTwoRecords();
      const files = filesIn(directory);
      fault.fail(code, ofLog("write"));
      const error = await expectCode(() => storage.appendBatch(1n, [text("event3")]), "io");
      expect(error).toMatchObject({ cause: { code }, position: 108 });
      expect(error.message).toContain(code);
      fault.lift();
      await expectLog(storage, log);
      expect(filesIn(directory)).toStrictEqual(files);
      await storage.appendBatch(1n, [text("event4")], { expectedOffset: 2n });
      log.append(text("event4"));
      await expectLog(storage, log);
      await expectLog(await reopened(storage, directory), log);
    },
  );

  test("a short write, of any length, is cut back, and appends go on", async () => {
    const { directory, fault, storage, log } = await withTwoRecords();
    for (let bytes = 0; bytes < 101; bytes += 1) {
      const files = filesIn(directory);
      fault.shorten(bytes);
      await expectCode(() => storage.appendBatch(1n, [text("event3"), text("e")]), "io");
      fault.lift();
      await expectLog(storage, log);
      expect(filesIn(directory)).toStrictEqual(files);
      if (bytes % 10 !== 0) continue;
      await storage.appendBatch(1n, [text(`after ${bytes}`)], { fsync: bytes % 20 === 0 });
      log.append(text(`after ${bytes}`));
    }
    await expectLog(await reopened(storage, directory), log);
  });

  test("if cutting back fails as well, the stream is poisoned; what was acknowledged is there after reopening", async () => {
    const { directory, fault, storage, log } = await withTwoRecords();
    fault.fail("EIO", (call) => ofLog("write")(call) || ofLog("truncate")(call));
    await expectCode(() => storage.appendBatch(1n, [text("event3")]), "io");
    fault.lift();
    await expectCode(() => storage.appendBatch(1n, [text("event3")]), "poisoned");
    await expectLog(storage, log);
    await expectLog(await reopened(storage, directory), log);
  });

  test("so it is if only the sync behind the cut fails", async () => {
    const { directory, fault, storage, log } = await withTwoRecords();
    fault.fail("EIO", (call) => ofLog("write")(call) || ofLog("sync")(call));
    await expectCode(() => storage.appendBatch(1n, [text("event3")], { fsync: false }), "io");
    fault.lift();
    await expectCode(() => storage.appendBatch(1n, [text("event3")]), "poisoned");
    await expectLog(await reopened(storage, directory), log);
  });

  test("earlier records that were not synced are not taken for synced after a cut", async () => {
    const { fault, storage, log } = await withTwoRecords();
    await storage.appendBatch(1n, [text("event3")], { fsync: false });
    fault.shorten(10);
    await expectCode(() => storage.appendBatch(1n, [text("event4")], { fsync: false }), "io");
    fault.fail("EIO", ofLog("sync"));
    await expectCode(() => storage.sync(1n), "io");
    await expectLog(storage, log.append(text("event3")));
  });

  test("a rotation that fails poisons the stream; reopening finishes or undoes it", async () => {
    const { directory, fault, storage, log } = await withTwoRecords({ ...SMALL, maxSegmentBytes: 110 });
    fault.fail("ENOSPC", ({ name, path }) => name === "rename" && path.endsWith("manifest.json"));
    await expectCode(() => storage.appendBatch(1n, [text("event3")]), "io");
    fault.lift();
    await expectCode(() => storage.appendBatch(1n, [text("event3")]), "poisoned");
    await expectLog(storage, log);
    const again = await reopened(storage, directory, SMALL);
    await expectLog(again, log);
    await again.appendBatch(1n, [text("event3")]);
    await expectLog(again, log.append(text("event3")));
  });
});

describe("hints that cannot be written do not fail an append", () => {
  test.each<[string, (call: DiskCall) => boolean]>([
    ["a frame", ({ name, path }) => name === "write" && path.endsWith(".wal")],
    ["the saved index", ({ name, path }) => name === "open" && path.endsWith(".idx.tmp")],
    ["its name", ({ name, path }) => name === "rename" && path.endsWith(".idx")],
    ["the cut of the write-ahead file", ({ name, path }) => name === "truncate" && path.endsWith(".wal")],
  ])("%s", async (_, matches) => {
    const { directory, fault, storage, log } = await withTwoRecords({ indexLogMaxEntries: 2 });
    fault.fail("ENOSPC", matches);
    for (const event of ["event3", "event4", "event5"]) {
      await storage.appendBatch(1n, [text(event)]);
      log.append(text(event));
    }
    await expectLog(storage, log);
    fault.lift();
    await storage.appendBatch(1n, [text("event6")]);
    log.append(text("event6"));
    const again = await reopened(storage, directory);
    await expectLog(again, log);
    expect((await again.status(1n)).findings).toStrictEqual([]);
  });
});

describe("with strict durability an index entry that cannot be made durable fails the append", () => {
  test.each<DiskCall["name"]>(["write", "sync"])(
    "a %s of it: the stream is poisoned, and what was acknowledged is there after reopening",
    async (call) => {
      const { directory, fault, storage, log } = await withTwoRecords({ durability: "strict" });
      fault.fail("EIO", ({ name, path }) => name === call && path.endsWith(".wal"));
      const error = await expectCode(() => storage.appendBatch(1n, [text("event3")]), "io");
      fault.lift();
      const poison = await expectCode(() => storage.appendBatch(1n, [text("event4")]), "poisoned");
      expect(poison.cause).toBe(error);
      expect(await storage.head(1n)).toMatchObject({ nextOffset: 2n });
      const again = await reopened(storage, directory, { durability: "strict" });
      // Its records were synced before the entry failed; a retry sees them, and appends go on behind them.
      await expectLog(again, log.append(text("event3")));
      await again.appendBatch(1n, [text("event4")], { expectedOffset: 3n });
    },
  );

  test("with standard durability it does not", async () => {
    const { fault, storage, log } = await withTwoRecords();
    fault.fail("EIO", ({ path }) => path.endsWith(".wal"));
    await storage.appendBatch(1n, [text("event3")]);
    await expectLog(storage, log.append(text("event3")));
  });
});

describe("opening a directory that fails after the lock was taken", () => {
  test("tells what failed first, also if the lock cannot be given back either", async () => {
    const fault = new Fault();
    fault.fail("EIO", ({ name }) => name === "syncDirectory" || name === "release");
    const error = await expectCode(() => Storage.open(newDirectory(), { disk: fault.disk }), "io");
    expect(error.message).toContain("syncing a directory");
  });
});

describe("a read that fails", () => {
  test("is an error that says where, and the next one may succeed", async () => {
    const { directory, fault, storage, log } = await withTwoRecords();
    fault.fail("EIO", ofLog("read"));
    const error = await expectCode(() => storage.readFrom(1n, 0n, ALL), "io");
    expect(error).toMatchObject({ file: `${directory}/1/segment_000000.log`, cause: { code: "EIO" } });
    await expectCode(() => storage.iterate(1n).next(), "io");
    fault.lift();
    await expectLog(storage, log);
  });

  test("of a sealed segment's saved index costs time and no answer", async () => {
    const { directory, storage, log } = await withTwoRecords({ maxSegmentBytes: 60 });
    await storage.close();
    const fault = new Fault();
    let failed = 0;
    fault.fail("EIO", ({ name, path }) => {
      const fails = name === "read" && path.endsWith("_000000.log.idx");
      if (fails) failed += 1;
      return fails;
    });
    const again = await Storage.open(directory, { disk: fault.disk });
    opened.push(again);
    await expectLog(again, log);
    expect(failed).toBeGreaterThan(0);
  });

  test("while a stream is opened is an error for that stream, until the storage is opened anew", async () => {
    const { directory, storage, log } = await withTwoRecords();
    await storage.appendBatch(2n, [text("other")]);
    await storage.close();
    const fault = new Fault();
    fault.fail("EIO", ({ name, path }) => name === "read" && path.includes("/1/"));
    const other = await Storage.open(directory, { disk: fault.disk });
    await expectCode(() => other.head(1n), "io");
    expect((await other.head(2n)).nextOffset).toBe(1n);
    await expectCode(() => other.appendBatch(1n, [text("event3")]), "io");
    await expectLog(await reopened(other, directory), log);
  });
});

describe("every call of the disk fails once, or from then on", () => {
  const BATCHES = [["event1"], ["event2", "event3"], ["e"], ["event5"], ["event6", "event7"], ["event8"]].map(
    (batch) => batch.map(text),
  );

  /** What became of the workload: the batches that were acknowledged, and the one after which nothing was. */
  interface Outcome {
    readonly acknowledged: HandLog;
    readonly inDoubt: readonly Uint8Array[];
    /** Whether the disk was asked often enough for the fault to strike. */
    readonly struck: boolean;
  }

  /**
   * Appends the batches on a disk whose calls fail as `strikes` says; every answer is a result or a
   * `StorageError`.
   */
  async function run(directory: string, code: string, strikes: (call: number) => boolean): Promise<Outcome> {
    let calls = 0;
    let struck = false;
    const disk = new WatchedDisk((call) => {
      calls += 1;
      if (!strikes(calls)) return undefined;
      struck = true;
      if (code === "short" && call.name === "write") return Math.floor(call.bytes / 2);
      throw systemError(code === "short" ? "ENOSPC" : code);
    });
    const acknowledged = new HandLog(3);
    let inDoubt: readonly Uint8Array[] = [];
    let storage: Storage | undefined;
    try {
      storage = await Storage.open(directory, { ...SMALL, disk });
      for (const batch of BATCHES) {
        try {
          const { firstOffset } = await storage.appendBatch(1n, batch);
          expect(inDoubt).toStrictEqual([]);
          expect(firstOffset).toBe(acknowledged.nextOffset);
          acknowledged.append(...batch);
        } catch (error) {
          if (!(error instanceof StorageError)) throw error;
          const retry = await storage.sync(1n).catch((reason: unknown) => reason);
          if (retry instanceof StorageError && inDoubt.length === 0) inDoubt = batch;
        }
        const head = await storage.head(1n).catch((reason: unknown) => reason);
        if (head instanceof StorageError) continue;
        expect(head).toMatchObject({ nextOffset: acknowledged.nextOffset });
        const read = await storage.readRecords(1n, 0n, ALL).catch((reason: unknown) => reason);
        if (read instanceof StorageError) continue;
        expect((read as Parameters<typeof shown>[0][]).map(shown)).toStrictEqual(
          acknowledged.records.map(shown),
        );
      }
      await storage.close();
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
    } finally {
      await storage?.close().catch(() => undefined);
    }
    return { acknowledged, inDoubt, struck };
  }

  async function expectKept(directory: string, { acknowledged, inDoubt }: Outcome): Promise<void> {
    const storage = await Storage.open(directory, { ...SMALL, disk: new WatchedDisk() });
    opened.push(storage);
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    const most = new HandLog(3);
    most.records.push(...acknowledged.records);
    if (inDoubt.length > 0) most.append(...inDoubt);
    expect(records.map(shown)).toStrictEqual(most.records.slice(0, records.length).map(shown));
    expect(records.length).toBeGreaterThanOrEqual(acknowledged.records.length);
    expect((await storage.status(1n)).findings.filter(({ action }) => action === "keep")).toStrictEqual([]);
    const next = BigInt(records.length);
    const { firstOffset } = await storage.appendBatch(1n, [text("more")], { expectedOffset: next });
    expect(firstOffset).toBe(next);
    await storage.close();
  }

  test.each(["EIO", "short"])("once: %s", async (code) => {
    let strike = 1;
    for (let struck = true; struck; strike += 1) {
      const directory = newDirectory();
      const outcome = await run(directory, code, (call) => call === strike);
      struck = outcome.struck;
      if (!struck) expect(outcome.acknowledged.records).toHaveLength(11);
      await expectKept(directory, outcome);
    }
    expect(strike).toBeGreaterThan(100);
  });

  test.each(["EIO", "ENOSPC"])("from then on: %s", async (code) => {
    let strike = 1;
    for (let struck = true; struck; strike += 1) {
      const directory = newDirectory();
      const outcome = await run(directory, code, (call) => call >= strike);
      struck = outcome.struck;
      await expectKept(directory, outcome);
    }
    expect(strike).toBeGreaterThan(100);
  });

  test.each([
    ["its hints as they were", []],
    ["its manifest gone", ["1/manifest.json"]],
    ["its write-ahead file gone", ["active log"]],
  ])(
    "while a directory is opened again, %s: a StorageError, no file left open, nothing lost",
    async (_, gone) => {
      const directory = newDirectory();
      const log = new HandLog(3);
      const storage = await Storage.open(directory, { ...SMALL, disk: new WatchedDisk() });
      for (const batch of BATCHES) {
        await storage.appendBatch(1n, batch);
        log.append(...batch);
      }
      await storage.close();
      const files = new Map(filesIn(directory));
      // A torn tail and a write-ahead file left over: there is much to do.
      const last =
        [...files.keys()]
          .filter((name) => name.endsWith(".log"))
          .sort()
          .at(-1) ?? "";
      files.set(last, Buffer.concat([files.get(last) ?? Buffer.alloc(0), text("torn")]));
      for (const name of gone)
        expect(files.delete(name === "active log" ? `${last}.idx.wal` : name)).toBe(true);
      files.set("1/segment_000000.log.idx.wal", Buffer.alloc(0));
      let strike = 1;
      for (let struck = true; struck; strike += 1) {
        struck = false;
        restore(directory, files);
        let calls = 0;
        const disk = new WatchedDisk(() => {
          calls += 1;
          if (calls !== strike) return undefined;
          struck = true;
          throw systemError("EIO");
        });
        const again = await Storage.open(directory, { ...SMALL, disk }).catch((error: unknown) => error);
        if (again instanceof Storage) {
          const head = await again.head(1n).catch((error: unknown) => error);
          if (head instanceof Error) expect(head).toBeInstanceOf(StorageError);
          else expect(head).toMatchObject({ nextOffset: log.nextOffset });
          await again.close().catch((error: unknown) => {
            expect(error).toBeInstanceOf(StorageError);
          });
        } else expect(again).toBeInstanceOf(StorageError);
        expect(disk.openFiles).toBe(0);
        const healthy = await Storage.open(directory, { ...SMALL, disk: new WatchedDisk() });
        opened.push(healthy);
        await expectLog(healthy, log);
        await healthy.close();
      }
      expect(strike).toBeGreaterThan(30);
    },
  );
});

test("After a rotation that failed once its segment was sealed, a batch that would still fit goes into the next segment", async () => {
  const options: StorageOptions = { maxSegmentBytes: 180 };
  const { directory, fault, storage, log } = await withTwoRecords(options);
  // Too many open files: the one failure after which a rotation may be tried again.
  fault.fail("EMFILE", ({ path }) => path.endsWith("segment_000001.log"));
  await expectCode(() => storage.appendBatch(1n, [Buffer.alloc(100)]), "io");
  fault.lift();
  await storage.appendBatch(1n, [text("small")]);
  log.append(text("small"));
  const { segments } = await storage.status(1n);
  expect(segments.map(({ firstOffset, nextOffset }) => [firstOffset, nextOffset])).toEqual([
    [0n, 2n],
    [2n, 3n],
  ]);
  await expectLog(storage, log);
  await expectLog(await reopened(storage, directory, options), log);
});
