/**
 * Reading backwards over damage, forged records and large payloads: what lies after a damaged place comes
 * first, and nothing wrong comes.
 */
import { describe, expect, test } from "vitest";

import { encoded, HandLog, hashOf, join, text } from "../../e2e/by-hand.ts";
import { MemoryDisk } from "../../e2e/memory-disk.ts";
import {
  failureOf,
  filesIn,
  flipped,
  openedStorages,
  shown,
  temporaryDirectories,
} from "../../e2e/testing.ts";
import { WatchedDisk } from "../../e2e/watched-disk.ts";
import { type Codec, CodecRegistry, Lz4Codec, NoneCodec } from "../format/codec.ts";
import { StorageError } from "../error.ts";
import { Storage, type StorageOptions } from "../storage.ts";
import type { Verification } from "../types.ts";

const newDirectory = temporaryDirectories();
const openStorage = openedStorages();

const ALL = Number.POSITIVE_INFINITY;
const LEVELS = ["record", "checkpoint", "genesis"] as const;

const open = (disk: StorageOptions["disk"], path = "/data", options: StorageOptions = {}): Promise<Storage> =>
  openStorage(path, { ...options, disk });

/**
 * A directory's files: 40 events in stream 1, a checkpoint after every tenth offset; and the log that it
 * holds.
 */
async function filled(options: StorageOptions): Promise<{ files: Map<string, Uint8Array>; log: HandLog }> {
  const directory = newDirectory();
  const storage = await Storage.open(directory, { checkpoints: { everyNRecords: 10 }, ...options });
  const log = new HandLog(10, options.format);
  for (let i = 0; i < 40; i += 1) {
    const event = text(`event${i}`);
    await storage.appendBatch(1n, [event], { fsync: false });
    log.append(event);
  }
  await storage.close();
  return { files: filesIn(directory), log };
}

/** What an iteration backwards gives, and then why it ends. */
async function backwards(storage: Storage, verify: Verification): Promise<{ lines: string[]; why: string }> {
  const lines: string[] = [];
  try {
    for await (const record of storage.iterate(1n, { reverse: true, verify })) lines.push(shown(record));
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    const { code, offset, stream } = error as StorageError;
    expect(stream).toBe(1n);
    return { lines, why: `${code} at ${String(offset)}` };
  }
  return { lines, why: "the beginning" };
}

/** The file that holds the record at `offset`, and where in it. */
function placeOf(files: ReadonlyMap<string, Uint8Array>, log: HandLog, offset: number): [string, number] {
  let before = log.bytes(0, offset).length;
  for (let segment = 0; ; segment += 1) {
    const name = `1/segment_${String(segment).padStart(6, "0")}.log`;
    const { length } = files.get(name) ?? expect.fail("There is no such record.");
    if (before < length) return [name, before];
    before -= length;
  }
}

/** A read of the last record is verified from here on. */
const LAST_CHECKPOINT = 40;

const LAYOUTS: readonly [string, StorageOptions][] = [
  ["one segment", {}],
  ["small segments", { maxSegmentBytes: 400 }],
  ["format sentinel, small segments", { format: "sentinel", maxSegmentBytes: 400 }],
];

