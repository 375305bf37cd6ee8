/**
 * The frame walker against frames spelled out by hand from RFC 8878, one header field at a time, each limit
 * from both sides. Whether libzstd agrees is `codec.test.ts`'s business.
 */
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";

import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { checkedFrame, declareContentSize, walkFrame } from "./zstd-frame.ts";

const KIB = 1024;
const BLOCK_BYTES_MAX = 128 * KIB;

const RAW = 0;
const RLE = 1;
const COMPRESSED = 2;
const RESERVED = 3;

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

/** A block's header, and as many bytes (0x61) behind it as its type wants. */
function block(type: number, size: number, last = true): Uint8Array {
  const header = (size << 3) | (type << 1) | Number(last);
  const stored = new Uint8Array(type === RLE ? 1 : size).fill(0x61);
  return join(Uint8Array.of(header & 0xff, (header >>> 8) & 0xff, header >>> 16), stored);
}

/** So many RLE blocks of 128 KiB and a last one of `rest` bytes: 4 bytes a block. */
function manyRuns(full: number, rest: number): Uint8Array {
  return join(Buffer.alloc(full * 4, block(RLE, BLOCK_BYTES_MAX, false)), block(RLE, rest));
}

/** A header with a window of 128 KiB that declares `bytes` in 4 bytes. */
function declaring(bytes: number): Uint8Array {
  const header = hex("28b52ffd 80 38 00000000");
  new DataView(header.buffer).setUint32(6, bytes, true);
  return header;
}

/** A header with a window of 128 KiB that declares nothing. */
const UNDECLARED = hex("28b52ffd 00 38");
const HELLO = hex("28b52ffd 20 05 290000 68656c6c6f");

