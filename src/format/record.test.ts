/**
 * One record: its bytes written out, and what holds for all of them, in each format. The other side of every
 * comparison is `e2e/by-hand.ts` or a literal that python3's zlib and hashlib printed.
 */
import { createHash } from "node:crypto";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { encoded, END_MARK, hex, join, sealed, START_MARK, text, u32, u64 } from "../../e2e/by-hand.ts";
import { failureOf, flipped } from "../../e2e/testing.ts";
import { StorageError } from "../error.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { formatNamed, kindCode, kindOf } from "./formats.ts";
import {
  claimedSize,
  decodeRecord,
  encodeRecord,
  frameAt,
  isIntactAt,
  type Record,
  saysOffset,
} from "./record.ts";
import type { CompressionKind, Format, Offset, RecordKind } from "../types.ts";

const KINDS: readonly RecordKind[] = ["data", "checkpoint", "tombstone", "redacted"];
const COMPRESSIONS: readonly CompressionKind[] = ["none", "lz4", "zstd"];

const EVENT_1: Record = {
  offset: 0n as Offset,
  prevHash: new Uint8Array(32),
  kind: "data",
  compression: "none",
  payload: text("event1"),
};

/** `EVENT_1`: offset, previous hash, length, payload, CRC-32. */
const EVENT_1_PLAIN = hex(`
  0000000000000000
  0000000000000000000000000000000000000000000000000000000000000000
  06000000
  6576656e7431
  0cda0e68
`);

/** `EVENT_1`: mark, offset, previous hash, kind and compression, length, payload, CRC-32, mark. */
const EVENT_1_SENTINEL = hex(`
  fe0fdcba
  0000000000000000
  0000000000000000000000000000000000000000000000000000000000000000
  00 00
  06000000
  6576656e7431
  64fe27aa
  42eeffc0
`);

/** A format as FORMAT.md, sections 2 and 8.1, has it. */
interface Layout {
  readonly format: Format;
  readonly event1: Buffer;
  readonly headerBytes: number;
  readonly overheadBytes: number;
  readonly kinds: readonly RecordKind[];
  readonly lastOffset: bigint;
  /** A record's bytes from its codes as numbers: any fit into their fields. */
  readonly withCodes: (kind: number, compression: number, payload: Uint8Array) => Buffer;
  /** How many kinds and compressions the fields have room for. */
  readonly codes: readonly [kinds: number, compressions: number];
  /** What a damaged bit comes to, where it is not seen by the checksum. */
  readonly flips: readonly string[];
}

const PLACE = join(u64(0n), new Uint8Array(32));

const LAYOUTS: readonly Layout[] = [
  {
    format: "plain",
    event1: EVENT_1_PLAIN,
    headerBytes: 44,
    overheadBytes: 48,
    kinds: KINDS,
    lastOffset: 2n ** 63n - 1n,
    withCodes: (kind, compression, payload) =>
      sealed(join(PLACE, u32(payload.length + kind * 2 ** 28 + compression * 2 ** 30), payload)),
    codes: [4, 4],
    flips: ["checksum-mismatch", "incomplete"],
  },
  {
    format: "sentinel",
    event1: EVENT_1_SENTINEL,
    headerBytes: 50,
    overheadBytes: 58,
    kinds: ["data", "checkpoint", "tombstone"],
    lastOffset: 2n ** 64n - 1n,
    withCodes: (kind, compression, payload) =>
      join(
        sealed(join(START_MARK, PLACE, Uint8Array.of(kind, compression), u32(payload.length), payload)),
        END_MARK,
      ),
    codes: [256, 256],
    // The marks, and the four bits of the length that no record uses.
    flips: ["checksum-mismatch", "incomplete", "malformed"],
  },
];

