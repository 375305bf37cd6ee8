/**
 * `Storage` and its directory: which files with which bytes, that reopening changes nothing, that everything
 * but the segments is a hint, and what a crash may leave behind.
 */
import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";

import { encoded, frameBytes, HandLog, hex, indexBytes, join, text } from "../e2e/by-hand.ts";
import { failureOf, filesIn, flipped, restore, shown, temporaryDirectories } from "../e2e/testing.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { systemError, WatchedDisk } from "../e2e/watched-disk.ts";
import { type Codec, CodecRegistry, Lz4Codec, NoneCodec } from "./format/codec.ts";
import { StorageError } from "./error.ts";
import { Storage, type StorageOptions } from "./storage.ts";

/** Far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

const newDirectory = temporaryDirectories();
const opened = new Set<Storage>();

afterEach(async () => {
  for (const storage of opened) await storage.close();
  opened.clear();
});

async function open(directory: string, options: StorageOptions = {}): Promise<Storage> {
  const storage = await Storage.open(directory, { disk: new WatchedDisk(), ...options });
  opened.add(storage);
  return storage;
}

/** Opens, uses and closes. */
async function using<T>(
  directory: string,
  options: StorageOptions,
  use: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = await open(directory, options);
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}

const ALL = Number.POSITIVE_INFINITY;
const EVERY_3: StorageOptions = { checkpoints: { everyNRecords: 3 } };
/** Two records a segment, or a record and a checkpoint. */
const SMALL: StorageOptions = { ...EVERY_3, maxSegmentBytes: 150 };
const TINY: StorageOptions = { ...SMALL, indexLogMaxEntries: 2, readChunkBytes: 16 };

const EVENTS = ["event1", "event2", "event3", "e", "event6", "", "event9"].map(text);

/** Appends `EVENTS` to stream 1, each by itself, and returns the log that must be there. */
async function fill(directory: string, options: StorageOptions): Promise<HandLog> {
  const log = new HandLog(options.checkpoints?.everyNRecords ?? 1000, options.format);
  await using(directory, options, async (storage) => {
    for (const event of EVENTS) {
      await storage.appendBatch(1n, [event]);
      log.append(event);
    }
  });
  return log;
}

/** What a directory came to hold. */
interface History {
  readonly log: HandLog;
  readonly files: ReadonlyMap<string, Buffer>;
  /** Hints as they were at some time before. */
  readonly older: readonly [string, Buffer][];
}

/** Stream 1 holds the log's records, whatever the way of reading. */
async function expectLog(storage: Storage, log: HandLog): Promise<void> {
  const head = await storage.head(1n);
  expect(head.nextOffset).toBe(log.nextOffset);
  expect(Buffer.from(head.head)).toStrictEqual(Buffer.from(log.head));
  for (const verify of ["genesis", "checkpoint", "record"] as const) {
    const records = await storage.readRecords(1n, 0n, ALL, { verify });
    expect(records.map(shown)).toStrictEqual(log.records.map(shown));
  }
  for (let from = 1n; from < log.nextOffset; from += 1n) {
    const [record] = await storage.readRecords(1n, from, 1, { verify: "record" });
    const expected = log.records[Number(from)];
    expect(record === undefined ? "" : shown(record)).toBe(expected === undefined ? "?" : shown(expected));
  }
}

/** The directory opens to the log, goes on from there, and is the same after another opening. */
async function expectUsable(directory: string, log: HandLog, options: StorageOptions = TINY): Promise<void> {
  const longer = new HandLog(options.checkpoints?.everyNRecords ?? 1000, log.format);
  longer.records.push(...log.records);
  await using(directory, options, async (storage) => {
    await expectLog(storage, log);
    await storage.appendBatch(1n, [text("more")]);
    longer.append(text("more"));
    await expectLog(storage, longer);
  });
  await using(directory, options, async (storage) => {
    await expectLog(storage, longer);
    expect((await storage.status(1n)).findings).toStrictEqual([]);
  });
}

