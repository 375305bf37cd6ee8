/** What stands in a file's way, and disks that fail: the first gets another name, the second is an error. */
import fs from "node:fs";
import { describe, expect, test } from "vitest";

import { text } from "../../e2e/by-hand.ts";
import { failureOf, temporaryDirectories } from "../../e2e/testing.ts";
import { type DiskCall, systemError, WatchedDisk } from "../../e2e/watched-disk.ts";
import type { Disk } from "./disk.ts";
import {
  createFile,
  ifReadable,
  isFile,
  makeDirectory,
  readHint,
  removeHint,
  removeIfFile,
  replaceFile,
  updateHint,
} from "./obstacles.ts";

const newDirectory = temporaryDirectories();

const CALLS: Readonly<
  Record<string, { fails: DiskCall["name"]; run: (disk: Disk, path: string) => Promise<unknown> }>
> = {
  createFile: { fails: "open", run: createFile },
  ifReadable: { fails: "open", run: (disk, path) => ifReadable(disk, path, async () => Promise.resolve(1)) },
  isFile: { fails: "open", run: isFile },
  makeDirectory: { fails: "makeDirectory", run: makeDirectory },
  readHint: { fails: "open", run: (disk, path) => readHint(disk, path, 10) },
  removeHint: { fails: "remove", run: removeHint },
  removeIfFile: { fails: "remove", run: removeIfFile },
  replaceFile: { fails: "rename", run: (disk, path) => replaceFile(disk, path, text("new")) },
  updateHint: { fails: "open", run: updateHint },
};

describe.each(Object.entries(CALLS))("%s", (_, { fails, run }) => {
  test("a disk that fails is a StorageError `io`, and nothing gets another name", async () => {
    const directory = newDirectory();
    fs.writeFileSync(`${directory}/file`, "old");
    const disk = new WatchedDisk(({ name }) => {
      if (name === fails) throw systemError("EIO");
      return undefined;
    });
    expect(await failureOf(() => run(disk, `${directory}/file`))).toMatchObject({
      code: "io",
      cause: { code: "EIO" },
    });
    expect(fs.readdirSync(directory)).not.toContain("file.aside1");
    expect(fs.readFileSync(`${directory}/file`, "utf8")).toBe("old");
  });
});

describe("a directory in the way", () => {
  test.each(["createFile", "replaceFile", "updateHint", "removeHint"])(
    "%s: it gets the first name that is free, and keeps what is in it",
    async (name) => {
      const directory = newDirectory();
      const path = `${directory}/file`;
      for (const number of [1, 2]) {
        fs.mkdirSync(path);
        fs.writeFileSync(`${path}/inside`, String(number));
        const made = await CALLS[name]?.run(new WatchedDisk(), path);
        await (made as { close?: () => unknown } | undefined)?.close?.();
        expect(fs.readFileSync(`${path}.aside${number}/inside`, "utf8")).toBe(String(number));
        fs.rmSync(path, { force: true });
      }
    },
  );

  test("removeIfFile and isFile leave it alone", async () => {
    const directory = newDirectory();
    fs.mkdirSync(`${directory}/file`);
    await removeIfFile(new WatchedDisk(), `${directory}/file`);
    expect(await isFile(new WatchedDisk(), `${directory}/file`)).toBe(false);
    expect(fs.readdirSync(directory)).toStrictEqual(["file"]);
  });
});

test("what stands where a directory is to be, gets another name: a file, and a link to a directory", async () => {
  const directory = newDirectory();
  const path = `${directory}/quarantine`;
  fs.writeFileSync(path, "kept");
  await makeDirectory(new WatchedDisk(), path);
  fs.renameSync(path, `${directory}/elsewhere`);
  fs.symlinkSync(`${directory}/elsewhere`, path);
  await makeDirectory(new WatchedDisk(), path);
  await makeDirectory(new WatchedDisk(), path);
  expect(fs.lstatSync(path).isDirectory()).toBe(true);
  expect(fs.readFileSync(`${path}.aside1`, "utf8")).toBe("kept");
  expect(fs.readlinkSync(`${path}.aside2`)).toBe(`${directory}/elsewhere`);
});

describe("what is not there", () => {
  test("is nothing to be read, updated or removed if it is there, and cannot be removed for good", async () => {
    const disk = new WatchedDisk();
    const path = `${newDirectory()}/file`;
    expect(await updateHint(disk, path)).toBeUndefined();
    expect(await readHint(disk, path, 10)).toBeUndefined();
    expect(await isFile(disk, path)).toBe(false);
    await removeIfFile(disk, path);
    expect(await failureOf(() => removeHint(disk, path))).toMatchObject({ code: "io" });
    expect(await failureOf(() => createFile(disk, `${path}/inside`))).toMatchObject({ code: "io" });
  });
});

test("isFile says yes to a file, and closes it", async () => {
  const directory = newDirectory();
  fs.writeFileSync(`${directory}/file`, "");
  const disk = new WatchedDisk();
  expect(await isFile(disk, `${directory}/file`)).toBe(true);
  expect(disk.openFiles).toBe(0);
});

test("a hint larger than any is not read", async () => {
  const directory = newDirectory();
  fs.writeFileSync(`${directory}/file`, "12345");
  const disk = new WatchedDisk();
  expect(await readHint(disk, `${directory}/file`, 4)).toBeUndefined();
  expect(await readHint(disk, `${directory}/file`, 5)).toStrictEqual(Buffer.from("12345"));
});
