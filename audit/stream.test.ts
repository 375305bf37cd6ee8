/**
 * What is known of a stream beyond single segments: its files, its manifest, and whether each segment
 * continues the one before. Each fault is named once, where it is.
 */
import { describe, expect, test } from "vitest";
import { encoded, frameBytes, HandLog, indexBytes, join, text } from "../e2e/by-hand.ts";
import { KimberliteWriter } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import { anchorText, parseAnchors } from "./anchor.ts";
import { audit } from "./audit.ts";
import { audited, linesOf } from "./testing.ts";

type Files = Map<string, Uint8Array>;

const SEGMENTS = ["segment_000000.log", "segment_000001.log", "segment_000002.log"] as const;

/** Nine records of 48 + 7 bytes, three a segment. */
const LOG = new HandLog().append(...Array.from({ length: 9 }, (_, i) => text(`event-${i}`)));
const SEGMENT_BYTES = 165;
const part = (segment: number): Buffer => LOG.bytes(3 * segment, 3 * segment + 3);
const headOf = (segment: number): Uint8Array => LOG.records[3 * segment + 2]?.hash ?? text("");

const manifestOf = (sizes: readonly number[]): Uint8Array => {
  let offset = 0;
  const segments = sizes.map((size, number) => {
    const first = offset;
    offset += size / 55;
    return { segment_num: number, first_offset: first, next_offset: offset, size_bytes: size };
  });
  return Buffer.from(JSON.stringify({ segments, active_segment: sizes.length - 1, format: "plain" }));
};

const ENTRIES = [[0], [55], [110]] as const;

/** As this package leaves it: sealed segments with their index, the last with its write-ahead file. */
const plain = (): Files =>
  new Map<string, Uint8Array>([
    ["manifest.json", manifestOf([SEGMENT_BYTES, SEGMENT_BYTES, 0])],
    [SEGMENTS[0], part(0)],
    [SEGMENTS[1], part(1)],
    [SEGMENTS[2], part(2)],
    [`${SEGMENTS[0]}.idx`, indexBytes(ENTRIES, SEGMENT_BYTES, headOf(0))],
    [`${SEGMENTS[1]}.idx`, indexBytes(ENTRIES, SEGMENT_BYTES, headOf(1))],
    [`${SEGMENTS[2]}.idx.wal`, frameBytes(ENTRIES, SEGMENT_BYTES, headOf(2))],
  ]);

/**
 * Nine records of 58 + 7 bytes, as Kimberlite leaves them: three a segment, and a fourth that is only named.
 */
const kimberlites = (): Files => {
  const writer = new KimberliteWriter(190);
  for (let i = 0; i < 9; i += 1) writer.append([text(`event-${i}`)], true);
  return new Map(writer.files);
};

const diskWith = (files: Files): MemoryDisk =>
  new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));

const found = async (files: Files): Promise<string[]> => linesOf(await audited(diskWith(files)));

const without = (files: Files, ...names: readonly string[]): Files => {
  for (const name of names) files.delete(name);
  return files;
};

const withFile = (files: Files, name: string, bytes: Uint8Array): Files => files.set(name, bytes);

test("as they are, there is nothing to say of either", async () => {
  for (const files of [plain(), kimberlites()]) {
    const report = await audited(diskWith(files));
    expect(linesOf(report)).toStrictEqual([]);
    expect(report).toMatchObject({
      records: 9,
      nextOffset: 9,
      verifiedFromGenesis: true,
      counted: undefined,
    });
  }
});

