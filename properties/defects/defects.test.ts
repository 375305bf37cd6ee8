import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { elementAt } from "../../fault-injection/element-at.ts";
import { INVARIANTS } from "../invariants/catalogue.ts";
import { SECTIONS } from "../format/format.ts";
import { directoryNames } from "../faults/stored-states.ts";
import { DefectError, defective } from "./apply.ts";
import { type Defect, DEFECT_KINDS, type ViolatingDefect } from "./defect.ts";
import { DEFECTS } from "./defects.ts";
import { type Ended, runDefects } from "./run.ts";

const directory = mkdtempSync(join(tmpdir(), "defects-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const isViolating = (defect: Defect): defect is ViolatingDefect => "invariant" in defect;

/** Quickly caught, and what variants of it are made of. */
const harmful = elementAt(
  DEFECTS.filter(isViolating).filter(({ id }) => id === "memory-repeats-a-record"),
  0,
);

/** Files of src/ without a decision: types, re-exports, and texts. */
const WITHOUT_DECISIONS: readonly string[] = [
  "backend.ts",
  "disk/disk.ts",
  "disk/io-error.ts",
  "element-at.ts",
  "error.ts",
  "format/zstd-refusal.ts",
  "index.ts",
  "invariant.ts",
  "segment-numbers.ts",
  "segment/finding.ts",
  "stream/index-cache.ts",
  "stream/opened-stream.ts",
  "stream/stream-status.ts",
  "types.ts",
];

describe("Seeded defects", () => {
  test("have ids of their own, and there is one for every invariant", () => {
    expect(new Set(DEFECTS.map(({ id }) => id)).size).toBe(DEFECTS.length);
    const invariants = new Set(DEFECTS.filter(isViolating).map(({ invariant }) => invariant));
    expect(INVARIANTS.map(({ id }) => id).filter((id) => !invariants.has(id))).toEqual([]);
  });

  test("are of every kind, and in every file of src/ that decides something", () => {
    expect(DEFECT_KINDS.filter((kind) => !DEFECTS.some((defect) => defect.kind === kind))).toEqual([]);
    const files = readdirSync(new URL("../../src/", import.meta.url), { encoding: "utf8", recursive: true })
      .filter((name) => name.endsWith(".ts") && !/\.(test|d)\.ts$/.test(name))
      .filter((name) => !DEFECTS.some(({ file }) => file === `src/${name}`));
    expect(files.sort()).toEqual(WITHOUT_DECISIONS);
  });

  test("let others pass that are there, and fail tests that are there", () => {
    const violating = DEFECTS.filter(isViolating).map(({ id }) => id);
    const others = DEFECTS.flatMap((defect) => ("blinds" in defect ? [defect.blinds] : []));
    expect(others.filter((id) => !violating.includes(id))).toEqual([]);
    const tests = DEFECTS.flatMap((defect) => ("test" in defect ? [defect.test] : []));
    expect(tests.filter((test) => !existsSync(new URL(`../../${test}`, import.meta.url)))).toEqual([]);
  });

  test.each(DEFECTS)("$id fits the sources: its text is there once", (defect) => {
    const { url, source } = defective(defect);
    expect(url).toMatch(new RegExp(`/dist/${defect.file.replace(/\.ts$/, ".js")}$`));
    expect(source.length).toBeGreaterThan(100);
    if (!("part" in defect)) return;
    const { section, directory, bounds } = defect;
    if (section !== undefined) expect(SECTIONS.map(({ name }) => name)).toContain(section);
    if (directory !== undefined) expect(directoryNames(bounds?.format ?? "plain")).toContain(directory);
  });

  test.each([
    ["is not there", { find: "no such text" }, "0 times"],
    ["is there more than once", { find: "stream" }, "times, not once"],
    ["is empty", { find: "" }, "times, not once"],
    ["is replaced by itself", { replace: harmful.find }, "nothing is replaced"],
    ["leaves no TypeScript", { replace: "this.#records.push(" }, "not TypeScript any more"],
  ])("fail loudly where the text %s", (_, change, sentence) => {
    expect(() => defective({ ...harmful, ...change })).toThrow(DefectError);
    expect(() => defective({ ...harmful, ...change })).toThrow(sentence);
  });

  test("fail before anything is run where one does not fit", async () => {
    const ended: Ended[] = [];
    const wrong = { ...harmful, id: "wrong", find: "no such text" };
    await expect(
      runDefects([harmful, wrong], { workers: 1, seconds: 300, all: DEFECTS }, (end) => ended.push(end)),
    ).rejects.toThrow(DefectError);
    expect(ended).toEqual([]);
  });

  const ONE = { part: "crashes", bounds: { operations: ["batch"], length: 1 } } as const;
  const { kind, sentence, file, find, replace } = harmful;
  const mistake = { kind, sentence };
  const blind = { ...mistake, ...ONE, file: "properties/records.ts" };
  const SAME_RECORDS = "return a.length === b.length && a.every((record, i) => sameRecord(record, b[i]));";
  const ended = async (...defects: readonly Defect[]): Promise<Ended[]> => {
    const ends: Ended[] = [];
    const how = { workers: 2, seconds: 3000, all: [...DEFECTS, ...defects] };
    await runDefects(defects, how, (end) => ends.push(end));
    return ends;
  };

  test("are caught, and told in their order; one that nothing catches is missed, and so is one that another invariant catches", async () => {
    const harmless = { ...harmful, ...ONE, id: "harmless", replace: `${harmful.find} // nothing else` };
    const other: Defect = { ...harmful, ...ONE, id: "other", invariant: "Z1" };
    const ends = await ended(harmless, harmful, other);
    expect(ends.map(({ defect, caught }) => [defect.id, caught?.invariant])).toEqual([
      ["harmless", undefined],
      [harmful.id, "M2"],
      ["other", "M2"],
    ]);
    expect(ends.map(({ missed }) => missed)).toEqual([
      "nothing was violated",
      undefined,
      expect.stringContaining("M2 was violated, not Z1"),
    ]);
    expect(ends[0]?.caught?.cases).toBeGreaterThan(0);
    expect(ends[1]?.caught?.choices).toBe(0);
  });

  test("of the checker are noticed by a count, an assertion, or another defect that passes; and are missed where those do not change", async () => {
    const harmless = { ...blind, find: SAME_RECORDS, replace: `${SAME_RECORDS} // nothing else` };
    const blinding = { ...blind, find: SAME_RECORDS, replace: "return a.length === b.length;" };
    const search = { ...blind, file: "explore/crash-search.ts" };
    const extremes = {
      find: "for (const chosen of EXTREMES.keys()) {",
      replace: "for (const chosen of [0]) {",
    };
    const ends = await ended(
      { ...harmless, id: "a", count: "checks of D3" },
      { ...search, ...extremes, id: "b", count: "checks of D3" },
      { ...search, ...extremes, id: "c", count: "checks of Z1" },
      { ...mistake, ...ONE, file, find, replace, id: "d", count: "checks of D3" },
      { ...harmless, id: "e", blinds: harmful.id },
      { ...blinding, id: "f", blinds: harmful.id },
      { ...blinding, id: "g", blinds: "none" },
      {
        ...search,
        find: "left = (left ?? recovery.states) - recovery.covers;",
        replace: "left = (left ?? recovery.states + 1n) - recovery.covers;",
        id: "h",
        error: "cannot be",
      },
      { ...harmless, id: "i", error: "cannot be" },
    );
    expect(ends.map(({ defect, missed }) => [defect.id, missed])).toEqual([
      ["a", "the checks of D3 did not change, but nothing"],
      ["b", undefined],
      ["c", expect.stringContaining("the checks of Z1 did not change, but checks of")],
      ["d", expect.stringContaining("M2 was violated")],
      ["e", expect.stringContaining(`${harmful.id} is caught all the same`)],
      ["f", undefined],
      ["g", "there is no defect none to let pass"],
      ["h", undefined],
      ["i", "it ended as if all were well"],
    ]);
  });

  test("of what the check does not run are noticed by tests that fail, not by tests that hold or cannot be run", async () => {
    const element = { ...mistake, file: "src/element-at.ts", find: "if (element === undefined) throw" };
    const ends = await ended(
      { ...element, id: "a", replace: "if (element === null) throw", test: "src/element-at.test.ts" },
      { ...element, id: "b", replace: "if (undefined === element) throw", test: "src/element-at.test.ts" },
      { ...element, id: "c", replace: "if (element === null) throw", test: "src/none.test.ts" },
    );
    expect(ends.map(({ missed }) => missed)).toEqual([
      undefined,
      "src/element-at.test.ts does not fail",
      expect.stringContaining("it ended with 1"),
    ]);
  });
});
