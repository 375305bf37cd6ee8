/**
 * How many streams of a `Storage` are open, and that closing one to open another changes no answer.
 */
import fs from "node:fs";
import { afterEach, describe, expect, test } from "vitest";

import { HandLog, text } from "../../e2e/by-hand.ts";
import { failureOf, shown, temporaryDirectories } from "../../e2e/testing.ts";
import { type DiskCall, systemError, WatchedDisk } from "../../e2e/watched-disk.ts";
import { CodecRegistry } from "../format/codec.ts";
import { OpenStreams } from "./open-streams.ts";
import { Storage, type StorageOptions } from "../storage.ts";
import { Stream } from "./stream.ts";
import type { StreamId } from "../types.ts";

const newDirectory = temporaryDirectories();
const opened: Storage[] = [];

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close().catch(() => undefined);
});

async function open(directory: string, options: StorageOptions): Promise<Storage> {
  const storage = await Storage.open(directory, options);
  opened.push(storage);
  return storage;
}

/** So many streams are open at most. */
const MAX = 3;
const ALL = Number.POSITIVE_INFINITY;
const IDS = Array.from({ length: 20 }, (_, i) => BigInt(i));

/** A disk that counts what is open, and fails as it is told. */
class Watch {
  most = 0;
  readonly calls: DiskCall[] = [];
  fault: ((call: DiskCall) => boolean) | undefined;
  code = "EIO";
  readonly disk: WatchedDisk = new WatchedDisk((call) => {
    this.most = Math.max(this.most, this.disk.openFiles);
    this.calls.push(call);
    if (this.fault?.(call) === true) throw systemError(this.code);
    return undefined;
  });
}

/** Touches other streams, so that stream 1 is closed. */
async function closeOthers(storage: Storage): Promise<void> {
  for (const id of [101n, 102n, 103n, 104n]) await storage.appendBatch(id, [text("other")]);
}

describe("no more than maxOpenStreams streams are open", () => {
  test("one after the other: each keeps two files, and every stream answers as if it had stayed open", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: MAX });
    for (const round of ["first", "second"]) {
      for (const id of IDS) {
        await storage.appendBatch(id, [text(`${round} of ${String(id)}`)], { fsync: id % 2n === 0n });
        expect(watch.disk.openFiles).toBeLessThanOrEqual(2 * MAX);
      }
    }
    for (const id of IDS) {
      const log = new HandLog(1000)
        .append(text(`first of ${String(id)}`))
        .append(text(`second of ${String(id)}`));
      const records = await storage.readRecords(id, 0n, ALL, { verify: "genesis" });
      expect(records.map(shown)).toStrictEqual(log.records.map(shown));
      expect((await storage.status(id)).findings).toStrictEqual([]);
    }
  });

  test("all at once: who has to wait is served, and calls for one stream begin in their order", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: MAX });
    const appended = IDS.flatMap((id) =>
      [0n, 1n, 2n].map((offset) =>
        storage.appendBatch(id, [text(String(offset))], { expectedOffset: offset }),
      ),
    );
    expect((await Promise.all(appended)).map(({ nextOffset }) => nextOffset)).toStrictEqual(
      IDS.flatMap(() => [1n, 2n, 3n]),
    );
    // A stream that is created has its two files open, and one that is to become its manifest.
    expect(watch.most).toBeLessThanOrEqual(3 * MAX);
    await storage.close();
    expect(watch.disk.openFiles).toBe(0);
  });

  test("`close` waits for those who wait", async () => {
    const directory = newDirectory();
    const storage = await open(directory, { maxOpenStreams: 1 });
    const appended = IDS.map((id) => storage.appendBatch(id, [text("event")]));
    await storage.close();
    await Promise.all(appended);
    expect(await failureOf(() => storage.head(0n))).toMatchObject({ code: "closed" });
    expect(await (await open(directory, {})).streams()).toStrictEqual(IDS);
  });

  test("the least recently used is closed; an open one is not opened again", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: 2 });
    for (const id of [1n, 2n]) await storage.appendBatch(id, [text("event")]);
    await storage.head(1n);
    await storage.appendBatch(3n, [text("event")]);
    watch.calls.length = 0;
    await storage.head(1n);
    await storage.head(3n);
    expect(watch.calls).toStrictEqual([]);
    await storage.head(2n);
    expect(watch.calls).not.toStrictEqual([]);
  });

  test("a stream that is not there takes no place", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: 2 });
    await storage.appendBatch(1n, [text("event")]);
    for (const id of [7n, 8n, 9n]) expect((await storage.head(id)).nextOffset).toBe(0n);
    watch.calls.length = 0;
    await storage.head(1n);
    expect(watch.calls).toStrictEqual([]);
    expect(watch.disk.openFiles).toBe(2);
  });

  test("0 and what is no number are refused", async () => {
    const directory = newDirectory();
    expect(await failureOf(() => Storage.open(directory, { maxOpenStreams: 0 }))).toMatchObject({
      code: "out-of-range",
    });
    expect(
      await failureOf(() => Storage.open(directory, { maxOpenStreams: "many" as unknown as number })),
    ).toBeInstanceOf(TypeError);
  });
});

