/**
 * Compaction on a file system: what it erases, what it leaves as it was, and what goes on beside it. What a
 * crash leaves of it is searched by the check (K1 to K4).
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { failureOf, flipped, openedStorages, temporaryDirectories } from "../e2e/testing.ts";
import {
  decodeRecord,
  deserializeRedactedPayload,
  encodeRecord,
  serializeRedactedPayload,
  type Storage,
  type StorageOptions,
} from "./index.ts";
import type { Record } from "./format/record.ts";

const ALL = Number.POSITIVE_INFINITY;
const directory = temporaryDirectories();

const payloadOf = (offset: number): Buffer => Buffer.from(`the secret of record ${offset}!`);

/** A few records in each segment, and a checkpoint among five. */
const OPTIONS: StorageOptions = {
  checkpoints: { everyNRecords: 5 },
  maxSegmentBytes: 300,
  readChunkBytes: 64,
};

const open = openedStorages(OPTIONS);

/** A stream of 24 offsets in several segments: all but each sixth are data. */
async function written(options: StorageOptions = {}): Promise<{ root: string; storage: Storage }> {
  const root = directory();
  const storage = await open(root, options);
  for (let offset = 0; offset < 24; offset += 1)
    if (offset % 5 !== 0 || offset === 0) await storage.appendBatch(1n, [payloadOf(offset)]);
  return { root, storage };
}

const short = ({ offset, kind, payload }: Record): string =>
  kind === "redacted" ? `${offset}+${deserializeRedactedPayload(payload).count}` : `${offset}${kind[0]}`;

const layout = async (storage: Storage): Promise<string> =>
  (await storage.readRecords(1n, 0n, ALL, { verify: "genesis" })).map(short).join(" ");

const filesIn = (root: string): Map<string, Buffer> =>
  new Map(
    fs
      .readdirSync(path.join(root, "1"), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, fs.readFileSync(path.join(root, "1", name))]),
  );

/** Offsets whose payloads are in a file. */
function leftIn(root: string): number[] {
  const files = [...filesIn(root).values()];
  return Array.from({ length: 24 }, (_, offset) => offset).filter((offset) =>
    files.some((bytes) => bytes.includes(payloadOf(offset))),
  );
}

