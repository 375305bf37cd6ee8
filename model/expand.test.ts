import { fc, test as property } from "@fast-check/vitest";
import zstd from "@mongodb-js/zstd";
import lz4 from "lz4-napi";
import { describe, expect, test } from "vitest";
import { expand } from "./expand.ts";
import { little } from "./little.ts";

const fromHex = (...hex: string[]): Buffer => Buffer.from(hex.join("").replaceAll(" ", ""), "hex");
const u32 = (value: number): Buffer => Buffer.of(value, value >>> 8, value >>> 16, value >>> 24);
const text = (bytes: Uint8Array | string): string =>
  typeof bytes === "string" ? `problem: ${bytes}` : Buffer.from(bytes).toString();

/** Bytes as logs have them: stretches of anything, repeated, so that there is something to compress. */
const content = (stretches: number, repetitions: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: repetitions })),
      {
        maxLength: stretches,
      },
    )
    .map((parts) => Buffer.concat(parts.flatMap(([bytes, times]) => Array<Uint8Array>(times).fill(bytes))));

/** `bytes` with some of them replaced. */
const mutate = (bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array => {
  const copy = new Uint8Array(bytes);
  for (const [at, value] of changes) copy[at % copy.length] = value;
  return copy;
};
const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });

/** The frame that @mongodb-js/zstd writes, which does not declare its content size, with it declared. */
const declared = async (bytes: Uint8Array): Promise<Buffer> => {
  const frame = await zstd.compress(Buffer.from(bytes), 3);
  if (bytes.length === 0) return frame;
  return Buffer.concat([
    frame.subarray(0, 4),
    Buffer.of((frame[4] ?? 0) | 0x80),
    frame.subarray(5, 6),
    u32(bytes.length),
    frame.subarray(6),
  ]);
};

test("an uncompressed payload is itself, in memory of its own", () => {
  const stored = Buffer.from("as it is");
  const payload = expand("plain", "none", stored);
  stored.fill(0);
  expect(text(payload)).toBe("as it is");
});

property.prop([fc.nat(0xffffffff)])("integers are little-endian, and missing bytes are 0", (value) => {
  expect(little(u32(value), 0, 4)).toBe(value);
  expect(little(Buffer.concat([Buffer.of(9), u32(value)]), 1, 8)).toBe(value);
});

