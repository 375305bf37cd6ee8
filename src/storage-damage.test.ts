/**
 * `Storage` over damaged segments: what is damaged is an error that names it, never wrong data; what is not
 * damaged stays readable; appends go on.
 */
import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { encoded, frameBytes, HandLog, indexBytes, join, text, u32, u64 } from "../e2e/by-hand.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { failureOf, filesIn, flipped, shown, temporaryDirectories } from "../e2e/testing.ts";
import { type Codec, CodecRegistry, Lz4Codec, NoneCodec } from "./format/codec.ts";
import { elementAt } from "./element-at.ts";
import { StorageError } from "./error.ts";
import { Storage, type StorageOptions } from "./storage.ts";
import type { Verification } from "./types.ts";

const newDirectory = temporaryDirectories();
const opened: Storage[] = [];

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
});

const ALL = Number.POSITIVE_INFINITY;
const BYTES_APART = 4;
const EVENTS = ["event1", "event2", "event3", "e", "event6", "event7", "event9", "event10", "event11"].map(
  text,
);

/** A checkpoint after every third offset: at 3, 6, 9, 12. */
const EVERY_3: StorageOptions = { checkpoints: { everyNRecords: 3 } };

type Files = Map<string, Uint8Array>;

/** A directory's files, stream 1 in it, and the log it holds. */
async function filled(options: StorageOptions): Promise<{ files: Files; log: HandLog }> {
  const directory = newDirectory();
  const storage = await Storage.open(directory, { ...EVERY_3, ...options });
  const log = new HandLog(3, options.format);
  for (const event of EVENTS) {
    await storage.appendBatch(1n, [event], { fsync: false });
    log.append(event);
    await storage.sync(1n);
  }
  await storage.close();
  return { files: filesIn(directory), log };
}

async function openOver(files: Files, options: StorageOptions = {}): Promise<Storage> {
  const storage = await Storage.open("/data", {
    ...EVERY_3,
    ...options,
    disk: new MemoryDisk("/data", files),
  });
  opened.push(storage);
  return storage;
}

/** What a read of one record gives: the record, or the error's code and the offset that it names. */
async function at(storage: Storage, offset: number, verify: Verification): Promise<string> {
  try {
    const [record] = await storage.readRecords(1n, BigInt(offset), 1, { verify });
    return record === undefined ? "nothing" : shown(record);
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    const { code, stream, offset: named, file } = error as StorageError;
    expect(stream).toBe(1n);
    expect(file).toMatch(/^\/data\/1\/segment_\d{6}\.log$/);
    return `${code} at ${String(named)}`;
  }
}

const everyOffset = (log: HandLog): number[] => log.records.map((_, offset) => offset);

const FILE = (segment: number): string => `1/segment_00000${segment}.log`;

/** Where each record is: the segment file, and its first byte there. */
function placesIn(files: Files, log: HandLog): { file: string; position: number; size: number }[] {
  let segment = 0;
  let position = 0;
  return log.records.map((record) => {
    const size = encoded(record, log.format).length;
    if (position === (files.get(FILE(segment))?.length ?? 0)) {
      segment += 1;
      position = 0;
    }
    const place = { file: FILE(segment), position, size };
    position += size;
    return place;
  });
}

/** The files with a bit flipped in the record at `offset`, `byte` bytes into it. */
function damaged(files: Files, log: HandLog, offset: number, byte: number): Files {
  const place = placesIn(files, log)[offset];
  const bytes = files.get(place?.file ?? "");
  if (place === undefined || bytes === undefined) return expect.fail(`There is no record ${offset}.`);
  return new Map([...files, [place.file, flipped(bytes, (place.position + byte) * 8 + (byte % 8))]]);
}

const LAYOUTS: readonly [string, StorageOptions][] = [
  ["one segment", {}],
  ["one segment, its index saved", { indexLogMaxEntries: 4 }],
  ["two records a segment", { maxSegmentBytes: 150 }],
  ["format sentinel, its index saved", { format: "sentinel", indexLogMaxEntries: 4 }],
  ["format sentinel, several segments", { format: "sentinel", maxSegmentBytes: 65 }],
];