describe("compact", () => {
  test("erases what is hidden, and nothing else: no head, no visible payload, no record beside it", async () => {
    const { root, storage } = await written();
    await storage.tombstone(1n, 1n, 3n);
    await storage.tombstone(1n, 8n, 4n);
    const head = await storage.head(1n);
    const payloads = await storage.readFrom(1n, 0n, ALL);
    const before = await layout(storage);
    const result = await storage.compact(1n);
    expect(result).toMatchObject({ recordsErased: 6, tombstonesApplied: 2, quarantinePurged: [] });
    expect(result.segmentsReplaced).toBeGreaterThan(1);
    for (const isReopened of [false, true]) {
      const storageNow = isReopened ? await reopened(root, storage) : storage;
      expect(await storageNow.head(1n)).toStrictEqual(head);
      expect(await storageNow.readFrom(1n, 0n, ALL)).toStrictEqual(payloads);
      expect((await storageNow.status(1n)).findings).toStrictEqual([]);
      const erased = new Set([1, 2, 3, 8, 9, 11]);
      const kept = before.split(" ").filter((record) => !erased.has(Number.parseInt(record, 10)));
      const left = (await layout(storageNow)).split(" ").filter((record) => !record.includes("+"));
      expect(left).toStrictEqual(kept);
    }
    expect(leftIn(root)).not.toContain(1);
    expect(leftIn(root)).toHaveLength(20 - 6);
  });

  test("seals the active segment if hidden records are in it", async () => {
    const { root, storage } = await written({ maxSegmentBytes: 1 << 20 });
    await storage.tombstone(1n, 0n, 5n);
    expect(await storage.compact(1n)).toMatchObject({
      segmentsBefore: 1,
      segmentsAfter: 2,
      recordsErased: 5,
    });
    expect(await layout(storage)).toBe(`0+5 5c ${await tail(storage)}`);
    expect(leftIn(root)).not.toContain(4);
    await storage.appendBatch(1n, [payloadOf(30)]);
    expect(await storage.compact(1n)).toMatchObject({
      segmentsReplaced: 0,
      recordsErased: 0,
      bytesReclaimed: 0,
    });
  });

  test("joins what is erased later to what was erased before", async () => {
    const { storage } = await written({ maxSegmentBytes: 1 << 20 });
    await storage.tombstone(1n, 2n, 1n);
    await storage.compact(1n);
    await storage.tombstone(1n, 1n, 4n);
    await storage.compact(1n);
    expect(await layout(storage)).toBe(`0d 1+4 5c ${await tail(storage)}`);
  });

  test("erases what is older than an offset, and hides nothing twice", async () => {
    const { storage } = await written();
    const { nextOffset } = await storage.head(1n);
    expect(await storage.compact(1n, { olderThan: 11n })).toMatchObject({ recordsErased: 9 });
    const records = (await layout(storage)).split(" ");
    const data = records
      .filter((record) => record.endsWith("d"))
      .map((record) => Number.parseInt(record, 10));
    expect(data[0]).toBe(11);
    expect(records.filter((record) => record.endsWith("c")).slice(0, 2)).toStrictEqual(["5c", "10c"]);
    expect(await storage.compact(1n, { olderThan: 11n })).toMatchObject({
      recordsErased: 0,
      segmentsReplaced: 0,
    });
    const added = await storage.readRecords(1n, nextOffset, ALL);
    expect(added.filter(({ kind }) => kind === "tombstone")).toHaveLength(1);
    expect(await storage.compact(1n, { olderThan: 1n })).toMatchObject({ recordsErased: 0 });
    expect(await storage.compact(1n, { olderThan: 1000n })).toMatchObject({ recordsErased: 11 });
    expect(await storage.readFrom(1n, 0n, ALL)).toStrictEqual([]);
    expect(await failureOf(() => storage.compact(1n, { olderThan: -1n }))).toMatchObject({
      code: "out-of-range",
    });
    await expect(storage.compact(1n, { olderThan: 5 as never })).rejects.toThrow(TypeError);
  });

  test("a stream that is not there, and one in which nothing is hidden, stay as they are", async () => {
    const { root, storage } = await written();
    const before = filesIn(root);
    expect(await storage.compact(1n)).toMatchObject({ segmentsReplaced: 0, recordsErased: 0 });
    expect(filesIn(root)).toStrictEqual(before);
    expect(await storage.compact(7n)).toMatchObject({ segmentsBefore: 0, segmentsAfter: 0 });
    expect(fs.existsSync(path.join(root, "7"))).toBe(false);
  });

  test("compresses where that is asked for and saves something", async () => {
    const { root, storage } = await written();
    await storage.appendBatch(1n, [Buffer.alloc(2000, "a"), Buffer.from("b")]);
    await storage.appendBatch(1n, [payloadOf(0)]);
    const before = await storage.readRecords(1n, 0n, ALL);
    const { bytesReclaimed } = await storage.compact(1n, { compressOnCompact: true, compression: "zstd" });
    expect(bytesReclaimed).toBeGreaterThan(1900);
    for (const isReopened of [false, true]) {
      const storageNow = isReopened ? await reopened(root, storage) : storage;
      const after = await storageNow.readRecords(1n, 0n, ALL, { verify: "genesis" });
      expect(after.map(({ payload }) => Buffer.from(payload))).toStrictEqual(
        before.map(({ payload }) => Buffer.from(payload)),
      );
      expect(after.filter(({ compression }) => compression === "zstd")).toHaveLength(1);
    }
  });

  test("purges quarantine only if it is asked to, and says what", async () => {
    const { root, storage } = await written();
    const quarantine = path.join(root, "1", "quarantine");
    fs.mkdirSync(quarantine);
    fs.writeFileSync(path.join(quarantine, "segment_000000.log.0.abc"), payloadOf(1));
    expect(await storage.compact(1n)).toMatchObject({ quarantinePurged: [] });
    expect(fs.readdirSync(quarantine)).toHaveLength(1);
    expect(await storage.compact(1n, { purgeQuarantine: true })).toMatchObject({
      quarantinePurged: ["segment_000000.log.0.abc"],
    });
    expect(fs.readdirSync(quarantine)).toStrictEqual([]);
  });

  test("tells how far it is, and ends where it is aborted", async () => {
    const { storage } = await written();
    await storage.tombstone(1n, 0n, 5n);
    const told: string[] = [];
    const controller = new AbortController();
    const aborted = storage.compact(1n, {
      mergeThresholdBytes: 0,
      signal: controller.signal,
      onProgress: (done, of) => {
        told.push(`${done}/${of}`);
        if (done === 1) controller.abort(new Error("enough"));
      },
    });
    await expect(aborted).rejects.toThrow("enough");
    expect(told[0]).toMatch(/^0\/\d+$/);
    await storage.compact(1n);
    expect((await layout(storage)).startsWith("0+")).toBe(true);
  });

  test("what cannot be is refused, and changes nothing", async () => {
    const { root, storage } = await written();
    await expect(storage.compact(1n, { compression: "gzip" as never })).rejects.toThrow();
    await expect(storage.compact(1n, { onProgress: 3 as never })).rejects.toThrow(TypeError);
    await expect(storage.compact(1n, { mergeAll: true } as never)).rejects.toThrow(TypeError);
    for (const wrong of [{ minSegments: 1 }, { minSegments: 2.5 }, { mergeThresholdBytes: -1 }])
      expect(await failureOf(() => storage.compact(1n, wrong))).toMatchObject({ code: "out-of-range" });
    await storage.close();
    const reader = await open(root, { readOnly: true });
    expect(await failureOf(() => reader.compact(1n))).toMatchObject({ code: "read-only" });
  });

  test("a stream of the format sentinel is refused", async () => {
    const { storage } = await written({ format: "sentinel" });
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "wrong-format" });
  });

  test("a segment is written anew though the record after it is damaged", async () => {
    const { root, storage } = await written();
    await storage.tombstone(1n, 0n, 23n);
    const name = path.join(root, "1", "segment_000001.log");
    fs.writeFileSync(name, flipped(fs.readFileSync(name), 8 * 46));
    await expect(storage.compact(1n)).rejects.toThrow("segment_000001.log");
    expect(fs.readFileSync(path.join(root, "1", "segment_000000.log")).includes("secret")).toBe(false);
  });

  test("a damaged segment is not written anew; all others are", async () => {
    const { root, storage } = await written();
    await storage.tombstone(1n, 0n, 23n);
    const { segments } = await storage.status(1n);
    const name = path.join(root, "1", "segment_000001.log");
    fs.writeFileSync(name, flipped(fs.readFileSync(name), 8 * 100));
    const error = await failureOf(() => storage.compact(1n, { mergeThresholdBytes: 0 }));
    expect(error).toMatchObject({ code: "checksum-mismatch", file: name });
    const now = (await storage.status(1n)).segments;
    expect(now[0]?.bytes).not.toBe(segments[0]?.bytes);
    expect(now[1]).toStrictEqual(segments[1]);
    expect(now.filter(({ bytes }, i) => bytes === segments[i]?.bytes)).toHaveLength(1);
    expect(fs.readdirSync(path.join(root, "1")).filter((each) => each.endsWith(".tmp"))).toStrictEqual([]);
  });
});

