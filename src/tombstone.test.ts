/**
 * Tombstones: what they hide, over every storage; and on a disk, what hides it after a restart, whatever has
 * become of the index files.
 */
import fs from "node:fs";
import path from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { afterEach, describe, expect, test } from "vitest";

import { benchFor, EVENTS, IMPLEMENTATIONS } from "../e2e/backends.ts";
import { HandLog, indexBytes, text } from "../e2e/by-hand.ts";
import { failureOf, flipped, shown, temporaryDirectories } from "../e2e/testing.ts";
import { systemError, WatchedDisk } from "../e2e/watched-disk.ts";
import type { AppendOptions, ReadOptions, StorageBackend } from "./backend.ts";
import { StorageError } from "./error.ts";
import { Storage, type StorageOptions } from "./storage.ts";

const ALL = Number.POSITIVE_INFINITY;
const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString();

async function texts(storage: StorageBackend, from = 0n, options?: ReadOptions): Promise<string[]> {
  return (await storage.readFrom(1n, from, ALL, options)).map(textOf);
}

const PLAIN = IMPLEMENTATIONS.filter(({ format }) => format === "plain");
const SENTINEL = IMPLEMENTATIONS.filter(({ format }) => format === "sentinel");

describe.each(PLAIN)("$name", (implementation) => {
  const { open, withEvents, newLog } = benchFor(implementation);

  test("a tombstone is a record of the chain, and hides what it names from readFrom at once", async () => {
    const { storage, log } = await withEvents();
    const data = log.records.filter(({ kind }) => kind === "data");
    const named = data[2];
    if (named === undefined) return expect.fail("There is a third event.");
    const before = log.nextOffset;
    log.tombstone(named.offset, 1n);
    const { firstOffset, nextOffset, head } = await storage.tombstone(1n, named.offset, 1n);
    expect({ firstOffset, nextOffset, head: Buffer.from(head) }).toStrictEqual({
      firstOffset: before,
      nextOffset: log.nextOffset,
      head: Buffer.from(log.head),
    });
    const left = data.filter(({ offset }) => offset !== named.offset);
    expect(await texts(storage)).toStrictEqual(left.map(({ payload }) => textOf(payload)));
    expect(await texts(storage, named.offset)).toStrictEqual(
      left.filter(({ offset }) => offset > named.offset).map(({ payload }) => textOf(payload)),
    );
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    expect(records.map(shown)).toStrictEqual(log.records.map(shown));
  });

  test("what lies between the first and the last that it names may be of other kinds, and stays", async () => {
    const { storage, log } = await withEvents({ checkpoints: { everyNRecords: 2 } });
    const last = log.records.findLast(({ kind }) => kind === "data")?.offset ?? 0n;
    await storage.tombstone(1n, 0n, last + 1n);
    log.tombstone(0n, last + 1n);
    expect(await texts(storage)).toStrictEqual([]);
    expect((await storage.readRecords(1n, 0n, ALL)).map(shown)).toStrictEqual(log.records.map(shown));
    await storage.appendBatch(1n, [text("later")]);
    expect(await texts(storage)).toStrictEqual(["later"]);
  });

  test("limits count what is shown", async () => {
    const { storage } = await withEvents({ checkpoints: { everyNRecords: 0 } });
    await storage.tombstone(1n, 1n, 2n);
    const two = async (reverse: boolean): Promise<string[]> =>
      (await storage.readFrom(1n, 0n, ALL, { limit: 2, reverse })).map(textOf);
    expect(await two(false)).toStrictEqual(["event1", "event4"]);
    expect(await two(true)).toStrictEqual(["e", "event6"]);
    expect((await storage.readFrom(1n, 0n, 7)).map(textOf)).toStrictEqual(["event1", "event4"]);
  });

  test("naming a record again changes nothing but the log", async () => {
    const { storage } = await withEvents({ checkpoints: { everyNRecords: 0 } });
    await storage.tombstone(1n, 1n, 2n);
    const left = await texts(storage);
    await storage.tombstone(1n, 2n, 1n);
    await storage.tombstone(1n, 1n, 2n);
    expect(await texts(storage)).toStrictEqual(left);
    expect((await storage.head(1n)).nextOffset).toBe(10n);
  });

  test.each<[string, bigint, bigint, AppendOptions | undefined, string, string]>([
    ["a record that is not there", 20n, 1n, undefined, "out-of-range", "at offset 20 there is no record"],
    ["one too many", 5n, 30n, undefined, "out-of-range", "at offset 34 there is no record"],
    ["a checkpoint", 2n, 1n, undefined, "out-of-range", "at offset 2 there is a checkpoint"],
    ["up to a checkpoint", 0n, 3n, undefined, "out-of-range", "at offset 2 there is a checkpoint"],
    ["no record", 0n, 0n, undefined, "out-of-range", "at least one record"],
    ["an offset below 0", -1n, 1n, undefined, "out-of-range", "at least one record"],
    ["records at another end", 0n, 1n, { expectedOffset: 3n }, "offset-mismatch", "the next offset is"],
  ])("naming %s is refused, and changes nothing", async (_, first, count, options, code, sentence) => {
    const { storage, log } = await withEvents({ checkpoints: { everyNRecords: 2 } });
    const error = await failureOf(() => storage.tombstone(1n, first, count, options));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code, stream: 1n });
    expect(String(error)).toContain(sentence);
    expect((await storage.readRecords(1n, 0n, ALL)).map(shown)).toStrictEqual(log.records.map(shown));
    expect(await texts(storage)).toStrictEqual(EVENTS.map(textOf));
  });

  test("a tombstone cannot be hidden, nor anything in a stream that is not there", async () => {
    const storage = await open();
    await storage.appendBatch(1n, [text("event")]);
    await storage.tombstone(1n, 0n, 1n);
    await expect(storage.tombstone(1n, 1n, 1n)).rejects.toThrow("at offset 1 there is a tombstone");
    await expect(storage.tombstone(2n, 0n, 1n)).rejects.toThrow("at offset 0 there is no record");
    expect(await storage.streams()).toStrictEqual([1n]);
    await expect(storage.tombstone(1n, 0 as never, 1n)).rejects.toThrow(TypeError);
    await expect(storage.tombstone(1n, 0n, 1n, { sync: true } as never)).rejects.toThrow(TypeError);
  });

  test("tombstones that are appended together all hide", async () => {
    const { storage } = await withEvents({ checkpoints: { everyNRecords: 0 } });
    const reading = texts(storage);
    await Promise.all([0n, 2n, 4n, 6n].map((offset) => storage.tombstone(1n, offset, 1n, { fsync: false })));
    expect(await texts(storage)).toStrictEqual(["event2", "event4", "event6"]);
    expect((await reading).length).toBeGreaterThanOrEqual(3);
  });

  property.prop(
    [fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 9 })), { maxLength: 6 }), fc.nat(12)],
    {
      numRuns: 30,
    },
  )("any ranges: what is shown is what none of them names", async (ranges, from) => {
    const storage = await open({ checkpoints: { everyNRecords: 4 } });
    const log = newLog(4);
    for (const event of EVENTS) {
      await storage.appendBatch(1n, [event]);
      log.append(event);
    }
    const hidden = new Set<bigint>();
    const isData = (offset: number): boolean => log.records[offset]?.kind === "data";
    for (const [first, count] of ranges) {
      if (!isData(first) || !isData(first + count - 1)) continue;
      await storage.tombstone(1n, BigInt(first), BigInt(count));
      log.tombstone(BigInt(first), BigInt(count));
      for (let i = 0; i < count; i += 1) hidden.add(BigInt(first + i));
    }
    const left = log.records.filter(
      ({ offset, kind }) => kind === "data" && offset >= BigInt(from) && !hidden.has(offset),
    );
    expect(await texts(storage, BigInt(from))).toStrictEqual(left.map(({ payload }) => textOf(payload)));
  });
});

