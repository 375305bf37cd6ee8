import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { fc, test as property } from "@fast-check/vitest";
import zstd from "@mongodb-js/zstd";
import lz4 from "lz4-napi";
import { describe, expect, test } from "vitest";
import type { Offset } from "../src/types.ts";
import { claimedSize, readRecord, readStream, type StreamReading } from "./reader.ts";

const fromHex = (...hex: string[]): Buffer => Buffer.from(hex.join(""), "hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const ZERO = Buffer.alloc(32);

interface Fields {
  offset: number | bigint;
  prevHash: Uint8Array;
  kind?: number;
  compression?: number;
  stored: Uint8Array | string;
  length?: number;
  marks?: readonly [number, number];
}

/** The bytes of a record, by `docs/FORMAT.md`, section 8.1; its CRC is right whatever else it says. */
function record(fields: Fields): Buffer {
  const payload = Buffer.from(fields.stored);
  const [first, last] = fields.marks ?? [0xbadc0ffe, 0xc0ffee42];
  const bytes = Buffer.alloc(58 + payload.length);
  bytes.writeUInt32LE(first, 0);
  bytes.writeBigUInt64LE(BigInt(fields.offset), 4);
  bytes.set(fields.prevHash, 12);
  bytes.writeUInt8(fields.kind ?? 0, 44);
  bytes.writeUInt8(fields.compression ?? 0, 45);
  bytes.writeUInt32LE(fields.length ?? payload.length, 46);
  bytes.set(payload, 50);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -8)), bytes.length - 8);
  bytes.writeUInt32LE(last, bytes.length - 4);
  return bytes;
}

const sha256 = (...parts: (Uint8Array | string)[]): Buffer =>
  createHash("sha256")
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();
const checkpointPayload = (hash: Uint8Array, count: number): Buffer =>
  Buffer.concat([hash, Buffer.of(count, 0, 0, 0, 0, 0, 0, 0)]);

// event1, event2, a checkpoint, a tombstone, event3; at the positions STARTS.
const HASH0 = sha256("\0event1");
const HASH1 = sha256(HASH0, "\0event2");
const POINT = checkpointPayload(HASH1, 2);
const HASH2 = sha256(HASH1, "\x01", POINT);
const HASH3 = sha256(HASH2, "\x02gone");
const RECORDS = [
  record({ offset: 0, prevHash: ZERO, stored: "event1" }),
  record({ offset: 1, prevHash: HASH0, stored: "event2" }),
  record({ offset: 2, prevHash: HASH1, kind: 1, stored: POINT }),
  record({ offset: 3, prevHash: HASH2, kind: 2, stored: "gone" }),
  record({ offset: 4, prevHash: HASH3, stored: "event3" }),
];
const [FIRST = ZERO, SECOND = ZERO] = RECORDS;
const STREAM = Buffer.concat(RECORDS);
const STARTS = [0, 64, 128, 226, 288];

const name = (segment: number): string => `segment_${String(segment).padStart(6, "0")}.log`;
const read = (...segments: Uint8Array[]): StreamReading =>
  readStream(new Map(segments.map((bytes, segment) => [name(segment), bytes])), "sentinel");
const texts = ({ records }: StreamReading): string[] =>
  records.map(({ kind, payload }) => (kind === "checkpoint" ? kind : Buffer.from(payload).toString()));

test("the record event1 at offset 0 is these 64 bytes, and its hash is SHA-256 of 0 and event1", () => {
  const header = ["fe0fdcba", "00".repeat(8), "00".repeat(32), "00", "00", "06000000"];
  const { records, end, problem } = read(fromHex(...header, "6576656e7431", "64fe27aa", "42eeffc0"));
  expect(problem).toBeUndefined();
  expect(end).toEqual([{ file: name(0), size: 64, count: 1 }]);
  expect(records).toEqual([
    {
      offset: 0n,
      kind: "data",
      payload: new Uint8Array(Buffer.from("event1")),
      prevHash: new Uint8Array(32),
      hash: new Uint8Array(fromHex("68f4eeaee188f5086f88f98319692ef321b4c5f3d1003a9d1b8c0ced5bf934a4")),
    },
  ]);
});