describe.each(LAYOUTS)("one flipped bit: %s", (_, options) => {
  test("C1 no single fault in stored bytes makes a read return wrong data: the right data or an error", async () => {
    const { files, log } = await filled(options);
    const right = log.records.map(shown);
    for (const [offset, { size }] of placesIn(files, log).entries()) {
      // Of every record other bytes, so that each place in a record has its turn.
      for (let byte = offset % BYTES_APART; byte < size; byte += BYTES_APART) {
        const storage = await openOver(damaged(files, log, offset, byte), options);
        for (const verify of ["record", "genesis"] as const) {
          for (const read of everyOffset(log)) {
            const found = await at(storage, read, verify);
            if (verify === "record" && read !== offset) expect(found).toBe(right[read]);
            else if (verify === "genesis" && read < offset) expect(found).toBe(right[read]);
            else expect(found).toMatch(new RegExp(`^(incomplete|checksum-mismatch|malformed) at ${offset}$`));
          }
        }
      }
    }
  });

  test("C3 damage at one record leaves all records outside its checkpoint interval readable", async () => {
    const { files, log } = await filled(options);
    const right = log.records.map(shown);
    const checkpoints = everyOffset(log).filter((offset) => log.records[offset]?.kind === "checkpoint");
    expect(checkpoints).toStrictEqual([3, 6, 9, 12]);
    for (const offset of everyOffset(log)) {
      const end = checkpoints.find((checkpoint) => checkpoint > offset) ?? log.records.length;
      const storage = await openOver(damaged(files, log, offset, 20), options);
      for (const read of everyOffset(log)) {
        const found = await at(storage, read, "checkpoint");
        if (read < offset || read >= end) expect(found).toBe(right[read]);
        else expect(found).toMatch(/^checksum-mismatch at /);
      }
    }
  });

  test("appends go on behind it, and are there after reopening", async () => {
    const { files, log } = await filled(options);
    const right = log.records.map(shown);
    for (const offset of everyOffset(log)) {
      const longer = new HandLog(0, log.format);
      longer.records.push(...log.records);
      const disk = new MemoryDisk("/data", damaged(files, log, offset, 20));
      const settings: StorageOptions = { checkpoints: { everyNRecords: 0 }, maxSegmentBytes: 10_000, disk };
      const storage = await Storage.open("/data", settings);
      const { head } = await storage.appendBatch(1n, [text("more")]);
      expect(Buffer.from(head)).toStrictEqual(Buffer.from(longer.append(text("more")).head));
      await storage.close();
      const again = await Storage.open("/data", settings);
      opened.push(again);
      expect((await again.head(1n)).nextOffset).toBe(longer.nextOffset);
      for (const read of everyOffset(longer)) {
        const expected = [...right, ...longer.records.slice(-1).map(shown)][read];
        const found = await at(again, read, "record");
        expect(found).toBe(read === offset ? `checksum-mismatch at ${offset}` : expected);
      }
    }
  });

  test("a read over several records gives none of them if one cannot be read; an iteration those before it", async () => {
    const { files, log } = await filled(options);
    const storage = await openOver(damaged(files, log, 4, 20), options);
    const error = await failureOf(() => storage.readFrom(1n, 0n, ALL));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "checksum-mismatch", stream: 1n, offset: 4n });
    const seen: string[] = [];
    const iteration = async (): Promise<void> => {
      for await (const record of storage.iterate(1n)) seen.push(shown(record));
    };
    expect(await failureOf(iteration)).toMatchObject({ code: "checksum-mismatch", offset: 4n });
    expect(seen).toStrictEqual(log.records.slice(0, 4).map(shown));
  });

  test("C2 with the index files gone: no record is dropped but with an error that names it", async () => {
    const { files, log } = await filled(options);
    const right = log.records.map(shown);
    const indexless = new Map([...files].filter(([name]) => !/\.(idx2?|wal)$/.test(name)));
    // Nothing tells a damaged last record from a torn one.
    for (const offset of everyOffset(log).slice(0, -1)) {
      const storage = await openOver(damaged(indexless, log, offset, 20), options);
      expect((await storage.head(1n)).nextOffset).toBe(log.nextOffset);
      expect(await at(storage, offset, "record")).toBe(`checksum-mismatch at ${offset}`);
      for (const read of everyOffset(log).filter((other) => other < offset)) {
        expect(await at(storage, read, "record")).toBe(right[read]);
      }
    }
  });
});

describe("what recovery reports", () => {
  test("a damaged last record below the watermark is corruption: it is kept, and the head is known", async () => {
    const { files, log } = await filled({});
    const broken = damaged(files, log, 12, 50);
    const storage = await openOver(broken);
    const status = await storage.status(1n);
    expect(Buffer.from(status.head)).toStrictEqual(Buffer.from(log.head));
    expect(status.findings).toMatchObject([
      { what: "corruption", action: "keep", error: { code: "checksum-mismatch", stream: 1n, offset: 12n } },
    ]);
  });

  test("a flipped bit in the middle, the write-ahead file gone: nothing is cut off, the place is named", async () => {
    const { files, log } = await filled({});
    const broken = damaged(files, log, 4, 20);
    broken.delete("1/segment_000000.log.idx.wal");
    const storage = await openOver(broken);
    const status = await storage.status(1n);
    expect(status.nextOffset).toBe(13n);
    expect(status.findings).toMatchObject([
      {
        what: "damage, watermark unknown",
        action: "keep",
        error: { offset: 4n, position: expect.any(Number) as number },
      },
      { what: "damaged hint", action: "keep", error: { code: "damaged-hint" } },
    ]);
    expect(await at(storage, 4, "record")).toBe("checksum-mismatch at 4");
    expect(await at(storage, 5, "record")).toBe(shown(log.records[5] ?? expect.fail()));
    const longer = new HandLog();
    longer.records.push(...log.records);
    const result = await storage.appendBatch(1n, [text("more")]);
    expect(Buffer.from(result.head)).toStrictEqual(Buffer.from(longer.append(text("more")).head));
    expect(await at(storage, 13, "record")).toBe(shown(longer.records[13] ?? expect.fail()));
  });

  test.each([
    ["at a record's end", (log: HandLog) => log.bytes(0, 8), 8],
    ["to nothing", () => text(""), 0],
    ["inside its last record", (log: HandLog) => log.bytes().subarray(0, -1), 12],
    ["inside its last record's header", (log: HandLog) => log.bytes().subarray(0, -60), 12],
  ])(
    "a segment cut %s is no shorter log: its end is lost, at every opening, until the segment is put back",
    async (_, cut, there) => {
      const { files, log } = await filled({});
      const disk = new MemoryDisk("/data", new Map([...files, [FILE(0), cut(log)]]));
      for (let opening = 1; opening <= 3; opening += 1) {
        const storage = await Storage.open("/data", { ...EVERY_3, disk });
        const { lostEnd, ...status } = await storage.status(1n);
        expect(status.nextOffset).toBe(BigInt(there));
        expect(status.findings).toMatchObject([{ action: "keep", error: { offset: BigInt(there) } }]);
        expect(lostEnd).toBeInstanceOf(StorageError);
        expect(await failureOf(() => storage.head(1n))).toBe(lostEnd);
        expect(await failureOf(() => storage.appendBatch(1n, [text("more")]))).toBe(lostEnd);
        for (const read of everyOffset(log)) {
          const found = await at(storage, read, "record");
          expect(found).toMatch(read < there ? /^\d+ \w+ after / : / at /);
        }
        await storage.close();
      }
      expect(disk.open(`/data/${FILE(0)}`, "read").size()).toBe(cut(log).length);
    },
  );

  test.each([
    ["the manifest knows better", []],
    ["so it does if the segment's index is gone", [".idx"]],
  ])("a sealed segment cut at a record's end: %s", async (_, gone) => {
    const { files, log } = await filled({ maxSegmentBytes: 150 });
    const places = placesIn(files, log);
    const [second] = places.filter(({ position }) => position > 0);
    if (second === undefined) return expect.fail("Some segment has two records.");
    const offset = places.indexOf(second);
    const bytes = files.get(second.file) ?? text("");
    const cut = new Map([...files, [second.file, bytes.subarray(0, second.position)]]);
    for (const suffix of gone) expect(cut.delete(`${second.file}${suffix}`)).toBe(true);
    const storage = await openOver(cut);
    const status = await storage.status(1n);
    expect(status.nextOffset).toBe(13n);
    expect(status.findings[0]).toMatchObject({ what: "size differs", error: { code: "truncated-log" } });
    for (const read of everyOffset(log)) {
      const found = await at(storage, read, "record");
      if (read === offset) expect(found).toContain(` at ${offset}`);
      else expect(found).toBe(shown(log.records[read] ?? expect.fail()));
    }
  });
});

