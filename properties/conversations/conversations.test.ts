/**
 * Conversations that were heard before: what is repeated is what an engine would do, and an engine that does
 * otherwise is noticed.
 */
import { describe, expect, test } from "vitest";
import { elementAt } from "../../fault-injection/element-at.ts";
import type { Disk, Offset, Storage, StreamStatus } from "../../src/index.ts";
import { type Bounds, profileOf } from "../bounds.ts";
import { outcome } from "../answers.ts";
import { nobody } from "../../explore/choice.ts";
import { searchUnit, unitsOf } from "../parts.ts";
import { survey } from "../crashes/survey.ts";
import { show } from "../records.ts";
import { freshDisk, openEngine } from "../engine.ts";
import { addCounts, type Counts, emptyCounts } from "../tally.ts";
import { HeardEngines, heardEngines } from "./engines.ts";
import { ConversationTree } from "./tree.ts";

const BOUNDS: Bounds = { ...profileOf("quick"), length: 1, compactionLength: 0 };
const { units } = await survey(BOUNDS);

/** What the units' searches count, without the one check that needs a tree. */
async function countsOf(tree: ConversationTree | undefined): Promise<Counts> {
  const counts = emptyCounts();
  for (const crashes of units) {
    const result = await searchUnit(BOUNDS, { part: "crashes", crashes }, tree);
    expect(result.counterexample).toBeUndefined();
    addCounts(counts, result.counts);
  }
  return { ...counts, checks: { ...counts.checks, S3: 0 } };
}

describe("a search of crashes", () => {
  test.each([1_000_000, 500])("counts the same where a tree of %i places spares engines", async (places) => {
    const tree = new ConversationTree(places);
    expect(await countsOf(tree)).toStrictEqual(await countsOf(undefined));
    expect(tree.ran).toBeLessThan(tree.begun / 2);
  });

  test("compares as many engines that run, whatever was heard before", async () => {
    const tree = new ConversationTree();
    const { counts: sum } = await searchUnit(BOUNDS, { part: "crashes", crashes: elementAt(units, 0) }, tree);
    const { counts: again } = await searchUnit(
      BOUNDS,
      { part: "crashes", crashes: elementAt(units, 0) },
      tree,
    );
    expect(sum.checks.S3).toBeGreaterThan(0);
    expect(again.checks.S3).toBe(sum.checks.S3);
  });
});

test("failing calls count the same with and without a tree", async () => {
  const unit = elementAt(await unitsOf(BOUNDS, "failing-calls"), 1);
  const tree = new ConversationTree();
  const [heard, ran] = [await searchUnit(BOUNDS, unit, tree), await searchUnit(BOUNDS, unit)];
  expect(heard.counts.checks.S3).toBeGreaterThan(0);
  const checks = { ...heard.counts.checks, S3: 0 };
  expect({ ...heard, counts: { ...heard.counts, checks } }).toStrictEqual(ran);
  expect(tree.ran).toBeLessThan(tree.begun);
});

describe("an engine that does not do what one did that was asked and told the same", () => {
  /** An engine with another `status`. */
  const but = (storage: Storage, status: (stream: bigint) => Promise<StreamStatus>): Storage =>
    new Proxy(storage, {
      get: (target, name: keyof Storage) => {
        if (name === "status") return status;
        const found = Reflect.get(target, name) as unknown;
        return typeof found === "function" ? (found.bind(target) as unknown) : found;
      },
    });

  const OTHERS: Record<string, (disk: Disk) => Promise<Storage>> = {
    "makes another call": async (disk) => {
      await disk.list("/");
      return openEngine(disk, BOUNDS);
    },
    "makes one call more": async (disk) => {
      const storage = await openEngine(disk, BOUNDS);
      return but(storage, async (stream) => {
        const status = await storage.status(stream);
        await disk.list("/");
        return status;
      });
    },
    "answers otherwise": async (disk) => {
      const storage = await openEngine(disk, BOUNDS);
      return but(storage, async (stream) => ({
        ...(await storage.status(stream)),
        nextOffset: 7n as Offset,
      }));
    },
    "answers with fewer calls": async (disk) => {
      const storage = await openEngine(disk, BOUNDS);
      return but(storage, () => Promise.reject(new Error("no")));
    },
    "cannot be opened": () => Promise.reject(new Error("no")),
  };

  test.each(Object.entries(OTHERS))("that %s is noticed", async (_, other) => {
    let started = 0;
    const engines = new HeardEngines(new ConversationTree(), (disk) => {
      started += 1;
      return started === 1 ? openEngine(disk, BOUNDS) : other(disk);
    });
    const disks = async (): Promise<void> => {
      for (let i = 0; i < 1000; i += 1) await (await engines.open(freshDisk(BOUNDS))).status(1n);
    };
    await expect(disks()).rejects.toMatchObject({ name: "Violation", invariant: "S3" });
    // A call that differs ends the comparison before it is whole, and so before it is counted.
    expect(engines.counts.checks.S3).toBeLessThanOrEqual(1);
  });

  test("an engine runs for every disk that answers otherwise by one byte", async () => {
    const tree = new ConversationTree();
    const engines = heardEngines(BOUNDS, tree);
    const disk = freshDisk(BOUNDS);
    await (await openEngine(disk, BOUNDS)).appendBatch(1n, [Uint8Array.of(0)]);
    const path = "/data/1/segment_000000.log";
    const bytes = Buffer.from(disk.files().get(path) ?? []);
    const shown: unknown[] = [];
    for (let at = 0; at < bytes.length; at += 1) {
      const other = disk.fork(nobody);
      other.kill();
      other.store(
        path,
        bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)),
      );
      const again = other.fork(nobody);
      again.kill();
      const [heard, ran] = [await engines.open(other), await openEngine(again, BOUNDS)];
      shown.push(await outcome(async () => show(await heard.readRecords(1n, 0n, 1000))));
      expect(shown.at(-1)).toStrictEqual(
        await outcome(async () => show(await ran.readRecords(1n, 0n, 1000))),
      );
    }
    expect(tree.ran).toBe(bytes.length);
  });
});