describe("a stream in order", () => {
  test("its records are read with the hashes that the format defines, in one segment or in several", () => {
    for (const reading of [
      read(STREAM),
      read(...RECORDS),
      read(FIRST, STREAM.subarray(64), ZERO.subarray(32)),
    ]) {
      expect(reading.problem).toBeUndefined();
      expect(reading.records.map(({ kind }) => kind).join(" ")).toBe("data data checkpoint tombstone data");
      expect(texts(reading)).toEqual(["event1", "event2", "checkpoint", "gone", "event3"]);
      // Computed with Python's hashlib.
      expect(reading.records.map(({ hash }) => hex(hash))).toEqual([
        "68f4eeaee188f5086f88f98319692ef321b4c5f3d1003a9d1b8c0ced5bf934a4",
        "dbffa3cf34f7f57f9a4f263fef75984f55e0ac5ece1ed001cd6f897a653d9235",
        "56fbd6982fed8b156bdacfa8052c6044bc2dde2165b8828663d3345907f56dff",
        "b7604f1efd5e68432a44fae4390f963c17689fcf23f3d07545dcd39a745ed02e",
        "826c645a5a3756b156a7f14b221a70c8e01f197da254894fb0274d58ac8cbc77",
      ]);
    }
  });

  test.each([
    { kind: 0, stored: "event", hash: sha256("\0event") },
    { kind: 1, stored: checkpointPayload(ZERO, 0), hash: sha256("\x01", Buffer.alloc(40)) },
    { kind: 2, stored: "", hash: sha256("\x02") },
  ])("the first record may be of the kind $kind", ({ kind, stored, hash }) => {
    const reading = read(record({ offset: 0, prevHash: ZERO, kind, stored }));
    expect(reading.problem).toBeUndefined();
    expect(reading.records.map((found) => hex(found.hash))).toEqual([hex(hash)]);
  });

  test("no segment is merged: such a name is none of a segment, whatever the file holds", () => {
    for (const merged of [
      "segment_000000-000001.log",
      "segment_000001-000002.log",
      "segment_000002-000003.log",
    ]) {
      const files = [
        [name(0), FIRST],
        [name(1), STREAM.subarray(64)],
        [merged, STREAM],
      ] as const;
      expect(readStream(new Map(files), "sentinel")).toEqual(read(FIRST, STREAM.subarray(64)));
      expect(readStream(new Map(files.slice(2)), "sentinel")).toEqual({ records: [], end: [] });
    }
  });

  test("a checkpoint may count what it likes", () => {
    const point = checkpointPayload(HASH0, 77);
    const reading = read(
      Buffer.concat([FIRST, record({ offset: 1, prevHash: HASH0, kind: 1, stored: point })]),
    );
    expect(reading.problem).toBeUndefined();
    expect(hex(reading.records[1]?.payload ?? ZERO)).toBe(hex(point));
    expect(hex(reading.records[1]?.hash ?? ZERO)).toBe(hex(sha256(HASH0, "\x01", point)));
  });

  test("payloads are expanded before they are hashed, whatever the codec", async () => {
    const payload = Buffer.alloc(1000, "abc and so on, ");
    const [hash0, hash1] = [sha256("\0", payload), sha256(sha256("\0", payload), "\0", payload)];
    const reading = read(
      record({ offset: 0, prevHash: ZERO, compression: 1, stored: lz4.compressSync(payload) }),
      record({ offset: 1, prevHash: hash0, compression: 2, stored: await zstd.compress(payload) }),
      record({ offset: 2, prevHash: hash1, compression: 0, stored: payload }),
    );
    expect(reading.problem).toBeUndefined();
    expect(texts(reading)).toEqual(Array(3).fill(payload.toString()));
  });
});

