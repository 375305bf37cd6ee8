import { test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { encoded } from "../../e2e/by-hand.ts";
import { sentinelBytes } from "../../e2e/kimberlite-writer.ts";
import type { Format } from "../../src/types.ts";
import { type Bounds, profileOf } from "../bounds.ts";
import { Odometer } from "../../explore/odometer.ts";
import { HARNESSES } from "../documents/harnesses.ts";
import { randomChoice } from "../../explore/random-choice.ts";
import { SplitMix } from "../splitmix.ts";
import { emptyCounts } from "../tally.ts";
import { BinarySystem } from "./binary-system.ts";
import { fuzzInput } from "./fuzz.ts";
import {
  codingsOf,
  COMPRESSIONS,
  expected,
  type Fields,
  laidOut,
  layoutOf,
  overheadBytes,
} from "./layout.ts";
import { FORMAT, SECTIONS, sectionsIn } from "./format.ts";
import { samplesOf } from "./samples.ts";
import { storedFilesOf } from "./stored-files.ts";

const FORMATS: readonly Format[] = ["plain", "sentinel"];

const boundsFor = (format: Format): Bounds => profileOf("quick", format);

const run = FORMAT.runner();

/** Printed by a transcription of `splitmix.ts` into python3. */
const DRAWN = [3566392373, 2584963808, 3656047805];

describe.each(FORMATS)("The part format (%s)", (format) => {
  const bounds = boundsFor(format);

  property.prop([randomChoice(12)], { numRuns: 300 })(
    "F1-F6, H1, H2, Z1, Z2: hold for any answers",
    async (choice) => {
      const counts = emptyCounts();
      await run(profileOf("nightly", format), choice, counts, () => undefined);
      expect(counts.cases.format).toBe(1);
    },
  );

  test("the units begin with every answer to the first questions, and fit them", async () => {
    const units = await FORMAT.units(bounds);
    expect(new Set(units.map((unit) => unit[0]?.chosen)).size).toBe(sectionsIn(bounds).length);
    for (const unit of units.filter((one) => one[1]?.chosen === 0)) {
      const odometer = new Odometer(unit.filter(({ of }) => of > 1).map(({ chosen }) => chosen));
      odometer.begin();
      await run(bounds, odometer, emptyCounts(), () => undefined);
      const asked = unit.filter(({ of }) => of > 1);
      expect(odometer.path().slice(0, asked.length)).toEqual(asked);
    }
  });
});

describe("The sections", () => {
  test("each is run in one format at least, and what both formats have in both", () => {
    const [plain, sentinel] = [sectionsIn(boundsFor("plain")), sectionsIn(boundsFor("sentinel"))];
    expect(new Set([...plain, ...sentinel])).toEqual(new Set(SECTIONS));
    for (const section of SECTIONS.filter(({ formats }) => formats === undefined)) {
      expect(plain).toContain(section);
      expect(sentinel).toContain(section);
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

/** The record as somebody else lays it out. */
function byAnotherHand(format: Format, record: Fields): Buffer {
  const compression = COMPRESSIONS.indexOf(record.compression);
  if (format === "plain") return encoded({ ...record, compression });
  const { kind } = record;
  if (kind === "redacted") throw new Error("Kimberlite has no redacted records.");
  return sentinelBytes({ ...record, kind }, { compression, bytes: record.payload });
}

describe.each(FORMATS)("What the inputs are made with (%s)", (format) => {
  test.each(codingsOf(format))(
    "records laid out by hand are those of another hand ($kind, $compression)",
    (coding) => {
      const record: Fields = {
        ...coding,
        offset: 2n ** 40n,
        prevHash: Buffer.alloc(32, 9),
        payload: Buffer.from("payload"),
      };
      const bytes = laidOut(format, record);
      expect(bytes.equals(byAnotherHand(format, record))).toBe(true);
      expect(expected(format, bytes)).toMatchObject({ ...record, size: bytes.length });
      expect(overheadBytes(format)).toBe(bytes.length - record.payload.length);
    },
  );

  test.each(samplesOf(format))("the sample is a record: $name", ({ bytes }) => {
    expect(expected(format, bytes)).toMatchObject({ size: bytes.length });
    expect(expected(format, bytes.subarray(0, -1))).toBe("incomplete");
    const changed = (place: number): Buffer =>
      Buffer.from(bytes.map((byte, at) => (at === place ? byte ^ 1 : byte)));
    expect(expected(format, changed(layoutOf(format).prevHash))).toBe("invalid");
    expect(expected(format, changed(bytes.length - 1))).toBe("invalid");
  });

  test.each(storedFilesOf(format))("the file is what its reader takes: $parser.name", async (file) => {
    for (const bytes of file.originals) {
      const resealed = Buffer.from(bytes);
      file.reseal?.(resealed);
      expect(resealed.equals(bytes)).toBe(true);
      await file.parser.check(emptyCounts(), format, bytes);
    }
  });
});

describe("What is drawn and solved", () => {
  test("drawn numbers are those of another program", () => {
    const random = new SplitMix(1, 2);
    expect([random.next(), random.next(), random.next()]).toEqual(DRAWN);
  });

  test("a drawn input is determined by the seed and its number", () => {
    const drawn = (format: Format, seed: number, input: number): string =>
      fuzzInput(format, seed, input).bytes.toString("hex");
    for (const format of FORMATS) {
      expect(drawn(format, 1, 7)).toBe(drawn(format, 1, 7));
      const inputs = Array.from({ length: 700 }, (_, input) => drawn(format, 1, input));
      expect(new Set(inputs).size).toBeGreaterThan(600);
      expect(inputs[7]).not.toBe(drawn(format, 2, 7));
    }
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
