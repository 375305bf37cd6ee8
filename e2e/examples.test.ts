/** The programs in `examples/` do what they say; `examples/stock.test.mjs` is a test itself. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const KMB = `${process.execPath} ${join(ROOT, "dist", "cli", "kmb.js")}`;
const DAY = 600_000;

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "examples-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function run(command: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, KMB },
  });
  return { status, stdout, stderr };
}

const example = (name: string): string => join(ROOT, "examples", name);
const data = (): string => join(directory, "data");

/** The data directory of the example with accounts. */
function accounts(): { status: number | null; stdout: string; stderr: string } {
  return run(process.execPath, example("event-store.mjs"), data());
}

/** Flips a bit in the payload of the first record. */
function damage(): void {
  const stream = readdirSync(data()).find((name) => name !== "LOCK") ?? "";
  const path = join(data(), stream, "segment_000000.log");
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(44) ^ 1, 44);
  writeFileSync(path, bytes);
}

test(
  "The event store lets one of two withdrawals take effect",
  () => {
    expect(accounts()).toEqual({
      status: 0,
      stdout: "withdrew 80, refused: 20 is less than 80\nbalance 20\n",
      stderr: "",
    });
  },
  DAY,
);

test(
  "The audit in a CI job passes until the data is changed",
  () => {
    accounts();
    const audit = (): ReturnType<typeof run> =>
      run("sh", example("audit-in-ci.sh"), data(), join(directory, "anchors"), join(directory, "audit.json"));
    expect(audit().status).toBe(0);
    const once = readFileSync(join(directory, "anchors"), "utf8");
    expect(once).toContain("\n");
    expect(audit().status).toBe(0);
    expect(readFileSync(join(directory, "anchors"), "utf8")).toBe(once + once);
    damage();
    expect(audit().status).toBe(1);
  },
  DAY,
);

test(
  "The signed anchor is held against the data",
  () => {
    accounts();
    const notary = join(directory, "notary");
    mkdirSync(notary);
    const signed = (): ReturnType<typeof run> => run("sh", example("signed-anchor.sh"), data(), notary);
    expect(signed().status).toBe(0);
    expect(readFileSync(join(notary, "anchors.txt"), "utf8")).toContain("example.com/notary");
    expect(signed().status).toBe(0);
  },
  DAY,
);

test(
  "The erasure request leaves nothing to be found, and the anchor from before matches",
  () => {
    const anchors = join(directory, "anchors");
    const { status, stdout, stderr } = run("sh", example("erasure-request.sh"), data(), anchors);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const read = stdout.slice(0, stdout.indexOf("stream 1"));
    expect(read).toBe("Grace Hopper\nhidden, and still in a file\n");
    expect(stdout).toContain("  would erase 1 record in 1 segment\n");
    expect(stdout).toContain("  erased      1 record, which 1 tombstone named\n");
    expect(stdout).toContain(": matches, not signed. The first 2 records are those that were anchored.\n");
    expect(stdout).toContain("1 record is erased: the content is gone");
    expect(stdout.endsWith("clean\nin no file any more\n")).toBe(true);
  },
  DAY,
);

test("docs/AUDITORS.md shows the erasure request as it runs", () => {
  const text = readFileSync(join(ROOT, "docs/AUDITORS.md"), "utf8");
  const section = text.slice(text.indexOf("## Erasing records"), text.indexOf("## Limits"));
  const shown = [...section.matchAll(/```(?:sh|js)\n([^]*?)```/g)].flatMap(([, code = ""]) =>
    code.trim().split("\n"),
  );
  const runs = ["erasure-request.sh", "erasure-request.mjs"]
    .map((name) => readFileSync(example(name), "utf8"))
    .join("\n")
    .split("\n")
    .map((line) => line.trim());
  expect(shown.length).toBeGreaterThan(10);
  expect(shown.filter((line) => !runs.includes(line.trim()))).toEqual([]);
});