describe("beside a compaction", () => {
  test("readers that have begun see one log, and go on in the new segments", async () => {
    const { storage } = await written();
    await storage.tombstone(1n, 1n, 22n);
    const readers = [false, true].map((reverse) => storage.iterate(1n, { reverse, verify: "genesis" }));
    const single = async (): Promise<void> => {
      for (let from = 0n; from < 24n; from += 1n)
        await storage.readRecords(1n, from, 1, { verify: "genesis" });
    };
    const [, ...read] = await Promise.all([
      storage.compact(1n),
      ...readers.map(async (reader) => {
        const offsets: bigint[] = [];
        for await (const { offset } of reader) offsets.push(offset);
        return offsets;
      }),
      single(),
      single(),
    ]);
    const [forward, backward] = read;
    expect(forward?.[0]).toBe(0n);
    expect(forward).toStrictEqual(forward?.toSorted((a, b) => Number(a - b)));
    expect(backward?.at(-1)).toBe(0n);
  });

  test("a reader in small steps survives the replacement of what it reads", async () => {
    const { storage } = await written();
    await storage.tombstone(1n, 1n, 22n);
    let from = 0n;
    const seen: string[] = [];
    for (let step = 0; from < 24n; step += 1) {
      const [record] = await storage.readRecords(1n, from, ALL, { limit: 1 });
      if (record === undefined) break;
      seen.push(short(record));
      from =
        record.offset + (record.kind === "redacted" ? deserializeRedactedPayload(record.payload).count : 1n);
      if (step === 2) await storage.compact(1n);
    }
    expect(seen.slice(0, 4)).toStrictEqual(["0d", "1d", "2d", "1+4"]);
  });

  test("an iteration goes on where it was, in the new segment", async () => {
    const storage = await open(directory(), {
      maxSegmentBytes: 1 << 24,
      readChunkBytes: 1 << 20,
      checkpoints: { everyNRecords: 0 },
    });
    // Each step of an iteration reads a megabyte.
    for (let i = 0; i < 8; i += 1) await storage.appendBatch(1n, [Buffer.alloc(300_000, `record ${i}`)]);
    await storage.tombstone(1n, 0n, 2n);
    const offsets: bigint[] = [];
    for await (const { offset } of storage.iterate(1n)) {
      if (offsets.length === 0) await storage.compact(1n);
      offsets.push(offset);
    }
    expect(offsets).toStrictEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
    expect(await layout(storage)).toMatch(/^0\+2 2d/);
  });

  test("appends go on, and what is hidden meanwhile waits for the next time", async () => {
    const { storage } = await written();
    await storage.tombstone(1n, 1n, 3n);
    await Promise.all([
      storage.compact(1n),
      storage.appendBatch(1n, [payloadOf(50)]),
      storage.tombstone(1n, 8n, 1n),
      storage.compact(1n),
      storage.appendBatch(1n, [payloadOf(51)]),
    ]);
    const records = (await layout(storage)).split(" ");
    expect(records).toContain("1+3");
    await storage.compact(1n);
    expect((await layout(storage)).split(" ")).toContain("8+1");
  });
});

