/**
 * Merging where somebody else is there at the same time, or where something is in its way: readers, damage,
 * an abort, streams of Kimberlite's format.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { HookedDisk } from "../e2e/hooked-disk.ts";
import {
  beginPages,
  inStream,
  RECORD_BYTES,
  segmentsIn,
  shownOf,
  tenSegments,
} from "../e2e/small-segments.ts";
import { failureOf, openedStorages, temporaryDirectories } from "../e2e/testing.ts";

const ALL = Number.POSITIVE_INFINITY;
const ONE = { mergeThresholdBytes: 1000 } as const;
const directory = temporaryDirectories();
const open = openedStorages();

describe("a read during which segments are merged", () => {
  /** A disk on which something happens once, before a segment with this number is opened. */
  function opening(number: number): { disk: HookedDisk; before: (work: () => Promise<unknown>) => void } {
    let work: (() => Promise<unknown>) | undefined;
    const disk = new HookedDisk(async (call, name) => {
      if (call !== "open" || !name.endsWith(`segment_00000${number}.log`)) return;
      const once = work;
      work = undefined;
      await once?.();
    });
    return {
      disk,
      before(once) {
        work = once;
      },
    };
  }

  // The record at 6 is found by the checkpoint before it, so that segments are opened to find it, too.
  test.each([3, 4, 5, 6])("gives what it would have given: before segment %i is opened", async (number) => {
    const { disk, before } = opening(number);
    const storage = await tenSegments(open, directory(), { disk, checkpoints: { everyNRecords: 4 } });
    const expected = await storage.readRecords(1n, 6n, ALL, { verify: "checkpoint" });
    before(() => storage.compact(1n, ONE));
    expect(await storage.readRecords(1n, 6n, ALL, { verify: "checkpoint" })).toStrictEqual(expected);
    expect((await storage.status(1n)).segments.length).toBeLessThan(10);
  });

  test("by a storage that only reads: it looks again while it opens the stream", async () => {
    const root = directory();
    const { disk, before } = opening(4);
    const writer = await tenSegments(open, root);
    const expected = await shownOf(writer);
    const reader = await open(root, { readOnly: true, disk });
    let compacted = 0;
    before(async () => {
      await writer.compact(1n, ONE);
      compacted += 1;
    });
    const { findings, lostEnd, segments } = await reader.status(1n);
    expect({ findings, lostEnd, compacted }).toStrictEqual({
      findings: [],
      lostEnd: undefined,
      compacted: 1,
    });
    expect(segments).toHaveLength(2);
    expect(await shownOf(reader)).toStrictEqual(expected);
  });

  test("by a storage that only reads, where the last segment is no longer the last: it looks again", async () => {
    const root = directory();
    const { disk, before } = opening(9);
    const writer = await tenSegments(open, root);
    const reader = await open(root, { readOnly: true, disk });
    before(async () => {
      await writer.appendBatch(1n, [Buffer.from("one more")]);
      await writer.compact(1n, ONE);
    });
    const { findings, lostEnd, nextOffset } = await reader.status(1n);
    expect({ findings, lostEnd, nextOffset }).toStrictEqual({
      findings: [],
      lostEnd: undefined,
      nextOffset: 11n,
    });
    expect(await shownOf(reader)).toStrictEqual(await shownOf(writer));
  });
});

describe("what cannot be read", () => {
  test("is not merged; all other segments are", async () => {
    const root = directory();
    const storage = await tenSegments(open, root);
    await storage.tombstone(1n, 1n, 1n);
    fs.rmSync(inStream(root, "segment_000001.log"));
    const error = await failureOf(() => storage.compact(1n, { mergeThresholdBytes: 3 * RECORD_BYTES }));
    expect(error).toMatchObject({ code: "missing-segment", file: inStream(root, "segment_000001.log") });
    expect(segmentsIn(root)).toStrictEqual([
      "segment_000000.log",
      "segment_000002-000004.log",
      "segment_000005-000007.log",
      "segment_000008-000009.log",
      "segment_000010.log",
    ]);
  });

  test("because the disk fails ends the compaction", async () => {
    const root = directory();
    const before = await tenSegments(open, root);
    await before.close();
    const disk = new HookedDisk((call, name) => {
      if (call === "open" && name.endsWith("segment_000004.log.tmp")) throw new Error("EIO");
    });
    const storage = await open(root, { disk });
    await storage.tombstone(1n, 0n, 9n);
    const error = await failureOf(() => storage.compact(1n, { mergeThresholdBytes: 0 }));
    expect(error).toMatchObject({ code: "io" });
    const kept = segmentsIn(root).filter((name) => fs.readFileSync(inStream(root, name)).includes("payload"));
    expect(kept[0]).toBe("segment_000004.log");
  });
});

