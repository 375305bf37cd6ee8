/**
 * Setting bytes aside: which bytes, under which name, and that they are on the medium before anybody cuts
 * them off.
 */
import fs from "node:fs";
import path from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, test } from "vitest";

import { hex, text } from "../../e2e/by-hand.ts";
import { failureOf, filesIn, temporaryDirectories } from "../../e2e/testing.ts";
import { WatchedDisk } from "../../e2e/watched-disk.ts";
import { StorageError } from "../error.ts";
import { setAside, setFileAside } from "./quarantine.ts";

const newDirectory = temporaryDirectories();

const SEGMENT = "segment_000000.log";
/** More than is copied at a time. */
const BYTES = Buffer.alloc(2_500_000, "all that a segment holds, ");

/** A stream's directory with one segment in it. */
function streamDirectory(): string {
  const directory = newDirectory();
  fs.writeFileSync(path.join(directory, SEGMENT), BYTES);
  return directory;
}

/** Names of the files below a directory, and digests of what they hold. */
const digestsIn = (directory: string): Map<string, string> =>
  new Map([...filesIn(directory)].map(([name, bytes]) => [name, digest(bytes)]));

const digest = (bytes: Uint8Array): string => Buffer.from(sha256(bytes)).toString("hex").slice(0, 16);

describe("a part of a segment", () => {
  test.each([
    [0, 5],
    [7, BYTES.length],
    [1_000_000, 2_200_000],
    [9, 9],
  ])(
    "from %i to %i is copied as it is, under a name that says where it was and what it is",
    async (start, end) => {
      const directory = streamDirectory();
      const disk = new WatchedDisk();
      const file = disk.open(path.join(directory, SEGMENT), "read");
      const aside = await setAside(disk, directory, { number: 0 }, file, start, end);
      await file.close();
      const part = BYTES.subarray(start, end);
      const name = `quarantine/${SEGMENT}.${start}.${digest(part)}`;
      expect(aside).toBe(`${directory}/${name}`);
      expect(digestsIn(directory)).toStrictEqual(
        new Map([
          [SEGMENT, digest(BYTES)],
          [name, digest(part)],
        ]),
      );
      expect(fs.statSync(aside).size).toBe(end - start);
      expect(disk.openFiles).toBe(0);
    },
  );

  test("twice is once: a crash in the middle leaves nothing behind that stays", async () => {
    const directory = streamDirectory();
    const disk = new WatchedDisk();
    const file = disk.open(path.join(directory, SEGMENT), "read");
    const aside = await setAside(disk, directory, { number: 0 }, file, 3, 20);
    fs.truncateSync(aside, 4);
    expect(await setAside(disk, directory, { number: 0 }, file, 3, 20)).toBe(aside);
    await file.close();
    expect(fs.readFileSync(aside)).toStrictEqual(BYTES.subarray(3, 20));
    expect(fs.readdirSync(path.dirname(aside))).toHaveLength(1);
  });
});

