/**
 * Segments that compaction merges, on a file system: which become one, and what a directory is read as in
 * which the old ones are there, too. What a crash leaves is searched by the check.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import {
  beginPages,
  inStream,
  payloadOf,
  RECORD_BYTES,
  segmentsIn,
  shownOf,
  tenSegments,
} from "../e2e/small-segments.ts";
import { openedStorages, temporaryDirectories } from "../e2e/testing.ts";

const ALL = Number.POSITIVE_INFINITY;
const directory = temporaryDirectories();
const open = openedStorages();

/** The findings of the stream as it is opened, after which it is shown. */
async function reopened(root: string): Promise<{ findings: unknown; shown: unknown }> {
  const storage = await open(root);
  const { findings } = await storage.status(1n);
  const now = await shownOf(storage);
  await storage.close();
  return { findings, shown: now };
}

describe("sealed segments that follow each other", () => {
  test.each([
    [{ mergeThresholdBytes: 0 }, "0 1 2 3 4 5 6 7 8 9"],
    [{ mergeThresholdBytes: 2 * RECORD_BYTES - 1 }, "0 1 2 3 4 5 6 7 8 9"],
    [{ mergeThresholdBytes: 2 * RECORD_BYTES }, "0-1 2-3 4-5 6-7 8 9"],
    [{ mergeThresholdBytes: 4 * RECORD_BYTES }, "0-3 4-7 8 9"],
    [{ mergeThresholdBytes: 4 * RECORD_BYTES, minSegments: 4 }, "0-3 4-7 8 9"],
    [{ mergeThresholdBytes: 4 * RECORD_BYTES, minSegments: 5 }, "0 1 2 3 4 5 6 7 8 9"],
    [{ mergeThresholdBytes: 1000 }, "0-8 9"],
    [{}, "0 1 2 3 4 5 6 7 8 9"],
  ])("become one where %o says so, and nothing else changes", async (config, expected) => {
    const root = directory();
    const storage = await tenSegments(open, root);
    const before = await shownOf(storage);
    const { segmentsBefore, segmentsAfter, recordsErased, bytesReclaimed } = await storage.compact(
      1n,
      config,
    );
    const names = segmentsIn(root);
    expect(
      names.map((name) => name.replace(/segment_|\.log/g, "").replaceAll(/0*(\d)/g, "$1")).join(" "),
    ).toBe(expected);
    expect({ segmentsBefore, segmentsAfter, recordsErased, bytesReclaimed }).toStrictEqual({
      segmentsBefore: 10,
      segmentsAfter: names.length,
      recordsErased: 0,
      bytesReclaimed: 0,
    });
    expect(await shownOf(storage)).toStrictEqual(before);
    expect((await storage.status(1n)).segments).toHaveLength(names.length);
    expect(await storage.compact(1n, config)).toMatchObject({ segmentsReplaced: 0 });
    await storage.appendBatch(1n, [payloadOf(10)]);
    const after = await shownOf(storage);
    await storage.close();
    expect(await reopened(root)).toStrictEqual({ findings: [], shown: after });
  });

  test("become as many as there is room for once hidden records are gone", async () => {
    const root = directory();
    const storage = await tenSegments(open, root);
    await storage.tombstone(1n, 1n, 6n);
    const { bytesReclaimed } = await storage.compact(1n, { mergeThresholdBytes: 3 * RECORD_BYTES + 88 });
    expect(segmentsIn(root)[0]).toBe("segment_000000-000008.log");
    const bytes = fs.statSync(inStream(root, "segment_000000-000008.log")).size;
    expect(bytes).toBe(3 * RECORD_BYTES + 88);
    expect(bytesReclaimed).toBe(9 * RECORD_BYTES - bytes);
    const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
    expect(records.map(({ offset, kind }) => `${offset} ${kind}`)).toStrictEqual([
      "0 data",
      "1 redacted",
      "7 data",
      "8 data",
      "9 data",
      "10 tombstone",
    ]);
  });

  test("are merged again with those that came later", async () => {
    const root = directory();
    const storage = await tenSegments(open, root);
    await storage.compact(1n, { mergeThresholdBytes: 4 * RECORD_BYTES });
    const before = await shownOf(storage);
    await storage.compact(1n, { mergeThresholdBytes: 1000 });
    expect(segmentsIn(root)).toStrictEqual(["segment_000000-000008.log", "segment_000009.log"]);
    expect(await shownOf(storage)).toStrictEqual(before);
    const [first] = (JSON.parse(fs.readFileSync(inStream(root, "manifest.json"), "utf8")) as Manifest)
      .segments;
    expect(first).toMatchObject({ segment_num: 0, last_segment_num: 8, first_offset: 0, next_offset: 9 });
  });

  test("of which one is damaged do not become one; all others are erased", async () => {
    const root = directory();
    const storage = await tenSegments(open, root);
    await storage.tombstone(1n, 0n, 9n);
    const file = inStream(root, "segment_000004.log");
    const bytes = fs.readFileSync(file);
    bytes.writeUInt8(0x50, 44);
    fs.writeFileSync(file, bytes);
    await expect(storage.compact(1n, { mergeThresholdBytes: 1000 })).rejects.toThrow("segment_000004.log");
    expect(segmentsIn(root)).toHaveLength(11);
    const kept = segmentsIn(root).filter((name) => fs.readFileSync(inStream(root, name)).includes("payload"));
    expect(kept).toStrictEqual(["segment_000009.log"]);
  });

  test("do not become one across the end of a page of the manifest", async () => {
    const root = directory();
    beginPages(root, 4);
    const storage = await tenSegments(open, root);
    await storage.compact(1n, { mergeThresholdBytes: 1000 });
    expect(segmentsIn(root)).toStrictEqual([
      "segment_000000-000003.log",
      "segment_000004-000007.log",
      "segment_000008.log",
      "segment_000009.log",
    ]);
    const now = await shownOf(storage);
    await storage.close();
    expect(await reopened(root)).toStrictEqual({ findings: [], shown: now });
  });
});

