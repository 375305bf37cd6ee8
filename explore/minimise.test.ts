import { expect, test } from "vitest";
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
