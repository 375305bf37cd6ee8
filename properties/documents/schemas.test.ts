/**
 * The published JSON Schemas, held against what is written, by a validator that knows nothing of the code
 * that they are made from.
 */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { profileOf } from "../bounds.ts";
import { serializeCounterexample } from "../counterexample.ts";
import { DEFECTS_SCHEMA, type DefectsResult } from "../defects-file.ts";
import { resultOf, type RunFacts, toJson, violationOf } from "../result.ts";
import { emptyCounts } from "../tally.ts";

const versions = { package: "1.2.3", node: "20.19.0", commit: null };
const bounds = profileOf("quick", "sentinel");
const found = { invariant: "D1", check: "recovery", expected: "one", seen: "none", choices: [] } as const;
const facts: RunFacts = {
  version: "1.2.3+4",
  versions,
  profile: "quick",
  bounds,
  own: true,
  all: false,
  shard: { index: 1, of: 2, memo: true, plan: null, units: 0, searched: 0 },
  stopped: [],
  violations: [violationOf(found, undefined)],
  seconds: 1.5,
};
const result = toJson(resultOf({ ...emptyCounts(), crashStates: 2n ** 80n }, facts));
const pinned = toJson(resultOf(emptyCounts(), { ...facts, shard: null, violations: [] }));
const counterexample = serializeCounterexample(bounds, "crashes", found, versions);
const older = serializeCounterexample(bounds, "crashes", { ...found, check: undefined });

function validator(name: string): (text: string) => boolean {
  const schema = readFileSync(new URL(`../../docs/schema/${name}.schema.json`, import.meta.url), "utf8");
  const validate = new Ajv2020().compile(JSON.parse(schema) as object);
  return (text) => validate(JSON.parse(text));
}

const defect = { id: "a", kind: "reading", sentence: "s", file: "src/a.ts", noticedBy: "D1" } as const;
const outcome = {
  ...defect,
  invariant: "D1",
  part: "crashes",
  missed: null,
  cases: 2,
  choices: 1,
  ms: 3,
} as const;
const defectsResult = {
  schema: DEFECTS_SCHEMA,
  version: "1.2.3+4",
  versions,
  of: 2,
  defects: [outcome, { ...outcome, invariant: null, part: null, cases: null, choices: null, missed: "why" }],
  seconds: 1.5,
} satisfies DefectsResult;
const defects = toJson(defectsResult);

/** Whether a file is as a schema says. */
const isValid = {
  check: validator("check"),
  counterexample: validator("counterexample"),
  defects: validator("defects"),
};

describe("A published schema", () => {
  test.each<[string, keyof typeof isValid, string]>([
    ["a result of a shard, with a violation and a count beyond 2^53", "check", result],
    ["a result with counts that are not as pinned", "check", pinned],
    ["a counterexample", "counterexample", counterexample],
    ["a counterexample of an older version, which says less", "counterexample", older],
    ["a result of the seeded defects", "defects", defects],
  ])("takes %s", (_, name, text) => {
    expect(isValid[name](text)).toBe(true);
  });

  test.each<[string, keyof typeof isValid, string]>([
    ["a result without versions", "check", result.replace(/ *"versions": \{[^}]*\},\n/, "")],
    ["a result with a field that is none", "check", result.replace("{", '{ "more": 1,')],
    ["a bound that cannot be", "check", result.replace('"length": 3', '"length": 0')],
    ["a count that is text", "check", result.replace('"left": 0', '"left": "0"')],
    ["a count below zero", "check", result.replace('"left": 0', '"left": -1')],
    ["another schema's name", "check", counterexample],
    ["a counterexample without its part", "counterexample", counterexample.replace(/ *"part".*\n/, "")],
    [
      "a defect that no invariant notices but X1",
      "defects",
      defects.replace('"D1"', '"X1"').replace('"invariant": "D1"', '"invariant": "X1"'),
    ],
    ["defects without their number", "defects", defects.replace(/ *"of".*\n/, "")],
    ["a counterexample to no invariant", "counterexample", counterexample.replace('"D1"', '"X1"')],
  ])("refuses %s", (_, name, text) => {
    expect(isValid[name](text)).toBe(false);
  });
});
