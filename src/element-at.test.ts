/** Indexing where there must be an element. */
import { expect, test } from "vitest";

import { elementAt } from "./element-at.ts";

test.each([[["a", "b"], "b"] as const, [Uint8Array.of(7, 0), 0] as const])(
  "an element is given, also one that counts for false; where there is none, RangeError",
  (list: ArrayLike<string | number>, last) => {
    expect(elementAt(list, 1)).toBe(last);
    for (const index of [2, -1, 0.5, Number.NaN]) expect(() => elementAt(list, index)).toThrow(RangeError);
  },
);
