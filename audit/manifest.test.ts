/**
 * What a manifest says of segments, and what index files say of those that it does not name: each segment of
 * which it says something else is told, and what Kimberlite leaves is told from what it never leaves.
 */
import { describe, expect, test } from "vitest";
import { text } from "../e2e/by-hand.ts";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { kimberliteIndex, KimberliteWriter, sentinelBytes } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { pagedStream, pageFile } from "../e2e/paged-stream.ts";
import { audit } from "./audit.ts";
import type { StreamReport } from "./report.ts";
import { audited, linesOf } from "./testing.ts";

type Files = Map<string, Uint8Array>;

const diskOf = (files: Files): MemoryDisk =>
  new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
const reportOn = (files: Files): Promise<StreamReport> => audited(diskOf(files));
const found = async (files: Files): Promise<string[]> => linesOf(await reportOn(files));

/** A row of a manifest: first offset, next offset, bytes. */
type Row = readonly [first: number, next: number, bytes: number];

const manifestOf = (rows: readonly Row[], format?: string): Uint8Array => {
  const segments = rows.map(([first, next, bytes], number) => ({
    segment_num: number,
    first_offset: first,
    next_offset: next,
    size_bytes: bytes,
  }));
  return text(JSON.stringify({ segments, active_segment: rows.length - 1, format }, undefined, 2));
};

/** Records of 58 + 7 bytes as Kimberlite leaves them, three a segment. */
const kimberlites = (records: number): Files => {
  const writer = new KimberliteWriter(190);
  for (let i = 0; i < records; i += 1) writer.append([text(`event-${i}`)], true);
  return new Map(writer.files);
};

describe.each(["plain", "sentinel"] as const)("format %s", (format) => {
  const hand = new HandDirectory(format);

  test("every segment that it does not name", async () => {
    const report = await reportOn(hand.files().set("manifest.json", hand.manifest(1)));
    expect(linesOf(report)).toStrictEqual([
      "damage stale-manifest manifest.json",
      "damage stale-manifest manifest.json",
    ]);
    expect(report.findings.map(({ sentence }) => sentence)).toStrictEqual(
      [1, 2].map((segment) => `The manifest does not name ${hand.name(segment)}.`),
    );
  });

  test("a sealed segment that is empty to it, and the next, which begins elsewhere", async () => {
    const end = hand.place(4).end;
    const manifest = manifestOf(
      [
        [0, 5, end],
        [5, 5, 0],
        [5, 5, 0],
      ],
      format,
    );
    const report = await reportOn(hand.files().set("manifest.json", manifest));
    expect(linesOf(report)).toStrictEqual([
      "damage wrong-manifest manifest.json",
      "damage wrong-manifest manifest.json",
    ]);
    const { end: size } = hand.place(8);
    expect(report.findings[0]?.sentence).toBe(
      `The manifest gives ${hand.name(1)} offsets 5 to 5 and 0 bytes; it has offsets 5 to 9 and ${size} bytes.`,
    );
  });

  test("in whatever order the disk lists names, the same is found", async () => {
    const files = hand.files().set("manifest.json", hand.manifest(1));
    files.delete(hand.name(1));
    const reversed: Files = new Map([...files].reverse());
    const expected = [`damage missing-segment ${hand.name(1)}, due 5`, "damage stale-manifest manifest.json"];
    expect(await found(files)).toStrictEqual(expected);
    expect(await found(reversed)).toStrictEqual(expected);
  });
});

describe("pages", () => {
  const SEGMENTS = { segments: 8, pageSegments: 2 };

  test("what is wrong in one is told beside one that is missing", async () => {
    const { files } = pagedStream(SEGMENTS);
    const wrong = String(files.get(pageFile(2))).replace("49", "48");
    files.set(pageFile(2), Buffer.from(wrong)).delete(pageFile(0));
    expect(await found(files)).toStrictEqual([
      `damage damaged-manifest ${pageFile(0)}`,
      `damage wrong-manifest ${pageFile(2)}`,
    ]);
  });

  test("that are spare are told in the order of their numbers", async () => {
    const { files } = pagedStream(SEGMENTS);
    files.set(pageFile(10), Buffer.from("spare")).set(pageFile(4), Buffer.from("spare"));
    expect(await found(files)).toStrictEqual([
      `notice stale-manifest ${pageFile(4)}`,
      `notice stale-manifest ${pageFile(10)}`,
    ]);
  });
});

