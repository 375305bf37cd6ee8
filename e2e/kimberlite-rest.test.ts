/**
 * The index that Kimberlite finds beside the segment that a stream is appended to: there, and whole, while
 * nothing is appended; gone before anything is. Where there is none, Kimberlite indexes a checkpoint that it
 * begins with twice, and what it files after that is lost to it.
 */
import { afterEach, describe, expect, test } from "vitest";
import { Storage } from "../src/index.ts";
import type { DiskFile, OpenMode } from "../src/disk/disk.ts";
import { kimberliteIndex, text } from "./by-hand.ts";
import { type KimberliteRecord, kimberliteReads, KimberliteWriter } from "./kimberlite-writer.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { failureOf } from "./testing.ts";

const opened = new Set<Storage>();

afterEach(async () => {
  for (const storage of opened) await storage.close();
  opened.clear();
});

type Files = Map<string, Buffer>;

function filesOf(disk: MemoryDisk): Files {
  const files: Files = new Map();
  for (const name of disk.list("/data/1")) {
    if (name.endsWith(".tmp") || name === "quarantine") continue;
    const file = disk.open(`/data/1/${name}`, "read");
    const bytes = Buffer.alloc(Number(file.size()));
    void file.read(bytes, 0);
    files.set(name, bytes);
  }
  return files;
}

/** A disk that keeps what a process which dies after any of its changes leaves behind. */
class KeepingDisk extends MemoryDisk {
  readonly left: Files[] = [];
  /** Paths of which a call with this name fails. */
  failing: { readonly call: "remove" | "rename" | "read"; readonly path: RegExp } | undefined;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    super("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
  }

  override open(path: string, mode: OpenMode): DiskFile {
    const file = super.open(path, mode);
    if (mode === "create") this.#keep();
    const read: DiskFile["read"] = (target, position) => {
      this.#failIf("read", path);
      return file.read(target, position);
    };
    const write: DiskFile["write"] = (source, position) => {
      const written = file.write(source, position);
      this.#keep();
      return written;
    };
    const truncate: DiskFile["truncate"] = (size) => {
      void file.truncate(size);
      this.#keep();
    };
    return { ...file, read, write, truncate };
  }

  override remove(path: string): void {
    this.#failIf("remove", path);
    super.remove(path);
    this.#keep();
  }

  override rename(from: string, to: string): void {
    this.#failIf("rename", from);
    super.rename(from, to);
    this.#keep();
  }

  #failIf(call: "remove" | "rename" | "read", path: string): void {
    if (this.failing?.call === call && this.failing.path.test(path))
      throw Object.assign(new Error(`EIO: ${call} '${path}'`), { code: "EIO" });
  }

  #keep(): void {
    if (super.list("/data").includes("1")) this.left.push(filesOf(this));
  }
}

async function open(disk: MemoryDisk, maxSegmentBytes = 300): Promise<Storage> {
  const storage = await Storage.open("/data", {
    disk,
    format: "sentinel",
    checkpoints: { everyNRecords: 0 },
    maxSegmentBytes,
  });
  opened.add(storage);
  return storage;
}

const batch = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => text(`event-${from + i}`));

/** Positions of records of 65 bytes, as those of `batch` have. */
const positions = (count: number): number[] => Array.from({ length: count }, (_, i) => 65 * i);

/** Where Kimberlite finds each record from which it reads what is there, and no other. */
function expectKimberliteToRead(files: Files, records: readonly KimberliteRecord[]): void {
  for (let from = 0; from <= records.length; from += 1) {
    const wanted = records.slice(from).filter(({ kind }) => kind === "data");
    expect(kimberliteReads(files, BigInt(from)).map(String)).toStrictEqual(
      wanted.map(({ payload }) => Buffer.from(payload).toString()),
    );
  }
}

/** The records that Kimberlite itself would have written for these events. */
const recordsOf = (count: number): KimberliteRecord[] =>
  new KimberliteWriter().append(batch(count), true).records;

const NAME = "segment_000000.log.idx";

