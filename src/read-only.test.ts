/**
 * A storage that is opened only to read: it changes nothing, shows what a recovery would show, and beside a
 * writer a prefix of what that appends.
 */
import fs from "node:fs";
import { fc, test } from "@fast-check/vitest";
import { afterEach, describe, expect } from "vitest";

import { HandLog, text } from "../e2e/by-hand.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { failureOf, filesIn, flipped, shown, temporaryDirectories } from "../e2e/testing.ts";
import { systemError, WatchedDisk } from "../e2e/watched-disk.ts";
import type { Disk, DiskFile, DiskLock, OpenMode } from "./disk/disk.ts";
import { NodeDisk } from "./disk/node-disk.ts";
import { Storage, type StorageOptions } from "./storage.ts";

const newDirectory = temporaryDirectories();
const opened: Storage[] = [];

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close().catch(() => undefined);
});

const ALL = Number.POSITIVE_INFINITY;
const READ_ONLY = { readOnly: true } as const;
const TINY: StorageOptions = {
  checkpoints: { everyNRecords: 3 },
  maxSegmentBytes: 150,
  indexLogMaxEntries: 2,
  readChunkBytes: 16,
};

async function open(path: string, options: StorageOptions): Promise<Storage> {
  const storage = await Storage.open(path, options);
  opened.push(storage);
  return storage;
}

async function records(storage: Storage, stream = 1n): Promise<string[]> {
  return (await storage.readRecords(stream, 0n, ALL, { verify: "genesis" })).map(shown);
}

/** A directory that was closed, and the log in its stream 1. */
async function filled(options: StorageOptions = TINY): Promise<{ directory: string; log: HandLog }> {
  const directory = newDirectory();
  const storage = await Storage.open(directory, options);
  const log = new HandLog(3, options.format);
  for (let i = 0; i < 10; i += 1) {
    await storage.appendBatch(1n, [text(`event${i}`)]);
    log.append(text(`event${i}`));
  }
  await storage.close();
  return { directory, log };
}

/** The file system as it is when it is mounted read-only: whatever would change it fails. */
const mountedReadOnly = (): Disk => {
  const disk = new WatchedDisk(({ name }) => {
    if (!["resolve", "open", "list", "read", "size", "close"].includes(name)) throw systemError("EROFS");
    return undefined;
  });
  const openFile = disk.open.bind(disk);
  disk.open = (path: string, mode: OpenMode) => {
    if (mode !== "read") throw systemError("EROFS");
    return openFile(path, mode);
  };
  return disk;
};

