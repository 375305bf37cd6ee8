/**
 * One record: its bytes written out, and what holds for all of them. The other side of every comparison is `e2e/by-hand.ts`
 * or a literal that python3's zlib and hashlib printed.
 */
import { createHash } from "node:crypto";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { encoded, hex, sealed, text, u32 } from "../e2e/by-hand.ts";
import { failureOf, flipped } from "../e2e/testing.ts";
import { StorageError } from "./error.ts";
import { MAX_PAYLOAD_BYTES } from "./limits.ts";
import { formatNamed, kindCode, kindOf } from "./formats.ts";
import { claimedSize, decodeRecord, encodeRecord, frameAt, type Record, saysOffset } from "./record.ts";
import type { CompressionKind, Offset, RecordKind } from "./types.ts";

const PLAIN = formatNamed("plain");

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
const EVENT_1_BYTES = hex(`
  0000000000000000
  0000000000000000000000000000000000000000000000000000000000000000
  06000000
  6576656e7431
  0cda0e68
`);

const records: fc.Arbitrary<Record> = fc
  .record({
    offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map((offset) => offset as Offset),
    prevHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    kind: fc.constantFrom(...KINDS),
    compression: fc.constantFrom(...COMPRESSIONS),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map((record) => (record.kind === "data" ? { ...record } : { ...record, compression: "none" }));

/** Records whose CRC is right and whose other fields may be anything. */
const sealedBytes = fc
  .record({
    start: fc.uint8Array({ minLength: 40, maxLength: 40 }),
    codes: fc.nat(15),
    payload: fc.uint8Array({ maxLength: 100 }),
  })
  .map(({ start, codes, payload }) =>
    sealed(Buffer.concat([start, u32(codes * 2 ** 28 + payload.length), payload])),
  );

/** The record, or the code of the `StorageError` that it is refused with; anything else fails the test. */
function decodedOrCode(bytes: Uint8Array): Record | string {
  try {
    return decodeRecord(bytes).record;
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    return (error as StorageError).code;
  }
}

describe("a record's bytes", () => {
  test('the payload "event1" at offset 0', () => {
    expect(encodeRecord(EVENT_1)).toStrictEqual(EVENT_1_BYTES);
    expect(decodeRecord(EVENT_1_BYTES)).toMatchObject({ size: 54, record: { offset: 0n, kind: "data" } });
    expect(createHash("sha256").update(decodeRecord(EVENT_1_BYTES).record.payload).digest("hex")).toBe(
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

  test.prop([records])("are those of FORMAT.md", (record) => {
    const compression = COMPRESSIONS.indexOf(record.compression);
    expect(encodeRecord(record)).toStrictEqual(encoded({ ...record, compression }));
  });

  test("what follows a record is not looked at", () => {
    const { record, size } = decodeRecord(Buffer.concat([EVENT_1_BYTES, hex("ff")]));
    expect(size).toBe(54);
    expect(Buffer.from(record.payload).toString()).toBe("event1");
  });

  test("a record is read from a view into larger memory", () => {
    const memory = new Uint8Array(100);
    memory.set(EVENT_1_BYTES, 7);
    expect(decodeRecord(memory.subarray(7, 61)).size).toBe(54);
  });
});

describe("F1 decode(encode(r)) = r, and the size is 48 + stored length", () => {
  test.prop([records])("for any record", (record) => {
    const bytes = encodeRecord(record);
    expect(bytes).toHaveLength(48 + record.payload.length);
    const decoded = decodeRecord(bytes);
    expect(decoded.size).toBe(48 + record.payload.length);
    expect(claimedSize(PLAIN, Buffer.from(bytes), 0)).toBe(48 + record.payload.length);
    expect({
      ...decoded.record,
      prevHash: Uint8Array.from(decoded.record.prevHash),
      payload: Uint8Array.from(decoded.record.payload),
    }).toStrictEqual(record);
  });

  test("for the largest payload", () => {
    const payload = new Uint8Array(MAX_PAYLOAD_BYTES);
    payload[MAX_PAYLOAD_BYTES - 1] = 7;
    const bytes = encodeRecord({ ...EVENT_1, payload });
    expect(bytes).toHaveLength(2 ** 28 - 1 + 48);
    expect(Buffer.compare(decodeRecord(bytes).record.payload, payload)).toBe(0);
  });
});

test.prop([sealedBytes])(
  "F2 encode(decode(b)) = b for every accepted b: there is one encoding per record",
  (b) => {
    const record = decodedOrCode(b);
    if (typeof record === "string") expect(record).toBe("malformed");
    else expect(encodeRecord(record)).toStrictEqual(b);
  },
);

describe("F3", () => {
  test("every flip of 1 bit in a record is rejected", () => {
    for (let bit = 0; bit < EVENT_1_BYTES.length * 8; bit += 1) {
      expect(["checksum-mismatch", "incomplete"]).toContain(decodedOrCode(flipped(EVENT_1_BYTES, bit)));
    }
  });
});

describe("F4 every strict prefix of a record is rejected as incomplete, as nothing else", () => {
  test.prop([records], { numRuns: 30 })("at every length", (record) => {
    const bytes = encodeRecord(record);
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
    const bytes = Buffer.from(EVENT_1_BYTES);
    bytes.writeUInt32LE(2 ** 28 - 1, 40);
    expect(decodedOrCode(bytes)).toBe("incomplete");
  });

  test("an error says where it is", async () => {
    expect(await failureOf(() => decodeRecord(flipped(EVENT_1_BYTES, 400)))).toMatchObject({
      code: "checksum-mismatch",
      position: 0,
    });
  });
});

describe("F6 kind and compression have unique, invertible codes; unassigned ones are rejected", () => {
  test("the codes of the kinds", () => {
    expect(KINDS.map(kindCode)).toStrictEqual([0, 1, 2, 3]);
    expect([0, 1, 2, 3].map(kindOf)).toStrictEqual(KINDS);
    expect(kindOf(4)).toBeUndefined();
  });

  test("exactly six of the sixteen combinations are records", () => {
    const accepted: string[] = [];
    for (const [kind, name] of KINDS.entries()) {
      for (let compression = 0; compression < 4; compression += 1) {
        const record = decodedOrCode(encoded({ ...EVENT_1, kind: name, compression }));
        if (typeof record === "string") expect(record).toBe("malformed");
        else accepted.push(`${kind} ${compression}: ${record.kind} ${record.compression}`);
      }
    }
    expect(accepted).toStrictEqual([
      "0 0: data none",
      "0 1: data lz4",
      "0 2: data zstd",
      "1 0: checkpoint none",
      "2 0: tombstone none",
      "3 0: redacted none",
    ]);
  });

  test("a negative offset is rejected, also with a right CRC", () => {
    for (const offset of [-1n, -(2n ** 63n)]) {
      expect(decodedOrCode(encoded({ ...EVENT_1, offset, compression: 0 }))).toBe("malformed");
    }
  });
});

describe("encodeRecord refuses", () => {
  const hashOf = (bytes: number): Partial<Record> => ({ prevHash: new Uint8Array(bytes) });
  const at = (offset: bigint): Partial<Record> => ({ offset: offset as Offset });

  test.each<[string, string, Partial<Record>]>([
    ["a payload of 2^28 bytes", "payload-too-large", { payload: new Uint8Array(2 ** 28) }],
    ["a negative offset", "out-of-range", at(-1n)],
    ["an offset beyond i64", "out-of-range", at(2n ** 63n)],
    ["no previous hash", "malformed", hashOf(0)],
    ["a previous hash of 31 bytes", "malformed", hashOf(31)],
    ["a previous hash of 33 bytes", "malformed", hashOf(33)],
    ["a compressed checkpoint", "malformed", { kind: "checkpoint", compression: "lz4" }],
    ["a compressed tombstone", "malformed", { kind: "tombstone", compression: "zstd" }],
    ["a compressed redacted record", "malformed", { kind: "redacted", compression: "lz4" }],
  ])("%s", async (_, code, change) => {
    const error = await failureOf(() => encodeRecord({ ...EVENT_1, ...change }));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code, offset: change.offset ?? 0n });
  });
});

describe("in a buffer", () => {
  const bytes = Buffer.concat([hex("ffffff"), EVENT_1_BYTES, hex("ffff")]);

  test("a record is found at its place, up to an end", () => {
    expect(frameAt(PLAIN, bytes, 3, 57)).toStrictEqual({
      ok: true,
      kind: "data",
      compression: "none",
      size: 54,
    });
    expect(frameAt(PLAIN, bytes, 3, 56)).toMatchObject({ ok: false, code: "incomplete" });
    expect(frameAt(PLAIN, bytes, 3, 3 + 43)).toMatchObject({ ok: false, code: "incomplete" });
  });

  test.prop([fc.maxSafeNat(), fc.maxSafeNat()])("a record says its offset and no other", (offset, other) => {
    const record = Buffer.from(encoded({ ...EVENT_1, offset: BigInt(offset), compression: 0 }));
    expect(saysOffset(PLAIN, record, 0, offset)).toBe(true);
    expect(saysOffset(PLAIN, record, 0, other)).toBe(offset === other);
    expect(saysOffset(PLAIN, record, 0, (offset + 2 ** 32) % Number.MAX_SAFE_INTEGER)).toBe(false);
  });
});