describe("with the write-ahead file gone, what stands behind the last record", () => {
  const two = new HandLog().append(text("event1"), text("event2"));
  const four = new HandLog().append(...["event1", "event2", "event3", "event4"].map(text));

  /** Headers at every 48th byte, each of a later offset and claiming all the bytes behind it. */
  const likeRecords = (): Uint8Array => {
    const bytes = Buffer.alloc(48 * 300);
    for (let at = 0; at < bytes.length; at += 48) {
      bytes.set(join(u64(BigInt(2 + at / 48)), new Uint8Array(32), u32(bytes.length - at - 48)), at);
    }
    return bytes;
  };

  test("is cut off and kept aside if nothing there could be a record", async () => {
    const tail = four.bytes(2, 3).subarray(0, 27);
    const disk = new MemoryDisk("/data", new Map([[FILE(0), join(two.bytes(), tail)]]));
    const storage = await Storage.open("/data", { disk });
    opened.push(storage);
    const { nextOffset, findings } = await storage.status(1n);
    expect(nextOffset).toBe(2n);
    expect(findings).toMatchObject([
      { what: "torn tail, watermark unknown", action: "cut", error: { code: "incomplete", offset: 2n } },
      { what: "damaged hint", error: { file: `/data/${FILE(0)}.idx.wal` } },
      { what: "damaged hint", error: { file: "/data/1/manifest.json" } },
    ]);
    const aside = disk.open(findings[0]?.quarantine ?? "", "read");
    const kept = new Uint8Array(tail.length);
    expect([await aside.size(), await aside.read(kept, 0)]).toStrictEqual([27, 27]);
    expect(Buffer.from(kept)).toStrictEqual(tail);
    await storage.appendBatch(1n, [text("event3")], { expectedOffset: 2n });
    expect(await at(storage, 2, "genesis")).toBe(shown(four.records[2] ?? expect.fail()));
  });

  test.each<[string, string, HandLog, Uint8Array]>([
    ["an intact record of another offset", "wrong-offset", two, four.bytes(3)],
    [
      "an intact record of another chain",
      "broken-chain",
      two,
      encoded({ ...(four.records[2] ?? expect.fail()), prevHash: four.head }),
    ],
    ["a later record, and nothing before it", "wrong-offset", new HandLog(), two.bytes(1)],
    ["so much that looks like records that not all of it is tried", "checksum-mismatch", two, likeRecords()],
  ])("stays, and is reported, if it is %s", async (_, code, log, tail) => {
    const bytes = join(log.bytes(), tail);
    const disk = new MemoryDisk("/data", new Map([[FILE(0), bytes]]));
    const storage = await Storage.open("/data", { disk });
    opened.push(storage);
    const place = { code, offset: log.nextOffset, position: log.bytes().length };
    const { nextOffset, findings, lostEnd } = await storage.status(1n);
    expect(nextOffset).toBe(log.nextOffset);
    expect(lostEnd).toMatchObject(place);
    expect(findings).toMatchObject(
      [
        { what: "damage, watermark unknown", action: "keep", error: place },
        { what: "damaged hint", error: { file: `/data/${FILE(0)}.idx.wal` } },
        { what: "damaged hint" },
      ].slice(0, findings.length),
    );
    expect(findings.length).toBeGreaterThan(1);
    expect(await failureOf(() => storage.appendBatch(1n, [text("more")]))).toMatchObject(place);
    const kept = new Uint8Array(bytes.length + 1);
    expect(await disk.open(`/data/${FILE(0)}`, "read").read(kept, 0)).toBe(bytes.length);
    expect(Buffer.from(kept).subarray(0, -1)).toStrictEqual(bytes);
  });

  test("is nothing to tell if the segment has no records: then there was nothing to name", async () => {
    const storage = await openOver(new Map([[FILE(0), text("")]]));
    expect((await storage.status(1n)).findings).toStrictEqual([]);
    await storage.appendBatch(1n, [text("event1")], { expectedOffset: 0n });
    expect(await at(storage, 0, "genesis")).toBe(shown(two.records[0] ?? expect.fail()));
  });
});

describe("a saved index that its last record does not bear out was made for another segment: it is told and rebuilt", () => {
  const log = new HandLog().append(text("event1"), text("event2"), text("event3"));

  test.each<[string, Uint8Array]>([
    ["it takes two records for one", indexBytes([[0], [54]], 162, log.head)],
    ["it leaves a record out", indexBytes([[0], [108]], 162, log.head)],
    ["it knows another hash", indexBytes([[0], [54], [108]], 162, new Uint8Array(32))],
  ])("%s", async (_, index) => {
    const files = new Map([
      [FILE(0), log.bytes()],
      [`${FILE(0)}.idx`, index],
      [`${FILE(0)}.idx.wal`, frameBytes([[0], [54], [108]], 162, log.head)],
    ]);
    const storage = await openOver(files);
    const { findings, ...end } = await storage.status(1n);
    expect(findings[0]).toMatchObject({ what: "damaged hint", error: { file: `/data/${FILE(0)}.idx` } });
    expect(Buffer.from(end.head)).toStrictEqual(Buffer.from(log.head));
    for (const read of everyOffset(log)) {
      expect(await at(storage, read, "record")).toBe(shown(log.records[read] ?? expect.fail()));
    }
  });
});