describe.each<[string, StorageOptions]>([
  ["plain", TINY],
  ["sentinel", { ...TINY, format: "sentinel" }],
  ["one segment", { checkpoints: { everyNRecords: 3 } }],
])("a directory, %s", (_, options) => {
  test("is shown on a file system that takes no changes, by every way of reading", async () => {
    const { directory, log } = await filled(options);
    const before = filesIn(directory);
    const storage = await open(directory, { ...READ_ONLY, disk: mountedReadOnly() });
    expect(await storage.streams()).toStrictEqual([1n]);
    expect(await storage.head(1n)).toMatchObject({ nextOffset: log.nextOffset });
    expect(await records(storage)).toStrictEqual(log.records.map(shown));
    const backwards: string[] = [];
    for await (const record of storage.iterate(1n, { reverse: true })) backwards.push(shown(record));
    expect(backwards).toStrictEqual(log.records.map(shown).reverse());
    expect(await storage.status(1n)).toMatchObject({ findings: [], lostEnd: undefined });
    expect(await storage.head(2n)).toMatchObject({ nextOffset: 0n });
    await storage.release(1n);
    expect(await records(storage)).toStrictEqual(log.records.map(shown));
    await storage.close();
    expect(filesIn(directory)).toStrictEqual(before);
  });

  test("that a crash left is shown as a recovery would leave it, and stays as it is", async () => {
    const { directory, log } = await filled(options);
    const last =
      [...filesIn(directory).keys()]
        .filter((name) => name.endsWith(".log"))
        .sort()
        .at(-1) ?? "";
    fs.appendFileSync(`${directory}/${last}`, "torn");
    const before = filesIn(directory);
    const storage = await open(directory, { ...options, ...READ_ONLY });
    expect(await records(storage)).toStrictEqual(log.records.map(shown));
    const { findings, ...status } = await storage.status(1n);
    expect(findings).toMatchObject([{ what: "torn tail", action: "cut" }]);
    await storage.close();
    expect(filesIn(directory)).toStrictEqual(before);
    const recovered = await open(directory, options);
    const { findings: found, ...after } = await recovered.status(1n);
    expect(status).toStrictEqual(after);
    expect(found.map(({ error }) => error.message)).toStrictEqual(findings.map(({ error }) => error.message));
  });

  test("that is damaged is shown as it is, with the damage", async () => {
    const { directory, log } = await filled(options);
    const files = filesIn(directory);
    const name = "1/segment_000000.log";
    files.set(name, Buffer.from(flipped(files.get(name) ?? new Uint8Array(0), 52 * 8)));
    const storage = await open("/data", { ...options, ...READ_ONLY, disk: new MemoryDisk("/data", files) });
    expect(await failureOf(() => records(storage))).toMatchObject({ stream: 1n, offset: 0n });
    expect((await storage.readRecords(1n, 4n, ALL, { verify: "record" })).map(shown)).toStrictEqual(
      log.records.slice(4).map(shown),
    );
  });
});

describe("what would change something", () => {
  test("is refused as `read-only`, and `follow`, which would hear of nothing", async () => {
    const { directory, log } = await filled();
    const storage = await open(directory, READ_ONLY);
    for (const work of [
      () => storage.appendBatch(1n, [text("e")]),
      () => storage.appendBatch(2n, [text("e")]),
      () => storage.appendCheckpoint(1n),
      () => storage.sync(1n),
      () => storage.follow(1n).next(),
    ]) {
      expect(await failureOf(work)).toMatchObject({ code: "read-only" });
    }
    expect(await records(storage)).toStrictEqual(log.records.map(shown));
    expect(fs.existsSync(`${directory}/2`)).toBe(false);
  });

  test("does not happen: no directory is made for one that is not there", async () => {
    const directory = `${newDirectory()}/missing`;
    expect(await failureOf(() => open(directory, READ_ONLY))).toMatchObject({
      code: "io",
      cause: { code: "ENOENT" },
    });
    expect(fs.existsSync(directory)).toBe(false);
  });

  test("no lock is taken, nor is one in the way", async () => {
    const { directory, log } = await filled();
    const writer = await open(directory, TINY);
    const readers = [await open(directory, READ_ONLY), await open(directory, READ_ONLY)];
    for (const reader of readers) expect(await records(reader)).toStrictEqual(log.records.map(shown));
    await writer.appendBatch(1n, [text("more")]);
    await readers[0]?.close();
    const another = await open(directory, READ_ONLY);
    expect(await records(another)).toStrictEqual(log.append(text("more")).records.map(shown));
  });
});

/** A disk on which others may act before and after each call, and in the middle of a write. */
class GatedDisk implements Disk {
  readonly #disk = new NodeDisk();
  readonly #gate: () => Promise<unknown>;

  constructor(gate: () => Promise<unknown>) {
    this.#gate = gate;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    await this.#gate();
    const file = this.#disk.open(path, mode);
    return {
      size: () => this.#passed(() => file.size()),
      read: (target, position) => this.#passed(() => file.read(target, position)),
      write: async (source, position) => {
        const half = source.length >>> 1;
        await this.#gate();
        await file.write(source.subarray(0, half), position);
        await this.#gate();
        await file.write(source.subarray(half), position + half);
        return source.length;
      },
      truncate: (size) => this.#passed(() => file.truncate(size)),
      sync: () => undefined,
      close: () => file.close(),
    };
  }

