/**
 * The same operations and invariants beyond the bounds of the exhaustive check: longer sequences, larger
 * payloads, every codec, several crashes in a row, faults in larger directories. A failure says how to run it
 * again.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import type { Choice } from "../explore/choice.ts";
import { type Bounds, type PartName, profileOf } from "./bounds.ts";
import { PARTS } from "./parts.ts";
import { parseCounterexample, serializeCounterexample } from "./counterexample.ts";
import type { Chosen } from "../explore/choice.ts";
import { OPERATIONS } from "./operations.ts";
import { asCounterexample, type Run } from "./part.ts";
import { asFailure } from "../explore/failure.ts";
import { randomChoice } from "../explore/random-choice.ts";
import { emptyCounts, Violation } from "./tally.ts";

/** Runs a part once; what it finds is written to a file, and the error says how to run it again. */
async function run(
  part: PartName,
  bounds: Bounds,
  choice: Choice,
  { runs, directory }: { runs: Run; directory: string } = {
    runs: PARTS[part].runner(),
    directory: "counterexamples",
  },
): Promise<void> {
  const choices: Chosen[] = [];
  const noted: Choice = {
    choose(n, what) {
      const chosen = choice.choose(n, what);
      if (n > 1) choices.push({ what, chosen, of: n });
      return chosen;
    },
  };
  try {
    await runs(bounds, noted, emptyCounts(), () => undefined);
  } catch (error) {
    const found = asCounterexample(asFailure(error, () => choices));
    const file = `${directory}/random-${found.invariant}.json`;
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, serializeCounterexample(bounds, part, found));
    throw new Error(`${String(error)}\nRun it again: npx kmb replay ${file}`, { cause: error });
  }
}

/** Larger than any profile in every direction. */
const larger: fc.Arbitrary<Bounds> = fc
  .record({
    format: fc.constantFrom("plain", "sentinel"),
    compression: fc.constantFrom("none", "lz4", "zstd"),
    durability: fc.constantFrom("standard", "strict"),
    persistence: fc.constantFrom("posix", "ordered-metadata", "prefix"),
    sectorBytes: fc.constantFrom(16, 40, 49, 59, 512),
    tornSectors: fc.boolean(),
    maxSegmentBytes: fc.constantFrom(150, 400, 5000),
    checkpointEvery: fc.constantFrom(0, 2, 3, 7),
    indexLogMaxEntries: fc.constantFrom(1, 2, 5),
    readChunkBytes: fc.constantFrom(16, 100, 4096),
  })
  .map((drawn) => ({
    ...profileOf("nightly"),
    ...drawn,
    operations: OPERATIONS.map(({ name }) => name),
    length: 12,
    faultLength: 6,
    recoveryCrashes: 3,
  }));

property.prop([larger, randomChoice(200)], { numRuns: 400 })(
  "D1-D5, H1, H2, I1, M1-M3, S1: random walks of up to 12 operations, crashed up to four times in a row, find nothing",
  (bounds, choice) => run("crashes", bounds, choice),
);

property.prop([larger, randomChoice(30)], { numRuns: 300 })(
  "D6, D7: a random call that fails in a random sequence of up to 6 operations finds nothing",
  (bounds, choice) => run("failing-calls", bounds, choice),
);

property.prop([larger, randomChoice(30)], { numRuns: 80 })(
  "C1-C4, I2, S2: a random fault in the stored bytes of a random sequence of up to 6 operations finds nothing",
  (bounds, choice) => run("stored-bytes", bounds, choice),
);

test("a failure says how to run it again, and the file holds what led to it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "random-"));
  const wrong: Run = (_, choice) => {
    const [first, second] = [choice.choose(3, "first"), choice.choose(9, "second")];
    throw new Violation("D1", "nothing", `${first} ${second}`);
  };
  const last: Choice = { choose: (n) => n - 1 };
  await expect(run("crashes", profileOf("quick"), last, { runs: wrong, directory })).rejects.toThrow(
    `Run it again: npx kmb replay ${directory}/random-D1.json`,
  );
  expect(parseCounterexample(readFileSync(join(directory, "random-D1.json"), "utf8"))).toMatchObject({
    part: "crashes",
    invariant: "D1",
    seen: "2 8",
    choices: [
      { what: "first", chosen: 2, of: 3 },
      { what: "second", chosen: 8, of: 9 },
    ],
  });
  rmSync(directory, { recursive: true });
});
