import { crc32 } from "node:zlib";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { type IndexReading, readFrames, readIndex } from "./index-reader.ts";

const fromHex = (...hex: string[]): Buffer => Buffer.from(hex.join("").replaceAll(" ", ""), "hex");

/** These bytes, in hexadecimal, and their CRC. */
function withCrc(...hex: string[]): Buffer {
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(fromHex(...hex)));
  return Buffer.concat([fromHex(...hex), crc]);
}

const START = "56445849 02 000000";
const HASH = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const ENTRIES = "0000000000000000 3600000000000001 8e00000000000002 c000000000000003 0500000000000000";
const INDEX = withCrc(START, "0500000000000000", ENTRIES, "1801000000000000", HASH);
const FRAME = withCrc("01000000", "4e01000000000000", OTHER, "1801000000000000");
const EMPTY = { entries: [], end: 0, headHash: new Uint8Array(32) };
const ALL = ["0 data", "54 checkpoint", "142 tombstone", "192 redacted for 5"];

const entries = (reading: IndexReading): string[] =>
  reading.entries.map(
    ({ kind, position, records }) => `${position} ${String(kind)}${records === 1 ? "" : ` for ${records}`}`,
  );
const head = (reading: IndexReading): string => Buffer.from(reading.headHash).toString("hex");

describe("an index", () => {
  test("has a kind and a position for every record, their end and their head", () => {
    const reading = readIndex(INDEX);
    expect(reading.problem).toBeUndefined();
    expect(entries(reading)).toEqual(ALL);
    expect(reading.end).toBe(280);
    expect(head(reading)).toBe(HASH);
  });

  test("of no records is 60 bytes", () => {
    const bytes = withCrc(START, "00".repeat(8), "00".repeat(8), "00".repeat(32));
    expect(bytes.length).toBe(60);
    expect(readIndex(bytes)).toEqual(EMPTY);
  });

  test("has positions of 7 bytes, and kinds that may be none", () => {
    const bytes = withCrc(START, "0100000000000000", "ffffffffffff1f04", "00".repeat(8), HASH);
    expect(entries(readIndex(bytes))).toEqual([`${2 ** 53 - 1} undefined`]);
  });

  test.each([
    { what: "no bytes", bytes: Buffer.alloc(0) },
    { what: "other letters", bytes: withCrc("56445858 02 000000", "00".repeat(48)) },
    { what: "version 1", bytes: withCrc("56445849 01 000000", "00".repeat(48)) },
    {
      what: "something in the bytes after the version",
      bytes: withCrc("56445849 02 000001", "00".repeat(48)),
    },
    { what: "a count above its entries", bytes: withCrc(START, "0100000000000000", "00".repeat(40)) },
    { what: "a count below its entries", bytes: withCrc(START, "0000000000000000", "00".repeat(48)) },
    { what: "a count of 2^64 - 1", bytes: withCrc(START, "ffffffffffffffff", "00".repeat(40)) },
    { what: "a byte too many", bytes: Buffer.concat([INDEX, Buffer.of(0)]) },
    { what: "a byte too few", bytes: INDEX.subarray(0, -1) },
    { what: "a CRC that does not hold", bytes: Buffer.concat([INDEX.subarray(0, -1), Buffer.of(0)]) },
  ])("with $what has a problem and nothing else", ({ bytes }) => {
    const { problem, ...rest } = readIndex(bytes);
    expect(rest).toEqual(EMPTY);
    expect(problem).toMatch(/no index/);
  });
});

