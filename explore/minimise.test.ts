import { expect, test } from "vitest";
import type { Chosen } from "./choice.ts";
import { minimise } from "./minimise.ts";

test("Simpler choices that go wrong in the same way replace those that were found, and no others do", async () => {
  const found = {
    what: "5 of 9",
    choices: [
      { what: "a", chosen: 5, of: 9 },
      { what: "b", chosen: 1, of: 9 },
    ],
  };
  // Wrong from 3 on; what is answered second does not matter.
  const least = await minimise((choice) => {
    const a = choice.choose(9, "a");
    choice.choose(9, "b");
    return Promise.resolve(a >= 3 ? `${a} of 9` : undefined);
  }, found);
  expect(least).toEqual({
    what: "3 of 9",
    choices: [
      { what: "a", chosen: 3, of: 9 },
      { what: "b", chosen: 0, of: 9 },
    ],
  });
});

test("What replaces it is simpler, also where a run does not ask what the one before asked", async () => {
  const answers = (choices: readonly Chosen[]): number[] => choices.map(({ chosen }) => chosen);
  const taken: number[][] = [];
  let runs = 0;
  const found = {
    what: [3, 2],
    choices: [
      { what: "a", chosen: 3, of: 4 },
      { what: "b", chosen: 2, of: 4 },
    ],
  };
  const least = await minimise((choice) => {
    runs += 1;
    const path = Array.from({ length: (runs % 4) + 1 }, () => choice.choose((runs % 3) + 2, "asked"));
    taken.push(path);
    return Promise.resolve(runs % 2 === 0 ? path : undefined);
  }, found);
  expect(least.what).toEqual(answers(least.choices));
  const replaced = taken.filter((_, run) => run % 2 === 1);
  expect(replaced.length).toBeGreaterThan(1);
  for (const [i, path] of replaced.entries()) {
    const before = replaced[i - 1] ?? found.what;
    const at = path.findIndex((answer, place) => answer !== before[place]);
    expect(at === -1 ? path.length < before.length : (path[at] ?? 0) < (before[at] ?? -1)).toBe(true);
  }
});
