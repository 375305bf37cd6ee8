/**
 * The offset index: its two forms on disk written out, and what is not believed. Replaying frames reads a
 * file; here that is an array in memory.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import {
  type Entry,
  frameBytes,
  hex,
  indexBytes,
  join,
  kimberliteIndex,
  sealed,
  u32,
  u64,
} from "../../e2e/by-hand.ts";
import { readOnlyFile } from "../../e2e/read-only-file.ts";
import { flipped } from "../../e2e/testing.ts";
import { ByteWindow } from "../disk/byte-window.ts";
import { OffsetIndex } from "./offset-index.ts";
import type { RecordKind } from "../types.ts";

const HASH = hex("c9721839dbb9c8bc6cb0f5011e79783137c6b16eafb73cd5cab455a2a1085199");

/** Two records of 54 bytes and a checkpoint. */
function threeRecords(): OffsetIndex {
  const index = new OffsetIndex();
  index.push("data", 54, new Uint8Array(32));
  index.push("data", 108, new Uint8Array(32));
  index.push("checkpoint", 196, HASH);
  return index;
}

const THREE_RECORDS = hex(`
  56445849 02 000000
  0300000000000000
  0000000000000000
  3600000000000000
  6c00000000000001
  c400000000000000
  c9721839dbb9c8bc6cb0f5011e79783137c6b16eafb73cd5cab455a2a1085199
  833b1cd4
`);

const LAST_TWO_RECORDS = hex(`
  02000000
  c400000000000000
  c9721839dbb9c8bc6cb0f5011e79783137c6b16eafb73cd5cab455a2a1085199
  3600000000000000
  6c00000000000001
  e63b0c38
`);

const NO_RECORDS = hex(`
  56445849 02 000000
  0000000000000000
  0000000000000000
  0000000000000000000000000000000000000000000000000000000000000000
  513c1d0e
`);

/** What an index covers. */
function contentOf(index: OffsetIndex): unknown {
  const ordinals = Array.from({ length: index.count }, (_, ordinal) => ordinal);
  return {
    positions: ordinals.map((ordinal) => index.position(ordinal)),
    checkpoints: ordinals.filter((ordinal) => index.checkpointAtOrBefore(ordinal) === ordinal),
    end: index.end,
    head: Buffer.from(index.head),
  };
}

const CONTENT = { positions: [0, 54, 108], checkpoints: [2], end: 196, head: HASH };
const EMPTY_CONTENT = { positions: [], checkpoints: [], end: 0, head: Buffer.alloc(32) };

function replay(
  index: OffsetIndex,
  bytes: Uint8Array,
  chunk = 64,
): Promise<{ size: number; watermark: number }> {
  return index.replay(new ByteWindow(readOnlyFile(bytes), "/idx.wal", 0, bytes.length, chunk));
}

describe("the saved form", () => {
  test("three records, written out", () => {
    expect(threeRecords().serialize()).toStrictEqual(THREE_RECORDS);
    expect(contentOf(OffsetIndex.parse(THREE_RECORDS) ?? new OffsetIndex())).toStrictEqual(CONTENT);
  });

  test("no records, written out", () => {
    expect(new OffsetIndex().serialize()).toStrictEqual(NO_RECORDS);
    expect(contentOf(OffsetIndex.parse(NO_RECORDS) ?? threeRecords())).toStrictEqual(EMPTY_CONTENT);
  });

  test("positions beyond 2^32 and 2^48, up to what a double holds", () => {
    const ends = [2 ** 32 - 1, 2 ** 32, 2 ** 48 + 5, Number.MAX_SAFE_INTEGER];
    const index = new OffsetIndex();
    for (const end of ends) index.push("data", end, HASH);
    const entries: Entry[] = [[0], [2 ** 32 - 1], [2 ** 32], [2 ** 48 + 5]];
    const bytes = indexBytes(entries, Number.MAX_SAFE_INTEGER, HASH);
    expect(index.serialize()).toStrictEqual(bytes);
    expect(contentOf(OffsetIndex.parse(bytes) ?? new OffsetIndex())).toStrictEqual(contentOf(index));
  });

  const sizes = fc.array(
    fc.tuple(fc.constantFrom<RecordKind>("data", "checkpoint"), fc.integer({ min: 48, max: 2 ** 29 })),
    {
      maxLength: 200,
    },
  );

  test.prop([sizes], { numRuns: 50 })("any records, as FORMAT.md says, and back", (records) => {
    const index = new OffsetIndex();
    const entries: Entry[] = [];
    let end = 0;
    for (const [kind, size] of records) {
      entries.push([end, kind === "data" ? 0 : 1]);
      end += size;
      index.push(kind, end, HASH);
    }
    const bytes = indexBytes(entries, end, records.length === 0 ? new Uint8Array(32) : HASH);
    expect(index.serialize()).toStrictEqual(bytes);
    expect(contentOf(OffsetIndex.parse(bytes) ?? new OffsetIndex())).toStrictEqual(contentOf(index));
  });
});

