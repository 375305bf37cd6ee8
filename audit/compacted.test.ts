/**
 * Compacted streams (docs/FORMAT.md, sections 4, 5, 7 and 9): a sound one is clean and every anchor from
 * before still serves; what compaction would not have left is named, with its place.
 */
import { describe, expect, test } from "vitest";
import { encoded, type Entry, frameBytes, HandLog, indexBytes, join, text, u64 } from "../e2e/by-hand.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import type { DiskFile, OpenMode } from "../src/index.ts";
import { anchorText, parseAnchors } from "./anchor.ts";
import { audit } from "./audit.ts";
import type { AnchorReport, StreamReport } from "./report.ts";
import { auditSegment } from "./segment.ts";
import { linesOf } from "./testing.ts";

/** Records that are erased: from an offset on, so many. */
type Run = readonly [first: number, count: number];

/** What a directory is made of. */
interface Made {
  readonly tombstones?: readonly Run[];
  readonly erased?: readonly Run[];
  /** What the redacted record at an offset says that it stands for, if not what it does. */
  readonly claims?: ReadonlyMap<number, number>;
}

const ERASED: readonly Run[] = [
  [1, 2],
  [4, 1],
];

/** Segment 0 has offsets 0 to 3, segment 1 has 4 to 6 with a checkpoint at 5, segment 2 the tombstones. */
function logWith(tombstones: readonly Run[]): HandLog {
  const log = new HandLog().append(text("a"), text("bb"), text("ccc"), text("dddd"), text("eeeee"));
  log.checkpoint().append(text("ffffff"));
  for (const [first, count] of tombstones) log.tombstone(BigInt(first), BigInt(count));
  return log.append(text("g"));
}

const KINDS = ["data", "checkpoint", "tombstone", "redacted"];

/** A compacted segment with its index, by hand. */
interface Segment {
  readonly bytes: Buffer;
  readonly words: readonly Entry[];
  readonly positions: ReadonlyMap<number, number>;
}

function segmentOf(log: HandLog, from: number, to: number, { erased = ERASED, claims }: Made): Segment {
  const parts: Buffer[] = [];
  const words: Entry[] = [];
  const positions = new Map<number, number>();
  for (let offset = from; offset < to;) {
    const record = log.records[offset];
    if (record === undefined) throw new RangeError(`There is no record ${offset}.`);
    const count = erased.find(([first]) => first === offset)?.[1];
    const position = join(...parts).length;
    positions.set(offset, position);
    if (count === undefined) {
      parts.push(encoded(record));
      words.push([position, KINDS.indexOf(record.kind)]);
      offset += 1;
      continue;
    }
    const claimed = claims?.get(offset) ?? count;
    const { hash } = log.records[offset + claimed - 1] ?? record;
    const payload = join(hash, u64(BigInt(claimed)));
    parts.push(encoded({ ...record, kind: "redacted", payload }));
    words.push([position, 3], [claimed]);
    offset += count;
  }
  return { bytes: join(...parts), words, positions };
}

interface Directory {
  readonly log: HandLog;
  readonly files: Map<string, Uint8Array>;
  readonly segments: readonly [Segment, Segment, Segment];
}

type Json = Record<string, unknown> & { segments: Record<string, unknown>[] };