describe("an iterator outlives the closing of its stream", () => {
  test("while its stream and others are appended to in its own loop, with one stream open", async () => {
    const storage = await open(newDirectory(), { maxOpenStreams: 1 });
    for (let i = 0; i < 3; i += 1) await storage.appendBatch(1n, [text(`event${i}`)]);
    const seen: string[] = [];
    for await (const { payload } of storage.iterate(1n)) {
      seen.push(Buffer.from(payload).toString());
      await storage.appendBatch(2n, [payload]);
      if (seen.length === 3) await storage.appendBatch(1n, [text("late")]);
    }
    expect(seen).toStrictEqual(["event0", "event1", "event2", "late"]);
    expect((await storage.head(2n)).nextOffset).toBe(4n);
  });
});

describe("D6 a stream that failed stays failed when it is closed for another", () => {
  const syncOf =
    (stream: string) =>
    ({ name, path }: DiskCall): boolean =>
      name === "sync" && path.includes(`/${stream}/`) && path.endsWith(".log");

  test("poisoned by an append: appends are refused, reads answer, its files are closed once", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: 2 });
    await storage.appendBatch(1n, [text("event1")]);
    watch.fault = syncOf("1");
    expect(await failureOf(() => storage.appendBatch(1n, [text("event2")]))).toMatchObject({ code: "io" });
    watch.fault = undefined;
    await closeOthers(storage);
    expect(watch.disk.openFiles).toBe(4);
    for (let round = 0; round < 2; round += 1) {
      expect(await failureOf(() => storage.appendBatch(1n, [text("event3")]))).toMatchObject({
        code: "poisoned",
      });
      expect(await storage.readFrom(1n, 0n, ALL)).toHaveLength(1);
      await closeOthers(storage);
    }
    expect(await failureOf(() => storage.close())).toMatchObject({ code: "poisoned" });
    expect(watch.disk.openFiles).toBe(0);
  });

  test("because closing it failed: the other call succeeds, and the stream says so at its next use", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: 2 });
    await storage.appendBatch(1n, [text("event1")], { fsync: false });
    watch.fault = syncOf("1");
    await closeOthers(storage);
    watch.fault = undefined;
    expect(await failureOf(() => storage.sync(1n))).toMatchObject({
      code: "poisoned",
      cause: { code: "io" },
    });
    expect(await failureOf(() => storage.close())).toMatchObject({ code: "poisoned" });
  });

  test("but not because its files would not close, where everything in them was durable", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: 2 });
    await storage.appendBatch(1n, [text("event1")]);
    watch.fault = ({ name, path }) => name === "close" && path.includes("/1/");
    await closeOthers(storage);
    watch.fault = undefined;
    await storage.appendBatch(1n, [text("event2")]);
    expect((await storage.head(1n)).nextOffset).toBe(2n);
  });

  test("because it could not be opened", async () => {
    const watch = new Watch();
    const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: 2 });
    await storage.appendBatch(1n, [text("event1")]);
    await closeOthers(storage);
    watch.fault = ({ name, path }) => name === "list" && path.endsWith("/1");
    expect(await failureOf(() => storage.head(1n))).toMatchObject({ code: "io" });
    watch.fault = undefined;
    await closeOthers(storage);
    expect(await failureOf(() => storage.head(1n))).toMatchObject({ code: "io" });
    expect(watch.disk.openFiles).toBe(4);
  });

  test("but not because too many files were open, which is said and passes", async () => {
    for (const code of ["EMFILE", "ENFILE"]) {
      const watch = new Watch();
      const storage = await open(newDirectory(), { disk: watch.disk, maxOpenStreams: 2 });
      await storage.appendBatch(1n, [text("event1")]);
      await closeOthers(storage);
      watch.code = code;
      watch.fault = ({ name, path }) => name === "open" && path.includes("/1/");
      const error = await failureOf(() => storage.head(1n));
      expect(error).toMatchObject({ code: "io", cause: { code } });
      expect(String(error)).toMatch(/Too many files are open .*maxOpenStreams/);
      expect(String(error)).not.toMatch(/disk/);
      watch.fault = undefined;
      await storage.appendBatch(1n, [text("event2")], { expectedOffset: 1n });
    }
  });
});