describe("D3 recovering twice is recovering once", () => {
  /**
   * What opening shows: where the stream ends, each record or the error in its place, and the damage that was
   * found.
   */
  async function shownBy(disk: MemoryDisk, options: StorageOptions, log: HandLog): Promise<unknown> {
    const storage = await Storage.open("/data", { ...EVERY_3, ...options, disk });
    const status = await storage.status(1n);
    const records: string[] = [];
    for (const offset of everyOffset(log)) records.push(await at(storage, offset, "record"));
    await storage.close();
    // Told again is what the last segment lacks: a damaged hint is rebuilt, and earlier segments are not
    // looked at every time.
    const last = FILE(status.segments.length - 1);
    const damage = status.findings.filter(
      ({ what, error }) => what !== "damaged hint" && error.file === `/data/${last}`,
    );
    return {
      nextOffset: status.nextOffset,
      head: Buffer.from(status.head).toString("hex"),
      damage: damage.map(({ what, action, error }) => `${what}: ${action} at ${String(error.offset)}`),
      records,
    };
  }

  const LOSSES: readonly [string, RegExp][] = [
    ["nothing", /^$/],
    ["the saved indexes", /\.idx2?$/],
    ["the write-ahead file", /\.wal$/],
    ["all index files", /\.(idx2?|wal)$/],
    ["all but the segments", /\.(idx2?|wal)$|manifest\.json$/],
  ];

  test.each(
    LAYOUTS.flatMap(([name, options]) =>
      LOSSES.map(([lost, pattern]) => [name, lost, options, pattern] as const),
    ),
  )(
    "%s, a record damaged and %s lost: the same is shown, and the damage told again",
    async (_, _lost, options, pattern) => {
      const { files, log } = await filled(options);
      // Where everything is lost but the segments, the last record is cut off as torn: told once, by its
      // nature.
      for (const offset of everyOffset(log).slice(0, -1)) {
        const broken = [...damaged(files, log, offset, 20)].filter(([file]) => !pattern.test(file));
        const disk = new MemoryDisk("/data", new Map(broken));
        const first = await shownBy(disk, options, log);
        expect(await shownBy(disk, options, log)).toStrictEqual(first);
        expect(await shownBy(disk, options, log)).toStrictEqual(first);
      }
    },
  );
});

describe("a record is damaged in the middle, the saved index is gone", () => {
  test("what lies behind it is found again, the head is known, appends go on", async () => {
    const settings: StorageOptions = { indexLogMaxEntries: 1 };
    const { files, log } = await filled(settings);
    const right = log.records.map(shown);
    for (const offset of everyOffset(log).slice(0, -1)) {
      const broken = damaged(files, log, offset, 20);
      expect(broken.delete("1/segment_000000.log.idx")).toBe(true);
      const storage = await openOver(broken, settings);
      for (const read of everyOffset(log)) {
        expect(await at(storage, read, "record")).toBe(
          read === offset ? `checksum-mismatch at ${offset}` : right[read],
        );
      }
      const longer = new HandLog(3);
      longer.records.push(...log.records);
      const { head } = await storage.appendBatch(1n, [text("more")]);
      expect(Buffer.from(head)).toStrictEqual(Buffer.from(longer.append(text("more")).head));
    }
  });
});

describe("an intact record that this reader cannot read is no torn write", () => {
  const payload = new Uint8Array(500);

  /** One record named in the index, and one that only the segment shows: both lz4. */
  async function compressed(): Promise<Files> {
    const directory = newDirectory();
    const storage = await Storage.open(directory, { compression: "lz4" });
    await storage.appendBatch(1n, [payload]);
    const frames = filesIn(directory).get("1/segment_000000.log.idx.wal") ?? text("");
    await storage.appendBatch(1n, [payload]);
    await storage.close();
    return new Map([...filesIn(directory), ["1/segment_000000.log.idx.wal", frames]]);
  }

  test("for want of a codec: nothing is cut off, and with the codec everything is there", async () => {
    const files = await compressed();
    const disk = new MemoryDisk("/data", files);
    const without = await Storage.open("/data", { disk, codecs: new CodecRegistry([new NoneCodec()]) });
    const { findings } = await without.status(1n);
    expect(findings.map(({ action }) => action)).not.toContain("cut");
    for (const offset of [0, 1]) expect(await at(without, offset, "record")).toContain("unknown-codec at ");
    expect(await failureOf(() => without.appendBatch(1n, [payload]))).toBeInstanceOf(StorageError);
    await without.close();
    const storage = await Storage.open("/data", { disk });
    opened.push(storage);
    expect(
      (await storage.readFrom(1n, 0n, ALL)).map((found) => Buffer.compare(found, payload)),
    ).toStrictEqual([0, 0]);
    expect((await storage.status(1n)).findings).toStrictEqual([]);
  });

  test("for a codec that throws what is no StorageError: it is thrown on, and nothing is cut off", async () => {
    const files = await compressed();
    const disk = new MemoryDisk("/data", files);
    const lz4 = new Lz4Codec();
    const mistake = new RangeError("the codec's own");
    let isBroken = true;
    const broken: Codec = {
      kind: "lz4",
      compress: (bytes) => lz4.compress(bytes),
      decompress: (stored) => {
        if (isBroken) throw mistake;
        return lz4.decompress(stored);
      },
    };
    const settings: StorageOptions = { disk, codecs: new CodecRegistry([new NoneCodec(), broken]) };
    const unopened = await Storage.open("/data", settings);
    opened.push(unopened);
    expect(await failureOf(() => unopened.head(1n))).toBe(mistake);
    isBroken = false;
    const storage = await Storage.open("/data", settings);
    opened.push(storage);
    expect(await storage.status(1n)).toMatchObject({ nextOffset: 2n, findings: [] });
    isBroken = true;
    expect(await failureOf(() => storage.readFrom(1n, 0n, ALL))).toBe(mistake);
    isBroken = false;
    expect(await storage.readFrom(1n, 0n, ALL)).toHaveLength(2);
  });

  test("for a payload that does not expand under a right CRC: the read says so, with the offset", async () => {
    const log = new HandLog().append(text("event1"));
    const first = log.records[0] ?? expect.fail();
    const record = {
      offset: 1n,
      prevHash: first.hash,
      kind: "data",
      compression: 1,
      payload: text("no block"),
    } as const;
    const files = new Map<string, Uint8Array>([
      [FILE(0), join(log.bytes(), encoded(record))],
      [`${FILE(0)}.idx.wal`, frameBytes([[0], [54]], 108 + 2, log.head)],
    ]);
    const storage = await openOver(files);
    expect(await at(storage, 0, "record")).toBe(shown(first));
    expect(await at(storage, 1, "record")).toMatch(/^(undecodable-payload|payload-limit) at 1$/);
  });
});