describe("is no saved index", () => {
  const header = (count: bigint): Buffer => join(hex("56445849 02 000000"), u64(count));
  const tail = join(u64(0n), new Uint8Array(32));

  test.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["59 bytes", Buffer.alloc(59)],
    ["60 zeros", Buffer.alloc(60)],
    ["another magic", sealed(join(hex("56445859 02 000000"), u64(0n), tail))],
    ["Kimberlite's version 1", sealed(join(hex("56445849 01 000000"), u64(0n), tail))],
    ["version 3", sealed(join(hex("56445849 03 000000"), u64(0n), tail))],
    ["a byte that is to be zero", sealed(join(hex("56445849 02 000001"), u64(0n), tail))],
    ["a byte too many", sealed(join(header(0n), tail, hex("00")))],
    ["one entry fewer than its count", sealed(join(header(1n), tail))],
    ["2^61 entries", sealed(join(header(2n ** 61n), tail))],
    ["2^64 - 1 entries", sealed(join(header(2n ** 64n - 1n), tail))],
    ["2^60 entries and as many bytes as 2^60 + 0 would wrap to", sealed(join(header(2n ** 60n), tail))],
    ["a first record not at 0", indexBytes([[1]], 54, HASH)],
    ["positions that do not increase", indexBytes([[0], [54], [54]], 108, HASH)],
    ["positions that decrease", indexBytes([[0], [54], [53]], 108, HASH)],
    ["an end that is the last position", indexBytes([[0], [54]], 54, HASH)],
    ["an end before the last position", indexBytes([[0], [54]], 53, HASH)],
    ["an end without records", indexBytes([], 54, HASH)],
    ["a kind that is not assigned", indexBytes([[0, 4]], 54, HASH)],
    ["kind 255", indexBytes([[0], [54, 255]], 108, HASH)],
  ])("%s", (_, bytes) => {
    expect(OffsetIndex.parse(bytes)).toBeUndefined();
  });

  test("any strict prefix, and any with one bit flipped", () => {
    for (let length = 0; length < THREE_RECORDS.length; length += 1) {
      expect(OffsetIndex.parse(THREE_RECORDS.subarray(0, length))).toBeUndefined();
    }
    for (let bit = 0; bit < THREE_RECORDS.length * 8; bit += 1) {
      expect(OffsetIndex.parse(Buffer.from(flipped(THREE_RECORDS, bit)))).toBeUndefined();
    }
  });

  test.prop([fc.uint8Array({ maxLength: 200 })])("any bytes, without an exception", (bytes) => {
    expect(OffsetIndex.parse(Buffer.from(bytes))).toBeUndefined();
    expect(OffsetIndex.parse(sealed(bytes))).toBeUndefined();
  });
});

