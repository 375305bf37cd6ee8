import { describe, expect, test } from "vitest";
import { profileOf } from "./bounds.ts";
import { mergeShards, type ResultFile } from "./merge.ts";
import { PINNED } from "./pinned/counts.ts";
import { countsOf, parseResult } from "./result-file.ts";
import { exitStatus, resultLines, resultOf, type RunFacts, toJson, violationOf } from "./result.ts";
import type { Shard } from "./shards.ts";
import { type Counts, emptyCounts } from "./tally.ts";

const facts: RunFacts = {
  version: "1.2.3+4",
  versions: { package: "1.2.3", node: "20.19.0", commit: null },
  profile: "quick",
  bounds: profileOf("quick"),
  own: true,
  all: false,
  shard: null,
  stopped: [],
  violations: [],
  seconds: 1.5,
};

const shardOf = (index: number, of: number): Shard => ({
  index,
  of,
  memo: true,
  plan: "the list",
  units: 4,
  searched: 4,
});

/** What a complete run of `quick` counts. */
function pinned(): Counts {
  const pins = PINNED["quick plain"];
  if (pins === undefined) throw new Error("Nothing is pinned.");
  return { ...emptyCounts(), ...structuredClone(pins), left: 0n } as Counts;
}

/** Those counts in `of` pieces, in which each is somewhere. */
function pieces(of: number): Counts[] {
  const whole = pinned();
  let turn = 0;
  const all = Array.from({ length: of }, () => emptyCounts() as unknown as Record<string, never>);
  const put = (value: unknown, path: string[]): void => {
    if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) put(inner, [...path, name]);
      return;
    }
    let place = all[turn++ % of] as Record<string, unknown>;
    for (const name of path.slice(0, -1)) place = place[name] as Record<string, unknown>;
    place[path.at(-1) ?? ""] = value;
  };
  put(whole, []);
  return all as unknown as Counts[];
}

/** Shards of a complete run of `quick`. */
function shards(of: number): ResultFile[] {
  return pieces(of).map((counts, i) => shard(i + 1, of, {}, counts));
}

function shard(
  index: number,
  of: number,
  how: Partial<RunFacts> = {},
  counts: Counts = emptyCounts(),
): ResultFile {
  const result = resultOf(counts, { ...facts, shard: shardOf(index, of), ...how });
  return { name: `part-${index}.json`, result };
}

const swapped = (files: ResultFile[], ...others: ResultFile[]): ResultFile[] =>
  files.map((file) => others.find(({ name }) => name === file.name) ?? file);