describe("zeros", () => {
  const MIB = 2 ** 20;

  /** A file with these bytes at these positions, and zeros everywhere else. */
  function sparse(size: number, pieces: readonly (readonly [number, string])[]): string {
    const directory = newDirectory();
    const fd = fs.openSync(path.join(directory, "file"), "w");
    fs.ftruncateSync(fd, size);
    for (const [at, piece] of pieces) fs.writeSync(fd, piece, at);
    fs.closeSync(fd);
    return directory;
  }

  test.each<[string, number, readonly (readonly [number, string])[]]>([
    ["nothing else, less than a chunk", 1000, []],
    ["nothing else, a chunk", MIB, []],
    ["nothing else, more than a chunk", 3 * MIB + 5, []],
    ["after something", 4 * MIB, [[5, "x"]]],
    ["before something", 4 * MIB + 3, [[4 * MIB, "xyz"]]],
    [
      "between",
      5 * MIB,
      [
        [0, "x"],
        [3 * MIB + 7, "y"],
      ],
    ],
  ])("%s: the copy reads the same", async (_, size, pieces) => {
    const directory = sparse(size, pieces);
    const aside = await setFileAside(new WatchedDisk(), directory, "file");
    expect(fs.readFileSync(aside).equals(fs.readFileSync(path.join(directory, "file")))).toBe(true);
  });

  test("have their own name for each place and length", async () => {
    const cases = [
      sparse(2 * MIB, []),
      sparse(3 * MIB, []),
      sparse(3 * MIB, [[0, "x"]]),
      sparse(3 * MIB, [[MIB, "x"]]),
      sparse(3 * MIB, [[2 * MIB, "x"]]),
    ];
    const names = new Set<string>();
    for (const directory of cases) {
      names.add(path.basename(await setFileAside(new WatchedDisk(), directory, "file")));
    }
    expect(names.size).toBe(cases.length);
  });

  test("are read once and not written, a gigabyte of them", async () => {
    const directory = sparse(2 ** 30, [[7, "x"]]);
    const bytes = { read: 0, write: 0 };
    const disk = new WatchedDisk(({ name, bytes: count }) => {
      if (name === "read" || name === "write") bytes[name] += count;
      return undefined;
    });
    const aside = await setFileAside(disk, directory, "file");
    expect(fs.statSync(aside).size).toBe(2 ** 30);
    expect(bytes).toStrictEqual({ read: 2 ** 30 + MIB, write: MIB });
    expect(fs.statSync(aside).blocks * 512).toBeLessThan(4 * MIB);
  });
});

describe("a whole file", () => {
  test("is copied under its own name, the original stays", async () => {
    const directory = newDirectory();
    fs.writeFileSync(path.join(directory, "manifest.json"), "abc");
    const disk = new WatchedDisk();
    const aside = await setFileAside(disk, directory, "manifest.json");
    // The first half of SHA-256("abc") is FIPS 180-4's example.
    expect(aside).toBe(`${directory}/quarantine/manifest.json.0.ba7816bf8f01cfea`);
    expect(filesIn(directory)).toStrictEqual(
      new Map([
        ["manifest.json", Buffer.from("abc")],
        ["quarantine/manifest.json.0.ba7816bf8f01cfea", Buffer.from("abc")],
      ]),
    );
    expect(disk.openFiles).toBe(0);
  });

  test("without bytes is copied, too", async () => {
    const directory = newDirectory();
    fs.writeFileSync(path.join(directory, "empty"), "");
    const aside = await setFileAside(new WatchedDisk(), directory, "empty");
    expect(aside).toBe(`${directory}/quarantine/empty.0.e3b0c44298fc1c14`);
    expect(fs.readFileSync(aside)).toStrictEqual(hex(""));
  });

  test("that is not there is an error that names it, and makes no directory", async () => {
    const directory = newDirectory();
    const error = await failureOf(() => setFileAside(new WatchedDisk(), directory, "gone"));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "io", file: `${directory}/gone`, cause: { code: "ENOENT" } });
    expect(fs.readdirSync(directory)).toStrictEqual([]);
  });

  test("is on the medium when it is done: the directory's name, then the bytes, then their name", async () => {
    const directory = newDirectory();
    fs.writeFileSync(path.join(directory, "file"), text("bytes"));
    const calls: string[] = [];
    const disk = new WatchedDisk(({ name, path: file }) => {
      if (!["size", "read", "open", "close"].includes(name))
        calls.push(`${name} ${path.relative(directory, file).replace(/\.[0-9a-f]{16}$/, "")}`);
      return undefined;
    });
    await setFileAside(disk, directory, "file");
    expect(calls).toStrictEqual([
      "makeDirectory quarantine",
      "syncDirectory ",
      "write quarantine/file.0",
      "sync quarantine/file.0",
      "syncDirectory quarantine",
    ]);
  });
});
