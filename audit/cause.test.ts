/** What may have led to a damaged place: every explanation, once where it is true. */
import { describe, expect, test } from "vitest";
import { encoded, frameBytes, HandLog, join, text, u32 } from "../e2e/by-hand.ts";
import { KimberliteWriter } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import { audited } from "./testing.ts";

const SEGMENT = "1/segment_000000.log";
const MANIFEST = Buffer.from(
  '{"segments":[{"segment_num":0,"first_offset":0,"next_offset":0,"size_bytes":0}],"active_segment":0,"format":"plain"}',
);

/** Three records of 48 + 8 bytes, one of 48 + 2000, and two of 48 + 8 again. */
const LOG = new HandLog().append(
  ...["event 00", "event 01", "event 02", "x".repeat(2000), "event 04", "event 05"].map(text),
);
const BYTES = LOG.bytes();
const STARTS = [0, 56, 112, 168, 2216, 2272];
const SIZE = 2328;

/** The frame that names all records, so that they are known to have been durable. */
const WAL = frameBytes(
  STARTS.map((start) => [start]),
  SIZE,
  LOG.head,
);

/** The causes that an audit gives for damage in the only segment of a stream, with where each place is. */
async function causes(segment: Uint8Array, wal: Uint8Array = WAL): Promise<string[]> {
  const files = new Map([
    ["1/manifest.json", MANIFEST],
    [`${SEGMENT}.idx.wal`, wal],
    [SEGMENT, segment],
  ]);
  const { findings } = await audited(new MemoryDisk("/data", files));
  return findings
    .filter(({ file }) => file === `/data/${SEGMENT}`)
    .map(({ position, end, cause }) => `${position ?? ""} to ${end ?? ""}: ${cause}`);
}

const at = (start: number, ...parts: readonly Uint8Array[]): Buffer => {
  const copy = Buffer.from(BYTES);
  copy.set(join(...parts), start);
  return copy;
};

/** Nothing names a record: whatever is at the end may be a torn append. */
const UNPROVEN = Buffer.alloc(0);

describe("the log without damage has none", () => {
  test("so nothing here comes from the log itself", async () => {
    expect(BYTES.length).toBe(SIZE);
    expect(await causes(BYTES)).toStrictEqual([]);
  });
});

describe("a flipped bit", () => {
  test.each([
    ["the first record", 0],
    ["a record in the middle", 2],
    ["the last record", 5],
  ])("is named, whichever it is of %s", async (_, record) => {
    const [start = 0, end = SIZE] = STARTS.slice(record);
    for (let bit = start * 8; bit < end * 8; bit += 1) {
      expect(await causes(flipped(BYTES, bit) as Buffer)).toStrictEqual([
        `${start} to ${end}: One bit flipped: bit ${bit % 8} of byte ${bit >>> 3}; with this bit inverted, the record is intact.`,
      ]);
    }
  });

  test("is named beside another one elsewhere", async () => {
    const twice = flipped(flipped(BYTES, 8 * 100), 8 * 2250 + 7);
    expect((await causes(twice)).map((cause) => cause.split(";")[0])).toStrictEqual([
      "56 to 112: One bit flipped: bit 0 of byte 100",
      "2216 to 2272: One bit flipped: bit 7 of byte 2250",
    ]);
  });

  test("is named of both marks of a Kimberlite record", async () => {
    const { files } = new KimberliteWriter().append([text("a"), text("b"), text("c")], true);
    const segment = files.get("segment_000000.log") ?? Buffer.alloc(0);
    // The second record: bytes 59 to 118, its marks the first and the last four.
    for (const byte of [59, 62, 114, 117]) {
      const damaged = new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes]));
      damaged.set(SEGMENT, flipped(segment, byte * 8 + 5) as Buffer);
      const { findings } = await audited(new MemoryDisk("/data", damaged));
      expect(findings.map(({ cause }) => cause)).toStrictEqual([
        `One bit flipped: bit 5 of byte ${byte}; with this bit inverted, the record is intact.`,
      ]);
    }
  });
});

describe("several bytes", () => {
  test("a length of which several bits are wrong", async () => {
    expect(await causes(at(56 + 40, u32(8 ^ 0b111)))).toStrictEqual([
      "56 to 112: Its length field is wrong: with the length of the bytes that are there, the record is intact.",
    ]);
  });

  test("a sector of zeros", async () => {
    expect(await causes(at(512, Buffer.alloc(512)))).toStrictEqual([
      "168 to 2216: Bytes 512 to 1024 are zero: a sector was lost, or never reached the medium.",
    ]);
  });

  test("bytes that were put in front of a record", async () => {
    const more = join(BYTES.subarray(0, 112), text("more"), BYTES.subarray(112));
    expect(await causes(more)).toStrictEqual([
      "112 to 116: Bytes that are no record were inserted before the expected record.",
    ]);
  });

  test("bytes that became others", async () => {
    expect(await causes(at(56 + 44, text("EVENT")))).toStrictEqual([
      "56 to 112: Several bytes were changed, by the medium or by somebody who did not correct the checksum.",
    ]);
  });
});