describe("a record's bytes: plain", () => {
  test('the payload "event1" at offset 0', () => {
    expect(encodeRecord(EVENT_1)).toStrictEqual(EVENT_1_PLAIN);
    expect(encodeRecord(EVENT_1, "plain")).toStrictEqual(EVENT_1_PLAIN);
    expect(decodeRecord(EVENT_1_PLAIN)).toMatchObject({ size: 54, record: { offset: 0n, kind: "data" } });
    expect(createHash("sha256").update(decodeRecord(EVENT_1_PLAIN).record.payload).digest("hex")).toBe(
      "29663b9a32ee32c2ca5a645117696ce0888c84b39f8fd91c0ec4ebcd09025df4",
    );
  });

  test("a checkpoint: kind 1 in bits 28 and 29 of the length", () => {
    const hash = hex("c0351898aed9916debcc05905fb10161c329785aaa559dbc85fc1571516b6f6e");
    const bytes = hex(`
      0200000000000000
      c0351898aed9916debcc05905fb10161c329785aaa559dbc85fc1571516b6f6e
      28000010
      c0351898aed9916debcc05905fb10161c329785aaa559dbc85fc1571516b6f6e 0200000000000000
      6f7857c0
    `);
    const payload = Buffer.concat([hash, hex("0200000000000000")]);
    const offset = 2n as Offset;
    const record: Record = { offset, prevHash: hash, kind: "checkpoint", compression: "none", payload };
    expect(encodeRecord(record)).toStrictEqual(bytes);
    expect(decodeRecord(bytes).record).toStrictEqual(record);
  });

  test("the largest offset fills eight bytes, zstd sets bit 31", () => {
    const record: Record = { ...EVENT_1, offset: (2n ** 63n - 1n) as Offset, compression: "zstd" };
    const bytes = encodeRecord(record);
    expect(Buffer.from(bytes.subarray(0, 8))).toStrictEqual(hex("ffffffffffffff7f"));
    expect(Buffer.from(bytes.subarray(40, 44))).toStrictEqual(hex("06000080"));
    expect(decodeRecord(bytes).record).toMatchObject({ offset: 2n ** 63n - 1n, compression: "zstd" });
  });
});

describe("a record's bytes: sentinel", () => {
  const hash1 = hex("dbffa3cf34f7f57f9a4f263fef75984f55e0ac5ece1ed001cd6f897a653d9235");
  const hash2 = hex("56fbd6982fed8b156bdacfa8052c6044bc2dde2165b8828663d3345907f56dff");
  const checkpoint: Record = {
    offset: 2n as Offset,
    prevHash: hash1,
    kind: "checkpoint",
    compression: "none",
    payload: Buffer.concat([hash1, hex("0200000000000000")]),
  };
  const tombstone: Record = {
    offset: 3n as Offset,
    prevHash: hash2,
    kind: "tombstone",
    compression: "none",
    payload: Buffer.from("gone"),
  };

  test.each<[string, Record, string]>([
    [
      "a checkpoint: kind 1",
      checkpoint,
      `fe0fdcba 0200000000000000 dbffa3cf34f7f57f9a4f263fef75984f55e0ac5ece1ed001cd6f897a653d9235 01 00 28000000
       dbffa3cf34f7f57f9a4f263fef75984f55e0ac5ece1ed001cd6f897a653d9235 0200000000000000 3e184aa2 42eeffc0`,
    ],
    [
      "a tombstone: kind 2",
      tombstone,
      `fe0fdcba 0300000000000000 56fbd6982fed8b156bdacfa8052c6044bc2dde2165b8828663d3345907f56dff 02 00 04000000
       676f6e65 d3602d15 42eeffc0`,
    ],
    [
      "the largest offset, 2^64 - 1, and zstd: compression 2",
      { ...EVENT_1, offset: (2n ** 64n - 1n) as Offset, compression: "zstd" },
      `fe0fdcba ffffffffffffffff 0000000000000000000000000000000000000000000000000000000000000000 00 02 06000000
       6576656e7431 80fbe8cc 42eeffc0`,
    ],
    [
      "an offset that would be negative if it had a sign, 2^63, and lz4: compression 1",
      { ...EVENT_1, offset: (2n ** 63n) as Offset, compression: "lz4" },
      `fe0fdcba 0000000000000080 0000000000000000000000000000000000000000000000000000000000000000 00 01 06000000
       6576656e7431 953dbd7e 42eeffc0`,
    ],
    ['the payload "event1" at offset 0', EVENT_1, EVENT_1_SENTINEL.toString("hex")],
  ])("%s", (_, record, bytes) => {
    expect(encodeRecord(record, "sentinel")).toStrictEqual(hex(bytes));
    const decoded = decodeRecord(hex(bytes), "sentinel");
    expect(decoded.size).toBe(hex(bytes).length);
    expect({ ...decoded.record, payload: Buffer.from(decoded.record.payload) }).toStrictEqual({
      ...record,
      prevHash: Buffer.from(record.prevHash),
      payload: Buffer.from(record.payload),
    });
  });

  test("neither format takes the other's records for its own", async () => {
    expect(await failureOf(() => decodeRecord(EVENT_1_PLAIN, "sentinel"))).toMatchObject({
      code: "malformed",
    });
    expect(await failureOf(() => decodeRecord(EVENT_1_SENTINEL))).toBeInstanceOf(StorageError);
  });
});

