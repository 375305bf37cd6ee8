/**
 * One run of the check, cut into shards that real processes search, and one that is killed and goes on: both
 * must end with the JSON of a run in one piece, byte for byte but for the seconds.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, KMB, kmbIn } from "./kmb.ts";

const directory = mkdtempSync(join(tmpdir(), "shards-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const kmb = kmbIn({ cwd: directory });

/** A second's work, of units that come from a survey and of others. */
const SMALL = [
  "check",
  "--profile=quick",
  "--parts=crashes,tampering,symbolic-hashes",
  "--length=2",
  "--operations=append,checkpoint",
  "--recovery-crashes=0",
  "--tampered-records=1",
  "--symbolic-records=1",
  "--workers=1",
];
const HOOK_MS = 120_000;

const written = (name: string): string => readFileSync(join(directory, name), "utf8");
/** A result without the seconds that it took. */
const timeless = (name: string): string => written(name).replace(/"seconds": [\d.]+/, '"seconds": 0');

let whole: Ended;
beforeAll(() => {
  whole = kmb(...SMALL, "--json", "whole.json");
  expect(whole.status).toBe(3);
  expect(whole.out).toContain('complete        no: part "failing-calls" was left out; ');
}, HOOK_MS);

/** What somebody types who has two cores and no scheduler: both start one command for each shard. */
const STARTERS = [
  ["a shell", 'for i in 1 2; do "$@" --shard $i/2 --json part-$i.json & done; wait', true],
  [
    "GNU parallel",
    'parallel --jobs 2 --quote "$@" --shard {}/2 --json part-{}.json ::: 1 2',
    // Another program of this name has no --version.
    spawnSync("parallel", ["--version"]).status === 0,
  ],
] as const;

describe.each(STARTERS)("Two shards that %s starts", (_, script, isThere) => {
  test.runIf(isThere)("merge to the result of one run", () => {
    const shell = spawnSync("sh", ["-c", script, "sh", process.execPath, KMB, ...SMALL], {
      cwd: directory,
      encoding: "utf8",
    });
    expect(shell.status, shell.stderr).toBe(0);
    for (const index of [1, 2]) {
      const part = JSON.parse(written(`part-${index}.json`)) as {
        complete: boolean;
        shard: { index: number; of: number; units: number; searched: number };
      };
      expect(part.complete).toBe(true);
      expect(part.shard).toMatchObject({ index, of: 2 });
      expect(part.shard.searched).toBe(part.shard.units);
      expect(part.shard.units).toBeGreaterThan(10);
    }
    const merged = kmb("merge", "part-1.json", "part-2.json", "--json", "merged.json");
    expect(merged).toStrictEqual({ status: 3, out: whole.out, err: "" });
    expect(timeless("merged.json")).toBe(timeless("whole.json"));
  });
});

describe("kmb merge", () => {
  beforeAll(() => {
    for (const index of [1, 2, 3])
      expect(kmb(...SMALL, `--shard=${index}/3`, "--json", `third-${index}.json`).status).toBe(0);
  }, HOOK_MS);

  test("says which shard is missing, and ends with 3", () => {
    const { status, out } = kmb("merge", "third-1.json", "third-3.json");
    expect(status).toBe(3);
    expect(out).toContain("complete        no: shard 2 of 3 is missing; ");
  });

  test("says which shard was not searched to its end, as one that was killed leaves it", () => {
    const part = JSON.parse(written("third-2.json")) as { shard: object };
    const begun = {
      ...part,
      shard: { ...part.shard, plan: null, units: 0, searched: 0 },
      complete: false,
      incompleteBecause: ["the run has not ended"],
    };
    writeFileSync(join(directory, "begun.json"), JSON.stringify(begun));
    const { status, out } = kmb("merge", "third-1.json", "begun.json", "third-3.json");
    expect(status).toBe(3);
    expect(out).toContain("no: shard 2 of 3 was not searched to its end: the run has not ended; ");
  });

  test("refuses a shard twice, one of other bounds, a whole run, and what is no result, in one line", () => {
    const changed = (name: string, from: string, to: string): string => {
      writeFileSync(join(directory, name), written("third-2.json").replace(from, to));
      return name;
    };
    writeFileSync(join(directory, "text.json"), "no JSON");
    for (const [file, sentence] of [
      ["third-1.json", "shard 1 of 3 is given twice: third-1.json and third-1.json."],
      [
        changed("long.json", '"length": 2', '"length": 3'),
        "no shards of one run: other bounds: length 3 and 2.",
      ],
      [changed("old.json", '"version": "', '"version": "0.0.1+'), "old.json is of another version: 0.0.1+"],
      ["whole.json", "whole.json is the result of a whole run, not of a shard."],
      ["text.json", "text.json is not JSON."],
      ["nowhere.json", "There is no file nowhere.json."],
    ] as const) {
      const { status, out, err } = kmb("merge", "third-1.json", file, "--json", "none.json");
      expect(status).toBe(2);
      expect(out).toBe("");
      expect(err).toMatch(/^error: .*\n$/);
      expect(err).toContain(sentence);
    }
    expect(existsSync(join(directory, "none.json"))).toBe(false);
    expect(kmb("merge").status).toBe(2);
  });

  test("says it where the result cannot be written", () => {
    const { status, err } = kmb("merge", "third-1.json", "third-2.json", "--json", "nowhere/merged.json");
    expect(status).toBe(2);
    expect(err).toContain("nowhere/merged.json could not be written");
  });

  test.each(["0/2", "3/2", "1", "1/2/3", "1/1001"])("there is no shard %s", (shard) => {
    const { status, err } = kmb(...SMALL, `--shard=${shard}`);
    expect(status).toBe(2);
    expect(err).toContain("a shard's number and how many there are, such as 1/4");
  });
});