interface Manifest {
  readonly segments: readonly unknown[];
}

describe("a merged segment", () => {
  /** A stream whose first ten segments were merged, and the files that it had before. */
  async function merged(): Promise<{ root: string; now: unknown; before: Map<string, Buffer> }> {
    const root = directory();
    const storage = await tenSegments(open, root);
    const names = fs.readdirSync(inStream(root)).filter((name) => fs.statSync(inStream(root, name)).isFile());
    const before = new Map(names.map((name) => [name, fs.readFileSync(inStream(root, name))]));
    await storage.tombstone(1n, 2n, 3n);
    await storage.compact(1n, { mergeThresholdBytes: 1000 });
    const now = await shownOf(storage);
    await storage.close();
    return { root, now, before };
  }

  const MERGED = "segment_000000-000009.log";

  test.each([
    [["manifest.json"], 1],
    [[`${MERGED}.idx`], 1],
    [["manifest.json", `${MERGED}.idx`], 1],
  ])("needs no %j", async (gone, findings) => {
    const { root, now } = await merged();
    for (const name of gone) fs.rmSync(inStream(root, name));
    expect(await reopened(root)).toMatchObject({ findings: { length: findings }, shown: now });
    expect(await reopened(root)).toStrictEqual({ findings: [], shown: now });
  });

  test("wins over those that it took the place of, which are removed", async () => {
    const { root, now, before } = await merged();
    for (const name of ["segment_000003.log", "segment_000003.log.idx", "segment_000000.log"])
      fs.writeFileSync(inStream(root, name), before.get(name) ?? "");
    fs.writeFileSync(inStream(root, "segment_000004-000005.log"), "something else");
    const reader = await open(root, { readOnly: true });
    expect(await shownOf(reader)).toStrictEqual(now);
    await reader.close();
    expect(segmentsIn(root)).toHaveLength(5);
    expect(await reopened(root)).toStrictEqual({ findings: [], shown: now });
    expect(segmentsIn(root)).toStrictEqual([MERGED, "segment_000010.log"]);
    expect(fs.readdirSync(inStream(root))).not.toContain("segment_000003.log.idx");
  });

  test("wins over what an older manifest says", async () => {
    const { root, now, before } = await merged();
    fs.writeFileSync(inStream(root, "manifest.json"), before.get("manifest.json") ?? "");
    expect(await reopened(root)).toMatchObject({ findings: [{ what: "damaged hint" }], shown: now });
    expect(await reopened(root)).toStrictEqual({ findings: [], shown: now });
  });

  test("that is damaged takes nothing with it: what it took the place of stays", async () => {
    const { root, before } = await merged();
    fs.writeFileSync(inStream(root, "segment_000003.log"), before.get("segment_000003.log") ?? "");
    fs.truncateSync(inStream(root, MERGED), 100);
    const storage = await open(root);
    expect((await storage.status(1n)).findings).not.toHaveLength(0);
    expect(segmentsIn(root)).toContain("segment_000003.log");
  });

  test("that is missing is told as one", async () => {
    const { root } = await merged();
    fs.rmSync(inStream(root, MERGED));
    const storage = await open(root);
    const { findings, nextOffset } = await storage.status(1n);
    expect(findings.map(({ what, error }) => [what, path.basename(error.file ?? "")])).toStrictEqual([
      ["missing segment", MERGED],
    ]);
    expect(nextOffset).toBe(11n);
    await expect(storage.readFrom(1n, 9n, ALL)).rejects.toThrow("A segment is missing.");
    expect(await storage.readRecords(1n, 10n, ALL, { verify: "record" })).toHaveLength(1);
  });

  test("is never the last one: where no manifest names another, the end is lost", async () => {
    const { root } = await merged();
    for (const name of fs.readdirSync(inStream(root)))
      if (name !== MERGED) fs.rmSync(inStream(root, name), { recursive: true });
    const storage = await open(root);
    const { lostEnd } = await storage.status(1n);
    expect(lostEnd).toMatchObject({ code: "missing-segment" });
    expect(path.basename(lostEnd?.file ?? "")).toBe("segment_000010.log");
    await expect(storage.appendBatch(1n, [payloadOf(11)])).rejects.toThrow("merged");
    expect(await storage.readFrom(1n, 5n, ALL, { limit: 2 })).toStrictEqual([payloadOf(5), payloadOf(6)]);
  });
});

