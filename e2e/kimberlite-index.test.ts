/**
 * Kimberlite's index files. Kimberlite takes them literally, so those of the segment that is appended to must
 * go before it is; this engine takes those of other segments for hints: they spare it reading, and change no
 * answer.
 */
import { fc, test } from "@fast-check/vitest";
import { afterEach, describe, expect } from "vitest";
import type { DiskFile, OpenMode } from "../src/disk/disk.ts";
import { Storage } from "../src/index.ts";
import { hashOf, join, kimberliteIndex, text, u32 } from "./by-hand.ts";
import { type KimberliteRecord, KimberliteWriter, sentinelBytes } from "./kimberlite-writer.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { failureOf, flipped, shown } from "./testing.ts";

const ALL = Number.POSITIVE_INFINITY;
const opened: Storage[] = [];

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
});

const inStream = (files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> =>
  new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes]));

/** A disk that notes what changes, in order, and counts the bytes that are read of segments. */
class NotingDisk extends MemoryDisk {
  readonly changes: string[] = [];
  segmentBytesRead = 0;

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    super("/data", inStream(files));
  }

  override open(path: string, mode: OpenMode): DiskFile {
    if (mode === "create") this.changes.push(`create ${path}`);
    const file = super.open(path, mode);
    return {
      ...file,
      read: (target, position) => {
        if (path.endsWith(".log")) this.segmentBytesRead += target.length;
        return file.read(target, position);
      },
      write: (source, position) => {
        this.changes.push(`write ${path}`);
        return file.write(source, position);
      },
    };
  }

  override remove(path: string): void {
    this.changes.push(`remove ${path}`);
    super.remove(path);
  }

  override syncDirectory(path: string): void {
    this.changes.push(`sync ${path}`);
    super.syncDirectory(path);
  }

  contentOf(name: string): Buffer {
    const file = super.open(`/data/1/${name}`, "read");
    const bytes = Buffer.alloc(Number(file.size()));
    void file.read(bytes, 0);
    return bytes;
  }

  /** Names in stream 1's directory that begin with this. */
  namesOf(prefix: string): string[] {
    return this.list("/data/1")
      .filter((name) => name.startsWith(prefix))
      .sort();
  }
}

async function open(disk: MemoryDisk, readChunkBytes?: number): Promise<Storage> {
  const options = { disk, checkpoints: { everyNRecords: 0 }, maxSegmentBytes: 200 };
  const storage = await Storage.open(
    "/data",
    readChunkBytes === undefined ? options : { ...options, readChunkBytes },
  );
  opened.push(storage);
  return storage;
}

const batch = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => text(`event-${from + i}`));

