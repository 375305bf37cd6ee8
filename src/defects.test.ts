/**
 * Storage bugs known from practice that lie beyond the bounds of the exhaustive check: those that show only
 * after many records, and those that change no answer.
 */
import fs from "node:fs";

import { expect, test } from "vitest";

import { HandLog, text } from "../e2e/by-hand.ts";
import { shown, temporaryDirectories } from "../e2e/testing.ts";
import { WatchedDisk } from "../e2e/watched-disk.ts";
import { Storage, type StorageOptions } from "./storage.ts";

const newDirectory = temporaryDirectories();
const ALL = Number.POSITIVE_INFINITY;
/** More than twice what a counter up to 1000 needs to come round. */
const MANY = 2500;

async function using(
  options: StorageOptions,
  use: (storage: Storage) => Promise<void>,
  directory: string = newDirectory(),
): Promise<void> {
  const storage = await Storage.open(directory, { disk: new WatchedDisk(), ...options });
  try {
    await use(storage);
  } finally {
    await storage.close();
  }
}

async function appendOne(storage: Storage): Promise<void> {
  await storage.appendBatch(1n, [text("event1")]);
}

test(`D1 a record acknowledged with sync survives every crash: of ${MANY} appends in a row none is acknowledged before it is synced`, async () => {
  const dirty = new Set<string>();
  const disk = new WatchedDisk(({ name, path }) => {
    if (name === "write" || name === "truncate") dirty.add(path);
    if (name === "sync") dirty.delete(path);
    return undefined;
  });
  await using({ disk }, async (storage) => {
    const late: number[] = [];
    for (let i = 0; i < MANY; i += 1) {
      await storage.appendBatch(1n, [text(`event${i}`)]);
      if ([...dirty].some((path) => path.endsWith(".log"))) late.push(i);
    }
    expect(late).toStrictEqual([]);
  });
});

test(`H2 each of ${MANY} records carries the hash of the record before`, async () => {
  await using({}, async (storage) => {
    const log = new HandLog(1000);
    for (let i = 0; i < MANY; i += 50) {
      const batch = Array.from({ length: 50 }, (_, k) => text(`event${i + k}`));
      log.append(...batch);
      await storage.appendBatch(1n, batch);
    }
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    expect(records.map(shown)).toStrictEqual(log.records.map(shown));
  });
});

test("a segment is within its limit, unless one batch is larger by itself: whoever would outgrow it begins the next", async () => {
  // A record with one byte has 49, a checkpoint 88.
  await using({ maxSegmentBytes: 150, checkpoints: { everyNRecords: 0 } }, async (storage) => {
    const one = text("a");
    await storage.appendBatch(1n, [one, one]);
    await storage.appendCheckpoint(1n);
    await storage.appendBatch(1n, [one]);
    await storage.appendBatch(1n, [one]);
    await storage.appendBatch(1n, [one, one, one, one]);
    await storage.appendBatch(1n, [one]);
    const { segments } = await storage.status(1n);
    expect(segments.map(({ bytes }) => bytes)).toStrictEqual([98, 137, 49, 196, 49]);
  });
});

test("I1 a write-ahead file is not emptied before the saved index that takes its place has a durable name", async () => {
  let named = true;
  let saved = 0;
  const early: string[] = [];
  const disk = new WatchedDisk(({ name, path }) => {
    if (name === "rename" && path.endsWith(".idx")) {
      named = false;
      saved += 1;
    }
    if (name === "syncDirectory") named = true;
    if ((name === "truncate" || name === "remove") && path.endsWith(".wal") && !named) early.push(path);
    return undefined;
  });
  await using(
    { disk, durability: "strict", indexLogMaxEntries: 2, maxSegmentBytes: 400 },
    async (storage) => {
      for (let i = 0; i < 20; i += 1) await storage.appendBatch(1n, [text(`event${i}`)]);
    },
  );
  expect(saved).toBeGreaterThan(3);
  expect(early).toStrictEqual([]);
});

test("I2 a write-ahead file made anew in the place of a missing one has a durable name before anything is appended", async () => {
  const directory = newDirectory();
  await using({}, appendOne, directory);
  fs.rmSync(`${directory}/1/segment_000000.log.idx.wal`);
  let made = 0;
  let named = true;
  const disk = new WatchedDisk(({ name, path }) => {
    if (name === "open" && path.endsWith(".wal") && !fs.existsSync(path)) {
      made += 1;
      named = false;
    }
    if (name === "syncDirectory") named = true;
    return undefined;
  });
  await using(
    { disk },
    async (storage) => {
      await storage.head(1n);
      expect({ made, named }).toStrictEqual({ made: 1, named: true });
    },
    directory,
  );
});

test("C5 with strict durability the index entries that opening finds are written again and synced before anything is shown", async () => {
  const directory = newDirectory();
  await using({}, appendOne, directory);
  const calls: string[] = [];
  const disk = new WatchedDisk(({ name, path }) => {
    if (path.endsWith(".wal") && (name === "write" || name === "sync")) calls.push(name);
    return undefined;
  });
  await using(
    { disk, durability: "strict" },
    async (storage) => {
      await storage.head(1n);
      expect(calls).toStrictEqual(["write", "sync"]);
    },
    directory,
  );
});
