/**
 * Records after damaged places: all that can be read are read, however many places there are, and what only
 * looks like records is not.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { encoded, HandLog, join, text, u32, u64 } from "../e2e/by-hand.ts";
import { type KimberliteRecord, KimberliteWriter, sentinelBytes } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { CodecRegistry, type Format } from "../src/index.ts";
import { formatNamed } from "../src/format/formats.ts";
import { type Gap, readSegment } from "./first-reader.ts";

const EVENTS = Array.from({ length: 20 }, (_, i) => text(`event-${i}`));

/** The bytes of each record of a log, in both formats. */
const LOGS: readonly { format: Format; records: readonly Uint8Array[] }[] = [
  { format: "plain", records: new HandLog().append(...EVENTS).records.map((record) => encoded(record)) },
  {
    format: "sentinel",
    records: new KimberliteWriter().append(EVENTS, true).records.map((record) => sentinelBytes(record)),
  },
];

/** Where the next byte is that is not zero: the end of the largest hole there can be. */
function nonZeroFrom(bytes: Uint8Array, position: number): number {
  const found = bytes.subarray(position).findIndex((byte) => byte !== 0);
  return found < 0 ? Number.POSITIVE_INFINITY : position + found;
}

/**
 * What is read of a segment, on a disk that knows of holes or not: the offsets of the records, and the gaps.
 */
async function read(
  format: Format,
  bytes: Uint8Array,
  chunkBytes = 64,
  knowsHoles = false,
): Promise<{ offsets: number[]; gaps: Gap[]; bytesRead: number }> {
  const disk = new MemoryDisk("/data", new Map([["segment", bytes]]));
  const file = disk.open("/data/segment", "read");
  let bytesRead = 0;
  const counting = {
    ...file,
    read: (target: Uint8Array, position: number) => {
      bytesRead += target.length;
      return file.read(target, position);
    },
    ...(knowsHoles && { dataFrom: (position: number) => nonZeroFrom(bytes, position) }),
  };
  const records = formatNamed(format);
  const codecs = records.codecs(new CodecRegistry());
  const region = { format: records, file: counting, path: "segment", end: bytes.length, codecs, chunkBytes };
  const offsets: number[] = [];
  const gaps: Gap[] = [];
  await readSegment(region, 0, {
    record: ({ offset }) => {
      offsets.push(offset);
    },
    gap: (gap) => {
      gaps.push(gap);
    },
  });
  return { offsets, gaps, bytesRead };
}

const damaged = (record: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(record);
  copy[30] = (copy[30] ?? 0) ^ 0xff;
  return copy;
};

describe.each(LOGS)("format $format", ({ format, records }) => {
  test.prop([fc.uniqueArray(fc.nat(EVENTS.length - 1)), fc.integer({ min: 1, max: 3000 })])(
    "of any records damaged, exactly the others are read, and every place is named by itself",
    async (places, chunkBytes) => {
      const bytes = join(...records.map((record, i) => (places.includes(i) ? damaged(record) : record)));
      const { offsets, gaps } = await read(format, bytes, chunkBytes);
      expect(offsets).toStrictEqual(EVENTS.map((_, i) => i).filter((i) => !places.includes(i)));
      const starts = places.filter((place) => !places.includes(place - 1)).sort((a, b) => a - b);
      expect(gaps.map(({ offset }) => offset)).toStrictEqual(starts);
      for (const { position, end, offset, behind = EVENTS.length } of gaps) {
        expect(position).toBe(join(...records.slice(0, offset)).length);
        expect(end).toBe(join(...records.slice(0, behind)).length);
      }
    },
  );

  test("bytes that somebody put between records cost none", async () => {
    const [before, behind] = [join(...records.slice(0, 5)), join(...records.slice(5))];
    const { offsets, gaps } = await read(format, join(before, text("no record at all"), behind));
    expect(offsets).toStrictEqual(EVENTS.map((_, i) => i));
    expect(gaps).toMatchObject([
      { offset: 5, behind: 5, position: before.length, end: before.length + "no record at all".length },
    ]);
  });

  test("nor do bytes at two places: the records between them are read", async () => {
    const parts = [records.slice(0, 5), records.slice(5, 9), records.slice(9)].map((some) => join(...some));
    const [first = text(""), second = text(""), third = text("")] = parts;
    const { offsets, gaps } = await read(format, join(first, text("???"), second, text("!"), third));
    expect(offsets).toStrictEqual(EVENTS.map((_, i) => i));
    expect(gaps.map(({ offset, behind }) => [offset, behind])).toStrictEqual([
      [5, 5],
      [9, 9],
    ]);
  });
});