describe("the saved form that Kimberlite reads", () => {
  const THREE_POSITIONS = hex(`
    56445849 01 000000
    0300000000000000
    0000000000000000
    3600000000000000
    6c00000000000000
    198d7ccd
  `);
  const NO_POSITIONS = hex("56445849 01 000000 0000000000000000 4cf61b82");

  test("three records, written out: positions alone, without kinds, end or hash", () => {
    expect(threeRecords().serializePositions()).toStrictEqual(THREE_POSITIONS);
  });

  test("no records, written out", () => {
    expect(new OffsetIndex().serializePositions()).toStrictEqual(NO_POSITIONS);
    expect(contentOf(OffsetIndex.parsePositions(NO_POSITIONS, 0, 0) ?? threeRecords())).toStrictEqual(
      EMPTY_CONTENT,
    );
  });

  test("is read as an index of data records that ends where the segment does, and knows no hash", () => {
    const index = OffsetIndex.parsePositions(THREE_POSITIONS, 3, 196) ?? new OffsetIndex();
    expect(contentOf(index)).toStrictEqual({
      positions: [0, 54, 108],
      checkpoints: [],
      end: 196,
      head: Buffer.alloc(32),
    });
    expect([0, 1, 2].map((ordinal) => index.endOf(ordinal))).toStrictEqual([54, 108, 196]);
  });

  test.prop([fc.array(fc.integer({ min: 58, max: 2 ** 40 }), { maxLength: 200 })], { numRuns: 50 })(
    "any records, as FORMAT.md says, and back",
    (sizes) => {
      const index = new OffsetIndex();
      const positions: number[] = [];
      let end = 0;
      for (const size of sizes) {
        positions.push(end);
        end += size;
        index.push("data", end, new Uint8Array(32));
      }
      const bytes = kimberliteIndex(positions);
      expect(index.serializePositions()).toStrictEqual(bytes);
      expect(
        contentOf(OffsetIndex.parsePositions(bytes, sizes.length, end) ?? new OffsetIndex()),
      ).toStrictEqual(contentOf(index));
    },
  );

  const header = (version: number, count: bigint): Buffer =>
    join(hex(`56445849 0${version} 000000`), u64(count));

  test.each<[string, Buffer, number, number]>([
    ["of fewer records than the segment has", kimberliteIndex([0, 54]), 3, 196],
    ["of more records than the segment has", kimberliteIndex([0, 54, 108, 150]), 3, 196],
    ["a byte too many", sealed(join(header(1, 1n), u64(0n), hex("00"))), 1, 54],
    ["another magic", sealed(join(hex("56445859 01 000000"), u64(0n))), 0, 0],
    ["this package's version", sealed(join(header(2, 1n), u64(0n))), 1, 54],
    ["version 3", sealed(join(header(3, 1n), u64(0n))), 1, 54],
    ["a byte that is to be zero", sealed(join(hex("56445849 01 000001"), u64(0n))), 0, 0],
    ["a count that its size does not bear out", sealed(join(header(1, 2n), u64(0n))), 1, 54],
    ["a first record not at 0", kimberliteIndex([1]), 1, 54],
    ["a position twice", kimberliteIndex([0, 54, 54]), 3, 196],
    ["positions that decrease", kimberliteIndex([0, 54, 53]), 3, 196],
    ["a last position where the segment ends", kimberliteIndex([0, 54, 196]), 3, 196],
    ["a position beyond the segment", kimberliteIndex([0, 500, 108]), 3, 196],
    ["the last position beyond the segment", kimberliteIndex([0, 54, 500]), 3, 196],
    ["a position of 2^64 - 1", kimberliteIndex([0, 54]).fill(0xff, 24, 32), 2, 196],
  ])("is not one of a segment: %s", (_, bytes, count, end) => {
    const right = sealed(bytes.subarray(0, -4));
    expect(OffsetIndex.parsePositions(right, count, end)).toBeUndefined();
  });

  test("is not in any strict prefix, nor in any bytes with one bit flipped", () => {
    expect(OffsetIndex.parsePositions(THREE_POSITIONS, 3, 196)).toBeInstanceOf(OffsetIndex);
    for (let length = 0; length < THREE_POSITIONS.length; length += 1) {
      expect(OffsetIndex.parsePositions(THREE_POSITIONS.subarray(0, length), 3, 196)).toBeUndefined();
    }
    for (let bit = 0; bit < THREE_POSITIONS.length * 8; bit += 1) {
      const bytes = Buffer.from(flipped(THREE_POSITIONS, bit));
      expect(OffsetIndex.parsePositions(bytes, 3, 196)).toBeUndefined();
    }
  });

  test("is never taken for this package's, nor the other way round", () => {
    expect(OffsetIndex.parse(THREE_POSITIONS)).toBeUndefined();
    expect(OffsetIndex.parsePositions(THREE_RECORDS, 3, 196)).toBeUndefined();
  });
});

