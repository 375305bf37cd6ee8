/**
 * The codecs: round trips, stored bytes spelled out by hand or written by another program, and everything
 * that is refused. That a refused bomb was not expanded is shown twice: the library was not called, and
 * memory did not grow.
 */
import bindings from "@mongodb-js/zstd/bindings.js";
import { fc, test as property } from "@fast-check/vitest";
import lz4 from "lz4-napi";
import { afterEach, describe, expect, test, vi } from "vitest";

import {
  type Codec,
  CodecRegistry,
  compressed,
  Lz4Codec,
  NoneCodec,
  withUndeclaredSizes,
  ZstdCodec,
} from "./codec.ts";
import { StorageError } from "../error.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import type { CompressionKind } from "../types.ts";
import { checkedFrame } from "./zstd-frame.ts";

const MIB = 2 ** 20;

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** `toStrictEqual` takes a while for each byte: it is asked only to show a difference. */
function expectBytes(seen: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(seen, expected) !== 0) expect(seen).toStrictEqual(expected);
}

const CODECS: readonly (readonly [string, Codec])[] = [
  ["none", new NoneCodec()],
  ["lz4", new Lz4Codec()],
  ["zstd", new ZstdCodec()],
  ["zstd, level 1", new ZstdCodec({ level: 1 })],
  ["zstd, level 9", new ZstdCodec({ level: 9 })],
];

/** "hello, hello, hello, hello": 24 bytes and a checksum, as `zstd 1.5.4 -19 --check` wrote it. */
const CHECKSUMMED = hex("28b52ffd 24 1a 6d0000 38 68656c6c6f2c20 01004a8a11 8f995337");
/** The same content as `zstd::encode_all` of Kimberlite writes it: no content size, no checksum. */
const UNDECLARED = hex("28b52ffd 00 58 6d0000 38 68656c6c6f2c20 01004a8a11");
/** The same as this package stores it. */
const DECLARED = hex("28b52ffd 20 1a 6d0000 38 68656c6c6f2c20 01004a8a11");
const HELLOS = ascii("hello, hello, hello, hello");

/** Deterministic bytes that do not compress (a linear congruential generator's high bytes). */
function noise(bytes: number): Uint8Array {
  const result = new Uint8Array(bytes);
  let state = 1;
  for (let index = 0; index < bytes; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    result[index] = state >>> 24;
  }
  return result;
}

/** Payloads of which most compress: a few short pieces, each repeated. */
const payloads: fc.Arbitrary<Uint8Array> = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 200 })), {
    maxLength: 8,
  })
  .map((pieces) =>
    Uint8Array.from(Buffer.concat(pieces.flatMap(([piece, times]) => Array<Uint8Array>(times).fill(piece)))),
  );

async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}