describe("when a directory of Kimberlite is opened", () => {
  test("the index files of its last segment are gone, durably, before anything is appended; those before it are whole", async () => {
    const writer = new KimberliteWriter(240)
      .append(batch(4), true)
      .append(batch(1, 4), true)
      .checkpoint()
      .append(batch(1, 6), true);
    const disk = new NotingDisk(writer.files);
    expect(disk.namesOf("segment_000001.log")).toStrictEqual([
      "segment_000001.log",
      "segment_000001.log.idx",
      "segment_000001.log.idx.wal",
    ]);
    const storage = await open(disk);
    await storage.head(1n);
    expect(disk.namesOf("segment_000001.log")).toStrictEqual([
      "segment_000001.log",
      "segment_000001.log.idx2.wal",
    ]);
    for (const name of ["segment_000000.log", "segment_000000.log.idx"]) {
      expect(disk.contentOf(name)).toStrictEqual(writer.files.get(name));
    }
    expect(disk.namesOf("segment_000000.log")).toStrictEqual([
      "segment_000000.log",
      "segment_000000.log.idx",
      "segment_000000.log.idx2",
    ]);
    const removed = disk.changes.lastIndexOf("remove /data/1/segment_000001.log.idx.wal");
    expect(disk.changes.slice(removed - 2, removed + 2)).toStrictEqual([
      "remove /data/1/segment_000001.log.idx",
      "sync /data/1",
      "remove /data/1/segment_000001.log.idx.wal",
      "sync /data/1",
    ]);
    expect(disk.contentOf("segment_000001.log")).toStrictEqual(writer.files.get("segment_000001.log"));
  });

  test("its manifest gets the format, so that this is the last time; the next opening changes nothing", async () => {
    const writer = new KimberliteWriter(150).append(batch(3), true).append(batch(1, 3), true);
    const disk = new NotingDisk(writer.files);
    await (await open(disk)).head(1n);
    expect(JSON.parse(disk.contentOf("manifest.json").toString())).toStrictEqual({
      segments: [
        { segment_num: 0, first_offset: 0, next_offset: 3, size_bytes: 195 },
        { segment_num: 1, first_offset: 3, next_offset: 3, size_bytes: 0 },
      ],
      active_segment: 1,
      format: "sentinel",
    });
    for (const storage of opened.splice(0)) await storage.close();
    disk.changes.length = 0;
    await (await open(disk)).head(1n);
    expect(disk.changes.filter((change) => !change.startsWith("sync"))).toStrictEqual([]);
  });

  test("a last segment that it only named is made, and takes the next record", async () => {
    const writer = new KimberliteWriter(150).append(batch(3), true);
    expect(writer.files.has("segment_000001.log")).toBe(false);
    const disk = new NotingDisk(writer.files);
    const storage = await open(disk);
    expect(await storage.status(1n)).toMatchObject({ nextOffset: 3n, findings: [], lostEnd: undefined });
    expect(disk.contentOf("segment_000001.log")).toStrictEqual(Buffer.alloc(0));
    expect(disk.namesOf("segment_000001.log")).toStrictEqual([
      "segment_000001.log",
      "segment_000001.log.idx2.wal",
    ]);
    await storage.appendBatch(1n, [text("more")]);
    const { hash } = writer.records[2] ?? expect.fail();
    expect(disk.contentOf("segment_000001.log")).toStrictEqual(
      sentinelBytes({ offset: 3n, kind: "data", prevHash: hash, payload: text("more") }),
    );
  });

  test("a last segment that it only named is made, too, where the chain's end is lost with the one before; that is told", async () => {
    const writer = new KimberliteWriter(150).append(batch(3), true);
    writer.files.set(
      "segment_000000.log",
      (writer.files.get("segment_000000.log") ?? expect.fail()).subarray(0, 130),
    );
    const disk = new NotingDisk(writer.files);
    for (let round = 0; round < 2; round += 1) {
      const storage = await open(disk);
      const { findings, lostEnd } = await storage.status(1n);
      expect(findings[0]).toMatchObject({
        what: "size differs",
        action: "keep",
        error: { code: "truncated-log" },
      });
      expect(lostEnd).toMatchObject({ code: "missing-segment" });
      expect(await failureOf(() => storage.appendBatch(1n, [text("more")]))).toBe(lostEnd);
      expect((await storage.readRecords(1n, 0n, 14)).map(shown)).toStrictEqual(
        writer.records.slice(0, 2).map(shown),
      );
    }
    expect(disk.contentOf("manifest.json")).toStrictEqual(writer.files.get("manifest.json"));
    expect(disk.contentOf("segment_000000.log.idx")).toStrictEqual(
      writer.files.get("segment_000000.log.idx"),
    );
  });
});