describe("a stream with something wrong", () => {
  const next = (fields: Partial<Fields>): Buffer =>
    record({ offset: 1, prevHash: HASH0, stored: "event2", ...fields });
  const checkpoint = (stored: Uint8Array): Buffer => next({ kind: 1, stored });
  const point = checkpointPayload(HASH0, 1);

  test.each<{ what: string; bytes: Buffer; says: RegExp }>([
    { what: "another mark in front", bytes: next({ marks: [0xbadc0fff, 0xc0ffee42] }), says: /mark/ },
    { what: "the marks exchanged", bytes: next({ marks: [0xc0ffee42, 0xbadc0ffe] }), says: /mark/ },
    { what: "another mark after", bytes: next({ marks: [0xbadc0ffe, 0xc0ffee43] }), says: /last mark/ },
    { what: "zeros", bytes: Buffer.alloc(100), says: /mark/ },
    { what: "another CRC", bytes: Buffer.from(SECOND).fill(0, 56, 60), says: /CRC/ },
    { what: "a length of 2^28", bytes: next({ length: 2 ** 28 }), says: /length/ },
    { what: "a length of 2^32 - 1", bytes: next({ length: 2 ** 32 - 1 }), says: /length/ },
    {
      what: "a length of 2^28 - 1 and less after it",
      bytes: next({ length: 2 ** 28 - 1 }),
      says: /incomplete/,
    },
    { what: "a gap in the offsets", bytes: next({ offset: 2 }), says: /offset/ },
    { what: "an offset twice", bytes: next({ offset: 0 }), says: /offset/ },
    {
      what: "an offset that is right in its low 7 bytes",
      bytes: next({ offset: 2n ** 63n + 1n }),
      says: /offset/,
    },
    { what: "a prev_hash of zeros", bytes: next({ prevHash: ZERO }), says: /prev_hash/ },
    { what: "a compressed checkpoint", bytes: next({ kind: 1, compression: 1 }), says: /compressed/ },
    { what: "a compressed tombstone", bytes: next({ kind: 2, compression: 2 }), says: /compressed/ },
    { what: "a payload that is not lz4", bytes: next({ compression: 1 }), says: /lz4/ },
    { what: "a payload that is not zstd", bytes: next({ compression: 2 }), says: /zstd/ },
    {
      what: "a checkpoint of another hash",
      bytes: checkpoint(checkpointPayload(HASH1, 1)),
      says: /checkpoint/,
    },
    { what: "a checkpoint without a count", bytes: checkpoint(HASH0), says: /checkpoint/ },
    { what: "a checkpoint that is too short", bytes: checkpoint(point.subarray(0, 39)), says: /checkpoint/ },
    {
      what: "a checkpoint that is too long",
      bytes: checkpoint(Buffer.concat([point, Buffer.of(0)])),
      says: /checkpoint/,
    },
    { what: "an empty checkpoint", bytes: next({ kind: 1, stored: "" }), says: /checkpoint/ },
  ])("$what ends it, with the record before and where it is", ({ bytes, says }) => {
    const reading = read(Buffer.concat([FIRST, bytes, SECOND]));
    expect(texts(reading)).toEqual(["event1"]);
    expect(reading.end).toEqual([{ file: name(0), size: 64, count: 1 }]);
    expect(reading.problem).toMatchObject({ file: name(0), position: 64, offset: 1n });
    expect(reading.problem?.sentence).toMatch(says);
  });

  test("kinds and compressions from 3 on are not assigned", () => {
    for (let code = 3; code < 256; code++)
      for (const fields of [{ kind: code }, { compression: code }])
        expect(read(FIRST, next(fields)).problem?.sentence).toMatch(/not assigned/);
    for (const fields of [{ kind: 2 }, { kind: 0 }])
      expect(read(FIRST, next(fields)).problem).toBeUndefined();
  });

  test("a first record with a prev_hash is wrong", () => {
    expect(read(record({ offset: 0, prevHash: HASH0, stored: "" })).problem?.sentence).toMatch(/prev_hash/);
  });

  test("a stream cut anywhere shows the records before the cut, and a problem unless it is between two", () => {
    for (let length = 0; length <= STREAM.length; length++) {
      const { records, problem } = read(STREAM.subarray(0, length));
      const ends = [...STARTS.slice(1), STREAM.length];
      expect(records.length).toBe(ends.filter((end) => end <= length).length);
      if (length === 0 || ends.includes(length)) expect(problem).toBeUndefined();
      else expect(problem?.sentence).toMatch(/incomplete/);
    }
  });

  test("no single bit changes without a problem at the record that it is in", () => {
    for (let bit = 0; bit < 8 * STREAM.length; bit++) {
      const bytes = Buffer.from(STREAM);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(read(bytes).problem?.position).toBe(STARTS.findLast((start) => start <= bit >> 3));
    }
  });

  test("neither format is taken for the other", () => {
    const plain = fromHex("00".repeat(8), "00".repeat(32), "06000000", "6576656e7431", "0cda0e68");
    const files = (bytes: Uint8Array): Map<string, Uint8Array> => new Map([[name(0), bytes]]);
    expect(readStream(files(plain), "plain").records.length).toBe(1);
    expect(readStream(files(Buffer.concat([plain, plain])), "sentinel").records).toEqual([]);
    expect(readStream(files(STREAM), "plain").records).toEqual([]);
  });
});

