import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectories } from "../e2e/testing.ts";
import { commitOf } from "./code-version.ts";

const directory = temporaryDirectories();
const SAID = "0123456789abcdef0123456789abcdef01234567";

test("The commit is that of the checkout, whatever CI says", () => {
  const checkout = directory();
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=n", "-c", "user.email=e", ...args], {
      cwd: checkout,
      encoding: "utf8",
    });
  git("init", "--quiet");
  expect(commitOf(checkout, undefined)).toBeNull();
  git("commit", "--quiet", "--allow-empty", "--message", "first");
  const commit = git("log", "--format=%H").trim();
  expect(commitOf(checkout, SAID)).toBe(commit);
});

test("Without a checkout the commit is the one that CI says, if that is one, and otherwise none", () => {
  const plain = directory();
  expect(commitOf(plain, SAID)).toBe(SAID);
  for (const said of [undefined, "", "main", `${SAID}\n`]) expect(commitOf(plain, said)).toBeNull();
  expect(commitOf(join(plain, "nowhere"), undefined)).toBeNull();
});
