/**
 * Standard output: what could not be written is an error, whatever the command; that nobody reads on is none.
 */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { temporaryDirectories } from "../e2e/testing.ts";
import { Output, OutputError } from "./output.ts";

const KMB = fileURLToPath(new URL("../dist/cli/kmb.js", import.meta.url));
const DATA = fileURLToPath(new URL("../e2e/fixtures/kimberlite/b_rotation/data", import.meta.url));
const directory = temporaryDirectories();
/** A device on which every write fails as on a full disk; Linux has it. */
const hasFull = fs.existsSync("/dev/full");

const COMMANDS: readonly (readonly string[])[] = [
  ["audit", DATA],
  ["anchor", DATA],
  ["dump", DATA, "--stream", "1"],
  ["dump", DATA, "--stream", "1", "--table"],
  ["dump", DATA, "--stream", "1", "--record", "3"],
  ["repair", DATA, "--plan"],
  ["keygen", "example.com/notary", "--out", "KEY"],
  ["--help"],
  ["--version"],
];

/** A command whose key, if it makes one, is in a directory of its own. */
const withKey = (args: readonly string[], key: string): string[] =>
  args.map((arg) => (arg === "KEY" ? key : arg));

describe.runIf(hasFull)("standard output on a full disk", () => {
  test.each(COMMANDS)("kmb %s: status 2, and a line says why", (...args) => {
    const full = fs.openSync("/dev/full", "w");
    const key = path.join(directory(), "key");
    const { status, stderr } = spawnSync(process.execPath, [KMB, ...withKey(args, key)], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    fs.closeSync(full);
    expect({ status, lines: stderr.trimEnd().split("\n").length }).toStrictEqual({ status: 2, lines: 1 });
    expect(stderr).toMatch(/Standard output could not be written and is incomplete: .*ENOSPC/);
    expect(fs.existsSync(key)).toBe(false);
  });
});

describe("standard output that nobody reads", () => {
  test.each(COMMANDS.filter(([name]) => name !== "keygen"))("kmb %s: no error", async (...args) => {
    const child = spawn(process.execPath, [KMB, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let err = "";
    child.stderr.on("data", (data: Buffer) => (err += data.toString()));
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect({ status, err }).toStrictEqual({ status: 0, err: "" });
  });

  test("kmb keygen: leaves no private key whose public one nobody has", async () => {
    const key = path.join(directory(), "key");
    const child = spawn(process.execPath, [KMB, "keygen", "example.com/notary", "--out", key], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect({ status, key: fs.existsSync(key) }).toStrictEqual({ status: 2, key: false });
  });
});

describe("an output", () => {
  test("writes texts and bytes in order", () => {
    const file = path.join(directory(), "out");
    const descriptor = fs.openSync(file, "w");
    const output = new Output(descriptor);
    output.line("one");
    output.write(Buffer.from("two"));
    output.line("");
    fs.closeSync(descriptor);
    expect(fs.readFileSync(file, "utf8")).toBe("one\ntwo\n");
    expect(output.isClosed).toBe(false);
  });

  test.runIf(hasFull)("throws what the system says against it, and says it again", () => {
    const descriptor = fs.openSync("/dev/full", "w");
    const output = new Output(descriptor);
    for (const text of ["one", "two"]) {
      let seen: unknown;
      try {
        output.line(text);
      } catch (error) {
        seen = error;
      }
      expect(seen).toBeInstanceOf(OutputError);
      expect(seen).toMatchObject({ code: "ENOSPC" });
    }
    expect(output.isClosed).toBe(false);
    fs.closeSync(descriptor);
  });

  test("waits for a slow reader, also on a pipe that does not wait", async () => {
    // Whoever looks at `process.stdout` makes a pipe one that does not wait.
    const script = `process.stdout;
      const { Output } = await import(${JSON.stringify(new URL("../dist/cli/output.js", import.meta.url).href)});
      const output = new Output();
      for (let i = 0; i < 2000; i += 1) output.line(String(i).padStart(999, "."));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const chunks: Buffer[] = [];
    // Read in the stream's paused mode: one chunk a turn.
    for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
    const lines = Buffer.concat(chunks).toString().trimEnd().split("\n");
    expect(lines.map((line) => Number(line.replaceAll(".", "")))).toStrictEqual(
      Array.from({ length: 2000 }, (_, i) => i),
    );
  });
});
