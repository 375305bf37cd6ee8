/** What a failed call to the disk is said to mean: the disk is blamed only where nothing else is. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { text } from "../../e2e/by-hand.ts";
import { failureOf, temporaryDirectories } from "../../e2e/testing.ts";
import { systemError, WatchedDisk } from "../../e2e/watched-disk.ts";
import { Storage } from "../storage.ts";

const newDirectory = temporaryDirectories();
const isRoot = process.getuid?.() === 0;

describe("an append that fails with", () => {
  test.each([
    ["ENOENT", /^A file or directory is not there \(ENOENT while \w.*Create the directory/],
    ["ENOTDIR", /^Part of the path is a file, not a directory .*Correct the path/],
    ["EISDIR", /^There is a directory where a file should be /],
    ["EEXIST", /^There is a file where a directory should be /],
    ["ELOOP", /^There is a symbolic link .*not followed there, because .*remove the link/],
    ["ENXIO", /^There is a FIFO, a socket or a device .*Move it away/],
    ["ENAMETOOLONG", /^The path is too long /],
    ["EACCES", /^This process is not allowed to do that .*the right to read and write/],
    ["EPERM", /^This process is not allowed to do that /],
    ["EROFS", /^The file system is read-only .*readOnly: true/],
    ["ENOSPC", /^No space is left .*Free some/],
    ["EDQUOT", /^No space is left .*that this user may take/],
    ["EFBIG", /^A file would be larger .*maxSegmentBytes/],
    ["EMFILE", /^Too many files are open .*maxOpenStreams/],
    ["ENFILE", /^Too many files are open /],
    ["ENOLCK", /^No locks are available /],
    ["EIO", /^The disk failed while \w.*: EIO\. Check the disk, then open the storage again\./],
    ["EUCLEAN", /^The disk failed while /],
  ])("%s says what to do, of which stream and file it is, and keeps the cause", async (code, sentence) => {
    const cause = systemError(code);
    let isFailing = false;
    const disk = new WatchedDisk(({ name, path: file }) => {
      if (isFailing && name === "write" && file.endsWith(".log")) throw cause;
      return undefined;
    });
    const storage = await Storage.open(newDirectory(), { disk });
    await storage.appendBatch(7n, [text("event1")]);
    isFailing = true;
    const error = await failureOf(() => storage.appendBatch(7n, [text("event2")]));
    expect(error).toMatchObject({ code: "io", stream: 7n, cause });
    expect((error as Error).message).toMatch(sentence);
    expect((error as Error).message).toMatch(/ \[stream 7, \/.*segment_000000\.log, byte \d+\]$/);
    if (!/^E(IO|UCLEAN)$/.test(code))
      expect((error as Error).message).not.toMatch(/disk failed|Check the disk/);
    isFailing = false;
    await storage.close().catch(() => undefined);
  });
});

describe("opening on the real file system", () => {
  const openAt = (...names: readonly string[]): Promise<unknown> =>
    failureOf(() => Storage.open(path.join(newDirectory(), ...names)));

  test("below a directory that is not there says to create that", async () => {
    expect(String(await openAt("missing", "data"))).toMatch(/not there \(ENOENT .*Create the directory/);
  });

  test("below a file says that it is one", async () => {
    const directory = newDirectory();
    fs.writeFileSync(path.join(directory, "file"), "");
    const error = await failureOf(() => Storage.open(path.join(directory, "file", "data")));
    expect(String(error)).toMatch(/Part of the path is a file, not a directory \(ENOTDIR/);
  });

  test("with a null character in the path is refused", async () => {
    expect(await openAt("a\0b")).toMatchObject({ code: "out-of-range" });
  });

  test("with a name that is too long says so", async () => {
    expect(String(await openAt("x".repeat(300)))).toMatch(/The path is too long \(ENAMETOOLONG/);
  });

  test("with a link for a lock says that it is not followed, and a FIFO that it is no file", async () => {
    const directory = newDirectory();
    fs.symlinkSync(path.join(directory, "elsewhere"), path.join(directory, "LOCK"));
    expect(String(await failureOf(() => Storage.open(directory)))).toMatch(/symbolic link .*\(ELOOP/);
    fs.unlinkSync(path.join(directory, "LOCK"));
    execFileSync("mkfifo", [path.join(directory, "LOCK")]);
    expect(String(await failureOf(() => Storage.open(directory)))).toMatch(/a FIFO.* \(ENXIO/);
  });

  test("a stream's directory that is a link says that it is not followed", async () => {
    const directory = newDirectory();
    fs.symlinkSync(newDirectory(), path.join(directory, "1"));
    await using storage = await Storage.open(directory);
    expect(String(await failureOf(() => storage.head(1n)))).toMatch(/symbolic link .*\(ELOOP/);
  });

  test.skipIf(isRoot)("where it may not write says whose right is missing", async () => {
    const directory = newDirectory();
    fs.chmodSync(directory, 0o500);
    const error = await failureOf(() => Storage.open(path.join(directory, "data")));
    fs.chmodSync(directory, 0o700);
    expect(String(error)).toMatch(/not allowed to do that \(EACCES/);
  });
});