describe.each(LAYOUTS)("%s", (_, options) => {
  const everyPlace = Array.from({ length: 44 }, (__, offset) => offset);

  test("C1 over a damaged record: those after it, and then an error that names it", async () => {
    const { files, log } = await filled(options);
    expect(log.records.length).toBe(everyPlace.length);
    const last = everyPlace.length - 1;
    for (const offset of everyPlace) {
      const [name, position] = placeOf(files, log, offset);
      const bytes = files.get(name) ?? new Uint8Array(0);
      const storage = await open(
        new MemoryDisk("/data", new Map([...files, [name, flipped(bytes, (position + 52) * 8)]])),
        "/data",
        options,
      );
      const after = log.records
        .slice(offset + 1)
        .map(shown)
        .reverse();
      for (const verify of LEVELS) {
        const { lines, why } = await backwards(storage, verify);
        // A damaged checkpoint is missed when the record that was to be verified from it is read.
        const at = offset === LAST_CHECKPOINT ? `(${offset}|${last})` : `${offset}`;
        expect(why).toMatch(new RegExp(`^(checksum-mismatch|malformed) at ${at}$`));
        const sees = verify === "record" ? last : verify === "checkpoint" ? LAST_CHECKPOINT : 0;
        expect(lines).toStrictEqual(offset < sees ? after : []);
      }
    }
  });

  test("H3 over a forged record, whose checksum holds: those after it, and then an error that names it", async () => {
    const { files, log } = await filled(options);
    for (const offset of everyPlace.slice(0, LAST_CHECKPOINT)) {
      const original = log.records[offset] ?? expect.fail();
      if (original.kind === "checkpoint") continue;
      const forged = { ...original, payload: original.payload.map((byte) => byte ^ 1) };
      expect(hashOf(undefined, "data", forged.payload)).not.toStrictEqual(original.hash);
      const [name, position] = placeOf(files, log, offset);
      const bytes = Buffer.from(files.get(name) ?? []);
      bytes.set(encoded(forged, log.format), position);
      const storage = await open(
        new MemoryDisk("/data", new Map([...files, [name, bytes]])),
        "/data",
        options,
      );
      const after = log.records
        .slice(offset + 1)
        .map(shown)
        .reverse();
      expect(await backwards(storage, "checkpoint")).toStrictEqual({
        lines: after,
        why: `broken-chain at ${offset}`,
      });
      // Forwards the record after it is the one that does not fit.
      expect(await backwards(storage, "genesis")).toStrictEqual({
        lines: [],
        why: `broken-chain at ${offset + 1}`,
      });
      const unverified = await backwards(storage, "record");
      expect(unverified.lines.length).toBe(log.records.length);
      expect(unverified.lines.at(-1 - offset)).toBe(shown(forged));
    }
  });

  test("C1 where the stream's end is lost, what the end may be part of is refused, and what is not is read", async () => {
    const { files, log } = await filled(options);
    const last = log.records.length - 1;
    const [name, position] = placeOf(files, log, last);
    const cut = (files.get(name) ?? new Uint8Array(0)).subarray(0, position);
    const storage = await open(new MemoryDisk("/data", new Map([...files, [name, cut]])), "/data", options);
    expect(await backwards(storage, "record")).toStrictEqual({ lines: [], why: `truncated-log at ${last}` });
    const known = await storage.readRecords(1n, 30n, ALL, { to: BigInt(last), reverse: true });
    expect(known.map(shown)).toStrictEqual(log.records.slice(30, last).map(shown).reverse());
  });

  test("C1 where the last segment is missing, likewise", async () => {
    const { files, log } = await filled({ ...options, maxSegmentBytes: 400 });
    const [name] = placeOf(files, log, log.records.length - 1);
    const without = new Map([...files].filter(([each]) => each !== name));
    const storage = await open(new MemoryDisk("/data", without), "/data", options);
    const { lines, why } = await backwards(storage, "checkpoint");
    expect(lines).toStrictEqual([]);
    expect(why).toMatch(/^missing-segment at \d+$/);
    const known = await storage.readRecords(1n, 0n, ALL, { to: 5n, reverse: true });
    expect(known.map(shown)).toStrictEqual(log.records.slice(0, 5).map(shown).reverse());
  });

  test("I2 without any index or manifest it gives the same", async () => {
    const { files, log } = await filled(options);
    const bare = new Map([...files].filter(([name]) => name.endsWith(".log")));
    const storage = await open(new MemoryDisk("/data", bare), "/data", options);
    for (const verify of LEVELS) {
      const { lines } = await backwards(storage, verify);
      expect(lines).toStrictEqual(log.records.map(shown).reverse());
    }
  });
});

