/**
 * A window over a file, against the file's bytes: whatever is asked for and however much is read at a time.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { readOnlyFile } from "../../e2e/read-only-file.ts";
import { failureOf } from "../../e2e/testing.ts";
import { ByteWindow } from "./byte-window.ts";
import { StorageError } from "../error.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

const held = (window: ByteWindow): number[] => [...window.bytes.subarray(window.at)];
const range = (start: number, end: number): number[] => [...BYTES.subarray(start, end)];

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("fill" as const), bytes: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ do: fc.constant("skip" as const), bytes: fc.nat(30) }),
  ),
  { maxLength: 12 },
);

test.prop([fc.nat(50), fc.nat(50), fc.constantFrom(1, 7, 16, 1000), fc.boolean(), steps])(
  "what it holds is what the file has there, at least as much as was asked for, nothing beyond its end",
  async (start, length, chunk, reuses, moves) => {
    const end = start + length;
    const window = new ByteWindow(readOnlyFile(BYTES), "/f", start, end, chunk, reuses);
    let position = start;
    for (const move of moves) {
      if (move.do === "fill") {
        if (window.left <= 0) continue;
        await window.fill(move.bytes);
        expect(window.held).toBeGreaterThanOrEqual(Math.min(move.bytes, end - position));
      } else {
        const bytes = Math.min(move.bytes, end - position);
        window.skip(bytes);
        position += bytes;
      }
      expect(window.position).toBe(position);
      expect(window.left).toBe(end - position);
      expect(window.held).toBeLessThanOrEqual(end - position);
      expect(held(window)).toStrictEqual(range(position, position + window.held));
    }
  },
);

describe("memory", () => {
  test("is one chunk, or what is asked for where that is more, and no byte is read twice", async () => {
    const source = readOnlyFile(BYTES);
    const window = new ByteWindow(source, "/f", 0, 100, 16);
    await window.fill(10);
    window.skip(10);
    await window.fill(40);
    expect(held(window)).toStrictEqual(range(10, 50));
    await window.fill(48);
    expect(source.reads).toStrictEqual([
      [0, 16],
      [16, 34],
      [50, 16],
    ]);
  });

  test("is never more than the file has left", async () => {
    const source = readOnlyFile(BYTES);
    const window = new ByteWindow(source, "/f", 90, 100, 1 << 20);
    await window.fill(2 ** 30);
    expect(source.reads).toStrictEqual([[90, 10]]);
    expect(window.held).toBe(10);
  });

  test("that was given out is not written to again", async () => {
    const window = new ByteWindow(readOnlyFile(BYTES), "/f", 0, 100, 16);
    await window.fill(16);
    const view = window.bytes.subarray(0, 16);
    window.skip(8);
    await window.fill(40);
    expect([...view]).toStrictEqual(range(0, 16));
  });
});

test("memory that may be overwritten is used again, and taken anew only where more is needed", async () => {
  const window = new ByteWindow(readOnlyFile(BYTES), "/f", 0, 100, 16, true);
  await window.fill(16);
  const memory = window.bytes.subarray(0, 16);
  for (let position = 16; position < 48; position += 16) {
    window.skip(16);
    await window.fill(1);
    expect(held(window)).toStrictEqual(range(position, position + 16));
    expect([...memory]).toStrictEqual(range(position, position + 16));
  }
  await window.fill(40);
  expect(held(window)).toStrictEqual(range(32, 72));
  expect([...memory]).toStrictEqual(range(32, 48));
});

test("a jump beyond what is held forgets it", async () => {
  const window = new ByteWindow(readOnlyFile(BYTES), "/f", 0, 100, 16);
  await window.fill(1);
  window.skip(50);
  expect([window.position, window.held, window.left]).toStrictEqual([50, 0, 50]);
  await window.fill(1);
  expect(held(window)).toStrictEqual(range(50, 66));
});

test("a file that is shorter than it was ends the window there", async () => {
  const window = new ByteWindow(readOnlyFile(BYTES.subarray(0, 20)), "/f", 0, 100, 16);
  await window.fill(16);
  await window.fill(32);
  expect([window.held, window.left]).toStrictEqual([20, 20]);
});

test("a disk that fails is a StorageError that says where, and the window is as before", async () => {
  const cause = Object.assign(new Error("on purpose"), { code: "EIO" });
  const failing = readOnlyFile(BYTES);
  const window = new ByteWindow(failing, "/f", 0, 100, 16);
  await window.fill(1);
  window.skip(4);
  failing.read = () => {
    throw cause;
  };
  const error = await failureOf(() => window.fill(40));
  expect(error).toBeInstanceOf(StorageError);
  expect(error).toMatchObject({ code: "io", file: "/f", position: 16, cause });
  expect(held(window)).toStrictEqual(range(4, 16));
});