describe("the files are those of FORMAT.md, byte for byte", () => {
  const log = new HandLog(3)
    .append(text("event1"))
    .append(text("event2"))
    .append(text("event3"))
    .append(text("e"));
  const hashAt = (offset: number): Uint8Array => log.records[offset]?.hash ?? text("?");

  const manifest = {
    segments: [
      { segment_num: 0, first_offset: 0, next_offset: 2, size_bytes: 108 },
      { segment_num: 1, first_offset: 2, next_offset: 2, size_bytes: 0 },
    ],
    active_segment: 1,
    format: "plain",
  };

  /** Four batches into stream 7; what is in its files, the manifest aside. */
  async function contentOf(options: StorageOptions): Promise<ReadonlyMap<string, Buffer>> {
    const directory = path.join(newDirectory(), "data");
    await using(directory, { ...EVERY_3, maxSegmentBytes: 200, ...options }, async (storage) => {
      for (const event of ["event1", "event2", "event3", "e"]) await storage.appendBatch(7n, [text(event)]);
    });
    const files = filesIn(directory);
    expect(JSON.parse(files.get("7/manifest.json")?.toString() ?? "")).toStrictEqual(manifest);
    files.delete("7/manifest.json");
    return files;
  }

  const SEGMENTS: readonly [string, Buffer][] = [
    ["LOCK", Buffer.alloc(0)],
    ["7/segment_000000.log", log.bytes(0, 2)],
    ["7/segment_000000.log.idx", indexBytes([[0], [54]], 108, hashAt(1))],
    ["7/segment_000001.log", log.bytes(2)],
  ];

  test("index entries in the write-ahead file, a frame an append", async () => {
    const frames = join(frameBytes([[0], [54, 1]], 142, hashAt(3)), frameBytes([[142]], 191, hashAt(4)));
    expect(await contentOf({})).toStrictEqual(
      new Map([...SEGMENTS, ["7/segment_000001.log.idx.wal", frames]]),
    );
  });

  test("the index saved, and a frame that names the last record once more", async () => {
    expect(await contentOf({ indexLogMaxEntries: 3 })).toStrictEqual(
      new Map([
        ...SEGMENTS,
        ["7/segment_000001.log.idx", indexBytes([[0], [54, 1], [142]], 191, hashAt(4))],
        ["7/segment_000001.log.idx.wal", frameBytes([[142]], 191, hashAt(4))],
      ]),
    );
  });

  test("a stream that is only read leaves nothing", async () => {
    const directory = newDirectory();
    await using(directory, {}, async (storage) => {
      expect(await storage.readFrom(1n, 0n, 10)).toStrictEqual([]);
      expect(await failureOf(() => storage.appendCheckpoint(1n))).toMatchObject({ code: "empty-stream" });
    });
    expect([...filesIn(directory).keys()]).toStrictEqual(["LOCK"]);
    expect(fs.readdirSync(directory)).toStrictEqual(["LOCK"]);
  });

  test("H1 the same calls give the same bytes", async () => {
    const [one, two] = [newDirectory(), newDirectory()];
    await fill(one, TINY);
    await fill(two, TINY);
    expect(filesIn(two)).toStrictEqual(filesIn(one));
  });

  test("a data record stored compressed is the codec's bytes under its code", async () => {
    const directory = newDirectory();
    await using(directory, { compression: "lz4" }, (storage) =>
      storage.appendBatch(1n, [new Uint8Array(1000), text("short")]),
    );
    const bytes = filesIn(directory).get("1/segment_000000.log") ?? Buffer.alloc(0);
    const stored = bytes.readUInt32LE(40) & (2 ** 28 - 1);
    const payload = bytes.subarray(44, 44 + stored);
    expect(payload.subarray(0, 4)).toStrictEqual(hex("e8030000"));
    const log = new HandLog().append(new Uint8Array(1000), text("short"));
    const [first, second] = log.records;
    if (first === undefined || second === undefined) return expect.fail("There are two records.");
    expect(bytes).toStrictEqual(join(encoded({ ...first, compression: 1, payload }), encoded(second)));
  });
});

test("a payload that changes while it is compressed is stored and hashed as one and the same", async () => {
  const payload = new Uint8Array(1000).fill(7);
  const lz4 = new Lz4Codec();
  const meddling: Codec = {
    kind: "lz4",
    compress: (bytes) => {
      const stored = lz4.compress(bytes);
      payload.fill(8);
      return stored;
    },
    decompress: (stored) => lz4.decompress(stored),
  };
  const codecs = new CodecRegistry([new NoneCodec(), meddling]);
  const storage = await open(newDirectory(), { compression: "lz4", codecs });
  const { head } = await storage.appendBatch(1n, [payload]);
  const log = new HandLog().append(new Uint8Array(1000).fill(7));
  expect(Buffer.from(head)).toStrictEqual(Buffer.from(log.head));
  await expectLog(storage, log);
});

test.each(["standard", "strict"] as const)(
  "L1 a read at any step of an append sees all of it or nothing: %s",
  async (durability) => {
    const storage = await open(newDirectory(), { durability });
    const log = new HandLog();
    const reads: Promise<string[]>[] = [];
    for (let i = 0; i < 10; i += 1) {
      const events = [text(`event${i}.1`), text(`event${i}.2`)];
      log.append(...events);
      const append = storage.appendBatch(1n, events);
      for (let step = 0; step < 60; step += 1) {
        reads.push(storage.readRecords(1n, 0n, ALL).then((records) => records.map(shown)));
        await Promise.resolve();
      }
      await append;
    }
    for (const read of await Promise.all(reads)) {
      expect(read).toStrictEqual(log.records.slice(0, read.length).map(shown));
      expect(read.length % 2).toBe(0);
    }
  },
);

/** Writes, cuts and syncs of a stream's files, in order. */
function watched(): { disk: WatchedDisk; calls: string[] } {
  const calls: string[] = [];
  const disk = new WatchedDisk(({ name, path: file }) => {
    if (["write", "truncate", "sync"].includes(name)) calls.push(`${name} ${path.extname(file)}`);
    return undefined;
  });
  return { disk, calls };
}

