/**
 * Searches that go on after a violation: they find the first violation of each invariant, and where nothing
 * is violated they are the search that ends at the first.
 */
import { describe, expect, test, vi } from "vitest";
import { type Bounds, profileOf } from "./bounds.ts";
import { runningEngines } from "./conversations/engines.ts";
import { searchCrashes, survey } from "./crashes/survey.ts";
import { I1 } from "./invariants/corruption.ts";
import { D1, D5 } from "./invariants/durability.ts";
import { type Run, searchPart } from "./part.ts";
import { Violation } from "./tally.ts";

const BOUNDS: Bounds = {
  ...profileOf("quick"),
  length: 1,
  compactionLength: 0,
  operations: ["append+sync"],
  recoveryCrashes: 0,
};

/** A run for each of nine numbers: 3, 4 and 7 violate D2, 5 and 8 violate D1. */
const numbers: Run = (_, choice, counts) => {
  counts.cases.format += 1;
  const number = choice.choose(9, "number");
  if ([3, 4, 7].includes(number)) throw new Violation("D2", "", String(number));
  if ([5, 8].includes(number)) throw new Violation("D1", "", String(number));
};

describe("A search of runs", () => {
  test("ends at the first violation", async () => {
    const { counts, counterexample, further } = await searchPart(numbers, BOUNDS, []);
    expect(counterexample).toMatchObject({ invariant: "D2", seen: "3" });
    expect(further).toEqual([]);
    expect(counts.cases.format).toBe(4);
  });

  test("that goes on makes all runs, and finds the first violation of each invariant", async () => {
    const { counts, counterexample, further } = await searchPart(numbers, BOUNDS, [], undefined, true);
    const choices = (chosen: number): object[] => [{ what: "number", chosen, of: 9 }];
    expect(counterexample).toMatchObject({ invariant: "D2", seen: "3", choices: choices(3) });
    expect(further).toMatchObject([{ invariant: "D1", seen: "5", choices: choices(5) }]);
    expect(counts.cases.format).toBe(9);
  });

  test("that goes on ends at what is no violation", async () => {
    const wrong: Run = (_, choice) => {
      if (choice.choose(9, "number") === 2) throw new RangeError("not a violation");
    };
    await expect(searchPart(wrong, BOUNDS, [], undefined, true)).rejects.toThrow("not a violation");
  });
});

describe("The search of crashes", () => {
  /** Searches the only workload, with predicates that fail as these say. */
  async function searched(goesOn: boolean): ReturnType<typeof searchCrashes> {
    const [unit] = (await survey(BOUNDS)).units;
    if (unit === undefined) throw new Error("There is no unit.");
    return searchCrashes(BOUNDS, unit, runningEngines(BOUNDS), goesOn);
  }

  test("that goes on finds what other states violate, and counts no state that it did not look at", async () => {
    const sound = await searched(false);
    let recoveries = 0;
    const recovered = vi.spyOn(D1.recovery, "holds").mockImplementation(() => (recoveries += 1) !== 2);
    const appended = vi.spyOn(D5.append, "holds").mockReturnValue(false);
    try {
      const { counts, counterexample, further } = await searched(true);
      const all = [counterexample, ...further].map((found) => `${found?.invariant} ${found?.check}`);
      expect(all.sort()).toEqual(["D1 recovery", "D5 append"]);
      expect(counts.cases.crashes).toBe(sound.counts.cases.crashes - 1);
      expect(counts.crashStates).toBeLessThan(sound.counts.crashStates);
      expect(counts.left).toBe(0n);
    } finally {
      recovered.mockRestore();
      appended.mockRestore();
    }
  });

  test("that goes on is the one that does not, where nothing is violated", async () => {
    expect(await searched(true)).toEqual(await searched(false));
  });
});

test("A survey that goes on lists the crash points of the workloads that violate nothing", async () => {
  const bounds: Bounds = { ...BOUNDS, operations: ["append", "append+sync"] };
  const { units } = await survey(bounds);
  let proofs = 0;
  // Asked once a workload at least: the first one fails, the second does not.
  const proven = vi.spyOn(I1.index, "holds").mockImplementation(() => (proofs += 1) !== 1);
  try {
    const ended = await survey(bounds);
    expect(ended).toMatchObject({ units: [], counterexample: { invariant: "I1", check: "index" } });
    proofs = 0;
    const wentOn = await survey(bounds, undefined, true);
    expect(wentOn).toMatchObject({ counterexample: ended.counterexample, further: [] });
    expect(wentOn.counts.workloads).toBe(1);
    expect(wentOn.units.map(({ workload }) => workload)).toEqual([units[1]?.workload]);
  } finally {
    proven.mockRestore();
  }
});