describe("one record by itself", () => {
  const last = { offset: (2n ** 60n) as Offset, hash: Buffer.alloc(32, 7) };
  const plain = fromHex("00".repeat(8), "00".repeat(32), "06000000", "6576656e7431", "0cda0e68");

  test.each([
    { format: "plain", bytes: plain, header: 44 },
    { format: "sentinel", bytes: FIRST, header: 50 },
  ] as const)(
    "$format: its size is known once its header is there, and until then it is incomplete",
    (given) => {
      const { format, bytes, header } = given;
      for (let length = 0; length < bytes.length; length++) {
        const prefix = bytes.subarray(0, length);
        expect(claimedSize(format, prefix)).toBe(length < header ? undefined : bytes.length);
        expect(readRecord(format, prefix)).toMatch(/incomplete/);
      }
      const more = Buffer.concat([bytes, Buffer.alloc(9, 1)]);
      expect(claimedSize(format, more)).toBe(bytes.length);
      expect(readRecord(format, more)).toMatchObject({ size: bytes.length, record: { offset: 0n } });
    },
  );

  test.each([
    { what: "2^28 - 1", length: 2 ** 28 - 1, size: 58 + 2 ** 28 - 1 },
    { what: "2^28", length: 2 ** 28, size: 0 },
    { what: "2^32 - 1", length: 2 ** 32 - 1, size: 0 },
  ])("a length of $what is claimed as $size bytes: nobody waits for more than a record can have", (given) => {
    const header = record({ offset: 0, prevHash: ZERO, stored: "", length: given.length }).subarray(0, 50);
    expect(claimedSize("sentinel", header)).toBe(given.size);
    expect(readRecord("sentinel", header)).toMatch(given.size === 0 ? /length/ : /incomplete/);
  });

  test("plain: any length can be one, whatever the kind and compression", () => {
    const header = Buffer.alloc(44, 0xff);
    expect(claimedSize("plain", header)).toBe(48 + 2 ** 28 - 1);
  });

  test("nobody waits for what does not begin with the mark", () => {
    expect(claimedSize("sentinel", Buffer.alloc(50))).toBe(0);
    expect(readRecord("sentinel", Buffer.alloc(50))).toMatch(/mark/);
  });

  test("it may follow one of which no more is known than its offset and hash", () => {
    const bytes = record({ offset: 2n ** 60n + 1n, prevHash: last.hash, stored: "x" });
    expect(readRecord("sentinel", bytes, last)).toEqual({
      size: 59,
      record: {
        offset: 2n ** 60n + 1n,
        kind: "data",
        payload: Uint8Array.of(0x78),
        prevHash: last.hash,
        hash: new Uint8Array(sha256(last.hash, "\0x")),
      },
    });
    const point = record({
      offset: 2n ** 60n + 1n,
      prevHash: last.hash,
      kind: 1,
      stored: checkpointPayload(last.hash, 9),
    });
    expect(readRecord("sentinel", point, last)).toMatchObject({ size: 98 });
  });

  test.each([
    { what: "offset", offset: 2n ** 60n + 2n, prevHash: last.hash },
    { what: "offset", offset: 2n ** 60n, prevHash: last.hash },
    { what: "prev_hash", offset: 2n ** 60n + 1n, prevHash: HASH0 },
  ])("after one that is only known by its hash, another $what is wrong: $offset", ({ what, ...fields }) => {
    expect(readRecord("sentinel", record({ ...fields, stored: "x" }), last)).toMatch(what);
  });
});

describe("bytes that nobody wrote", () => {
  property.prop([fc.uint8Array({ maxLength: 200 })])("do not make it throw, and are no record", (bytes) => {
    expect(read(bytes, Buffer.concat([fromHex("fe0fdcba"), bytes])).records).toEqual([]);
    expect(readRecord("sentinel", Buffer.concat([fromHex("fe0fdcba"), bytes]))).toBeTypeOf("string");
  });

  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  property.prop([damage], { numRuns: 1000 })("in a sound stream leave the records before them", (changes) => {
    const bytes = Buffer.from(STREAM);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    const { records } = read(bytes);
    expect(records).toEqual(read(STREAM).records.slice(0, records.length));
  });

  property.prop([fc.nat(4), fc.nat(4), fc.uint8Array({ maxLength: 60 }), fc.nat(60)], { numRuns: 1000 })(
    "under a CRC that holds do not make it throw",
    (kind, compression, stored, size) => {
      const payloads = [
        stored,
        Buffer.concat([Buffer.of(size, 0, 0, 0), stored]),
        Buffer.concat([fromHex("28b52ffd0058"), stored]),
      ];
      for (const payload of payloads) {
        const bytes = record({ offset: 1, prevHash: HASH0, kind, compression, stored: payload });
        const reading = read(Buffer.concat([FIRST, bytes]));
        expect(reading.records.length).toBe(reading.problem === undefined ? 2 : 1);
      }
    },
  );
});
