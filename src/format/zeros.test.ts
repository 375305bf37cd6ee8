import { expect, test } from "vitest";

import { isZeros } from "./zeros.ts";

test("any length of zeros, and none with another byte anywhere", () => {
  for (const length of [0, 1, 2, 3, 7, 8, 9, 100]) {
    expect(isZeros(new Uint8Array(length))).toBe(true);
    for (let at = 0; at < length; at += 1) {
      for (const byte of [1, 0x80, 0xff]) {
        const bytes = new Uint8Array(length);
        bytes[at] = byte;
        expect(isZeros(bytes)).toBe(false);
      }
    }
    expect(isZeros(new Uint8Array(length).fill(1))).toBe(length === 0);
  }
});
