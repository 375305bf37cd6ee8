/**
 * Index files held against the records: this package's in both formats, and Kimberlite's. What agrees goes
 * unsaid; whatever else they say is named, with the file that says it.
 */
import { describe, expect, test } from "vitest";
import { type Entry, frameBytes, HandLog, indexBytes, join, sealed, text, u64 } from "../e2e/by-hand.ts";
import {
  type KimberliteRecord,
  kimberliteIndex,
  KimberliteWriter,
  sentinelBytes,
} from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import type { Format } from "../src/index.ts";
import { auditSegment } from "./segment.ts";
import { audited, linesOf } from "./testing.ts";

const EVENTS = ["a", "bb", "ccc"].map(text);

/** Three data records, a checkpoint, and three data records more; the first four are in segment 0. */
interface Log {
  readonly format: Format;
  readonly ending: string;
  readonly segments: readonly [Buffer, Buffer];
  /** Entries of both segments, where the last record of each ends, and its chain hash. */
  readonly entries: readonly [Entry[], Entry[]];
  readonly ends: readonly [number, number];
  readonly heads: readonly [Uint8Array, Uint8Array];
}

const CHECKPOINT = 1;

function plainLog(): Log {
  const log = new HandLog()
    .append(...EVENTS)
    .checkpoint()
    .append(...EVENTS);
  const [first, second] = [log.records[3], log.records[6]];
  if (first === undefined || second === undefined) throw new Error("There are seven records.");
  return {
    format: "plain",
    ending: "idx",
    segments: [log.bytes(0, 4), log.bytes(4)],
    // 48 bytes and the payload each; a checkpoint's has 40.
    entries: [
      [[0], [49], [99], [150, CHECKPOINT]],
      [[0], [49], [99]],
    ],
    ends: [238, 150],
    heads: [first.hash, second.hash],
  };
}

function sentinelLog(): Log {
  const { records } = new KimberliteWriter().append(EVENTS, true).checkpoint().append(EVENTS, true);
  const bytes = (some: readonly KimberliteRecord[]): Buffer => join(...some.map((one) => sentinelBytes(one)));
  return {
    format: "sentinel",
    ending: "idx2",
    segments: [bytes(records.slice(0, 4)), bytes(records.slice(4))],
    // 58 bytes and the payload each.
    entries: [
      [[0], [59], [119], [180, CHECKPOINT]],
      [[0], [59], [119]],
    ],
    ends: [278, 180],
    heads: [records[3]?.hash ?? text(""), records[6]?.hash ?? text("")],
  };
}

/** The directory of a log, its files by their names, with whatever is to be different. */
function filesOf(log: Log, changed: Record<string, Uint8Array | undefined> = {}): Map<string, Uint8Array> {
  const { format, ending, segments, entries, ends, heads } = log;
  const manifest = {
    segments: [
      { segment_num: 0, first_offset: 0, next_offset: 4, size_bytes: ends[0] },
      { segment_num: 1, first_offset: 4, next_offset: 4, size_bytes: 0 },
    ],
    active_segment: 1,
    format,
  };
  const files = new Map<string, Uint8Array>([
    ["manifest.json", Buffer.from(JSON.stringify(manifest))],
    ["segment_000000.log", segments[0]],
    ["segment_000001.log", segments[1]],
    [`segment_000000.log.${ending}`, indexBytes(entries[0], ends[0], heads[0])],
    [`segment_000001.log.${ending}.wal`, frameBytes(entries[1], ends[1], heads[1])],
  ]);
  for (const [name, bytes] of Object.entries(changed)) {
    if (bytes === undefined) files.delete(name);
    else files.set(name, bytes);
  }
  return files;
}

const diskWith = (files: ReadonlyMap<string, Uint8Array>): MemoryDisk =>
  new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));

const found = async (log: Log, changed: Record<string, Uint8Array | undefined>): Promise<string[]> =>
  linesOf(await audited(diskWith(filesOf(log, changed))));