function directory(made: Made = {}): Directory {
  const log = logWith(made.tombstones ?? ERASED);
  const count = log.records.length;
  const segments = [
    segmentOf(log, 0, 4, made),
    segmentOf(log, 4, 7, made),
    segmentOf(log, 7, count, made),
  ] as const;
  const [zero, one, two] = segments;
  const hash = (offset: number): Uint8Array => log.records[offset]?.hash ?? text("");
  const index = (words: number, offsets: number): object => (words === offsets ? {} : { index_words: words });
  const manifest = {
    segments: [
      {
        segment_num: 0,
        first_offset: 0,
        next_offset: 4,
        size_bytes: zero.bytes.length,
        ...index(zero.words.length, 4),
      },
      {
        segment_num: 1,
        first_offset: 4,
        next_offset: 7,
        size_bytes: one.bytes.length,
        ...index(one.words.length, 3),
      },
      { segment_num: 2, first_offset: 7, next_offset: 7, size_bytes: 0 },
    ],
    active_segment: 2,
    format: "plain",
  };
  const files = new Map<string, Uint8Array>([
    ["manifest.json", Buffer.from(JSON.stringify(manifest))],
    ["segment_000000.log", zero.bytes],
    ["segment_000000.log.idx", indexBytes(zero.words, zero.bytes.length, hash(3))],
    ["segment_000001.log", one.bytes],
    ["segment_000001.log.idx", indexBytes(one.words, one.bytes.length, hash(6))],
    ["segment_000002.log", two.bytes],
    ["segment_000002.log.idx.wal", frameBytes(two.words, two.bytes.length, log.head)],
  ]);
  return { log, files, segments };
}

/** The manifest with something changed. */
function withManifest({ files }: Directory, change: (manifest: Json) => void): Map<string, Uint8Array> {
  const manifest = JSON.parse(Buffer.from(files.get("manifest.json") ?? []).toString()) as Json;
  change(manifest);
  return new Map(files).set("manifest.json", Buffer.from(JSON.stringify(manifest)));
}

async function reportOn(
  files: ReadonlyMap<string, Uint8Array>,
  anchors = "",
): Promise<StreamReport & { clean: boolean }> {
  const disk = new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
  const options = anchors === "" ? { disk } : { disk, anchors: parseAnchors(anchors) };
  const { streams, clean } = await audit("/data", options);
  const [stream] = streams;
  if (stream === undefined) throw new Error("There is a stream.");
  return { ...stream, clean };
}

const findings = async (files: ReadonlyMap<string, Uint8Array>): Promise<string[]> =>
  linesOf(await reportOn(files));

/**
 * Puts a segment in the place of segment 0 when that is opened, as compaction does; what is open stays open.
 */
class ReplacingDisk extends MemoryDisk {
  #replacement: Uint8Array | undefined;

  constructor(files: ReadonlyMap<string, Uint8Array>, replacement: Uint8Array) {
    super("/data", files);
    this.#replacement = replacement;
  }

