import { describe, expect, test } from "vitest";
import { profileOf } from "./bounds.ts";
import { CounterexampleError, parseCounterexample, serializeCounterexample } from "./counterexample.ts";

const ESCAPE = "\u001b[31m\u009b2J\u202e";
const bounds = profileOf("quick");
const operation = { what: "operation 1: append, sync", chosen: 1, of: 2 };
const counterexample = {
  schema: "kimberlite-storage/counterexample@2",
  bounds,
  part: "crashes",
  invariant: "D1",
  expected: "two records\n\tat least",
  seen: "none",
  choices: [operation],
};

describe("A counterexample file", () => {
  test("is read as it was written", () => {
    const { part, invariant, expected, seen, choices } = counterexample;
    const written = serializeCounterexample(bounds, "crashes", { invariant: "D1", expected, seen, choices });
    expect(parseCounterexample(written)).toMatchObject({ bounds, part, invariant, expected, seen, choices });
  });

  test("says what wrote it and which check does not hold; one that says neither, as older ones, is read", () => {
    const versions = { package: "1.2.3", node: "20.19.0", commit: "c0ffee" };
    const found = { invariant: "D1", check: "recovery", expected: "", seen: "", choices: [] } as const;
    expect(parseCounterexample(serializeCounterexample(bounds, "crashes", found, versions))).toMatchObject({
      versions,
      check: "recovery",
    });
    expect(parseCounterexample(JSON.stringify(counterexample))).toEqual(counterexample);
  });

  test("names what a terminal would act upon by its code point", () => {
    const found = { invariant: "D1", expected: ESCAPE, seen: "a\nb", choices: [operation] } as const;
    const { expected, seen } = parseCounterexample(serializeCounterexample(bounds, "crashes", found));
    expect(expected).toBe("U+001B[31mU+009B2JU+202E");
    expect(seen).toBe("a\nb");
  });

  test.each([
    ["no JSON", "{", "This is not JSON."],
    ["another schema", { schema: "x" }, "This is no kimberlite-storage/counterexample@2 file"],
    ["no schema", {}, "its schema is not there"],
    [
      "the schema of another version",
      { ...counterexample, schema: "kimberlite-storage/counterexample@1" },
      "This file was written by another version: its schema is kimberlite-storage/counterexample@1",
    ],
    ["no object", null, "This is no kimberlite-storage/counterexample@2 file"],
    ["missing fields", { ...counterexample, choices: undefined }, "choices"],
    [
      "unknown fields",
      { ...counterexample, [ESCAPE]: 1 },
      "it must have the fields schema, versions, bounds,",
    ],
    ["an unknown invariant", { ...counterexample, invariant: "ZZZ" }, "invariant must be one of F1, F2,"],
    ["a negative answer", { ...counterexample, choices: [{ ...operation, chosen: -1 }] }, "choices.0.chosen"],
    [
      "an answer that is no number",
      { ...counterexample, choices: [{ ...operation, chosen: "1" }] },
      "choices.0.chosen",
    ],
    ["an answer beyond the last", { ...counterexample, choices: [{ ...operation, chosen: 7 }] }, "choices.0"],
    [
      "too few steps",
      { ...counterexample, bounds: { ...bounds, stepsMax: 1 } },
      "bounds.stepsMax must be a whole number from 1000",
    ],
    [
      "a bound too large",
      { ...counterexample, bounds: { ...bounds, length: 13 } },
      "bounds.length must be a whole number from 1 to 12",
    ],
    [
      "a missing bound",
      { ...counterexample, bounds: { ...bounds, format: undefined } },
      "bounds.format must be one of plain, sentinel",
    ],
    ["an unknown part", { ...counterexample, part: "luck" }, "part"],
    ["escapes in the invariant", { ...counterexample, invariant: `D1${ESCAPE}` }, "invariant must be one of"],
    [
      "escapes in a label",
      { ...counterexample, choices: [{ ...operation, what: ESCAPE }] },
      "choices.0.what must have no control characters",
    ],
    [
      "versions that are none",
      { ...counterexample, versions: { package: "1.2.3", node: `20\n# ${ESCAPE}`, commit: null } },
      "versions.node must be versions",
    ],
    [
      "a commit that is none",
      { ...counterexample, versions: { package: "1.2.3", node: "20", commit: "main`" } },
      "versions.commit must be the name of a commit",
    ],
    ["escapes in what was seen", { ...counterexample, seen: ESCAPE }, "seen must have no control characters"],
  ])("with %s is refused in words", (_, content, sentence) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const parse = (): unknown => parseCounterexample(text);
    expect(parse).toThrow(CounterexampleError);
    expect(parse).toThrow(sentence);
  });
});
