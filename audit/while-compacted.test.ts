/**
 * A directory that is compacted while it is audited: whenever compaction comes, and however far it comes
 * between two steps of the audit, there is nothing to say of it.
 */
import { describe, expect, test } from "vitest";
import { HookedDisk } from "../e2e/hooked-disk.ts";
import { temporaryDirectories } from "../e2e/testing.ts";
import { Storage } from "../src/index.ts";
import { audit } from "./audit.ts";
import { linesOf } from "./testing.ts";

const directory = temporaryDirectories();

/** Lets a writer make so many steps whenever it is told to. */
class Steps {
  #allowed = 0;
  #waiting: (() => void)[] = [];

  take(): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push(go);
      this.#serve();
    });
  }

  async allow(steps: number): Promise<void> {
    this.#allowed = Math.max(this.#allowed, 0) + steps;
    this.#serve();
    // As long as the writer goes on by itself.
    for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
  }

  #serve(): void {
    while (this.#allowed > 0 && this.#waiting.length > 0) {
      this.#allowed -= 1;
      this.#waiting.shift()?.();
    }
  }
}

/** Two records a segment, of which so many from offset 2 on are hidden. */
async function hiddenRecords(data: string, count: bigint): Promise<void> {
  const storage = await Storage.open(data, { maxSegmentBytes: 150 });
  for (let i = 0; i < 8; i += 1) await storage.appendBatch(1n, [Buffer.from(`event-${i}`)]);
  await storage.tombstone(1n, 2n, count);
  await storage.close();
}

/**
 * Audits a directory while another one compacts it, so many steps for each of the audit's after the first.
 */
async function auditedMeanwhile(
  data: string,
  from: number,
  ratio: number,
  before: (storage: Storage) => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> {
  const steps = new Steps();
  const compacting = (async (): Promise<void> => {
    const disk = new HookedDisk(() => steps.take());
    const storage = await Storage.open(data, { disk, maxSegmentBytes: 150 });
    await before(storage);
    expect((await storage.compact(1n)).recordsErased).toBeGreaterThan(0);
    await storage.close();
  })();
  let step = 0;
  const reader = new HookedDisk(async () => {
    step += 1;
    if (step > from) await steps.allow(ratio);
  });
  const { streams } = await audit(data, { disk: reader });
  await steps.allow(Infinity);
  await compacting;
  expect((await audit(data)).streams.flatMap(linesOf)).toStrictEqual([]);
  return streams.flatMap(linesOf).filter((line) => line.startsWith("damage"));
}

const STARTS = Array.from({ length: 26 }, (_, from) => from);

describe("compaction during an audit", () => {
  test.each([
    ["makes a segment larger", 1n, 400],
    ["makes a segment smaller", 2n, 400],
    ["goes on step by step with it", 2n, 1],
    ["goes on faster than it", 1n, 2],
  ])("that %s leaves nothing to say, whenever it begins", async (_, count, ratio) => {
    for (const from of STARTS) {
      const data = directory();
      await hiddenRecords(data, count);
      expect([from, ...(await auditedMeanwhile(data, from, ratio))]).toStrictEqual([from]);
    }
  });

  test.each([1, 3, 7, 400])(
    "leaves nothing to say of what was hidden after it began, either, %i steps at a time",
    async (ratio) => {
      for (const from of STARTS) {
        const data = directory();
        await hiddenRecords(data, 1n);
        // The tombstone is in a segment that the audit did not see.
        const hide = async (storage: Storage): Promise<void> => {
          await storage.appendBatch(1n, [Buffer.alloc(150)]);
          await storage.tombstone(1n, 3n, 3n);
        };
        expect([from, ...(await auditedMeanwhile(data, from, ratio, hide))]).toStrictEqual([from]);
      }
    },
  );
});