describe("closing", () => {
  test("writes Kimberlite's index of the last segment; so its checkpoint is filed once, where it is", async () => {
    const disk = new KeepingDisk();
    const storage = await open(disk);
    await storage.appendBatch(1n, batch(3), { fsync: false });
    expect(filesOf(disk).has(NAME)).toBe(false);
    await storage.close();
    expect(filesOf(disk).get(NAME)).toStrictEqual(kimberliteIndex(positions(3)));
    const writer = KimberliteWriter.on(filesOf(disk), recordsOf(3), 1e6).checkpoint();
    expect(writer.files.get(NAME)).toStrictEqual(kimberliteIndex(positions(4)));
    writer.append(batch(1, 4), true).checkpoint();
    expectKimberliteToRead(writer.files, writer.records);
  });

  test("writes it for an empty last segment, too", async () => {
    const disk = new KeepingDisk(new KimberliteWriter(150).append(batch(3), true).files);
    const storage = await open(disk);
    await storage.head(1n);
    await storage.close();
    expect(filesOf(disk).get("segment_000001.log.idx")).toStrictEqual(kimberliteIndex([]));
    const writer = KimberliteWriter.on(filesOf(disk), recordsOf(3), 1e6);
    writer.checkpoint().reopened().append(batch(1, 4), true).checkpoint();
    expectKimberliteToRead(writer.files, writer.records);
  });

  test("writes none for a stream that was not used, none that is there, and none in the format plain", async () => {
    const disk = new KeepingDisk();
    const storage = await open(disk);
    await storage.appendBatch(1n, batch(3));
    await storage.close();
    const again = await open(disk);
    disk.left.length = 0;
    await again.close();
    const third = await open(disk);
    await third.readFrom(1n, 0n, 1);
    await third.close();
    expect(disk.left).toHaveLength(0);
    const plain = await Storage.open("/data", { disk: new KeepingDisk(), format: "plain" });
    await plain.appendBatch(1n, batch(1));
    await plain.close();
    expect(filesOf(disk).has("segment_000000.log.idx2")).toBe(false);
  });

  test("says so when the index cannot be written, with everything durable", async () => {
    const disk = new KeepingDisk();
    const storage = await open(disk);
    await storage.appendBatch(1n, batch(3));
    disk.failing = { call: "rename", path: /\.idx\.tmp$/ };
    expect(await failureOf(() => storage.close())).toMatchObject({ code: "io" });
    opened.delete(storage);
    disk.failing = undefined;
    const again = await open(disk);
    expect(await again.status(1n)).toMatchObject({ nextOffset: 3n, findings: [] });
  });
});

describe("Kimberlite's index of the last segment", () => {
  /** A stream of three records, closed. */
  async function closed(): Promise<KeepingDisk> {
    const disk = new KeepingDisk();
    const storage = await open(disk);
    await storage.appendBatch(1n, batch(3));
    await storage.close();
    disk.left.length = 0;
    return disk;
  }

  test("is gone before the next record is written, and not before", async () => {
    const disk = await closed();
    const storage = await open(disk);
    await storage.readRecords(1n, 0n, 100);
    expect(await failureOf(() => storage.appendBatch(1n, batch(1), { expectedOffset: 7n }))).toMatchObject({
      code: "offset-mismatch",
    });
    expect(filesOf(disk).has(NAME)).toBe(true);
    await storage.appendBatch(1n, batch(1, 3));
    const log = (files: Files): number => files.get("segment_000000.log")?.length ?? 0;
    for (const files of disk.left) if (log(files) > 65 * 3) expect(files.has(NAME)).toBe(false);
    expect(disk.left.some((files) => log(files) === 65 * 3 && !files.has(NAME))).toBe(true);
  });

  test("names what the segment holds wherever the process dies, through appends, rotations and openings", async () => {
    const disk = new KeepingDisk();
    for (let round = 0; round < 4; round += 1) {
      const storage = await open(disk, 200);
      await storage.appendBatch(1n, batch(1, 2 * round));
      await storage.appendBatch(1n, batch(1, 2 * round + 1), { fsync: false });
      await storage.close();
    }
    for (const files of disk.left) {
      for (const [name, bytes] of files) {
        if (!name.endsWith(".log.idx")) continue;
        const segment = files.get(name.slice(0, -4)) ?? expect.fail();
        expect(bytes).toStrictEqual(kimberliteIndex(positions(segment.length / 65)));
      }
    }
    expect(disk.left.filter((files) => files.has("segment_000001.log.idx")).length).toBeGreaterThan(1);
  });

  test("that cannot be removed lets nothing be appended, until the storage is opened again", async () => {
    const disk = await closed();
    const storage = await open(disk);
    disk.failing = { call: "remove", path: /\.idx$/ };
    expect(await failureOf(() => storage.appendBatch(1n, batch(1, 3)))).toMatchObject({ code: "io" });
    disk.failing = undefined;
    expect(await failureOf(() => storage.appendBatch(1n, batch(1, 3)))).toMatchObject({ code: "poisoned" });
    expect(filesOf(disk).get("segment_000000.log")).toHaveLength(65 * 3);
    await failureOf(() => storage.close());
    opened.delete(storage);
    await (await open(disk)).appendBatch(1n, batch(1, 3), { expectedOffset: 3n });
  });

  const WRONG: readonly [string, (right: Buffer) => Buffer][] = [
    ["of fewer records", () => kimberliteIndex(positions(2))],
    ["of more", () => kimberliteIndex(positions(4))],
    ["with a record twice", () => kimberliteIndex([0, 65, 130, 130])],
    ["with another place", () => kimberliteIndex([0, 65, 131])],
    ["torn", (right) => right.subarray(0, 10)],
    ["empty", () => Buffer.alloc(0)],
  ];

  test.each(WRONG)("%s is replaced by the right one when the storage is closed", async (_, wrong) => {
    const disk = await closed();
    const files = filesOf(disk);
    const right = files.get(NAME) ?? expect.fail();
    const spoilt = new KeepingDisk(files.set(NAME, wrong(right)));
    const storage = await open(spoilt);
    expect(await storage.status(1n)).toMatchObject({ nextOffset: 3n, findings: [] });
    await storage.close();
    expect(filesOf(spoilt).get(NAME)).toStrictEqual(right);
  });

  test.each(WRONG)(
    "%s is replaced when the segment is full, its write-ahead file removed",
    async (_, wrong) => {
      const files = filesOf(await closed());
      const right = files.get(NAME) ?? expect.fail();
      files.set(NAME, wrong(right)).set(`${NAME}.wal`, Buffer.alloc(8));
      const disk = new KeepingDisk(files);
      const storage = await open(disk, 150);
      await storage.appendBatch(1n, batch(1, 3));
      const after = filesOf(disk);
      expect(after.get("segment_000001.log")).toHaveLength(65);
      expect(after.get(NAME)).toStrictEqual(right);
      expect(after.has(`${NAME}.wal`)).toBe(false);
    },
  );

  test("that cannot be read is replaced", async () => {
    const disk = new KeepingDisk(filesOf(await closed()));
    disk.failing = { call: "read", path: /\.log\.idx$/ };
    const storage = await open(disk);
    expect(await storage.status(1n)).toMatchObject({ nextOffset: 3n, findings: [] });
    disk.failing = undefined;
    expect(disk.list("/data/1")).not.toContain(NAME);
    await storage.close();
    expect(filesOf(disk).get(NAME)).toStrictEqual(kimberliteIndex(positions(3)));
  });
});

