/** File names, and what becomes of a disk's failures. */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { MemoryDisk } from "../../e2e/memory-disk.ts";
import { failureOf } from "../../e2e/testing.ts";
import { StorageError } from "../error.ts";
import {
  forChunks,
  indexLogName,
  indexName,
  kimberliteIndexLogName,
  kimberliteIndexName,
  io,
  ioError,
  isMissing,
  segmentName,
  pageName,
  pageNumber,
  segmentNumber,
} from "./files.ts";

describe("the files of a segment", () => {
  test.each([
    [0, "segment_000000.log"],
    [7, "segment_000007.log"],
    [999_999, "segment_999999.log"],
    [1_000_000, "segment_1000000.log"],
    [123_456_789_012_345, "segment_123456789012345.log"],
  ])("number %i", (number, name) => {
    expect(segmentName(number)).toBe(name);
    expect(segmentNumber(name)).toBe(number);
    expect(indexName(number, "plain")).toBe(`${name}.idx`);
    expect(indexLogName(number, "plain")).toBe(`${name}.idx.wal`);
    expect(indexName(number, "sentinel")).toBe(`${name}.idx2`);
    expect(indexLogName(number, "sentinel")).toBe(`${name}.idx2.wal`);
    expect(kimberliteIndexName(number)).toBe(`${name}.idx`);
    expect(kimberliteIndexLogName(number)).toBe(`${name}.idx.wal`);
  });

  test.prop([fc.nat({ max: 10 ** 15 - 1 })])("a name has one number, a number one name", (number) => {
    expect(segmentNumber(segmentName(number))).toBe(number);
  });
});

describe("a page of the manifest", () => {
  test.each([
    [0, "manifest-000000.json"],
    [1_000_000, "manifest-1000000.json"],
  ])("number %i", (number, name) => {
    expect(pageName(number)).toBe(name);
    expect(pageNumber(name)).toBe(number);
  });

  test.each(["manifest.json", "manifest-0000001.json", "manifest-000001.json.tmp", "manifest-1.json"])(
    "is not called %j",
    (name) => {
      expect(pageNumber(name)).toBeUndefined();
    },
  );
});

describe("S2 no file name reaches outside: is no segment's", () => {
  test.each([
    "",
    "segment_.log",
    "segment_00000.log",
    "segment_0000000.log",
    "segment_0000001.log",
    "segment_000001.LOG",
    "segment_000001.log.idx",
    "segment_000001.log ",
    " segment_000001.log",
    "segment_000001.log\n",
    "segment_-00001.log",
    "segment_+00001.log",
    "segment_0x0001.log",
    "segment_1e6000.log",
    "segment_١٢٣٤٥٦.log",
    "segment_1000000000000000.log",
    "../segment_000001.log",
    "manifest.json",
  ])("%j", (name) => {
    expect(segmentNumber(name)).toBeUndefined();
  });
});

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