const refusal = (code: string, what: RegExp): object => ({
  name: "StorageError",
  code,
  message: expect.stringMatching(what) as unknown,
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(CODECS)("%s", (_, codec) => {
  property.prop([payloads])(
    "Z1 decompress(compress(x)) = x; what is stored is never larger than x",
    async (payload) => {
      const before = payload.slice();
      const stored = await codec.compress(payload);
      expectBytes(await codec.decompress(stored), before);
      const { compression, bytes } = await compressed(codec, payload);
      expect(bytes.length).toBeLessThanOrEqual(payload.length);
      expect(compression).toBe(stored.length < payload.length ? codec.kind : "none");
      const restored = compression === "none" ? bytes : await codec.decompress(bytes);
      expectBytes(restored, before);
      expectBytes(payload, before);
    },
  );

  test.each([
    ["nothing", 0, new Uint8Array(0)],
    ["one byte", 1, ascii("x")],
    ["1 MiB of zeros", MIB, new Uint8Array(MIB)],
    ["1 MiB of noise", MIB, noise(MIB)],
    ["16 MiB of zeros", 16 * MIB, new Uint8Array(16 * MIB)],
    ["16 MiB of noise", 16 * MIB, noise(16 * MIB)],
    [
      "zeros and noise in turn, 5 MiB",
      5 * MIB,
      Uint8Array.from(Buffer.concat([noise(2 * MIB), new Uint8Array(MIB), noise(2 * MIB)])),
    ],
  ])("Z1 what it makes of %s passes its own guard and comes back", async (_name, length, payload) => {
    const restored = await codec.decompress(await codec.compress(payload));
    expect(restored.length).toBe(length);
    expectBytes(restored, payload);
  });

  property.prop([payloads, fc.nat(9), fc.nat(9)])(
    "a view of a bigger buffer counts for what it shows",
    async (payload, before, after) => {
      const within = (bytes: Uint8Array): Uint8Array => {
        const whole = new Uint8Array(before + bytes.length + after).fill(0xee);
        whole.set(bytes, before);
        return whole.subarray(before, before + bytes.length);
      };
      const stored = await codec.compress(within(payload));
      expectBytes(await codec.decompress(within(stored)), payload);
    },
  );

  test("a payload beyond the limit is refused before anything is done with it", async () => {
    const payload = new Uint8Array(2 ** 28);
    const uses = [vi.spyOn(lz4, "compressSync"), vi.spyOn(bindings, "compress")];
    const expected = refusal("payload-too-large", /268435456 bytes, and the limit is 268435455; split it/);
    expect(await errorOf(() => codec.compress(payload))).toMatchObject(expected);
    expect(await errorOf(() => compressed(codec, payload))).toMatchObject(expected);
    for (const use of uses) expect(use).not.toHaveBeenCalled();
  });

  test.each<unknown>([
    "text",
    undefined,
    null,
    7,
    [1, 2],
    new ArrayBuffer(4),
    new DataView(new ArrayBuffer(4)),
    new Uint16Array(4),
  ])("a wrong type is a TypeError: %s", async (value) => {
    expect(await errorOf(() => codec.compress(value as Uint8Array))).toBeInstanceOf(TypeError);
    expect(await errorOf(() => codec.decompress(value as Uint8Array))).toBeInstanceOf(TypeError);
  });
});

describe.each(CODECS.slice(1))("%s", (_, codec) => {
  test("what it answers with is a plain Uint8Array that shares no memory with the input", async () => {
    const payload = new Uint8Array(1000).fill(7);
    const stored = await codec.compress(payload);
    const restored = await codec.decompress(stored);
    for (const [result, input] of [
      [stored, payload],
      [restored, stored],
    ] as const) {
      expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
      expect(result.buffer).not.toBe(input.buffer);
    }
    const expected = restored.slice();
    payload.fill(1);
    stored.fill(2);
    expect(restored).toStrictEqual(expected);
  });
});

describe("NoneCodec", () => {
  test("it answers with the very array that it was given", () => {
    const payload = ascii("hello");
    expect(new NoneCodec().compress(payload)).toBe(payload);
    expect(new NoneCodec().decompress(payload)).toBe(payload);
  });

  test("Z2 stored bytes beyond the limit are refused", async () => {
    const codec = new NoneCodec();
    expect(codec.decompress(new Uint8Array(MAX_PAYLOAD_BYTES)).length).toBe(MAX_PAYLOAD_BYTES);
    const error = await errorOf(() => codec.decompress(new Uint8Array(MAX_PAYLOAD_BYTES + 1)));
    expect(error).toMatchObject(refusal("payload-limit", /has 268435456 bytes/));
  });
});

describe("Lz4Codec", () => {
  const codec = new Lz4Codec();

  test.each([
    ["nothing: a token of no literals", "00000000 00", ""],
    ["five literals", "05000000 50 68656c6c6f", "hello"],
    // Token 0x15: one literal, a match of 5 + 4 bytes, 1 back. Token 0x50: five literals, with which a block
    // ends.
    ["a match that overlaps itself", "0f000000 15 61 0100 50 68656c6c6f", "aaaaaaaaaahello"],
    // Token 0x1f: one literal, a match of 15 + 4 + 255 + 1 bytes.
    ["a match whose length goes on", "1a010000 1f 2d 0100 ff01 60 5b656e645d2e", `${"-".repeat(276)}[end].`],
  ])("expands a block spelled out: %s", (_, stored, payload) => {
    expect(codec.decompress(hex(stored))).toStrictEqual(ascii(payload));
  });

  test("stores the expanded size in 4 bytes, then the block", () => {
    expect(codec.compress(ascii("hello"))).toStrictEqual(hex("05000000 50 68656c6c6f"));
  });

  test.each([
    ["no bytes at all", "", /0 bytes, fewer than its size prefix/],
    ["a piece of the size", "050000", /3 bytes, fewer than its size prefix/],
    ["a block cut off", "05000000 50 68656c6c", /its block is damaged/],
    ["a block that yields more than the prefix says", "04000000 50 68656c6c6f", /its block is damaged/],
    [
      "a block that yields less than the prefix says",
      "06000000 50 68656c6c6f",
      /claims 6 bytes and expands to 5/,
    ],
    ["a match that begins before the payload", "0a000000 15 61 0200 50 68656c6c6f", /its block is damaged/],
    ["a match of distance 0", "0f000000 15 61 0000 50 68656c6c6f", /its block is damaged/],
  ])("refuses %s", async (_, stored, what) => {
    expect(await errorOf(() => codec.decompress(hex(stored)))).toMatchObject(
      refusal("undecodable-payload", what),
    );
  });

  test("what the library threw is the cause", async () => {
    const error = await errorOf(() => codec.decompress(hex("05000000 50 68")));
    expect(error).toMatchObject({ cause: { message: expect.stringContaining("literal") as unknown } });
  });

  test("Z2 a prefix beyond the limit, or beyond 255 times the block, is refused without calling the library", async () => {
    const expand = vi.spyOn(lz4, "uncompressSync").mockReturnValue(Buffer.alloc(0));
    for (const [stored, what] of [
      ["ffffffff 00", /claims 4294967295 bytes, and the limit is 268435455/],
      ["00000010 00", /claims 268435456 bytes, and the limit is 268435455/],
      ["ffffff0f 00", /claims 268435455 bytes, and its block can yield 255/],
      ["00010000 00", /claims 256 bytes, and its block can yield 255/],
      ["01000000", /claims 1 bytes, and its block can yield 0/],
    ] as const) {
      expect(await errorOf(() => codec.decompress(hex(stored)))).toMatchObject(
        refusal("payload-limit", what),
      );
    }
    expect(expand).not.toHaveBeenCalled();
    // From both sides: at 255 times the block, and at the limit, the library is asked.
    await errorOf(() => codec.decompress(hex("ff000000 00")));
    expect(expand).toHaveBeenCalledTimes(1);
    const stored = new Uint8Array(4 + Math.ceil(MAX_PAYLOAD_BYTES / 255));
    stored.set(hex("ffffff0f"));
    await errorOf(() => codec.decompress(stored));
    expect(expand).toHaveBeenCalledTimes(2);
  });

  property.prop([fc.uint8Array({ maxLength: 64 }), fc.option(fc.nat(300))])(
    "any block gives a payload of the claimed size or a StorageError, never another exception",
    (bytes, claimed) => {
      const stored = claimed === null ? bytes : Buffer.concat([hex("00000000"), bytes]);
      if (claimed !== null) new DataView(stored.buffer, stored.byteOffset).setUint32(0, claimed, true);
      let restored: Uint8Array;
      try {
        restored = codec.decompress(stored);
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError);
        return;
      }
      expect(restored.length).toBe(new DataView(stored.buffer, stored.byteOffset).getUint32(0, true));
    },
  );

  test("if the library fails to compress, nothing is stored and the error says so", async () => {
    const cause = new Error("out of memory");
    vi.spyOn(lz4, "compressSync").mockImplementation(() => {
      throw cause;
    });
    const error = await errorOf(() => codec.compress(HELLOS));
    expect(error).toMatchObject({ ...refusal("undecodable-payload", /nothing was stored/), cause });
  });

  test("every single changed byte gives a payload of the claimed size or a StorageError", async () => {
    const stored = hex("0f000000 15 61 0100 50 68656c6c6f");
    await everyChange(stored, codec, (restored, changed) => {
      expect(restored.length).toBe(new DataView(changed.buffer).getUint32(0, true));
    });
  });
});

describe("ZstdCodec", () => {
  const codec = new ZstdCodec();

  test.each([
    ["an empty raw block", "28b52ffd 20 00 010000", ""],
    ["a raw block", "28b52ffd 20 05 290000 68656c6c6f", "hello"],
    ["an RLE block", "28b52ffd 20 05 2b0000 61", "aaaaa"],
    ["raw, RLE and an empty last block", "28b52ffd 20 09 280000 68656c6c6f 220000 21 010000", "hello!!!!"],
    ["a window and a size of 8 bytes", "28b52ffd c0 00 0500000000000000 290000 68656c6c6f", "hello"],
    ["an empty one with its checksum", "28b52ffd 24 00 010000 99e9d851", ""],
  ])("expands a frame spelled out: %s", async (_, stored, payload) => {
    expect(await codec.decompress(hex(stored))).toStrictEqual(ascii(payload));
  });

  test("expands what another program wrote", async () => {
    expect(await codec.decompress(CHECKSUMMED)).toStrictEqual(HELLOS);
  });

  test("stores a frame that declares its size, in as few bytes as libzstd's own", async () => {
    expect(await codec.compress(HELLOS)).toStrictEqual(DECLARED);
    expect(await codec.decompress(DECLARED)).toStrictEqual(HELLOS);
  });

  test.each([0, 1, 255, 256, 257, 65791, 65792, 2 * MIB, 2 * MIB + 1])(
    "declares the size of %i bytes, and libzstd believes it",
    async (length) => {
      const payload = new Uint8Array(length).fill(0x5a);
      const stored = await codec.compress(payload);
      expect(checkedFrame(stored, false).contentBytes).toBe(length);
      expectBytes(await codec.decompress(stored), payload);
      // Without the guard, too: the library itself reads the header that was put there.
      const declared = await errorOf(() => bindings.decompress(stored));
      expect(declared).toBeUndefined();
    },
  );

  test("the level is passed on: from 3 on the encoder sees a repetition 768 KiB back, at 1 it does not", async () => {
    const piece = noise(768 * 1024);
    const payload = Uint8Array.from(Buffer.concat([piece, piece]));
    const stored = async (zstd: ZstdCodec): Promise<number> => (await zstd.compress(payload)).length;
    expect(await stored(new ZstdCodec({ level: 1 }))).toBeGreaterThan(payload.length * 0.99);
    expect(await stored(new ZstdCodec({ level: 3 }))).toBeLessThan(payload.length * 0.51);
    expect(await stored(codec)).toBeLessThan(payload.length * 0.51);
  });

  test("a level is a whole number from 1 to 22", async () => {
    for (const level of [0, 23, -1, 1.5, Number.NaN, Infinity]) {
      expect(await errorOf(() => new ZstdCodec({ level }))).toMatchObject(
        refusal("out-of-range", /level is .* 1 to 22/),
      );
    }
    expect([1, 22].map((level) => new ZstdCodec({ level }).level)).toStrictEqual([1, 22]);
    expect(new ZstdCodec().level).toBe(3);
  });

  test("a frame that declares no size is refused unless asked for, as for Kimberlite's own", async () => {
    expect(await errorOf(() => codec.decompress(UNDECLARED))).toMatchObject(
      refusal("undecodable-payload", /does not declare/),
    );
    const tolerant = new ZstdCodec({ acceptsUndeclaredSize: true });
    expect(await tolerant.decompress(UNDECLARED)).toStrictEqual(HELLOS);
    expect(await tolerant.decompress(DECLARED)).toStrictEqual(HELLOS);
    expect(await tolerant.compress(HELLOS)).toStrictEqual(DECLARED);
    expect(codec.acceptsUndeclaredSize).toBe(false);
  });

  test("Z2 one that declares no size and expands beyond the limit is refused", async () => {
    const tolerant = new ZstdCodec({ acceptsUndeclaredSize: true });
    const expand = vi.spyOn(bindings, "decompress").mockResolvedValue(new Uint8Array(MAX_PAYLOAD_BYTES + 1));
    expect(await errorOf(() => tolerant.decompress(UNDECLARED))).toMatchObject(
      refusal("payload-limit", /has 268435456 bytes/),
    );
    expand.mockResolvedValue(new Uint8Array(MAX_PAYLOAD_BYTES));
    expect(await errorOf(() => tolerant.decompress(UNDECLARED))).toBeUndefined();
  });

  test("a frame with a wrong checksum is refused, and what the library threw is the cause", async () => {
    const checksum = CHECKSUMMED.slice();
    checksum[checksum.length - 1] = 0;
    const error = await errorOf(() => codec.decompress(checksum));
    expect(error).toMatchObject(refusal("undecodable-payload", /its content is damaged/));
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  test("a frame whose blocks are not what RFC 8878 allows is refused without calling the library", async () => {
    const expand = vi.spyOn(bindings, "decompress");
    for (const stored of [
      "28b52ffd 20 1a 150000 0000", // nothing, where 26 bytes are declared
      "28b52ffd 04 24 000000 040000 090000 d7 09fc2062", // a compressed block of no bytes
      "28b52ffd 80 58 08000000 950000 86 8003 84432010 0100 0100 0100 0f 07 07 07 00", // a stream with a bit too many
    ]) {
      const tolerant = new ZstdCodec({ acceptsUndeclaredSize: true });
      const error = await errorOf(() => tolerant.decompress(hex(stored)));
      expect(error).toMatchObject(refusal("undecodable-payload", /its content is damaged|expands to 0/));
    }
    expect(expand).not.toHaveBeenCalled();
  });

  test("a frame that expands to another size than it declares is refused", async () => {
    vi.spyOn(bindings, "decompress").mockResolvedValue(HELLOS.subarray(1));
    const error = await errorOf(() => codec.decompress(DECLARED));
    expect(error).toMatchObject(refusal("undecodable-payload", /claims 26 bytes and expands to 25/));
  });

  test.each([
    ["two frames", Buffer.concat([DECLARED, DECLARED])],
    ["a skippable frame", hex("502a4d18 00000000")],
    ["a skippable frame before a frame", Buffer.concat([hex("502a4d18 00000000"), DECLARED])],
    ["a skippable frame behind a frame", Buffer.concat([DECLARED, hex("502a4d18 00000000")])],
    ["a dictionary", hex("28b52ffd 21 07 00 010000")],
    ["no bytes at all", hex("")],
  ])("refuses %s without calling the library", async (_, stored) => {
    const expand = vi.spyOn(bindings, "decompress");
    expect(await errorOf(() => codec.decompress(stored))).toMatchObject(refusal("undecodable-payload", /./));
    expect(expand).not.toHaveBeenCalled();
  });

  test("refuses a frame truncated at every length without calling the library", async () => {
    const expand = vi.spyOn(bindings, "decompress");
    for (let length = 0; length < CHECKSUMMED.length; length++) {
      const error = await errorOf(() => codec.decompress(CHECKSUMMED.subarray(0, length)));
      expect(error).toMatchObject(refusal("undecodable-payload", /it ends at byte/));
    }
    expect(expand).not.toHaveBeenCalled();
  });

  test("every single changed byte of a frame with a checksum gives the right payload or a StorageError", async () => {
    let right = 0;
    await everyChange(CHECKSUMMED, codec, (restored) => {
      expect(restored).toStrictEqual(HELLOS);
      right++;
    });
    // The header's unused bit is the one that may be changed; see RFC 8878, section 3.1.1.1.1.4.
    expect(right).toBeGreaterThanOrEqual(1);
  });

  test("every single changed byte of a frame without one gives a payload of the declared size or a StorageError", async () => {
    await everyChange(DECLARED, codec, (restored, changed) => {
      expect(restored.length).toBe(checkedFrame(changed, false).contentBytes);
    });
  });

  property.prop([fc.uint8Array({ maxLength: 100 }), fc.nat(155)])(
    "any content of a compressed block gives a payload of the declared size or a StorageError, never another exception",
    async (content, more) => {
      const header = (content.length << 3) | 0b101;
      const declared = content.length + more;
      const start = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, declared, header & 0xff, header >>> 8, 0);
      let restored: Uint8Array;
      try {
        restored = await codec.decompress(Buffer.concat([start, content]));
      } catch (error) {
        expect(error).toMatchObject(refusal("undecodable-payload", /damaged|expands to/));
        return;
      }
      expect(restored.length).toBe(declared);
    },
  );

  test("nothing is stored that its own guard would refuse", async () => {
    const encode = vi.spyOn(bindings, "compress");
    const doubled = Uint8Array.from(Buffer.concat([DECLARED, DECLARED]));
    for (const [made, what] of [
      [doubled, /ends at byte 22 of 44/],
      [hex("28b52ffd 20 00 010000"), /declares 0, not 26 bytes/],
      [hex("28b52ffd 00 00 010000"), /declares 26 bytes, and its blocks can yield 0/],
      [hex(""), /inside its header/],
    ] as const) {
      encode.mockResolvedValueOnce(made);
      const error = await errorOf(() => codec.compress(HELLOS));
      expect(error).toMatchObject(refusal("undecodable-payload", /nothing was stored/));
      expect(error).toMatchObject({ cause: { message: expect.stringMatching(what) as unknown } });
    }
  });

  test("if the library fails to compress, nothing is stored and the error says so", async () => {
    const cause = new Error("out of memory");
    vi.spyOn(bindings, "compress").mockRejectedValueOnce(cause);
    const error = await errorOf(() => codec.compress(HELLOS));
    expect(error).toMatchObject({ ...refusal("undecodable-payload", /nothing was stored/), cause });
  });
});

describe("bombs", () => {
  /** 64 KiB of RLE blocks, 128 KiB of content each: 2 GiB, which libzstd alone expands without a word. */
  const runs = Buffer.alloc(2 ** 16, hex("020010 00"));
  runs.set(hex("030010 00"), runs.length - 4);
  const withHeader = (header: string): Uint8Array => Uint8Array.from(Buffer.concat([hex(header), runs]));
  const tolerant = new ZstdCodec({ acceptsUndeclaredSize: true });

  test.each([
    ["lz4: a prefix of 4 GiB in five bytes", new Lz4Codec(), hex("ffffffff 00"), "payload-limit"],
    ["lz4: a prefix of the limit in five bytes", new Lz4Codec(), hex("ffffff0f 00"), "payload-limit"],
    [
      "zstd: 2 GiB of runs that say so",
      new ZstdCodec(),
      withHeader("28b52ffd 80 58 00000080"),
      "payload-limit",
    ],
    [
      "zstd: 2 GiB of runs that say 16 EiB",
      new ZstdCodec(),
      withHeader("28b52ffd c0 58 ffffffffffffffff"),
      "payload-limit",
    ],
    [
      "zstd: 2 GiB of runs that claim 100 bytes",
      new ZstdCodec(),
      withHeader("28b52ffd 80 58 64000000"),
      "payload-limit",
    ],
    [
      "zstd: 2 GiB of runs that say nothing",
      new ZstdCodec(),
      withHeader("28b52ffd 00 58"),
      "undecodable-payload",
    ],
    ["zstd: the same where that is accepted", tolerant, withHeader("28b52ffd 00 58"), "payload-limit"],
    [
      "zstd: the limit declared, and nothing there",
      new ZstdCodec(),
      hex("28b52ffd 80 58 ffffff0f 010000"),
      "payload-limit",
    ],
    ["zstd: a window of 3.75 TiB", tolerant, hex("28b52ffd 00 ff 010000"), "undecodable-payload"],
  ])(
    "Z2 a payload that claims or expands to more than the limit is refused within bounded memory (%s)",
    async (_, codec, stored, code) => {
      const expansions = [vi.spyOn(lz4, "uncompressSync"), vi.spyOn(bindings, "decompress")];
      const before = process.memoryUsage();
      const error = await errorOf(() => codec.decompress(stored));
      const after = process.memoryUsage();
      expect(error).toMatchObject(refusal(code, /./));
      for (const expansion of expansions) expect(expansion).not.toHaveBeenCalled();
      // The smallest of these would take 256 MiB; another thread of this process may well take some.
      for (const measure of ["rss", "external", "arrayBuffers"] as const) {
        expect(after[measure] - before[measure]).toBeLessThan(64 * MIB);
      }
    },
  );
});

describe("CodecRegistry", () => {
  test("has all three by default", () => {
    const registry = new CodecRegistry();
    const kinds: CompressionKind[] = ["none", "lz4", "zstd"];
    expect(kinds.map((kind) => registry.get(kind).kind)).toStrictEqual(kinds);
  });

  test("refuses a kind that is not registered", async () => {
    const registry = new CodecRegistry([new NoneCodec()]);
    expect(registry.get("none").kind).toBe("none");
    expect(await errorOf(() => registry.get("zstd"))).toMatchObject(
      refusal("unknown-codec", /"zstd" is registered/),
    );
    expect(await errorOf(() => new CodecRegistry([]).get("none"))).toMatchObject(
      refusal("unknown-codec", /"none"/),
    );
  });

  test("the codec registered last is the one of its kind", () => {
    const [first, second, third] = [new ZstdCodec(), new ZstdCodec(), new ZstdCodec()];
    const registry = new CodecRegistry([first, second]);
    expect(registry.get("zstd")).toBe(second);
    registry.register(third);
    expect(registry.get("zstd")).toBe(third);
  });
});

describe("the codecs of a sentinel stream", () => {
  test("are the same, but that zstd expands what does not declare its size, and stores as before", async () => {
    const [none, lz4Codec, zstd] = [new NoneCodec(), new Lz4Codec(), new ZstdCodec({ level: 9 })];
    const registry = new CodecRegistry([none, lz4Codec, zstd]);
    const tolerant = withUndeclaredSizes(registry);
    expect(tolerant.get("none")).toBe(none);
    expect(tolerant.get("lz4")).toBe(lz4Codec);
    expect(tolerant.get("zstd")).toMatchObject({ level: 9, acceptsUndeclaredSize: true });
    expect(await tolerant.get("zstd").decompress(UNDECLARED)).toStrictEqual(HELLOS);
    expect(await tolerant.get("zstd").compress(HELLOS)).toStrictEqual(DECLARED);
    expect(registry.get("zstd")).toBe(zstd);
    expect(await errorOf(() => zstd.decompress(UNDECLARED))).toMatchObject(
      refusal("undecodable-payload", /does not declare/),
    );
  });

  test("do not have one that is not registered, and leave another's zstd as it is", async () => {
    const others: Codec = { kind: "zstd", compress: (bytes) => bytes, decompress: (bytes) => bytes };
    const tolerant = withUndeclaredSizes(new CodecRegistry([others]));
    expect(tolerant.get("zstd")).toBe(others);
    expect(await errorOf(() => tolerant.get("lz4"))).toMatchObject(refusal("unknown-codec", /"lz4"/));
  });
});

test.each([
  ["lz4", new Lz4Codec()],
  ["zstd", new ZstdCodec()],
])("Z1 the largest payload comes back from %s", async (_, codec) => {
  const payload = new Uint8Array(MAX_PAYLOAD_BYTES);
  payload[MAX_PAYLOAD_BYTES - 1] = 1;
  const stored = await codec.compress(payload);
  expectBytes(await codec.decompress(stored), payload);
});

describe("compressed", () => {
  test("answers at once if the codec does", async () => {
    expect(compressed(new Lz4Codec(), new Uint8Array(100))).toMatchObject({ compression: "lz4" });
    expect(compressed(new ZstdCodec(), new Uint8Array(100))).toBeInstanceOf(Promise);
    expect(await compressed(new ZstdCodec(), new Uint8Array(100))).toMatchObject({ compression: "zstd" });
  });

  test("Z1 a result that is not smaller is not stored: the payload itself is", async () => {
    const payload = ascii("12345");
    for (const [bytes, compression] of [
      [4, "lz4"],
      [5, "none"],
      [6, "none"],
    ] as const) {
      const result = new Uint8Array(bytes);
      const codec: Codec = { kind: "lz4", compress: () => result, decompress: () => payload };
      const stored = await compressed(codec, payload);
      expect(stored.compression).toBe(compression);
      expect(stored.bytes).toBe(compression === "none" ? payload : result);
    }
  });
});

/** Gives the codec `stored` with each byte changed to each other value; `check` sees what it expanded. */
async function everyChange(
  stored: Uint8Array,
  codec: Codec,
  check: (restored: Uint8Array, changed: Uint8Array) => void,
): Promise<void> {
  for (let at = 0; at < stored.length; at++) {
    for (let change = 1; change < 256; change++) {
      const changed = Uint8Array.from(stored);
      changed[at] = (changed[at] ?? 0) ^ change;
      let restored: Uint8Array;
      try {
        restored = await codec.decompress(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError);
        continue;
      }
      check(restored, changed);
    }
  }
}
