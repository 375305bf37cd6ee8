/**
 * Compaction of a damaged stream, and damage in a compacted one, on a file system: what is refused, and where
 * an index is not believed.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { HookedDisk } from "../e2e/hooked-disk.ts";
import { failureOf, flipped, openedStorages, temporaryDirectories } from "../e2e/testing.ts";
import { OffsetIndex } from "./format/offset-index.ts";
import type { Record } from "./format/record.ts";
import { decodeRecord, encodeRecord, type Storage } from "./index.ts";

const ALL = Number.POSITIVE_INFINITY;
const directory = temporaryDirectories();
const open = openedStorages({ maxSegmentBytes: 240, readChunkBytes: 64 });

const payloadOf = (offset: number): Buffer => Buffer.from(`payload ${offset}`);
const RECORD_BYTES = 48 + payloadOf(0).length;

/** Ten records, four in a segment. */
async function written(root: string): Promise<Storage> {
  const storage = await open(root);
  for (let offset = 0; offset < 10; offset += 1) await storage.appendBatch(1n, [payloadOf(offset)]);
  return storage;
}

const segment = (root: string, number = 0): string => path.join(root, "1", `segment_00000${number}.log`);
const index = (root: string): string => `${segment(root)}.idx`;

/** Puts another record in the place of the one that begins at a position, with a checksum that fits. */
function edit(root: string, position: number, change: (record: Record) => Record): void {
  const bytes = fs.readFileSync(segment(root));
  const { record, size } = decodeRecord(bytes.subarray(position));
  const edited = encodeRecord(change(record));
  fs.writeFileSync(
    segment(root),
    Buffer.concat([bytes.subarray(0, position), edited, bytes.subarray(position + size)]),
  );
}

const LAST = 3 * RECORD_BYTES;

describe("compaction refuses a segment", () => {
  test("whose last record is not the one whose hash the next carries", async () => {
    const root = directory();
    const storage = await written(root);
    await storage.tombstone(1n, 0n, 1n);
    edit(root, LAST, (record) => ({ ...record, payload: Buffer.from("another 3") }));
    const before = fs.readFileSync(segment(root));
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "broken-chain" });
    expect(fs.readFileSync(segment(root))).toStrictEqual(before);
  });

  test("in which a record is not the one whose hash the next carries", async () => {
    const root = directory();
    const storage = await written(root);
    await storage.tombstone(1n, 0n, 1n);
    edit(root, RECORD_BYTES, (record) => ({ ...record, payload: Buffer.from("another 1") }));
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "broken-chain", offset: 2n });
  });

  test("in which a payload cannot be expanded", async () => {
    const root = directory();
    const storage = await written(root);
    await storage.tombstone(1n, 0n, 1n);
    edit(root, LAST, (record) => ({ ...record, compression: "lz4" }));
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "payload-limit" });
  });

  test("of which nothing tells the last hash, neither the next record nor an index", async () => {
    const root = directory();
    await (await written(root)).close();
    const storage = await open(root);
    await storage.head(1n);
    fs.rmSync(index(root));
    fs.writeFileSync(segment(root, 1), flipped(fs.readFileSync(segment(root, 1)), 8 * 46));
    await storage.tombstone(1n, 0n, 1n, { fsync: false });
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "checksum-mismatch" });
    expect(fs.readFileSync(segment(root)).includes("payload 0")).toBe(true);
  });

  test("of a stream whose end is lost", async () => {
    const root = directory();
    await (await written(root)).close();
    fs.rmSync(segment(root, 2));
    const storage = await open(root);
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "missing-segment" });
  });
});