describe("lz4", () => {
  const lz4Of = (size: number, ...block: string[]): Uint8Array | string =>
    expand("plain", "lz4", Buffer.concat([u32(size), fromHex(...block)]));

  test.each([
    { what: "nothing", size: 0, block: "00", expected: "" },
    { what: "literals", size: 3, block: "30 616263", expected: "abc" },
    { what: "literals, more than 15", size: 18, block: "f0 03" + "61".repeat(18), expected: "a".repeat(18) },
    {
      what: "literals, 15 and no more",
      size: 15,
      block: "f0 00" + "61".repeat(15),
      expected: "a".repeat(15),
    },
    { what: "literals, 15 + 255", size: 270, block: "f0 ff00" + "61".repeat(270), expected: "a".repeat(270) },
    { what: "a match", size: 9, block: "30 616263 0300 20 7879", expected: "abcabcaxy" },
    { what: "a match with no literals after it", size: 5, block: "10 61 0100 00", expected: "aaaaa" },
    {
      what: "a match that overlaps itself",
      size: 21,
      block: "1f 61 0100 00 10 7a",
      expected: "a".repeat(20) + "z",
    },
    {
      what: "a match, 19 + 255 + 1",
      size: 277,
      block: "1f 61 0100 ff01 10 7a",
      expected: "a".repeat(276) + "z",
    },
    {
      what: "a match far back",
      size: 265,
      block: "f0 f1" + "62" + "63".repeat(255) + "0001 50 6464646464",
      expected: "b" + "c".repeat(255) + "bccc" + "ddddd",
    },
  ])("$what expands as the specification says", ({ size, block, expected }) => {
    expect(text(lz4Of(size, block))).toBe(expected);
  });

  test.each([
    { what: "no block", size: 0, block: "" },
    { what: "fewer literals than announced", size: 3, block: "30 6162" },
    { what: "literals beyond the size", size: 2, block: "30 616263" },
    { what: "less than the size", size: 4, block: "30 616263" },
    { what: "a literal length that goes on past the end", size: 255, block: "f0 ffff" },
    { what: "a match length that goes on past the end", size: 255, block: "1f 61 0100 ff" },
    { what: "distance 0", size: 6, block: "10 61 0000 10 62" },
    { what: "a distance before the start", size: 6, block: "10 61 0200 10 62" },
    { what: "something after the end", size: 3, block: "30 616263 00" },
    { what: "a match after the end", size: 3, block: "30 616263 0300 00" },
    { what: "half a distance", size: 5, block: "10 61 01" },
    { what: "a match beyond the size", size: 4, block: "10 61 0100 10 62" },
    { what: "a match at the end", size: 5, block: "10 61 0100" },
  ])("$what is refused", ({ size, block }) => {
    expect(text(lz4Of(size, block))).toMatch(/^problem: .* (does not expand to|fit)/);
  });

  test.each(["", "01", "010000"])("a payload %j that is too short for its size is refused", (hex) => {
    expect(text(expand("plain", "lz4", fromHex(hex)))).toMatch(/^problem/);
  });

  test("no more than 255 times the block is allocated", () => {
    expect(text(lz4Of(256, "00"))).toBe("problem: No 256 bytes fit this lz4 block.");
    expect(text(lz4Of(255, "00"))).toBe("problem: The lz4 block does not expand to the 255 bytes declared.");
  });

  test("no more than 2^28 - 1 bytes are allocated, however long the block is", () => {
    const block = "00".repeat(2 ** 21);
    expect(text(lz4Of(2 ** 28, block))).toBe("problem: No 268435456 bytes fit this lz4 block.");
    expect(text(lz4Of(2 ** 28 - 1, block))).toMatch(/does not expand/);
  });

  property.prop([content(20, 400)])("what lz4-napi compresses expands to what it was", (bytes) => {
    expect(
      Buffer.compare(Buffer.from(expand("plain", "lz4", lz4.compressSync(Buffer.from(bytes)))), bytes),
    ).toBe(0);
  });

  property.prop([content(5, 20), changes])(
    "damage does not make it throw or change the size",
    (bytes, damage) => {
      const stored = mutate(lz4.compressSync(Buffer.from(bytes)), damage);
      const payload = expand("plain", "lz4", stored);
      if (typeof payload !== "string") expect(payload.length).toBe(Buffer.from(stored).readUInt32LE(0));
    },
  );

  property.prop([fc.uint8Array({ maxLength: 60 })])("no bytes make it throw", (block) => {
    expand("plain", "lz4", block);
    expand("plain", "lz4", Buffer.concat([u32(40), block]));
  });
});

