/**
 * What a crash leaves and nothing is lost by is a notice: the audit ends as clean. The same beside something
 * that shows a loss is damage.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { text } from "../e2e/by-hand.ts";
import { DyingDisk, isDeath } from "../e2e/dying-disk.ts";
import { kimberliteIndex, KimberliteWriter } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { filesIn } from "../e2e/testing.ts";
import { type Format, Storage } from "../src/index.ts";
import { audit } from "./audit.ts";
import type { StreamReport } from "./report.ts";
import { audited, linesOf } from "./testing.ts";

/** Every place in every file: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

type Files = ReadonlyMap<string, Buffer>;

const inStream = (files: Files): Map<string, Buffer> =>
  new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes]));

const reportOn = (files: Files): Promise<StreamReport> => audited(new MemoryDisk("/data", inStream(files)));

const damageIn = (report: StreamReport): string[] =>
  linesOf(report).filter((line) => line.startsWith("damage"));

const KILLED = fileURLToPath(new URL("../e2e/fixtures/kimberlite-killed/", import.meta.url));

test.each(["clean-1", "torn-manifest-1", "damaged-index-1"])(
  "%s, which SIGKILL left: everything acknowledged is read, and nothing is damaged",
  async (name) => {
    const { acknowledgedRecords: count, acknowledgedHead: head } = JSON.parse(
      fs.readFileSync(path.join(KILLED, name, "expected.json"), "utf8"),
    ) as { acknowledgedRecords: number; acknowledgedHead: string };
    const anchor = {
      origin: "example.com",
      stream: 1n,
      count,
      head: Buffer.from(head, "hex"),
      line: 1,
      text: "",
      signatures: [],
    };
    const disk = new MemoryDisk("/data", filesIn(path.join(KILLED, name, "data")));
    const report = await audit("/data", { disk, anchors: [anchor] });
    expect(report.streams[0]?.anchors).toMatchObject([{ verdict: "matches" }]);
    expect(report.streams.flatMap(damageIn)).toStrictEqual([]);
    expect(report.clean).toBe(true);
  },
);

/**
 * Every state that a kill leaves between two states of Kimberlite's files, in the order in which it writes
 * them.
 */
function* killsBetween(before: Files, after: Files): Generator<[string, Map<string, Buffer>]> {
  const order = [/\.log$/, /\.idx\.wal$/, /\.idx$/, /^manifest\.json$/];
  const files = new Map(before);
  for (const kind of order) {
    for (const [name, bytes] of after) {
      const old = files.get(name);
      if (!kind.test(name) || old?.equals(bytes) === true) continue;
      // Logs are appended to; the others are written over what was there.
      const from = /\.(log|wal)$/.test(name) ? (old?.length ?? 0) : 0;
      for (let size = from; size < bytes.length; size += 1) {
        yield [`${name} has ${size} of ${bytes.length} bytes`, files.set(name, bytes.subarray(0, size))];
      }
      files.set(name, bytes);
    }
  }
}

describe("Kimberlite, killed anywhere", () => {
  test.each([true, false])(
    "fsync %s: every record before the append is read, and nothing is damaged",
    async (fsync) => {
      const writer = new KimberliteWriter(3 * 65);
      let states = 0;
      for (let i = 0; i < 7; i += 1) {
        const [before, records] = [new Map(writer.files), writer.records.length];
        writer.append(i === 4 ? [text(`event-${i}`), text("another")] : [text(`event-${i}`)], fsync);
        for (const [state, files] of killsBetween(before, writer.files)) {
          const report = await reportOn(files);
          expect({ state, damage: damageIn(report) }).toStrictEqual({ state, damage: [] });
          expect(report.nextOffset, state).toBeGreaterThanOrEqual(records);
          expect(report.verifiedFromGenesis, state).toBe(true);
          states += 1;
        }
      }
      expect(states).toBeGreaterThan(1000);
    },
  );
});