describe.each(LAYOUTS)("$format:", (layout) => {
  const { format, event1, headerBytes, overheadBytes, lastOffset } = layout;
  const FORMAT = formatNamed(format);

  const records: fc.Arbitrary<Record> = fc
    .record({
      offset: fc.bigInt({ min: 0n, max: lastOffset }).map((offset) => offset as Offset),
      prevHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      kind: fc.constantFrom(...layout.kinds),
      compression: fc.constantFrom(...COMPRESSIONS),
      payload: fc.uint8Array({ maxLength: 300 }),
    })
    .map((record) => (record.kind === "data" ? { ...record } : { ...record, compression: "none" }));

  /** Records whose CRC and marks are right and whose other fields may be anything. */
  const sealedBytes = fc
    .record({
      start: fc.uint8Array({ minLength: 40, maxLength: 40 }),
      kind: fc.nat(3),
      compression: fc.nat(3),
      payload: fc.uint8Array({ maxLength: 100 }),
    })
    .map(({ start, kind, compression, payload }) =>
      format === "plain"
        ? sealed(join(start, u32((kind + 4 * compression) * 2 ** 28 + payload.length), payload))
        : join(
            sealed(join(START_MARK, start, Uint8Array.of(kind, compression), u32(payload.length), payload)),
            END_MARK,
          ),
    );

  /** The record, or the code of the `StorageError` that it is refused with; anything else fails the test. */
  function decodedOrCode(bytes: Uint8Array): Record | string {
    try {
      return decodeRecord(bytes, format).record;
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      return (error as StorageError).code;
    }
  }

  describe("a record's bytes", () => {
    test.prop([records])("are those of FORMAT.md", (record) => {
      const compression = COMPRESSIONS.indexOf(record.compression);
      expect(encodeRecord(record, format)).toStrictEqual(encoded({ ...record, compression }, format));
    });

    test("what follows a record is not looked at", () => {
      const { record, size } = decodeRecord(Buffer.concat([event1, hex("ff")]), format);
      expect(size).toBe(event1.length);
      expect(Buffer.from(record.payload).toString()).toBe("event1");
    });

    test("a record is read from a view into larger memory", () => {
      const memory = new Uint8Array(100);
      memory.set(event1, 7);
      expect(decodeRecord(memory.subarray(7, 7 + event1.length), format).size).toBe(event1.length);
    });
  });

  describe("F1 decode(encode(r)) = r, and the size is the format's overhead and the stored length", () => {
    test.prop([records])("for any record", (record) => {
      const bytes = encodeRecord(record, format);
      expect(bytes).toHaveLength(overheadBytes + record.payload.length);
      const decoded = decodeRecord(bytes, format);
      expect(decoded.size).toBe(overheadBytes + record.payload.length);
      expect(claimedSize(FORMAT, Buffer.from(bytes), 0)).toBe(overheadBytes + record.payload.length);
      expect({
        ...decoded.record,
        prevHash: Uint8Array.from(decoded.record.prevHash),
        payload: Uint8Array.from(decoded.record.payload),
      }).toStrictEqual(record);
    });

    test("for the largest payload", () => {
      const payload = new Uint8Array(MAX_PAYLOAD_BYTES);
      payload[MAX_PAYLOAD_BYTES - 1] = 7;
      const bytes = encodeRecord({ ...EVENT_1, payload }, format);
      expect(bytes).toHaveLength(2 ** 28 - 1 + overheadBytes);
      expect(Buffer.compare(decodeRecord(bytes, format).record.payload, payload)).toBe(0);
    });

    test("for the last offset that the format has", () => {
      const bytes = encodeRecord({ ...EVENT_1, offset: lastOffset as Offset }, format);
      expect(decodeRecord(bytes, format).record.offset).toBe(lastOffset);
    });
  });

  test.prop([sealedBytes])(
    "F2 encode(decode(b)) = b for every accepted b: there is one encoding per record",
    (b) => {
      const record = decodedOrCode(b);
      if (typeof record === "string") expect(record).toBe("malformed");
      else expect(encodeRecord(record, format)).toStrictEqual(b);
    },
  );

  test("F3 every flip of 1 bit in a record is rejected", () => {
    for (let bit = 0; bit < event1.length * 8; bit += 1) {
      expect(layout.flips).toContain(decodedOrCode(flipped(event1, bit)));
    }
  });

  describe("F4 every strict prefix of a record is rejected as incomplete, as nothing else", () => {
    test.prop([records], { numRuns: 30 })("at every length", (record) => {
      const bytes = encodeRecord(record, format);
      for (let length = 0; length < bytes.length; length += 1) {
        expect(decodedOrCode(bytes.subarray(0, length))).toBe("incomplete");
      }
    });
  });

  describe("F5 any bytes decode to a record or a StorageError; never another exception, never an allocation beyond the input", () => {
    test.prop([fc.uint8Array({ maxLength: 200 })])("arbitrary bytes", (bytes) => {
      decodedOrCode(bytes);
    });

    test.prop([sealedBytes])("arbitrary fields under a right CRC", (bytes) => {
      const record = decodedOrCode(bytes);
      if (typeof record !== "string") expect(record.payload.buffer).toBe(bytes.buffer);
    });

    test("a length of 2^28 - 1 in a header alone is only incomplete", () => {
      const bytes = Buffer.from(event1);
      bytes.writeUInt32LE(2 ** 28 - 1, headerBytes - 4);
      expect(decodedOrCode(bytes)).toBe("incomplete");
    });

    test("an error says where it is", async () => {
      const inPayload = headerBytes * 8;
      expect(await failureOf(() => decodeRecord(flipped(event1, inPayload), format))).toMatchObject({
        code: "checksum-mismatch",
        position: 0,
      });
    });
  });

  describe("F6 kind and compression have unique, invertible codes; unassigned ones are rejected", () => {
    test("of all that the fields have room for, exactly a compression with data, and none with the others, are records", () => {
      const [kinds, compressions] = layout.codes;
      const accepted: string[] = [];
      for (let kind = 0; kind < kinds; kind += 1) {
        for (let compression = 0; compression < compressions; compression += 1) {
          const record = decodedOrCode(layout.withCodes(kind, compression, text("event1")));
          if (typeof record !== "string")
            accepted.push(`${kind} ${compression}: ${record.kind} ${record.compression}`);
          else if (record !== "malformed") accepted.push(`${kind} ${compression}: ${record}`);
        }
      }
      expect(accepted).toStrictEqual([
        "0 0: data none",
        "0 1: data lz4",
        "0 2: data zstd",
        ...layout.kinds.slice(1).map((kind, i) => `${i + 1} 0: ${kind} none`),
      ]);
    });
  });

  describe("encodeRecord refuses", () => {
    const hashOf = (bytes: number): Partial<Record> => ({ prevHash: new Uint8Array(bytes) });
    const at = (offset: bigint): Partial<Record> => ({ offset: offset as Offset });

    test.each<[string, string, Partial<Record>]>([
      ["a payload of 2^28 bytes", "payload-too-large", { payload: new Uint8Array(2 ** 28) }],
      ["a negative offset", "out-of-range", at(-1n)],
      ["an offset beyond the last", "out-of-range", at(lastOffset + 1n)],
      ["no previous hash", "malformed", hashOf(0)],
      ["a previous hash of 31 bytes", "malformed", hashOf(31)],
      ["a previous hash of 33 bytes", "malformed", hashOf(33)],
      ["a compressed checkpoint", "malformed", { kind: "checkpoint", compression: "lz4" }],
      ["a compressed tombstone", "malformed", { kind: "tombstone", compression: "zstd" }],
      ["a compressed redacted record", "malformed", { kind: "redacted", compression: "lz4" }],
    ])("%s", async (_, code, change) => {
      const error = await failureOf(() => encodeRecord({ ...EVENT_1, ...change }, format));
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code, offset: change.offset ?? 0n });
    });
  });

  describe("in a buffer", () => {
    const bytes = Buffer.concat([hex("ffffff"), event1, hex("ffff")]);
    const end = 3 + event1.length;

    test("a record is found at its place, up to an end", () => {
      expect(frameAt(FORMAT, bytes, 3, end)).toStrictEqual({
        ok: true,
        kind: "data",
        compression: "none",
        size: event1.length,
      });
      expect(frameAt(FORMAT, bytes, 3, end - 1)).toMatchObject({ ok: false, code: "incomplete" });
      expect(frameAt(FORMAT, bytes, 3, 3 + headerBytes - 1)).toMatchObject({ ok: false, code: "incomplete" });
    });

    test.prop([fc.maxSafeNat(), fc.maxSafeNat()])(
      "a record says its offset and no other",
      (offset, other) => {
        const record = encoded({ ...EVENT_1, offset: BigInt(offset), compression: 0 }, format);
        expect(saysOffset(FORMAT, record, 0, offset)).toBe(true);
        expect(saysOffset(FORMAT, record, 0, other)).toBe(offset === other);
        expect(saysOffset(FORMAT, record, 0, (offset + 2 ** 32) % Number.MAX_SAFE_INTEGER)).toBe(false);
      },
    );

    test("a record is intact with its own size, whatever its length field says, and with no other", () => {
      const other = Buffer.from(bytes);
      other.writeUInt32LE(1, 3 + headerBytes - 4);
      // Also those that reach beyond the bytes there are.
      const sizes = Array.from({ length: other.length + 3 }, (_, size) => size);
      expect(sizes.filter((size) => isIntactAt(FORMAT, other, 3, size))).toStrictEqual([event1.length]);
    });
  });
});

