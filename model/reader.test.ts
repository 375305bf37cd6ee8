import { createHash, createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import { fc, test as property } from "@fast-check/vitest";
import lz4 from "lz4-napi";
import { describe, expect, test } from "vitest";
import type { Offset } from "../src/types.ts";
import { readStream, type StreamReading } from "./reader.ts";

const fromHex = (...hex: string[]): Buffer => Buffer.from(hex.join(""), "hex");
const ZERO = Buffer.alloc(32);
const CODES = { data: 0, checkpoint: 1, tombstone: 2, redacted: 3 };
const CODECS = { none: 0, lz4: 1, zstd: 2, unassigned: 3 };

interface Fields {
  offset: number | bigint;
  prevHash: Uint8Array;
  kind?: keyof typeof CODES;
  compression?: keyof typeof CODECS;
  stored: Uint8Array | string;
}

/** The bytes of a record, by `docs/FORMAT.md`, section 2. */
function record({ offset, prevHash, kind = "data", compression = "none", stored }: Fields): Buffer {
  const payload = Buffer.from(stored);
  const head = Buffer.alloc(44);
  head.writeBigInt64LE(BigInt(offset), 0);
  head.set(prevHash, 8);
  head.writeUInt32LE(payload.length + CODES[kind] * 2 ** 28 + CODECS[compression] * 2 ** 30, 40);
  return withCrc(Buffer.concat([head, payload]));
}

function withCrc(bytes: Uint8Array): Buffer {
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(bytes));
  return Buffer.concat([bytes, crc]);
}

const sha256 = (...parts: (Uint8Array | string)[]): Buffer =>
  createHash("sha256")
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();
const hmac = (kind: string, before: Uint8Array, payload: Uint8Array): Buffer =>
  createHmac("sha256", `kimberlite/${kind}`).update(before).update(payload).digest();
const checkpointPayload = (hash: Uint8Array, count: number): Buffer =>
  Buffer.concat([hash, Buffer.of(count, 0, 0, 0, 0, 0, 0, 0)]);

// event1, event2, a checkpoint, event3; positions 0, 54, 108, 196, 250.
const HASH0 = sha256("event1");
const HASH1 = sha256(HASH0, "event2");
const POINT = checkpointPayload(HASH1, 2);
const HASH2 = hmac("checkpoint", HASH1, POINT);
const FIRST = record({ offset: 0, prevHash: ZERO, stored: "event1" });
const SECOND = record({ offset: 1, prevHash: HASH0, stored: "event2" });
const THIRD = record({ offset: 2, prevHash: HASH1, kind: "checkpoint", stored: POINT });
const FOURTH = record({ offset: 3, prevHash: HASH2, stored: "event3" });
const STREAM = Buffer.concat([FIRST, SECOND, THIRD, FOURTH]);

const name = (segment: number): string => `segment_${String(segment).padStart(6, "0")}.log`;
const merged = (first: number, last: number): string =>
  name(first).replace(".log", name(last).replace("segment_", "-"));
const read = (...segments: Uint8Array[]): StreamReading =>
  readStream(new Map(segments.map((bytes, segment) => [name(segment), bytes])), "plain");
const texts = ({ records }: StreamReading): string[] =>
  records.map(({ kind, payload }) => (kind === "data" ? Buffer.from(payload).toString() : kind));

test("the record event1 at offset 0 is these 54 bytes, and its hash is SHA-256 of event1", () => {
  const bytes = fromHex("00".repeat(8), "00".repeat(32), "06000000", "6576656e7431", "0cda0e68");
  const { records, end, problem } = read(bytes);
  expect(problem).toBeUndefined();
  expect(end).toEqual([{ file: name(0), size: 54, count: 1 }]);
  expect(records).toEqual([
    {
      offset: 0n,
      kind: "data",
      payload: new Uint8Array(Buffer.from("event1")),
      prevHash: new Uint8Array(32),
      hash: new Uint8Array(fromHex("29663b9a32ee32c2ca5a645117696ce0888c84b39f8fd91c0ec4ebcd09025df4")),
    },
  ]);
});