describe.each([plainLog(), sentinelLog()])("this package's index files, format $format", (log) => {
  const { entries, ends, heads, ending } = log;
  const saved = `segment_000000.log.${ending}`;
  const wal = `segment_000001.log.${ending}.wal`;
  const index = (some: readonly Entry[], end = ends[0], head = heads[0]): Record<string, Buffer> => ({
    [saved]: indexBytes(some, end, head),
  });
  const [first = [0], second = [0], third = [0], fourth = [0]] = entries[0];
  const otherHead = flipped(heads[0], 0);

  test("what agrees goes unsaid", async () => {
    expect(await found(log, {})).toStrictEqual([]);
  });

  test("a frame that repeats what another has named", async () => {
    const [, ...later] = entries[1];
    const frames = join(frameBytes(entries[1], ends[1], heads[1]), frameBytes(later, ends[1], heads[1]));
    expect(await found(log, { [wal]: frames })).toStrictEqual([]);
  });

  test.each<[string, Record<string, Buffer>, number]>([
    ["another position", index([first, [second[0] + 1], third, fourth]), 1],
    ["another kind", index([first, second, [third[0], CHECKPOINT], fourth]), 2],
    ["a checkpoint as data", index([first, second, third, [fourth[0]]]), 3],
    ["a kind that is not assigned", index([first, second, [third[0], 9], fourth]), 2],
    ["another end", index(entries[0], ends[0] - 1), 3],
    ["another hash", index(entries[0], ends[0], otherHead), 3],
    ["a record in the middle of another", index([...entries[0], [fourth[0] + 9]], ends[0]), 4],
  ])("%s: the index is wrong", async (_, changed, offset) => {
    expect(await found(log, changed)).toStrictEqual([`damage wrong-index ${saved}, due ${offset}`]);
  });

  test("wrong in several entries: said once, with the first", async () => {
    const wrong = index([first, [second[0] + 1], [third[0] + 1], fourth]);
    expect(await found(log, wrong)).toStrictEqual([`damage wrong-index ${saved}, due 1`]);
  });

  test("how many records an index names more than there are is said", async () => {
    for (const [more, sentence] of [
      [[[ends[0]]], "The index names 5 records, and the segment ends before the last of them begins."],
      [
        [[ends[0]], [ends[0] + 60]],
        "The index names 6 records, and the segment ends before the last 2 of them begin.",
      ],
    ] as const) {
      const files = filesOf(log, index([...entries[0], ...more], ends[0] + 120));
      const { findings } = await audited(diskWith(files));
      expect(findings.map((finding) => finding.sentence)).toStrictEqual([sentence]);
    }
  });

  test("a saved index of no record beside frames of all", async () => {
    const empty = { [`segment_000001.log.${ending}`]: indexBytes([], 0, new Uint8Array(32)) };
    expect(await found(log, empty)).toStrictEqual([]);
  });

  test("more than the segment holds: it was cut", async () => {
    expect(await found(log, index([...entries[0], [ends[0]]], ends[0] + 60))).toStrictEqual([
      `damage truncated-log ${saved}, due 4`,
    ]);
    const longer = frameBytes([...entries[1], [ends[1]], [ends[1] + 60]], ends[1] + 120, heads[1]);
    expect(await found(log, { [wal]: longer })).toStrictEqual([`damage truncated-log ${wal}, due 7`]);
  });

  test("less: it lags in a sealed segment, and is ordinary in the last", async () => {
    expect(await found(log, index([first], second[0], otherHead as Buffer))).toStrictEqual([
      `damage wrong-index ${saved}, due 0`,
      `notice index-lags ${saved}, due 1`,
    ]);
    expect(await found(log, { [wal]: Buffer.alloc(0) })).toStrictEqual([]);
  });

  test("none: only the last segment must have one", async () => {
    expect(await found(log, { [saved]: undefined })).toStrictEqual([]);
    expect(await found(log, { [wal]: undefined })).toStrictEqual([`damage missing-index ${wal}`]);
    const nothing = { [wal]: undefined, "segment_000001.log": Buffer.alloc(0) };
    expect(await found(log, nothing)).toStrictEqual([]);
  });

  test.each<[string, (bytes: Buffer) => Uint8Array]>([
    ["a flipped bit in an entry", (bytes) => flipped(bytes, 17 * 8)],
    ["a flipped bit in its CRC", (bytes) => flipped(bytes, bytes.length * 8 - 1)],
    ["another magic number", (bytes) => sealed(join(text("VDXJ"), bytes.subarray(4, -4)))],
    ["another version", (bytes) => sealed(join(text("VDXI\u0003"), bytes.subarray(5, -4)))],
    [
      "a count that does not fit",
      (bytes) => sealed(join(bytes.subarray(0, 8), u64(5n), bytes.subarray(16, -4))),
    ],
    ["a huge count", (bytes) => sealed(join(bytes.subarray(0, 8), u64(2n ** 63n), bytes.subarray(16, -4)))],
    ["a cut end", (bytes) => bytes.subarray(0, -1)],
    ["fewer bytes than an empty one has", (bytes) => bytes.subarray(0, 59)],
    ["no bytes", () => Buffer.alloc(0)],
  ])("a saved index with %s is damaged", async (_, change) => {
    const bytes = indexBytes(entries[0], ends[0], heads[0]);
    const lines = await found(log, { [saved]: change(bytes) });
    expect(lines).toStrictEqual([`damage damaged-index ${saved}`]);
  });

  test("a write-ahead file whose last frame is torn: what a crash leaves", async () => {
    const frame = frameBytes(entries[1], ends[1], heads[1]);
    for (const size of [1, 43, 44, 50, frame.length - 1]) {
      expect(await found(log, { [wal]: frame.subarray(0, size) })).toStrictEqual([
        `notice damaged-index ${wal} at 0 to ${size}`,
      ]);
    }
    expect(await found(log, { [wal]: join(frame, Buffer.alloc(9)) })).toStrictEqual([
      `notice damaged-index ${wal} at ${frame.length} to ${frame.length + 9}`,
    ]);
  });

  test("a frame that is damaged with another after it: no crash leaves that", async () => {
    const frame = frameBytes(entries[1], ends[1], heads[1]);
    for (const bit of [0, 4 * 8, 60 * 8, frame.length * 8 - 1]) {
      const two = join(flipped(frame, bit), frame, frame);
      expect(await found(log, { [wal]: two })).toStrictEqual([
        `damage damaged-index ${wal} at 0 to ${two.length}`,
      ]);
    }
  });

  test("the last frame damaged: what a crash leaves, too", async () => {
    const frame = frameBytes(entries[1], ends[1], heads[1]);
    for (const bit of [8, 60 * 8, frame.length * 8 - 1]) {
      expect(await found(log, { [wal]: flipped(frame, bit) })).toStrictEqual([
        `notice damaged-index ${wal} at 0 to ${frame.length}`,
      ]);
    }
  });

  test("a frame larger than what is read at a time is checked all the same", async () => {
    const job = {
      path: "/data/1",
      format: log.format,
      number: 1,
      isEmpty: false,
      isSealed: false,
      hasOwnIndex: true,
      fallbackOffset: 4,
      claimedBytes: 0,
      counts: [],
      chunkBytes: 16,
    };
    const whole = await auditSegment(job, diskWith(filesOf(log)));
    expect(whole.findings).toStrictEqual([]);
    const wrong = frameBytes(
      [[0], [entries[1][1]?.[0] ?? 0, CHECKPOINT], [entries[1][2]?.[0] ?? 0]],
      ends[1],
      heads[1],
    );
    const lying = await auditSegment(job, diskWith(filesOf(log, { [wal]: wrong })));
    expect(lying.findings.map(({ code, offset }) => [code, offset])).toStrictEqual([["wrong-index", 5]]);
  });

  test("a frame that claims more than any memory holds is torn, and nothing is taken for it", async () => {
    const claim = Buffer.alloc(60, 0xff);
    expect(await found(log, { [wal]: claim })).toStrictEqual([`notice damaged-index ${wal} at 0 to 60`]);
  });

  test("one damaged record in the segment accuses no index", async () => {
    for (const [number, name] of ["segment_000000.log", "segment_000001.log"].entries()) {
      const bytes = log.segments[number] ?? Buffer.alloc(0);
      for (let byte = 0; byte < bytes.length; byte += 1) {
        const lines = await found(log, { [name]: flipped(bytes, byte * 8 + 3) });
        expect(lines.length, `byte ${byte} of ${name}: ${lines.join("; ")}`).toBe(1);
        expect(lines[0]).toContain(`damage `);
        expect(lines[0]).toContain(` ${name} at `);
      }
    }
  });
});