describe("with standard durability the write-ahead file of the index is synced", () => {
  test("once the index is saved, and for no other frame", async () => {
    const { disk, calls } = watched();
    await using(newDirectory(), { disk, indexLogMaxEntries: 3 }, async (storage) => {
      await storage.appendBatch(1n, [text("event1"), text("event2")]);
      calls.length = 0;
      await storage.appendBatch(1n, [text("event3")]);
      const saved = ["write .tmp", "sync .tmp", "truncate .wal", "write .wal", "sync .wal"];
      expect(calls).toStrictEqual(["write .log", "sync .log", "write .wal", ...saved]);
      calls.length = 0;
      await storage.appendBatch(1n, [text("event4")]);
      expect(calls).toStrictEqual(["write .log", "sync .log", "write .wal"]);
    });
  });

  test("once recovery has cut off a torn frame, before the segment's records are named", async () => {
    const directory = newDirectory();
    const log = await fill(directory, { checkpoints: { everyNRecords: 0 } });
    const files = filesIn(directory);
    const [name] = [...files.keys()].filter((file) => file.endsWith(".wal"));
    fs.appendFileSync(path.join(directory, String(name)), "torn");
    const { disk, calls } = watched();
    await using(directory, { disk }, async (storage) => {
      await expectLog(storage, log);
      expect(calls).toStrictEqual(["truncate .wal", "sync .wal", "sync .log"]);
    });
    expect(filesIn(directory)).toStrictEqual(files);
  });
});

describe("with strict durability the index entry is on the medium", () => {
  test("before an append is acknowledged: it is synced, and only after its records were", async () => {
    const { disk, calls } = watched();
    await using(newDirectory(), { disk, durability: "strict" }, async (storage) => {
      await storage.appendBatch(1n, [text("event1")]);
      calls.length = 0;
      await storage.appendBatch(1n, [text("event2")]);
      expect(calls).toStrictEqual(["write .log", "sync .log", "write .wal", "sync .wal"]);
      calls.length = 0;
      await storage.appendBatch(1n, [text("event3")], { fsync: false });
      expect(calls).toStrictEqual(["write .log"]);
      await storage.sync(1n);
      expect(calls).toStrictEqual(["write .log", "sync .log", "write .wal", "sync .wal"]);
    });
  });

  test("before a recovered stream is shown: what the kernel holds of it is written again, and synced", async () => {
    const directory = newDirectory();
    const log = await fill(directory, { checkpoints: { everyNRecords: 0 }, durability: "strict" });
    const files = filesIn(directory);
    const { disk, calls } = watched();
    await using(directory, { disk, durability: "strict" }, async (storage) => {
      await expectLog(storage, log);
      expect(calls).toStrictEqual(["sync .log", "write .wal", "sync .wal"]);
    });
    expect(filesIn(directory)).toStrictEqual(files);
  });

  test("and with standard durability the bytes are the same", async () => {
    const [standard, strict] = [newDirectory(), newDirectory()];
    await fill(standard, { ...TINY, durability: "standard" });
    await fill(strict, { ...TINY, durability: "strict" });
    expect(filesIn(strict)).toStrictEqual(filesIn(standard));
  });
});

describe("D8 closing and reopening changes nothing", () => {
  test.each<[string, StorageOptions]>([
    ["default limits", {}],
    ["tiny limits", TINY],
    ["lz4", { ...TINY, compression: "lz4" }],
    ["zstd", { ...SMALL, compression: "zstd" }],
    ["format sentinel", { format: "sentinel" }],
    ["format sentinel, tiny limits", { ...TINY, format: "sentinel" }],
    ["format sentinel, zstd", { ...SMALL, compression: "zstd", format: "sentinel" }],
  ])("neither an answer nor a byte: %s", async (_, options) => {
    const directory = newDirectory();
    const log = await fill(directory, options);
    const files = filesIn(directory);
    for (const format of ["plain", "sentinel", "plain"] as const) {
      await using(directory, { ...options, format }, async (storage) => {
        await expectLog(storage, log);
        expect((await storage.status(1n)).findings).toStrictEqual([]);
      });
      expect(filesIn(directory)).toStrictEqual(files);
    }
  });

  test.each(["plain", "sentinel"] as const)(
    "D5 the chain goes on where it ended, at every offset, also behind a rotation and a checkpoint: %s",
    async (format) => {
      const directory = newDirectory();
      const log = new HandLog(3, format);
      for (const event of [...EVENTS, ...EVENTS]) {
        await using(directory, { ...TINY, format }, async (storage) => {
          const { firstOffset, head } = await storage.appendBatch(1n, [event]);
          expect(firstOffset).toBe(log.nextOffset);
          expect(Buffer.from(head)).toStrictEqual(Buffer.from(log.append(event).head));
        });
      }
      await using(directory, TINY, (storage) => expectLog(storage, log));
    },
  );

  test("also with other limits, another codec and another policy each time", async () => {
    const directory = newDirectory();
    const log = new HandLog();
    const settings: StorageOptions[] = [
      { maxSegmentBytes: 150, readChunkBytes: 1 },
      { compression: "lz4", indexLogMaxEntries: 1 },
      { compression: "zstd", maxSegmentBytes: 400 },
      { indexLogMaxEntries: 2, readChunkBytes: 7 },
      { maxSegmentBytes: 1 },
    ];
    for (const setting of [...settings, ...settings]) {
      await using(directory, { ...setting, checkpoints: { everyNRecords: 0 } }, async (storage) => {
        await expectLog(storage, log);
        const events = [new Uint8Array(200).fill(log.records.length), text("event")];
        await storage.appendBatch(1n, events);
        await expectLog(storage, log.append(...events));
      });
    }
  });

  test("what was appended without `fsync` is there after `close`, and named in the index", async () => {
    const directory = newDirectory();
    const log = new HandLog(1000).append(...EVENTS);
    await using(directory, {}, (storage) => storage.appendBatch(1n, EVENTS, { fsync: false }));
    const positions = EVENTS.map((_, offset) => log.bytes(0, offset).length);
    expect(filesIn(directory).get("1/segment_000000.log.idx.wal")).toStrictEqual(
      frameBytes(
        positions.map((position) => [position]),
        log.bytes().length,
        log.head,
      ),
    );
    await using(directory, {}, (storage) => expectLog(storage, log));
  });
});