describe("a file with the name of a merged segment that compaction did not make", () => {
  /** A stream of ten segments that is at rest, and what it shows. */
  async function settled(): Promise<{ root: string; now: unknown }> {
    const root = directory();
    const storage = await tenSegments(open, root);
    const now = await shownOf(storage);
    await storage.close();
    return { root, now };
  }

  test.each([
    ["segment_000003-000005.log", ""],
    ["segment_000000-000008.log", "not a segment"],
    ["segment_000000-000002.log", "first"],
    ["segment_000009-000900.log", ""],
    ["segment_000003-000900.log", "first"],
  ])("%s takes no other's place: %j", async (name, content) => {
    const { root, now } = await settled();
    const first = fs.readFileSync(inStream(root, "segment_000000.log"));
    fs.writeFileSync(inStream(root, name), content === "first" ? first : content);
    expect(await reopened(root)).toStrictEqual({ findings: [], shown: now });
    fs.rmSync(inStream(root, "manifest.json"));
    expect((await reopened(root)).shown).toStrictEqual(now);
    fs.rmSync(inStream(root, name));
    expect(await reopened(root)).toStrictEqual({ findings: [], shown: now });
    const storage = await open(root);
    expect((await storage.appendBatch(1n, [payloadOf(10)])).firstOffset).toBe(10n);
  });

  test("that is announced, but ends early, takes no other's place, either", async () => {
    const { root, now } = await settled();
    const manifest = JSON.parse(fs.readFileSync(inStream(root, "manifest.json"), "utf8")) as object;
    fs.writeFileSync(inStream(root, "manifest.json"), JSON.stringify({ ...manifest, replacing: 3 }));
    const name = inStream(root, "segment_000003-000005.log");
    const parts = [3, 4, 5].map((number) => fs.readFileSync(inStream(root, `segment_00000${number}.log`)));
    for (const whole of [0, 1, 2]) {
      fs.writeFileSync(name, Buffer.concat(parts.slice(0, whole)));
      const storage = await open(root);
      expect(await shownOf(storage)).toStrictEqual(now);
      await storage.close();
      expect(segmentsIn(root)).toHaveLength(11);
      fs.writeFileSync(inStream(root, "manifest.json"), JSON.stringify({ ...manifest, replacing: 3 }));
    }
    fs.writeFileSync(name, Buffer.concat(parts));
    expect((await reopened(root)).shown).toStrictEqual(now);
    expect(segmentsIn(root)).toHaveLength(8);
  });
});