describe("of what is large", () => {
  test("thousands of records come in order, a few at a time and all at once", async () => {
    const directory = newDirectory();
    const storage = await open(undefined, directory, { checkpoints: { everyNRecords: 0 } });
    const events = Array.from({ length: 5000 }, (_, i) => text(`event${i}`));
    await storage.appendBatch(1n, events);
    const log = new HandLog().append(...events);
    const lines = log.records.map(shown).reverse();
    expect((await backwards(storage, "checkpoint")).lines).toStrictEqual(lines);
    const few = await storage.readRecords(1n, 0n, ALL, { reverse: true, limit: 3 });
    expect(few.map(shown)).toStrictEqual(lines.slice(0, 3));
  });

  test("payloads that expand far are expanded a block at a time, none of them many times over", async () => {
    const lz4 = new Lz4Codec();
    let expanded = 0;
    const counting: Codec = {
      kind: "lz4",
      compress: (payload) => lz4.compress(payload),
      decompress(stored) {
        expanded += 1;
        return lz4.decompress(stored);
      },
    };
    const options: StorageOptions = {
      compression: "lz4",
      codecs: new CodecRegistry([new NoneCodec(), counting]),
    };
    const storage = await open(undefined, newDirectory(), { ...options, checkpoints: { everyNRecords: 0 } });
    const payloads = Array.from({ length: 120 }, (_, i) =>
      new Uint8Array(i % 7 === 0 ? 700_000 : 60_000).fill(i),
    );
    await storage.appendBatch(1n, payloads);
    expanded = 0;
    let next = payloads.length;
    for await (const { offset, payload } of storage.iterate(1n, { reverse: true, verify: "record" })) {
      next -= 1;
      expect(Number(offset)).toBe(next);
      expect(Buffer.compare(payload, payloads[next] ?? new Uint8Array(0))).toBe(0);
    }
    expect(next).toBe(0);
    expect(expanded).toBeLessThan(4 * payloads.length);
  });

  test("whoever follows meets damage as any reader does, and a signal ends it in the middle of a step", async () => {
    const { files, log } = await filled({});
    const [name, position] = placeOf(files, log, 5);
    files.set(name, flipped(files.get(name) ?? new Uint8Array(0), (position + 52) * 8));
    const storage = await open(new MemoryDisk("/data", files));
    const lines: string[] = [];
    const error = await failureOf(async () => {
      for await (const record of storage.follow(1n)) lines.push(shown(record));
    });
    expect(error).toMatchObject({ code: "checksum-mismatch", stream: 1n, offset: 5n });
    expect(lines).toStrictEqual(log.records.slice(0, 5).map(shown));

    const aborter = new AbortController();
    const disk = new WatchedDisk(({ name: call, path }) => {
      if (call === "read" && path.endsWith(".log")) aborter.abort();
      return undefined;
    });
    const other = await open(disk, newDirectory(), { readChunkBytes: 64 });
    await other.appendBatch(
      1n,
      Array.from({ length: 100 }, (_, i) => text(`event${i}`)),
    );
    const followed = other.follow(1n, 0n, { signal: aborter.signal });
    expect(await followed.next()).toStrictEqual({ done: true, value: undefined });
  });

  test.each([false, true])(
    "a signal ends a read between two chunks of the disk (backwards: %s)",
    async (reverse) => {
      const directory = newDirectory();
      const aborter = new AbortController();
      const reason = new Error("enough");
      let reads = 0;
      const disk = new WatchedDisk(({ name, path }) => {
        if (name === "read" && path.endsWith(".log")) reads += 1;
        if (reads === 20) aborter.abort(reason);
        return undefined;
      });
      const storage = await open(disk, directory, { readChunkBytes: 64 });
      await storage.appendBatch(
        1n,
        Array.from({ length: 100 }, (_, i) => text(`event${i}`)),
      );
      reads = 0;
      const { signal } = aborter;
      expect(await failureOf(() => storage.readFrom(1n, 0n, ALL, { signal, reverse }))).toBe(reason);
      expect(reads).toBe(20);
      expect((await storage.readFrom(1n, 0n, ALL)).length).toBe(100);
    },
  );
});

test("the layout that these tests assume is the one that they find", async () => {
  const { files, log } = await filled({ maxSegmentBytes: 400 });
  const segments = [...files].filter(([name]) => name.endsWith(".log")).sort(([a], [b]) => (a < b ? -1 : 1));
  expect(segments.length).toBeGreaterThan(3);
  expect(join(...segments.map(([, bytes]) => bytes))).toStrictEqual(log.bytes());
});
