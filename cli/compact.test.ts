/**
 * `kmb compact` as it is called, and what the other commands that look at a directory say of a compacted one.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { kmb } from "../e2e/kmb.ts";
import { inStream, threeASegment } from "../e2e/small-segments.ts";
import { filesIn, flipped, temporaryDirectories } from "../e2e/testing.ts";
import { Storage } from "../src/index.ts";

const FIXTURES = fileURLToPath(new URL("../e2e/fixtures/kimberlite/", import.meta.url));
const directory = temporaryDirectories();

/** Stream 1 with two records a segment, of which 1 to 3 are hidden; stream 2 without hidden records. */
async function hidden(): Promise<string> {
  const data = path.join(directory(), "data");
  const storage = await Storage.open(data, { maxSegmentBytes: 120 });
  for (let i = 0; i < 6; i += 1) await storage.appendBatch(1n, [Buffer.from(`event-${i}`)]);
  await storage.tombstone(1n, 1n, 3n);
  await storage.appendBatch(2n, [Buffer.from("kept")]);
  await storage.close();
  return data;
}

const setAside = (data: string): void => {
  fs.mkdirSync(path.join(data, "1/quarantine"));
  fs.writeFileSync(path.join(data, "1/quarantine/segment_000000.log.0.0123456789abcdef"), "event-1");
};

const holds = (data: string, content: string): string[] =>
  [...filesIn(data)].filter(([, bytes]) => bytes.includes(content)).map(([name]) => name);