describe("a stream in order", () => {
  test("its records are read with the hashes that the format defines", () => {
    const reading = read(STREAM);
    expect(reading.problem).toBeUndefined();
    expect(texts(reading)).toEqual(["event1", "event2", "checkpoint", "event3"]);
    expect(reading.records.map(({ hash }) => Buffer.from(hash).toString("hex"))).toEqual([
      "29663b9a32ee32c2ca5a645117696ce0888c84b39f8fd91c0ec4ebcd09025df4",
      "c0351898aed9916debcc05905fb10161c329785aaa559dbc85fc1571516b6f6e",
      "c9721839dbb9c8bc6cb0f5011e79783137c6b16eafb73cd5cab455a2a1085199",
      "ac24a4c4c58d9dffeb6c5f35c0c086daa92380bc513d890466611c9fbc6d8a4f",
    ]);
  });

  test("its segments follow each other by number, and may be empty", () => {
    const segments = [Buffer.concat([FIRST, SECOND]), Buffer.alloc(0), THIRD, FOURTH, Buffer.alloc(0)];
    const reading = readStream(
      new Map([4, 2, 0, 3, 1].map((n) => [name(n), segments[n] ?? Buffer.alloc(0)])),
      "plain",
    );
    expect(reading.problem).toBeUndefined();
    expect(texts(reading)).toEqual(["event1", "event2", "checkpoint", "event3"]);
    expect(reading.end).toEqual([
      { file: name(0), size: 108, count: 2 },
      { file: name(1), size: 0, count: 0 },
      { file: name(2), size: 88, count: 1 },
      { file: name(3), size: 54, count: 1 },
      { file: name(4), size: 0, count: 0 },
    ]);
  });

  test("no files are an empty stream", () => {
    expect(readStream(new Map(), "plain")).toEqual({ records: [], end: [] });
  });

  test("only segment files count", () => {
    const others = [
      "manifest.json",
      `${name(0)}.idx`,
      `${name(0)}.idx.wal`,
      `${name(1)}.tmp`,
      `quarantine/${name(1)}`,
    ];
    const odd = ["segment_1.log", "segment_0000001.log", "segment_00000a.log", "xsegment_000001.log"];
    const files = [...others, ...odd].map((file): [string, Buffer] => [file, Buffer.from("?")]);
    const reading = readStream(new Map([...files, [name(0), STREAM]]), "plain");
    expect(reading.problem).toBeUndefined();
    expect(reading.end).toEqual([{ file: name(0), size: 250, count: 4 }]);
  });

  test("payloads are expanded before they are hashed", () => {
    const payload = "abc".repeat(50);
    const zstd = fromHex(
      "28b52ffd20811d0100b061626320616e6420736f6d657468696e6720656c73650400734a021840a4bce0e7dc",
    );
    const something = ("abc".repeat(8) + " and something else").repeat(3);
    const reading = read(
      record({
        offset: 0,
        prevHash: ZERO,
        compression: "lz4",
        stored: lz4.compressSync(Buffer.from(payload)),
      }),
      record({ offset: 1, prevHash: sha256(payload), compression: "zstd", stored: zstd }),
      record({ offset: 2, prevHash: sha256(sha256(payload), something), stored: "" }),
    );
    expect(reading.problem).toBeUndefined();
    expect(texts(reading)).toEqual([payload, something, ""]);
  });

  test("a tombstone is hashed as such", () => {
    const names = Buffer.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
    const tombstone = record({ offset: 1, prevHash: HASH0, kind: "tombstone", stored: names });
    const after = record({ offset: 2, prevHash: hmac("tombstone", HASH0, names), stored: "" });
    const reading = read(Buffer.concat([FIRST, tombstone, after]));
    expect(reading.problem).toBeUndefined();
    expect(texts(reading)).toEqual(["event1", "tombstone", ""]);
  });

  test("what was read does not change with the bytes it was read from", () => {
    const bytes = Buffer.from(STREAM);
    const reading = read(bytes);
    bytes.fill(0);
    expect(reading).toEqual(read(STREAM));
  });
});

test.each([
  ["another size", "gone"],
  ["no records", Buffer.alloc(16)],
  ["itself", Buffer.of(1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)],
  ["more than there can be", Buffer.of(1, 0, 0, 0, 0, 0, 0, 0, ...Array<number>(8).fill(0xff))],
])("a tombstone that has or names %s is wrong", (_, stored) => {
  const reading = read(
    Buffer.concat([FIRST, record({ offset: 1, prevHash: HASH0, kind: "tombstone", stored })]),
  );
  expect(reading.problem?.sentence).toBe("A tombstone's payload is wrong.");
});

