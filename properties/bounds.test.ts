import { describe, expect, test } from "vitest";
import {
  BOUND_NAMES,
  BOUND_TABLE,
  type Bounds,
  boundsSchema,
  PART_NAMES,
  PROFILE_NAMES,
  profileOf,
} from "./bounds.ts";
import { PARTS } from "./parts.ts";
import { RecordedChoice } from "../explore/recorded-choice.ts";
import { emptyCounts } from "./tally.ts";

describe("Bounds", () => {
  test.each(PROFILE_NAMES)("of the profile %s are allowed, and every bound is in the table", (name) => {
    for (const format of ["plain", "sentinel"] as const) {
      const bounds = profileOf(name, format);
      expect(boundsSchema.parse(bounds)).toEqual(bounds);
      expect(Object.keys(bounds).sort()).toEqual([...BOUND_NAMES].sort());
    }
  });

  test.each([
    ["length", 0, "from 1 to 12"],
    ["length", 1.5, "from 1 to 12"],
    ["length", "3", "from 1 to 12"],
    ["fuzzInputs", Number.MAX_SAFE_INTEGER, "from 1 to 1000000000"],
    ["stepsMax", 1, "from 1000 to 1000000000"],
    ["parts", [], "one or more of crashes, failing-calls"],
    ["parts", ["nope"], "one or more of crashes, failing-calls"],
    ["operations", ["append", "append"], "each at most once"],
    ["operations", "append", "one or more of append, append+sync"],
    ["format", "x", "one of plain, sentinel"],
    ["tornSectors", 1, "true or false"],
  ])("%s is not %j: the message says what is allowed", (name, value, sentence) => {
    const parsed = boundsSchema.safeParse({ ...profileOf("quick"), [name]: value });
    expect(parsed.error?.issues[0]?.message).toContain(sentence);
  });

  test.each([
    ["", Number.NaN],
    ["-1", Number.NaN],
    ["1e1", Number.NaN],
    ["0x10", Number.NaN],
    [" 1", Number.NaN],
    ["12", 12],
  ])("the text %j of a command line is %d", (text, value) => {
    expect(BOUND_TABLE.length.parse(text)).toBe(value);
  });

  const extremes = BOUND_NAMES.flatMap((name) => {
    const [, min, max] = /\((\d+) to (\d+)\)$/.exec(BOUND_TABLE[name].help) ?? [];
    return min === undefined ? [] : [[name, Number(min)] as const, [name, Number(max)] as const];
  });
  // The search of a part grows with its own bounds; that one run of each part begins and ends is what is
  // asked here.
  test.each(extremes.filter(([name]) => !name.startsWith("symbolic")))(
    "%s may be %d: a run of every part ends",
    async (name, value) => {
      const bounds: Bounds = { ...profileOf("quick"), [name]: value };
      expect(boundsSchema.parse(bounds)).toEqual(bounds);
      for (const part of PART_NAMES)
        await PARTS[part].runner()(bounds, new RecordedChoice([]), emptyCounts(), () => undefined);
    },
  );
});