const undecodable = (what: RegExp): object => ({
  code: "undecodable-payload",
  message: expect.stringMatching(what) as unknown,
});
const beyond = (what: RegExp): object => ({
  code: "payload-limit",
  message: expect.stringMatching(what) as unknown,
});

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("walkFrame", () => {
  const EMPTY = "010000";
  test.each([
    ["single segment, 1-byte size", `20 00 ${EMPTY}`, { headerBytes: 6, windowBytes: 0, contentBytes: 0 }],
    [
      "single segment, largest 1-byte size",
      `20 ff ${EMPTY}`,
      { headerBytes: 6, windowBytes: 255, contentBytes: 255 },
    ],
    [
      "single segment, 2-byte size from 256 up",
      `60 0000 ${EMPTY}`,
      { headerBytes: 7, windowBytes: 256, contentBytes: 256 },
    ],
    [
      "single segment, largest 2-byte size",
      `60 ffff ${EMPTY}`,
      { headerBytes: 7, windowBytes: 65791, contentBytes: 65791 },
    ],
    [
      "single segment, 4-byte size",
      `a0 04030201 ${EMPTY}`,
      { headerBytes: 9, windowBytes: 0x01020304, contentBytes: 0x01020304 },
    ],
    [
      "single segment, 8-byte size",
      `e0 0100000001000000 ${EMPTY}`,
      { headerBytes: 13, windowBytes: 2 ** 32 + 1, contentBytes: 2 ** 32 + 1 },
    ],
    ["window, no size", `00 00 ${EMPTY}`, { headerBytes: 6, windowBytes: KIB, contentBytes: undefined }],
    [
      "window of seven eighths more",
      `00 07 ${EMPTY}`,
      { headerBytes: 6, windowBytes: 1920, contentBytes: undefined },
    ],
    ["window of 2 MiB", `00 58 ${EMPTY}`, { headerBytes: 6, windowBytes: 2 ** 21, contentBytes: undefined }],
    [
      "largest window",
      `00 ff ${EMPTY}`,
      { headerBytes: 6, windowBytes: 2 ** 41 + 7 * 2 ** 38, contentBytes: undefined },
    ],
    [
      "window, 2-byte size",
      `40 00 0201 ${EMPTY}`,
      { headerBytes: 8, windowBytes: KIB, contentBytes: 0x0202 },
    ],
    [
      "window, 4-byte size",
      `80 00 04030201 ${EMPTY}`,
      { headerBytes: 10, windowBytes: KIB, contentBytes: 0x01020304 },
    ],
    [
      "window, 8-byte size",
      `c0 00 0000000001000000 ${EMPTY}`,
      { headerBytes: 14, windowBytes: KIB, contentBytes: 2 ** 32 },
    ],
    ["dictionary 0 in 1 byte", `21 00 00 ${EMPTY}`, { headerBytes: 7, windowBytes: 0, contentBytes: 0 }],
    ["dictionary 0 in 2 bytes", `22 0000 00 ${EMPTY}`, { headerBytes: 8, windowBytes: 0, contentBytes: 0 }],
    [
      "dictionary 0 in 4 bytes",
      `03 00 00000000 ${EMPTY}`,
      { headerBytes: 10, windowBytes: KIB, contentBytes: undefined },
    ],
    [
      "the unused bit, which a decoder ignores",
      `30 00 ${EMPTY}`,
      { headerBytes: 6, windowBytes: 0, contentBytes: 0 },
    ],
  ])("reads a header: %s", (_, rest, expected) => {
    const bytes = hex(`28b52ffd ${rest}`);
    expect(walkFrame(bytes)).toStrictEqual({ ...expected, hasChecksum: false, leastBytes: 0, mostBytes: 0 });
  });

  test("a checksum is 4 bytes behind the last block, and is there if its bit says so", () => {
    const bytes = hex("28b52ffd 24 00 010000 99e9d851");
    expect(walkFrame(bytes)).toMatchObject({ hasChecksum: true, contentBytes: 0 });
    expect(() => walkFrame(bytes.subarray(0, -1))).toThrow(
      expect.objectContaining(undecodable(/inside its checksum/)),
    );
  });

  test("raw and RLE blocks yield their size, a compressed one at most 128 KiB and at most the window", () => {
    const blocks = [block(RAW, 3, false), block(RLE, 500, false), block(COMPRESSED, 7, false), block(RAW, 0)];
    expect(walkFrame(join(hex("28b52ffd 00 00"), ...blocks))).toMatchObject({
      leastBytes: 503,
      mostBytes: 503 + KIB,
    });
    expect(walkFrame(join(hex("28b52ffd 00 58"), ...blocks))).toMatchObject({
      leastBytes: 503,
      mostBytes: 503 + BLOCK_BYTES_MAX,
    });
  });

  test("it reads a view of a bigger buffer where the view is", () => {
    const surrounded = join(hex("28b52ffd ff ff"), HELLO, hex("ff"));
    expect(walkFrame(surrounded.subarray(6, -1))).toStrictEqual(walkFrame(HELLO));
  });

  test.each([
    ["another magic number", hex("28b52ffe 20 00 010000"), /magic number/],
    ["the first skippable frame", hex("502a4d18 00000000"), /skippable/],
    ["the last skippable frame", hex("5f2a4d18 00000000"), /skippable/],
    ["a number before the skippable ones", hex("4f2a4d18 00000000"), /magic number/],
    ["a number after the skippable ones", hex("602a4d18 00000000"), /magic number/],
    ["the reserved bit", hex("28b52ffd 28 00 010000"), /reserved bit/],
    ["a dictionary named in 1 byte", hex("28b52ffd 21 01 00 010000"), /dictionary/],
    ["a dictionary named in 2 bytes", hex("28b52ffd 22 0001 00 010000"), /dictionary/],
    ["a dictionary named in 4 bytes", hex("28b52ffd 23 00000080 00 010000"), /dictionary/],
    ["a reserved block", join(UNDECLARED, block(RESERVED, 0)), /byte 6 has the reserved type/],
    [
      "a reserved block in second place",
      join(UNDECLARED, block(RAW, 1, false), block(RESERVED, 0)),
      /byte 10 has the reserved/,
    ],
    ["a byte behind the frame", join(HELLO, hex("00")), /ends at byte 14 of 15/],
    ["a second frame", join(HELLO, HELLO), /ends at byte 14 of 28/],
    ["a skippable frame behind it", join(HELLO, hex("502a4d18 00000000")), /ends at byte 14 of 22/],
    ["a block after the last", join(HELLO, block(RAW, 0)), /ends at byte 14 of 17/],
    ["no last block", join(UNDECLARED, block(RAW, 5, false)), /inside a block's header/],
    ["no bytes at all", hex(""), /inside its header/],
  ])("refuses %s", (_, bytes, what) => {
    expect(errorOf(() => walkFrame(bytes))).toMatchObject(undecodable(what));
  });

  test.each([
    ["raw", RAW],
    ["RLE", RLE],
    ["compressed", COMPRESSED],
  ])("refuses a %s block larger than 128 KiB or than the window", (_, type) => {
    for (const [window, largest] of [
      [UNDECLARED, BLOCK_BYTES_MAX],
      [hex("28b52ffd 00 58"), BLOCK_BYTES_MAX],
      [hex("28b52ffd 00 00"), KIB],
      [hex("28b52ffd 20 05"), 5],
    ] as const) {
      expect(errorOf(() => walkFrame(join(window, block(type, largest))))).toBeUndefined();
      expect(errorOf(() => walkFrame(join(window, block(type, largest + 1))))).toMatchObject(
        undecodable(/more than/),
      );
    }
  });

  test("every strict prefix of a frame is refused", () => {
    for (const frame of [
      HELLO,
      hex("28b52ffd 24 00 010000 99e9d851"),
      join(hex("28b52ffd c3 00 00000000 0700000000000000"), block(RLE, 4, false), block(RAW, 3)),
    ]) {
      walkFrame(frame);
      for (let length = 0; length < frame.length; length++) {
        expect(errorOf(() => walkFrame(frame.subarray(0, length)))).toMatchObject(
          undecodable(/it ends at byte/),
        );
      }
    }
  });
});

describe("checkedFrame", () => {
  test("Z2 a frame may declare and yield the limit, and not a byte more", () => {
    const full = 2047; // of 128 KiB; 2 ** 28 bytes are 2048 of them
    const atLimit = join(declaring(MAX_PAYLOAD_BYTES), manyRuns(full, BLOCK_BYTES_MAX - 1));
    expect(checkedFrame(atLimit, false)).toMatchObject({
      contentBytes: 2 ** 28 - 1,
      leastBytes: 2 ** 28 - 1,
    });
    const declares = join(declaring(2 ** 28), manyRuns(full, BLOCK_BYTES_MAX - 1));
    expect(errorOf(() => checkedFrame(declares, false))).toMatchObject(
      beyond(/declares 268435456 bytes, and the limit/),
    );
    const yields = join(declaring(MAX_PAYLOAD_BYTES), manyRuns(full, BLOCK_BYTES_MAX));
    expect(errorOf(() => checkedFrame(yields, false))).toMatchObject(beyond(/blocks yield 268435456 bytes/));
  });

  test("Z2 a single segment that declares more than the limit is refused for that", () => {
    const bytes = hex("28b52ffd e0 ffffffffffffffff 010000");
    expect(errorOf(() => checkedFrame(bytes, false))).toMatchObject(
      beyond(/declares 18446744073709552000 bytes/),
    );
  });

  test("Z2 a frame declares at most what its blocks can yield", () => {
    const blocks = join(block(RLE, 10, false), block(COMPRESSED, 20));
    const most = 10 + BLOCK_BYTES_MAX;
    expect(checkedFrame(join(declaring(most), blocks), false)).toMatchObject({
      contentBytes: most,
      mostBytes: most,
    });
    expect(errorOf(() => checkedFrame(join(declaring(most + 1), blocks), false))).toMatchObject(
      beyond(/can yield 131082/),
    );
  });

  test("Z2 a frame declares at least what its blocks yield for certain", () => {
    const blocks = join(block(RLE, 10, false), block(RAW, 4, false), block(COMPRESSED, 20));
    expect(checkedFrame(join(declaring(14), blocks), false)).toMatchObject({
      contentBytes: 14,
      leastBytes: 14,
    });
    expect(errorOf(() => checkedFrame(join(declaring(13), blocks), false))).toMatchObject(
      undecodable(/13 bytes, .* yield 14/),
    );
  });

  test("a frame that declares no size is refused unless asked for", () => {
    const bytes = join(UNDECLARED, block(RAW, 5));
    expect(errorOf(() => checkedFrame(bytes, false))).toMatchObject(undecodable(/does not declare/));
    expect(checkedFrame(bytes, true)).toMatchObject({ contentBytes: undefined, mostBytes: 5 });
  });

  test("Z2 one that declares no size can yield as much as the limit, and no more", () => {
    const accepted = join(UNDECLARED, manyRuns(2047, BLOCK_BYTES_MAX - 1));
    expect(checkedFrame(accepted, true)).toMatchObject({ mostBytes: 2 ** 28 - 1 });
    const refused = join(UNDECLARED, manyRuns(2047, BLOCK_BYTES_MAX));
    expect(errorOf(() => checkedFrame(refused, true))).toMatchObject(beyond(/can yield 268435456/));
  });

  test("a window may have 2^27 bytes, and not more", () => {
    const blocks = block(RAW, 5);
    expect(checkedFrame(join(hex("28b52ffd 00 88"), blocks), true)).toMatchObject({ windowBytes: 2 ** 27 });
    for (const window of ["89", "ff"]) {
      const bytes = join(hex(`28b52ffd 00 ${window}`), blocks);
      expect(errorOf(() => checkedFrame(bytes, true))).toMatchObject(undecodable(/window of/));
    }
    // 2 ** 27 + 1 bytes, all there, in a single segment.
    const segment = join(hex("28b52ffd a0 01000008"), manyRuns(1024, 1));
    expect(errorOf(() => checkedFrame(segment, false))).toMatchObject(
      undecodable(/window of 134217729 bytes/),
    );
  });

  property.prop([fc.uint8Array({ maxLength: 40 }), fc.boolean()])(
    "any bytes behind the magic number give an outline within the limits or a StorageError",
    (rest, accepts) => {
      const bytes = join(hex("28b52ffd"), rest);
      const error = errorOf(() => {
        const { contentBytes, leastBytes, mostBytes } = checkedFrame(bytes, accepts);
        expect(contentBytes ?? mostBytes).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
        expect(contentBytes ?? mostBytes).toBeGreaterThanOrEqual(leastBytes);
      });
      if (error !== undefined) expect(error).toHaveProperty("name", "StorageError");
    },
  );
});

describe("declareContentSize", () => {
  const blocks = block(RAW, 5);

  test.each([
    ["0 in 1 byte", "00 58", 0, "20 00"],
    ["255 in 1 byte", "00 58", 255, "20 ff"],
    ["256 in 2 bytes", "00 58", 256, "60 0000"],
    ["65791 in 2 bytes", "00 58", 65791, "60 ffff"],
    ["65792 in 4 bytes", "00 58", 65792, "a0 00010100"],
    ["all of the window as a single segment", "00 58", 2 ** 21, "a0 00002000"],
    ["more than the window, which then stays", "00 58", 2 ** 21 + 1, "80 58 01002000"],
    ["more than a small window in 2 bytes", "00 01", 1153, "40 01 8103"],
    ["the largest payload", "00 58", MAX_PAYLOAD_BYTES, "80 58 ffffff0f"],
    ["a frame with a checksum, whose bit stays", "04 58", 5, "24 05"],
    ["a frame that spells out dictionary 0", "03 58 00000000", 5, "20 05"],
  ])("declares %s", (_, before, contentBytes, after) => {
    const tail = before.startsWith("04") ? join(blocks, hex("00000000")) : blocks;
    const frame = join(hex(`28b52ffd ${before}`), tail);
    const declared = declareContentSize(frame, contentBytes);
    expect(Buffer.from(declared).toString("hex")).toBe(
      `28b52ffd${after}${Buffer.from(tail).toString("hex")}`.replaceAll(" ", ""),
    );
    expect(declared.buffer.byteLength).toBe(declared.length);
  });

  test("a frame that declares a size is answered as it is", () => {
    expect(declareContentSize(HELLO, 5)).toBe(HELLO);
  });

  test("what is not a frame is refused", () => {
    expect(errorOf(() => declareContentSize(hex("00"), 5))).toMatchObject(undecodable(/header/));
  });
});
