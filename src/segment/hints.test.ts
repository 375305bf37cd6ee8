/**
 * I2 no single hint decides: an index or a manifest of another stream, segment or format cuts nothing and
 * changes no answer, and what is lost is reported until it is repaired.
 */
import CRC32 from "crc-32";
import { describe, expect, test } from "vitest";

import {
  END_MARK,
  frameBytes,
  HandLog,
  indexBytes,
  join,
  START_MARK,
  text,
  u32,
  u64,
} from "../../e2e/by-hand.ts";
import { contentOf, MemoryDisk } from "../../e2e/memory-disk.ts";
import { failureOf, flipped, openedStorages, shown } from "../../e2e/testing.ts";
import type { DiskFile, OpenMode } from "../disk/disk.ts";
import { formatNamed } from "../format/formats.ts";
import { Storage, type StorageOptions } from "../storage.ts";
import type { Format } from "../types.ts";
import { isIntactBeyondLimits } from "./scan.ts";

const openStorage = openedStorages({ checkpoints: { everyNRecords: 0 } });

const ALL = Number.POSITIVE_INFINITY;
const FORMATS: readonly Format[] = ["plain", "sentinel"];
const OTHER = { plain: "sentinel", sentinel: "plain" } as const;
const SEGMENT = (number: number): string => `1/segment_00000${number}.log`;
const MANIFEST = "1/manifest.json";
const INDEX = { plain: ".idx", sentinel: ".idx2" };

type Files = Map<string, Uint8Array>;

const open = (disk: MemoryDisk, options: StorageOptions = {}): Promise<Storage> =>
  openStorage("/data", { disk, ...options });

/** The files of stream 1 with these payloads in batches, closed. */
async function written(
  format: Format,
  batches: readonly (readonly string[])[],
  options: StorageOptions = {},
): Promise<{ files: Files; log: HandLog }> {
  const disk = new MemoryDisk("/data", new Map());
  const storage = await Storage.open("/data", {
    disk,
    format,
    checkpoints: { everyNRecords: 0 },
    ...options,
  });
  const log = new HandLog(0, format);
  for (const batch of batches) {
    await storage.appendBatch(1n, batch.map(text));
    log.append(...batch.map(text));
  }
  await storage.close();
  const names = disk.list("/data/1").map((name) => `1/${name}`);
  return { files: new Map(names.map((name) => [name, contentOf(disk, name)])), log };
}

/** Every answer is right, nothing is cut, and once it has been opened nothing is found any more. */
async function isWhole(files: Files, log: HandLog, options: StorageOptions = {}): Promise<void> {
  const disk = new MemoryDisk("/data", files);
  for (let opening = 1; opening <= 2; opening += 1) {
    const storage = await Storage.open("/data", { disk, checkpoints: { everyNRecords: 0 }, ...options });
    const { nextOffset, head, findings, format } = await storage.status(1n);
    expect({ nextOffset, format }).toStrictEqual({ nextOffset: log.nextOffset, format: log.format });
    expect(Buffer.from(head)).toStrictEqual(Buffer.from(log.head));
    expect((await storage.head(1n)).nextOffset).toBe(log.nextOffset);
    expect(findings.map(({ what }) => what)).toStrictEqual(
      opening === 1 ? findings.map(() => "damaged hint") : [],
    );
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    expect(records.map(shown)).toStrictEqual(log.records.map(shown));
    await storage.close();
  }
  for (const [name, bytes] of files)
    if (name.endsWith(".log")) expect(contentOf(disk, name)).toStrictEqual(Buffer.from(bytes));
  const storage = await open(disk, options);
  expect((await storage.appendBatch(1n, [text("more")])).firstOffset).toBe(log.nextOffset);
}

const edited = (files: Files, edit: (manifest: Record<string, unknown>) => void): Files => {
  const manifest = JSON.parse(Buffer.from(files.get(MANIFEST) ?? []).toString()) as Record<string, unknown>;
  edit(manifest);
  return new Map([...files, [MANIFEST, text(JSON.stringify(manifest))]]);
};

const BATCHES = [["a", "b"], ["c"], ["d", "e"]];