describe("Shards merged", () => {
  test("are the result of one run, in any order, after a way through files", () => {
    const whole = resultOf(pinned(), { ...facts, seconds: 4.5 });
    expect(whole.complete).toBe(true);
    const files = shards(3).map(({ name, result }) => ({
      name,
      result: parseResult(toJson(result), facts.version),
    }));
    for (const order of [files, files.toReversed()]) {
      const merged = mergeShards(order);
      expect(toJson(merged)).toBe(toJson(whole));
      expect(resultLines(merged)).toEqual(resultLines(whole));
      expect(exitStatus(merged)).toBe(0);
    }
  });

  test("name each version of Node.js that they were run on, and a commit only if it is that of all", () => {
    const on = (index: number, node: string, commit: string | null): ResultFile =>
      shard(index, 3, { versions: { package: "1.2.3", node, commit } });
    const [first, second] = [on(1, "22.1.0", "c0ffee"), on(2, "20.19.0", "c0ffee")];
    const common = { package: "1.2.3", node: "20.19.0, 22.1.0" };
    expect(mergeShards([first, second, on(3, "22.1.0", "c0ffee")]).versions).toEqual({
      ...common,
      commit: "c0ffee",
    });
    expect(mergeShards([first, second, on(3, "22.1.0", null)]).versions).toEqual({ ...common, commit: null });
  });

  test("keep all digits of counts beyond 2^53", () => {
    const [first, second] = [1, 2].map((index) =>
      shard(index, 2, {}, { ...emptyCounts(), crashStates: 2n ** 80n + 1n, left: 2n ** 70n }),
    );
    const files = [first, second].map((file) => {
      if (file === undefined) throw new Error("no file");
      return { ...file, result: parseResult(toJson(file.result), facts.version) };
    });
    expect(mergeShards(files)).toMatchObject({ crashStates: 2n ** 81n + 2n, left: 2n ** 71n });
  });

  test("are not complete where the sum is not as pinned", () => {
    const [first, ...others] = shards(2);
    if (first === undefined) throw new Error("no shard");
    const counts = countsOf(first.result);
    const merged = mergeShards([
      shard(1, 2, {}, { ...counts, crashPoints: counts.crashPoints + 1 }),
      ...others,
    ]);
    expect(merged.incompleteBecause).toEqual(["counts other than those pinned for quick plain: 1"]);
    expect(exitStatus(merged)).toBe(3);
  });

  test("are held to pinned counts only where the bounds are the profile's own", () => {
    const withBounds = (bounds: RunFacts["bounds"]): ResultFile[] =>
      [1, 2].map((index) => shard(index, 2, { bounds }));
    expect(mergeShards(withBounds(facts.bounds)).differences).not.toEqual([]);
    expect(mergeShards(withBounds({ ...facts.bounds, faultLength: 2 })).differences).toEqual([]);
  });

  test("name those that are missing, and are not complete", () => {
    const [first, second, third, fourth] = shards(4);
    if (!first || !second || !third || !fourth) throw new Error("no shard");
    const one = mergeShards([first, second, fourth]);
    expect(one.incompleteBecause[0]).toBe("shard 3 of 4 is missing");
    expect(one.differences).toEqual([]);
    expect(exitStatus(one)).toBe(3);
    expect(mergeShards([third]).incompleteBecause[0]).toBe("shards 1, 2, 4 of 4 are missing");
  });

  test("name those that were not searched to their end, and why", () => {
    const how = { shard: { ...shardOf(2, 2), searched: 3 }, stopped: ["it was interrupted", "1 of 4 units"] };
    const merged = mergeShards(swapped(shards(2), shard(2, 2, how)));
    expect(merged.incompleteBecause[0]).toBe(
      "shard 2 of 2 was not searched to its end: it was interrupted; 1 of 4 units",
    );
    const notBegun = { ...shardOf(2, 2), plan: null, units: 0, searched: 0 };
    const none = shard(2, 2, { shard: notBegun, stopped: ["the run has not ended"] });
    expect(mergeShards(swapped(shards(2), none)).incompleteBecause[0]).toBe(
      "shard 2 of 2 was not searched to its end: the run has not ended",
    );
  });

  test("say what a cap left once, as one run does", () => {
    const counts = { ...emptyCounts(), left: 3n };
    const merged = mergeShards([shard(1, 2, {}, counts), shard(2, 2, {}, counts)]);
    expect(merged.incompleteBecause.filter((why) => why.includes("left"))).toEqual([
      "6 crash states are left",
    ]);
  });

  test("have the violations of each, once where the survey found it", () => {
    const found = (invariant: "D1" | "D2", file: string): RunFacts["violations"][number] =>
      violationOf({ invariant, expected: "this", seen: "that", choices: [] }, file);
    const merged = mergeShards([
      shard(1, 3, { violations: [found("D1", "a.json")] }),
      shard(2, 3, { violations: [found("D1", "b.json")] }),
      shard(3, 3, { violations: [found("D2", "c.json")] }),
    ]);
    expect(merged.violations).toEqual([found("D1", "a.json"), found("D2", "c.json")]);
    expect(merged.incompleteBecause).toEqual(["the search ended at the first violation"]);
    expect(exitStatus(merged)).toBe(1);
  });

  test("have the first violation of each invariant where all went on after violations", () => {
    const found = (invariant: "D1" | "D2", seen: string): RunFacts["violations"][number] =>
      violationOf({ invariant, expected: "this", seen, choices: [] }, `${seen}.json`);
    const first = shard(1, 2, { all: true, violations: [found("D1", "a")] });
    const second = { all: true, violations: [found("D2", "b"), found("D1", "c")] };
    const merged = mergeShards([first, shard(2, 2, second)]);
    expect(merged.violations).toEqual([found("D1", "a"), found("D2", "b")]);
    expect(merged).toMatchObject({
      all: true,
      incompleteBecause: ["what comes after a violation was not searched"],
    });
    const mixed = mergeShards([first, shard(2, 2, { ...second, all: false })]);
    expect(mixed.violations).toHaveLength(3);
    expect(mixed.all).toBe(false);
  });

  const other = (how: Partial<RunFacts>): ResultFile => shard(2, 2, how);
  test.each<[string, ResultFile, string]>([
    ["of other bounds", other({ bounds: { ...facts.bounds, length: 2 } }), "other bounds: length 2 and 3"],
    ["of another format", other({ bounds: profileOf("quick", "sentinel") }), 'format "sentinel" and "plain"'],
    ["of another version", other({ version: "1.2.3+5" }), "one is of version 1.2.3+5, one of 1.2.3+4"],
    ["of another profile", other({ profile: "default" }), "profiles default and quick"],
    ["of another number of shards", other({ shard: shardOf(2, 3) }), "one is of 3 shards, one of 2"],
    ["of another list", other({ shard: { ...shardOf(2, 2), plan: "another" } }), "they listed other units"],
    ["without memo", other({ shard: { ...shardOf(2, 2), memo: false } }), "one was run with --no-memo"],
    [
      "that is a whole run",
      other({ shard: null }),
      "part-2.json is the result of a whole run, not of a shard",
    ],
    ["that cannot be", other({ shard: { ...shardOf(2, 2), index: 3 } }), "its shard cannot be"],
    ["that is given twice", shard(1, 2), "shard 1 of 2 is given twice: part-1.json and part-1.json"],
  ])("refuse one %s", (_, file, sentence) => {
    expect(() => mergeShards([shard(1, 2), file])).toThrow(sentence);
  });
});

