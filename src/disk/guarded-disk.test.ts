/**
 * A data directory whose lock file was removed while it is open, and opened by somebody else.
 */
import fs from "node:fs";
import { afterEach, describe, expect, test } from "vitest";

import { text } from "../../e2e/by-hand.ts";
import { failureOf, filesIn, temporaryDirectories } from "../../e2e/testing.ts";
import { MemoryDisk } from "../../e2e/memory-disk.ts";
import { StorageError } from "../error.ts";
import { guarded } from "./guarded-disk.ts";
import { Storage, type StorageOptions } from "../storage.ts";

const newDirectory = temporaryDirectories();
const opened: Storage[] = [];

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close().catch(() => undefined);
});

async function open(directory: string, options: StorageOptions = {}): Promise<Storage> {
  const storage = await Storage.open(directory, options);
  opened.push(storage);
  return storage;
}

const ALL = Number.POSITIVE_INFINITY;
const payloads = async (storage: Storage): Promise<string[]> =>
  (await storage.readFrom(1n, 0n, ALL, { verify: "genesis" })).map((payload) =>
    Buffer.from(payload).toString(),
  );

describe("S1 two openers never both acknowledge the same offset", () => {
  test.each<[string, (storage: Storage) => Promise<unknown>]>([
    ["append", (storage) => storage.appendBatch(1n, [text("first's")])],
    ["append without sync", (storage) => storage.appendBatch(1n, [text("first's")], { fsync: false })],
    ["append that rotates", (storage) => storage.appendBatch(1n, [Buffer.alloc(300)])],
    ["first append to a stream", (storage) => storage.appendBatch(2n, [text("first's")])],
    ["checkpoint", (storage) => storage.appendCheckpoint(1n)],
  ])("an %s after the lock file was removed is refused, and changes nothing", async (_, call) => {
    const directory = newDirectory();
    const first = await open(directory, { maxSegmentBytes: 300 });
    await first.appendBatch(1n, [text("event1")]);
    fs.rmSync(`${directory}/LOCK`);
    const second = await open(directory);
    await second.appendBatch(1n, [text("second's")]);
    const before = filesIn(directory);
    const error = await failureOf(() => call(first));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "locked", file: `${directory}/LOCK` });
    expect(filesIn(directory)).toStrictEqual(before);
    expect(await failureOf(() => call(first))).toMatchObject({ code: /locked|poisoned/ });
    await first.close().catch(() => undefined);
    await second.appendBatch(1n, [text("on")], { expectedOffset: 2n });
    expect(await payloads(second)).toStrictEqual(["event1", "second's", "on"]);
    expect(filesIn(directory).has("2/manifest.json")).toBe(false);
  });

  test("what was written before the lock file was removed, and not synced, is not acknowledged by `sync` or `close`", async () => {
    const directory = newDirectory();
    const first = await open(directory);
    await first.appendBatch(1n, [text("event1")], { fsync: false });
    fs.rmSync(`${directory}/LOCK`);
    expect(await failureOf(() => first.sync(1n))).toMatchObject({ code: "locked" });
    expect(await failureOf(() => first.close())).toMatchObject({ code: "poisoned" });
  });

  test("a stream is not recovered, for that may change it", async () => {
    const directory = newDirectory();
    const before = await open(directory);
    await before.appendBatch(1n, [text("event1")]);
    await before.close();
    fs.appendFileSync(`${directory}/1/segment_000000.log`, "torn");
    const first = await open(directory);
    fs.rmSync(`${directory}/LOCK`);
    const files = filesIn(directory);
    expect(await failureOf(() => first.head(1n))).toMatchObject({ code: "locked" });
    expect(filesIn(directory)).toStrictEqual(files);
  });

  test("a directory that was moved away and replaced is another one", async () => {
    const parent = newDirectory();
    const first = await open(`${parent}/data`);
    await first.appendBatch(1n, [text("event1")]);
    fs.renameSync(`${parent}/data`, `${parent}/old`);
    const second = await open(`${parent}/data`);
    await second.appendBatch(1n, [text("second's")]);
    expect(await failureOf(() => first.appendBatch(1n, [text("first's")]))).toMatchObject({ code: "locked" });
    expect(await payloads(second)).toStrictEqual(["second's"]);
  });
});