/** Runs until some units are kept in the file, and is then ended by a signal, before all are. */
async function ended(signal: NodeJS.Signals, file: string, ...args: string[]): Promise<void> {
  const isKept = (): boolean => existsSync(join(directory, file)) && /"searched": [1-9]/.test(written(file));
  for (let wasFirst = true; wasFirst;) {
    rmSync(join(directory, file), { force: true });
    const child = spawn(process.execPath, [KMB, ...SMALL, "--resume", file, ...args], {
      cwd: directory,
      stdio: "ignore",
    });
    const closed = once(child, "close");
    while (!isKept() && child.exitCode === null) await sleep(5);
    child.kill(signal);
    const [status] = (await closed) as [number | null];
    // A machine that is busy with something else may let it end before.
    wasFirst = signal === "SIGKILL" ? status !== null : status !== 130;
  }
  expect(isKept()).toBe(true);
}

describe("kmb check --resume", () => {
  test.each(["SIGKILL", "SIGINT"] as const)(
    "goes on where %s ended a run, to the same result",
    async (signal) => {
      const file = `${signal}.resume`;
      await ended(signal, file, "--json", `${signal}.json`);
      const before = JSON.parse(written(file)) as { searched: number };
      expect(timeless(`${signal}.json`)).not.toBe(timeless("whole.json"));
      const { status, out, err } = kmb(...SMALL, "--resume", file, "--json", `${signal}.json`);
      const [, left] = /^ {2}units +([\d,]+) to do$/m.exec(err) ?? [];
      const after = JSON.parse(written(file)) as { searched: number };
      expect(before.searched + Number(left)).toBe(after.searched);
      expect(status).toBe(3);
      expect(out).toBe(whole.out);
      expect(timeless(`${signal}.json`)).toBe(timeless("whole.json"));
    },
  );

  test("goes on in a shard, to the shard's result", async () => {
    await ended("SIGKILL", "third.resume", "--shard=3/3");
    expect(kmb(...SMALL, "--resume=third.resume", "--shard=3/3", "--json", "resumed.json").status).toBe(0);
    expect(kmb(...SMALL, "--shard=3/3", "--json", "at-once.json").status).toBe(0);
    expect(timeless("resumed.json")).toBe(timeless("at-once.json"));
  });

  test("searches nothing again where everything was searched", () => {
    expect(kmb(...SMALL, "--resume=done.resume").out).toBe(whole.out);
    const again = kmb(...SMALL, "--resume=done.resume", "--json", "done.json");
    expect(again.out).toBe(whole.out);
    expect(again.err).toMatch(/^ {2}units +0 to do$/m);
    expect(timeless("done.json")).toBe(timeless("whole.json"));
  });

  test("refuses a file of another run, and leaves it as it is", () => {
    const mine = written("done.resume");
    const refused = (file: string, sentence: string, ...args: string[]): void => {
      const before = written(file);
      const { status, out, err } = kmb(...SMALL, "--resume", file, ...args, "--json", "refused.json");
      expect(err).toBe(`error: ${file} cannot be resumed: ${sentence}\n`);
      expect({ status, out }).toEqual({ status: 2, out: "" });
      expect(written(file)).toBe(before);
    };
    refused("done.resume", "it is of other bounds: length 2, where this run has 1.", "--length=1");
    refused("done.resume", "it is of all units, and this run of shard 1/2.", "--shard=1/2");
    refused("done.resume", "one run is with --no-memo, the other without.", "--no-memo");
    refused("whole.json", "kmb check --resume did not write it.");
    const [, version = ""] = /"version": "(.*)"/.exec(mine) ?? [];
    const change = (name: string, from: string | RegExp, to: string): string => {
      writeFileSync(join(directory, name), mine.replace(from, to));
      return name;
    };
    refused(change("old", version, "0.0.1"), `it is of another version: 0.0.1, where this is ${version}.`);
    refused(change("torn", /[^]{9}$/, ""), "it is not JSON.");
    expect(existsSync(join(directory, "refused.json"))).toBe(false);
    const plan = kmb(...SMALL, "--resume", change("plan", /"plan": "/, '"plan": "0'));
    expect(plan.status).toBe(2);
    expect(plan.err).toContain("listed other units, with the same code and bounds");
  });

  test("says it before the search where the file cannot be written", () => {
    const { status, out, err } = kmb(...SMALL, "--resume=nowhere/file");
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/^error: nowhere\/file could not be written: .*\n$/);
  });
});
