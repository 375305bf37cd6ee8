/**
 * `Storage` with streams of the format `sentinel`: the files that it writes, where its segments end
 * (FORMAT.md, sections 8.3 and 8.4), and records that it reads but never writes. What both formats have in
 * common is tested with the other.
 */
import { fc, test } from "@fast-check/vitest";
import { afterEach, describe, expect } from "vitest";

import {
  encoded,
  frameBytes,
  HandLog,
  hashOf,
  hex,
  indexBytes,
  join,
  kimberliteIndex,
  type StoredRecord,
  text,
} from "../e2e/by-hand.ts";
import { KimberliteWriter } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { failureOf, shown } from "../e2e/testing.ts";
import { Storage, type StorageOptions } from "./storage.ts";

const ALL = Number.POSITIVE_INFINITY;
const opened = new Set<Storage>();

afterEach(async () => {
  for (const storage of opened) await storage.close();
  opened.clear();
});

const NO_CHECKPOINTS: StorageOptions = { format: "sentinel", checkpoints: { everyNRecords: 0 } };

async function open(disk: MemoryDisk, options: StorageOptions): Promise<Storage> {
  const storage = await Storage.open("/data", { disk, ...options });
  opened.add(storage);
  return storage;
}

/** The files of stream 1. */
function filesOf(disk: MemoryDisk): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of disk.list("/data/1")) {
    const file = disk.open(`/data/1/${name}`, "read");
    const bytes = Buffer.alloc(Number(file.size()));
    void file.read(bytes, 0);
    files.set(name, bytes);
  }
  return files;
}

/** Contents of the segments, in order. */
const segmentsOf = (files: ReadonlyMap<string, Buffer>): string[] =>
  [...files]
    .filter(([name]) => name.endsWith(".log"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, bytes]) => bytes.toString("hex"));

test("the files are those of FORMAT.md, byte for byte", async () => {
  const events = ["event1", "event2", "event3", "e"].map(text);
  const log = new HandLog(3, "sentinel");
  const disk = new MemoryDisk("/data", new Map());
  const storage = await open(disk, {
    format: "sentinel",
    checkpoints: { everyNRecords: 3 },
    maxSegmentBytes: 100,
  });
  for (const event of events) {
    await storage.appendBatch(1n, [event]);
    log.append(event);
  }
  await storage.close();
  const hashAt = (offset: number): Uint8Array => log.records[offset]?.hash ?? expect.fail();
  const files = filesOf(disk);
  expect(JSON.parse(files.get("manifest.json")?.toString() ?? "")).toStrictEqual({
    segments: [
      { segment_num: 0, first_offset: 0, next_offset: 2, size_bytes: 128 },
      { segment_num: 1, first_offset: 2, next_offset: 2, size_bytes: 0 },
    ],
    active_segment: 1,
    format: "sentinel",
  });
  files.delete("manifest.json");
  expect(files).toStrictEqual(
    new Map([
      ["segment_000000.log", log.bytes(0, 2)],
      ["segment_000000.log.idx", kimberliteIndex([0, 64])],
      ["segment_000000.log.idx2", indexBytes([[0], [64]], 128, hashAt(1))],
      ["segment_000001.log", log.bytes(2)],
      ["segment_000001.log.idx", kimberliteIndex([0, 64, 162])],
      [
        "segment_000001.log.idx2.wal",
        join(frameBytes([[0], [64, 1]], 162, hashAt(3)), frameBytes([[162]], 221, hashAt(4))),
      ],
    ]),
  );
});