describe("kmb compact", () => {
  test("--plan changes nothing and says what is then done; what is erased is nowhere any more", async () => {
    const data = await hidden();
    const before = filesIn(data);
    const plan = kmb("compact", data, "--plan");
    expect(plan).toMatchObject({ status: 0, err: "" });
    expect(plan.out).toBe(
      [
        "stream 1",
        "  would erase 3 records in 2 segments",
        "  segment     segment_000000.log: 1 record",
        "  segment     segment_000001.log: 2 records",
        "stream 2",
        "  would erase nothing",
        "Nothing was changed. Without --plan it is done. Then segments that follow each other become one, too, up to 268,435,456 bytes.",
        "",
      ].join("\n"),
    );
    expect(filesIn(data)).toStrictEqual(before);
    expect(holds(data, "event-2")).toStrictEqual(["1/segment_000001.log"]);

    const json = path.join(directory(), "compact.json");
    const done = kmb("compact", data, "--json", json);
    expect(done).toMatchObject({ status: 0, err: "" });
    expect(done.out).toContain("stream 1\n  erased      3 records, which 1 tombstone named\n");
    expect(done.out).toContain("  segments    3 of 4 were replaced; there are 2 now\n");
    expect(done.out).toContain("stream 2\n  erased      nothing\n");
    const erased = { recordsErased: 3, segmentsReplaced: 3, quarantinePurged: [] };
    expect(JSON.parse(fs.readFileSync(json, "utf8"))).toMatchObject({
      schema: "kimberlite-storage/compact@1",
      plan: false,
      streams: [{ stream: "1", format: "plain", result: erased }, { stream: "2" }],
    });
    for (const i of [1, 2, 3]) expect(holds(data, `event-${i}`)).toStrictEqual([]);
    expect(kmb("compact", data, "--plan").out).toContain("stream 1\n  would erase nothing\n");
  });

  test("--stream compacts one stream", async () => {
    const data = await hidden();
    const { status, out } = kmb("compact", data, "--stream", "2");
    expect({ status, names: out.match(/^stream .*$/gm) }).toStrictEqual({ status: 0, names: ["stream 2"] });
    expect(holds(data, "event-1")).toHaveLength(1);
  });

  test("--purge-quarantine removes what recovery set aside, and names it; otherwise it stays", async () => {
    const data = await hidden();
    setAside(data);
    const name = "quarantine/segment_000000.log.0.0123456789abcdef";
    const plan = kmb("compact", data, "--plan", "--purge-quarantine");
    expect(plan.out).toContain(`  would purge ${name}\n`);
    expect(kmb("compact", data).out).not.toContain("quarantine");
    expect(holds(data, "event-1")).toStrictEqual([`1/${name}`]);
    expect(kmb("compact", data, "--purge-quarantine").out).toContain(`  purged      ${name}\n`);
    expect(holds(data, "event-1")).toStrictEqual([]);
  });

  test("--compress makes segments smaller in which nothing is hidden", async () => {
    const data = path.join(directory(), "data");
    const storage = await Storage.open(data, { maxSegmentBytes: 1500 });
    for (let i = 0; i < 4; i += 1) await storage.appendBatch(1n, [Buffer.alloc(1000, 97)]);
    await storage.close();
    const plan = kmb("compact", data, "--plan", "--compress", "zstd").out;
    expect(plan).toContain("replaced where zstd makes it smaller");
    const { status, out } = kmb("compact", data, "--compress", "zstd");
    expect(status).toBe(0);
    expect(out).toContain("  segments    3 of 4 were replaced; there are 2 now\n");
    expect(Number(/bytes +([\d,]+) fewer/.exec(out)?.[1]?.replace(",", ""))).toBeGreaterThan(2500);
    expect(kmb("audit", data).out).toMatch(/^clean$/m);
    expect(kmb("compact", data, "--compress", "gzip").status).toBe(2);
  });

  test.each([
    [
      ["--merge-up-to", "0"],
      ["segment_000000.log", "segment_000001.log", "segment_000002.log"],
    ],
    [
      ["--min-segments", "4"],
      ["segment_000000.log", "segment_000001.log", "segment_000002.log"],
    ],
    [["--min-segments", "3"], ["segment_000000-000002.log"]],
    [[], ["segment_000000-000002.log"]],
  ])("%j merges segments as it says", async (options, merged) => {
    const data = await hidden();
    expect(kmb("compact", data, ...options).status).toBe(0);
    const names = fs.readdirSync(path.join(data, "1")).filter((name) => name.endsWith(".log"));
    expect(names.sort()).toStrictEqual([...merged, "segment_000003.log"]);
    expect(kmb("audit", data).out).toMatch(/^clean$/m);
    const plan = kmb("compact", data, "--plan", ...options).out;
    expect(plan.includes("become one")).toBe(options[1] !== "0");
    expect(kmb("compact", data, "--merge-up-to", "-1").status).toBe(2);
  });

  test("leaves streams of Kimberlite's format alone, and refuses one that is named", () => {
    const data = path.join(directory(), "data");
    fs.cpSync(path.join(FIXTURES, "b_rotation/data"), data, { recursive: true });
    const before = filesIn(data);
    for (const args of [[], ["--plan"]]) {
      const { status, out, err } = kmb("compact", data, ...args);
      expect({ status, err }).toStrictEqual({ status: 0, err: "" });
      expect(out).toContain(
        "  left alone  Its format, sentinel, is Kimberlite's and has no redacted records",
      );
    }
    const { status, out, err } = kmb("compact", data, "--stream", "1");
    expect({ status, out }).toStrictEqual({ status: 2, out: "" });
    expect(err).toContain("error: Stream 1 is left alone.");
    before.delete("LOCK");
    const after = filesIn(data);
    after.delete("LOCK");
    expect(after).toStrictEqual(before);
  });

  test("damage in a segment to be replaced: status 1, named with its place, and other streams are done", async () => {
    const data = await hidden();
    const storage = await Storage.open(data);
    await storage.tombstone(2n, 0n, 1n);
    await storage.close();
    const file = path.join(data, "1/segment_000001.log");
    // In the second record: the first is asked for the hash of the segment before.
    fs.writeFileSync(file, flipped(fs.readFileSync(file), 8 * (55 + 46)));
    for (const args of [["--plan"], []]) {
      const { status, out } = kmb("compact", data, ...args);
      expect(status).toBe(1);
      expect(out).toMatch(/^ {2}damage {6}checksum-mismatch: .*segment_000001\.log, byte 55/m);
      expect(out).toMatch(/^stream 2\n {2}(erased|would erase) +1 record/m);
    }
    expect(holds(data, "event-1")).toStrictEqual([]);
    expect(holds(data, "kept")).toStrictEqual([]);
  });

  test("a wrong path and a directory in use are refused, and nothing is made", async () => {
    const data = path.join(directory(), "nothing");
    expect(kmb("compact", data)).toMatchObject({ status: 2, out: "" });
    expect(fs.existsSync(data)).toBe(false);
    const empty = directory();
    expect(kmb("compact", empty).status).toBe(2);
    expect(kmb("compact", empty, "--allow-empty")).toMatchObject({
      status: 0,
      out: "There are no streams in this directory.\n",
    });
    const used = await hidden();
    const storage = await Storage.open(used);
    try {
      expect(kmb("compact", used)).toMatchObject({ status: 2, out: "" });
      expect(kmb("compact", used, "--plan").status).toBe(0);
    } finally {
      await storage.close();
    }
  });
});

