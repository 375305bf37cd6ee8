/**
 * Directories of Kimberlite that were damaged. Its manifest counts what its log once held, and is the only
 * witness: what it counts and the log lacks is told as damage, nothing is cut off, nothing is appended after
 * it, and every further opening says the same.
 */
import { describe, expect, test } from "vitest";
import type { Storage } from "../src/index.ts";
import type { Format } from "../src/types.ts";
import { encoded, hex, join, text } from "./by-hand.ts";
import { type KimberliteRecord, KimberliteWriter, sentinelBytes } from "./kimberlite-writer.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { failureOf, flipped, openedStorages, shown } from "./testing.ts";

const ALL = Number.POSITIVE_INFINITY;
const FORMATS: readonly Format[] = ["plain", "sentinel"];
const openStorage = openedStorages({ checkpoints: { everyNRecords: 0 } });

const open = (disk: MemoryDisk, format: Format): Promise<Storage> => openStorage("/data", { disk, format });

const batch = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => text(`event-${from + i}`));

const diskWith = (files: ReadonlyMap<string, Uint8Array>): MemoryDisk =>
  new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));

/** The files in stream 1's directory, and those in its quarantine. */
function filesOf(disk: MemoryDisk, directory = "/data/1"): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of disk.list(directory)) {
    if (name === "quarantine") continue;
    const file = disk.open(`${directory}/${name}`, "read");
    const bytes = Buffer.alloc(Number(file.size()));
    void file.read(bytes, 0);
    files.set(name, bytes);
  }
  return files;
}

const segmentFile = (number: number): string => `segment_00000${number}.log`;
const sizeOf = (record: KimberliteRecord): number => sentinelBytes(record).length;
const bytesOf = (records: readonly KimberliteRecord[]): Buffer =>
  join(...records.map((record) => sentinelBytes(record)));

/** A directory, the number of its last segment, and how many records lie before that. */
type Directory = readonly [name: string, writer: () => KimberliteWriter, last: number, before: number];

const DIRECTORIES: readonly Directory[] = [
  [
    "one segment, ended in the ordinary way",
    () => new KimberliteWriter().append(batch(4), false).drop(),
    0,
    0,
  ],
  ["one segment, killed", () => new KimberliteWriter().append(batch(4), true), 0, 0],
  [
    "two segments, the last record a checkpoint",
    () => new KimberliteWriter(190).append(batch(3), true).append(batch(2, 3), true).checkpoint(),
    1,
    3,
  ],
];

describe.each(FORMATS.flatMap((asked) => DIRECTORIES.map((directory) => [...directory, asked] as const)))(
  "%s",
  (_, written, last, before, asked) => {
    /** Opens damaged files three times: each says the same, and leaves every file as it is. */
    async function expectLost(
      files: ReadonlyMap<string, Buffer>,
      offset: number,
      codes: readonly string[],
    ): Promise<void> {
      const { records } = written();
      const disk = diskWith(files);
      const whole = records.slice(0, offset).map(shown);
      for (const format of [asked, "plain", "sentinel"] as const) {
        const storage = await open(disk, format);
        const status = await storage.status(1n);
        expect(status).toMatchObject({ format: "sentinel", nextOffset: BigInt(offset) });
        expect(codes).toContain(status.lostEnd?.code);
        expect(status.lostEnd).toMatchObject({
          stream: 1n,
          offset: BigInt(offset),
          file: `/data/1/${segmentFile(last)}`,
        });
        expect(status.findings.map(({ action, error }) => [action, error])).toStrictEqual([
          ["keep", status.lostEnd],
        ]);
        for (const refused of [
          () => storage.head(1n),
          () => storage.appendBatch(1n, [text("more")]),
          () => storage.appendCheckpoint(1n),
          () => storage.readFrom(1n, 0n, ALL),
          () => storage.readRecords(1n, BigInt(offset), 1, { verify: "record" }),
        ]) {
          expect(await failureOf(refused)).toBe(status.lostEnd);
        }
        const seen: string[] = [];
        const iteration = async (): Promise<void> => {
          for await (const record of storage.iterate(1n, { verify: "genesis" })) seen.push(shown(record));
        };
        expect(await failureOf(iteration)).toBe(status.lostEnd);
        expect(seen).toStrictEqual(whole);
        await storage.close();
        expect(filesOf(disk)).toStrictEqual(new Map(files));
        expect(disk.list("/data/1")).not.toContain("quarantine");
      }
    }

    const segmentOf = ({ files }: KimberliteWriter): Buffer => files.get(segmentFile(last)) ?? expect.fail();

    test("cut at a record's end, wherever, also to nothing", async () => {
      const { records } = written();
      for (let count = before; count < records.length; count += 1) {
        const { files } = written();
        files.set(segmentFile(last), bytesOf(records.slice(before, count)));
        await expectLost(files, count, ["truncated-log"]);
      }
    });

    test("cut inside a record, wherever", async () => {
      const { records } = written();
      for (const [i, record] of records.slice(before).entries()) {
        const start = bytesOf(records.slice(before, before + i)).length;
        for (const length of [1, 4, 49, 50, sizeOf(record) - 8, sizeOf(record) - 1]) {
          const writer = written();
          writer.files.set(segmentFile(last), segmentOf(writer).subarray(0, start + length));
          await expectLost(writer.files, before + i, ["incomplete"]);
        }
      }
    });

    test("with any bit of its last record flipped", async () => {
      const { records } = written();
      const offset = records.length - 1;
      const start = bytesOf(records.slice(before, offset)).length;
      for (let bit = start * 8; bit < segmentOf(written()).length * 8; bit += 5) {
        const writer = written();
        writer.files.set(segmentFile(last), Buffer.from(flipped(segmentOf(writer), bit)));
        await expectLost(writer.files, offset, ["malformed", "checksum-mismatch", "incomplete"]);
      }
    });

    test("with zeros in place of its last segment", async () => {
      const writer = written();
      writer.files.set(segmentFile(last), Buffer.alloc(segmentOf(writer).length));
      await expectLost(writer.files, before, ["malformed"]);
    });

    test("without its last segment", async () => {
      const { files } = written();
      files.delete(segmentFile(last));
      await expectLost(files, before, ["missing-segment"]);
    });
  },
);

