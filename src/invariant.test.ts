import { expect, test } from "vitest";
import { invariant } from "./invariant.ts";

test("An invariant that holds does nothing, and one that does not is thrown with its sentence", () => {
  expect(() => {
    invariant(true, "All is well.");
  }).not.toThrow();
  expect(() => {
    invariant(false, "All is well.");
  }).toThrow("It does not hold: All is well.");
});