describe.each(FORMATS)("a manifest of a %s stream that is not its own", (format) => {
  test.each([
    ["one segment", 1 << 20],
    ["three segments", 60],
  ])("and names the other format decides nothing: %s", async (_, maxSegmentBytes) => {
    const { files, log } = await written(format, BATCHES, { maxSegmentBytes });
    expect(files.has(SEGMENT(1))).toBe(maxSegmentBytes === 60);
    await isWhole(
      edited(files, (manifest) => (manifest["format"] = OTHER[format])),
      log,
    );
    const other = await written(OTHER[format], BATCHES, { maxSegmentBytes });
    await isWhole(new Map([...files, [MANIFEST, other.files.get(MANIFEST) ?? text("")]]), log);
  });

  test("and counts records or bytes otherwise is outvoted by segment and index", async () => {
    const { files, log } = await written(format, BATCHES, { maxSegmentBytes: 60 });
    type Segments = { first_offset: number; next_offset: number; size_bytes: number }[];
    for (const by of [-1, 1, 1000]) {
      const shifted = edited(files, ({ segments }) => {
        const [first, ...later] = segments as Segments;
        if (first !== undefined) first.next_offset += by;
        for (const segment of later) {
          segment.first_offset += by;
          segment.next_offset += by;
        }
      });
      await isWhole(shifted, log);
      await isWhole(
        edited(files, ({ segments }) =>
          (segments as Segments).splice(0, 1, {
            ...(segments as [Segments[number]])[0],
            size_bytes: (segments as [Segments[number]])[0].size_bytes + by,
          }),
        ),
        log,
      );
    }
  });
});

test("a directory that Kimberlite wrote is one of sentinel, whatever its manifest says", async () => {
  const log = new HandLog(0, "sentinel").append(text("a"), text("b"));
  const manifest = {
    segments: [{ segment_num: 0, first_offset: 0, next_offset: 2, size_bytes: log.bytes().length }],
    active_segment: 0,
    format: "plain",
  };
  const files = new Map<string, Uint8Array>([
    [SEGMENT(0), log.bytes()],
    [`${SEGMENT(0)}.idx.wal`, join(u64(0n), u64(59n))],
    [MANIFEST, text(JSON.stringify(manifest))],
  ]);
  await isWhole(files, log);
});

describe.each(FORMATS)("an index of a %s segment that was made for another", (format) => {
  test("longer or shorter one is rebuilt, sealed or not, whatever is behind its end", async () => {
    const options = { maxSegmentBytes: 200, indexLogMaxEntries: 1 };
    const { files, log } = await written(
      format,
      [["a", "b"], ["long".repeat(80)], ["c"], ["dd", "e"], ["f"]],
      options,
    );
    const names = [...files.keys()].filter((name) => name.endsWith(INDEX[format]));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      for (const from of names)
        await isWhole(new Map([...files, [name, files.get(from) ?? text("")]]), log, options);
      await isWhole(new Map([...files, [name, text("")]]), log, options);
    }
  });

  test("one whose entry points into a record is contradicted by that record: nothing is cut", async () => {
    const log = new HandLog(0, format).append(text("x".repeat(700)), text("y"));
    const foreign = new HandLog(0, format).append(text("1"), text("2"), text("3"));
    const entries = foreign.entries();
    const end = foreign.bytes().length;
    const { files } = await written(format, [["x".repeat(700), "y"]]);
    const saved = `${SEGMENT(0)}${INDEX[format]}`;
    await isWhole(new Map([...files, [saved, indexBytes(entries, end, foreign.head)]]), log);
    await isWhole(new Map([...files, [`${saved}.wal`, frameBytes(entries, end, foreign.head)]]), log);
    await isWhole(new Map([...files, [saved, indexBytes([[0]], 10, log.head)]]), log);
  });

  test("a longer one of a sealed segment, with records of the same sizes, is outvoted by segment and manifest: it is rebuilt", async () => {
    const options = { maxSegmentBytes: format === "plain" ? 98 : 118 };
    const { files, log } = await written(format, [["a", "b"], ["c"]], options);
    expect(files.get(SEGMENT(0))).toStrictEqual(log.bytes(0, 2));
    const longer = new HandLog(0, format).append(text("A"), text("B"), text("C"));
    const index = indexBytes(longer.entries(), longer.bytes().length, longer.head);
    await isWhole(new Map([...files, [SEGMENT(0) + INDEX[format], index]]), log, options);
  });

  test("a flipped bit in that of the segment before an empty one is found when the chain goes on there: it is rebuilt", async () => {
    const options = { maxSegmentBytes: format === "plain" ? 49 : 59 };
    const { files } = await written(format, [["a"], ["b"], ["c"]], options);
    const log = new HandLog(0, format).append(text("a"), text("b"));
    const saved = SEGMENT(1) + INDEX[format];
    const bytes = files.get(saved) ?? expect.fail();
    const emptied = new Map([
      ...files,
      [SEGMENT(2), text("")],
      [`${SEGMENT(2)}${INDEX[format]}.wal`, text("")],
    ]);
    await isWhole(emptied, log, options);
    await isWhole(new Map([...emptied, [SEGMENT(2) + INDEX[format], text("no index")]]), log, options);
    await isWhole(new Map([...emptied, [saved, flipped(bytes, 8 * 20)]]), log, options);
  });

  test("one that nothing contradicts and that names more calls the end lost, at every opening; without it the stream is whole", async () => {
    const { files, log } = await written(format, [["a"], ["b"]]);
    const longer = await written(format, [["A"], ["B"], ["C"]]);
    const log3 = longer.log;
    const saved = `${SEGMENT(0)}${INDEX[format]}`;
    const disk = new MemoryDisk(
      "/data",
      new Map([...files, [saved, indexBytes(log3.entries(), log3.bytes().length, log3.head)]]),
    );
    for (let opening = 1; opening <= 2; opening += 1) {
      const storage = await Storage.open("/data", { disk });
      const { findings, lostEnd, nextOffset } = await storage.status(1n);
      expect(nextOffset).toBe(2n);
      expect(findings).toMatchObject([{ what: "lost end", action: "keep", error: { offset: 2n } }]);
      expect(await failureOf(() => storage.head(1n))).toBe(lostEnd);
      expect(await failureOf(() => storage.appendBatch(1n, [text("c")]))).toBe(lostEnd);
      const records = [await storage.readRecords(1n, 0n, 1), await storage.readRecords(1n, 1n, 1)].flat();
      expect(records.map(shown)).toStrictEqual(log.records.map(shown));
      await storage.close();
    }
    disk.remove(`/data/${saved}`);
    const storage = await open(disk);
    expect(await storage.status(1n)).toMatchObject({ nextOffset: 2n, findings: [], lostEnd: undefined });
  });
});