describe.each(FORMATS)("a directory of Kimberlite, in a storage opened for %s,", (asked) => {
  const written = (): KimberliteWriter => new KimberliteWriter().append(batch(5), true);
  const log = (writer: KimberliteWriter): Buffer => writer.files.get(segmentFile(0)) ?? expect.fail();

  test("with a record damaged that others follow: that one is told, and appends go on in a new segment", async () => {
    for (let offset = 0; offset < 4; offset += 1) {
      const writer = written();
      const damaged = Buffer.from(flipped(log(writer), (65 * offset + 52) * 8));
      writer.files.set(segmentFile(0), damaged);
      const disk = diskWith(writer.files);
      for (let round = 0; round < 2; round += 1) {
        const storage = await open(disk, asked);
        const { findings, ...status } = await storage.status(1n);
        expect(status).toMatchObject({ format: "sentinel", nextOffset: 5n, lostEnd: undefined });
        expect(findings).toMatchObject([
          {
            what: "corruption",
            action: "keep",
            error: { code: "checksum-mismatch", offset: BigInt(offset) },
          },
        ]);
        await storage.close();
        expect(filesOf(disk)).toStrictEqual(new Map(writer.files));
      }
      const storage = await open(disk, asked);
      const last = writer.records.at(-1) ?? expect.fail();
      await storage.appendBatch(1n, [text("more")], { expectedOffset: 5n });
      await storage.close();
      const more = { offset: 5n, prevHash: last.hash, kind: "data", payload: text("more") } as const;
      expect(filesOf(disk).get(segmentFile(0))).toStrictEqual(damaged);
      expect(filesOf(disk).get(segmentFile(1))).toStrictEqual(sentinelBytes(more));
      const again = await open(disk, asked);
      for (const [at, record] of [...writer.records, more].entries()) {
        const read = again.readRecords(1n, BigInt(at), 1, { verify: "record" });
        if (at === offset) expect(await failureOf(() => read)).toMatchObject({ code: "checksum-mismatch" });
        else expect((await read).map(shown)).toStrictEqual([shown(record)]);
      }
    }
  });

  test("with its first record damaged, and a payload that holds a record of the format plain: it is not taken for that", async () => {
    const held = (offset: bigint): Uint8Array =>
      encoded({ offset, prevHash: new Uint8Array(32), kind: "data", payload: text("held") });
    for (const batches of [[held(0n)], [held(1n)], [text("event1"), held(1n), text("event3")]]) {
      const writer = new KimberliteWriter().append(batches, true);
      const damaged = Buffer.from(flipped(log(writer), 30 * 8));
      writer.files.set(segmentFile(0), damaged);
      const disk = diskWith(writer.files);
      const { format, findings } = await (await open(disk, asked)).status(1n);
      expect({ format, actions: findings.map(({ action }) => action) }).toStrictEqual({
        format: "sentinel",
        actions: ["keep"],
      });
      expect(filesOf(disk)).toStrictEqual(new Map(writer.files));
    }
  });

  test("whose manifest counts fewer records than there are is whole: Kimberlite was killed between the two", async () => {
    const older = new KimberliteWriter().append(batch(2), true);
    const newer = new KimberliteWriter().append(batch(2), true).append(batch(3, 2), true).checkpoint();
    newer.files.set("manifest.json", older.files.get("manifest.json") ?? expect.fail());
    const storage = await open(diskWith(newer.files), asked);
    expect(await storage.status(1n)).toMatchObject({
      format: "sentinel",
      nextOffset: 6n,
      findings: [],
      lostEnd: undefined,
    });
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    expect(records.map(shown)).toStrictEqual(newer.records.map(shown));
  });

  test("that ends in the middle of a record which its manifest does not count yet: what tore is set aside", async () => {
    const writer = written();
    const torn = hex("fe0fdcba 0500000000000000 00");
    const whole = log(writer);
    writer.files.set(segmentFile(0), join(whole, torn));
    const disk = diskWith(writer.files);
    const storage = await open(disk, asked);
    const { findings, nextOffset } = await storage.status(1n);
    expect(nextOffset).toBe(5n);
    expect(findings).toMatchObject([
      { what: "torn tail, watermark unknown", action: "cut", error: { offset: 5n, position: 325 } },
    ]);
    expect(filesOf(disk).get(segmentFile(0))).toStrictEqual(whole);
    expect([...filesOf(disk, "/data/1/quarantine").values()]).toStrictEqual([torn]);
    await storage.appendBatch(1n, [text("more")], { expectedOffset: 5n });
  });

  test("that lost a segment with a successor: its records are told as missing, appends go on", async () => {
    const writer = new KimberliteWriter(100)
      .append(batch(2), true)
      .append(batch(2, 2), true)
      .append(batch(1, 4), true);
    writer.files.delete(segmentFile(1));
    const disk = diskWith(writer.files);
    const storage = await open(disk, asked);
    const { findings, nextOffset } = await storage.status(1n);
    expect(nextOffset).toBe(5n);
    expect(findings).toMatchObject([
      { what: "missing segment", action: "keep", error: { offset: 2n, file: `/data/1/${segmentFile(1)}` } },
    ]);
    await storage.appendBatch(1n, [text("more")], { expectedOffset: 5n });
    const [record] = await storage.readRecords(1n, 4n, 1, { verify: "record" });
    expect(shown(record ?? expect.fail())).toBe(shown(writer.records[4] ?? expect.fail()));
    expect(await failureOf(() => storage.readRecords(1n, 2n, 1, { verify: "record" }))).toMatchObject({
      code: "missing-segment",
      offset: 2n,
    });
  });

  test.each([
    ["first", 2n, 0],
    ["last", 3n, 65],
  ])(
    "the %s record of whose segment before the last is damaged: it is told once at every opening, no index is made for that segment, and appends go on",
    async (_, offset, position) => {
      const writer = new KimberliteWriter(100)
        .append(batch(2), true)
        .append(batch(2, 2), true)
        .append(batch(1, 4), true);
      const before = writer.files.get(segmentFile(1)) ?? expect.fail();
      writer.files.set(segmentFile(1), Buffer.from(flipped(before, (position + 60) * 8)));
      const disk = diskWith(writer.files);
      for (let opening = 1; opening <= 2; opening += 1) {
        const storage = await open(disk, asked);
        const { findings } = await storage.status(1n);
        expect(findings).toMatchObject([
          {
            action: "keep",
            error: { code: "checksum-mismatch", offset, file: `/data/1/${segmentFile(1)}`, position },
          },
        ]);
        await storage.appendBatch(1n, [text("more")], { expectedOffset: BigInt(4 + opening) });
        await storage.close();
      }
      expect(filesOf(disk).has(`${segmentFile(1)}.idx2`)).toBe(false);
    },
  );

  test("that lost the last record of its first segment: it is told once, and appends go on", async () => {
    const writer = new KimberliteWriter(100)
      .append(batch(2), true)
      .append(batch(2, 2), true)
      .append(batch(1, 4), true);
    const first = writer.files.get(segmentFile(0)) ?? expect.fail();
    writer.files.set(segmentFile(0), first.subarray(0, 65));
    const storage = await open(diskWith(writer.files), asked);
    const { findings } = await storage.status(1n);
    expect(findings).toMatchObject([
      { what: "size differs", error: { offset: 1n, file: `/data/1/${segmentFile(0)}` } },
    ]);
    await storage.appendBatch(1n, [text("more")], { expectedOffset: 5n });
  });
});