describe.each<Format>(["plain", "sentinel"])("this package, format %s, killed after any change", (format) => {
  test("every acknowledged record is read, and nothing is damaged", async () => {
    const size = format === "plain" ? 55 : 65;
    for (let changes = 0; ; changes += 1) {
      const disk = new MemoryDisk("/data", new Map());
      let acknowledged = 0;
      let died = false;
      try {
        const storage = await Storage.open("/data", {
          disk: new DyingDisk(disk, changes),
          format,
          maxSegmentBytes: 3 * size,
          checkpoints: { everyNRecords: 4 },
        });
        for (let i = 0; i < 8; i += 1) {
          const { nextOffset } = await storage.appendBatch(1n, [text(`event-${i}`)], { fsync: i % 3 > 0 });
          acknowledged = Number(nextOffset);
        }
        await storage.close();
      } catch (error) {
        if (!isDeath(error)) throw error;
        died = true;
      }
      const { clean, streams } = await audit("/data", { disk, allowEmpty: true });
      expect({ changes, damage: streams.flatMap(damageIn), clean }).toStrictEqual({
        changes,
        damage: [],
        clean: true,
      });
      expect(streams[0]?.nextOffset ?? 0, `after ${changes} changes`).toBeGreaterThanOrEqual(acknowledged);
      if (!died) break;
      expect(changes).toBeLessThan(1000);
    }
  });
});

describe("the same where it hides a loss is damage", () => {
  const writer = new KimberliteWriter(3 * 65);
  for (let i = 0; i < 5; i += 1) writer.append([text(`event-${i}`)], true);
  const LAST = "segment_000001.log";
  const cut = (name: string, bytes: number): Map<string, Buffer> =>
    new Map(writer.files).set(name, (writer.files.get(name) ?? Buffer.alloc(0)).subarray(0, bytes));

  test("a torn end that the manifest counts, or an index names", async () => {
    const torn = cut(LAST, 100);
    expect(damageIn(await reportOn(torn))).toContain(`damage incomplete ${LAST} at 65 to 100, due 4`);
    const { segments } = JSON.parse(String(writer.files.get("manifest.json"))) as {
      segments: { next_offset: number; size_bytes: number }[];
    };
    const lags = segments.map((one, i) => (i === 1 ? { ...one, next_offset: 4, size_bytes: 65 } : one));
    torn.set("manifest.json", Buffer.from(JSON.stringify({ segments: lags, active_segment: 1 })));
    expect(damageIn(await reportOn(torn))).toStrictEqual([`damage incomplete ${LAST} at 65 to 100, due 4`]);
    torn.set(`${LAST}.idx.wal`, (torn.get(`${LAST}.idx.wal`) ?? Buffer.alloc(0)).subarray(0, 8));
    expect(damageIn(await reportOn(torn))).toStrictEqual([]);
  });

  test("a torn end that the manifest alone counts", async () => {
    const torn = cut(LAST, 100);
    torn.set(`${LAST}.idx.wal`, (torn.get(`${LAST}.idx.wal`) ?? Buffer.alloc(0)).subarray(0, 8));
    expect(damageIn(await reportOn(torn))).toStrictEqual([
      `damage incomplete ${LAST} at 65 to 100, due 4`,
      "damage truncated-log manifest.json",
    ]);
  });

  test("a manifest that ends early and says more than there is", async () => {
    const manifest = writer.files.get("manifest.json") ?? Buffer.alloc(0);
    const files = cut(LAST, 65);
    files.set(`${LAST}.idx.wal`, Buffer.alloc(0)).set("manifest.json", manifest.subarray(0, -4));
    expect(damageIn(await reportOn(files))).toStrictEqual(["damage damaged-manifest manifest.json"]);
    files.set("manifest.json", manifest.subarray(0, 0));
    expect(damageIn(await reportOn(files))).toStrictEqual([]);
  });

  test("an index that ends early and counts more than there is, or names another place", async () => {
    const index = kimberliteIndex([0, 65, 130]);
    const name = `${LAST}.idx`;
    const files = new Map(writer.files).set(name, index.subarray(0, 24));
    expect(damageIn(await reportOn(files))).toStrictEqual([`damage damaged-index ${name}`]);
    files.set(name, kimberliteIndex([0, 64]).subarray(0, 26));
    expect(damageIn(await reportOn(files))).toStrictEqual([`damage damaged-index ${name}`]);
    files.set(name, kimberliteIndex([0, 65]).subarray(0, 26));
    expect(damageIn(await reportOn(files))).toStrictEqual([]);
  });

  test("one flipped bit in an end that nothing names", async () => {
    const files = new Map(writer.files).set(`${LAST}.idx.wal`, Buffer.alloc(0));
    files.delete("manifest.json");
    const bytes = Buffer.from(files.get(LAST) ?? Buffer.alloc(0));
    bytes[120] = (bytes[120] ?? 0) ^ 1;
    files.set(LAST, bytes);
    const damage = damageIn(await reportOn(files));
    expect(damage).toContain(`damage checksum-mismatch ${LAST} at 65 to 130, due 4`);
  });
});
