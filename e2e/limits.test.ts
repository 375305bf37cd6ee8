/**
 * What a process may use up: open files, memory and time, each in a process of its own that reports what it
 * used.
 */
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { seekDataHere } from "../cli/sparse-disk.ts";
import { temporaryDirectories } from "./testing.ts";

const directory = temporaryDirectories(tmpdir());
/** Syncing thousands of directories says nothing about open files. */
const inMemory = temporaryDirectories();
const ENGINE = new URL("../dist/src/index.js", import.meta.url).href;

/** Runs a program with the engine's `Storage` and the path `data`; what it prints, as JSON. */
function run(program: string, root: string, shell = ""): unknown {
  const script = `
    import fs from "node:fs";
    import { Storage } from ${JSON.stringify(ENGINE)};
    const data = ${JSON.stringify(`${root}/data`)};
    ${program}
  `;
  const out = execFileSync(
    "/bin/sh",
    ["-c", `${shell} exec "$0" --input-type=module --eval "$1"`, process.execPath, script],
    {
      encoding: "utf8",
    },
  );
  return JSON.parse(out);
}

test("1,000 streams are written and read with 256 open files, one after the other and all at once", () => {
  const program = `
    const storage = await Storage.open(data);
    const ids = Array.from({ length: 1000 }, (_, i) => BigInt(i));
    for (const id of ids) await storage.appendBatch(id, [Buffer.from(String(id))], { fsync: false });
    await Promise.all(ids.map((id) => storage.appendBatch(id, [Buffer.from(String(id))], { fsync: false })));
    const heads = await Promise.all(ids.map((id) => storage.head(id)));
    const absent = await Promise.all(ids.map((id) => storage.head(id + 10000n)));
    const read = await Promise.all(ids.map((id) => storage.readFrom(id, 0n, Infinity)));
    await storage.close();
    console.log(JSON.stringify({
      ended: heads.filter(({ nextOffset }) => nextOffset === 2n).length,
      absent: absent.filter(({ nextOffset }) => nextOffset === 0n).length,
      right: read.filter((payloads, i) => payloads.length === 2 && payloads.every((p) => String(p) === String(i))).length,
      open: !fs.existsSync("/proc/self/fd") || fs.readdirSync("/proc/self/fd").length < 64,
    }));
  `;
  expect(run(program, inMemory(), "ulimit -n 256;")).toStrictEqual({
    ended: 1000,
    absent: 1000,
    right: 1000,
    open: true,
  });
}, 600_000);

test.each([
  ["its write-ahead file there", ""],
  [
    "its index files gone",
    `for (const name of fs.readdirSync(data + "/1")) if (name.includes(".idx")) fs.rmSync(data + "/1/" + name);`,
  ],
])(
  "a gigabyte of zeros after the last record, %s: nothing is lost, and memory stays small",
  (_, damage) => {
    const program = `
    const before = await Storage.open(data);
    for (let i = 0; i < 10; i += 1) await before.appendBatch(1n, [Buffer.from("event")]);
    await before.close();
    ${damage}
    const segment = data + "/1/segment_000000.log";
    fs.truncateSync(segment, fs.statSync(segment).size + 2 ** 30);
    const start = process.memoryUsage.rss();
    const storage = await Storage.open(data);
    const { nextOffset, findings } = await storage.status(1n);
    const grown = process.resourceUsage().maxRSS * 1024 - start;
    await storage.appendBatch(1n, [Buffer.from("more")], { expectedOffset: 10n });
    await storage.close();
    const aside = findings.find(({ quarantine }) => quarantine !== undefined)?.quarantine;
    const { size, blocks } = fs.statSync(aside);
    console.log(JSON.stringify({ nextOffset: String(nextOffset), isSmall: grown < 100e6, size, isSparse: blocks * 512 < 2 ** 24 }));
  `;
    expect(run(program, directory())).toStrictEqual({
      nextOffset: "10",
      isSmall: true,
      size: 2 ** 30,
      isSparse: true,
    });
  },
  600_000,
);

const KMB = new URL("../dist/cli/kmb.js", import.meta.url).pathname;
const HOLE_BYTES = 2 ** 40;
/** In every thread: once so many bytes were read, reading fails. */
const READ_MAX_BYTES = 2 ** 29;
const MISER = `data:text/javascript,${encodeURIComponent(`
  import fs from "node:fs";
  const { read, readSync } = fs;
  let left = ${READ_MAX_BYTES};
  const spend = (bytes) => {
    left -= bytes;
    if (left < 0) throw Object.assign(new Error("EDQUOT: too much was read"), { code: "EDQUOT" });
  };
  fs.readSync = (fd, target, offset, length, position) => {
    spend(length);
    return readSync(fd, target, offset, length, position);
  };
  fs.read = (fd, target, offset, length, position, done) => {
    spend(length);
    read(fd, target, offset, length, position, done);
  };
`)}`;

/** Whether the file system knows of a hole when it is asked. */
async function knowsHoles(file: string): Promise<boolean> {
  const seekData = await seekDataHere();
  const descriptor = fs.openSync(file, "w+");
  try {
    fs.writeSync(descriptor, "x", 2 ** 24);
    return (seekData?.(descriptor, 0) ?? 0) > 0;
  } finally {
    fs.closeSync(descriptor);
  }
}

test("a terabyte of hole within a segment and one at its end: `kmb audit` and `kmb dump` read neither, and find the records between", async ({
  skip,
}) => {
  const root = directory();
  skip(!(await knowsHoles(`${root}/probe`)), "There are no holes here, or nobody tells where.");
  run(
    `
    const storage = await Storage.open(data);
    for (let i = 0; i < 10; i += 1) await storage.appendBatch(1n, [Buffer.from("event")]);
    await storage.close();
    const segment = data + "/1/segment_000000.log";
    const bytes = fs.readFileSync(segment);
    const half = bytes.length / 2;
    const file = fs.openSync(segment, "r+");
    fs.ftruncateSync(file, half);
    fs.writeSync(file, bytes, half, half, half + ${HOLE_BYTES});
    fs.ftruncateSync(file, bytes.length + 2 * ${HOLE_BYTES});
    fs.closeSync(file);
    console.log("0");
  `,
    root,
  );
  const kmb = (...args: string[]): { status: number | null; out: string } => {
    const env = { ...process.env, NODE_OPTIONS: `--import ${MISER}` };
    const { status, stdout, stderr } = spawnSync(process.execPath, [KMB, ...args], { encoding: "utf8", env });
    return { status, out: stdout + stderr };
  };
  const audited = kmb("audit", `${root}/data`);
  expect(audited.out).toMatch(/records {3}10 \(10 data\), next offset 10/);
  expect(audited.out).toContain(`bytes 265 to ${265 + HOLE_BYTES}, offset 5`);
  expect(audited.out).toContain(`bytes ${530 + HOLE_BYTES} to ${530 + 2 * HOLE_BYTES}, offset 10`);
  expect(audited.status).toBe(1);
  const dumped = kmb("dump", `${root}/data`, "--stream", "1");
  expect(dumped.out.trim().split("\n").length).toBe(12);
  expect(dumped.status).toBe(1);
}, 600_000);
