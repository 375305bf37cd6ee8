import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { encoded, HandLog, hex, join, type StoredRecord, text, u32, u64 } from "../e2e/by-hand.ts";
import type { Offset } from "../src/types.ts";
import { readRecord, readStream, type StreamReading } from "./reader.ts";
import { offsetAfter, standingFor, stoodFor } from "./redacted.ts";

const toHex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const ZERO = new Uint8Array(32);
const ANY = hex("ab".repeat(32));

// a, b, c, d, a tombstone for b and c, e; computed with Python's hashlib.
const HASHES = [
  "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
  "984f3f7d5798372d9f995b87369940292998ff35bd6bf414c1be64b2f9dfa7ca",
  "1903937bf9e9018eeea3b47e047c8aa7436e7e7206d6e93daf4f70b1b2ca8cb5",
  "a34ba94237a7708dea87e3997134eec71933f474af3ef9d6b10005c820c57d71",
  "41d43036f5a5de91d3af92a89fbb1c528d4e0d8a9921087a0e7c261673ed34a5",
  "7d430e0f6dd0c91f9b9e7ea7ac49b8cccdfc9e581a00ba456cab9d1e904a2b41",
].map(hex);
const hash = (offset: number): Uint8Array => HASHES[offset] ?? ZERO;

/** The bytes of a record of this stream, but for what is given otherwise. */
const bytesAt = (offset: number, fields: Partial<StoredRecord> = {}): Buffer =>
  encoded({
    offset: BigInt(offset),
    prevHash: hash(offset - 1),
    kind: "data",
    payload: text("abcd?e"[offset] ?? ""),
    ...fields,
  });
const redacted = (offset: number, payload: Uint8Array, fields: Partial<StoredRecord> = {}): Buffer =>
  bytesAt(offset, { kind: "redacted", payload, ...fields });
/** The redacted record that stands for those from `offset` on, of which `last` is the last. */
const erased = (offset: number, last: number, fields: Partial<StoredRecord> = {}): Buffer =>
  redacted(offset, join(hash(last), u64(BigInt(last - offset + 1))), fields);
const tombstone = (offset: number, first: bigint, count: bigint): Buffer =>
  bytesAt(offset, { kind: "tombstone", payload: join(u64(first), u64(count)) });

// The positions are 0, 49, 137, 186, 250.
const TOMBSTONE = tombstone(4, 1n, 2n);
const STREAM = join(bytesAt(0), erased(1, 2), bytesAt(3), TOMBSTONE, bytesAt(5));

const name = (segment: number): string => `segment_${String(segment).padStart(6, "0")}.log`;
const read = (...segments: Uint8Array[]): StreamReading =>
  readStream(new Map(segments.map((bytes, segment) => [name(segment), bytes])), "plain");
const shown = ({ records }: StreamReading): string[] =>
  records.map(({ offset, kind }) => `${String(offset)} ${kind}`);

describe("the payload of a redacted record", () => {
  const payload = join(ANY, u64(3n));

  test("is a hash and a number of records", () => {
    expect(toHex(standingFor(ANY, 3n))).toBe("ab".repeat(32) + "0300000000000000");
    expect(stoodFor(payload, 5n)).toEqual({ hash: new Uint8Array(ANY), count: 3n, end: 8n });
  });

  test("says the same when its bytes have changed since", () => {
    const bytes = Buffer.from(payload);
    const stood = stoodFor(bytes, 5n);
    bytes.fill(0);
    expect(toHex(stood?.hash)).toBe("ab".repeat(32));
  });

  test.each([
    { what: "39 bytes", bytes: payload.subarray(0, 39), offset: 5n },
    { what: "41 bytes", bytes: join(payload, Uint8Array.of(0)), offset: 5n },
    { what: "no bytes", bytes: new Uint8Array(), offset: 5n },
    { what: "a count of 0", bytes: join(ANY, u64(0n)), offset: 5n },
    { what: "an end of 2^53 + 1", bytes: join(ANY, u64(2n ** 53n - 4n)), offset: 5n },
    { what: "a count of 2^64 - 1", bytes: join(ANY, u64(2n ** 64n - 1n)), offset: 5n },
    { what: "an offset of 2^53", bytes: join(ANY, u64(1n)), offset: 2n ** 53n },
  ])("cannot have $what", ({ bytes, offset }) => {
    expect(stoodFor(bytes, offset)).toBeUndefined();
  });

  test("may end at 2^53", () => {
    expect(stoodFor(join(ANY, u64(2n ** 53n - 5n)), 5n)).toMatchObject({ end: 2n ** 53n });
  });
});