describe.each([
  ["plain", plain],
  ["sentinel", kimberlites],
] as const)("missing segments, %s", (_, make) => {
  test.each([
    ["the first", [0], [`damage missing-segment ${SEGMENTS[0]}, due 0`]],
    ["one in the middle", [1], [`damage missing-segment ${SEGMENTS[1]}, due 3`]],
    ["the first two: named once", [0, 1], [`damage missing-segment ${SEGMENTS[0]}, due 0`]],
    [
      "the first and the last",
      [0, 2],
      [`damage missing-segment ${SEGMENTS[0]}, due 0`, `damage missing-segment ${SEGMENTS[2]}, due 6`],
    ],
    ["the last", [2], [`damage missing-segment ${SEGMENTS[2]}, due 6`]],
    ["all", [0, 1, 2], [`damage missing-segment ${SEGMENTS[0]}, due 0`]],
  ])("%s", async (_, missing, expected) => {
    const files = without(make(), ...missing.map((number) => SEGMENTS[number] ?? ""));
    const report = await audited(diskWith(files));
    expect(linesOf(report)).toStrictEqual(expected);
    // Of Kimberlite's last segment the manifest says how far it goes; of this package's, the index does.
    const lastIsMissing = missing.includes(2);
    expect(report).toMatchObject({
      verifiedFromGenesis: false,
      records: 9 - 3 * missing.length,
      nextOffset: 9,
      head: lastIsMissing ? undefined : (expect.stringMatching(/^[0-9a-f]{64}$/) as unknown),
    });
  });

  test("how many records are lost with the last is said, as its index names them", async () => {
    const { findings } = await audited(diskWith(without(make(), SEGMENTS[2])));
    expect(findings[0]).toMatchObject({ code: "missing-segment", records: 3 });
  });

  test("how many records are lost with them is said", async () => {
    const { findings } = await audited(diskWith(without(make(), SEGMENTS[0], SEGMENTS[1])));
    expect(findings[0]).toMatchObject({
      records: 6,
      sentence: `The manifest names 2 segments that are missing, this one and those up to ${SEGMENTS[1]}.`,
    });
  });

  test("without the manifest: what is between others", async () => {
    const files = without(make(), "manifest.json", SEGMENTS[1]);
    expect(await found(files)).toStrictEqual([
      "damage damaged-manifest manifest.json",
      `damage missing-segment ${SEGMENTS[1]}, due 3`,
    ]);
  });
});

describe("a segment that is not named any more, and whose index still is there", () => {
  test("this package's", async () => {
    const files = withFile(without(plain(), SEGMENTS[2]), "manifest.json", manifestOf([SEGMENT_BYTES, 0]));
    expect(await found(files)).toStrictEqual([
      `damage missing-index ${SEGMENTS[1]}.idx.wal`,
      `damage missing-segment ${SEGMENTS[2]}, due 6`,
    ]);
  });

  test("all of them, and no manifest", async () => {
    expect(await found(without(plain(), "manifest.json", ...SEGMENTS))).toStrictEqual(
      SEGMENTS.map((name, i) => `damage missing-segment ${name}, due ${3 * i}`),
    );
  });

  test("an empty write-ahead file is what a crash leaves where a segment was to be made", async () => {
    const files = withFile(plain(), "segment_000003.log.idx.wal", new Uint8Array(0));
    expect(await found(files)).toStrictEqual([]);
    const saved = withFile(plain(), "segment_000003.log.idx", indexBytes([], 0, new Uint8Array(32)));
    expect(await found(saved)).toStrictEqual([]);
  });

  test("Kimberlite's", async () => {
    const files = kimberlites();
    const json = JSON.parse(Buffer.from(files.get("manifest.json") ?? []).toString()) as {
      segments: unknown[];
      active_segment: number;
    };
    const shorter = { segments: json.segments.slice(0, 2), active_segment: 1 };
    withFile(without(files, SEGMENTS[2]), "manifest.json", Buffer.from(JSON.stringify(shorter)));
    expect(await found(files)).toStrictEqual([`damage missing-segment ${SEGMENTS[2]}, due 6`]);
  });
});