test("a record of the offset that is due counts only if it carries the hash of the one before", async () => {
  const log = new HandLog().append(...EVENTS);
  const [third] = log.records.slice(2);
  if (third === undefined) throw new Error("There are twenty records.");
  const foreign = encoded({ ...third, prevHash: new Uint8Array(32).fill(7) });
  const before = log.bytes(0, 2);
  const bytes = join(before, damaged(encoded(third)), foreign, log.bytes(3));
  const { offsets, gaps } = await read("plain", bytes);
  expect(offsets).toStrictEqual(EVENTS.map((_, i) => i).filter((i) => i !== 2));
  expect(gaps).toMatchObject([{ offset: 2, behind: 3, position: before.length }]);
});

test("of runs that exclude each other and have as many records the later one is believed", async () => {
  const log = new HandLog().append(...EVENTS);
  const bytes = join(
    log.bytes(0, 2),
    damaged(log.bytes(2, 3)),
    log.bytes(5, 7),
    damaged(log.bytes(7, 8)),
    log.bytes(3, 5),
  );
  const { offsets } = await read("plain", bytes);
  expect(offsets).toStrictEqual([0, 1, 3, 4]);
});

describe("a hole in a segment", () => {
  const log = new HandLog().append(...Array.from({ length: 300 }, (_, i) => text(`event-${i}`)));
  const records = log.records.map((record) => encoded(record));
  const HOLE_BYTES = 1 << 20;
  const CHUNK_BYTES = 1 << 12;

  // The offset 256 is stored as a zero byte and a one, so that record begins within the hole.
  test("is not read where the disk knows of it, and the record after it is found, also one that begins with a zero", async () => {
    const [before, behind] = [join(...records.slice(0, 200)), join(...records.slice(256))];
    expect(behind[0]).toBe(0);
    const bytes = join(before, new Uint8Array(HOLE_BYTES), behind);
    const skipped = await read("plain", bytes, CHUNK_BYTES, true);
    const all = await read("plain", bytes, CHUNK_BYTES);
    expect(skipped.offsets).toStrictEqual(
      Array.from({ length: 300 }, (_, i) => i).filter((i) => i < 200 || i >= 256),
    );
    expect(skipped.gaps).toMatchObject([
      { position: before.length, end: before.length + HOLE_BYTES, offset: 200, behind: 256 },
    ]);
    expect({ ...all, bytesRead: 0 }).toStrictEqual({ ...skipped, bytesRead: 0 });
    expect(all.bytesRead).toBeGreaterThan(HOLE_BYTES);
    expect(skipped.bytesRead).toBeLessThan(HOLE_BYTES / 4);
  });

  test("at the end is not read either", async () => {
    const before = join(...records);
    const { offsets, gaps, bytesRead } = await read(
      "plain",
      join(before, new Uint8Array(HOLE_BYTES)),
      CHUNK_BYTES,
      true,
    );
    expect(offsets.length).toBe(300);
    expect(gaps).toMatchObject([
      { position: before.length, end: before.length + HOLE_BYTES, behind: undefined },
    ]);
    expect(bytesRead).toBeLessThan(HOLE_BYTES / 4);
  });
});