describe("a look-up in an earlier segment", () => {
  /**
   * 100 records of 1000 bytes, as many again, and one in a segment of its own: the index of the segment
   * before that is read at opening.
   */
  const large = (): KimberliteWriter => {
    const full = Array.from({ length: 100 }, (_, i) => new Uint8Array(942).fill(i));
    return new KimberliteWriter(100_000).append(full, true).append(full, true).append(batch(1), true);
  };

  /**
   * How many bytes of segments are read for one record of each of some offsets, beyond what opening costs.
   */
  async function costOf(files: ReadonlyMap<string, Uint8Array>): Promise<number[]> {
    const costs: number[] = [];
    for (const offset of [1, 50, 99]) {
      const disk = new NotingDisk(files);
      const storage = await open(disk, 1000);
      await storage.head(1n);
      disk.segmentBytesRead = 0;
      const [record] = await storage.readRecords(1n, BigInt(offset), 1, { verify: "record" });
      expect(record?.payload[0]).toBe(offset);
      costs.push(disk.segmentBytesRead);
    }
    return costs;
  }

  test("costs what it returns where there is Kimberlite's index and none of ours: the record found, and read", async () => {
    expect(await costOf(large().files)).toStrictEqual([2000, 2000, 2000]);
  });

  test("is as cheap where there was none, or one that did not fit it, for opening has rebuilt it", async () => {
    const { files } = large();
    for (const index of [undefined, kimberliteIndex([0, 1000]), text("no index")]) {
      files.delete("segment_000000.log.idx");
      if (index !== undefined) files.set("segment_000000.log.idx", Buffer.from(index));
      for (const cost of await costOf(files)) expect(cost).toBeLessThan(10_000);
    }
  });

  /** Three records in 188 bytes, four, and one. */
  const eight = new KimberliteWriter(180)
    .append([text("event-0"), text(""), text("event-2")], true)
    .checkpoint()
    .append([text("a longer event, of forty-one bytes or so"), ...batch(2, 5)], true)
    .append(batch(1, 7), true);

  const increasing = fc
    .uniqueArray(fc.integer({ min: 1, max: 187 }), { minLength: 2, maxLength: 2 })
    .map((positions) => [0, ...positions.sort((a, b) => a - b)]);

  test.prop([increasing], { numRuns: 60 })(
    "gives the right record whatever places a whole index of Kimberlite's names",
    async (positions) => {
      const files = new Map(eight.files).set("segment_000000.log.idx", kimberliteIndex(positions));
      const storage = await open(new NotingDisk(files), 64);
      expect((await storage.status(1n)).segments[0]).toMatchObject({ nextOffset: 3n, bytes: 188 });
      for (const verify of ["record", "checkpoint", "genesis"] as const) {
        for (const [offset, expected] of eight.records.entries()) {
          const read: string[] = [];
          for await (const record of storage.iterate(1n, { from: BigInt(offset), verify })) {
            read.push(shown(record));
            break;
          }
          expect(read).toStrictEqual([shown(expected)]);
        }
      }
      const all = await storage.readRecords(1n, 0n, ALL);
      expect(all.map(shown)).toStrictEqual(eight.records.map(shown));
    },
  );

  test("gives the right record where Kimberlite's index names the places of another segment's records", async () => {
    for (const name of ["segment_000000.log.idx", "segment_000001.log.idx"]) {
      for (const other of ["segment_000000.log.idx", "segment_000001.log.idx"]) {
        const index = eight.files.get(other) ?? expect.fail();
        const storage = await open(new NotingDisk(new Map(eight.files).set(name, index)), 64);
        for (const [offset, expected] of eight.records.entries()) {
          for await (const record of storage.iterate(1n, { from: BigInt(offset), verify: "record" })) {
            expect(shown(record)).toBe(shown(expected));
            break;
          }
        }
      }
    }
  });

  test("C1 refuses a record that one flipped bit made a shorter one: Kimberlite's index knows where it ended", async () => {
    const first = text("event-0");
    const place = {
      offset: 1n,
      prevHash: hashOf(undefined, "data", first, "sentinel"),
      kind: "data",
    } as const;
    const shorter = sentinelBytes({ ...place, payload: text("12345678") });
    // Behind the eight bytes of its payload stand a checksum and a mark.
    const forged = join(text("12345678"), shorter.subarray(-8), text("8 more.."));
    const writer = new KimberliteWriter(100).append([first, forged], true).append(batch(1), true);
    const log = writer.files.get("segment_000000.log") ?? expect.fail();
    // 24 is 8 with bit 4 set; the length is 46 bytes into the record, which begins at 65.
    const broken = Buffer.from(flipped(log, (65 + 46) * 8 + 4));
    expect(broken.subarray(65 + 46, 65 + 50)).toStrictEqual(Buffer.from(u32(8)));
    expect(broken.subarray(65, 65 + 66)).toStrictEqual(shorter);
    writer.files.set("segment_000000.log", broken);
    const storage = await open(new NotingDisk(writer.files));
    const read = (offset: bigint): Promise<KimberliteRecord["payload"][]> =>
      storage.readFrom(1n, offset, 1, { verify: "record" });
    expect(await read(0n)).toHaveLength(1);
    expect(await failureOf(() => read(1n))).toMatchObject({ code: "checksum-mismatch", offset: 1n });
    expect(await read(2n)).toHaveLength(1);
  });
});