test("where the last data record ends is known, whatever comes behind it, also of an index that was read", () => {
  const index = new OffsetIndex();
  expect(index.dataEnd).toBe(0);
  expect(threeRecords().dataEnd).toBe(108);
  expect(OffsetIndex.parse(THREE_RECORDS)?.dataEnd).toBe(108);
  index.push("checkpoint", 98, HASH);
  expect(index.dataEnd).toBe(0);
  index.push("data", 160, HASH);
  index.push("tombstone", 220, HASH);
  expect(index.dataEnd).toBe(160);
});

describe("frames", () => {
  test("the last two of three records, written out", () => {
    expect(threeRecords().frame(1)).toStrictEqual(LAST_TWO_RECORDS);
  });

  test.each([1, 16, 2 ** 20])("are replayed, %i bytes read at a time", async (chunk) => {
    const index = new OffsetIndex();
    const first = frameBytes([[0]], 54, new Uint8Array(32));
    expect(await replay(index, join(first, LAST_TWO_RECORDS), chunk)).toStrictEqual({
      size: first.length + LAST_TWO_RECORDS.length,
      watermark: 196,
    });
    expect(contentOf(index)).toStrictEqual(CONTENT);
  });

  test("of an empty file add nothing", async () => {
    const index = threeRecords();
    expect(await replay(index, Buffer.alloc(0))).toStrictEqual({ size: 0, watermark: 196 });
    expect(contentOf(index)).toStrictEqual(CONTENT);
  });

  test("that reach beyond the end, but name no record there, are not believed", async () => {
    const index = threeRecords();
    const frame = frameBytes([[0], [54]], 300, HASH);
    const claims: unknown[] = [];
    const window = new ByteWindow(readOnlyFile(frame), "/idx.wal", 0, frame.length, frame.length);
    expect(await index.replay(window, Infinity, Infinity, claims as never)).toStrictEqual({
      size: frame.length,
      watermark: 300,
    });
    expect(claims).toHaveLength(2);
    expect(contentOf(index)).toStrictEqual(CONTENT);
  });

  test("that repeat are harmless: once more, or overlapping by some entries", async () => {
    const index = new OffsetIndex();
    const all = frameBytes([[0], [54]], 108, new Uint8Array(32));
    const overlapping = frameBytes([[54], [108, 1]], 196, HASH);
    const file = join(all, all, overlapping, overlapping, all);
    expect(await replay(index, file)).toStrictEqual({ size: file.length, watermark: 196 });
    expect(contentOf(index)).toStrictEqual(CONTENT);
  });

  test("that the saved index covers add nothing, and those behind them do", async () => {
    const index = OffsetIndex.parse(THREE_RECORDS) ?? new OffsetIndex();
    const again = frameBytes([[108, 1]], 196, HASH);
    const next = frameBytes([[196]], 250, new Uint8Array(32));
    const { watermark } = await replay(index, join(again, next));
    expect(watermark).toBe(250);
    expect(contentOf(index)).toMatchObject({ positions: [0, 54, 108, 196], end: 250 });
  });

  test("that leave a gap add nothing, but prove a watermark", async () => {
    const index = new OffsetIndex();
    const gap = frameBytes([[108, 1]], 196, HASH);
    expect(await replay(index, gap)).toStrictEqual({ size: gap.length, watermark: 196 });
    expect(contentOf(index)).toStrictEqual(EMPTY_CONTENT);
  });

  test("that reach less far than the index do not lower the watermark", async () => {
    const index = threeRecords();
    const { watermark } = await replay(index, frameBytes([[0]], 54, HASH));
    expect(watermark).toBe(196);
  });

  test.each<[string, Buffer]>([
    ["an entry that does not increase", frameBytes([[0], [0]], 54, HASH)],
    ["an end within its entries", frameBytes([[0], [54]], 54, HASH)],
    ["a kind that is not assigned", frameBytes([[0], [54, 9]], 108, HASH)],
  ])("with %s add nothing at all", async (_, frame) => {
    const index = new OffsetIndex();
    await replay(index, frame);
    expect(contentOf(index)).toStrictEqual(EMPTY_CONTENT);
  });

  test("stop at one that is torn at any length, which is not counted", async () => {
    const first = frameBytes([[0]], 54, HASH);
    for (let length = 0; length < LAST_TWO_RECORDS.length; length += 1) {
      const index = new OffsetIndex();
      const torn = join(first, LAST_TWO_RECORDS.subarray(0, length));
      expect(await replay(index, torn)).toStrictEqual({ size: first.length, watermark: 54 });
      expect(contentOf(index)).toStrictEqual({ positions: [0], checkpoints: [], end: 54, head: HASH });
    }
  });

  test("stop where the file ends, though it was longer when its size was asked for", async () => {
    const first = frameBytes([[0]], 54, HASH);
    for (let length = 0; length < LAST_TWO_RECORDS.length; length += 1) {
      const index = new OffsetIndex();
      const file = readOnlyFile(join(first, LAST_TWO_RECORDS.subarray(0, length)));
      const window = new ByteWindow(file, "/idx.wal", 0, first.length + LAST_TWO_RECORDS.length, 16);
      expect(await index.replay(window)).toStrictEqual({ size: first.length, watermark: 54 });
    }
  });

  test("stop at one with any bit flipped, also if whole ones follow", async () => {
    const first = frameBytes([[0]], 54, HASH);
    const last = frameBytes([[196]], 250, HASH);
    for (let bit = 0; bit < LAST_TWO_RECORDS.length * 8; bit += 1) {
      const index = new OffsetIndex();
      const rotten = join(first, flipped(LAST_TWO_RECORDS, bit), last);
      expect(await replay(index, rotten)).toStrictEqual({ size: first.length, watermark: 54 });
    }
  });

  test("of zeros, or without entries, are none", async () => {
    expect(await replay(new OffsetIndex(), Buffer.alloc(200))).toStrictEqual({ size: 0, watermark: 0 });
    expect(await replay(new OffsetIndex(), frameBytes([], 54, HASH))).toStrictEqual({
      size: 0,
      watermark: 0,
    });
  });

  test.each([2 ** 32 - 1, 2 ** 31, 2 ** 29])(
    "of %i entries are refused without memory for them",
    async (count) => {
      const bytes = sealed(join(u32(count), u64(54n), HASH, u64(0n)));
      const file = readOnlyFile(bytes);
      const index = new OffsetIndex();
      const window = new ByteWindow(file, "/idx.wal", 0, bytes.length, 16);
      expect(await index.replay(window)).toStrictEqual({ size: 0, watermark: 0 });
      expect(Math.max(...file.reads.map(([, asked]) => asked))).toBeLessThanOrEqual(bytes.length);
    },
  );

  test.prop([fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 100 })])(
    "of any bytes are replayed or not, without an exception",
    async (bytes, chunk) => {
      expect(await replay(new OffsetIndex(), bytes, chunk)).toStrictEqual({ size: 0, watermark: 0 });
    },
  );
});