describe("Kimberlite's index of the segment that is appended to, which a crash in a rotation leaves behind,", () => {
  /**
   * A stream whose first segment is to take more, though it has such an index, which names these positions.
   */
  function interrupted(positions: readonly number[]): { disk: MemoryDisk; log: HandLog } {
    const log = new HandLog(0, "sentinel").append(text("event1"), text("event2"));
    const manifest = {
      segments: [{ segment_num: 0, first_offset: 0, next_offset: 0, size_bytes: 0 }],
      active_segment: 0,
      format: "sentinel",
    };
    const disk = new MemoryDisk(
      "/data",
      new Map<string, Uint8Array>([
        ["1/segment_000000.log", log.bytes()],
        ["1/segment_000000.log.idx", kimberliteIndex(positions)],
        ["1/segment_000000.log.idx2", indexBytes([[0], [64]], 128, log.head)],
        ["1/segment_000000.log.idx2.wal", frameBytes([[0], [64]], 128, log.head)],
        ["1/manifest.json", text(JSON.stringify(manifest))],
      ]),
    );
    return { disk, log };
  }

  test("is removed before the next record is written, and written again when the segment is full", async () => {
    const { disk, log } = interrupted([0, 64]);
    const storage = await open(disk, { ...NO_CHECKPOINTS, maxSegmentBytes: 150 });
    expect(await storage.status(1n)).toMatchObject({ nextOffset: 2n, findings: [] });
    expect(filesOf(disk).get("segment_000000.log.idx")).toStrictEqual(kimberliteIndex([0, 64]));
    await storage.appendBatch(1n, [text("event3")]);
    expect([...filesOf(disk).keys()]).not.toContain("segment_000000.log.idx");
    await storage.appendBatch(1n, [text("event4")]);
    log.append(text("event3"), text("event4"));
    expect(segmentsOf(filesOf(disk))).toStrictEqual(
      [log.bytes(0, 3), log.bytes(3)].map((bytes) => bytes.toString("hex")),
    );
    expect(filesOf(disk).get("segment_000000.log.idx")).toStrictEqual(kimberliteIndex([0, 64, 128]));
  });

  test("is removed at the opening if it names other positions, and written right at the closing", async () => {
    const { disk } = interrupted([0, 63]);
    const storage = await open(disk, NO_CHECKPOINTS);
    expect(await storage.status(1n)).toMatchObject({ nextOffset: 2n, findings: [] });
    expect([...filesOf(disk).keys()]).not.toContain("segment_000000.log.idx");
    await storage.close();
    expect(filesOf(disk).get("segment_000000.log.idx")).toStrictEqual(kimberliteIndex([0, 64]));
  });
});

/** An append of so many events of six bytes, 64 bytes each as a record; or a checkpoint, 98 bytes. */
type Step = number | "checkpoint";

/** What is appended is distinct. */
const events = (count: number, from: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => text(`ev${String(from + i).padStart(4, "0")}`));

/** Does the steps, and has `between` change the disk and open the storage anew before each. */
async function divided(
  steps: readonly Step[],
  options: StorageOptions,
  between?: (files: Map<string, Buffer>) => void,
): Promise<{ segments: string[]; log: HandLog }> {
  let disk = new MemoryDisk("/data", new Map());
  let storage = await open(disk, options);
  const log = new HandLog(options.checkpoints?.everyNRecords, "sentinel");
  for (const step of steps) {
    if (between !== undefined && log.records.length > 0) {
      await storage.close();
      const files = filesOf(disk);
      between(files);
      disk = new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
      storage = await open(disk, options);
    }
    if (step === "checkpoint") {
      await storage.appendCheckpoint(1n);
      log.checkpoint();
    } else {
      const batch = events(step, log.records.length);
      await storage.appendBatch(1n, batch);
      log.append(...batch);
    }
  }
  return { segments: segmentsOf(filesOf(disk)), log };
}

