import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Bounds, profileOf } from "../bounds.ts";
import { workloadsIn } from "../crashes/survey.ts";
import { exitStatus, resultLines, resultOf, type RunFacts, toJson } from "../result.ts";
import { type Counts, emptyCounts } from "../tally.ts";
import { PINNED } from "./counts.ts";
import { pinnedDifferences, pinsOf } from "./differences.ts";
import type { PinnedProfile, Pins } from "./pins.ts";
import { pinsFrom, renderPins } from "./render.ts";

const bounds: Bounds = profileOf("quick");
const facts: RunFacts = {
  version: "1.2.3",
  versions: { package: "1.2.3", node: "20.19.0", commit: null },
  profile: "quick",
  bounds,
  own: true,
  all: false,
  shard: null,
  stopped: [],
  violations: [],
  seconds: 0,
};

/** Counts of a run that was complete. */
function completeCounts(): Counts {
  const counts = emptyCounts();
  counts.workloads = workloadsIn(bounds);
  counts.crashStates = 2n ** 80n;
  for (const group of [counts.checks, counts.met] as Record<string, number>[])
    for (const id of Object.keys(group)) group[id] = 1;
  return counts;
}

function pinsOfCounts(counts: Counts): Pins {
  return pinsFrom(toJson(resultOf(counts, { ...facts, own: false }))).pins;
}

describe("Pinned counts", () => {
  test("do not differ from themselves, however large they are", () => {
    const pins = pinsOfCounts(completeCounts());
    expect(pins.crashStates).toBe(1_208_925_819_614_629_174_706_176n);
    expect(pinnedDifferences(pins, completeCounts())).toEqual([]);
  });

  test("differ in one case, one check and one meeting, each of them named", () => {
    const counts = completeCounts();
    counts.crashStates += 1n;
    counts.cases.format += 1;
    const checks = { ...counts.checks, D1: counts.checks.D1 + 1 };
    const met = { ...counts.met, rotation: 0 };
    expect(pinnedDifferences(pinsOfCounts(completeCounts()), { ...counts, checks, met })).toEqual([
      { count: "crash states", pinned: 2n ** 80n, seen: 2n ** 80n + 1n },
      { count: "cases of format", pinned: 0n, seen: 1n },
      { count: "checks of D1", pinned: 1n, seen: 2n },
      { count: "meetings of rotation", pinned: 1n, seen: 0n },
    ]);
  });

  test("differ where only one side has an invariant", () => {
    const pins = pinsOfCounts(completeCounts());
    const { D1, ...checks } = pins.checks ?? {};
    expect(pinnedDifferences({ ...pins, checks: { ...checks, X9: 4 } }, completeCounts())).toEqual([
      { count: "checks of X9", pinned: 4n, seen: null },
      { count: "checks of D1", pinned: null, seen: BigInt(D1 ?? 0) },
    ]);
  });

  test("are compared in what a profile pins, and not at all where none are", () => {
    const { workloads, crashPoints, crashStates, cases } = pinsOfCounts(completeCounts());
    const counts = completeCounts();
    const more = { ...counts, checks: { ...counts.checks, D1: counts.checks.D1 + 1 } };
    expect(pinnedDifferences({ workloads, crashPoints, crashStates, cases }, more)).toEqual([]);
    expect(pinsOf("nightly", "sentinel")).toBeUndefined();
  });

  test("make a run with others incomplete, and it says which", () => {
    const result = resultOf(completeCounts(), facts);
    expect(result.differences.length).toBeGreaterThan(5);
    expect(result.incompleteBecause).toEqual([
      `counts other than those pinned for quick plain: ${result.differences.length}`,
    ]);
    expect(exitStatus(result)).toBe(3);
    const pinned = (pinsOf("quick", "plain")?.crashPoints ?? 0).toLocaleString("en-US");
    expect(resultLines(result)).toContain(`  not as pinned   crash points: 0 where ${pinned} is pinned`);
  });

  test("are not asked for of a run with other bounds, or one that was stopped", () => {
    expect(resultOf(completeCounts(), { ...facts, own: false }).complete).toBe(true);
    const stopped = resultOf(completeCounts(), { ...facts, stopped: ["it was interrupted"] });
    expect(stopped.incompleteBecause).toEqual(["it was interrupted"]);
  });

  test("are written by `npm run pin` as they stand in the file", () => {
    const file = readFileSync(new URL("counts.ts", import.meta.url), "utf8");
    expect(renderPins(new Map(Object.entries(PINNED) as [PinnedProfile, Pins][]))).toBe(file);
  });

  test("come from complete runs of a profile only", () => {
    const small = { ...bounds, length: 1 };
    const short = { ...completeCounts(), left: 1n };
    expect(() => pinsFrom(toJson(resultOf(completeCounts(), { ...facts, bounds: small })))).toThrow(
      "not the bounds of quick",
    );
    expect(() => pinsFrom(toJson(resultOf(short, facts)))).toThrow("1 crash states are left");
    expect(() => pinsFrom("{}")).toThrow("no result of kmb check");
    expect(pinsFrom(toJson(resultOf(completeCounts(), facts))).profile).toBe("quick plain");
  });

  test("`npm run pin` says in a line what is no result of a profile, ends with 2 and writes nothing", () => {
    const counts = new URL("counts.ts", import.meta.url);
    const before = readFileSync(counts, "utf8");
    const directory = mkdtempSync(join(tmpdir(), "pin-"));
    const file = join(directory, "small.json");
    writeFileSync(file, toJson(resultOf(completeCounts(), { ...facts, bounds: { ...bounds, length: 1 } })));
    const pin = (...args: string[]): { status: number | null; err: string } => {
      const script = fileURLToPath(new URL("../../dist/properties/pinned/write.js", import.meta.url));
      const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
      return { status, err: stderr };
    };
    expect(pin(file)).toStrictEqual({
      status: 2,
      err: `${file}: These are not the bounds of quick: only a profile's own counts are pinned.\n`,
    });
    writeFileSync(file, "no JSON");
    for (const { status, err } of [pin(file), pin(join(directory, "missing")), pin()]) {
      expect(status).toBe(2);
      expect(err.split("\n").length).toBe(2);
    }
    expect(readFileSync(counts, "utf8")).toBe(before);
    rmSync(directory, { recursive: true });
  });
});