describe("compaction", () => {
  test("copies records that are larger than what is collected before it is written", async () => {
    const root = directory();
    const storage = await open(root, { maxSegmentBytes: 1 << 24 });
    const large = Buffer.alloc(3 << 20, "large");
    await storage.appendBatch(1n, [Buffer.from("hidden"), large, large, Buffer.from("small")]);
    await storage.tombstone(1n, 0n, 1n);
    await storage.compact(1n);
    const read = await storage.readFrom(1n, 0n, ALL, { verify: "genesis" });
    expect(read.map((payload) => large.equals(payload))).toStrictEqual([true, true, false]);
    expect(read.at(-1)).toStrictEqual(Buffer.from("small"));
  });

  test("purges no quarantine where there is none", async () => {
    const storage = await written(directory());
    expect(await storage.compact(1n, { purgeQuarantine: true })).toMatchObject({ quarantinePurged: [] });
  });

  test("between a read's look at the segments and its opening of one is nothing to it", async () => {
    const root = directory();
    await (await written(root)).close();
    let before: (() => Promise<unknown>) | undefined;
    let opens = 0;
    const disk = new HookedDisk(async (call, name) => {
      if (call !== "open" || !name.endsWith("segment_000000.log")) return;
      opens += 1;
      // The first time to find a record, the second time to read on from there.
      const compact = opens === 2 ? before : undefined;
      if (compact !== undefined) before = undefined;
      await compact?.();
    });
    const storage = await open(root, { disk });
    await storage.tombstone(1n, 1n, 3n);
    before = () => storage.compact(1n);
    opens = 0;
    const records = await storage.readRecords(1n, 2n, ALL, { verify: "record" });
    expect(before).toBeUndefined();
    expect(records.map(({ offset, kind }) => `${offset} ${kind}`).slice(0, 2)).toStrictEqual([
      "1 redacted",
      "4 data",
    ]);
  });

  test("that fails says why, also where what it has begun cannot be removed", async () => {
    const root = directory();
    await (await written(root)).close();
    const disk = new HookedDisk((call, name) => {
      if (call === "remove" && name.endsWith(".log.tmp")) throw new Error("EIO");
    });
    const storage = await open(root, { disk });
    await storage.tombstone(1n, 0n, 1n);
    edit(root, LAST, (record) => ({ ...record, payload: Buffer.from("another 3") }));
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "broken-chain" });
    expect(fs.readdirSync(path.join(root, "1"))).toContain("segment_000000.log.tmp");
  });
});