describe("a segment ends where a data record ended at or beyond the limit", () => {
  const EVERY_2: StorageOptions = { format: "sentinel", checkpoints: { everyNRecords: 2 } };

  const ROTATIONS: readonly [string, StorageOptions, number, readonly Step[], readonly number[]][] = [
    ["a batch stays together, however far it goes beyond", NO_CHECKPOINTS, 100, [5, 1], [5, 1]],
    ["a record that ends at the limit fills it", NO_CHECKPOINTS, 64, [1, 1, 1], [1, 1, 1]],
    ["a record that ends a byte before it does not", NO_CHECKPOINTS, 65, [1, 1, 1], [2, 1]],
    ["an empty segment takes a record beyond the limit", NO_CHECKPOINTS, 1, [1, 2, 1], [1, 2, 1]],
    ["a checkpoint that goes beyond does not fill it", NO_CHECKPOINTS, 150, [1, "checkpoint", 1, 1], [3, 1]],
    [
      "nor do many checkpoints",
      NO_CHECKPOINTS,
      150,
      [1, "checkpoint", "checkpoint", "checkpoint", 1, 1],
      [5, 1],
    ],
    [
      "a checkpoint behind a full one begins a new one",
      NO_CHECKPOINTS,
      100,
      [2, "checkpoint", 1, 1],
      [2, 2, 1],
    ],
    ["a checkpoint that its batch made due stays with it", EVERY_2, 100, [2, 1, 2], [3, 5]],
  ];

  describe.each(ROTATIONS)("%s", (_, options, maxSegmentBytes, steps, counts) => {
    const settings = { ...options, maxSegmentBytes };
    const expected = (log: HandLog): string[] => {
      let from = 0;
      return counts.map((count) => {
        from += count;
        return log.bytes(from - count, from).toString("hex");
      });
    };

    test("in one go", async () => {
      const { segments, log } = await divided(steps, settings);
      expect(log.records).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
      expect(segments).toStrictEqual(expected(log));
    });

    test.each<[string, RegExp]>([
      ["opened anew before every step", /^$/],
      ["opened anew without the indexes", /\.idx2?$/],
      ["opened anew without any index file", /\.idx2?(\.wal)?$/],
      ["opened anew without anything but the segments", /^(?!.*\.log$)/],
    ])("%s", async (_name, gone) => {
      const { segments, log } = await divided(steps, settings, (files) => {
        for (const name of files.keys()) if (gone.test(name)) files.delete(name);
      });
      expect(segments).toStrictEqual(expected(log));
    });
  });

  test.prop([
    fc.array(fc.oneof(fc.constant("checkpoint" as const), fc.integer({ min: 1, max: 4 })), {
      minLength: 1,
      maxLength: 12,
    }),
    fc.integer({ min: 1, max: 500 }),
  ])("as Kimberlite's do, which names a new one at once", async ([...steps], maxSegmentBytes) => {
    if (steps[0] === "checkpoint") steps[0] = 1;
    const { segments, log } = await divided(steps, { ...NO_CHECKPOINTS, maxSegmentBytes });
    const kimberlite = new KimberliteWriter(maxSegmentBytes);
    for (const step of steps) {
      if (step === "checkpoint") kimberlite.checkpoint();
      else kimberlite.append(events(step, kimberlite.records.length), true);
    }
    expect(segments).toStrictEqual(segmentsOf(kimberlite.files));
    expect(kimberlite.records.map(shown)).toStrictEqual(log.records.map(shown));
  });
});

