import { describe, expect, test } from "vitest";
import { type Bounds, profileOf } from "../bounds.ts";
import { Odometer } from "../../explore/odometer.ts";
import { searchPart } from "../part.ts";
import { addCounts, emptyCounts, Violation } from "../tally.ts";
import { chooseTampered, EngineFiles, type Tampered } from "./case.ts";
import { editsOf } from "./edits.ts";
import { OTHERWISE } from "./rules.ts";
import { judge, TAMPERING, type Verified, verdictsOn } from "./tampering.ts";

const SMALL: Bounds = { ...profileOf("quick"), tamperedRecords: 2 };

/** The first case of an edit that `fits`. */
function firstCase(name: string, fits: (tampered: Tampered) => boolean = () => true): Tampered {
  const odometer = new Odometer([editsOf("plain").findIndex((edit) => edit.name === name)]);
  do {
    odometer.begin();
    const tampered = chooseTampered(profileOf("quick"), odometer);
    if (tampered !== undefined && fits(tampered)) return tampered;
  } while (odometer.advance());
  throw new RangeError(`There is no such case of "${name}".`);
}

function judged(tampered: Tampered, verified: Verified): string {
  try {
    judge(tampered, verified, emptyCounts(), () => undefined);
    return "right";
  } catch (error) {
    if (error instanceof Violation) return error.invariant;
    throw error;
  }
}

test("H3, H4: every edit of every log of up to 2 records is revealed to whom the rules say", async () => {
  const counts = emptyCounts();
  const run = TAMPERING.runner();
  for (const unit of await TAMPERING.units(SMALL)) {
    const result = await searchPart(run, SMALL, unit);
    expect(result.counterexample).toBeUndefined();
    expect(result.counts.cases.tampering).toBeGreaterThan(0);
    addCounts(counts, result.counts);
  }
  expect(counts.cases.tampering).toBe(529);
});

describe("A reader that is wrong is caught", () => {
  test("H3: one that believes what does not hold together", () => {
    const tampered = firstCase("payload of a data record changed", ({ row }) => row.after === OTHERWISE);
    const { forged, original } = tampered;
    const verdict = { flaw: undefined, records: forged, head: original.at(-1)?.hash ?? Buffer.alloc(0) };
    expect(judged(tampered, { reader: "model", verdict, beside: "any" })).toBe("H3");
  });

  test("H4: one that sees damage where there is none", () => {
    const tampered = firstCase("segment borders moved");
    const verdict = { flaw: "The borders are not where they were." };
    expect(judged(tampered, { reader: "model", verdict, beside: "any" })).toBe("H4");
  });

  test("H4: one that hides a record", () => {
    const tampered = firstCase("nothing", ({ forged }) => forged.length === 2);
    const { forged, original } = tampered;
    const head = original.at(-1)?.hash ?? Buffer.alloc(0);
    const whole = { flaw: undefined, records: forged, head };
    const cut = { ...whole, records: forged.slice(0, 1) };
    expect(judged(tampered, { reader: "engine", verdict: whole, beside: "rebuilt" })).toBe("right");
    expect(judged(tampered, { reader: "engine", verdict: cut, beside: "rebuilt" })).toBe("H4");
  });
});

test("the head of [q, p] is that of one record hash(q) || p, and only the count tells them apart", async () => {
  const tampered = firstCase("first records folded into one with their hash in its payload");
  const { original, forged } = tampered;
  expect([original.length, forged.length]).toEqual([2, 1]);
  expect(hex(forged[0]?.payload)).toBe(`${hex(original[0]?.hash)}${hex(original[1]?.payload)}`);
  for (const { verdict } of (await verdictsOn(tampered, emptyCounts(), new EngineFiles())).filter(
    ({ beside }) => beside !== "left as they were",
  )) {
    if (verdict.flaw !== undefined) throw new Error(verdict.flaw);
    expect(verdict.records).toHaveLength(1);
    expect(hex(verdict.head)).toBe(hex(original[1]?.hash));
  }
});

function hex(bytes: Uint8Array = Buffer.alloc(0)): string {
  return Buffer.from(bytes).toString("hex");
}