describe("an entry of a redacted record in an index", () => {
  const index = (count: number, words: string): Buffer =>
    withCrc(START, `0${count}00000000000000`, words, "9001000000000000", HASH);

  test("has a second word, and the entries after it are where they are", () => {
    const words =
      "0000000000000003 0200000000000000 5800000000000003 0000000000000003 b000000000000000 e600000000000002";
    const reading = readIndex(index(6, words));
    expect(reading.problem).toBeUndefined();
    expect(reading.entries).toEqual([
      { kind: "redacted", position: 0, records: 2 },
      { kind: "redacted", position: 88, records: 3 * 2 ** 56 },
      { kind: "data", position: 176, records: 1 },
      { kind: "tombstone", position: 230, records: 1 },
    ]);
    expect([reading.end, head(reading)]).toEqual([400, HASH]);
  });

  test.each([
    { what: "as the only word", bytes: index(1, "0000000000000003") },
    { what: "as the last word", bytes: index(3, "0000000000000003 0200000000000000 5800000000000003") },
    { what: "before a word that is 0", bytes: index(2, "0000000000000003 0000000000000000") },
  ])("$what is a problem, and the index names nothing", ({ bytes }) => {
    const { problem, ...rest } = readIndex(bytes);
    expect(rest).toEqual(EMPTY);
    expect(problem).toBe("A redacted record's second word is missing or 0.");
  });
});

describe("index frames", () => {
  test("go on where the index ends, and their end and head are the last ones", () => {
    const reading = readFrames(FRAME, readIndex(INDEX));
    expect(reading.problem).toBeUndefined();
    expect(entries(reading)).toEqual([...ALL, "280 data"]);
    expect(reading.end).toBe(334);
    expect(head(reading)).toBe(OTHER);
  });

  test("follow each other without an index, too", () => {
    const before = withCrc("05000000", "1801000000000000", HASH, ENTRIES);
    const reading = readFrames(Buffer.concat([before, FRAME]));
    expect(entries(reading)).toEqual([...ALL, "280 data"]);
    expect(readFrames(Buffer.alloc(0))).toEqual(EMPTY);
  });

  test("that repeat what is there change nothing", () => {
    const index = readIndex(INDEX);
    const before = withCrc("05000000", "1801000000000000", OTHER, ENTRIES);
    expect(readFrames(before, index)).toEqual(index);
    const words = "c000000000000003 0500000000000000 1801000000000000";
    const some = withCrc("03000000", "4e01000000000000", OTHER, words);
    expect(entries(readFrames(Buffer.concat([FRAME, some, FRAME]), index))).toEqual([...ALL, "280 data"]);
  });

  test("of which one ends sooner than those before leave end and head", () => {
    const reading = readFrames(
      withCrc("01000000", "ff00000000000000", OTHER, "0001000000000000"),
      readIndex(INDEX),
    );
    expect([reading.end, head(reading)]).toEqual([280, HASH]);
  });

  test.each([
    { what: "a frame cut off", bytes: FRAME.subarray(0, -1) },
    { what: "half a count", bytes: Buffer.of(1, 0) },
    { what: "a count alone", bytes: fromHex("01000000") },
    { what: "a count of 2^32 - 1", bytes: Buffer.concat([fromHex("ffffffff"), FRAME]) },
    { what: "a CRC that does not hold", bytes: Buffer.concat([FRAME.subarray(0, -1), Buffer.of(0), FRAME]) },
    { what: "a frame of no records", bytes: withCrc("00000000", "4e01000000000000", OTHER) },
    {
      what: "a second word in the next frame",
      bytes: Buffer.concat([
        withCrc("01000000", "a601000000000000", OTHER, "4e01000000000003"),
        withCrc("01000000", "a601000000000000", OTHER, "0200000000000000"),
      ]),
    },
    {
      what: "a second word that is 0",
      bytes: withCrc("02000000", "a601000000000000", OTHER, "4e01000000000003", "0000000000000000"),
    },
  ])("end at $what", ({ bytes }) => {
    const { problem, ...reading } = readFrames(Buffer.concat([FRAME, bytes]), readIndex(INDEX));
    expect(problem).toBe("The frame at byte 56 is empty, incomplete or damaged.");
    expect(reading).toEqual(readFrames(FRAME, readIndex(INDEX)));
  });
});

property.prop([fc.uint8Array({ maxLength: 200 }), fc.nat(255), fc.nat(255)])(
  "no bytes make them throw",
  (bytes, at, value) => {
    for (const sound of [INDEX, FRAME, Buffer.concat([FRAME, FRAME])]) {
      const damaged = Buffer.from(sound);
      damaged[at % damaged.length] = value;
      for (const input of [bytes, damaged, Buffer.concat([INDEX.subarray(0, 16), bytes])]) {
        readFrames(input, readIndex(input));
      }
    }
  },
);