describe("Kimberlite's", () => {
  test.each([
    [2, "notice"],
    [7, "damage"],
  ])("missing beside %i records, three a segment: a %s", async (records, severity) => {
    const files = kimberlites(records);
    files.delete("manifest.json");
    expect(await found(files)).toStrictEqual([`${severity} damaged-manifest manifest.json`]);
  });

  test.each([7, 9])(
    "of %i records, killed while it was written: its beginning is what a crash leaves, other bytes are not",
    async (records) => {
      const whole = Buffer.from(kimberlites(records).get("manifest.json") ?? []);
      for (const bytes of [0, 1, 40, whole.length - 1]) {
        const report = await reportOn(kimberlites(records).set("manifest.json", whole.subarray(0, bytes)));
        expect(linesOf(report)).toStrictEqual(["notice damaged-manifest manifest.json"]);
        expect(report.findings[0]?.sentence).toContain(`its ${bytes} bytes are correct`);
      }
      const other = Buffer.from(whole.subarray(0, -1));
      other[other.length - 1] = 0x20;
      expect(await found(kimberlites(records).set("manifest.json", other))).toStrictEqual([
        "damage damaged-manifest manifest.json",
      ]);
    },
  );

  test("one that is complete and contradicts itself as the segments do was not being written", async () => {
    const writer = new KimberliteWriter(190);
    for (let i = 0; i < 5; i += 1) writer.append([text(`event-${i}`)], true);
    const [last] = writer.records.slice(4);
    if (last === undefined) throw new Error("There are five records.");
    const files: Files = new Map([
      ["segment_000000.log", writer.files.get("segment_000000.log") ?? text("")],
      ["segment_000001.log", sentinelBytes(last)],
      [
        "manifest.json",
        manifestOf([
          [0, 3, 195],
          [4, 5, 65],
        ]),
      ],
    ]);
    expect(await found(files)).toStrictEqual([
      "damage wrong-offset segment_000001.log at 0, due 3",
      "damage damaged-manifest manifest.json",
    ]);
  });

  test("lags behind its last segment, never behind a sealed one, also where an anchor counts as much", async () => {
    const writer = new KimberliteWriter(190);
    for (let i = 0; i < 9; i += 1) writer.append([text(`event-${i}`)], true);
    const rows: Row[] = [
      [0, 2, 130],
      [2, 6, 195],
      [6, 9, 195],
      [9, 9, 0],
    ];
    const files: Files = new Map(writer.files).set("manifest.json", Buffer.from(manifestOf(rows)));
    const head = writer.records[1]?.hash ?? text("");
    const anchor = { origin: "a", stream: 1n, count: 2, head, line: 1, text: "", signatures: [] };
    const { streams } = await audit("/data", { disk: diskOf(files), anchors: [anchor] });
    expect(streams.flatMap(linesOf)).toStrictEqual([
      "damage wrong-manifest manifest.json",
      "damage wrong-manifest manifest.json",
    ]);
  });
});

describe("segments that only index files tell of", () => {
  test("an index of Kimberlite's that names nothing tells of none, and one that names a record does", async () => {
    const name = "segment_000003.log";
    const without = kimberlites(8).set(`${name}.idx`, kimberliteIndex([]));
    expect(await found(without)).toStrictEqual([]);
    const report = await reportOn(kimberlites(8).set(`${name}.idx`, kimberliteIndex([0])));
    expect(linesOf(report)).toStrictEqual([`damage missing-segment ${name}, due 8`]);
    expect(report.findings[0]?.records).toBe(1);
  });

  test("of this package's index and Kimberlite's the one that names more says how many there were", async () => {
    const hand = new HandDirectory("sentinel");
    for (const positions of [[0, 66], [0, 66, 132, 198, 264].slice(0, 5)]) {
      const files = hand.files().set(`${hand.name(2)}.idx`, kimberliteIndex(positions));
      files.delete(hand.name(2));
      const { findings } = await reportOn(files);
      expect(findings).toMatchObject([{ code: "missing-segment", records: Math.max(4, positions.length) }]);
    }
  });

  test("a stream whose manifest is this package's is to have its index, also if no file of it is left", async () => {
    const hand = new HandDirectory("sentinel");
    const files = hand.files();
    for (const name of files.keys()) if (name.includes(".idx2")) files.delete(name);
    expect(await found(files)).toStrictEqual([`damage missing-index ${hand.name(2, "frames")}`]);
  });
});
