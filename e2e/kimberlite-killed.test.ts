/**
 * Directories of Kimberlite 0.8.0 whose process was killed while it appended (`fixtures/kimberlite-killed/`):
 * the stand-in for its writer leaves the same beside the same records, and the engine shows all that was
 * acknowledged.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readStream } from "../model/reader.ts";
import { Storage } from "../src/index.ts";
import { KimberliteWriter, type StoredAs } from "./kimberlite-writer.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { filesIn } from "./testing.ts";

const DIRECTORY = fileURLToPath(new URL("./fixtures/kimberlite-killed/", import.meta.url));
const names = readdirSync(DIRECTORY).filter((name) => !name.includes("."));

interface Expected {
  readonly acknowledgedRecords: number;
  readonly acknowledgedHead: string;
  readonly synced: number;
}

const CODECS = ["none", "lz4", "zstd"];

describe.each(names)("%s", (name) => {
  const files = filesIn(`${DIRECTORY}${name}/data/1`);
  const expected = JSON.parse(readFileSync(`${DIRECTORY}${name}/expected.json`, "utf8")) as Expected;
  const log = files.get("segment_000000.log") ?? Buffer.alloc(0);
  // Where there are more segments, the batches decide where each ends, and the files do not say what they
  // were.
  const hasOneSegment = !files.has("segment_000001.log");
  const { records } = readStream(files, "sentinel");

  test.runIf(hasOneSegment)("the stand-in leaves the same log, index and write-ahead file", () => {
    const stored = new Map<string, StoredAs>();
    let at = 0;
    for (const { payload } of records) {
      const length = log.readUInt32LE(at + 46);
      const compression = log[at + 45] ?? CODECS.length;
      stored.set(Buffer.from(payload).toString("latin1"), {
        compression,
        bytes: log.subarray(at + 50, at + 50 + length),
      });
      at += 58 + length;
    }
    const writer = new KimberliteWriter(
      2 ** 28,
      (bytes) =>
        stored.get(Buffer.from(bytes).toString("latin1")) ?? expect.fail("It is no payload of this log."),
    );
    // What was acknowledged with a sync was indexed; the append that was under way had come to the log only.
    for (const [i, { payload }] of records.entries()) writer.append([payload], i < expected.synced);
    expect(writer.files.get("segment_000000.log")).toStrictEqual(log.subarray(0, at));
    for (const hint of ["segment_000000.log.idx", "segment_000000.log.idx.wal"])
      expect(writer.files.get(hint)).toStrictEqual(files.get(hint));
  });

  test("the engine shows what was acknowledged, with the head that was acknowledged", async () => {
    const disk = new MemoryDisk("/data", new Map([...files].map(([file, bytes]) => [`1/${file}`, bytes])));
    const storage = await Storage.open("/data", { disk });
    const shown = await storage.readRecords(1n, 0n, Number.POSITIVE_INFINITY, { verify: "genesis" });
    expect(shown.length).toBeGreaterThanOrEqual(expected.acknowledgedRecords);
    const last = records[expected.acknowledgedRecords - 1] ?? expect.fail();
    expect(Buffer.from(last.hash).toString("hex")).toBe(expected.acknowledgedHead);
    await storage.close();
  });
});