  rename = (from: string, to: string): Promise<void> =>
    this.#passed(() => {
      this.#disk.rename(from, to);
    });
  remove = (path: string): Promise<void> =>
    this.#passed(() => {
      this.#disk.remove(path);
    });
  list = (path: string): Promise<string[]> => this.#passed(() => this.#disk.list(path));
  makeDirectory = (path: string): Promise<void> =>
    this.#passed(() => {
      this.#disk.makeDirectory(path);
    });
  syncDirectory = (): void => undefined;
  resolve = (path: string): string => path;
  lock = (): DiskLock => ({ isHeld: () => true, release: () => undefined });

  async #passed<T>(call: () => T | Promise<T>): Promise<T> {
    await this.#gate();
    return call();
  }
}

describe("beside a writer", () => {
  test("what is appended after the directory was listed is not shown", async () => {
    const options = { ...TINY, maxSegmentBytes: 1 << 20 };
    const { directory, log } = await filled(options);
    const segment = `${directory}/1/segment_000000.log`;
    const later = await filled(options);
    const writer = await open(later.directory, options);
    await writer.appendBatch(1n, [text("later")]);
    await writer.close();
    const [before, after] = [directory, later.directory].map((path) =>
      fs.readFileSync(`${path}/1/segment_000000.log`),
    );
    // Its size is asked for once for each of its index files, and at last for itself; then the writer
    // appends.
    const looks = 1 + fs.readdirSync(`${directory}/1`).filter((name) => name.includes(".idx")).length;
    let closed = 0;
    const disk = new WatchedDisk(({ name, path }) => {
      if (name !== "close" || path !== segment) return undefined;
      closed += 1;
      if (closed === looks) fs.appendFileSync(segment, after?.subarray(before?.length) ?? "");
      return undefined;
    });
    const reader = await open(directory, { ...READ_ONLY, disk });
    expect(await records(reader)).toStrictEqual(log.records.map(shown));
    expect(fs.readFileSync(segment).length).toBeGreaterThan(before?.length ?? 0);
    await reader.release(1n);
    expect(await records(reader)).toHaveLength(log.records.length + 2);
  });

  const formats = fc.constantFrom<StorageOptions>(
    TINY,
    { ...TINY, format: "sentinel" },
    { ...TINY, maxSegmentBytes: 1 },
  );

  test.prop([fc.scheduler(), formats, fc.nat(6), fc.integer({ min: 1, max: 6 })], { numRuns: 150 })(
    "D2 what a reader sees is a prefix of what was appended, with all that was acknowledged before, and no damage",
    async (scheduler, options, before, during) => {
      const directory = newDirectory();
      let isGated = false;
      const gate = (who: string) => (): Promise<unknown> =>
        isGated ? scheduler.schedule(Promise.resolve(), who) : Promise.resolve();
      const writer = await Storage.open(directory, {
        ...options,
        disk: new GatedDisk(gate("writer")),
      });
      const log = new HandLog(3, options.format);
      const append = async (event: string): Promise<void> => {
        await writer.appendBatch(1n, [text(event), text(`${event}, too`)]);
      };
      for (let i = 0; i < before; i += 1) await append(`event${i}`);
      for (let i = 0; i < before + during; i += 1) log.append(text(`event${i}`), text(`event${i}, too`));
      const acknowledged = (await writer.head(1n)).nextOffset;

      const read = async (): Promise<void> => {
        const reader = await Storage.open(directory, {
          ...options,
          ...READ_ONLY,
          disk: new GatedDisk(gate("reader")),
        });
        const status = await reader.status(1n);
        expect(status).toMatchObject({ lostEnd: undefined });
        expect(status.findings.filter(({ action }) => action === "keep")).toStrictEqual([]);
        const seen = await records(reader);
        expect(seen.length).toBeGreaterThanOrEqual(Number(acknowledged));
        expect(seen).toStrictEqual(log.records.slice(0, seen.length).map(shown));
        // What it showed once it goes on to show, whatever the writer does; but a stream that was not there
        // is looked for anew.
        if (status.segments.length > 0) expect(seen.length).toBe(Number(status.nextOffset));
        if (seen.length > 0) expect(await records(reader)).toStrictEqual(seen);
        await reader.close();
      };
      const write = async (): Promise<void> => {
        for (let i = before; i < before + during; i += 1) await append(`event${i}`);
      };
      isGated = true;
      const both = Promise.all([read(), write()]);
      await scheduler.waitFor(both);
      isGated = false;
      expect((await writer.head(1n)).nextOffset).toBe(log.nextOffset);
      await writer.close();
    },
  );

  test("files that are no hints, or larger than one can be, are left to recovery, which makes no damage of them", async () => {
    const { directory, log } = await filled();
    const files = filesIn(directory);
    const last =
      [...files.keys()]
        .filter((name) => name.endsWith(".log"))
        .sort()
        .at(-1) ?? "";
    fs.writeFileSync(`${directory}/${last}.idx`, Buffer.alloc(200_000));
    const storage = await open(directory, READ_ONLY);
    expect(await records(storage)).toStrictEqual(log.records.map(shown));
    expect((await storage.status(1n)).findings).toMatchObject([{ what: "damaged hint" }]);
  });

  test("what is no file where an index file should be stays there, and is shown as recovery would find it", async () => {
    const { directory, log } = await filled();
    const last =
      [...filesIn(directory).keys()]
        .filter((name) => name.endsWith(".log"))
        .sort()
        .at(-1) ?? "";
    fs.rmSync(`${directory}/${last}.idx.wal`);
    fs.mkdirSync(`${directory}/${last}.idx.wal`);
    const storage = await open(directory, READ_ONLY);
    expect(await records(storage)).toStrictEqual(log.records.map(shown));
    expect((await storage.status(1n)).findings).toMatchObject([{ what: "damaged hint" }]);
    expect(fs.statSync(`${directory}/${last}.idx.wal`).isDirectory()).toBe(true);
  });

  test("an index file that cannot be read at first is left to recovery as well", async () => {
    const { directory, log } = await filled();
    let failures = 0;
    const disk = new WatchedDisk(({ name, path }) => {
      if (name !== "open" || !path.endsWith(".idx.wal") || failures > 0) return undefined;
      failures += 1;
      throw systemError("EIO");
    });
    const storage = await open(directory, { ...READ_ONLY, disk });
    expect(await records(storage)).toStrictEqual(log.records.map(shown));
    expect(failures).toBe(1);
  });

  test("a last segment that cannot be looked at is what the reader hears of", async () => {
    const { directory } = await filled();
    const disk = new WatchedDisk(({ name, path }) => {
      if (name === "open" && path.endsWith(".log")) throw systemError("EACCES");
      return undefined;
    });
    const storage = await open(directory, { ...READ_ONLY, disk });
    expect(await failureOf(() => storage.head(1n))).toMatchObject({ code: "io", cause: { code: "EACCES" } });
  });

  test("that begins segments without end, the reader says so", async () => {
    const { directory } = await filled();
    let next = 100;
    const disk = new WatchedDisk(({ name, path }) => {
      // Each list has another last segment, whose write-ahead file has gone by the time that it is opened.
      if (name === "list" && path.endsWith("/1")) {
        const segment = `${path}/segment_000${next}.log`;
        for (const file of [segment, `${segment}.idx.wal`]) fs.writeFileSync(file, "");
        next += 1;
      }
      if (name === "open" && /segment_000\d+\.log\.idx\.wal$/.test(path)) throw systemError("ENOENT");
      return undefined;
    });
    const storage = await open(directory, { ...READ_ONLY, disk });
    expect(await failureOf(() => storage.head(1n))).toMatchObject({ stream: 1n, code: "locked" });
  });
});