  override open(path: string, mode: OpenMode): DiskFile {
    if (path.endsWith("segment_000000.log") && this.#replacement !== undefined) {
      this.remove(`${path}.idx`);
      void super.open(path, "create").write(this.#replacement, 0);
      this.#replacement = undefined;
    }
    const file = super.open(path, mode);
    const bytes = Buffer.alloc(file.size() as number);
    void file.read(bytes, 0);
    return {
      ...file,
      size: () => bytes.length,
      read: (target, position) => bytes.copy(target, 0, position, position + target.length),
    };
  }
}

describe("a compacted stream", () => {
  test("is clean, and its report says how many records are erased and what that means", async () => {
    const report = await reportOn(directory().files);
    expect(linesOf(report)).toStrictEqual([]);
    expect(report).toMatchObject({
      clean: true,
      verifiedFromGenesis: true,
      readersAgree: true,
      records: 9,
      kinds: { data: 4, checkpoint: 1, tombstone: 2, redacted: 2 },
      erased: 3,
      nextOffset: 10,
    });
    expect(report.segments.map(({ erased }) => erased)).toStrictEqual([2, 1, 0]);
    expect(report.notVerified).toContain(
      "3 records are erased: the content is gone, and that it was data cannot be verified. Only an anchor from before the erasure confirms the hash that stands in its place.",
    );
    expect(report.notVerified.join(" ")).not.toContain("could not be read");
  });

  test.each([1, 8, 9, 23, 64])("is read the same %i bytes at a time", async (chunkBytes) => {
    const disk = new MemoryDisk("/data", directory().files);
    const job = {
      path: "/data",
      format: "plain",
      isEmpty: false,
      claimedBytes: 0,
      counts: [],
      chunkBytes,
    } as const;
    const place = { number: 0, isSealed: true, hasOwnIndex: true, fallbackOffset: 0 } as const;
    expect(await auditSegment({ ...job, ...place }, disk)).toMatchObject({ findings: [], erased: 2 });
  });

  test("begins with a redacted record if its first records are erased", async () => {
    const first: readonly Run[] = [[0, 4]];
    const report = await reportOn(directory({ tombstones: first, erased: first }).files);
    expect(linesOf(report)).toStrictEqual([]);
    expect(report).toMatchObject({ clean: true, erased: 4, verifiedFromGenesis: true });
  });

  test("is clean before, too, when records are hidden and none is erased", async () => {
    const report = await reportOn(directory({ erased: [] }).files);
    expect(report).toMatchObject({ clean: true, erased: 0 });
    expect(report.notVerified.join(" ")).not.toContain("erased");
  });
});

describe("anchors from before compaction", () => {
  const { log, files } = directory();
  const anchor = (count: number, head = log.records[count - 1]?.hash ?? text("")): string =>
    anchorText({ origin: "kimberlite", stream: 1n, count, head });
  const held = async (...anchors: readonly string[]): Promise<Pick<AnchorReport, "count" | "verdict">[]> => {
    const report = await reportOn(files, anchors.join("\n"));
    return report.anchors.map(({ count, verdict }) => ({ count, verdict }));
  };

  test("match where the hash is still there", async () => {
    for (const count of [1, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(await held(anchor(count))).toStrictEqual([{ count, verdict: "matches" }]);
  });

  test("do not match another head, also not at the end of what is erased", async () => {
    for (const count of [1, 3, 5, 10])
      expect(await held(anchor(count, new Uint8Array(32).fill(1)))).toStrictEqual([
        { count, verdict: "rewritten" },
      ]);
  });

  test("say nothing where the hash is erased, unless a later one matches", async () => {
    expect(await held(anchor(2))).toStrictEqual([{ count: 2, verdict: "unverifiable" }]);
    expect(await held(anchor(1), anchor(2))).toMatchObject([{}, { verdict: "unverifiable" }]);
    expect(await held(anchor(2), anchor(3))).toMatchObject([{ verdict: "erased" }, { verdict: "matches" }]);
    const report = await reportOn(files, [anchor(2), anchor(10)].join("\n"));
    expect(report.clean).toBe(true);
    expect(report.anchors[0]?.sentence).toBe(
      "The record before offset 2 is erased, and its hash with it, so the hash cannot be compared. The anchor at 10 records matches, and fixes what was there.",
    );
    expect(await reportOn(files, anchor(2))).toMatchObject({ clean: false });
    const wrong = anchor(10, new Uint8Array(32).fill(1));
    expect(await held(anchor(2), wrong)).toMatchObject([
      { verdict: "unverifiable" },
      { verdict: "rewritten" },
    ]);
  });

  test("of which two show two histories are no reason to trust either, also where the hash is erased", async () => {
    const report = await reportOn(files, [anchor(2), anchor(2, text("0".repeat(32))), anchor(10)].join("\n"));
    expect(report.anchors.map(({ verdict }) => verdict)).toStrictEqual([
      "unverifiable",
      "unverifiable",
      "matches",
    ]);
    expect(report.anchors[0]?.sentence).toContain("two histories were shown");
  });
});

describe("a redacted record that no tombstone names", () => {
  test.each([
    [
      [
        [1, 1],
        [4, 1],
      ],
      "offset 2",
      2,
    ],
    [
      [
        [2, 1],
        [4, 1],
      ],
      "offset 1",
      1,
    ],
    [[[4, 1]], "offsets 1 to 2", 1],
  ] as const)("in part or as a whole is damage: %j", async (tombstones, missing, due) => {
    const report = await reportOn(directory({ tombstones }).files);
    expect(linesOf(report)).toStrictEqual([`damage unnamed-erasure segment_000000.log at 49, due ${due}`]);
    expect(report).toMatchObject({ clean: false, readersAgree: true });
    expect(report.findings[0]).toMatchObject({
      sentence: `A redacted record stands for offsets 1 to 2, but no tombstone names ${missing}.`,
      cause: expect.stringContaining("nobody had hidden, or removed the tombstone") as string,
    });
  });

  test("is not made good by tombstones that name the records beside it", async () => {
    const tombstones: readonly Run[] = [
      [0, 1],
      [3, 2],
    ];
    expect(await findings(directory({ tombstones }).files)).toStrictEqual([
      "damage unnamed-erasure segment_000000.log at 49, due 1",
    ]);
  });

  test("may be so because the tombstone cannot be read", async () => {
    const { files, segments } = directory();
    const at = (segments[2].positions.get(7) ?? 0) + 44;
    files.set("segment_000002.log", flipped(segments[2].bytes, 8 * at));
    const report = await reportOn(files);
    expect(linesOf(report)).toStrictEqual([
      "damage checksum-mismatch segment_000002.log at 0 to 64, due 7",
      "damage unnamed-erasure segment_000000.log at 49, due 1",
    ]);
    expect(report.findings[1]?.cause).toContain("The tombstone is among the records that cannot be read");
  });
});

describe("a redacted record that says it stands for more than is there", () => {
  test("as the last of its segment reaches into the next one", async () => {
    const made = { tombstones: [[2, 4]], erased: [[2, 2]], claims: new Map([[2, 3]]) } as const;
    expect(await findings(directory(made).files)).toStrictEqual([
      // The index says the hash of the record that is the segment's last.
      "damage wrong-index segment_000000.log.idx, due 2",
      "damage wrong-offset segment_000000.log at 99, due 4",
      "damage wrong-manifest manifest.json",
    ]);
    const { findings: found } = await reportOn(directory(made).files);
    expect(found[1]?.sentence).toBe(
      "A redacted record stands for offsets 2 to 4, but the next segment begins at offset 4.",
    );
  });

  test("leaves no room for the record after it", async () => {
    const made = { tombstones: [[1, 3]], erased: [[1, 2]], claims: new Map([[1, 3]]) } as const;
    const report = await reportOn(directory(made).files);
    expect(linesOf(report)).toContain("damage wrong-offset segment_000000.log at 137, due 4");
  });
});

describe("the index of a segment with redacted records", () => {
  const whole = directory();
  const [zero] = whole.segments;
  const hash = whole.log.records[3]?.hash ?? text("");
  const withIndex = (words: readonly Entry[]): Map<string, Uint8Array> =>
    new Map(whole.files).set("segment_000000.log.idx", indexBytes(words, zero.bytes.length, hash));

  test("has a second word for each", () => {
    expect(zero.words).toStrictEqual([[0, 0], [49, 3], [2], [137, 0]]);
  });

  test.each([
    ["says a larger count", [[0], [49, 3], [3], [137]], "wrong-index segment_000000.log.idx, due 1"],
    ["says a smaller count", [[0], [49, 3], [1], [137]], "wrong-index segment_000000.log.idx, due 1"],
    [
      "is that of the segment before it was compacted",
      [[0], [49], [99], [150]],
      "wrong-index segment_000000.log.idx, due 1",
    ],
    ["says that it stands for none", [[0], [49, 3], [0], [137]], "damaged-index segment_000000.log.idx"],
    ["lacks the second word", [[0], [49, 3]], "damaged-index segment_000000.log.idx"],
  ] as const)("that %s is damage", async (_, words, finding) => {
    expect(await findings(withIndex(words))).toStrictEqual([`damage ${finding}`]);
  });

  test("that names more than there is says how many records are gone", async () => {
    const more: readonly Entry[] = [...zero.words, [189, 3], [5]];
    const report = await reportOn(withIndex(more));
    const found = report.findings.find(({ code }) => code === "truncated-log");
    expect(found).toMatchObject({
      offset: 4,
      sentence: "The index names 9 records, and the segment ends before the last 5 of them begin.",
    });
  });

  test("in a write-ahead file has it, too", async () => {
    const frames = join(
      frameBytes(zero.words.slice(0, 3), 137, whole.log.records[2]?.hash ?? text("")),
      frameBytes(zero.words.slice(3), zero.bytes.length, hash),
    );
    const files = new Map(whole.files).set("segment_000000.log.idx.wal", frames);
    files.delete("segment_000000.log.idx");
    expect(await findings(files)).toStrictEqual([]);
    const half = frameBytes(zero.words.slice(0, 2), 137, whole.log.records[2]?.hash ?? text(""));
    expect(await findings(files.set("segment_000000.log.idx.wal", half))).toStrictEqual([
      "damage damaged-index segment_000000.log.idx.wal",
    ]);
  });
});

describe("the manifest of a compacted stream", () => {
  const whole = directory();

  test.each([
    ["says another number of index words", 3],
    ["does not say how many index words there are", undefined],
  ])("that %s is wrong", async (_, words) => {
    // Segment 1 has offsets 4 to 6 and four words.
    const files = withManifest(whole, ({ segments: [, one] }) => {
      if (one !== undefined) one["index_words"] = words;
    });
    const report = await reportOn(files);
    expect(linesOf(report)).toStrictEqual(["damage wrong-manifest manifest.json"]);
    expect(report.findings[0]?.sentence).toBe(
      "The manifest gives segment_000001.log offsets 4 to 7, 3 index words and 230 bytes; it has offsets 4 to 7, 4 index words and 230 bytes.",
    );
  });

  test.each([
    ["the old one's", 999],
    ["the new one's", whole.segments[0].bytes.length],
  ])("may give a size while a segment is replaced that is %s", async (_, size) => {
    const files = withManifest(whole, (manifest) => {
      manifest["replacing"] = 0;
      manifest.segments[0] = {
        ...manifest.segments[0],
        size_bytes: size,
        index_words: size === 999 ? 5 : undefined,
      };
    });
    files.delete("segment_000000.log.idx");
    const report = await reportOn(files);
    expect(linesOf(report)).toStrictEqual(["notice stale-manifest manifest.json"]);
    expect(report.clean).toBe(true);
  });

  test("is looked at again where a segment was replaced between its index and itself", async () => {
    // The old segment with its index; the new one takes its place when it is opened the first time.
    const old = directory({ erased: [[4, 1]] });
    const files = withManifest(old, (manifest) => {
      manifest["replacing"] = 0;
    });
    const disk = new ReplacingDisk(
      new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])),
      whole.segments[0].bytes,
    );
    const { streams, clean } = await audit("/data", { disk });
    expect(streams.flatMap(linesOf)).toStrictEqual(["notice stale-manifest manifest.json"]);
    expect({ clean, erased: streams[0]?.erased }).toStrictEqual({ clean: true, erased: 3 });
  });

  test("excuses no other segment while one is replaced, and no other offsets", async () => {
    const other = withManifest(whole, (manifest) => {
      manifest["replacing"] = 0;
      manifest.segments[1] = { ...manifest.segments[1], size_bytes: 999 };
    });
    expect(await findings(other)).toStrictEqual([
      "notice stale-manifest manifest.json",
      "damage truncated-log manifest.json",
    ]);
    const offsets = withManifest(whole, (manifest) => {
      manifest["replacing"] = 0;
      manifest.segments[0] = { ...manifest.segments[0], next_offset: 5 };
      manifest.segments[1] = { ...manifest.segments[1], first_offset: 5 };
    });
    expect(await findings(offsets)).toContain("damage truncated-log manifest.json");
  });

  test.each([2, 7])(
    "that says that segment %i is replaced, which is not sealed, is wrong",
    async (number) => {
      const files = withManifest(whole, (manifest) => {
        manifest["replacing"] = number;
      });
      expect(await findings(files)).toStrictEqual(["damage wrong-manifest manifest.json"]);
    },
  );

  test("may have a segment beside it that compaction did not finish", async () => {
    const files = new Map(whole.files).set("segment_000000.log.tmp", text("some"));
    const report = await reportOn(files);
    expect(linesOf(report)).toStrictEqual(["notice unknown-file segment_000000.log.tmp"]);
    expect(report.findings[0]?.cause).toContain("A crash came during compaction");
  });
});

