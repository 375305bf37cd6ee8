import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

const KMB = fileURLToPath(new URL("../dist/cli/kmb.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "kmb-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function kmb(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [KMB, ...args], {
    cwd: directory,
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}

interface Json {
  schema: string;
  profile: string;
  bounds: { length: number };
  complete: boolean;
  incompleteBecause: string[];
  invariants: { id: string; checks: number; violations: number }[];
  witnesses: { id: string; met: number }[];
  violations: unknown[];
  workloads: number;
}

const SMALL = ["check", "--parts", "crashes", "--length", "1", "--recovery-crashes", "0"];

describe("kmb check", () => {
  test("ends with 3 and says why where a witness was not met, and writes the same as JSON", () => {
    const { status, out, err } = kmb(...SMALL, "--json", "out.json");
    expect(err).toBe("");
    expect(status).toBe(3);
    expect(out).toMatch(/^ {2}workloads +7 of 7 /m);
    expect(out).toMatch(/^ {2}complete +no: .*witnesses not met: .*rotation,/m);
    const json = JSON.parse(readFileSync(join(directory, "out.json"), "utf8")) as Json;
    expect(Object.keys(json)).toEqual(
      [
        [
          "schema",
          "profile",
          "bounds",
          "shard",
          "workloads",
          "crashPoints",
          "crashStates",
          "recoveries",
          "left",
        ],
        [
          "faults",
          "cases",
          "complete",
          "incompleteBecause",
          "invariants",
          "witnesses",
          "violations",
          "seconds",
        ],
      ].flat(),
    );
    expect(json).toMatchObject({ schema: "kimberlite-storage/check@1", profile: "default", complete: false });
    expect(json.bounds.length).toBe(1);
    expect(json.workloads).toBe(7);
    expect(json.incompleteBecause.join()).toMatch(/witnesses not met: .*rotation,/);
    expect(json.invariants.find(({ id }) => id === "D1")).toMatchObject({ violations: 0 });
    expect(json.violations).toEqual([]);
  });

  test("comes to the same result with any number of workers", () => {
    const [one, two] = [1, 3].map((workers) => kmb(...SMALL, "--workers", String(workers)).out);
    expect(one).toBe(two);
  });

  test("stops when its time is used up, and is not complete", () => {
    const { status, out } = kmb("check", "--parts", "crashes", "--length", "5", "--seconds", "1");
    expect(status).toBe(3);
    expect(out).toContain("the budget of 1 seconds was used up");
  });

  test.each([
    [["check", "--length", "0"], "whole number of at least 1"],
    [["check", "--length", "x"], "whole number of at least 1"],
    [["check", "--profile", "slow"], "Allowed choices are quick, default, nightly"],
    [["check", "--operations", "append,jump"], "operations.1"],
    [["check", "--parts", "crashes,luck"], "parts.1"],
    [["check", "--nonsense"], "unknown option"],
    [["chekc"], "unknown command"],
    [["replay"], "missing required argument"],
  ])("ends with 2 on wrong usage: %j", (args, sentence) => {
    const { status, err } = kmb(...args);
    expect(status).toBe(2);
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/^ +at /m);
  });

  test("explains itself", () => {
    const { status, out } = kmb("check", "--help");
    expect(status).toBe(0);
    expect(out).toContain("--sector-bytes");
    expect(out).toContain("Exit status:");
  });
});

describe("kmb replay", () => {
  const file = (content: unknown): string => {
    const path = join(directory, "counterexample.json");
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };
  const bounds = (JSON.parse(bounded()) as Json).bounds;
  const counterexample = {
    schema: "kimberlite-storage/counterexample@2",
    bounds,
    part: "crashes",
    invariant: "D1",
    expected: "",
    seen: "",
    choices: [
      {
        what: "operation 1: append, append+sync, batch, sync, checkpoint, reopen, second-stream",
        chosen: 1,
        of: 7,
      },
    ],
  };

  function bounded(): string {
    kmb(...SMALL, "--json", "bounds.json");
    return readFileSync(join(directory, "bounds.json"), "utf8");
  }

  test("shows the run step by step, and ends with 0 where nothing is violated", () => {
    const { status, out } = kmb("replay", file(counterexample));
    expect(status).toBe(0);
    expect(out).toContain("-- append+sync");
    expect(out).toContain("sync /data/1/segment_000000.log");
    expect(out).toContain("D1 holds here now.");
  });

  test.each([
    ["no JSON", "{", "This is not JSON."],
    ["another schema", { schema: "x" }, "This is no kimberlite-storage/counterexample@2 file"],
    [
      "the schema of another version",
      { ...counterexample, schema: "kimberlite-storage/counterexample@1" },
      "This file was written by another version: its schema is kimberlite-storage/counterexample@1",
    ],
    ["no object", null, "This is no kimberlite-storage/counterexample@2 file"],
    ["missing fields", { ...counterexample, choices: undefined }, "choices"],
    [
      "choices of another version",
      { ...counterexample, choices: [{ what: "operation 1", chosen: 1, of: 9 }] },
      "recorded by another version",
    ],
  ])("refuses a file with %s", (_, content, sentence) => {
    const { status, err } = kmb("replay", file(content));
    expect(status).toBe(2);
    expect(err).toContain(sentence);
  });

  test("refuses a file that is not there", () => {
    const { status, err } = kmb("replay", "nowhere.json");
    expect(status).toBe(2);
    expect(err).toContain("nowhere.json");
  });
});