describe("what recovery found is told as long as the storage is open", () => {
  test("a torn tail that was cut, though a second recovery finds nothing", async () => {
    const directory = newDirectory();
    const first = await open(directory, {});
    await first.appendBatch(1n, [text("event1")]);
    await first.close();
    fs.appendFileSync(`${directory}/1/segment_000000.log`, "torn");
    const storage = await open(directory, { maxOpenStreams: 2 });
    const { findings } = await storage.status(1n);
    expect(findings.map(({ what }) => what)).toStrictEqual(["torn tail"]);
    for (let round = 0; round < 2; round += 1) {
      await closeOthers(storage);
      expect((await storage.status(1n)).findings).toStrictEqual(findings);
    }
    await storage.close();
    expect((await (await open(directory, {})).status(1n)).findings).toStrictEqual([]);
  });

  test("damage that is found again is there once", async () => {
    const directory = newDirectory();
    const first = await open(directory, {});
    for (const event of ["event1", "event2"]) await first.appendBatch(1n, [text(event)]);
    await first.close();
    const segment = `${directory}/1/segment_000000.log`;
    fs.writeFileSync(segment, fs.readFileSync(segment).fill(0, 60, 100));
    const storage = await open(directory, { maxOpenStreams: 2 });
    const { findings } = await storage.status(1n);
    expect(findings).toHaveLength(1);
    await closeOthers(storage);
    const again = await storage.status(1n);
    expect(again.findings.map(({ error }) => error.message)).toStrictEqual(
      findings.map(({ error }) => error.message),
    );
  });
});

describe("a stream is released", () => {
  function streamsIn(watch: Watch): OpenStreams {
    const rootPath = newDirectory();
    return new OpenStreams(MAX, (stream: StreamId, earlier) => {
      const path = `${rootPath}/${String(stream)}`;
      const codecs = new CodecRegistry();
      return new Stream(
        () => ({ rootPath, disk: watch.disk, stream, path, codecs, chunkBytes: 1 << 16 }),
        {
          codec: codecs.get("none"),
          policy: { everyNRecords: 0 },
          maxSegmentBytes: 1 << 20,
          indexLogMaxEntries: 100,
          durability: "standard",
          format: "plain",
        },
        earlier,
      );
    });
  }
  const ONE = 1n as StreamId;

  test("after what is under way, and is opened again by the next use", async () => {
    const watch = new Watch();
    const streams = streamsIn(watch);
    const append = (): Promise<unknown> =>
      streams.use(ONE, (stream) => stream.append([text("event")], undefined, false));
    const appended = [append(), append()];
    await streams.release(ONE);
    await Promise.all(appended);
    expect(watch.disk.openFiles).toBe(0);
    await append();
    expect((await streams.use(ONE, (stream) => stream.head())).nextOffset).toBe(3n);
    await streams.close();
    expect(watch.disk.openFiles).toBe(0);
  });

  test("one that is not open, or not there, needs nothing", async () => {
    const watch = new Watch();
    const streams = streamsIn(watch);
    await streams.release(ONE);
    await streams.use(ONE, (stream) => stream.head());
    await streams.release(ONE);
    expect(watch.calls.map(({ name }) => name)).toStrictEqual(["list"]);
  });

  test("one that cannot be made durable: it is told, and the stream stays refused", async () => {
    const watch = new Watch();
    const streams = streamsIn(watch);
    const append = (): Promise<unknown> =>
      streams.use(ONE, (stream) => stream.append([text("event")], undefined, false));
    await append();
    watch.fault = ({ name }) => name === "sync";
    expect(await failureOf(() => streams.release(ONE))).toMatchObject({ code: "io" });
    watch.fault = undefined;
    expect(await failureOf(append)).toMatchObject({ code: "poisoned" });
    await streams.release(ONE);
  });

  test("twice at once: it is closed once", async () => {
    const watch = new Watch();
    const streams = streamsIn(watch);
    await streams.use(ONE, (stream) => stream.append([text("event")], undefined, true));
    await Promise.all([streams.release(ONE), streams.release(ONE)]);
    expect(watch.calls.filter(({ name, path }) => name === "close" && path.endsWith(".log"))).toHaveLength(1);
  });
});