describe("where the end is lost, nothing is appended and no read to the end succeeds", () => {
  /** The saved index gone; the write-ahead file still proves how far the segment once was durable. */
  async function withoutIndex(
    segment: (log: HandLog, bytes: Uint8Array) => Uint8Array,
  ): Promise<[Storage, HandLog]> {
    const settings: StorageOptions = { indexLogMaxEntries: 1 };
    const { files, log } = await filled(settings);
    files.set(FILE(0), segment(log, files.get(FILE(0)) ?? text("")));
    expect(files.delete("1/segment_000000.log.idx")).toBe(true);
    return [await openOver(files, settings), log];
  }

  async function expectLostAt(storage: Storage, log: HandLog, offset: number, code: string): Promise<void> {
    for (const work of [
      () => storage.appendBatch(1n, [text("more")]),
      () => storage.appendCheckpoint(1n),
      () => storage.readFrom(1n, 0n, ALL),
      () => storage.readFrom(1n, BigInt(offset), ALL, { verify: "record" }),
    ]) {
      const error = await failureOf(work);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code, stream: 1n, offset: BigInt(offset) });
    }
    for (const read of everyOffset(log).slice(0, offset)) {
      expect(await at(storage, read, "checkpoint")).toBe(shown(log.records[read] ?? expect.fail()));
    }
  }

  test("the last record is damaged", async () => {
    const [storage, log] = await withoutIndex((whole, bytes) =>
      flipped(bytes, (whole.bytes(0, 12).length + 20) * 8),
    );
    await expectLostAt(storage, log, 12, "checksum-mismatch");
    expect((await storage.status(1n)).findings).toMatchObject([{ what: "corruption", action: "keep" }]);
  });

  test("the segment ends at a record's end", async () => {
    const [storage, log] = await withoutIndex((whole) => whole.bytes(0, 11));
    await expectLostAt(storage, log, 11, "truncated-log");
    expect((await storage.status(1n)).findings).toMatchObject([{ what: "lost end", action: "keep" }]);
  });

  test("the segment ends inside a record", async () => {
    const [storage, log] = await withoutIndex((whole) => whole.bytes(0, 11).subarray(0, -3));
    await expectLostAt(storage, log, 10, "incomplete");
    expect((await storage.status(1n)).findings).toMatchObject([{ what: "corruption", action: "keep" }]);
  });
});