describe("a stream with something wrong", () => {
  const after = (bytes: Buffer): Buffer => Buffer.concat([FIRST, bytes, FOURTH]);
  const second = (fields: Partial<Fields>): Buffer =>
    after(record({ offset: 1, prevHash: HASH0, stored: "event2", ...fields }));
  const checkpoint = (stored: Uint8Array): Buffer => second({ kind: "checkpoint", stored });
  const short = withCrc(Buffer.concat([SECOND.subarray(0, 40), Buffer.alloc(3)]));

  test.each<{ what: string; bytes: Buffer; says: RegExp }>([
    {
      what: "a byte changed",
      bytes: after(Buffer.concat([SECOND.subarray(0, 49), Buffer.of(0x33), SECOND.subarray(50)])),
      says: /CRC/,
    },
    { what: "zeros", bytes: after(Buffer.alloc(60)), says: /CRC/ },
    { what: "fewer bytes than a record has", bytes: Buffer.concat([FIRST, short]), says: /incomplete/ },
    {
      what: "compression 3",
      bytes: second({ compression: "unassigned" }),
      says: /code .* not assigned/,
    },
    { what: "a gap in the offsets", bytes: second({ offset: 2 }), says: /offset/ },
    { what: "an offset twice", bytes: second({ offset: 0 }), says: /offset/ },
    { what: "a negative offset", bytes: second({ offset: -1 }), says: /offset/ },
    {
      what: "an offset that is right in its low 4 bytes",
      bytes: second({ offset: 2n ** 32n + 1n }),
      says: /offset/,
    },
    {
      what: "an offset that is right in its low 7 bytes",
      bytes: second({ offset: 2n ** 62n + 1n }),
      says: /offset/,
    },
    { what: "a prev_hash of zeros", bytes: second({ prevHash: ZERO }), says: /prev_hash/ },
    { what: "the prev_hash of the one after", bytes: second({ prevHash: HASH1 }), says: /prev_hash/ },
    {
      what: "a redacted record with the payload of another",
      bytes: second({ kind: "redacted" }),
      says: /redacted/,
    },
    {
      what: "a compressed checkpoint",
      bytes: second({ kind: "checkpoint", compression: "lz4" }),
      says: /compressed/,
    },
    {
      what: "a compressed tombstone",
      bytes: second({ kind: "tombstone", compression: "zstd" }),
      says: /compressed/,
    },
    {
      what: "a compressed redacted record",
      bytes: second({ kind: "redacted", compression: "lz4" }),
      says: /compressed/,
    },
    { what: "a payload that is not lz4", bytes: second({ compression: "lz4" }), says: /lz4/ },
    { what: "a payload that is not zstd", bytes: second({ compression: "zstd" }), says: /zstd/ },
    {
      what: "a checkpoint of another hash",
      bytes: checkpoint(checkpointPayload(HASH1, 1)),
      says: /checkpoint/,
    },
    {
      what: "a checkpoint of another count",
      bytes: checkpoint(checkpointPayload(HASH0, 2)),
      says: /checkpoint/,
    },
    {
      what: "a checkpoint that is too short",
      bytes: checkpoint(checkpointPayload(HASH0, 1).subarray(0, 39)),
      says: /checkpoint/,
    },
    {
      what: "a checkpoint that is too long",
      bytes: checkpoint(Buffer.concat([checkpointPayload(HASH0, 1), Buffer.of(0)])),
      says: /checkpoint/,
    },
  ])("$what ends it, with the record before and where it is", ({ bytes, says }) => {
    const reading = read(bytes, STREAM);
    expect(texts(reading)).toEqual(["event1"]);
    expect(reading.end).toEqual([{ file: name(0), size: 54, count: 1 }]);
    expect(reading.problem).toMatchObject({ file: name(0), position: 54, offset: 1n });
    expect(reading.problem?.sentence).toMatch(says);
  });

  test("a checkpoint that would be right is not wrong", () => {
    expect(texts(read(checkpoint(checkpointPayload(HASH0, 1))))).toEqual(["event1", "checkpoint"]);
  });

  test.each(["checkpoint", "tombstone"] as const)("a %s does not come first", (kind) => {
    const stored = kind === "checkpoint" ? checkpointPayload(ZERO, 0) : "";
    const reading = read(record({ offset: 0, prevHash: ZERO, kind, stored }));
    expect(reading.records).toEqual([]);
    expect(reading.problem).toEqual({
      file: name(0),
      position: 0,
      offset: 0n,
      sentence: `The stream's first record is a ${kind}.`,
    });
  });

  test("a first record with a prev_hash is wrong", () => {
    expect(read(record({ offset: 0, prevHash: HASH0, stored: "" })).problem?.sentence).toMatch(/prev_hash/);
  });

  test("a stored size of 2^28 - 1 is told from the bits above it", () => {
    const bytes = Buffer.from(FIRST);
    bytes.writeUInt32LE(0xffffffff, 40);
    expect(read(bytes).problem?.sentence).toMatch(/incomplete/);
    const large = Buffer.alloc(48 + 2 ** 28 - 1);
    large.writeUInt32LE(2 ** 28 - 1, 40);
    expect(read(large).problem?.sentence).toMatch(/CRC/);
    expect(read(large.subarray(0, -1)).problem?.sentence).toMatch(/incomplete/);
  });

  test.each([
    { there: [1], missing: 0 },
    { there: [0, 2], missing: 1 },
    { there: [0, 1, 1000000], missing: 2 },
  ])("of the segments $there, $missing is missing", ({ there, missing }) => {
    const segments = [Buffer.concat([FIRST, SECOND]), Buffer.concat([THIRD, FOURTH])];
    const reading = readStream(new Map(there.map((n) => [name(n), segments[n] ?? Buffer.alloc(0)])), "plain");
    expect(reading.records.length).toBe(2 * missing);
    expect(reading.end.at(-1)).toEqual({ file: name(missing), size: 0, count: 0 });
    expect(reading.problem).toMatchObject({ file: name(missing), position: 0, offset: BigInt(2 * missing) });
  });

  test("a problem in a later segment has that segment's file and position", () => {
    const reading = read(Buffer.concat([FIRST, SECOND]), Buffer.concat([THIRD, FOURTH.subarray(0, 53)]));
    expect(reading.problem).toMatchObject({ file: name(1), position: 88, offset: 3n });
    expect(reading.end).toEqual([
      { file: name(0), size: 108, count: 2 },
      { file: name(1), size: 88, count: 1 },
    ]);
  });

  test("a record does not go on in the next segment", () => {
    expect(read(STREAM.subarray(0, 100), STREAM.subarray(100)).records.length).toBe(1);
  });

  test("a stream cut anywhere shows the records before the cut, and a problem unless it is between two", () => {
    const starts = [0, 54, 108, 196, 250];
    for (let length = 0; length <= STREAM.length; length++) {
      const { records, problem } = read(STREAM.subarray(0, length));
      expect(records.length).toBe(starts.filter((start) => start !== 0 && start <= length).length);
      expect(problem === undefined).toBe(starts.includes(length));
    }
  });

  test("no single bit changes without a problem at the record that it is in", () => {
    const starts = [0, 54, 108, 196];
    for (let bit = 0; bit < 8 * STREAM.length; bit++) {
      const bytes = Buffer.from(STREAM);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(read(bytes).problem?.position).toBe(starts.findLast((start) => start <= bit >> 3));
    }
  });
});