describe("what is there", () => {
  test("`streams` are the directories with a stream's name, in order", async () => {
    const directory = newDirectory();
    await using(directory, {}, async (storage) => {
      expect(await storage.streams()).toStrictEqual([]);
      for (const stream of [10n, 2n ** 64n - 1n, 9n, 0n]) await storage.appendBatch(stream, [text("e")]);
      for (const name of ["01", "x", "18446744073709551616", "-1", "1.5", " 3", "٣", ""])
        fs.mkdirSync(path.join(directory, name), { recursive: true });
      expect(await storage.streams()).toStrictEqual([0n, 9n, 10n, 2n ** 64n - 1n]);
    });
  });

  test("`status` names the segments", async () => {
    const directory = newDirectory();
    await using(directory, { ...EVERY_3, maxSegmentBytes: 200 }, async (storage) => {
      for (const event of ["event1", "event2", "event3", "e"]) await storage.appendBatch(7n, [text(event)]);
      expect(await storage.status(7n)).toMatchObject({
        nextOffset: 5n,
        segments: [
          { number: 0, firstOffset: 0n, nextOffset: 2n, bytes: 108 },
          { number: 1, firstOffset: 2n, nextOffset: 5n, bytes: 191 },
        ],
        findings: [],
      });
      expect(await storage.status(8n)).toMatchObject({ nextOffset: 0n, segments: [], findings: [] });
    });
  });
});

test("an iteration over many events without bytes holds a part of them at a time", async () => {
  let bytesRead = 0;
  const disk = new WatchedDisk(({ name, bytes }) => {
    if (name === "read") bytesRead += bytes;
    return undefined;
  });
  const storage = await open(newDirectory(), {
    disk,
    readChunkBytes: 10_000,
    checkpoints: { everyNRecords: 0 },
  });
  const batch = Array.from({ length: 40_000 }, () => new Uint8Array(0));
  await storage.appendBatch(1n, batch, { fsync: false });
  let next = 0n;
  for await (const { offset } of storage.iterate(1n)) {
    expect(offset).toBe(next);
    if (offset === 0n) expect(bytesRead).toBeLessThan((40_000 * 48) / 2);
    next += 1n;
  }
  expect(next).toBe(40_000n);
});

