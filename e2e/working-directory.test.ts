/**
 * A program that changes its working directory while it has a storage open: in a process of its own, for
 * threads may not.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { expect, test } from "vitest";
import { filesIn, temporaryDirectories } from "./testing.ts";

const directory = temporaryDirectories();
const ENGINE = new URL("../dist/src/index.js", import.meta.url).href;

const PROGRAM = `
  import fs from "node:fs";
  import { Storage } from ${JSON.stringify(ENGINE)};
  const options = { maxSegmentBytes: 300 };
  process.chdir("b");
  const other = await Storage.open("data", options);
  for (let i = 0; i < 4; i += 1) await other.appendBatch(1n, [Buffer.alloc(200, "b")]);
  await other.close();
  process.chdir("../a");
  const storage = await Storage.open("data", options);
  await storage.appendBatch(1n, [Buffer.from("a")]);
  process.chdir("../b");
  for (let i = 0; i < 3; i += 1) await storage.appendBatch(1n, [Buffer.alloc(200, "a")]);
  console.log((await storage.streams()).length, (await storage.readFrom(1n, 0n, Infinity)).length);
  await storage.appendBatch(2n, [Buffer.from("a")]);
  process.chdir("..");
  fs.rmSync("b/data/LOCK");
  await storage.sync(1n);
  await storage.close();
`;

test("S2 a relative path means what it meant when the storage was opened, whatever the working directory becomes", () => {
  const root = directory();
  for (const name of ["a", "b"]) fs.mkdirSync(`${root}/${name}`);
  const out = execFileSync(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
    cwd: root,
    encoding: "utf8",
  });
  expect(out).toBe("1 4\n");
  expect([...filesIn(`${root}/b/data`)].filter(([, bytes]) => bytes.includes("aaaa"))).toStrictEqual([]);
  expect(fs.readdirSync(`${root}/b/data`)).toStrictEqual(["1"]);
  expect(fs.readdirSync(`${root}/b/data/1`).filter((name) => name.endsWith(".log"))).toHaveLength(4);
  expect(fs.readdirSync(`${root}/a/data`).sort()).toStrictEqual(["1", "2", "LOCK"]);
});