describe("a merged segment", () => {
  const EMPTY = Buffer.alloc(0);
  const GARBAGE = Buffer.alloc(70, "?");
  const readFiles = (files: Readonly<Record<string, Uint8Array>>): StreamReading =>
    readStream(new Map(Object.entries(files)), "plain");
  /** The names of the files that are read if these are there, all empty. */
  const filesOf = (...names: string[]): string[] =>
    readFiles(Object.fromEntries(names.map((file) => [file, EMPTY]))).end.map(({ file }) => file);
  const problemOf = (...names: string[]): StreamReading["problem"] =>
    readFiles(Object.fromEntries(names.map((file) => [file, EMPTY]))).problem;
  const missing = (segment: number): StreamReading["problem"] => ({
    file: name(segment),
    position: 0,
    offset: 0n as Offset,
    sentence: "The file is missing.",
  });

  test("is read in the place of all that it has the numbers of", () => {
    const reading = readFiles({
      "segment_000004.log": FOURTH,
      "segment_000001-000003.log": Buffer.concat([SECOND, THIRD]),
      "segment_000000.log": FIRST,
    });
    expect(reading.problem).toBeUndefined();
    expect(texts(reading)).toEqual(["event1", "event2", "checkpoint", "event3"]);
    expect(reading.end).toEqual([
      { file: "segment_000000.log", size: 54, count: 1 },
      { file: "segment_000001-000003.log", size: 142, count: 2 },
      { file: "segment_000004.log", size: 54, count: 1 },
    ]);
  });

  test("may be the first one, and have another behind it", () => {
    expect(filesOf(merged(0, 1), merged(2, 4), name(5))).toEqual([merged(0, 1), merged(2, 4), name(5)]);
    expect(problemOf(merged(0, 1), merged(2, 4), name(5))).toBeUndefined();
  });

  test("may have numbers of any size, in the order of the numbers", () => {
    const names = Array.from({ length: 1000 }, (_, i) => merged(1000 * i, 1000 * i + 999)); // to 999999
    const more = ["segment_1000000-1000009.log", "segment_1000010.log"];
    expect(filesOf(...more, ...names.toReversed())).toEqual([...names, ...more]);
    expect(problemOf(...more, ...names)).toBeUndefined();
  });

  test("has its name where the problem is", () => {
    const bytes = Buffer.concat([FIRST, SECOND.subarray(0, 53)]);
    const reading = readFiles({ "segment_000000-000001.log": bytes, "segment_000002.log": THIRD });
    expect(reading.end).toEqual([{ file: "segment_000000-000001.log", size: 54, count: 1 }]);
    expect(reading.problem).toMatchObject({ file: "segment_000000-000001.log", position: 54, offset: 1n });
  });

  test.each([
    { what: "garbage", left: () => GARBAGE },
    { what: "nothing", left: () => EMPTY },
    { what: "the records that it had", left: (n: number) => [FIRST, SECOND, THIRD, FOURTH][n] ?? EMPTY },
  ])("hides what it has all numbers of, even if that holds $what", ({ left }) => {
    const reading = readFiles({
      "segment_000000.log": FIRST,
      "segment_000001.log": left(1),
      "segment_000001-000002.log": left(1),
      "segment_000001-000004.log": Buffer.concat([SECOND, THIRD]),
      "segment_000002.log": left(2),
      "segment_000002-000004.log": left(2),
      "segment_000004.log": left(4),
      "segment_000005.log": FOURTH,
    });
    expect(reading.problem).toBeUndefined();
    expect(texts(reading)).toEqual(["event1", "event2", "checkpoint", "event3"]);
    expect(reading.end.map(({ file }) => file)).toEqual([name(0), merged(1, 4), name(5)]);
  });

  test("hides them in whatever order the files are listed, and even if it is damaged", () => {
    const names = [merged(0, 2), name(0), name(1), name(2), name(3)];
    for (const listed of [names, names.toReversed()]) {
      const reading = readStream(new Map(listed.map((file) => [file, GARBAGE])), "plain");
      expect(reading.end).toEqual([{ file: merged(0, 2), size: 0, count: 0 }]);
      expect(reading.problem?.file).toBe(merged(0, 2));
    }
  });

  test("is never the last one: the next is missing", () => {
    const files = { "segment_000000-000001.log": Buffer.concat([FIRST, SECOND]) };
    for (const leftovers of [{}, { "segment_000000.log": FIRST, "segment_000001.log": SECOND }]) {
      const reading = readFiles({ ...files, ...leftovers });
      expect(texts(reading)).toEqual(["event1", "event2"]);
      expect(reading.end).toEqual([
        { file: "segment_000000-000001.log", size: 108, count: 2 },
        { file: "segment_000002.log", size: 0, count: 0 },
      ]);
      expect(reading.problem).toEqual({ ...missing(2), offset: 2n });
    }
  });

  test.each([
    { there: "no first one", names: [merged(1, 2), name(3)], due: 0 },
    { there: "a gap before it", names: [name(0), merged(2, 3), name(4)], due: 1 },
    { there: "a gap behind it", names: [name(0), merged(1, 2), name(4)], due: 3 },
    { there: "a gap between two", names: [merged(0, 1), merged(3, 4), name(5)], due: 2 },
    { there: "one that shares numbers with it", names: [merged(0, 3), merged(2, 5), name(6)], due: 4 },
    { there: "that and a later one", names: [merged(0, 3), merged(2, 5), name(5), name(6)], due: 4 },
    { there: "one that shares its last number", names: [merged(0, 3), merged(3, 4), name(5)], due: 4 },
  ])("with $there: $due is missing", ({ names, due }) => {
    expect(problemOf(...names)).toEqual(missing(due));
    expect(problemOf(...names.toReversed())).toEqual(missing(due));
    expect(filesOf(...names).at(-1)).toBe(name(due));
  });

  test("hides nothing where another one has its first number", () => {
    const read = [merged(0, 3), name(4), name(5), name(6)];
    expect(filesOf(...read, merged(2, 5))).toEqual(read);
    expect(problemOf(...read, merged(2, 5))).toBeUndefined();
  });

  test("has 1000 numbers at most", () => {
    expect(filesOf(name(0), merged(1, 1000), name(1001))).toEqual([name(0), merged(1, 1000), name(1001)]);
    expect(filesOf(name(0), merged(1, 1001))).toEqual([name(0)]);
    expect(problemOf(name(0), merged(1, 1001))).toBeUndefined();
  });

  test.each([
    "segment_000001-000001.log",
    "segment_000002-000001.log",
    "segment_1-2.log",
    "segment_000001-2.log",
    "segment_1-000002.log",
    "segment_0000001-000002.log",
    "segment_000001-0000002.log",
    "segment_000001-00000b.log",
    "segment_000001-.log",
    "segment_-000002.log",
    "segment_000001--000002.log",
    "segment_000001_000002.log",
    "segment_000001-000002-000003.log",
    "segment_000001-000002.log.idx",
    "segment_000001-000002.log.idx.wal",
    "segment_000001-000002.log.tmp",
    "segment_000001-000002.LOG",
    "segment_000001-000002.log\n",
    " segment_000001-000002.log",
    "quarantine/segment_000001-000002.log",
    `segment_1${"0".repeat(30)}-1${"0".repeat(30)}.log`,
  ])("is not called %j", (file) => {
    const reading = readFiles({ "segment_000000.log": STREAM, [file]: GARBAGE });
    expect(reading.problem).toBeUndefined();
    expect(reading.end).toEqual([{ file: "segment_000000.log", size: 250, count: 4 }]);
  });

  test("counts as a later one, however large its numbers are", () => {
    const file = `segment_1${"0".repeat(400)}-1${"0".repeat(399)}1.log`;
    expect(problemOf(name(0), file)).toEqual(missing(1));
  });
});

