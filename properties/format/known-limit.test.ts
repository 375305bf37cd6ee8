/**
 * What F3 does not promise: one checksum behind a length cannot tell a record from a shorter one that its payload was made to hold.
 */
import { describe, expect, test } from "vitest";
import { decodeRecord } from "../../src/index.ts";
import { frameAt } from "../../src/record.ts";
import { misfit } from "../../src/scan.ts";
import { flip, TARGETS } from "./flips.ts";
import { laidOut } from "./layout.ts";
import { unnoticed } from "./long-bursts.ts";

const hex = (text: string): Buffer => Buffer.from(text, "hex");

/** CRC-32 of the 44 bytes of the header of an empty first record, all zero; printed by python3's zlib. */
const CRC_OF_EMPTY = hex("1c662483");

/** A stream's first record whose payload is that checksum. */
const MADE = laidOut({
  offset: 0n,
  prevHash: Buffer.alloc(32),
  kind: "data",
  compression: "none",
  payload: CRC_OF_EMPTY,
});

/** The bit of the length field that is set for 4. */
const BIT = 40 * 8 + 2;

describe("F3 known limit: a payload that holds the CRC of its own beginning", () => {
  test("one flipped bit in the length makes an empty record of it", () => {
    expect(decodeRecord(MADE).record.payload).toHaveLength(4);
    const damaged = Buffer.from(MADE);
    flip(damaged, BIT);
    expect(decodeRecord(damaged)).toMatchObject({ size: 48, record: { offset: 0n, kind: "data" } });
  });

  test("the solver of long bursts finds it", () => {
    expect(unnoticed(Buffer.from(MADE), BIT, 0)).toEqual([BIT]);
    expect(unnoticed(Buffer.from(MADE), BIT + 1, 0)).toEqual([]);
  });
});

test("F3 bursts that the CRC of an ordinary record does not notice are refused for their place", () => {
  const target = TARGETS[0];
  if (target === undefined) throw new Error("There are no targets.");
  const { bytes, bits } = target;
  const found: number[][] = [];
  for (let first = 0; first + 32 <= bits; first += 1)
    for (let payload = 0; payload <= bytes.length - 48; payload += 1) {
      const flipped = unnoticed(bytes, first, payload);
      if (flipped.length > 0) found.push(flipped);
    }
  expect(found.length).toBeGreaterThan(0);
  for (const flipped of found) {
    const damaged = Buffer.from(bytes);
    for (const bit of flipped) flip(damaged, bit);
    const frame = frameAt(damaged, 0, damaged.length);
    if (!frame.ok) continue;
    expect(misfit(damaged, 0, frame, 0, Buffer.alloc(32))?.code).toMatch(/^(wrong-offset|broken-chain)$/);
  }
});