describe("the manifest", () => {
  const small = (next: number, bytes: number, format?: string): Uint8Array =>
    Buffer.from(
      JSON.stringify({
        segments: [{ segment_num: 0, first_offset: 0, next_offset: next, size_bytes: bytes }],
        active_segment: 0,
        format,
      }),
    );
  const oneSegment = (): Files => {
    const files = new KimberliteWriter().append([text("a"), text("bb"), text("ccc")], true).files;
    return new Map(files);
  };

  test.each<[string, Files, string[]]>([
    ["missing", without(plain(), "manifest.json"), ["damage damaged-manifest manifest.json"]],
    ["no JSON", withFile(plain(), "manifest.json", text("{")), ["damage damaged-manifest manifest.json"]],
    ["empty", withFile(plain(), "manifest.json", text("")), ["damage damaged-manifest manifest.json"]],
    [
      "no manifest of this kind",
      withFile(plain(), "manifest.json", text('{"segments":[],"active_segment":0}')),
      ["damage damaged-manifest manifest.json"],
    ],
    [
      "larger than any of three segments",
      withFile(
        plain(),
        "manifest.json",
        Buffer.concat([manifestOf([SEGMENT_BYTES, SEGMENT_BYTES, 0]), Buffer.alloc(2 ** 24 + 1024, " ")]),
      ),
      ["damage damaged-manifest manifest.json"],
    ],
    [
      "without a format, beside plain segments",
      withFile(
        plain(),
        "manifest.json",
        text(
          Buffer.from(manifestOf([SEGMENT_BYTES, SEGMENT_BYTES, 0]))
            .toString()
            .replace(',"format":"plain"', ""),
        ),
      ),
      ["damage damaged-manifest manifest.json"],
    ],
    [
      "of the wrong format",
      withFile(
        plain(),
        "manifest.json",
        text(
          Buffer.from(manifestOf([SEGMENT_BYTES, SEGMENT_BYTES, 0]))
            .toString()
            .replace("plain", "sentinel"),
        ),
      ),
      ["damage damaged-manifest manifest.json"],
    ],
    [
      "stale: it does not name a segment with records",
      withFile(plain(), "manifest.json", manifestOf([SEGMENT_BYTES, 0])),
      ["damage stale-manifest manifest.json"],
    ],
    [
      "about to name a segment that is empty",
      withFile(withFile(plain(), "segment_000003.log", text("")), "segment_000003.log.idx.wal", text("")),
      ["notice stale-manifest manifest.json"],
    ],
    [
      "wrong: it says less of a sealed segment",
      withFile(plain(), "manifest.json", manifestOf([SEGMENT_BYTES, 110, 0])),
      ["damage wrong-manifest manifest.json", "damage wrong-manifest manifest.json"],
    ],
    [
      "ahead: it says more of a sealed segment",
      withFile(plain(), "manifest.json", manifestOf([SEGMENT_BYTES, 220, 0])),
      ["damage truncated-log manifest.json", "damage wrong-manifest manifest.json"],
    ],
    [
      "Kimberlite's, of an append before: it crashed",
      withFile(oneSegment(), "manifest.json", small(2, 59 + 60)),
      ["notice stale-manifest manifest.json"],
    ],
    [
      "Kimberlite's, of no append that there was",
      withFile(oneSegment(), "manifest.json", small(2, 59 + 59)),
      ["damage wrong-manifest manifest.json"],
    ],
    [
      "Kimberlite's, which counts more than there is",
      withFile(oneSegment(), "manifest.json", small(4, 59 + 60 + 61 + 62)),
      ["damage truncated-log manifest.json"],
    ],
  ])("%s", async (_, files, expected) => {
    expect(await found(files)).toStrictEqual(expected);
  });

  test("what Kimberlite's counts and the log lacks is said", async () => {
    const report = await audited(diskWith(withFile(oneSegment(), "manifest.json", small(7, 1000))));
    expect({ nextOffset: report.nextOffset, counted: report.counted }).toStrictEqual({
      nextOffset: 3,
      counted: 7,
    });
  });

  test("one that is not yet there beside a first segment without records is what a crash leaves", async () => {
    const files: Files = new Map([
      [SEGMENTS[0], text("")],
      [`${SEGMENTS[0]}.idx.wal`, text("")],
    ]);
    expect(await found(files)).toStrictEqual([]);
    expect(await found(new Map([[SEGMENTS[0], part(0)]]))).toStrictEqual([
      `damage missing-index ${SEGMENTS[0]}.idx.wal`,
      "damage damaged-manifest manifest.json",
    ]);
  });
});

