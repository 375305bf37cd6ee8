import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { type Bounds, PART_NAMES, profileOf } from "./bounds.ts";
import { directoryNames } from "./faults/stored-states.ts";
import { answersTo } from "./part.ts";
import { type Unit, unitsOf } from "./parts.ts";
import { planOf, sharesOf, unitsOfShare } from "./shards.ts";
import { costOf, isMeasured } from "./unit-costs.ts";

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const costs = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 60 });

function loadsOf(units: readonly number[], of: number): number[] {
  const shares = sharesOf(units, of);
  return Array.from({ length: of }, (_, shard) => sum(units.filter((_, i) => shares[i] === shard + 1)));
}

describe("Shards", () => {
  property.prop([costs, fc.integer({ min: 1, max: 12 })])(
    "have every unit once, all of them together",
    (units, of) => {
      const shares = sharesOf(units, of);
      expect(shares.length).toBe(units.length);
      for (const share of shares) expect(share).toSatisfy((index: number) => index >= 1 && index <= of);
      expect(sum(loadsOf(units, of))).toBe(sum(units));
    },
  );

  property.prop([costs, fc.integer({ min: 1, max: 12 })])(
    "have no more to do than the mean and the costliest unit",
    (units, of) => {
      const most = Math.max(...loadsOf(units, of));
      expect(most).toBeLessThanOrEqual(sum(units) / of + Math.max(0, ...units));
    },
  );

  test("are equally costly where the units allow it, not equally many", () => {
    expect(sharesOf([9, 1, 1, 1, 1, 1, 4], 2)).toEqual([1, 2, 2, 2, 2, 2, 2]);
    expect(sharesOf([3, 3, 3, 3], 2)).toEqual([1, 2, 1, 2]);
    expect(sharesOf([1, 1, 2], 2)).toEqual([2, 2, 1]);
  });

  test("keep the units of a part in order, and have each once", async () => {
    const units = await unitsOf(profileOf("quick"), "tampering");
    const shares = [1, 2, 3].map((index) => unitsOfShare(units, "plain", { index, of: 3 }));
    const at = (unit: Unit): number => units.indexOf(unit);
    for (const share of shares) expect(share.map(at)).toEqual(share.map(at).sort((a, b) => a - b));
    expect(
      shares
        .flat()
        .map(at)
        .sort((a, b) => a - b),
    ).toEqual([...units.keys()]);
  });

  test.each(["plain", "sentinel"] as const)(
    "of the format %s have units of which all were measured",
    async (format) => {
      const bounds = profileOf("quick", format);
      for (const part of PART_NAMES) {
        // To list these takes seconds; what they are told apart by is their first answer.
        const units =
          part === "crashes" || part === "stored-bytes" ? firstUnits(bounds) : await unitsOf(bounds, part);
        for (const unit of units) {
          expect(unit).toSatisfy((one: Unit) => isMeasured(one, format));
          expect(costOf(unit, format)).toBeGreaterThan(0);
        }
      }
    },
  );
});

/** A unit of the crashes, and one for each directory whose stored bytes are changed. */
function firstUnits({ format }: Bounds): Unit[] {
  const names = directoryNames(format);
  const what = `directory: ${names.join(", ")}`;
  const directories = answersTo(what, names.length).map(
    (begins) => ({ part: "stored-bytes", begins }) as const,
  );
  return [{ part: "crashes", crashes: { workload: [], points: [{ place: 1, stream: 0 }] } }, ...directories];
}

test("A list of units is named by all of its units and their order", () => {
  const unit = (chosen: number): Unit => ({ part: "format", begins: [{ what: "section", chosen, of: 3 }] });
  const plans = [[], [unit(0)], [unit(0), unit(1)], [unit(1), unit(0)], [unit(0), unit(2)]].map(planOf);
  expect(new Set(plans).size).toBe(plans.length);
  expect(planOf([unit(0), unit(1)])).toBe(plans[2]);
});