describe("zstd", () => {
  const zstdOf = (...hex: string[]): string => text(expand("plain", "zstd", fromHex(...hex)));
  const MAGIC = "28b52ffd";
  const ABC = "190000 616263"; // the last block, raw, 3 bytes

  test.each([
    { what: "one byte of size", header: "20 03", blocks: ABC, expected: "abc" },
    {
      what: "two bytes of size, which are 256 less",
      header: "60 0000",
      blocks: "030800 61",
      expected: "a".repeat(256),
    },
    { what: "four bytes of size", header: "a0 03000000", blocks: ABC, expected: "abc" },
    { what: "eight bytes of size", header: "e0 0300000000000000", blocks: ABC, expected: "abc" },
    { what: "a window and four bytes of size", header: "80 58 03000000", blocks: ABC, expected: "abc" },
    { what: "the largest window", header: "80 88 03000000", blocks: ABC, expected: "abc" },
    { what: "dictionary 0, which is none", header: "21 00 03", blocks: ABC, expected: "abc" },
    { what: "the unused bit", header: "30 03", blocks: ABC, expected: "abc" },
    { what: "a checksum", header: "24 03", blocks: ABC + "990977ad", expected: "abc" },
    { what: "nothing", header: "20 00", blocks: "010000", expected: "" },
    {
      what: "raw, repeated and empty blocks",
      header: "20 05",
      blocks: "100000 6162 1a0000 63 010000",
      expected: "abccc",
    },
  ])("a frame with $what expands as RFC 8878 says", ({ header, blocks, expected }) => {
    expect(zstdOf(MAGIC, header, blocks)).toBe(expected);
  });

  test("what the zstd command compresses expands to what it was, with a checksum and without", () => {
    expect(zstdOf("28b52ffd64d0064d00001061620100cbf73b2c5608be23")).toBe("ab".repeat(1000));
    expect(zstdOf("28b52ffd60d0064d00001061620100cbf73b2c")).toBe("ab".repeat(1000));
    expect(
      zstdOf("28b52ffd20811d0100b061626320616e6420736f6d657468696e6720656c73650400734a021840a4bce0e7dc"),
    ).toBe(("abc".repeat(8) + " and something else").repeat(3));
  });

  test.each([
    { what: "no bytes", frame: "", says: /does not begin as/ },
    { what: "another magic number", frame: "29b52ffd 20 03" + ABC, says: /does not begin as/ },
    { what: "a skippable frame", frame: "502a4d18 00000000", says: /does not begin as/ },
    { what: "the reserved bit", frame: MAGIC + "28 03" + ABC, says: /reserved bit/ },
    { what: "no content size", frame: MAGIC + "00 58" + ABC, says: /declares no content size/ },
    { what: "a dictionary", frame: MAGIC + "21 01 03" + ABC, says: /dictionary/ },
    { what: "no block", frame: MAGIC + "20 03", says: /no last block/ },
    { what: "a block cut off", frame: MAGIC + "20 03 190000 6162", says: /ends within a block/ },
    { what: "no last block", frame: MAGIC + "20 03 180000 616263", says: /no last block/ },
    { what: "a block of the reserved type", frame: MAGIC + "20 03 1f0000 616263", says: /reserved type/ },
    { what: "a block of 128 KiB and 1", frame: MAGIC + "a0 01000200 0b0010 61", says: /larger than a block/ },
    { what: "no checksum where one is announced", frame: MAGIC + "24 03" + ABC, says: /not exactly one/ },
    { what: "a window of 2^27 bytes and an eighth", frame: MAGIC + "80 89 03000000" + ABC, says: /window/ },
    { what: "a wrong checksum", frame: MAGIC + "24 03" + ABC + "00000000", says: /checksum is wrong/ },
    { what: "a byte after it", frame: MAGIC + "20 03" + ABC + "00", says: /not exactly one/ },
    { what: "a frame after it", frame: (MAGIC + "20 03" + ABC).repeat(2), says: /not exactly one/ },
    { what: "more than its raw blocks hold", frame: MAGIC + "20 04" + ABC, says: /No 4 bytes fit/ },
    {
      what: "less than its raw blocks hold",
      frame: MAGIC + "a0 02000000" + "080000 61".repeat(2) + "090000 61",
      says: /expands to more than 2 bytes/,
    },
    {
      what: "an empty compressed block",
      frame: MAGIC + "20 03 050000",
      says: /ends in the header of its literals/,
    },
  ])("a frame with $what is refused", ({ frame, says }) => {
    expect(zstdOf(frame)).toMatch(says);
  });

  test("a compressed block that yields one byte more or less than declared is refused", () => {
    const frame = (size: number): string =>
      zstdOf(MAGIC, "a0", u32(size).toString("hex"), "4d00001061620100cbf73b2c");
    expect(frame(2000)).toBe("ab".repeat(1000));
    // The header's single segment makes the size the window, and so the most that a block may have.
    for (const size of [0, 1, 2, 10]) expect(frame(size)).toMatch(/larger than a block|expands to more/);
    expect(frame(1999)).toMatch(/expands to more/);
    for (const size of [2001, 2008, 131072]) expect(frame(size)).toMatch(/does not expand/);
    expect(frame(131073)).toMatch(/No 131073 bytes fit/);
  });

  test("2^28 - 1 bytes are allocated where the blocks yield them, but no more", () => {
    const blocks = Buffer.concat(Array<Buffer>(2048).fill(fromHex("020010 61")));
    const frame = (size: number, last: string): Uint8Array | string =>
      expand(
        "plain",
        "zstd",
        Buffer.concat([fromHex(MAGIC, "80 88"), u32(size), blocks.subarray(4), fromHex(last)]),
      );
    expect(frame(2 ** 28 - 1, "fbff0f 61").length).toBe(2 ** 28 - 1);
    expect(text(frame(2 ** 28, "030010 61"))).toBe("problem: No 268435456 bytes fit this Zstandard frame.");
  });

  property.prop([content(20, 400)])("what zstd compresses expands to what it was", async (bytes) => {
    expect(Buffer.compare(Buffer.from(expand("plain", "zstd", await declared(bytes))), bytes)).toBe(0);
  });

  test("content of several blocks expands to what it was", async () => {
    const bytes = Buffer.alloc(700_000);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * i) >> 7;
    expect(Buffer.compare(Buffer.from(expand("plain", "zstd", await declared(bytes))), bytes)).toBe(0);
  });

  property.prop([content(5, 20).filter((bytes) => bytes.length > 0), changes], { numRuns: 1000 })(
    "damaged blocks do not make it throw or yield another size than declared",
    async (bytes, damage) => {
      const frame = await declared(bytes);
      const payload = expand(
        "plain",
        "zstd",
        Buffer.concat([frame.subarray(0, 10), mutate(frame.subarray(10), damage)]),
      );
      if (typeof payload !== "string") expect(payload.length).toBe(bytes.length);
    },
  );

  property.prop([fc.uint8Array({ maxLength: 60 })])("no bytes make it throw", (bytes) => {
    expand("plain", "zstd", bytes);
    expand("plain", "zstd", Buffer.concat([fromHex(MAGIC, "20 20"), bytes]));
  });
});

