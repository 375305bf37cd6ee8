/**
 * Appends in a process that has no file descriptor left for a moment. Such a call did nothing, so an append
 * may be made again, also where it had begun a stream or a segment. Where that is not sound the error says to
 * open the storage again. Nothing acknowledged is lost.
 */
import { describe, expect, test } from "vitest";

import { temporaryDirectories } from "../e2e/testing.ts";
import { type DiskCall, systemError, WatchedDisk } from "../e2e/watched-disk.ts";
import { StorageError } from "./error.ts";
import { Storage, type StorageOptions } from "./storage.ts";
import type { Durability, Format } from "./types.ts";

const newDirectory = temporaryDirectories();

/** Two large payloads to a segment, of either format. */
const optionsFor = (format: Format, durability: Durability, indexLogMaxEntries: number): StorageOptions => ({
  format,
  durability,
  indexLogMaxEntries,
  maxSegmentBytes: format === "plain" ? 300 : 250,
  checkpoints: { everyNRecords: 0 },
});
const LARGE = Buffer.alloc(90, "L");
/** Fits into a segment that has no room for a large one. */
const LITTLE = Buffer.from("little");

/** The calls that take a file descriptor, if only while they last. */
const takesDescriptor = ({ name }: DiskCall): boolean => ["open", "list", "syncDirectory"].includes(name);

type Acknowledged = Readonly<Record<1 | 2, Buffer[]>>;

/** Of stream 2 there is a record when it is opened, and, of the format `sentinel`, Kimberlite's index. */
const APPENDS: readonly [bigint, Buffer][] = [
  [1n, LARGE],
  [1n, LARGE],
  [1n, LARGE],
  [1n, LITTLE],
  [2n, LITTLE],
];

/**
 * Appends so that streams and segments begin, out of files at one call, and then as the application would:
 * once more.
 */
async function appendsWithout(
  directory: string,
  options: StorageOptions,
  failing: number,
): Promise<{ failed: DiskCall | undefined; acknowledged: Acknowledged; isPoisoned: boolean }> {
  const before = await Storage.open(directory, { ...options, disk: new WatchedDisk() });
  await before.appendBatch(2n, [LITTLE]);
  await before.close();
  let isPoisoned = false;
  let failed: DiskCall | undefined;
  let calls = -1;
  const disk = new WatchedDisk((call) => {
    if (calls >= 0 && (calls += 1) === failing + 1) {
      failed = call;
      throw systemError("EMFILE");
    }
    return undefined;
  });
  let storage = await Storage.open(directory, { ...options, disk });
  const acknowledged: Acknowledged = { 1: [], 2: [LITTLE] };
  calls = 0;
  for (const [stream, payload] of APPENDS) {
    try {
      await storage.appendBatch(stream, [payload]);
      acknowledged[stream === 1n ? 1 : 2].push(payload);
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      expect((error as StorageError).sentence).toMatch(/^Too many files are open .* and try again/);
      try {
        // Another batch than before, which would fit where the first did not.
        await storage.appendBatch(stream, [LITTLE]);
        acknowledged[stream === 1n ? 1 : 2].push(LITTLE);
      } catch (again) {
        expect(again).toMatchObject({ code: "poisoned" });
        expect((error as StorageError).sentence).toMatch(/close the storage and open it again/);
        isPoisoned = true;
        await storage.close().catch(() => undefined);
        storage = await Storage.open(directory, { ...options, disk });
      }
    }
  }
  await storage.close().catch(() => undefined);
  expect(disk.openFiles).toBe(0);
  return { failed, acknowledged, isPoisoned };
}

/** What is amiss with a stream: findings, and records that are missing or too many. */
async function lost(
  storage: Storage,
  stream: 1 | 2,
  acknowledged: readonly Buffer[],
  isPoisoned: boolean,
): Promise<string[]> {
  const { findings } = await storage.status(BigInt(stream));
  const amiss = findings.map(({ error }) => error.message);
  const stored = await storage.readFrom(BigInt(stream), 0n, Number.POSITIVE_INFINITY, { verify: "genesis" });
  let next = 0;
  for (const payload of stored) if (acknowledged[next]?.equals(payload) === true) next += 1;
  if (next < acknowledged.length) amiss.push(`${next} of ${acknowledged.length} records are there`);
  // What was refused where a retry is not sound may be there or not.
  if (!isPoisoned && stored.length > acknowledged.length) amiss.push("a refused record is there");
  return amiss;
}

describe.each<Format>(["plain", "sentinel"])("A %s stream", (format) => {
  test.each<[Durability, number]>([
    ["standard", 100],
    ["strict", 100],
    ["strict", 1],
  ])(
    "of %s durability, its index saved after %i entries, loses nothing and goes on, at whichever call files run out",
    async (durability, entries) => {
      const options = optionsFor(format, durability, entries);
      // With strict durability an append is acknowledged after the index is saved; the record is stored by
      // then.
      const isRetryable = (call: DiskCall): boolean => takesDescriptor(call) && entries > 1;
      let failing = 0;
      for (;;) {
        const directory = newDirectory();
        const { failed, acknowledged, isPoisoned } = await appendsWithout(directory, options, failing);
        const at = JSON.stringify([failing, failed?.name, failed?.path.slice(directory.length)]);
        await using storage = await Storage.open(directory, { ...options, disk: new WatchedDisk() });
        for (const stream of [1, 2] as const)
          expect([at, await lost(storage, stream, acknowledged[stream], isPoisoned)]).toStrictEqual([at, []]);
        if (failed === undefined) break;
        if (isRetryable(failed)) expect([at, isPoisoned]).toStrictEqual([at, false]);
        failing += 1;
      }
      expect(failing).toBeGreaterThan(30);
    },
  );
});