describe("I1 an index look-up finds what a scan finds", () => {
  test("positions and checkpoints, beyond the first growth of its memory", () => {
    const index = new OffsetIndex();
    for (let i = 0; i < 1000; i += 1) {
      index.push(i % 7 === 6 ? "checkpoint" : "data", (i + 1) * 50, HASH);
    }
    expect(index.count).toBe(1000);
    for (let i = 0; i < 1000; i += 1) {
      expect(index.position(i)).toBe(i * 50);
      expect(index.checkpointAtOrBefore(i)).toBe(i < 6 ? undefined : i - ((i + 1) % 7));
    }
    const entries = Array.from({ length: 1000 }, (_, i): Entry => [i * 50, i % 7 === 6 ? 1 : 0]);
    expect(index.serialize()).toStrictEqual(indexBytes(entries, 50_000, HASH));
    expect(index.frame(997)).toStrictEqual(frameBytes(entries.slice(997), 50_000, HASH));
  });

  test("lost records keep the places of those behind them", () => {
    const index = new OffsetIndex();
    index.push("data", 54, HASH);
    expect(index.hasGaps).toBe(false);
    index.pushLost(2, 200);
    index.push("checkpoint", 288, HASH);
    expect(index.hasGaps).toBe(true);
    expect([index.count, index.places]).toStrictEqual([3, 4]);
    expect([0, 1, 2, 3].map((place) => index.ordinalOf(place))).toStrictEqual([0, 1, 1, 2]);
    expect([0, 1, 2].map((ordinal) => index.position(ordinal))).toStrictEqual([0, 54, 200]);
    expect(index.checkpointAtOrBefore(2)).toBe(2);
    expect(index.end).toBe(288);
  });

  test("a redacted record has as many places as it stands for records", () => {
    const index = redacting();
    expect([index.count, index.places, index.words]).toStrictEqual([4, 9, 6]);
    const ordinals = Array.from({ length: 9 }, (_, place) => index.ordinalOf(place));
    expect(ordinals).toStrictEqual([0, 1, 1, 1, 1, 1, 2, 3, 3]);
    expect([0, 1, 2, 3].map((ordinal) => index.placeOf(ordinal))).toStrictEqual([0, 1, 6, 7]);
    expect([0, 1, 2, 3].map((ordinal) => index.placesOf(ordinal))).toStrictEqual([1, 5, 1, 2]);
  });

  test("the entry of a redacted record has two words, in a saved index and in a frame", () => {
    const index = redacting();
    const words = [word(0, 0), word(54, 3), count(5), word(142, 1), word(230, 3), count(2)];
    const saved = savedOf(words, 318);
    expect(index.serialize()).toStrictEqual(saved);
    expect(index.frame(2)).toStrictEqual(frameOf(words.slice(3), 318));
    const read = OffsetIndex.parse(saved);
    expect(read?.serialize()).toStrictEqual(saved);
    expect([read?.count, read?.places, read?.placesOf(1)]).toStrictEqual([4, 9, 5]);
  });

  test.each<[string, Uint8Array[]]>([
    ["lacks its second word", [word(0, 0), word(54, 3)]],
    ["stands for no records", [word(0, 0), word(54, 3), count(0)]],
    ["is not where the one before ends", [word(0, 3), count(2), word(0, 0)]],
  ])("a saved index in which a redacted record %s is none", (_, words) => {
    expect(OffsetIndex.parse(savedOf(words, 142))).toBeUndefined();
  });

  test.each<[string, Uint8Array[]]>([
    ["lacks its second word", [word(54, 3)]],
    ["stands for no records", [word(54, 3), count(0)]],
  ])("a frame in which a redacted record %s ends the file", async (_, words) => {
    const index = new OffsetIndex();
    const first = frameOf([word(0, 0)], 54);
    const frames = join(first, frameOf(words, 142), frameOf([word(142, 1)], 230));
    expect(await replay(index, frames)).toStrictEqual({ size: first.length, watermark: 54 });
  });

  test("a frame repeats a redacted record, or adds one", async () => {
    const index = new OffsetIndex();
    const words = [word(0, 0), word(54, 3), count(5)];
    const frames = Buffer.concat([
      frameOf(words, 142),
      frameOf([...words.slice(1), word(142, 1)], 230),
      frameOf([word(230, 3), count(2)], 318),
    ]);
    expect(await replay(index, frames)).toStrictEqual({ size: frames.length, watermark: 318 });
    expect(index.serialize()).toStrictEqual(redacting().serialize());
  });
});

/** A data record, one that stands for five, a checkpoint, and one that stands for two. */
function redacting(): OffsetIndex {
  const index = new OffsetIndex();
  index.push("data", 54, HASH);
  index.push("redacted", 142, HASH, 5);
  index.push("checkpoint", 230, HASH);
  index.push("redacted", 318, HASH, 2);
  return index;
}

/** The first word of an entry: seven bytes of position, one of kind. */
const word = (position: number, kind: number): Uint8Array => u64(BigInt(position) | (BigInt(kind) << 56n));
/** The second word of a redacted record's: how many it stands for. */
const count = (records: number): Uint8Array => u64(BigInt(records));

/** A saved index of these words. */
const savedOf = (words: readonly Uint8Array[], end: number): Buffer =>
  sealed(join(hex("56445849 02 000000"), count(words.length), ...words, count(end), HASH));

/** A frame of these words. */
const frameOf = (words: readonly Uint8Array[], end: number): Buffer =>
  sealed(join(u32(words.length), count(end), HASH, ...words));