test("an index is held against a segment whose first record is damaged and as short as a record can be", async () => {
  const log = new HandLog().append(text(""), text("a"), text("b"));
  const segment = { segment_num: 0, first_offset: 0, next_offset: 0, size_bytes: 0 };
  const manifest = { segments: [segment], active_segment: 0, format: "plain" };
  const files = new Map<string, Uint8Array>([
    ["manifest.json", Buffer.from(JSON.stringify(manifest))],
    ["segment_000000.log", flipped(log.bytes(), 40 * 8)],
    ["segment_000000.log.idx.wal", frameBytes([[0], [48], [97]], 146, log.head)],
  ]);
  expect(linesOf(await audited(diskWith(files)))).toStrictEqual([
    expect.stringMatching(/^damage [a-z-]+ segment_000000\.log at 0 to 48, due 0$/),
  ]);
});

describe("Kimberlite's index files", () => {
  const writer = new KimberliteWriter().append(EVENTS, false).checkpoint().append(EVENTS, true);
  const INDEX = "segment_000000.log.idx";
  const WAL = "segment_000000.log.idx.wal";
  /** 58 bytes and the payload each. */
  const POSITIONS = [0, 59, 119, 180, 278, 337, 397];
  const END = 458;
  const lines = async (changed: Record<string, Buffer | undefined>): Promise<string[]> => {
    const files = new Map<string, Uint8Array>(writer.files);
    for (const [name, bytes] of Object.entries(changed)) {
      if (bytes === undefined) files.delete(name);
      else files.set(name, bytes);
    }
    return linesOf(await audited(diskWith(files)));
  };
  const positions = (...some: readonly number[]): Buffer => join(...some.map((at) => u64(BigInt(at))));

  test("the stand-in's files are those that these tests change", async () => {
    expect(writer.files.get("segment_000000.log")?.length).toBe(END);
    expect(writer.files.get(INDEX)).toStrictEqual(kimberliteIndex(POSITIONS.slice(0, 4)));
    expect(writer.files.get(WAL)).toStrictEqual(positions(...POSITIONS.slice(4)));
    expect(await lines({})).toStrictEqual([]);
  });

  test.each<[string, Record<string, Buffer | undefined>, string[]]>([
    ["none at all", { [INDEX]: undefined, [WAL]: undefined }, []],
    ["a write-ahead file that lags", { [WAL]: positions(278) }, [`notice index-lags ${INDEX}, due 5`]],
    ["no write-ahead file", { [WAL]: undefined }, [`notice index-lags ${INDEX}, due 4`]],
    ["left-over entries that repeat the index", { [WAL]: positions(...POSITIONS) }, []],
    [
      "a checkpoint filed where another record is",
      { [INDEX]: kimberliteIndex([0, 59, 180, 180]) },
      [`notice wrong-index ${INDEX}, due 2`],
    ],
    [
      "more than the segment holds",
      { [WAL]: positions(278, 337, 397, END, END + 60) },
      [`damage truncated-log ${INDEX}, due 7`],
    ],
    [
      "a write-ahead file alone, which names more",
      { [INDEX]: undefined, [WAL]: positions(...POSITIONS, END) },
      [`damage truncated-log ${WAL}, due 7`],
    ],
    [
      "half an entry",
      { [WAL]: join(positions(278, 337, 397), text("half")) },
      [`notice damaged-index ${WAL} at 24 to 28`],
    ],
    [
      "an index of this package's version",
      { [INDEX]: indexBytes([[0]], 59, new Uint8Array(32)), [WAL]: undefined },
      [`damage damaged-index ${INDEX}`],
    ],
    ...[0, 7, 8, 15, 16, 20, 24, 70].map((size): [string, Record<string, Buffer | undefined>, string[]] => [
      `a beginning of ${size} bytes, as a kill leaves it`,
      { [INDEX]: kimberliteIndex(POSITIONS).subarray(0, size) },
      [`notice damaged-index ${INDEX}`],
    ]),
    [
      "the beginning of one with more records",
      { [INDEX]: kimberliteIndex([...POSITIONS, END]).subarray(0, 70) },
      [`damage damaged-index ${INDEX}`],
    ],
    [
      "the beginning of another segment's, within an entry",
      { [INDEX]: kimberliteIndex([0, 59, 120, 181, 279, 338, 398]).subarray(0, 35) },
      [`damage damaged-index ${INDEX}`],
    ],
    [
      "the beginning of another segment's, up to an entry",
      { [INDEX]: kimberliteIndex([0, 60, 120, 181, 279, 338, 398]).subarray(0, 40), [WAL]: undefined },
      [`notice damaged-index ${INDEX}`, `notice wrong-index ${INDEX}, due 1`],
    ],
    [
      "a flipped bit",
      { [INDEX]: flipped(kimberliteIndex(POSITIONS), 200) as Buffer, [WAL]: undefined },
      [`damage damaged-index ${INDEX}`],
    ],
  ])("%s", async (_, changed, expected) => {
    expect(await lines(changed)).toStrictEqual(expected);
  });

  test.each<[string, Record<string, Buffer | undefined>]>([
    ["the saved index", { [INDEX]: kimberliteIndex(POSITIONS), [WAL]: undefined }],
    ["the write-ahead file", { [INDEX]: undefined, [WAL]: positions(...POSITIONS) }],
  ])("a torn record that %s alone names was whole once", async (_, named) => {
    const end = END - 1;
    const cut = { "segment_000000.log": writer.files.get("segment_000000.log")?.subarray(0, end) };
    // Of seven records the manifest counts six.
    const json = String(writer.files.get("manifest.json"))
      .replace('"next_offset": 7', '"next_offset": 6')
      .replace(`"size_bytes": ${END}`, '"size_bytes": 397');
    const changed = { ...cut, "manifest.json": Buffer.from(json) };
    const at = `incomplete segment_000000.log at 397 to ${end}, due 6`;
    expect(await lines({ ...changed, ...named })).toStrictEqual([`damage ${at}`]);
    const other = { [INDEX]: kimberliteIndex(POSITIONS.slice(0, 6)), [WAL]: undefined };
    expect(await lines({ ...changed, ...other })).toStrictEqual([`notice ${at}`]);
  });
});