describe("a segment file that is gone is reported, not a shorter log", () => {
  const settings: StorageOptions = { maxSegmentBytes: 150 };

  test("the last: what lies before it is readable, its end is not known", async () => {
    const { files, log } = await filled(settings);
    const places = placesIn(files, log);
    const last =
      [...files.keys()]
        .filter((name) => name.endsWith(".log"))
        .sort()
        .at(-1) ?? "";
    const first = places.findIndex(({ file }) => file === last);
    files.delete(last);
    const storage = await openOver(files, settings);
    expect(first).toBeGreaterThan(3);
    for (const [offset, record] of log.records.slice(0, first).entries()) {
      expect(await at(storage, offset, "record")).toBe(shown(record));
    }
    const { nextOffset, findings, lostEnd } = await storage.status(1n);
    expect(nextOffset).toBe(BigInt(first));
    expect(findings).toMatchObject([{ what: "missing segment", action: "keep" }]);
    expect(lostEnd).toBe(findings[0]?.error);
    for (const work of [
      () => storage.head(1n),
      () => storage.readFrom(1n, 0n, ALL, { verify: "record" }),
      () => storage.appendBatch(1n, [text("more")]),
    ]) {
      const error = await failureOf(work);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code: "missing-segment", stream: 1n, file: `/data/${last}` });
    }
    expect((await storage.head(2n)).nextOffset).toBe(0n);
  });

  test("each of the others: its records are errors that say so, the others are there, appends go on", async () => {
    const { files, log } = await filled(settings);
    const places = placesIn(files, log);
    const segments = [...new Set(places.map(({ file }) => file))];
    expect(segments.length).toBeGreaterThan(3);
    for (const gone of segments.slice(0, -1)) {
      const rest = new Map([...files].filter(([name]) => name !== gone));
      const storage = await openOver(rest, settings);
      const status = await storage.status(1n);
      expect(status.nextOffset).toBe(13n);
      expect(status.findings).toMatchObject([
        {
          what: "missing segment",
          action: "keep",
          error: { code: "missing-segment", file: `/data/${gone}` },
        },
      ]);
      for (const read of everyOffset(log)) {
        const found = await at(storage, read, "record");
        if (places[read]?.file === gone) expect(found).toBe(`missing-segment at ${read}`);
        else expect(found).toBe(shown(log.records[read] ?? expect.fail()));
      }
      const error = await failureOf(() => storage.readFrom(1n, 0n, ALL, { verify: "genesis" }));
      expect(error).toMatchObject({ code: "missing-segment" });
      const longer = new HandLog(3);
      longer.records.push(...log.records);
      const { head } = await storage.appendBatch(1n, [text("more")]);
      expect(Buffer.from(head)).toStrictEqual(Buffer.from(longer.append(text("more")).head));
    }
  });

  test("one in the middle and the manifest: nobody takes it for a shorter log", async () => {
    const { files, log } = await filled(settings);
    const rest = new Map([...files].filter(([name]) => name !== FILE(2) && name !== "1/manifest.json"));
    const storage = await openOver(rest, settings);
    const read = storage.readFrom(1n, 0n, ALL, { verify: "genesis" });
    expect(await failureOf(() => read)).toMatchObject({ code: "missing-segment", stream: 1n });
    const head = await storage.head(1n).catch((error: unknown) => error);
    if (head instanceof StorageError) expect(head.code).toBe("missing-segment");
    else expect(head).toMatchObject({ nextOffset: log.nextOffset });
  });

  test("the last two: what lies before them is readable, and neither the end nor the hash there is known", async () => {
    const { files, log } = await filled(settings);
    const places = placesIn(files, log);
    const [lost, last] = [...new Set(places.map(({ file }) => file))].slice(-2);
    const storage = await openOver(new Map([...files].filter(([name]) => name !== lost && name !== last)));
    const { nextOffset, head, findings, lostEnd } = await storage.status(1n);
    expect(nextOffset).toBe(BigInt(places.findIndex(({ file }) => file === last)));
    expect(Buffer.from(head)).toStrictEqual(Buffer.alloc(32));
    expect(findings.map(({ what, error }) => [what, error.file])).toStrictEqual([
      ["missing segment", `/data/${lost ?? ""}`],
      ["missing segment", `/data/${last ?? ""}`],
    ]);
    expect(lostEnd).toMatchObject({ code: "missing-segment", file: `/data/${last ?? ""}` });
    for (const [read, { file }] of places.entries()) {
      const found = await at(storage, read, "record");
      if (file === lost || file === last) expect(found).toMatch(/^missing-segment at /);
      else expect(found).toBe(shown(log.records[read] ?? expect.fail()));
    }
  });

  test.each([[[4]], [[3, 4]]])(
    "%j in the middle, and a manifest from before: what follows says where it belongs",
    async (numbers) => {
      const gone = numbers.map(FILE);
      const { files, log } = await filled(settings);
      const places = placesIn(files, log);
      const manifest = JSON.parse(Buffer.from(files.get("1/manifest.json") ?? []).toString()) as {
        segments: unknown[];
      };
      const older = { ...manifest, segments: manifest.segments.slice(0, 3), active_segment: 2 };
      const stale = new Map([...files, ["1/manifest.json", text(JSON.stringify(older))] as const]);
      for (const name of gone) expect(stale.delete(name)).toBe(true);
      const storage = await openOver(stale, settings);
      expect((await storage.head(1n)).nextOffset).toBe(log.nextOffset);
      for (const read of everyOffset(log)) {
        const found = await at(storage, read, "record");
        if (gone.includes(places[read]?.file ?? "")) expect(found).toBe(`missing-segment at ${read}`);
        else expect(found).toBe(shown(log.records[read] ?? expect.fail()));
      }
    },
  );

  test("the one before an empty last one: the chain's end is lost with it, so nothing is appended", async () => {
    const { files, log } = await filled(settings);
    const last = [...files.keys()].filter((name) => name.endsWith(".log")).length;
    const rest = new Map([
      ...files,
      [FILE(last), text("")] as const,
      [`${FILE(last)}.idx.wal`, text("")] as const,
    ]);
    rest.delete(FILE(last - 1));
    const storage = await openOver(rest, settings);
    expect(await failureOf(() => storage.appendBatch(1n, [text("more")]))).toMatchObject({
      code: "missing-segment",
    });
    expect(await failureOf(() => storage.readFrom(1n, 0n, ALL))).toMatchObject({ code: "missing-segment" });
    expect(await at(storage, 0, "record")).toBe(shown(log.records[0] ?? expect.fail()));
  });

  test("a number far beyond all others: the segments between are not counted one by one", async () => {
    const { files } = await filled(settings);
    const storage = await openOver(new Map([...files, ["1/segment_99999999999999.log", text("")]]), settings);
    expect(await failureOf(() => storage.head(1n))).toMatchObject({ code: "missing-segment", stream: 1n });
  });

  test("a file that vanishes while the storage is open is an error too", async () => {
    const directory = newDirectory();
    const storage = await Storage.open(directory, settings);
    opened.push(storage);
    for (const event of EVENTS) await storage.appendBatch(1n, [event]);
    fs.rmSync(path.join(directory, "1/segment_000001.log"));
    const error = await failureOf(() => storage.readFrom(1n, 2n, ALL));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "missing-segment", offset: 2n });
  });
});