describe("the end", () => {
  test.each([
    [
      "cut inside a record that nothing proves",
      BYTES.subarray(0, SIZE - 3),
      UNPROVEN,
      "The last append was torn by a crash or is still in progress, or the file was truncated. No index and no manifest names it, so nothing that was acknowledged as durable is known to be lost.",
    ],
    [
      "cut inside a record that was durable",
      BYTES.subarray(0, SIZE - 3),
      WAL,
      "The file was truncated, or a length field was changed.",
    ],
    [
      "bytes changed in a record that nothing proves",
      at(2272 + 44, text("EVENT")),
      UNPROVEN,
      "The last append was torn by a crash, or its bytes were changed since.",
    ],
    [
      "bytes changed in a record that was durable",
      at(2272 + 44, text("EVENT")),
      WAL,
      "Several bytes were changed, by the medium or by somebody who did not correct the checksum.",
    ],
  ])("%s", async (_, segment, wal, cause) => {
    expect(await causes(segment, wal)).toStrictEqual([`2272 to ${segment.length}: ${cause}`]);
  });

  test("cut inside a record of a segment that has a successor: no crash did that", async () => {
    const next = JSON.stringify({
      segments: [
        { segment_num: 0, first_offset: 0, next_offset: 5, size_bytes: 2272 },
        { segment_num: 1, first_offset: 5, next_offset: 5, size_bytes: 0 },
      ],
      active_segment: 1,
      format: "plain",
    });
    const files = new Map([
      ["1/manifest.json", Buffer.from(next)],
      [SEGMENT, BYTES.subarray(0, 2270)],
      ["1/segment_000001.log", BYTES.subarray(2272)],
      ["1/segment_000001.log.idx.wal", UNPROVEN],
    ]);
    const { findings } = await audited(new MemoryDisk("/data", files));
    expect(findings.filter(({ file }) => file.endsWith(".log")).map(({ cause }) => cause)).toStrictEqual([
      "The file was truncated, or a length field was changed.",
    ]);
  });

  test("cut inside a record that Kimberlite's manifest counts", async () => {
    const { files } = new KimberliteWriter().append([text("a"), text("b")], false);
    const segment = files.get("segment_000000.log") ?? Buffer.alloc(0);
    const damaged = new Map([
      ["1/manifest.json", files.get("manifest.json") ?? Buffer.alloc(0)],
      [SEGMENT, segment.subarray(0, 117)],
    ]);
    const { findings } = await audited(new MemoryDisk("/data", damaged));
    const [cut] = findings.filter(({ file }) => file.endsWith(".log"));
    expect(cut).toMatchObject({
      position: 59,
      cause: "The file was truncated, or a length field was changed.",
    });
  });
});

describe("intact records that do not belong where they are", () => {
  const record = (offset: number): Uint8Array => BYTES.subarray(STARTS[offset], STARTS[offset + 1] ?? SIZE);
  const places = (...offsets: readonly number[]): Buffer => join(...offsets.map(record));

  test("after an edited payload whose checksum was mended", async () => {
    const [, first, second] = LOG.records;
    if (first === undefined || second === undefined) throw new Error("There are six records.");
    const edited = join(record(0), encoded({ ...first, payload: text("EVENT 01") }), BYTES.subarray(112));
    expect(await causes(edited)).toStrictEqual([
      "112 to 112: The record before it was edited and its checksum corrected, or one of the two was replaced: the hash chain does not connect them.",
    ]);
  });

  test("after removed ones", async () => {
    expect(await causes(places(0, 3, 4, 5))).toStrictEqual([
      "56 to 56: 2 records before it were removed, or it was moved.",
    ]);
  });

  test("a duplicated one, and the next, which goes on as if it were not there", async () => {
    expect(await causes(places(0, 1, 1, 2, 3, 4, 5))).toStrictEqual([
      "112 to 112: It was duplicated or moved, or an append was made twice.",
    ]);
  });

  test("two that were exchanged", async () => {
    expect((await causes(places(0, 2, 1, 3, 4, 5))).map((cause) => cause.split(":")[1])).toStrictEqual([
      " 1 record before it was removed, or it was moved.",
      " It was duplicated or moved, or an append was made twice.",
      " 1 record before it was removed, or it was moved.",
    ]);
  });

  test("a checkpoint that says what cannot be", async () => {
    const log = new HandLog().append(text("a")).checkpoint().append(text("b"));
    const [, checkpoint] = log.records;
    if (checkpoint === undefined) throw new Error("There are three records.");
    const payload = Buffer.from(checkpoint.payload);
    payload.writeUInt8(9, 32);
    const segment = join(log.bytes(0, 1), encoded({ ...checkpoint, payload }), log.bytes(2));
    expect(await causes(segment, UNPROVEN)).toStrictEqual([
      "49 to 137: It was edited and its checksum corrected: its fields contradict each other.",
    ]);
  });

  test("a first record that carries a hash", async () => {
    const [first] = LOG.records;
    if (first === undefined) throw new Error("There are six records.");
    const segment = join(encoded({ ...first, prevHash: LOG.head }), BYTES.subarray(56));
    expect(await causes(segment)).toStrictEqual([
      "0 to 56: It was edited and its checksum corrected: its fields contradict each other.",
    ]);
  });
});

test("an intact record that this version cannot expand", async () => {
  const payload = text("no lz4 block");
  const log = new HandLog().append(text("a"));
  const unreadable = encoded({ offset: 1n, prevHash: log.head, kind: "data", compression: 1, payload });
  expect(await causes(join(log.bytes(), unreadable), UNPROVEN)).toStrictEqual([
    "49 to 109: It was written by a version, or compressed by a codec, that this version does not know, or its payload was damaged before it was stored.",
  ]);
});

test("a record with a code that is not assigned, and the right checksum", async () => {
  const log = new HandLog().append(text("a"));
  // Compression 3 is not assigned (FORMAT.md, section 2).
  const odd = encoded({ offset: 1n, prevHash: log.head, kind: "data", compression: 3, payload: text("b") });
  expect(await causes(join(log.bytes(), odd), UNPROVEN)).toStrictEqual([
    "49 to 98: Its checksum is correct, so this is no accident: it was edited and its checksum corrected, or it was written by a version that this one does not know.",
  ]);
});