describe("taking over a directory of Kimberlite", () => {
  const DIRECTORIES: readonly [string, () => KimberliteWriter][] = [
    ["one segment", () => new KimberliteWriter().append(batch(3), true).checkpoint().append(batch(2), true)],
    ["a last segment that is only named", () => new KimberliteWriter(150).append(batch(3), true)],
    [
      "two segments",
      () => new KimberliteWriter(240).append(batch(4), true).append(batch(1), true).append(batch(1), true),
    ],
    [
      "a checkpoint filed at the wrong place in a segment that is full",
      () =>
        new KimberliteWriter(600)
          .append(batch(3), false)
          .checkpoint()
          .append(batch(2), false)
          .reopened()
          .checkpoint()
          .append(batch(2), true),
    ],
  ];

  test.each(DIRECTORIES)("%s: its indexes are right then, wherever they were not", async (_, written) => {
    const writer = written();
    const disk = new KeepingDisk(writer.files);
    const storage = await open(disk);
    expect(await storage.status(1n)).toMatchObject({ findings: [], lostEnd: undefined });
    await storage.close();
    const files = filesOf(disk);
    expectKimberliteToRead(files, writer.records);
    expect([...files.keys()].filter((name) => name.endsWith(".idx.wal"))).toStrictEqual([]);
    const goesOn = KimberliteWriter.on(files, writer.records, 1e6);
    goesOn.checkpoint().reopened().append(batch(1, 9), true).checkpoint();
    expectKimberliteToRead(goesOn.files, goesOn.records);
  });

  test.each(DIRECTORIES.slice(0, 3))(
    "%s: wherever the process dies meanwhile, Kimberlite reads all of it, and the next opening finishes",
    async (_, written) => {
      const writer = written();
      const disk = new KeepingDisk(writer.files);
      await (await open(disk)).head(1n);
      expect(disk.left.length).toBeGreaterThan(3);
      for (const files of disk.left) {
        expectKimberliteToRead(new Map(files), writer.records);
        const appends = KimberliteWriter.on(files, writer.records, 1e6)
          .append(batch(1, 9), true)
          .checkpoint();
        expectKimberliteToRead(appends.files, appends.records);
        const again = new KeepingDisk(files);
        const storage = await open(again);
        expect(await storage.status(1n)).toMatchObject({ findings: [], lostEnd: undefined });
        await storage.close();
        expectKimberliteToRead(filesOf(again), writer.records);
        expect(filesOf(again).has(`${NAME}.wal`)).toBe(false);
      }
    },
  );

  test("without a manifest: the index of a segment with a successor is whole before the write-ahead file beside it goes", async () => {
    const writer = new KimberliteWriter(240)
      .append(batch(2), true)
      .append(batch(2, 2), true)
      .append(batch(1, 4), true);
    writer.files.set("manifest.json", Buffer.alloc(0));
    expect(writer.files.has(`${NAME}.wal`)).toBe(true);
    const disk = new KeepingDisk(writer.files);
    expect(await (await open(disk)).status(1n)).toMatchObject({ nextOffset: 5n, lostEnd: undefined });
    expect(filesOf(disk).has(`${NAME}.wal`)).toBe(false);
    for (const files of disk.left) {
      if (!files.has(`${NAME}.wal`)) expect(files.get(NAME)).toStrictEqual(kimberliteIndex(positions(4)));
    }
  });
});
