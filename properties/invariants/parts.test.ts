import { afterEach, expect, test, vi } from "vitest";
import { type Bounds, type PartName, profileOf } from "../bounds.ts";
import { searchUnit, unitsOf } from "../parts.ts";
import { ConversationTree } from "../conversations/tree.ts";
import { survey } from "../crashes/survey.ts";
import { INVARIANTS } from "./catalogue.ts";

/** Seconds of computing: far more than any machine takes. */
vi.setConfig({ testTimeout: 600_000 });
afterEach(() => {
  vi.restoreAllMocks();
});

const SMALL: Bounds = {
  ...profileOf("quick", "sentinel"),
  length: 1,
  tamperedRecords: 1,
  symbolicRecords: 2,
};

/** Notes which checks are made, by watching their predicates. */
function watched(): Set<string> {
  const made = new Set<string>();
  for (const { id, checks } of INVARIANTS)
    for (const check of checks) {
      const { holds } = check;
      vi.spyOn(check, "holds").mockImplementation((observation: never) => {
        made.add(`${id}.${check.name}`);
        return holds(observation);
      });
    }
  return made;
}

const claimedIn = (part: PartName): string[] =>
  INVARIANTS.flatMap(({ id, checks }) =>
    checks.filter(({ parts }) => parts.includes(part)).map(({ name }) => `${id}.${name}`),
  );

test.each([
  ["failing-calls", 1],
  ["concurrency", 1],
  ["kimberlite", 2],
  ["ambiguity", 2],
  ["symbolic-hashes", 1],
  ["tampering", 5],
] as const)("the part %s makes the checks that say so, and no others", async (part, units) => {
  const made = watched();
  const tree = new ConversationTree();
  for (const unit of (await unitsOf(SMALL, part)).slice(0, units)) await searchUnit(SMALL, unit, tree);
  expect([...made].sort()).toEqual(claimedIn(part).sort());
});

test("the part crashes makes the checks that say so, and no others", async () => {
  const made = watched();
  // Kimberlite's files are in the format sentinel, compaction is in the format plain.
  const compacting: Bounds = {
    ...profileOf("quick"),
    length: 1,
    operations: ["append"],
    compactionLength: 1,
  };
  for (const bounds of [{ ...SMALL, length: 2, operations: ["batch", "reopen"] } as const, compacting]) {
    const tree = new ConversationTree();
    const { units } = await survey(bounds);
    for (const crashes of units) await searchUnit(bounds, { part: "crashes", crashes }, tree);
  }
  expect([...made].sort()).toEqual(claimedIn("crashes").sort());
});