describe("S1 a second opener of a data directory is refused", () => {
  test("as long as the first has it open, by whatever path", async () => {
    const directory = newDirectory();
    const first = await open(directory);
    for (const other of [directory, `${directory}/`, `${directory}/../${path.basename(directory)}`]) {
      const error = await failureOf(() => Storage.open(other));
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code: "locked" });
    }
    await first.appendBatch(1n, [text("event1")]);
    await first.close();
    await using(directory, {}, (storage) => expectLog(storage, new HandLog().append(text("event1"))));
  });

  test("two at once: one gets it", async () => {
    const directory = newDirectory();
    const outcomes = await Promise.allSettled([open(directory), open(directory), open(directory)]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("other directories are free", async () => {
    await open(newDirectory());
    await open(newDirectory());
  });
});

describe("opening", () => {
  test("creates the directory, but not those above it", async () => {
    const parent = newDirectory();
    await using(`${parent}/data/`, {}, (storage) => storage.appendBatch(1n, [text("event1")]));
    expect(fs.existsSync(path.join(parent, "data", "1", "segment_000000.log"))).toBe(true);
    const error = await failureOf(() => Storage.open(`${parent}/no/data`));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "io", cause: { code: "ENOENT" } });
    expect(fs.readdirSync(parent)).toStrictEqual(["data"]);
  });

  test("a file in the place of the directory is a StorageError", async () => {
    const file = path.join(newDirectory(), "file");
    fs.writeFileSync(file, "not a directory");
    const error = await failureOf(() => Storage.open(file));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "io" });
    expect(fs.readFileSync(file, "utf8")).toBe("not a directory");
  });

  test.each<[string, string, StorageOptions]>([
    ["no bytes a segment", "out-of-range", { maxSegmentBytes: 0 }],
    ["half a byte a segment", "out-of-range", { maxSegmentBytes: 0.5 }],
    ["more than 2^40 bytes a segment", "out-of-range", { maxSegmentBytes: 2 ** 40 + 1 }],
    ["no index entries", "out-of-range", { indexLogMaxEntries: 0 }],
    ["too many index entries", "out-of-range", { indexLogMaxEntries: 2 ** 31 + 1 }],
    ["nothing read at a time", "out-of-range", { readChunkBytes: 0 }],
    ["too much read at a time", "out-of-range", { readChunkBytes: 2 ** 30 + 1 }],
    ["a checkpoint every -1 records", "out-of-range", { checkpoints: { everyNRecords: -1 } }],
    ["a checkpoint every NaN records", "out-of-range", { checkpoints: { everyNRecords: Number.NaN } }],
    [
      "a codec that is not at hand",
      "unknown-codec",
      { compression: "lz4", codecs: new CodecRegistry([new NoneCodec()]) },
    ],
  ])("with %s is refused, and leaves nothing behind", async (_, code, options) => {
    const directory = path.join(newDirectory(), "data");
    const error = await failureOf(() => Storage.open(directory, options));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code });
    expect(fs.existsSync(directory)).toBe(false);
    await open(directory);
  });

  test("an empty path is refused: it would be the root of the file system", async () => {
    const asked: string[] = [];
    const disk = new WatchedDisk(({ path: file }) => {
      asked.push(file);
      throw new Error("The disk is asked for nothing.");
    });
    expect(await failureOf(() => Storage.open("", { disk }))).toMatchObject({ code: "out-of-range" });
    expect(asked).toStrictEqual([]);
  });

  test("that fails once the lock is taken gives it back", async () => {
    const directory = newDirectory();
    const disk = new WatchedDisk(({ name }) => {
      if (name === "syncDirectory") throw systemError("EIO");
      return undefined;
    });
    expect(await failureOf(() => Storage.open(directory, { disk }))).toMatchObject({ code: "io" });
    await open(directory);
  });

  test("with wrong types is a TypeError", async () => {
    expect(await failureOf(() => Storage.open(1 as unknown as string))).toBeInstanceOf(TypeError);
    for (const wrong of [
      { maxSegmentBytes: "1" },
      { durability: "full" },
      { durability: null },
      { format: "kimberlite" },
      { format: null },
    ]) {
      const options = wrong as unknown as StorageOptions;
      expect(await failureOf(() => Storage.open(newDirectory(), options))).toBeInstanceOf(TypeError);
    }
  });

  test.each([
    ["/data", "/"],
    ["/data/", "/"],
    ["/a/b", "/a"],
    ["a/b", "a"],
    ["data", "."],
  ])("%s makes its name durable, which is in %s", async (root, parent) => {
    const synced: string[] = [];
    class Disk extends MemoryDisk {
      override syncDirectory(directory: string): void {
        synced.push(directory);
      }
    }
    opened.add(await Storage.open(root, { disk: new Disk(root, new Map()) }));
    expect(synced).toStrictEqual([parent]);
  });

  test("costs the unindexed tail, not the log: of the segments, one record is read", async () => {
    const directory = newDirectory();
    const log = new HandLog(1000);
    await using(directory, { maxSegmentBytes: 20_000 }, async (storage) => {
      for (let i = 0; i < 60; i += 1) {
        await storage.appendBatch(1n, [new Uint8Array(952)]);
        log.append(new Uint8Array(952));
      }
    });
    let bytesRead = 0;
    const disk = new WatchedDisk(({ name, path: file, bytes }) => {
      if (name === "read" && file.endsWith(".log")) bytesRead += bytes;
      return undefined;
    });
    await using(directory, { disk, maxSegmentBytes: 20_000 }, async (storage) => {
      expect((await storage.head(1n)).nextOffset).toBe(60n);
      expect(bytesRead).toBe(1000);
    });
  });

  test("a read costs what it returns plus the way from its anchor", async () => {
    const directory = newDirectory();
    let bytesRead = 0;
    const disk = new WatchedDisk(({ name, path: file, bytes }) => {
      if (name === "read" && file.endsWith(".log")) bytesRead += bytes;
      return undefined;
    });
    const options: StorageOptions = { disk, checkpoints: { everyNRecords: 10 }, readChunkBytes: 1000 };
    await using(directory, options, async (storage) => {
      for (let i = 0; i < 200; i += 1) await storage.appendBatch(1n, [new Uint8Array(952)], { fsync: false });
      bytesRead = 0;
      await storage.readRecords(1n, 150n, 1, { verify: "record" });
      expect(bytesRead).toBeLessThanOrEqual(3000);
      bytesRead = 0;
      await storage.readRecords(1n, 150n, 1, { verify: "checkpoint" });
      expect(bytesRead).toBeLessThanOrEqual(15_000);
    });
  });
});

