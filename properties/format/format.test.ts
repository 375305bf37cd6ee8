import { test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { encoded } from "../../e2e/by-hand.ts";
import { PROFILES } from "../bounds.ts";
import { Odometer } from "../choices.ts";
import { HARNESSES } from "../documents/harnesses.ts";
import { randomChoice } from "../random-choice.ts";
import { SplitMix } from "../splitmix.ts";
import { emptyCounts } from "../tally.ts";
import { BinarySystem } from "./binary-system.ts";
import { fuzzInput } from "./fuzz.ts";
import { CODINGS, COMPRESSIONS, expected, laidOut } from "./layout.ts";
import { FORMAT, SECTIONS } from "./part.ts";
import { SAMPLES } from "./samples.ts";

const bounds = PROFILES.quick;

/** Printed by a transcription of `splitmix.ts` into python3. */
const DRAWN = [3566392373, 2584963808, 3656047805];

describe("The part format", () => {
  property.prop([randomChoice(12)], { numRuns: 300 })(
    "F1-F6, H1, H2, Z1, Z2: hold for any answers",
    async (choice) => {
      const counts = emptyCounts();
      await FORMAT.run(PROFILES.nightly, choice, counts, () => undefined);
      expect(counts.cases.format).toBe(1);
    },
  );

  test("the units begin with every answer to the first questions, and fit them", async () => {
    const units = await FORMAT.units(bounds);
    expect(new Set(units.map((unit) => unit[0]?.chosen)).size).toBe(SECTIONS.length);
    for (const unit of units.filter((one) => one[1]?.chosen === 0)) {
      const odometer = new Odometer(unit.filter(({ of }) => of > 1).map(({ chosen }) => chosen));
      odometer.begin();
      await FORMAT.run(bounds, odometer, emptyCounts(), () => undefined);
      const asked = unit.filter(({ of }) => of > 1);
      expect(odometer.path().slice(0, asked.length)).toEqual(asked);
    }
  });

  test("sections have names that a label can list", () => {
    const names = SECTIONS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.join("")).not.toContain(",");
  });

  test("every harness has sections that are run, for its invariant", () => {
    expect(HARNESSES).toHaveLength(18);
    expect(new Set(HARNESSES.map(({ name }) => name)).size).toBe(18);
    for (const { invariant, sections } of HARNESSES) {
      expect(sections.length).toBeGreaterThan(0);
      for (const section of sections) expect(SECTIONS).toContain(section);
      expect(sections.flatMap(({ invariants }) => invariants)).toContain(invariant);
    }
  });
});

describe("What the inputs are made with", () => {
  test.each(CODINGS)("records laid out by hand are those of another hand ($kind, $compression)", (coding) => {
    const record = {
      ...coding,
      offset: 2n ** 40n,
      prevHash: Buffer.alloc(32, 9),
      payload: Buffer.from("payload"),
    };
    const compression = COMPRESSIONS.indexOf(coding.compression);
    expect(laidOut(record).equals(encoded({ ...record, compression }))).toBe(true);
    expect(expected(laidOut(record))).toMatchObject({ ...coding, offset: 2n ** 40n, size: 55 });
  });

  test.each(SAMPLES)("the sample is a record: $name", ({ bytes }) => {
    expect(expected(bytes)).toMatchObject({ size: bytes.length });
    expect(expected(bytes.subarray(0, -1))).toBe("incomplete");
    expect(expected(Buffer.from(bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte))))).toBe("invalid");
  });

  test("drawn numbers are those of another program", () => {
    const random = new SplitMix(1, 2);
    expect([random.next(), random.next(), random.next()]).toEqual(DRAWN);
  });

  test("a drawn input is determined by the seed and its number", () => {
    expect(fuzzInput(1, 7).bytes.equals(fuzzInput(1, 7).bytes)).toBe(true);
    const inputs = Array.from({ length: 700 }, (_, input) => fuzzInput(1, input).bytes.toString("hex"));
    expect(new Set(inputs).size).toBeGreaterThan(600);
    expect(inputs[7]).not.toBe(fuzzInput(2, 7).bytes.toString("hex"));
  });

  test("equations over bits are solved", () => {
    const system = new BinarySystem([0b0011, 0b0110, 0b1000]);
    expect(system.dependent).toBeUndefined();
    expect(system.solve(0b0101)).toBe(0b011);
    expect(system.solve(0b1110)).toBe(0b110);
    expect(system.solve(0)).toBe(0);
    expect(system.solve(0b0001)).toBeUndefined();
    expect(new BinarySystem([0b0011, 0b0110, 0b0101]).dependent).toBe(0b111);
    expect(new BinarySystem([2 ** 31, 1]).solve(2 ** 31 + 1)).toBe(0b11);
  });
});