test("A compaction that is aborted while it looks at segments changes nothing", async () => {
  const root = directory();
  const written = await tenSegments(open, root);
  await written.tombstone(1n, 0n, 9n);
  await written.close();
  const aborting = new AbortController();
  const looks: string[] = [];
  const disk = new HookedDisk((call, name) => {
    if (call !== "open" || !name.endsWith(".idx")) return;
    looks.push(path.basename(name));
    // Before that when the stream is opened, and twice to find what is hidden; now for what segments come to.
    const times = looks.filter((look) => look === "segment_000002.log.idx").length;
    if (times === 4) aborting.abort(new Error("enough"));
  });
  const storage = await open(root, { disk });
  const before = segmentsIn(root);
  const { signal } = aborting;
  await expect(storage.compact(1n, { ...ONE, signal })).rejects.toThrow("enough");
  expect(segmentsIn(root).slice(0, 9)).toStrictEqual(before.slice(0, 9));
  expect(looks.at(-1)).toBe("segment_000002.log.idx");
});

test("What a compaction did not finish is removed when the stream is opened", async () => {
  const root = directory();
  const storage = await tenSegments(open, root);
  await storage.close();
  for (const name of ["segment_000000-000008.log.tmp", "segment_000004.log.tmp"])
    fs.writeFileSync(inStream(root, name), "a part");
  const again = await open(root);
  expect(await again.status(1n)).toMatchObject({ findings: [], nextOffset: 10n });
  expect(fs.readdirSync(inStream(root)).filter((name) => name.endsWith(".tmp"))).toStrictEqual([]);
});

test("Records of together more than is collected before it is written are merged as they are", async () => {
  const root = directory();
  const storage = await open(root, { maxSegmentBytes: 1 });
  const payloads = [1, 2, 3, 4].map((fill) => Buffer.alloc(600_000, fill));
  for (const payload of payloads) await storage.appendBatch(1n, [payload]);
  await storage.compact(1n, { mergeThresholdBytes: 1 << 24 });
  const read = await storage.readFrom(1n, 0n, ALL, { verify: "genesis" });
  expect(read.map((payload, i) => payloads[i]?.equals(payload))).toStrictEqual([true, true, true, true]);
  expect(segmentsIn(root)).toStrictEqual(["segment_000000-000002.log", "segment_000003.log"]);
});

describe("a file with the name of a merged segment", () => {
  test("that reaches over the end of a page of the manifest is never believed", async () => {
    const root = directory();
    beginPages(root, 4);
    const storage = await tenSegments(open, root);
    const expected = await shownOf(storage);
    await storage.close();
    const parts = [3, 4].map((number) => fs.readFileSync(inStream(root, `segment_00000${number}.log`)));
    fs.writeFileSync(inStream(root, "segment_000003-000004.log"), Buffer.concat(parts));
    fs.rmSync(inStream(root, "segment_000003.log"));
    for (let time = 0; time < 2; time += 1) {
      const again = await open(root);
      const { findings } = await again.status(1n);
      expect(findings.map(({ what, error }) => [what, path.basename(error.file ?? "")])).toStrictEqual([
        ["missing segment", "segment_000003.log"],
      ]);
      expect(await again.readFrom(1n, 4n, ALL, { verify: "record" })).toHaveLength(6);
      await again.close();
    }
    fs.rmSync(inStream(root, "segment_000003-000004.log"));
    fs.writeFileSync(inStream(root, "segment_000003.log"), parts[0] ?? "");
    const again = await open(root);
    expect((await again.status(1n)).findings).toStrictEqual([]);
    expect(await shownOf(again)).toStrictEqual(expected);
  });

  test.each([["segment_000000-000002.log"], ["segment_000000-000009.log"]])(
    "%s is none in a stream of the format sentinel, whatever else is lost",
    async (name) => {
      const other = directory();
      await tenSegments(open, other);
      const plain = fs.readFileSync(inStream(other, "segment_000000.log"));
      for (const lost of [/^$/, /^manifest/, /^manifest|idx/]) {
        const root = directory();
        const storage = await tenSegments(open, root, { format: "sentinel" });
        const expected = await shownOf(storage);
        await storage.close();
        for (const each of fs.readdirSync(inStream(root)).filter((file) => lost.test(file)))
          fs.rmSync(inStream(root, each));
        fs.writeFileSync(inStream(root, name), plain);
        const again = await open(root);
        expect((await again.status(1n)).format).toBe("sentinel");
        expect(await shownOf(again)).toStrictEqual(expected);
        await again.close();
        expect(segmentsIn(root)).toHaveLength(11);
      }
    },
  );
});