describe("a torn tail is cut and kept in quarantine", () => {
  const next = new HandLog().append(text("event1"), text("event2"), text("event3"));

  const tails: readonly [string, Uint8Array][] = [
    ["one byte", Uint8Array.of(1)],
    ["zeros", new Uint8Array(500)],
    ["noise", Uint8Array.from({ length: 300 }, (_, i) => (i * 151 + 7) % 256)],
    ["half the next record", next.bytes(2, 3).subarray(0, 27)],
    ["all but a byte of the next record", next.bytes(2, 3).subarray(0, -1)],
    [
      "the next record with a flipped bit, and an intact one behind",
      join(
        flipped(next.bytes(2, 3), 200),
        new HandLog().append(...["event1", "event2", "event3", "event4"].map(text)).bytes(3),
      ),
    ],
    ["a record of another offset", next.bytes(1, 2)],
    [
      "the next record of another chain",
      new HandLog().append(text("other"), text("event2"), text("event3")).bytes(2),
    ],
  ];

  test.each(tails)("%s", async (_, tail) => {
    const directory = newDirectory();
    const log = new HandLog(1000).append(text("event1")).append(text("event2"));
    await using(directory, {}, async (storage) => {
      await storage.appendBatch(1n, [text("event1")]);
      await storage.appendBatch(1n, [text("event2")]);
    });
    const files = filesIn(directory);
    const segment = path.join(directory, "1/segment_000000.log");
    fs.appendFileSync(segment, tail);
    await using(directory, {}, async (storage) => {
      await expectLog(storage, log);
      const { findings } = await storage.status(1n);
      expect(findings).toMatchObject([
        { what: "torn tail", action: "cut", error: { stream: 1n, offset: 2n, file: segment, position: 108 } },
      ]);
      const [finding] = findings;
      expect(finding?.error).toBeInstanceOf(StorageError);
      expect(fs.readFileSync(finding?.quarantine ?? "")).toStrictEqual(Buffer.from(tail));
    });
    const after = filesIn(directory);
    const [quarantine, ...others] = [...after.keys()].filter((name) => name.includes("quarantine"));
    expect(quarantine).toMatch(/^1\/quarantine\/segment_000000\.log\.108\./);
    expect(others).toStrictEqual([]);
    after.delete(quarantine ?? "");
    expect(after).toStrictEqual(files);
    await expectUsable(directory, log, {});
  });

  test("D4 a record that recovery dropped never comes back, though it fits behind the next append", async () => {
    const directory = newDirectory();
    await using(directory, {}, (storage) => storage.appendBatch(1n, [text("event1")]));
    const log = new HandLog().append(text("event1"), text("event2"), text("event3"));
    const segment = path.join(directory, "1/segment_000000.log");
    fs.appendFileSync(segment, join(flipped(log.bytes(1, 2), 8 * 50), log.bytes(2)));
    await using(directory, {}, async (storage) => {
      await storage.appendBatch(1n, [text("event2")]);
    });
    const expected = new HandLog().append(text("event1"), text("event2"));
    expect(fs.readFileSync(segment)).toStrictEqual(expected.bytes());
    await using(directory, {}, (storage) => expectLog(storage, expected));
  });
});

describe("what opening finds behind the index", () => {
  test("whole records that no index entry names yet stay, and are named", async () => {
    const directory = newDirectory();
    const log = new HandLog().append(text("event1"), text("event2"), text("event3"));
    await using(directory, {}, (storage) => storage.appendBatch(1n, [text("event1")]));
    fs.appendFileSync(path.join(directory, "1/segment_000000.log"), log.bytes(1));
    const frames = join(
      frameBytes([[0]], 54, log.records[0]?.hash ?? text("?")),
      frameBytes([[54], [108]], 162, log.head),
    );
    await using(directory, {}, async (storage) => {
      await expectLog(storage, log);
      expect((await storage.status(1n)).findings).toStrictEqual([]);
      expect(filesIn(directory).get("1/segment_000000.log.idx.wal")).toStrictEqual(frames);
    });
    expect(filesIn(directory).get("1/segment_000000.log.idx.wal")).toStrictEqual(frames);
  });

  test("D1 all that is shown was synced before: a killed process may not have", async () => {
    const directory = newDirectory();
    const log = await fill(directory, { checkpoints: { everyNRecords: 0 } });
    const calls: string[] = [];
    const disk = new WatchedDisk(({ name, path: file }) => {
      if (name === "sync" || name === "syncDirectory")
        calls.push(`${name} ${path.relative(directory, file)}`);
      return undefined;
    });
    await using(directory, { disk }, async (storage) => {
      expect((await storage.head(1n)).nextOffset).toBe(log.nextOffset);
      expect(calls).toContain("sync 1/segment_000000.log");
      expect(calls).toContain("syncDirectory 1");
      expect(calls).toContain("syncDirectory ");
      expect(calls).toContain("syncDirectory ..");
    });
  });
});