test("the offset after a record is greater by 1, and after a redacted one by what it stands for", () => {
  const payload = join(ANY, u64(3n));
  expect(offsetAfter()).toBe(0n);
  expect(offsetAfter({ offset: 4n })).toBe(5n);
  expect(offsetAfter({ offset: 4n, kind: "data", payload })).toBe(5n);
  expect(offsetAfter({ offset: 4n, kind: "redacted", payload })).toBe(7n);
  expect(offsetAfter({ offset: 4n, kind: "redacted", payload: new Uint8Array(40) })).toBe(5n);
});

describe("a stream with a redacted record", () => {
  test("has it with the hash that it says, and the records after it as they were", () => {
    const bytes = join(
      hex("0100000000000000"),
      hash(0),
      hex("28000030"),
      hex("1903937bf9e9018eeea3b47e047c8aa7436e7e7206d6e93daf4f70b1b2ca8cb5 0200000000000000"),
      hex("61743622"),
    );
    const reading = read(join(bytesAt(0), bytes, bytesAt(3), TOMBSTONE, bytesAt(5)));
    expect(reading.problem).toBeUndefined();
    expect(reading.end).toEqual([{ file: name(0), size: 299, count: 5 }]);
    expect(shown(reading)).toEqual(["0 data", "1 redacted", "3 data", "4 tombstone", "5 data"]);
    expect(reading.records[1]).toEqual({
      offset: 1n,
      kind: "redacted",
      payload: new Uint8Array(join(hash(2), u64(2n))),
      prevHash: new Uint8Array(hash(0)),
      hash: new Uint8Array(hash(2)),
    });
    expect(reading.records.map((record) => toHex(record.hash))).toEqual(
      [0, 2, 3, 4, 5].map((i) => toHex(hash(i))),
    );
  });

  test("may begin with it, and have it in segments of their own", () => {
    const reading = read(erased(0, 1), erased(2, 2), join(bytesAt(3), tombstone(4, 0n, 3n)));
    expect(reading.problem).toBeUndefined();
    expect(shown(reading)).toEqual(["0 redacted", "2 redacted", "3 data", "4 tombstone"]);
    expect(toHex(reading.records[0]?.prevHash)).toBe("00".repeat(32));
    expect(reading.end).toEqual([
      { file: name(0), size: 88, count: 1 },
      { file: name(1), size: 88, count: 1 },
      { file: name(2), size: 113, count: 2 },
    ]);
  });

  test("has checkpoints that count the erased records", () => {
    const log = new HandLog().append(text("a"), text("b"), text("c")).checkpoint().tombstone(1n, 2n);
    const before = join(bytesAt(0), erased(1, 2));
    const reading = read(join(before, log.bytes(3)));
    expect(reading.problem).toBeUndefined();
    expect(shown(reading)).toEqual(["0 data", "1 redacted", "3 checkpoint", "4 tombstone"]);
    const other = bytesAt(3, { kind: "checkpoint", payload: join(hash(2), u64(2n)) });
    expect(read(join(before, other)).problem?.sentence).toBe("A checkpoint's payload is wrong.");
  });

  test("is read record by record, also from where no more is known than the last offset and hash", () => {
    const found = readRecord("plain", erased(1, 2), { offset: 0n as Offset, hash: hash(0) });
    expect(found).toMatchObject({ size: 88, record: { offset: 1n, kind: "redacted" } });
    const last = typeof found === "string" ? undefined : found.record;
    expect(readRecord("plain", bytesAt(3), last)).toMatchObject({ size: 49, record: { offset: 3n } });
    const known = { offset: 2n as Offset, hash: hash(2) };
    expect(readRecord("plain", bytesAt(3), known)).toMatchObject({ size: 49, record: { offset: 3n } });
  });

  test.each<{ what: string; payload: Uint8Array }>([
    { what: "39 bytes", payload: join(hash(2), u64(2n)).subarray(0, 39) },
    { what: "41 bytes", payload: join(hash(2), u64(2n), Uint8Array.of(0)) },
    { what: "a count of 0", payload: join(hash(2), u64(0n)) },
    { what: "an end after 2^53", payload: join(hash(2), u64(2n ** 53n)) },
  ])("ends before it if its payload has $what", ({ payload }) => {
    const reading = read(join(bytesAt(0), redacted(1, payload), bytesAt(3), TOMBSTONE));
    expect(shown(reading)).toEqual(["0 data"]);
    expect(reading.problem).toEqual({
      file: name(0),
      position: 49,
      offset: 1n,
      sentence: "A redacted record's payload is wrong.",
    });
  });

  test.each<{ what: string; bytes: Buffer; says: string }>([
    { what: "offset", bytes: erased(1, 2, { offset: 2n }), says: "The record's offset is wrong." },
    { what: "prev_hash", bytes: erased(1, 2, { prevHash: hash(1) }), says: "prev_hash breaks the chain." },
    {
      what: "compression",
      bytes: erased(1, 2, { compression: 1 }),
      says: "A redacted record is compressed.",
    },
    { what: "CRC", bytes: join(erased(1, 2).subarray(0, 84), u32(0)), says: "The record's CRC is wrong." },
  ])("ends before it if it has another $what", ({ bytes, says }) => {
    const reading = read(join(bytesAt(0), bytes, bytesAt(3), TOMBSTONE));
    expect(reading.end).toEqual([{ file: name(0), size: 49, count: 1 }]);
    expect(shown(reading)).toEqual(["0 data"]);
    expect(reading.problem).toEqual({ file: name(0), position: 49, offset: 1n, sentence: says });
  });

  test("does not begin with one that has a prev_hash", () => {
    const sentence = "prev_hash breaks the chain.";
    const reading = read(erased(0, 1, { prevHash: hash(0) }));
    expect(reading.problem).toEqual({ file: name(0), position: 0, offset: 0n, sentence });
  });

  test.each<{ what: string; next: Buffer; says: string }>([
    {
      what: "at the offset before",
      next: bytesAt(2, { prevHash: hash(2) }),
      says: "The record's offset is wrong.",
    },
    {
      what: "at the offset after",
      next: bytesAt(4, { prevHash: hash(2) }),
      says: "The record's offset is wrong.",
    },
    {
      what: "with another prev_hash",
      next: bytesAt(3, { prevHash: hash(1) }),
      says: "prev_hash breaks the chain.",
    },
    {
      what: "without its last byte",
      next: bytesAt(3).subarray(0, 48),
      says: "The record is incomplete: its segment ends within it.",
    },
  ])("ends where the next record is $what, and says that offset + count is missing", ({ next, says }) => {
    const reading = read(join(bytesAt(0), erased(1, 2), next));
    expect(shown(reading)).toEqual(["0 data", "1 redacted"]);
    expect(reading.end).toEqual([{ file: name(0), size: 137, count: 2 }]);
    expect(reading.problem).toEqual({ file: name(0), position: 137, offset: 3n, sentence: says });
  });

  test("ends before a segment that is missing, also at offset + count", () => {
    const files = new Map([
      [name(0), erased(0, 2)],
      [name(2), bytesAt(3)],
    ]);
    expect(readStream(files, "plain").problem).toMatchObject({ file: name(1), position: 0, offset: 3n });
  });

  test("is not of the format sentinel", () => {
    const payload = join(hash(2), u64(2n));
    const bytes = encoded({ offset: 0n, prevHash: ZERO, kind: "redacted", payload }, "sentinel");
    expect(readRecord("sentinel", bytes)).toBe("A code in the record is not assigned.");
  });
});