describe.each([
  { format: "plain", overheadBytes: 48, lengthAt: 40 },
  { format: "sentinel", overheadBytes: 58, lengthAt: 46 },
] as const)(
  "$format: C1 one flipped bit in the length of a record that holds the checksum of a shorter one",
  ({ format, overheadBytes, lengthAt }) => {
    const first = new HandLog(0, format).append(text("event1")).records[0] ?? expect.fail();
    const shorter = { offset: 1n, prevHash: first.hash, kind: "data", payload: text("12345678") } as const;
    /** What ends the shorter record behind its payload: its checksum, and in `sentinel` a mark. */
    const ending = encoded(shorter, format).subarray(lengthAt + 4 + 8);
    /** 24 bytes: those of the shorter record's payload, its ending, and as many as it takes. */
    const forged = join(shorter.payload, ending, text("and 12 more.").subarray(0, 16 - ending.length));

    test.each([
      ["the last one", []],
      ["one in the middle", [text("event3")]],
    ])("is seen where index entries prove the right one: %s", async (_, behind) => {
      const directory = newDirectory();
      const written = await Storage.open(directory, { format });
      const log = new HandLog(0, format).append(text("event1"), forged, ...behind);
      await written.appendBatch(1n, [text("event1"), forged, ...behind]);
      await written.close();
      // 24 is 8 with bit 4 set.
      const start = overheadBytes + 6;
      const broken = flipped(log.bytes(), (start + lengthAt) * 8 + 4);
      expect(Buffer.from(broken.subarray(start, start + overheadBytes + 8))).toStrictEqual(
        encoded(shorter, format),
      );
      const storage = await openOver(new Map([...filesIn(directory), [FILE(0), broken]]));
      expect((await storage.head(1n)).nextOffset).toBe(log.nextOffset);
      for (const verify of ["record", "genesis"] as const) {
        expect(await at(storage, 0, verify)).toBe(shown(first));
        expect(await at(storage, 1, verify)).toBe("checksum-mismatch at 1");
      }
      expect(await at(storage, 2, "record")).toBe(
        log.records[2] === undefined ? "nothing" : shown(log.records[2]),
      );
    });
  },
);

test("a sealed segment that is longer than it was, and its last record damaged: reading that says what is wrong with it", async () => {
  const { files, log } = await filled({ maxSegmentBytes: 150 });
  const broken = damaged(files, log, 1, 50);
  broken.set(FILE(0), join(broken.get(FILE(0)) ?? text(""), text("!")));
  expect(broken.delete(`${FILE(0)}.idx`)).toBe(true);
  const storage = await openOver(broken);
  expect((await storage.head(1n)).nextOffset).toBe(log.nextOffset);
  expect(await at(storage, 0, "record")).toBe(shown(log.records[0] ?? expect.fail()));
  expect(await at(storage, 1, "record")).toBe("checksum-mismatch at 1");
});

test("an index with gaps is not saved, so the damage is told as often as the manifest is lost", async () => {
  const { files, log } = await filled({ maxSegmentBytes: 150 });
  const segments = [...damaged(files, log, 0, 20)].filter(([name]) => name.endsWith(".log"));
  const disk = new MemoryDisk("/data", new Map(segments));
  for (let round = 0; round < 2; round += 1) {
    const storage = await Storage.open("/data", { ...EVERY_3, disk });
    const { nextOffset, findings } = await storage.status(1n);
    expect(nextOffset).toBe(log.nextOffset);
    expect(findings).toContainEqual(
      expect.objectContaining({ what: "corruption in a sealed segment", action: "keep" }),
    );
    await storage.close();
    disk.remove("/data/1/manifest.json");
  }
  expect(disk.list("/data/1").includes("segment_000001.log.idx")).toBe(true);
  expect(disk.list("/data/1").includes("segment_000000.log.idx")).toBe(false);
});

test("a sealed segment that goes on behind its last record is reported, not read as if it ended there", async () => {
  const { files, log } = await filled({ maxSegmentBytes: 150 });
  const next = placesIn(files, log).findIndex(({ file }) => file === FILE(1));
  const longer = join(files.get(FILE(0)) ?? text(""), log.bytes(next, next + 1));
  const storage = await openOver(new Map([...files, [FILE(0), longer]]));
  const { nextOffset, findings } = await storage.status(1n);
  expect(nextOffset).toBe(log.nextOffset);
  expect(findings).toMatchObject([{ what: "size differs", error: { file: `/data/${FILE(0)}` } }]);
  expect(await failureOf(() => storage.readFrom(1n, 0n, ALL, { verify: "genesis" }))).toMatchObject({
    code: "malformed",
    stream: 1n,
    file: `/data/${FILE(0)}`,
    position: log.bytes(0, next).length,
  });
  for (const read of everyOffset(log).slice(next)) {
    expect(await at(storage, read, "record")).toBe(shown(log.records[read] ?? expect.fail()));
  }
});

describe("H3 an edit under a right CRC is revealed by the chain", () => {
  /** What reading all of the log gives when the record at `offset` was replaced, or taken out. */
  async function readWith(offset: number, replacement: (log: HandLog) => Uint8Array): Promise<unknown> {
    const { files, log } = await filled({});
    const bytes = join(log.bytes(0, offset), replacement(log), log.bytes(offset + 1));
    const storage = await openOver(new Map([["LOCK", text("")], [FILE(0), bytes], ...keptHints(files)]));
    const error = await failureOf(() => storage.readFrom(1n, 0n, ALL, { verify: "genesis" }));
    expect(error).toBeInstanceOf(StorageError);
    return error;
  }

  const keptHints = (files: Files): [string, Uint8Array][] =>
    [...files].filter(([name]) => name.endsWith(".wal"));
  const record = (log: HandLog, offset: number): HandLog["records"][number] =>
    log.records[offset] ?? expect.fail(`There is no record ${offset}.`);

  test("another payload", async () => {
    const payload = text("Event3");
    expect(await readWith(2, (log) => encoded({ ...record(log, 2), payload }))).toMatchObject({
      code: "broken-chain",
      offset: 3n,
    });
  });

  test("another kind", async () => {
    const { log } = await filled({});
    const payload = join(record(log, 6).prevHash, text("12345678"));
    expect(await readWith(6, () => encoded({ ...record(log, 6), kind: "data", payload }))).toMatchObject({
      code: "broken-chain",
      offset: 7n,
    });
  });

  test("another previous hash", async () => {
    const prevHash = new Uint8Array(32).fill(1);
    expect(await readWith(2, (log) => encoded({ ...record(log, 2), prevHash }))).toMatchObject({
      code: "broken-chain",
      offset: 2n,
    });
  });

  test("two records exchanged", async () => {
    const exchanged = (log: HandLog): Uint8Array => {
      const [a, b] = [record(log, 1), record(log, 2)];
      return join(encoded({ ...a, payload: b.payload }), encoded({ ...b, payload: a.payload }));
    };
    const { files, log } = await filled({});
    const bytes = join(log.bytes(0, 1), exchanged(log), log.bytes(3));
    const storage = await openOver(new Map([...files, [FILE(0), bytes]]));
    expect(await failureOf(() => storage.readFrom(1n, 0n, ALL, { verify: "genesis" }))).toMatchObject({
      code: "broken-chain",
      offset: 2n,
    });
  });

  test("an index that calls a data record a checkpoint is not believed: verification does not begin there", async () => {
    const own = new HandLog().append(text("event1"), text("event2"));
    const forged = new HandLog().append(text("forged"), text("event2"), text("event3"), text("event4"));
    const entries = [0, 54, 108, 162].map((position, i) => [position, i === 2 ? 1 : 0] as const);
    const files = new Map<string, Uint8Array>([
      [FILE(0), join(own.bytes(), forged.bytes(2))],
      [`${FILE(0)}.idx`, indexBytes(entries, 216, forged.head)],
      [`${FILE(0)}.idx.wal`, frameBytes([[162]], 216, forged.head)],
    ]);
    const storage = await openOver(files, { checkpoints: { everyNRecords: 0 } });
    expect(await at(storage, 3, "record")).toBe(shown(forged.records[3] ?? expect.fail()));
    expect(await at(storage, 3, "checkpoint")).toBe("broken-chain at 2");
  });
});