describe("I2 an index or manifest that is missing, stale, cut or rotten changes speed, never an answer", () => {
  const HINT = /\.idx2?$|\.wal$|manifest\.json$/;

  /** A filled directory: every file's content, and every older content of its hints. */
  async function history(options: StorageOptions, events: readonly Uint8Array[] = EVENTS): Promise<History> {
    const directory = newDirectory();
    const log = new HandLog(3, options.format);
    const versions = new Map<string, [string, Buffer]>();
    for (const event of events) {
      await using(directory, options, (storage) => storage.appendBatch(1n, [event]));
      log.append(event);
      for (const [name, bytes] of filesIn(directory)) {
        if (HINT.test(name)) versions.set(`${name} ${bytes.toString("hex")}`, [name, bytes]);
      }
    }
    const files = filesIn(directory);
    const older = [...versions.values()].filter(([name, bytes]) => files.get(name)?.equals(bytes) !== true);
    return { log, files, older };
  }

  /**
   * What stream 1 shows of these files where new streams get the other format: its head, all records, and the
   * last one found by itself.
   */
  async function expectRead(
    files: ReadonlyMap<string, Uint8Array>,
    log: HandLog,
    options: StorageOptions,
  ): Promise<void> {
    const format = log.format === "plain" ? "sentinel" : "plain";
    await using("/data", { ...options, format, disk: new MemoryDisk("/data", files) }, async (storage) => {
      const expected = log.records.map(shown);
      expect(Buffer.from((await storage.head(1n)).head).equals(log.head)).toBe(true);
      const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
      expect(records.map(shown)).toStrictEqual(expected);
      const last = await storage.readRecords(1n, log.nextOffset - 1n, ALL);
      expect(last.map(shown)).toStrictEqual(expected.slice(-1));
    });
  }

  /**
   * As `expectRead`, at every offset and level, whatever format the storage is opened with; then appends, and
   * reopens.
   */
  async function expectWorks(
    files: ReadonlyMap<string, Uint8Array>,
    log: HandLog,
    options: StorageOptions,
  ): Promise<void> {
    for (const format of ["plain", "sentinel"] as const) {
      await expectUsable("/data", log, { ...options, format, disk: new MemoryDisk("/data", files) });
    }
  }

  const SETTINGS: readonly [string, StorageOptions][] = [
    ["two records a segment", SMALL],
    ["more records a segment", { ...EVERY_3, indexLogMaxEntries: 4, maxSegmentBytes: 300 }],
    ["one segment", { ...EVERY_3, readChunkBytes: 50 }],
    ["one segment, its index saved", { ...EVERY_3, indexLogMaxEntries: 4 }],
    ["format sentinel, two records a segment", { ...SMALL, maxSegmentBytes: 100, format: "sentinel" }],
    [
      "format sentinel, one segment, its index saved",
      { ...EVERY_3, indexLogMaxEntries: 4, format: "sentinel" },
    ],
  ];

  describe.each(SETTINGS)("%s", (_, options) => {
    test("missing: any of them, and all of them", async () => {
      const { log, files } = await history(options);
      const hints = [...files.keys()].filter((name) => HINT.test(name));
      expect(hints.length).toBeGreaterThan(1);
      for (const gone of [...hints.map((name) => [name]), hints]) {
        await expectWorks(new Map([...files].filter(([name]) => !gone.includes(name))), log, options);
      }
    });

    test("stale: any older version of each, also of those that are gone", async () => {
      const { log, files, older } = await history(options);
      expect(older.length).toBeGreaterThan(2);
      for (const version of older) await expectWorks(new Map([...files, version]), log, options);
    });

    test("of another segment, or of another stream with records of the same sizes", async () => {
      const { log, files } = await history(options);
      const others = EVENTS.map((event) => event.map((byte) => byte ^ 1));
      const { files: foreign } = await history(options, others);
      for (const kind of [/\.idx$/, /\.idx2$/, /\.wal$/]) {
        const sources = [...files, ...foreign].filter(([name]) => kind.test(name));
        for (const name of [...files.keys()].filter((file) => kind.test(file))) {
          for (const [, bytes] of sources)
            await expectWorks(new Map([...files, [name, bytes]]), log, options);
        }
      }
    });

    test("cut: each at every length", async () => {
      const { log, files } = await history(options);
      for (const [name, bytes] of files) {
        if (!HINT.test(name)) continue;
        for (let length = 0; length < bytes.length; length += 1) {
          await expectRead(new Map([...files, [name, bytes.subarray(0, length)]]), log, options);
        }
      }
    });

    // One bit of each byte, which one goes round; the check's part `stored-bytes` flips all of them.
    test("rotten: each with a bit of any byte flipped, with zeros, with noise", async () => {
      const { log, files } = await history(options);
      for (const [name, bytes] of files) {
        if (!HINT.test(name)) continue;
        const noise = bytes.map((_byte, i) => (i * 151 + 7) % 256);
        const rotten: Uint8Array[] = [new Uint8Array(bytes.length), noise, join(bytes, noise)];
        for (let bit = 0; bit < bytes.length * 8; bit += 9) rotten.push(flipped(bytes, bit));
        for (const content of rotten) await expectRead(new Map([...files, [name, content]]), log, options);
      }
    });
  });

  test.each(["lz4", "zstd"] as const)(
    "records compressed with %s are indexed anew like others",
    async (compression) => {
      const directory = newDirectory();
      const events = [new Uint8Array(500), text("e"), new Uint8Array(900).fill(7)];
      const log = new HandLog(3).append(...events).append(...events);
      await using(directory, { ...EVERY_3, compression }, async (storage) => {
        await storage.appendBatch(1n, events);
        await storage.appendBatch(1n, events);
      });
      const files = filesIn(directory);
      expect(files.get("1/segment_000000.log")?.length).toBeLessThan(1000);
      restore(directory, new Map([...files].filter(([name]) => !HINT.test(name))));
      await expectUsable(directory, log, { ...EVERY_3, compression });
    },
  );

  test.each<[string, (file: string) => void]>([
    [
      "gone",
      (file) => {
        fs.rmSync(file);
      },
    ],
    [
      "cut",
      (file) => {
        fs.truncateSync(file, 50);
      },
    ],
    [
      "that of an empty segment",
      (file) => {
        fs.writeFileSync(file, indexBytes([], 0, new Uint8Array(32)));
      },
    ],
  ])("the saved index of an earlier segment that is %s while the storage is open", async (_, spoil) => {
    const directory = newDirectory();
    const log = new HandLog();
    const options = { checkpoints: { everyNRecords: 0 }, maxSegmentBytes: 55 * 20 };
    await using(directory, options, async (storage) => {
      for (let i = 10; i < 70; i += 1) {
        await storage.appendBatch(1n, [text(`event${i}`)], { fsync: false });
        log.append(text(`event${i}`));
      }
    });
    await using(directory, options, async (storage) => {
      expect((await storage.status(1n)).segments[1]).toMatchObject({ firstOffset: 20n, nextOffset: 40n });
      spoil(path.join(directory, "1/segment_000001.log.idx"));
      const [last] = await storage.readRecords(1n, 39n, 1, { verify: "record" });
      expect(last?.offset).toBe(39n);
      await expectLog(storage, log);
    });
  });

  test("other files are nobody's business and stay", async () => {
    const { log, files } = await history(TINY);
    const directory = newDirectory();
    const names = ["1/notes.txt", "1/segment_000009.log.bak", "1/segment_00009.log", "1/x.tmp", "notes"];
    const strangers = names.map((name): [string, Buffer] => [name, Buffer.from("a stranger's")]);
    restore(directory, new Map([...files, ...strangers, ["1/segment_0000000.log", Buffer.from("longer")]]));
    await expectUsable(directory, log, TINY);
    const after = filesIn(directory);
    for (const [name, bytes] of strangers) expect(after.get(name)).toStrictEqual(bytes);
  });
});