/** A disk on which the bytes of one file, behind those that it begins with, are zeros, and then some more. */
class SparseDisk extends MemoryDisk {
  readonly #start: Buffer;
  readonly #zeros: number;
  readonly #end: Buffer;

  constructor(files: Files, start: Buffer, zeros: number, end: Buffer) {
    super("/data", new Map([...files, [SEGMENT(0), text("")]]));
    this.#start = start;
    this.#zeros = zeros;
    this.#end = end;
  }

  override open(path: string, mode: OpenMode): DiskFile {
    const file = super.open(path, mode);
    if (!path.endsWith(SEGMENT(0))) return file;
    const tailAt = this.#start.length + this.#zeros;
    return {
      ...file,
      size: () => tailAt + this.#end.length,
      read: (target, position) => {
        expect(target.length).toBeLessThanOrEqual(1 << 20);
        const bytes = Math.max(0, Math.min(target.length, tailAt + this.#end.length - position));
        target.fill(0);
        if (position < this.#start.length) this.#start.copy(target, 0, position);
        if (position + bytes > tailAt)
          this.#end.copy(target, Math.max(0, tailAt - position), Math.max(0, position - tailAt));
        return bytes;
      },
      truncate: () => expect.fail("The segment was cut."),
    };
  }
}

describe("a record of 2^28 bytes, which Kimberlite may write, as the last one, that no manifest counts yet", () => {
  const ZEROS = 2 ** 28;
  const before = new HandLog(0, "sentinel").append(text("a"));
  const header = join(START_MARK, u64(1n), before.head, Uint8Array.of(0, 0), u32(ZEROS));
  const zeros = new Uint8Array(1 << 20);
  let crc = CRC32.buf(header);
  for (let at = 0; at < ZEROS; at += zeros.length) crc = CRC32.buf(zeros, crc);
  const manifest = {
    segments: [{ segment_num: 0, first_offset: 0, next_offset: 1, size_bytes: before.bytes().length }],
    active_segment: 0,
  };
  const files = new Map([[MANIFEST, text(JSON.stringify(manifest))]]);
  const start = join(before.bytes(), header);

  test("is kept as one that this version cannot read", async () => {
    const disk = new SparseDisk(files, start, ZEROS, join(u32(crc >>> 0), END_MARK));
    const storage = await open(disk);
    const { findings, nextOffset, lostEnd } = await storage.status(1n);
    expect(nextOffset).toBe(1n);
    expect(findings).toMatchObject([
      { what: "unreadable record", action: "keep", error: { code: "payload-too-large", offset: 1n } },
    ]);
    expect(lostEnd).toMatchObject({ position: before.bytes().length });
    expect(
      (await storage.readFrom(1n, 0n, 1)).map((payload) => Buffer.from(payload).toString()),
    ).toStrictEqual(["a"]);
  });

  test.each([
    [true, 0],
    [false, 1],
  ])("is one: %s, if its checksum is off by %i", async (isIntact, difference) => {
    const disk = new SparseDisk(files, start, ZEROS, join(u32((crc ^ difference) >>> 0), END_MARK));
    const path = `/data/${SEGMENT(0)}`;
    const file = disk.open(path, "read");
    const segment = { format: formatNamed("sentinel"), file, path, end: await file.size() };
    expect(await isIntactBeyondLimits(segment, before.bytes().length)).toBe(isIntact);
  });
});