describe("a compacted directory", () => {
  test("is clean, matches anchors from before, needs no repair, and its report counts what is erased", async () => {
    const data = await hidden();
    const anchors = path.join(directory(), "anchors.txt");
    fs.writeFileSync(anchors, kmb("anchor", data).out);
    kmb("compact", data, "--merge-up-to", "0");
    const json = path.join(directory(), "audit.json");
    const { status, out } = kmb("audit", data, "--anchor", anchors, "--json", json);
    expect(status).toBe(0);
    expect(out).toContain(
      "  records   6 (3 data, 1 tombstone, 2 redacted); redacted ones stand for 3 erased records, next offset 7\n",
    );
    expect(out).toContain("  unknown   3 records are erased: the content is gone");
    expect(out.match(/: matches, not signed/g)).toHaveLength(2);
    const { streams } = JSON.parse(fs.readFileSync(json, "utf8")) as { streams: unknown[] };
    expect(streams).toMatchObject([{ erased: 3, kinds: { redacted: 2 } }, { erased: 0 }]);
    const before = filesIn(data);
    const plan = kmb("repair", data, "--plan");
    expect(plan).toMatchObject({ status: 0 });
    expect(plan.out).toContain("stream 1\n  nothing to repair\n  goes on     at offset 7\n");
    expect(filesIn(data)).toStrictEqual(before);
  });

  test("whose end is lost is cut and goes on, without its manifest and in a redacted segment, too", async () => {
    for (const lost of [[], ["manifest.json"]]) {
      const data = await hidden();
      kmb("compact", data, "--merge-up-to", "0");
      // The last two segments are gone; what is left ends with a redacted record.
      for (const name of [...filesIn(data).keys()].filter((file) => /^1\/segment_00000[23]/.test(file)))
        fs.rmSync(path.join(data, name));
      for (const name of lost) fs.rmSync(path.join(data, "1", name));
      const { out } = kmb("repair", data, "--apply", "--stream", "1");
      expect(out).toMatch(/goes on +at offset 4$/m);
      // The tombstone is gone with the rest: nothing but that is said of what is left.
      const audited = kmb("audit", data, "--stream", "1").out;
      expect(audited.match(/^ {2}damage .*: (\S+)$/gm)?.map((line) => line.split(": ").at(-1))).toStrictEqual(
        ["unnamed-erasure", "unnamed-erasure"],
      );
    }
  });
});

describe("a directory with a merged segment", () => {
  const MERGED = "segment_000000-000002.log";

  /** Where all but the last segment is one. */
  async function merged(): Promise<string> {
    const data = await hidden();
    kmb("compact", data);
    return data;
  }

  const segmentsIn = (data: string): string[] =>
    [...filesIn(data).keys()].filter((name) => /^1\/segment.*log$/.test(name)).sort();

  test("is clean also beside what it was merged from, and dumped as one", async () => {
    const data = await merged();
    fs.writeFileSync(path.join(data, "1/segment_000001.log"), "what a crash kept from being removed");
    const { status, out } = kmb("audit", data, "--stream", "1");
    expect(status).toBe(0);
    expect(out).toMatch(/^ {2}notice .*segment_000001\.log: merged-segment$/m);
    expect(kmb("dump", data, "--stream", "1").out.trim().split("\n")).toHaveLength(5);
    expect(kmb("compact", data, "--plan").status).toBe(0);
    await (await Storage.open(data)).close();
    kmb("compact", data);
    expect(segmentsIn(data)).toStrictEqual([`1/${MERGED}`, "1/segment_000003.log"]);
  });

  test("tells which one is missing, and its numbers", async () => {
    const data = await merged();
    fs.rmSync(path.join(data, "1", MERGED));
    const { status, out } = kmb("audit", data, "--stream", "1");
    expect(status).toBe(1);
    expect(out).toMatch(
      new RegExp(`^ {2}damage .*${MERGED}, offset 0, 6 records not readable: missing-segment$`, "m"),
    );
    expect(kmb("dump", data, "--stream", "1").out).toContain(MERGED);
  });

  test.each([[[]], [["manifest.json"]]])(
    "whose end is lost is cut behind it, and goes on in a new one, without %j",
    async (lost) => {
      const data = await merged();
      for (const name of [
        "segment_000003.log",
        "segment_000003.log.idx",
        "segment_000003.log.idx.wal",
        ...lost,
      ])
        fs.rmSync(path.join(data, "1", name), { force: true });
      const { out } = kmb("repair", data, "--apply", "--stream", "1");
      expect(out).toMatch(/goes on +at offset 6$/m);
      expect(out).toContain(` of ${MERGED}; the rest is in quarantine`);
      expect(segmentsIn(data)).toStrictEqual([`1/${MERGED}`, "1/segment_000003.log"]);
      const storage = await Storage.open(data);
      expect((await storage.appendBatch(1n, [Buffer.from("goes on")])).firstOffset).toBe(6n);
      await storage.close();
      expect(kmb("dump", data, "--stream", "1", "--record", "6").status).toBe(0);
    },
  );
});