describe("hints beside a compacted segment", () => {
  /** A stream whose first segments are compacted, closed. */
  async function compacted(): Promise<{ root: string; records: string; old: Map<string, Buffer> }> {
    const { root, storage } = await written();
    await storage.tombstone(1n, 1n, 3n);
    await storage.tombstone(1n, 8n, 4n);
    const old = filesIn(root);
    await storage.compact(1n);
    const records = await layout(storage);
    await storage.close();
    return { root, records, old };
  }

  test("an index from before is not believed", async () => {
    const { root, records, old } = await compacted();
    for (const [name, bytes] of old)
      if (name.endsWith(".idx")) fs.writeFileSync(path.join(root, "1", name), bytes);
    await expectSame(root, records);
  });

  test.each(["manifest.json", "segment_000000.log.idx"])("without %s nothing is different", async (name) => {
    const { root, records } = await compacted();
    fs.rmSync(path.join(root, "1", name));
    await expectSame(root, records);
  });

  test("without any of them nothing is different", async () => {
    const { root, records } = await compacted();
    for (const name of filesIn(root).keys())
      if (!name.endsWith(".log")) fs.rmSync(path.join(root, "1", name));
    await expectSame(root, records);
  });

  test("what lies behind a damaged redacted record in its segment is found again", async () => {
    const { root, storage } = await written({ maxSegmentBytes: 1 << 20 });
    await storage.tombstone(1n, 1n, 4n);
    await storage.compact(1n);
    const records = await layout(storage);
    expect(records.startsWith("0d 1+4 5c 6d")).toBe(true);
    await storage.close();
    const segment = path.join(root, "1", "segment_000000.log");
    fs.writeFileSync(segment, flipped(fs.readFileSync(segment), 8 * (48 + payloadOf(0).length + 50)));
    fs.rmSync(`${segment}.idx`);
    const again = await open(root);
    expect(await failureOf(() => again.readRecords(1n, 0n, ALL))).toMatchObject({ offset: 1n });
    expect((await again.readRecords(1n, 5n, ALL)).map(short).join(" ")).toBe(records.slice("0d 1+4 ".length));
  });

  test("any flipped bit of the first segments and their hints is told, or changes nothing", async () => {
    const { root, records } = await compacted();
    const known = records.split(" ");
    for (const name of ["segment_000000.log", "segment_000000.log.idx"]) {
      const file = path.join(root, "1", name);
      const whole = fs.readFileSync(file);
      for (let bit = 0; bit < 8 * whole.length; bit += 7) {
        fs.writeFileSync(file, flipped(whole, bit));
        const reader = await open(root, { readOnly: true });
        const read: string[] = [];
        try {
          for await (const record of reader.iterate(1n, { verify: "genesis" })) read.push(short(record));
          expect(read).toStrictEqual(known);
        } catch (error) {
          expect(error).toMatchObject({ name: "StorageError" });
          expect(read).toStrictEqual(known.slice(0, read.length));
        }
        expect((await reader.readRecords(1n, 10n, ALL)).map(short)).toStrictEqual(
          known.slice(known.indexOf("10c")),
        );
        await reader.close();
      }
      fs.writeFileSync(file, whole);
    }
  });

  async function expectSame(root: string, records: string): Promise<void> {
    const storage = await open(root);
    expect(await layout(storage)).toBe(records);
    for (const verify of ["record", "checkpoint"] as const)
      expect((await storage.readRecords(1n, 9n, ALL, { verify })).map(short)).toStrictEqual(
        records.split(" ").filter((record) => lastOffset(record) >= 9),
      );
    await storage.close();
    const again = await open(root);
    expect((await again.status(1n)).findings).toStrictEqual([]);
  }
});