describe("what a redacted record stands for", () => {
  const log = (): HandLog => new HandLog().append(text("a"), text("b"), text("c"), text("d"));
  /** a, what stands for b and c, d, and a tombstone for each of `ranges`, such as `1-2`. */
  const naming = (ranges: string): Buffer => {
    const whole = log();
    for (const range of ranges.match(/\d-\d/g) ?? []) {
      const [first, last] = [BigInt(range.slice(0, 1)), BigInt(range.slice(2))];
      whole.tombstone(first, last - first + 1n);
    }
    return join(whole.bytes(0, 1), erased(1, 2), whole.bytes(3));
  };

  test.each(["1-2", "0-3", "1-1, 2-2", "2-3, 1-1", "3-3, 0-1, 1-1, 1-2", "0-3, 1-1"])(
    "is named, if it is 1-2, by tombstones for %s",
    (ranges) => {
      const reading = read(naming(ranges));
      expect(reading.problem).toBeUndefined();
      expect(shown(reading).slice(0, 3)).toEqual(["0 data", "1 redacted", "3 data"]);
    },
  );

  test.each([
    { ranges: "nothing", unnamed: 1 },
    { ranges: "2-3", unnamed: 1 },
    { ranges: "0-1", unnamed: 2 },
    { ranges: "3-3, 0-0", unnamed: 1 },
    { ranges: "2-2, 0-0, 2-3", unnamed: 1 },
  ])("is not named, if it is 1-2, by tombstones for $ranges, and $unnamed is said", ({ ranges, unnamed }) => {
    const reading = read(naming(ranges));
    expect(shown(reading)).toEqual(["0 data"]);
    expect(reading.end).toEqual([{ file: name(0), size: 49, count: 1 }]);
    expect(reading.problem).toEqual({
      file: name(0),
      position: 49,
      offset: 1n,
      sentence: `The record stands for offset ${unnamed}, which no tombstone names.`,
    });
  });

  test("is not named if one in the middle is not", () => {
    const whole = log().tombstone(0n, 1n).tombstone(2n, 2n);
    const reading = read(join(erased(0, 3), whole.bytes(4)));
    expect(reading.problem?.sentence).toBe("The record stands for offset 1, which no tombstone names.");
  });

  test.each([
    { named: 1, segment: 2, wrong: 3 },
    { named: 3, segment: 1, wrong: 1 },
    { named: 2, segment: 1, wrong: 1 },
  ])(
    "is asked of 1 and 3 in order: if only $named is named, $wrong is wrong",
    ({ named, segment, wrong }) => {
      const whole = log().tombstone(BigInt(named), 1n);
      const reading = read(
        whole.bytes(0, 1),
        join(erased(1, 1), whole.bytes(2, 3)),
        join(erased(3, 3), whole.bytes(4)),
      );
      const ends = [
        { file: name(0), size: 49, count: 1 },
        { file: name(1), size: 137, count: 2 },
      ];
      expect(reading.end).toEqual([...ends.slice(0, segment), { file: name(segment), size: 0, count: 0 }]);
      expect(shown(reading)).toEqual(["0 data", "1 redacted", "2 data"].slice(0, wrong));
      expect(reading.problem).toMatchObject({ file: name(segment), position: 0, offset: BigInt(wrong) });
    },
  );

  test("is asked of one behind a merged segment, whose numbers are more than the files", () => {
    const merged = "segment_000000-000006.log";
    const files = [
      [merged, bytesAt(0)],
      [name(7), join(erased(1, 2), log().bytes(3))],
    ] as const;
    const reading = readStream(new Map(files), "plain");
    expect(shown(reading)).toEqual(["0 data"]);
    expect(reading.end).toEqual([
      { file: merged, size: 49, count: 1 },
      { file: name(7), size: 0, count: 0 },
    ]);
    expect(reading.problem).toMatchObject({ file: name(7), position: 0, offset: 1n });
  });

  test("is not asked where something else is wrong: the tombstone may come after that", () => {
    const reading = read(join(naming("nothing"), Uint8Array.of(0)));
    expect(shown(reading)).toEqual(["0 data", "1 redacted", "3 data"]);
    expect(reading.problem).toEqual({
      file: name(0),
      position: 186,
      offset: 4n,
      sentence: "The record is incomplete: its segment ends within it.",
    });
  });

  test("is not named in a stream that was truncated before its tombstone, and the problem is there", () => {
    const ends = [49, 137, 186, 250, 299];
    for (let length = 0; length <= STREAM.length; length++) {
      const { records, problem } = read(STREAM.subarray(0, length));
      const isUnnamed = length === 137 || length === 186;
      expect(records.length).toBe(isUnnamed ? 1 : ends.filter((end) => end <= length).length);
      expect(problem === undefined).toBe(length === 0 || (ends.includes(length) && !isUnnamed));
      if (isUnnamed) expect(problem).toMatchObject({ position: 49, offset: 1n });
    }
  });
});

test("no single bit of such a stream changes without a problem at the record that it is in", () => {
  const starts = [0, 49, 137, 186, 250];
  for (let bit = 0; bit < 8 * STREAM.length; bit++) {
    const bytes = Buffer.from(STREAM);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(read(bytes).problem?.position).toBe(starts.findLast((start) => start <= bit >> 3));
  }
});

const field = fc.oneof(
  fc.bigInt({ min: 0n, max: 8n }),
  fc.bigInt({ min: 2n ** 53n - 8n, max: 2n ** 53n + 8n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
property.prop([field, field, field])("no count and no tombstone makes it throw", (count, first, names) => {
  const payload = join(hash(2), u64(count));
  const next = { prevHash: hash(2), offset: 1n + count };
  const tombstones = [
    encoded({ ...next, kind: "tombstone", payload: join(u64(first), u64(names)) }),
    encoded({ ...next, kind: "tombstone", payload: join(u64(1n), u64(count)) }),
  ];
  for (const bytes of tombstones) {
    const { records, problem } = read(join(bytesAt(0), redacted(1, payload), bytes));
    expect(records.length === 3).toBe(problem === undefined);
  }
});