describe("what a crash leaves half done is finished or undone", () => {
  /** What opening makes of a directory with these files added to or put in place of those of a filled one. */
  async function openedWith(names: readonly string[], content = ""): Promise<void> {
    const directory = newDirectory();
    const log = await fill(directory, SMALL);
    const files = filesIn(directory);
    const segments = [...files.keys()].filter((name) => name.endsWith(".log")).length;
    for (const name of names) {
      const file = `1/${name.replace("NEXT", `00000${segments}`).replace("LAST", `00000${segments - 1}`)}`;
      expect(files.has(file)).toBe(false);
      files.set(file, Buffer.from(content));
    }
    restore(directory, files);
    await expectUsable(directory, log, SMALL);
    expect([...filesIn(directory).keys()].filter((name) => name.includes("quarantine"))).toStrictEqual([]);
  }

  test("a rotation that had made the new write-ahead file only", () =>
    openedWith(["segment_NEXT.log.idx.wal"]));

  test("a rotation that had made both new files, but no manifest", () =>
    openedWith(["segment_NEXT.log.idx.wal", "segment_NEXT.log"]));

  test("a rotation that had not removed the old write-ahead file: it is removed", async () => {
    const directory = newDirectory();
    const log = await fill(directory, SMALL);
    const leftover = path.join(directory, "1/segment_000000.log.idx.wal");
    fs.writeFileSync(leftover, frameBytes([[0]], 54, log.records[0]?.hash ?? text("?")));
    await using(directory, SMALL, (storage) => expectLog(storage, log));
    expect(fs.existsSync(leftover)).toBe(false);
  });

  test("replacements not yet renamed", () =>
    openedWith(["manifest.json.tmp", "segment_LAST.log.idx.tmp", "segment_000000.log.idx.tmp"], "{"));

  test("the creation of a stream, at each of its steps", async () => {
    for (const names of [
      [],
      ["segment_000000.log.idx.wal"],
      ["segment_000000.log.idx.wal", "segment_000000.log"],
    ]) {
      const directory = newDirectory();
      fs.mkdirSync(path.join(directory, "1"));
      for (const name of names) fs.writeFileSync(path.join(directory, "1", name), "");
      await using(directory, SMALL, (storage) => expectLog(storage, new HandLog()));
      await expectUsable(directory, new HandLog(), SMALL);
    }
  });
});

test("the last offset: a stream is refused more than 2^53 - 1 records, and says so", async () => {
  const directory = newDirectory();
  const before = new HandLog().append(text("event1"));
  const nextOffset = Number.MAX_SAFE_INTEGER - 3;
  const prevHash = new Uint8Array(32).fill(7);
  const record = encoded({ offset: BigInt(nextOffset) - 1n, prevHash, kind: "data", payload: text("event") });
  const manifest = {
    segments: [
      { segment_num: 0, first_offset: 0, next_offset: nextOffset - 1, size_bytes: 54 },
      { segment_num: 1, first_offset: nextOffset - 1, next_offset: nextOffset - 1, size_bytes: 0 },
    ],
    active_segment: 1,
    format: "plain",
  };
  restore(
    directory,
    new Map<string, Uint8Array>([
      ["1/segment_000000.log", before.bytes()],
      ["1/segment_000001.log", record],
      ["1/segment_000001.log.idx.wal", new Uint8Array(0)],
      ["1/manifest.json", text(JSON.stringify(manifest))],
    ]),
  );
  const storage = await open(directory);
  expect((await storage.head(1n)).nextOffset).toBe(BigInt(nextOffset));
  expect(await failureOf(() => storage.appendBatch(1n, EVENTS))).toMatchObject({ code: "offset-limit" });
  const { firstOffset } = await storage.appendBatch(1n, [text("a"), text("b")]);
  expect(firstOffset).toBe(BigInt(nextOffset));
  expect(await failureOf(() => storage.appendBatch(1n, [text("c")]))).toMatchObject({ code: "offset-limit" });
  expect(await storage.readFrom(1n, 2n ** 53n - 3n, ALL, { verify: "record" })).toHaveLength(1);
});