describe("F6 the codes of the kinds", () => {
  test("are 0 to 3", () => {
    expect(KINDS.map(kindCode)).toStrictEqual([0, 1, 2, 3]);
    expect([0, 1, 2, 3].map(kindOf)).toStrictEqual(KINDS);
    expect(kindOf(4)).toBeUndefined();
  });
});

describe("plain refuses", () => {
  test("a negative offset, also with a right CRC", async () => {
    for (const offset of [-1n, -(2n ** 63n)]) {
      const bytes = encoded({ ...EVENT_1, offset, compression: 0 });
      expect(await failureOf(() => decodeRecord(bytes))).toMatchObject({ code: "malformed" });
    }
  });
});

describe("sentinel refuses", () => {
  const refusalOf = async (bytes: Uint8Array): Promise<unknown> =>
    failureOf(() => decodeRecord(bytes, "sentinel"));
  /** A record whose marks, codes and length are given, with a right CRC. */
  const record = (start: Uint8Array, codes: readonly [number, number], end: Uint8Array, length = 6): Buffer =>
    join(sealed(join(start, PLACE, Uint8Array.from(codes), u32(length), text("event1"))), end);

  test("to encode a redacted record, which Kimberlite has not", async () => {
    const redacted: Record = { ...EVENT_1, offset: 5n as Offset, kind: "redacted" };
    const error = await failureOf(() => encodeRecord(redacted, "sentinel"));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "malformed", offset: 5n });
    expect(encodeRecord(redacted)).toHaveLength(54);
  });

  test("a record with a bit of either mark flipped, under a right CRC", async () => {
    expect(decodeRecord(record(START_MARK, [0, 0], END_MARK), "sentinel").size).toBe(64);
    for (let bit = 0; bit < 32; bit += 1) {
      const refused = [
        await refusalOf(record(flipped(START_MARK, bit), [0, 0], END_MARK)),
        await refusalOf(record(START_MARK, [0, 0], flipped(END_MARK, bit))),
      ];
      for (const error of refused) expect(error).toMatchObject({ code: "malformed" });
    }
  });

  test("a header without the mark at once, though nothing else is there", async () => {
    expect(await refusalOf(new Uint8Array(50))).toMatchObject({ code: "malformed" });
    expect(await refusalOf(new Uint8Array(49))).toMatchObject({ code: "incomplete" });
  });

  test("a compressed checkpoint and a compressed tombstone, under a right CRC", async () => {
    for (const codes of [
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ] as const) {
      expect(await refusalOf(record(START_MARK, codes, END_MARK))).toMatchObject({ code: "malformed" });
    }
  });

  test.each([2 ** 28, 2 ** 31, 2 ** 32 - 1])(
    "a length of %i as one that no record has: there is nothing to wait for",
    async (length) => {
      const bytes = record(START_MARK, [0, 0], END_MARK, length);
      expect(claimedSize(formatNamed("sentinel"), bytes, 0)).toBe(Number.POSITIVE_INFINITY);
      expect(await refusalOf(bytes)).toMatchObject({ code: "malformed", position: 0 });
      expect(await refusalOf(bytes.subarray(0, 50))).toMatchObject({ code: "malformed", position: 0 });
    },
  );
});