test.each<[string, StorageOptions]>([
  ["plain", { maxSegmentBytes: 250 }],
  ["sentinel", { format: "sentinel", maxSegmentBytes: 150 }],
])(
  "%s: a sealed segment is cut and the manifest is gone: the records of the others are where they were",
  async (_, options) => {
    const { files, log } = await filled({ ...options, indexLogMaxEntries: 1 });
    const places = placesIn(files, log);
    const sealed = places
      .map(({ file }) => file)
      .filter((file, i, all) => file !== all.at(-1) && all.indexOf(file) === i);
    expect(sealed.length).toBeGreaterThan(1);
    for (const file of sealed) {
      const bytes = files.get(file) ?? new Uint8Array();
      for (let length = 0; length < bytes.length; length += 1) {
        const cut = new Map<string, Uint8Array>([...files, [file, bytes.subarray(0, length)]]);
        cut.delete("1/manifest.json");
        const storage = await openOver(cut, options);
        for (const [offset, place] of places.entries()) {
          const found = await at(storage, offset, "record");
          const isThere = place.file !== file || place.position + place.size <= length;
          if (isThere) expect(found).toBe(shown(elementAt(log.records, offset)));
          else expect(found).toMatch(/ at \d+$/);
        }
      }
    }
  },
);

test("a sealed segment is cut, and neither the manifest nor the next segment says by how much: that is said, and nothing is thrown away", async () => {
  const { files } = await filled({ maxSegmentBytes: 250, indexLogMaxEntries: 1 });
  const bytes = files.get(FILE(0)) ?? new Uint8Array();
  const cut = new Map<string, Uint8Array>([...files, [FILE(0), bytes.subarray(0, 60)], [FILE(1), text("?")]]);
  cut.delete("1/manifest.json");
  const storage = await openOver(cut, { maxSegmentBytes: 250 });
  expect((await storage.status(1n)).findings.map(({ action }) => action)).not.toContain("cut");
  expect(await at(storage, 1, "record")).toMatch(/ at \d+$/);
});

test("an index that misleads, and a damaged record at the end of its segment: the others are found all the same", async () => {
  const { files, log } = await filled({ maxSegmentBytes: 250 });
  const places = placesIn(files, log).filter(({ file }) => file === FILE(0));
  const { position, size } = elementAt(places, places.length - 1);
  const wrong = indexBytes(
    places.map((_, i) => [i]),
    position + size,
    elementAt(log.records, places.length - 1).hash,
  );
  expect(wrong).toHaveLength(files.get(`${FILE(0)}.idx`)?.length ?? 0);
  const misled = new Map([...damaged(files, log, places.length - 1, 46), [`${FILE(0)}.idx`, wrong]]);
  const storage = await openOver(misled, { maxSegmentBytes: 250 });
  for (const [offset, record] of log.records.entries()) {
    const found = await at(storage, offset, "record");
    if (offset === places.length - 1) expect(found).toMatch(/ at \d+$/);
    else expect(found).toBe(shown(record));
  }
});

test.each(["missing", "there"])(
  "the last segment is replaced by an earlier one, and the end of the one before it is lost, the manifest %s: no stream begins again in the middle of itself",
  async (manifest) => {
    const { files, log } = await filled({ maxSegmentBytes: 150 });
    const places = placesIn(files, log);
    const last = elementAt(places, places.length - 1).file;
    const first = places.findIndex(({ file }) => file === last);
    const before = elementAt(places, first - 1);
    const wrong = new Map<string, Uint8Array>([
      ...damaged(files, log, first - 1, 20),
      [last, files.get(FILE(0)) ?? text("")],
    ]);
    for (const name of [`${before.file}.idx`, `${last}.idx.wal`]) expect(wrong.delete(name)).toBe(true);
    if (manifest === "missing") wrong.delete("1/manifest.json");
    const storage = await openOver(wrong, { maxSegmentBytes: 150 });
    const { segments, nextOffset } = await storage.status(1n);
    expect(nextOffset).toBeGreaterThanOrEqual(BigInt(first - 1));
    for (const { firstOffset, nextOffset: end } of segments) expect(end).toBeGreaterThanOrEqual(firstOffset);
    for (const [offset, record] of log.records.slice(0, first - 1).entries()) {
      expect(await at(storage, offset, "record")).toBe(shown(record));
    }
    expect(await failureOf(() => storage.appendBatch(1n, [text("more")]))).toBeInstanceOf(StorageError);
  },
);