describe("a redacted record", () => {
  /** Where the first segment is a data record and a redacted one, which stands for three. */
  async function compacted(): Promise<string> {
    const root = directory();
    const storage = await written(root);
    await storage.tombstone(1n, 1n, 3n);
    await storage.compact(1n);
    await storage.close();
    return root;
  }

  /** Makes the redacted record say that it stands for so many. */
  const standsFor =
    (count: bigint) =>
    (record: Record): Record => {
      const payload = Buffer.from(record.payload);
      payload.writeBigUInt64LE(count, 32);
      return { ...record, payload };
    };

  test.each([0n, 2n ** 60n])("that stands for %i is none, whatever the index says", async (count) => {
    const root = await compacted();
    edit(root, RECORD_BYTES, standsFor(count));
    const storage = await open(root);
    for (const verify of ["record", "checkpoint"] as const)
      for (const from of [1n, 3n])
        expect(await failureOf(() => storage.readRecords(1n, from, ALL, { verify }))).toMatchObject({
          code: "malformed",
          // One by itself is not found; others are read from the first one on.
          offset: verify === "record" ? from : 1n,
          message: expect.stringContaining("stands for no records, or for more than a stream has") as string,
        });
    expect(await storage.readFrom(1n, 4n, ALL, { limit: 1, verify: "record" })).toStrictEqual([payloadOf(4)]);
  });

  /** The same in one segment with its tombstone, with nothing after it. */
  async function compactedAlone(): Promise<string> {
    const root = directory();
    const storage = await open(root);
    await storage.appendBatch(1n, [payloadOf(0), payloadOf(1), payloadOf(2)]);
    await storage.tombstone(1n, 0n, 3n);
    await storage.compact(1n);
    await storage.close();
    return root;
  }

  test.each([
    ["the record after it", compacted],
    ["its index, where no record is after it,", compactedAlone],
  ])("has its segment end where %s says, not where the manifest does", async (_, made) => {
    const root = await made();
    const storage = await open(root);
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    await storage.close();
    const file = path.join(root, "1", "manifest.json");
    const manifest = JSON.parse(fs.readFileSync(file, "utf8")) as { segments: Entry[] };
    const segments = shiftedFrom(manifest.segments, 0);
    fs.writeFileSync(file, JSON.stringify({ ...manifest, segments }));
    const again = await open(root);
    expect(await again.readRecords(1n, 0n, ALL, { verify: "genesis" })).toStrictEqual(records);
    expect((await again.status(1n)).findings.map(({ what, action }) => [what, action])).toStrictEqual([
      ["damaged hint", "keep"],
    ]);
  });

  test("is not told of where the tombstone that may name it is damaged", async () => {
    const root = await compacted();
    const storage = await open(root);
    await storage.appendBatch(1n, [
      payloadOf(11),
      payloadOf(12),
      payloadOf(13),
      payloadOf(14),
      payloadOf(15),
    ]);
    await storage.close();
    const named = Buffer.from("01000000000000000300000000000000", "hex");
    const file = [1, 2, 3, 4]
      .map((number) => segment(root, number))
      .find((name) => fs.existsSync(name) && fs.readFileSync(name).includes(named));
    if (file === undefined) throw new Error("There is no tombstone.");
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, flipped(bytes, 8 * bytes.indexOf(named)));
    fs.rmSync(index(root));
    const { findings } = await (await open(root)).status(1n);
    expect(findings.filter(({ what }) => what === "unnamed redaction")).toStrictEqual([]);
  });

  test("that stands for fewer than are due keeps its segment from being compacted again", async () => {
    const root = await compacted();
    const storage = await open(root);
    await storage.tombstone(1n, 0n, 1n);
    edit(root, RECORD_BYTES, standsFor(2n));
    expect(await failureOf(() => storage.compact(1n))).toMatchObject({ code: "truncated-log" });
  });

  test("that stands for fewer than the index says does not pass for the next one", async () => {
    const root = await compacted();
    edit(root, RECORD_BYTES, standsFor(2n));
    const storage = await open(root);
    expect(await failureOf(() => storage.readRecords(1n, 3n, ALL, { verify: "record" }))).toMatchObject({
      name: "StorageError",
    });
  });

  test("that stands for more than its index says makes that another one's", async () => {
    const root = await compacted();
    const saved = OffsetIndex.parse(fs.readFileSync(index(root)));
    const other = new OffsetIndex();
    other.push("data", RECORD_BYTES, saved?.head ?? Buffer.alloc(32));
    other.push("redacted", saved?.end ?? 0, saved?.head ?? Buffer.alloc(32), 2);
    fs.writeFileSync(index(root), other.serialize());
    fs.rmSync(path.join(root, "1", "manifest.json"));
    const storage = await open(root);
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    expect(records.map(({ offset }) => offset).slice(0, 3)).toStrictEqual([0n, 1n, 4n]);
    expect(OffsetIndex.parse(fs.readFileSync(index(root)))?.places).toBe(4);
  });
});

/** What a manifest says of a segment. */
interface Entry {
  readonly first_offset: number;
  readonly next_offset: number;
  readonly index_words?: number;
}

/**
 * The same with one segment as many offsets long as its index has words, and all after it that much shifted.
 */
function shiftedFrom(segments: readonly Entry[], number: number): Entry[] {
  const { first_offset: first = 0, next_offset: next = 0, index_words: words } = segments[number] ?? {};
  if (words === undefined) throw new Error("The segment was not compacted.");
  const by = first + words - next;
  return segments.map((entry, i) => ({
    ...entry,
    first_offset: entry.first_offset + (i > number ? by : 0),
    next_offset: entry.next_offset + (i >= number ? by : 0),
  }));
}
