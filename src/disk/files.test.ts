/** File names, and what becomes of a disk's failures. */
import { describe, expect, test } from "vitest";

import { MemoryDisk } from "../../e2e/memory-disk.ts";
import { failureOf } from "../../e2e/testing.ts";
import { StorageError } from "../error.ts";
import { forChunks, io, ioError, isMissing } from "./files.ts";

describe("a failure of the disk", () => {
  const cause = Object.assign(new Error("EIO: i/o error"), { code: "EIO" });

  test("thrown or rejected becomes a StorageError that says what was being done, where and why", async () => {
    const place = { file: "/f", position: 3 };
    for (const call of [
      (): never => {
        throw cause;
      },
      () => Promise.reject(cause),
    ]) {
      const error = await failureOf(() => io("reading a file", place, call));
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code: "io", cause, ...place });
      expect((error as Error).message).toMatch(/while reading a file: EIO\..* \[\/f, byte 3\]$/);
    }
  });

  test("passes what succeeds, a value or a promise", async () => {
    expect(await io("reading", {}, () => 5)).toBe(5);
    expect(await io("reading", {}, () => Promise.resolve(6))).toBe(6);
  });

  test("that has no code is told as it is", () => {
    expect(ioError("reading", {}, "3 of 5 bytes were written").message).toContain(
      "3 of 5 bytes were written",
    );
    expect(ioError("reading", {}, undefined).message).toContain("undefined");
    expect(ioError("reading", {}, { code: 5 }).message).toContain("[object Object]");
  });

  test("is a missing file only with the code ENOENT", () => {
    expect(isMissing({ code: "ENOENT" })).toBe(true);
    for (const other of [cause, undefined, null, "ENOENT", {}]) expect(isMissing(other)).toBe(false);
  });
});

describe("the bytes of a file from one place to another, a piece at a time", () => {
  const MIB = 2 ** 20;
  const bytes = Buffer.from(Uint8Array.from({ length: 2 * MIB + 5 }, (_, i) => (i * 151) % 256));

  test.each([
    ["are those up to the end asked for", 3, 2 * MIB + 4, [3, MIB + 3, 2 * MIB + 3]],
    ["are those up to where the file ends, if that comes first", MIB, 4 * MIB, [MIB, 2 * MIB]],
    ["are none of a file that ends before", 3 * MIB, 4 * MIB, []],
    ["are none where none are asked for", 7, 7, []],
  ])("%s", async (_, start, end, expected) => {
    const file = new MemoryDisk("/data", new Map([["f", bytes]])).open("/data/f", "read");
    const places: number[] = [];
    const pieces: Buffer[] = [];
    await forChunks(file, "/data/f", start, end, (piece, at) => {
      places.push(at);
      pieces.push(Buffer.from(piece));
    });
    expect(places).toStrictEqual(expected);
    expect(Buffer.concat(pieces).equals(bytes.subarray(start, end))).toBe(true);
  });
});