/** The last offset that a record as `short` has it is at, or stands for. */
function lastOffset(record: string): number {
  const [offset, count = "1"] = record.split("+");
  return Number.parseInt(offset ?? "", 10) + Number.parseInt(count, 10) - 1;
}

describe("a redacted record", () => {
  /** A stream whose first segment is that of another, in which all but its first record were erased. */
  async function exchanged(
    change: (segment: Buffer, recordBytes: number) => Buffer = (segment) => segment,
  ): Promise<Storage> {
    const { root, storage } = await written();
    const [first] = await storage.readRecords(1n, 0n, ALL, { limit: 1 });
    await storage.close();
    const other = await written();
    await other.storage.tombstone(1n, 1n, 3n);
    await other.storage.compact(1n);
    await other.storage.close();
    const name = path.join("1", "segment_000000.log");
    const bytes = change(fs.readFileSync(path.join(other.root, name)), 48 + (first?.payload.length ?? 0));
    fs.writeFileSync(path.join(root, name), bytes);
    fs.rmSync(path.join(root, `${name}.idx`));
    return open(root);
  }

  test("that no tombstone names is told when its segment is recovered", async () => {
    const storage = await exchanged();
    const unnamed = async (): Promise<unknown[]> =>
      (await storage.status(1n)).findings
        .filter(({ what }) => what === "unnamed redaction")
        .map(({ action, error }) => [action, error.code, error.offset]);
    expect(await unnamed()).toStrictEqual([["keep", "malformed", 1n]]);
  });

  test("that a tombstone names is nothing to tell of where the segment has to be recovered", async () => {
    const { root, storage } = await written();
    await storage.tombstone(1n, 1n, 3n);
    await storage.tombstone(1n, 8n, 4n);
    await storage.compact(1n);
    const records = await layout(storage);
    await storage.close();
    for (const name of fs.readdirSync(path.join(root, "1")).filter((each) => each.endsWith(".idx")))
      fs.rmSync(path.join(root, "1", name));
    const again = await open(root);
    expect(await layout(again)).toBe(records);
    const { findings } = await again.status(1n);
    expect(findings.filter(({ what }) => what !== "damaged hint")).toStrictEqual([]);
  });

  test("that no tombstone names is refused by a read verified from the first record", async () => {
    const storage = await exchanged();
    expect(await failureOf(() => storage.readRecords(1n, 0n, ALL, { verify: "genesis" }))).toMatchObject({
      code: "malformed",
      offset: 1n,
      message: expect.stringContaining("no tombstone names") as string,
    });
    await storage.tombstone(1n, 1n, 2n);
    await expect(storage.readRecords(1n, 0n, ALL, { verify: "genesis" })).rejects.toThrow(
      "no tombstone names",
    );
    await storage.tombstone(1n, 3n, 1n);
    expect((await layout(storage)).startsWith("0d 1+3 4d")).toBe(true);
  });

  test("that stands for records of the next segment is refused", async () => {
    const storage = await exchanged((segment, at) => {
      const { record } = decodeRecord(segment.subarray(at));
      const { hash } = deserializeRedactedPayload(record.payload);
      const wider = encodeRecord({ ...record, payload: serializeRedactedPayload({ hash, count: 4n }) });
      return Buffer.concat([segment.subarray(0, at), wider]);
    });
    const error = await failureOf(() => storage.readRecords(1n, 0n, ALL));
    expect(error).toMatchObject({ name: "StorageError", offset: 1n });
  });
});