describe("segments that do not continue one another", () => {
  test("exchanged", async () => {
    const files = withFile(withFile(plain(), SEGMENTS[0], part(1)), SEGMENTS[1], part(0));
    withFile(files, `${SEGMENTS[0]}.idx`, indexBytes(ENTRIES, SEGMENT_BYTES, headOf(1)));
    withFile(files, `${SEGMENTS[1]}.idx`, indexBytes(ENTRIES, SEGMENT_BYTES, headOf(0)));
    expect(await found(files)).toStrictEqual([
      `damage wrong-offset ${SEGMENTS[0]} at 0, due 0`,
      `damage wrong-offset ${SEGMENTS[1]} at 0, due 6`,
      `damage wrong-offset ${SEGMENTS[2]} at 0, due 3`,
      "damage wrong-manifest manifest.json",
      "damage wrong-manifest manifest.json",
    ]);
  });

  test("replaced by another history of the same offsets and sizes", async () => {
    const other = new HandLog().append(...Array.from({ length: 9 }, (_, i) => text(`Event-${i}`)));
    const hash = other.records[5]?.hash ?? text("");
    const files = withFile(plain(), SEGMENTS[1], other.bytes(3, 6));
    withFile(files, `${SEGMENTS[1]}.idx`, indexBytes(ENTRIES, SEGMENT_BYTES, hash));
    expect(await found(files)).toStrictEqual([
      `damage broken-chain ${SEGMENTS[1]} at 0, due 3`,
      `damage broken-chain ${SEGMENTS[2]} at 0, due 6`,
    ]);
  });

  test("another history after whatever else is wrong before it", async () => {
    const other = new HandLog().append(...Array.from({ length: 9 }, (_, i) => text(`Event-${i}`)));
    const replaced = (): Files => {
      const files = withFile(plain(), SEGMENTS[2], other.bytes(6, 9));
      const hash = other.records[8]?.hash ?? text("");
      return withFile(files, `${SEGMENTS[2]}.idx.wal`, frameBytes(ENTRIES, SEGMENT_BYTES, hash));
    };
    const BROKEN = `damage broken-chain ${SEGMENTS[2]} at 0, due 6`;
    expect(await found(replaced())).toStrictEqual([BROKEN]);
    expect(await found(withFile(replaced(), SEGMENTS[0], flipped(part(0), 8 * 60)))).toStrictEqual([
      `damage checksum-mismatch ${SEGMENTS[0]} at 55 to 110, due 1`,
      BROKEN,
    ]);
    expect(await found(withFile(replaced(), SEGMENTS[1], flipped(part(1), 8 * 50)))).toStrictEqual([
      `damage checksum-mismatch ${SEGMENTS[1]} at 0 to 55, due 3`,
      BROKEN,
    ]);
    expect(await found(without(replaced(), SEGMENTS[0]))).toStrictEqual([
      `damage missing-segment ${SEGMENTS[0]}, due 0`,
      BROKEN,
    ]);
    const exchanged = withFile(replaced(), SEGMENTS[1], other.bytes(3, 6));
    const hash = other.records[5]?.hash ?? text("");
    withFile(exchanged, `${SEGMENTS[1]}.idx`, indexBytes(ENTRIES, SEGMENT_BYTES, hash));
    expect(await found(withFile(exchanged, SEGMENTS[2], part(2)))).toContain(BROKEN);
  });

  test("the last record of one was edited and its checksum mended", async () => {
    const last = LOG.records[2];
    if (last === undefined) throw new Error("There are nine records.");
    const edited = join(LOG.bytes(0, 2), encoded({ ...last, payload: text("EVENT-2") }));
    const files = without(withFile(plain(), SEGMENTS[0], edited), `${SEGMENTS[0]}.idx`);
    expect(await found(files)).toStrictEqual([`damage broken-chain ${SEGMENTS[1]} at 0, due 3`]);
  });

  test("records removed between two", async () => {
    const files = withFile(plain(), SEGMENTS[1], LOG.bytes(4, 6));
    withFile(files, `${SEGMENTS[1]}.idx`, indexBytes([[0], [55]], 110, headOf(1)));
    const { findings } = await audited(diskWith(files));
    expect(findings.map(({ code, records }) => [code, records])).toStrictEqual([
      ["wrong-offset", 1],
      ["wrong-manifest", undefined],
    ]);
  });

  test("the last record of one and the first of the next damaged: two places, and nothing else is accused", async () => {
    const files = withFile(plain(), SEGMENTS[0], flipped(part(0), 8 * 160));
    withFile(files, SEGMENTS[1], flipped(part(1), 8 * 50));
    const report = await audited(diskWith(files));
    expect(linesOf(report)).toStrictEqual([
      `damage checksum-mismatch ${SEGMENTS[0]} at 110 to 165, due 2`,
      `damage checksum-mismatch ${SEGMENTS[1]} at 0 to 55, due 3`,
    ]);
    expect(report).toMatchObject({ records: 7, nextOffset: 9, verifiedFromGenesis: false });
  });

  test("after a segment of which nothing can be read, records go on with the offsets that they say", async () => {
    const files = withFile(plain(), SEGMENTS[1], Buffer.alloc(SEGMENT_BYTES, 7));
    const report = await audited(diskWith(files));
    expect(linesOf(report)).toStrictEqual([`damage incomplete ${SEGMENTS[1]} at 0 to 165, due 3`]);
    expect(report).toMatchObject({ records: 6, nextOffset: 9, head: Buffer.from(headOf(2)).toString("hex") });
  });
});

