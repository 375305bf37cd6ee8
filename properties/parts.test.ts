import { test as property } from "@fast-check/vitest";
import { describe, expect, test, vi } from "vitest";
import { type Bounds, profileOf } from "./bounds.ts";
import type { Choice } from "../explore/choice.ts";
import { INVARIANTS, placeOf, WITNESSES } from "./invariants/catalogue.ts";
import { D1 } from "./invariants/durability.ts";
import { runningEngines } from "./conversations/engines.ts";
import { searchCrashes, survey } from "./crashes/survey.ts";
import { Odometer } from "../explore/odometer.ts";
import { PARTS } from "./parts.ts";
import { randomChoice } from "../explore/random-choice.ts";
import { exitStatus, resultOf, type RunFacts, toJson, violationOf } from "./result.ts";
import { addCounts, type Counts, emptyCounts, Violation } from "./tally.ts";
import { walk } from "./crashes/walk.ts";

const SMALL: Bounds = { ...profileOf("quick"), length: 1, compactionLength: 0 };

async function run(bounds: Bounds): Promise<Counts> {
  const counts = emptyCounts();
  const surveyed = await survey(bounds);
  addCounts(counts, surveyed.counts);
  expect(surveyed.counterexample).toBeUndefined();
  for (const unit of surveyed.units) {
    const { counts: more, counterexample } = await searchCrashes(bounds, unit, runningEngines(bounds));
    expect(counterexample).toBeUndefined();
    addCounts(counts, more);
  }
  return counts;
}

const facts: RunFacts = {
  version: "1.2.3",
  versions: { package: "1.2.3", node: "20.19.0", commit: null },
  profile: "quick",
  bounds: SMALL,
  own: false,
  all: false,
  shard: null,
  stopped: [],
  violations: [],
  seconds: 0,
};

describe("The exhaustive check", () => {
  test("comes to the same counts whenever it is run", async () => {
    const [first, second] = [await run(SMALL), await run(SMALL)];
    expect(toJson(first)).toBe(toJson(second));
    expect(first.left).toBe(0n);
    expect(first.workloads).toBe(8);
  });

  test.each(["prefix", "ordered-metadata"] as const)("holds under the %s model, too", async (persistence) => {
    const counts = await run({ ...SMALL, persistence });
    expect(counts.left).toBe(0n);
    expect(counts.cases.crashes).toBeGreaterThan(counts.workloads);
  });

  test("holds with strict durability, and with payloads stored compressed", async () => {
    const counts = await run({ ...SMALL, durability: "strict", compression: "zstd" });
    expect(counts.left).toBe(0n);
    expect(counts.cases.crashes).toBeGreaterThan(counts.workloads);
  });

  test("holds where a sector may be cut anywhere", async () => {
    const counts = await run({ ...SMALL, tornSectors: true, operations: ["append"], recoveryCrashes: 0 });
    expect(counts.left).toBe(0n);
  });

  test("holds where a call fails and dropped pages leave a frame torn, an older one behind it", async () => {
    const bounds: Bounds = {
      ...profileOf("quick"),
      faultLength: 1,
      persistence: "ordered-metadata",
      durability: "strict",
      sectorBytes: 40,
      tornSectors: true,
    };
    const runs = PARTS["failing-calls"].runner();
    const counts = emptyCounts();
    // An index saved with the second record; killed; power failures leave nothing that was not synced.
    const odometer = new Odometer([3, 1, 1]);
    do {
      odometer.begin();
      await runs(bounds, odometer, counts, () => undefined);
    } while (odometer.advance());
    expect(counts.cases["failing-calls"]).toBeGreaterThan(100);
  });

  test("counts what a cap keeps from being searched, and is not complete then", async () => {
    const counts = await run({ ...SMALL, recoveriesMax: 2 });
    expect(counts.left).toBeGreaterThan(0n);
    const result = resultOf(counts, facts);
    expect(result.complete).toBe(false);
    expect(result.incompleteBecause.join()).toContain("crash states are left");
    expect(exitStatus(result)).toBe(3);
  });

  test("is not complete without every witness and every invariant", async () => {
    const result = resultOf(await run(SMALL), facts);
    expect(result.incompleteBecause.join()).toMatch(
      /witnesses not met: .*rotation,.*invariants not checked: .*C1/,
    );
    expect(exitStatus(result)).toBe(3);
  });

  test("ends with 1 where something is violated", () => {
    const violation = violationOf({ invariant: "D1", expected: "", seen: "", choices: [] }, "D1.json");
    const result = resultOf(emptyCounts(), { ...facts, violations: [violation] });
    expect(result.violations).toEqual([
      { invariant: "D1", check: null, expected: "", seen: "", counterexample: "D1.json" },
    ]);
    expect(exitStatus(result)).toBe(1);
  });
});

property.prop([randomChoice(120)], { numRuns: 150 })(
  "D1-D5, H1, H2, I1, M1-M3: random walks of up to 8 operations, crashed up to three times in a row, find nothing",
  async (choice) => {
    await walk({ ...profileOf("nightly"), length: 8 }, choice, emptyCounts());
  },
);

test("big counts are written to JSON with all their digits", () => {
  expect(toJson({ left: 2n ** 70n, text: "7" })).toBe(
    '{\n  "left": 1180591620717411303424,\n  "text": "7"\n}\n',
  );
});

test("a walk that ends in a violation counts what it searched until then, as the search does", async () => {
  const { holds } = D1.recovery;
  const bounds: Bounds = { ...profileOf("quick"), operations: ["append"], length: 1 };
  const last: Choice = { choose: (n) => n - 1 };
  const violated = vi.spyOn(D1.recovery, "holds").mockReturnValue(false);
  const counts = emptyCounts();
  try {
    await expect(walk(bounds, last, counts)).rejects.toThrow(Violation);
  } finally {
    violated.mockRestore();
  }
  expect(D1.recovery.holds).toBe(holds);
  expect(counts.crashPoints).toBe(1);
});

test("an id with a letter that the documents do not have, or without a number, has no place among them", () => {
  expect(placeOf("F1")).toBeLessThan(placeOf("H1"));
  expect(placeOf("D9")).toBeLessThan(placeOf("D10"));
  for (const id of ["X1", "F", "F0", "F100", "Fa", ""]) expect(() => placeOf(id)).toThrow(RangeError);
});

test("ids are unique in the catalogue and among the witnesses", () => {
  for (const rows of [INVARIANTS, WITNESSES])
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
});