describe("zstd in format sentinel, of which the size need not be declared", () => {
  const zstdOf = (...hex: string[]): string => text(expand("sentinel", "zstd", fromHex(...hex)));
  /** The magic number and "no size declared"; a window of 2 MiB. */
  const OPEN = "28b52ffd 00 58";
  /** A compressed block, the last one, of "ab" 1000 times, and one before the last that holds nothing. */
  const [AB, NOTHING] = ["4d0000 1061620100cbf73b2c", "140000 0000"];

  test.each([
    { what: "nothing", frame: `${OPEN} 010000`, expected: "" },
    { what: "a raw block", frame: `${OPEN} 190000 616263`, expected: "abc" },
    { what: "zeros at the end", frame: `${OPEN} 210000 61620000`, expected: "ab\0\0" },
    { what: "a repeated byte", frame: `${OPEN} 030800 61`, expected: "a".repeat(256) },
    {
      what: "raw, repeated and empty blocks",
      frame: `${OPEN} 100000 6162 1a0000 63 010000`,
      expected: "abccc",
    },
    { what: "a compressed block", frame: `${OPEN} ${AB}`, expected: "ab".repeat(1000) },
    {
      what: "compressed and raw blocks",
      frame: `${OPEN} ${NOTHING} 100000 7879 ${AB}`,
      expected: `xy${"ab".repeat(1000)}`,
    },
    { what: "a checksum", frame: "28b52ffd 04 58 190000 616263 990977ad", expected: "abc" },
    { what: "the largest window", frame: `28b52ffd 00 88 ${AB}`, expected: "ab".repeat(1000) },
    { what: "a size declared all the same", frame: "28b52ffd 20 03 190000 616263", expected: "abc" },
  ])("a frame with $what expands to what its blocks do", ({ frame, expected }) => {
    expect(zstdOf(frame)).toBe(expected);
  });

  test.each([
    { what: "a dictionary", frame: "28b52ffd 01 58 07 190000 616263", says: /dictionary/ },
    { what: "a block cut off", frame: `${OPEN} 190000 6162`, says: /ends within a block/ },
    { what: "no last block", frame: `${OPEN} 180000 616263`, says: /no last block/ },
    { what: "a byte after it", frame: `${OPEN} 190000 616263 00`, says: /not exactly one/ },
    { what: "a size declared that is wrong", frame: "28b52ffd 20 04 190000 616263", says: /No 4 bytes fit/ },
    {
      what: "a window of 1 KiB and a block of 2000 bytes",
      frame: `28b52ffd 00 00 ${AB}`,
      says: /block expands to more/,
    },
  ])("a frame with $what is refused", ({ frame, says }) => {
    expect(zstdOf(frame)).toMatch(says);
  });

  // Blocks that hold nothing, but could by their headers: 128 KiB each, or the window if that is smaller.
  test.each([
    { window: "58", block: 128 * 1024 },
    { window: "38", block: 128 * 1024 },
    { window: "37", block: (64 * 1024 * 15) / 8 },
    { window: "01", block: (1024 * 9) / 8 },
    { window: "00", block: 1024 },
  ])("with the window $window, blocks that could yield 2^28 - 1 bytes are read, but no more", (given) => {
    const blocks = Math.ceil(2 ** 28 / given.block) - 1;
    const rest = 2 ** 28 - 1 - blocks * given.block;
    const frame = (bytes: number): string | Uint8Array => {
      const raw = Buffer.alloc(3);
      raw.writeUIntLE(8 * bytes + 2 + 1, 0, 3);
      const open = fromHex("28b52ffd 00", given.window, NOTHING.repeat(blocks));
      return expand("sentinel", "zstd", Buffer.concat([open, raw, Buffer.of(0x61)]));
    };
    expect(text(frame(rest))).toBe("a".repeat(rest));
    expect(text(frame(rest + 1))).toBe("problem: No 268435456 bytes fit this Zstandard frame.");
  });

  const noise = Buffer.alloc(2 ** 20);
  for (let i = 0, x = 1; i < noise.length; i++) noise[i] = x = (x * 48271) % 0x7fffffff;
  test.each([
    { what: "nothing", bytes: Buffer.alloc(0) },
    { what: "one byte", bytes: Buffer.of(7) },
    { what: "a sentence", bytes: Buffer.from("A short one, in which a short one is repeated.") },
    { what: "64 KiB", bytes: Buffer.alloc(2 ** 16, "0123456789 and so on, ") },
    { what: "a block", bytes: Buffer.alloc(2 ** 17, "ab") },
    { what: "a block and a byte", bytes: Buffer.alloc(2 ** 17 + 1, "ab") },
    { what: "1 MiB of noise", bytes: noise },
    { what: "1 MiB that repeats itself", bytes: Buffer.alloc(2 ** 20, "0123456789 and so on, ") },
  ])("what zstd makes of $what without declaring its size expands to it", async ({ bytes }) => {
    const frame = await zstd.compress(bytes);
    const payload = expand("sentinel", "zstd", frame);
    expect(typeof payload === "string" ? payload : Buffer.compare(payload, bytes)).toBe(0);
    if (bytes.length > 0) expect(text(expand("plain", "zstd", frame))).toMatch(/declares no content size/);
  });

  property.prop([content(20, 400)])("what zstd compresses expands to what it was", async (bytes) => {
    const payload = expand("sentinel", "zstd", await zstd.compress(Buffer.from(bytes)));
    expect(typeof payload === "string" ? payload : Buffer.compare(payload, bytes)).toBe(0);
  });

  test("what it returns keeps no more memory than it needs", async () => {
    const payload = expand("sentinel", "zstd", await zstd.compress(Buffer.alloc(1000, "ab")));
    expect(typeof payload === "string" ? payload : payload.buffer.byteLength).toBe(1000);
  });

  test("a frame cut off anywhere is refused", async () => {
    const frame = await zstd.compress(Buffer.alloc(1000, "0123456789 and so on, "));
    for (let length = 0; length < frame.length; length++)
      expect(text(expand("sentinel", "zstd", frame.subarray(0, length)))).toMatch(/^problem/);
  });

  property.prop([content(5, 20).filter((bytes) => bytes.length > 0), changes], { numRuns: 1000 })(
    "damaged blocks do not make it throw; if libzstd takes them, too, they expand to the same",
    async (bytes, damage) => {
      const frame = await zstd.compress(Buffer.from(bytes));
      const damaged = Buffer.concat([frame.subarray(0, 6), mutate(frame.subarray(6), damage)]);
      const payload = expand("sentinel", "zstd", damaged);
      const theirs = await zstd.decompress(damaged).catch(() => undefined);
      if (theirs !== undefined && typeof payload !== "string")
        expect(Buffer.compare(payload, theirs)).toBe(0);
    },
  );

  property.prop([fc.uint8Array({ maxLength: 60 })])("no bytes make it throw", (bytes) => {
    expand("sentinel", "zstd", bytes);
    expand("sentinel", "zstd", Buffer.concat([fromHex(OPEN), bytes]));
  });
});

test("lz4 is the same in both formats", () => {
  const stored = lz4.compressSync(Buffer.alloc(1000, "ab"));
  expect(text(expand("sentinel", "lz4", stored))).toBe("ab".repeat(500));
  expect(text(expand("sentinel", "none", stored))).toBe(stored.toString());
});
