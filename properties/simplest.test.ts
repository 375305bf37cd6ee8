import { expect, test } from "vitest";
import { profileOf } from "./bounds.ts";

import { type Counterexample, type Run, simplest } from "./part.ts";
import { Violation } from "./tally.ts";

/**
 * So many operations, each of ten; wrong if a 7 comes before a 5, however far, and a third question is
 * answered with 2 or more.
 */
const sevenThenFive: Run = (_, choice) => {
  const length = choice.choose(6, "operations, less one") + 1;
  const operations = Array.from({ length }, (__, i) => choice.choose(10, `operation ${i + 1}`));
  const moment = choice.choose(20, "moment");
  const seven = operations.indexOf(7);
  if (seven >= 0 && operations.includes(5, seven) && moment >= 2) {
    throw new Violation("D2", "no five behind a seven", `${operations.join("")} at ${moment}`);
  }
  if (moment === 1) throw new Violation("D1", "another invariant", "");
};

const found = (operations: readonly number[], moment: number): Counterexample => ({
  invariant: "D2",
  expected: "",
  seen: "",
  choices: [
    { what: "operations, less one", chosen: operations.length - 1, of: 6 },
    ...operations.map((chosen, i) => ({ what: `operation ${i + 1}`, chosen, of: 10 })),
    { what: "moment", chosen: moment, of: 20 },
  ],
});

test.each([
  [[7, 5], 19],
  [[1, 7, 3, 5], 4],
  [[9, 7, 9, 9, 5, 9], 13],
])("a counterexample of %j at %i becomes the smallest that there is", async (operations, moment) => {
  const { seen, invariant, choices } = await simplest(
    sevenThenFive,
    profileOf("quick"),
    found(operations, moment),
  );
  expect([invariant, seen]).toEqual(["D2", "75 at 2"]);
  expect(choices.map(({ chosen }) => chosen)).toEqual([1, 7, 5, 2]);
});

test("what cannot be made smaller stays", async () => {
  const smallest = found([7, 5], 2);
  expect(await simplest(sevenThenFive, profileOf("quick"), smallest)).toBe(smallest);
});