describe("every single flipped bit of a plain directory", () => {
  test.each([...plain().keys()])("%s: one finding or more, all of that file", async (name) => {
    const bytes = plain().get(name) ?? text("");
    for (let byte = 0; byte < bytes.length; byte += 1) {
      const lines = await found(withFile(plain(), name, flipped(bytes, byte * 8 + (byte % 8))));
      const place = `byte ${byte}: ${lines.join("; ")}`;
      const accused = lines.map((line) => line.split(/[ ,]/)[2]);
      expect(accused, place).toContain(name);
      if (name === "manifest.json") continue;
      expect(new Set(accused), place).toStrictEqual(new Set([name]));
      if (name.endsWith(".log")) expect(lines.length, place).toBe(1);
    }
  });
});

describe("names that somebody made up", () => {
  test("a number far away: named at once, and no loop runs up to it", async () => {
    const name = "segment_999999999999999.log";
    expect(await found(withFile(plain(), name, part(2)))).toStrictEqual([
      `damage missing-index ${name}.idx.wal`,
      "damage missing-segment segment_999999999999998.log, due 9",
      `damage wrong-offset ${name} at 0, due 9`,
      "damage stale-manifest manifest.json",
    ]);
  });

  test("a number with too many digits, leading zeros, other endings: no segments", async () => {
    const odd = [
      "segment_0000003.log",
      "segment_3.log",
      "segment_1234567890123456.log",
      "segment_000003.LOG",
      "SEGMENT_000003.log",
      "segment_000000.log.idx2",
      "segment_000000.log.tmp",
    ];
    const files = plain();
    for (const name of odd) withFile(files, name, part(0));
    expect((await found(files)).sort()).toStrictEqual(
      odd.map((name) => `notice unknown-file ${name}`).sort(),
    );
  });

  test("hundreds of thousands of segments in the manifest, of which none is there", async () => {
    const files = plain();
    withFile(files, "manifest.json", manifestOf(Array.from({ length: 150_000 }, () => SEGMENT_BYTES)));
    expect(await found(files)).toStrictEqual(["damage missing-segment segment_000003.log, due 9"]);
  });
});

test("bytes that were set aside are told, once", async () => {
  const files = plain();
  withFile(files, "quarantine/segment_000002.log.165.0123456789abcdef", text("torn"));
  expect(await found(files)).toStrictEqual(["notice quarantine quarantine"]);
});

describe("what cannot be told", () => {
  const notVerified = async (count: number, head: Uint8Array): Promise<readonly string[]> => {
    const anchors = parseAnchors(anchorText({ origin: "example.com", stream: 1n, count, head }));
    const { streams } = await audit("/data", { disk: diskWith(plain()), anchors });
    return streams.flatMap((stream) => stream.notVerified);
  };

  test("an anchor that does not match is not called none", async () => {
    const sentence = "No anchor matches, so nothing outside the directory confirms these records.";
    expect(await notVerified(20, headOf(2))).toStrictEqual([sentence]);
    expect(await notVerified(9, headOf(1))).toStrictEqual([sentence]);
  });

  test("what follows the newest anchor that matches, be it of one record", async () => {
    expect(await notVerified(9, headOf(2))).toStrictEqual([]);
    expect(await notVerified(1, LOG.records[0]?.hash ?? text(""))).toStrictEqual([
      "Truncation or rewriting after the newest anchor, at 1 record, cannot be detected.",
    ]);
  });

  test("one record that cannot be read is not called records", async () => {
    const files = plain();
    const { notVerified } = await audited(diskWith(files.set(SEGMENTS[0], flipped(part(0), 8 * 100))));
    expect(notVerified[1]).toBe(
      "1 record could not be read, or is missing. Later hashes may fix what was there, but its content is unknown.",
    );
  });
});