describe("a damaged redacted record", () => {
  const erased: readonly Run[] = [
    [1, 2],
    [4, 1],
  ];
  const whole = directory({ erased });
  const [zero] = whole.segments;
  const damaged = new Map(whole.files).set("segment_000000.log", flipped(zero.bytes, 8 * (49 + 80)));

  test("costs the records it stands for, and those after it are read", async () => {
    const report = await reportOn(damaged);
    expect(linesOf(report)).toStrictEqual([
      "damage checksum-mismatch segment_000000.log at 49 to 137, due 1",
    ]);
    expect(report.findings[0]).toMatchObject({ records: 2 });
    expect(report.findings[0]?.cause).toBe(
      "One bit flipped: bit 0 of byte 129; with this bit inverted, the record is intact.",
    );
    expect(report).toMatchObject({ records: 8, erased: 1, nextOffset: 10 });
    expect(report.notVerified.join(" ")).toContain("2 records could not be read, or are missing.");
  });

  test("does so without a manifest, too, if the index is there", async () => {
    const files = new Map(damaged);
    files.delete("manifest.json");
    files.delete("segment_000001.log");
    files.delete("segment_000001.log.idx");
    files.delete("segment_000002.log");
    files.delete("segment_000002.log.idx.wal");
    files.set("segment_000001.log", text(""));
    const report = await reportOn(files);
    expect(linesOf(report)).toContain("damage checksum-mismatch segment_000000.log at 49 to 137, due 1");
  });

  test("at the beginning of a segment leaves the index as right as it is", async () => {
    const made = directory({ tombstones: [[0, 3]], erased: [[0, 3]] });
    const files = made.files.set("segment_000000.log", flipped(made.segments[0].bytes, 8 * 80));
    expect(await findings(files)).toStrictEqual([
      "damage checksum-mismatch segment_000000.log at 0 to 88, due 0",
    ]);
  });

  test("at the end of a segment leaves room for the records that the manifest counts", async () => {
    const made = directory({ tombstones: [[1, 3]], erased: [[1, 3]] });
    const bytes = flipped(made.segments[0].bytes, 8 * (49 + 80));
    const report = await reportOn(made.files.set("segment_000000.log", bytes));
    expect(linesOf(report)).toStrictEqual([
      "damage checksum-mismatch segment_000000.log at 49 to 137, due 1",
    ]);
    expect(report.nextOffset).toBe(9);
  });
});

describe("a payload that holds what looks like a redacted record", () => {
  test("does not outweigh the records after it, whatever the forgery says it stands for", async () => {
    // The forgery says that it stands for nearly all that the segment has, and nothing follows it.
    const forged = encoded({
      offset: 2n,
      prevHash: new Uint8Array(32),
      kind: "redacted",
      payload: join(new Uint8Array(32), u64(1_000_000n)),
    });
    const log = new HandLog().append(text("a"), join(text("....."), forged), text("c"), text("d"));
    const bytes = flipped(log.bytes(), 8 * (49 + 46));
    const end = log.bytes(0, 2).length;
    const files = new Map<string, Uint8Array>([
      ["segment_000000.log", bytes],
      ["segment_000000.log.idx.wal", frameBytes(log.entries(), log.bytes().length, log.head)],
    ]);
    expect(await findings(files)).toContain(
      `damage checksum-mismatch segment_000000.log at 49 to ${end}, due 1`,
    );
  });
});