/** A plain record that holds what looks like the records that follow it. */
function withForgery(): { records: readonly Uint8Array[]; forged: Uint8Array } {
  const log = new HandLog().append(text("a"), text("b"));
  const forged = join(
    ...[3n, 4n].map((offset) =>
      encoded({ offset, prevHash: new Uint8Array(32), kind: "data", payload: text("forged") }),
    ),
  );
  log.append(forged, text("c"), text("d"), text("e"));
  return { records: log.records.map((record) => encoded(record)), forged };
}

describe("records within a payload", () => {
  test("are not taken for the ones that follow a damaged record", async () => {
    const { records } = withForgery();
    const third = records[2] ?? text("");
    const { offsets, gaps } = await read(
      "plain",
      join(...records.slice(0, 2), damaged(third), ...records.slice(3)),
    );
    expect(offsets).toStrictEqual([0, 1, 3, 4, 5]);
    const start = join(...records.slice(0, 2)).length;
    expect(gaps).toMatchObject([{ position: start, end: start + third.length, offset: 2, behind: 3 }]);
  });

  test("nor are they if there is another damaged place after", async () => {
    const { records } = withForgery();
    const bytes = join(...records.map((record, i) => (i === 2 || i === 4 ? damaged(record) : record)));
    const { offsets, gaps } = await read("plain", bytes);
    // Two forged records against the two real ones after them: the later ones are believed.
    expect(offsets).toStrictEqual([0, 1, 3, 5]);
    expect(gaps.length).toBe(2);
  });
});

describe("bytes that were made to take long", () => {
  test("records that claim to be as large as the file: it is read a fixed number of times over", async () => {
    // Headers of records of half the file, every 48 bytes; none has the right checksum.
    const size = 1 << 17;
    const header = (offset: number): Uint8Array =>
      join(u64(BigInt(offset)), new Uint8Array(32), u32(size / 2), new Uint8Array(4));
    const bytes = join(...Array.from({ length: size / 48 }, (_, i) => header(Math.floor(i / 2) + 1)));
    const { offsets, gaps, bytesRead } = await read("plain", bytes, 1 << 12);
    expect({ offsets, gaps: gaps.length }).toStrictEqual({ offsets: [], gaps: 1 });
    expect(bytesRead / bytes.length).toBeLessThan(20);
  });

  test("a thousand damaged places: what is after is not read, and that is said", async () => {
    const log = new HandLog().append(...Array.from({ length: 2200 }, (_, i) => text(`${i}`)));
    const bytes = join(
      ...log.records.map((record, i) => (i % 2 === 1 ? damaged(encoded(record)) : encoded(record))),
    );
    const { offsets, gaps } = await read("plain", bytes, 1 << 16);
    expect(offsets.length).toBe(1001);
    expect(gaps.length).toBe(1001);
    expect(gaps.at(-1)).toMatchObject({
      end: bytes.length,
      flaw: { sentence: "The segment has 1000 damaged places before this one and was not read further." },
    });
  });

  test("a damaged record that claims much, again and again: the same is said before its time", async () => {
    // A header that claims nearly all that is left, then an intact record, two hundred times; room for them
    // all after.
    const parts: Uint8Array[] = [];
    const record = (offset: number): KimberliteRecord => ({
      offset: BigInt(offset),
      kind: "data",
      prevHash: new Uint8Array(32),
      payload: text("x"),
      hash: text(""),
    });
    const rest = 300_000;
    for (let i = 0; i < 200; i += 1) {
      const claim = join(
        Buffer.from("fe0fdcba", "hex"),
        u64(BigInt(3 * i)),
        new Uint8Array(32),
        Uint8Array.of(0, 0),
        u32(rest),
        new Uint8Array(100),
      );
      parts.push(claim, sentinelBytes(record(3 * i + 1)));
    }
    const bytes = join(...parts, new Uint8Array(rest));
    const { gaps, bytesRead } = await read("sentinel", bytes, 1 << 12);
    expect(gaps.length).toBeLessThan(30);
    expect(gaps.at(-1)?.flaw.sentence).toMatch(/damaged places before this one and was not read further\.$/);
    expect(bytesRead / bytes.length).toBeLessThan(40);
  });
});
