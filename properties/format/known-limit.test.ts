/**
 * What F3 does not promise: one checksum behind a length cannot tell a record from a shorter one that its
 * payload was made to hold, nor from a longer one whose checksum the next record's payload was made to hold.
 */
import { describe, expect, test } from "vitest";
import { formatNamed } from "../../src/format/formats.ts";
import { decodeRecord } from "../../src/index.ts";
import { frameAt } from "../../src/format/record.ts";
import { misfit } from "../../src/format/misfit.ts";
import type { Format } from "../../src/types.ts";
import { readFrames } from "../../model/index-reader.ts";
import { flip, targetsOf } from "./flips.ts";
import { expected, laidOut, overheadBytes } from "./layout.ts";
import { unnoticed } from "./long-bursts.ts";
import { madeFrames } from "./made-frames.ts";
import { madeSegmentsOf } from "./made-lengths.ts";
import { itemAt } from "./section.ts";

const hex = (text: string): Buffer => Buffer.from(text, "hex");

/**
 * A stream's first record whose payload is what an empty one has behind its header: the CRC, and the mark if
 * there is one.
 */
const made = (format: Format, trailer: Buffer): Buffer =>
  laidOut(format, {
    offset: 0n,
    prevHash: Buffer.alloc(32),
    kind: "data",
    compression: "none",
    payload: trailer,
  });

describe.each([
  // CRC-32 of 44 zero bytes, printed by python3's zlib; `bit` is the one of the length field that is set for
  // 4.
  { format: "plain", trailer: hex("1c662483"), bit: 40 * 8 + 2 },
  // CRC-32 of the first mark and 46 zero bytes, and the mark behind it; `bit` is the one for 8.
  { format: "sentinel", trailer: hex("953a9a1642eeffc0"), bit: 46 * 8 + 3 },
] as const)("F3 known limit: a payload that ends a record of its own beginning ($format)", (given) => {
  const { format, trailer, bit } = given;
  const bytes = made(format, trailer);

  test("one flipped bit in the length makes an empty record of it", () => {
    expect(decodeRecord(bytes, format).record.payload).toHaveLength(trailer.length);
    const damaged = Buffer.from(bytes);
    flip(damaged, bit);
    const size = overheadBytes(format);
    expect(decodeRecord(damaged, format)).toMatchObject({ size, record: { offset: 0n, kind: "data" } });
  });

  test("the solver of long bursts finds it", () => {
    expect(unnoticed(format, Buffer.from(bytes), bit, 0).flipped).toEqual([bit]);
    expect(unnoticed(format, Buffer.from(bytes), bit + 1, 0).flipped).toEqual([]);
  });
});

/** The bursts that marks and CRC of the smallest ordinary record do not notice. */
function bursts(format: Format): (readonly number[])[] {
  const { bytes, bits } = itemAt(targetsOf(format), 0);
  const found: (readonly number[])[] = [];
  for (let first = 0; first + 32 <= bits; first += 1)
    for (let payload = 0; payload <= bytes.length - overheadBytes(format); payload += 1) {
      const { flipped } = unnoticed(format, bytes, first, payload);
      if (flipped.length > 0) found.push(flipped);
    }
  return found;
}

test("F3 bursts that the CRC of an ordinary record does not notice are refused for their place", () => {
  const { bytes } = itemAt(targetsOf("plain"), 0);
  const found = bursts("plain");
  expect(found.length).toBeGreaterThan(0);
  for (const flipped of found) {
    const damaged = Buffer.from(bytes);
    for (const bit of flipped) flip(damaged, bit);
    const format = formatNamed("plain");
    const frame = frameAt(format, damaged, 0, damaged.length);
    if (!frame.ok) continue;
    const flaw = misfit(format, damaged, 0, frame, 0, Buffer.alloc(32));
    expect(flaw?.code).toMatch(/^(wrong-offset|broken-chain)$/);
  }
});

test("F3 marks and CRC of an ordinary record of format sentinel notice every burst", () => {
  expect(bursts("sentinel")).toEqual([]);
});

describe.each(["plain", "sentinel"] as const)("F3 known limit: a length that was made for (%s)", (format) => {
  test.each(madeSegmentsOf(format))(
    "one flipped bit leaves an intact record: $name",
    ({ bytes, starts, bit }) => {
      const start = itemAt(starts, 1);
      const size = itemAt(starts, 2) - start;
      const damaged = Buffer.from(bytes.subarray(start));
      expect(decodeRecord(damaged, format).size).toBe(size);
      flip(damaged, bit - 8 * start);
      const seen = decodeRecord(damaged, format);
      expect(seen.size).not.toBe(size);
      expect(expected(format, damaged)).toMatchObject({ size: seen.size, offset: 1n });
    },
  );
});

test("F3 known limit: a frame may be whole with one bit of its count flipped", () => {
  for (const [count, other] of [
    [3, 1],
    [3, 7],
  ] as const) {
    const bytes = madeFrames(count, other);
    expect(readFrames(bytes).problem).toBeUndefined();
    bytes.writeUInt32LE(other, 0);
    expect(readFrames(bytes.subarray(0, 48 + 8 * other)).problem).toBeUndefined();
  }
});