describe("bytes that nobody wrote", () => {
  const mapOf = fc.uniqueArray(fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 200 })), {
    selector: ([n]) => n,
  });

  property.prop([mapOf])("do not make it throw, and are no record", (segments) => {
    const { records } = readStream(new Map(segments.map(([n, bytes]) => [name(n), bytes])), "plain");
    expect(records).toEqual([]);
  });

  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const codec = fc.constantFrom("none", "lz4", "zstd", "unassigned");
  const kind = fc.constantFrom("data", "checkpoint", "tombstone", "redacted");

  property.prop([damage], { numRuns: 1000 })("in a sound stream leave the records before them", (changes) => {
    const bytes = Buffer.from(STREAM);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    const { records } = read(bytes);
    expect(records).toEqual(read(STREAM).records.slice(0, records.length));
  });

  property.prop([kind, codec, fc.uint8Array({ maxLength: 60 }), fc.nat(60)], { numRuns: 1000 })(
    "under a CRC that holds do not make it throw",
    (ofKind, compression, stored, size) => {
      const payloads = [
        stored,
        Buffer.concat([Buffer.of(size, 0, 0, 0), stored]),
        Buffer.concat([fromHex("28b52ffd20"), Buffer.of(size), stored]),
      ];
      for (const payload of payloads) {
        const next = record({ offset: 1, prevHash: HASH0, kind: ofKind, compression, stored: payload });
        const reading = read(Buffer.concat([FIRST, next]));
        expect(reading.records.length).toBe(reading.problem === undefined ? 2 : 1);
      }
    },
  );
});