describe("A shard by itself", () => {
  const [, second] = shards(2);
  test("is complete without the witnesses, the checks and the workloads of the others", () => {
    expect(second?.result).toMatchObject({ complete: true, incompleteBecause: [], differences: [] });
    expect(second && exitStatus(second.result)).toBe(0);
    const lines = second && resultLines(second.result).join("\n");
    expect(lines).toContain("  shard           2 of 2   4 of 4 units\n");
    expect(lines).toContain("  workloads       counted by shard 1\n");
    expect(lines).toContain("kmb merge judges all 2 shards together\n");
    expect(lines).not.toMatch(/\d hold|\d of \d+ met|complete +yes/);
  });

  test("is not complete where it was stopped, or a cap left something", () => {
    expect(exitStatus(shard(1, 2, { stopped: ["it was interrupted"] }).result)).toBe(3);
    expect(exitStatus(shard(1, 2, {}, { ...emptyCounts(), left: 1n }).result)).toBe(3);
  });
});

describe("A result file", () => {
  const text = toJson(shard(1, 2).result);
  const parse = (changed: string, version = facts.version): unknown => parseResult(changed, version);
  test.each<[string, () => unknown, string]>([
    ["no JSON", () => parse("{"), "is not JSON"],
    ["null", () => parse("null"), "is no result of kmb check"],
    [
      "another file",
      () => parse('{"schema":"kimberlite-storage/counterexample@2"}'),
      "is no result of kmb check",
    ],
    ["another version", () => parse(text, "9.9.9"), "is of another version: 1.2.3+4, where this is 9.9.9"],
    [
      "no version",
      () => parse(text.replace(/ *"version".*\n/, "")),
      "is of another version: one that is not",
    ],
    [
      "a bound that cannot be",
      () => parse(text.replace('"length": 3', '"length": 0')),
      "bounds.length: must be",
    ],
    [
      "a count below zero",
      () => parse(text.replace('"crashPoints": 0', '"crashPoints": -1')),
      "crashPoints: ",
    ],
    ["a count that is missing", () => parse(text.replace(/ *"left".*\n/, "")), "left: "],
    ["a part that is missing", () => parse(text.replace(/ *"crashes": 0,\n/, "")), "cases.crashes: "],
    [
      "a digit that was lost",
      () => parse(JSON.stringify(JSON.parse(text.replace('"left": 0', '"left": 12345678901234567890')))),
      "left: ",
    ],
    [
      "another invariant",
      () => parse(text.replace('"id": "D1"', '"id": "X1"')),
      "its invariants or witnesses",
    ],
    ["another shard's word", () => parse(text.replace('"memo": true', '"memo": 1')), "shard.memo: "],
  ])("with %s is refused", (_, read, sentence) => {
    expect(read).toThrow(sentence);
  });

  test("has the counts that it was made of", () => {
    expect(countsOf(resultOf(pinned(), facts))).toEqual(pinned());
  });
});