test("the page of the manifest that names a compacted segment is written again", async () => {
  const root = directory();
  fs.mkdirSync(path.join(root, "1"));
  const segments = [{ segment_num: 0, first_offset: 0, next_offset: 0, size_bytes: 0 }];
  const manifest = { segments, active_segment: 0, format: "plain", page_segments: 2 };
  fs.writeFileSync(path.join(root, "1", "manifest.json"), JSON.stringify(manifest));
  for (const name of ["segment_000000.log", "segment_000000.log.idx.wal"])
    fs.writeFileSync(path.join(root, "1", name), "");
  const storage = await open(root, { maxSegmentBytes: 1 });
  for (let offset = 0; offset < 7; offset += 1) await storage.appendBatch(1n, [payloadOf(offset)]);
  await storage.tombstone(1n, 1n, 1n);
  await storage.compact(1n);
  const page = fs.readFileSync(path.join(root, "1", "manifest-000000.json"), "utf8");
  expect(JSON.parse(page)).toMatchObject({
    segments: [{ size_bytes: 71 }, { size_bytes: 88, index_words: 2 }],
  });
  const again = await reopened(root, storage);
  expect((await again.status(1n)).findings).toStrictEqual([]);
});

async function reopened(root: string, storage: Storage): Promise<Storage> {
  await storage.close();
  return open(root);
}

/** The records from offset 6 on, as they are. */
async function tail(storage: Storage): Promise<string> {
  return (await storage.readRecords(1n, 6n, ALL)).map(short).join(" ");
}