describe.each(SENTINEL)("$name", (implementation) => {
  const { withEvents } = benchFor(implementation);

  test("there is nothing that a tombstone could hide, so there is none", async () => {
    const { storage, log } = await withEvents();
    const error = await failureOf(() => storage.tombstone(1n, 0n, 1n));
    expect(error).toMatchObject({ code: "wrong-format", stream: 1n });
    expect((await storage.readRecords(1n, 0n, ALL)).map(shown)).toStrictEqual(log.records.map(shown));
  });
});

describe("after a restart", () => {
  const newDirectory = temporaryDirectories();
  const opened: Storage[] = [];
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
  });
  /** Two or three records a segment. */
  const TINY: StorageOptions = {
    checkpoints: { everyNRecords: 0 },
    maxSegmentBytes: 170,
    readChunkBytes: 64,
  };
  const SHOWN = ["event0", "event3", "event5", "event6", "event7", "event8", "event9"];

  const open = async (directory: string, options: StorageOptions = {}): Promise<Storage> => {
    const storage = await Storage.open(directory, { ...TINY, ...options });
    opened.push(storage);
    return storage;
  };

  /** Ten events, of which tombstones in the middle and at the end hide the second, third and fifth. */
  async function written(): Promise<{ directory: string; log: HandLog }> {
    const directory = newDirectory();
    const storage = await open(directory);
    const log = new HandLog();
    const append = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i += 1) {
        await storage.appendBatch(1n, [text(`event${i}`)]);
        log.append(text(`event${i}`));
      }
    };
    await append(0, 5);
    await storage.tombstone(1n, 1n, 2n);
    log.tombstone(1n, 2n);
    await append(5, 10);
    await storage.tombstone(1n, 4n, 1n);
    log.tombstone(4n, 1n);
    await storage.close();
    return { directory, log };
  }

  const namesIn = (directory: string): string[] => fs.readdirSync(path.join(directory, "1"));
  const TOMBSTONE_SEGMENT = 2;
  const segmentFile = (directory: string, number: number): string =>
    path.join(directory, "1", `segment_00000${number}.log`);

  test("what was hidden is hidden", async () => {
    const { directory, log } = await written();
    const storage = await open(directory);
    expect(await texts(storage)).toStrictEqual(SHOWN);
    expect((await storage.readRecords(1n, 0n, ALL, { verify: "genesis" })).map(shown)).toStrictEqual(
      log.records.map(shown),
    );
    const reader = await open(directory, { readOnly: true, disk: new WatchedDisk(() => undefined) });
    expect(await texts(reader)).toStrictEqual(SHOWN);
  });

  test("so it is without index files and manifest", async () => {
    const { directory } = await written();
    for (const name of namesIn(directory))
      if (!name.endsWith(".log")) fs.rmSync(path.join(directory, "1", name), { recursive: true });
    expect(await texts(await open(directory))).toStrictEqual(SHOWN);
  });

  test("and where the index of a sealed segment is gone once the stream is open", async () => {
    const { directory } = await written();
    const storage = await open(directory);
    await storage.head(1n);
    for (const name of namesIn(directory))
      if (name.endsWith(".idx")) fs.rmSync(path.join(directory, "1", name));
    expect(await texts(storage)).toStrictEqual(SHOWN);
  });

  test("an index of another segment that has records of the same sizes is not believed", async () => {
    const { directory, log } = await written();
    const position = log.records.findIndex(({ kind }) => kind === "tombstone");
    const segments = namesIn(directory).filter((name) => name.endsWith(".log"));
    expect(segments.length).toBeGreaterThan(3);
    // The same positions and end, every kind data, another chain.
    const storage = await open(directory);
    const { segments: known } = await storage.status(1n);
    const segment = known.find(({ nextOffset }) => nextOffset > BigInt(position));
    expect(segment?.number).toBe(TOMBSTONE_SEGMENT);
    const [from, to] = [Number(segment?.firstOffset), Number(segment?.nextOffset)];
    const entries = log.records.slice(from, to).map((_, i) => [log.bytes(from, from + i).length, 0] as const);
    const index = indexBytes(entries, log.bytes(from, to).length, new Uint8Array(32).fill(7));
    fs.writeFileSync(`${segmentFile(directory, TOMBSTONE_SEGMENT)}.idx`, index);
    expect(await texts(storage)).toStrictEqual(SHOWN);
  });

  test("what an index calls a tombstone hides nothing if it is none", async () => {
    const { directory, log } = await written();
    const storage = await open(directory);
    const { segments } = await storage.status(1n);
    const last = segments.at(-2);
    const [from, to] = [Number(last?.firstOffset), Number(last?.nextOffset)];
    expect(log.records.slice(from, to).map(({ kind }) => kind)).not.toContain("tombstone");
    const entries = log.records.slice(from, to).map((_, i) => [log.bytes(from, from + i).length, 2] as const);
    const head = log.records[to - 1]?.hash ?? new Uint8Array();
    const index = indexBytes(entries, log.bytes(from, to).length, head);
    fs.writeFileSync(`${segmentFile(directory, Number(last?.number))}.idx`, index);
    expect(await texts(storage)).toStrictEqual(SHOWN);
  });

  test("where a segment and its index are gone, what comes before it is shown", async () => {
    const { directory } = await written();
    const storage = await open(directory);
    await storage.head(1n);
    for (const name of ["", ".idx"]) fs.rmSync(segmentFile(directory, TOMBSTONE_SEGMENT + 1) + name);
    expect(await texts(storage, 0n, { to: 4n })).toStrictEqual(["event0", "event3"]);
  });

  test("a disk that fails to show a later segment fails the read", async () => {
    const { directory } = await written();
    let fails = false;
    const disk = new WatchedDisk(({ name, path: file }) => {
      if (fails && name === "read" && file.endsWith("segment_000003.log")) throw systemError("EIO");
      return undefined;
    });
    const storage = await open(directory, { disk });
    await storage.head(1n);
    fails = true;
    const error = await failureOf(() => texts(storage, 0n, { to: 1n }));
    expect(error).toMatchObject({ code: "io", cause: { code: "EIO" } });
    fails = false;
    expect(await texts(storage)).toStrictEqual(SHOWN);
  });

  test("a damaged tombstone: nothing that it may hide is shown, and the error names it", async () => {
    const { directory, log } = await written();
    const offset = log.records.findIndex(({ kind }) => kind === "tombstone");
    const file = segmentFile(directory, TOMBSTONE_SEGMENT);
    const bytes = fs.readFileSync(file);
    const at = bytes.indexOf(log.bytes(offset, offset + 1));
    fs.writeFileSync(file, flipped(bytes, 8 * (at + 45)));
    const storage = await open(directory);
    for (const to of [1n, 5n, undefined]) {
      const error = await failureOf(() => texts(storage, 0n, { to }));
      expect(error).toMatchObject({ code: "checksum-mismatch", offset: BigInt(offset), file });
    }
    expect(await texts(storage, BigInt(offset + 3), { verify: "record" })).toStrictEqual([
      "event7",
      "event8",
      "event9",
    ]);
    expect((await storage.readRecords(1n, 0n, ALL, { to: 5n })).length).toBe(5);
  });

  test("a read looks at no segment before the one that it begins in", async () => {
    const { directory } = await written();
    const seen = new Set<string>();
    const disk = new WatchedDisk(({ path: file }) => {
      seen.add(path.basename(file));
      return undefined;
    });
    const storage = await open(directory, { disk });
    await storage.head(1n);
    seen.clear();
    expect(await texts(storage, 9n, { verify: "record" })).toStrictEqual(["event8", "event9"]);
    expect([...seen].some((name) => /segment_00000[012]/.test(name))).toBe(false);
    expect(await texts(storage)).toStrictEqual(SHOWN);
    expect([...seen].some((name) => name.startsWith("segment_000000"))).toBe(true);
  });
});