describe("records that are not written here", () => {
  /** The bytes of records of these kinds and payloads, each behind the one before. */
  function chained(...fields: readonly (readonly [StoredRecord["kind"], Uint8Array])[]): {
    records: StoredRecord[];
    bytes: Buffer;
    head: Uint8Array;
  } {
    const records: StoredRecord[] = [];
    let head: Uint8Array = new Uint8Array(32);
    for (const [offset, [kind, payload]] of fields.entries()) {
      records.push({ offset: BigInt(offset), prevHash: head, kind, payload });
      head = hashOf(offset === 0 ? undefined : head, kind, payload, "sentinel");
    }
    return { records, head, bytes: join(...records.map((record) => encoded(record, "sentinel"))) };
  }

  const diskWith = (bytes: Uint8Array): MemoryDisk =>
    new MemoryDisk(
      "/data",
      new Map([
        ["1/segment_000000.log", bytes],
        ["1/segment_000000.log.idx2.wal", new Uint8Array(0)],
      ]),
    );

  test.each<[string, readonly (readonly [StoredRecord["kind"], Uint8Array])[]]>([
    [
      "a tombstone in the middle",
      [
        ["data", text("event0")],
        ["tombstone", text("gone")],
        ["data", text("event2")],
      ],
    ],
    [
      "a tombstone first and last, without a payload",
      [
        ["tombstone", text("")],
        ["data", text("event1")],
        ["tombstone", text("")],
      ],
    ],
    [
      "a checkpoint first, of nothing",
      [
        ["checkpoint", new Uint8Array(40)],
        ["data", text("event1")],
      ],
    ],
  ])("%s: is read as it is, is no event, and the chain goes on behind it", async (_, fields) => {
    const { records, bytes, head } = chained(...fields);
    const disk = diskWith(bytes);
    const storage = await open(disk, NO_CHECKPOINTS);
    for (const verify of ["record", "checkpoint", "genesis"] as const) {
      const read = await storage.readRecords(1n, 0n, ALL, { verify });
      expect(read.map(shown)).toStrictEqual(records.map(shown));
    }
    const data = records.filter(({ kind }) => kind === "data").map(({ payload }) => Buffer.from(payload));
    expect((await storage.readFrom(1n, 0n, ALL)).map((payload) => Buffer.from(payload))).toStrictEqual(data);
    const { firstOffset, head: after } = await storage.appendBatch(1n, [text("more")]);
    expect(firstOffset).toBe(BigInt(records.length));
    expect(Buffer.from(after)).toStrictEqual(Buffer.from(hashOf(head, "data", text("more"), "sentinel")));
    await storage.close();
    const again = await open(disk, NO_CHECKPOINTS);
    expect((await again.readRecords(1n, 0n, ALL, { verify: "genesis" })).length).toBe(records.length + 1);
    expect((await again.status(1n)).findings).toStrictEqual([]);
  });

  test("a checkpoint that counts in its own way is one to begin verification at", async () => {
    const first = hashOf(undefined, "data", text("event0"), "sentinel");
    const { records, bytes } = chained(
      ["data", text("event0")],
      ["checkpoint", join(first, new Uint8Array(8).fill(0xff))],
      ["data", text("event2")],
    );
    // A bit of the record before the checkpoint: who begins at the checkpoint does not see it.
    const disk = diskWith(bytes);
    const storage = await open(disk, NO_CHECKPOINTS);
    await storage.head(1n);
    const file = disk.open("/data/1/segment_000000.log", "update");
    void file.write(text("E"), 50);
    const [last] = await storage.readRecords(1n, 2n, 1);
    expect(shown(last ?? expect.fail())).toBe(shown(records[2] ?? expect.fail()));
    expect(await failureOf(() => storage.readRecords(1n, 2n, 1, { verify: "genesis" }))).toMatchObject({
      code: "checksum-mismatch",
      offset: 0n,
    });
  });

  test.each([2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])(
    "an intact record of offset %i, which no stream here reaches, is kept and told",
    async (offset) => {
      const record = encoded(
        { offset, prevHash: new Uint8Array(32), kind: "data", payload: text("event") },
        "sentinel",
      );
      const disk = new MemoryDisk("/data", new Map([["1/segment_000000.log", record]]));
      const storage = await open(disk, NO_CHECKPOINTS);
      const { nextOffset, lostEnd } = await storage.status(1n);
      expect(nextOffset).toBe(0n);
      expect(lostEnd).toMatchObject({ code: "wrong-offset", offset: 0n, position: 0 });
      expect(await failureOf(() => storage.appendBatch(1n, [text("event")]))).toBe(lostEnd);
      expect(filesOf(disk).get("segment_000000.log")).toStrictEqual(record);
    },
  );
});

/**
 * "hello, hello, hello, hello" as `zstd::encode_all` of Kimberlite writes it: no content size, no checksum.
 */
const UNDECLARED = hex("28b52ffd 00 58 6d0000 38 68656c6c6f2c20 01004a8a11");

test.each(["sentinel", "plain"] as const)(
  "%s: a payload whose zstd frame does not tell its size is read, or refused, as the format has it",
  async (format) => {
    const record = encoded(
      { offset: 0n, prevHash: new Uint8Array(32), kind: "data", compression: 2, payload: UNDECLARED },
      format,
    );
    const disk = new MemoryDisk("/data", new Map([["1/segment_000000.log", record]]));
    const storage = await open(disk, { format });
    if (format === "sentinel") {
      const [payload] = await storage.readFrom(1n, 0n, ALL);
      expect(Buffer.from(payload ?? expect.fail()).toString()).toBe("hello, hello, hello, hello");
    } else expect(await failureOf(() => storage.readFrom(1n, 0n, ALL))).toMatchObject({ stream: 1n });
  },
);