describe("A guarded disk", () => {
  const ROOT = "/data";

  test("reads without looking at the lock, and changes nothing once it is lost", async () => {
    const beneath = new MemoryDisk(ROOT, new Map([["a", Buffer.from("hello")]]));
    let isHeld = true;
    const lock = { isHeld: () => isHeld, release: () => undefined };
    const disk = guarded(beneath, lock, `${ROOT}/LOCK`);
    const written = await disk.open(`${ROOT}/a`, "update");
    const read = await disk.open(`${ROOT}/a`, "read");
    expect(await written.write(Buffer.from("J"), 0)).toBe(1);
    await disk.makeDirectory(`${ROOT}/d`);
    await disk.rename(`${ROOT}/a`, `${ROOT}/b`);
    await disk.rename(`${ROOT}/b`, `${ROOT}/a`);
    await written.truncate(4);
    await written.sync();
    await disk.syncDirectory(ROOT);
    isHeld = false;
    const refused: readonly (() => unknown)[] = [
      () => disk.open(`${ROOT}/a`, "update"),
      () => disk.open(`${ROOT}/new`, "create"),
      () => disk.rename(`${ROOT}/a`, `${ROOT}/b`),
      () => disk.remove(`${ROOT}/a`),
      () => disk.makeDirectory(`${ROOT}/e`),
      () => disk.syncDirectory(ROOT),
      () => written.write(Buffer.from("x"), 0),
      () => written.truncate(0),
      () => written.sync(),
    ];
    for (const call of refused) expect(await failureOf(call)).toMatchObject({ code: "locked" });
    expect(await disk.resolve("x")).toBe("x");
    expect(await disk.list(ROOT)).toStrictEqual(["a", "d"]);
    expect(await written.size()).toBe(4);
    const bytes = new Uint8Array(4);
    expect(await written.read(bytes, 0)).toBe(4);
    expect(Buffer.from(bytes).toString()).toBe("Jell");
    expect(await read.size()).toBe(4);
    await written.close();
    isHeld = true;
    await disk.remove(`${ROOT}/a`);
    expect(await (await disk.lock(`${ROOT}/LOCK`))?.isHeld()).toBe(true);
  });
});

describe("S2 the data directory stays the one that was opened", () => {
  test("whatever becomes of links on the way to it", async () => {
    const parent = newDirectory();
    for (const name of ["a", "b"]) fs.mkdirSync(`${parent}/${name}`);
    fs.symlinkSync(`${parent}/a`, `${parent}/current`);
    const first = await open(`${parent}/current`, { maxSegmentBytes: 300 });
    await first.appendBatch(1n, [text("a's")]);
    fs.rmSync(`${parent}/current`);
    fs.symlinkSync(`${parent}/b`, `${parent}/current`);
    const second = await open(`${parent}/current`);
    await second.appendBatch(1n, [text("b's")]);
    const before = filesIn(`${parent}/b`);
    for (let i = 0; i < 3; i += 1) await first.appendBatch(1n, [Buffer.alloc(200, "a")]);
    expect(filesIn(`${parent}/b`)).toStrictEqual(before);
    expect(fs.existsSync(`${parent}/a/1/segment_000002.log`)).toBe(true);
  });

  test("a stream's directory that is a link is refused: through it two stores would share a stream and take two locks", async () => {
    const parent = newDirectory();
    for (const name of ["a", "b"]) fs.mkdirSync(`${parent}/${name}`);
    const first = await open(`${parent}/a`);
    await first.appendBatch(1n, [text("event")]);
    fs.symlinkSync(`${parent}/a/1`, `${parent}/b/1`);
    fs.symlinkSync(`${parent}/nowhere`, `${parent}/b/2`);
    const second = await open(`${parent}/b`);
    for (const stream of [1n, 2n]) {
      for (const call of [() => second.head(stream), () => second.appendBatch(stream, [text("event")])]) {
        const error = await failureOf(call);
        expect(error).toMatchObject({ code: "io", file: `${parent}/b/${String(stream)}` });
        expect(String((error as Error).cause)).toContain("symbolic link");
      }
    }
    expect(fs.existsSync(`${parent}/nowhere`)).toBe(false);
  });
});