describe("a directory with several merged segments", () => {
  test("of which one cannot be compacted does not keep the next stream from it", async () => {
    const data = directory();
    const storage = await threeASegment((root, options) => Storage.open(root, options), data);
    await storage.appendBatch(2n, [Buffer.from("to be erased"), Buffer.from("kept")]);
    for (const stream of [1n, 2n]) await storage.tombstone(stream, 0n, 1n);
    await storage.close();
    fs.rmSync(inStream(data, "segment_000000-000002.log"));
    const { status, out } = kmb("compact", data);
    expect(status).toBe(1);
    expect(out).toMatch(/^stream 1\n {2}damage +missing-segment: /m);
    expect(out).toContain("stream 2\n  erased      1 record, which 1 tombstone named\n");
    expect(holds(data, "to be erased")).toStrictEqual([]);
  });
});

describe("kmb dump", () => {
  test("shows what a redacted record stands for, and finds it at each of those offsets", async () => {
    const data = await hidden();
    kmb("compact", data, "--merge-up-to", "0");
    const lines = kmb("dump", data, "--stream", "1").out.trim().split("\n");
    const records = lines.map(
      (line) => JSON.parse(line) as { offset: number; kind: string; standsFor?: number },
    );
    expect(records.map(({ offset, kind, standsFor }) => [offset, kind, standsFor])).toStrictEqual([
      [0, "data", undefined],
      [1, "redacted", 1],
      [2, "redacted", 2],
      [4, "data", undefined],
      [5, "data", undefined],
      [6, "tombstone", undefined],
    ]);
    expect(kmb("dump", data, "--stream", "1", "--from", "3", "--limit", "1").out.trim()).toBe(lines[2]);
    const table = kmb("dump", data, "--stream", "1", "--table").out;
    expect(table).toContain("stands for 1 erased record, offset 1\n");
    expect(table).toContain("stands for 2 erased records, offsets 2 to 3\n");
    for (const offset of ["2", "3"]) {
      const { status, out } = kmb("dump", data, "--stream", "1", "--record", offset);
      expect(status).toBe(0);
      expect(out).toContain("record at offset 2:");
      expect(out).toContain("stands for  2 erased records, offsets 2 to 3\n");
      expect(out).toMatch(
        /^ +76 +count +02 00 00 00 00 00 00 00 +stands for 2 erased; the next offset is 4$/m,
      );
    }
  });

  test("--hidden marks what is hidden and still there", async () => {
    const data = await hidden();
    const table = kmb("dump", data, "--stream", "1", "--table", "--hidden").out;
    expect(table.match(/^ +\d+ +\w+/gm)?.map((row) => row.trim().replace(/ +/, " "))).toStrictEqual([
      "0 data",
      "1 hidden",
      "2 hidden",
      "3 hidden",
      "4 data",
      "5 data",
      "6 tombstone",
    ]);
    const lines = kmb("dump", data, "--stream", "1", "--hidden").out.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { hidden?: boolean }).hidden === true)).toStrictEqual([
      false,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(kmb("dump", data, "--stream", "1", "--record", "2", "--hidden").out).toContain(
      "hidden      a tombstone names it; it is not erased\n",
    );
    expect(kmb("dump", data, "--stream", "1", "--table").out).not.toContain("hidden");
  });
});
