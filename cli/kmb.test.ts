import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, KMB, kmbIn } from "../e2e/kmb.ts";
import { BOUND_NAMES, profileOf } from "../properties/bounds.ts";
import type { Chosen } from "../explore/choice.ts";
import { walk } from "../properties/crashes/walk.ts";
import { DEFECTS } from "../properties/defects/defects.ts";
import { withDefects } from "../properties/defects/run.ts";
import { ALPHABET } from "../properties/operations.ts";
import { emptyCounts } from "../properties/tally.ts";

const directory = mkdtempSync(join(tmpdir(), "kmb-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const kmb = kmbIn({ cwd: directory });

/** Sends the signal once the line that begins the phase was seen, and waits for the end. */
async function interrupted(signal: NodeJS.Signals, phase: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [KMB, ...args], { cwd: directory });
  let [out, err] = ["", ""];
  child.stdout.on("data", (text: Buffer) => (out += String(text)));
  child.stderr.on("data", (text: Buffer) => {
    const before = err;
    err += String(text);
    if (!before.includes(phase) && err.includes(phase)) child.kill(signal);
  });
  const [status] = (await once(child, "close")) as [number | null];
  return { status, out, err };
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

const SMALL = [
  ["check", "--parts", "crashes", "--length", "1"],
  ["--compaction-length", "0", "--recovery-crashes", "0"],
].flat();

describe("kmb check", () => {
  test("ends with 3 and says why where a witness was not met, and writes the same as JSON", () => {
    const { status, out, err } = kmb(...SMALL, "--json", "out.json");
    expect(err).toMatch(/^ {2}workloads +8 to do\n {2}units +\d+ to do\n$/);
    expect(status).toBe(3);
    expect(out).toMatch(/^ {2}workloads +8 of 8 /m);
    expect(out).toMatch(/^ {2}complete +no: .*witnesses not met: .*rotation,/m);
    const json = JSON.parse(readFileSync(join(directory, "out.json"), "utf8")) as Json;
    expect(Object.keys(json)).toEqual(
      [
        [
          "schema",
          "version",
          "versions",
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
          "all",
          "complete",
          "incompleteBecause",
          "differences",
          "invariants",
          "witnesses",
          "violations",
          "seconds",
        ],
      ].flat(),
    );
    expect(json).toMatchObject({ schema: "kimberlite-storage/check@1", profile: "default", complete: false });
    expect(json.bounds.length).toBe(1);
    expect(json.workloads).toBe(8);
    expect(json.incompleteBecause.join()).toMatch(/witnesses not met: .*rotation,/);
    expect(json.invariants.find(({ id }) => id === "D1")).toMatchObject({ violations: 0 });
    expect(json.violations).toEqual([]);
  });

  test("comes to the same result with any number of workers", () => {
    const [one, two] = [1, 3].map((workers) => kmb(...SMALL, "--workers", String(workers)).out);
    expect(one).toBe(two);
  });

  test.each([
    ["the survey", ["--parts", "crashes", "--length", "6"]],
    ["the listing of units", ["--parts", "failing-calls,stored-bytes", "--fault-length", "6"]],
    ["a unit of the part format", ["--parts", "format", "--flipped-bits", "4"]],
  ])("stops %s when its time is used up, and is not complete", (_, args) => {
    const { status, out } = kmb("check", ...args, "--seconds", "1");
    expect(status).toBe(3);
    expect(out).toContain("complete        no: the budget of 1 seconds was used up");
  });

  test("takes the largest number of inputs that it allows, and lists them without an array of them", () => {
    const { status, out } = kmb(
      "check",
      "--parts",
      "format",
      "--fuzz-inputs",
      "1000000000",
      "--seconds",
      "1",
    );
    expect(status).toBe(3);
    expect(out).toContain("the budget of 1 seconds was used up");
  });

  test.each([
    [
      "a file for the JSON in a directory that is not there",
      ["--json", "nowhere/out.json"],
      "nowhere/out.json",
    ],
    ["a directory in place of the JSON", ["--json", "."], "EISDIR"],
    [
      "a file in place of the directory of counterexamples",
      ["--counterexamples", "kept.json"],
      "is no directory",
    ],
    ["a file above that directory", ["--counterexamples", "kept.json/below"], "kept.json"],
    ["a directory that makes no other", ["--counterexamples", "/proc/kmb/below"], "ENOENT"],
    ["a directory that takes no file", ["--counterexamples", "/proc"], "ENOENT"],
    ["an empty path for that directory", ["--counterexamples", ""], "the path is empty"],
    [
      "JSON that cannot be written, after the directory was made",
      ["--counterexamples", "made/for/nothing", "--json", "."],
      "EISDIR",
    ],
  ])("refuses %s before the search, and makes nothing", (_, args, sentence) => {
    writeFileSync(join(directory, "kept.json"), "{}");
    const before = readdirSync(directory);
    const { status, out, err } = kmb(...SMALL, ...args);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/^ +at /m);
    expect(readdirSync(directory)).toEqual(before);
    expect(readFileSync(join(directory, "kept.json"), "utf8")).toBe("{}");
  });

  test("makes no directory for counterexamples where there are none", () => {
    kmb(...SMALL, "--counterexamples", "none-found/below");
    expect(readdirSync(directory)).not.toContain("none-found");
  });

  test("says it where the JSON cannot be written at the end", () => {
    const { status, out, err } = kmb(...SMALL, "--json", "/dev/full");
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toContain("ENOSPC");
  });

  describe.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s", (signal, expected) => {
    test.each([
      ["the survey", "workloads", ["--length", "5"]],
      ["the search", "units", ["--length", "2", "--recovery-crashes", "3", "--torn-sectors"]],
    ])(
      `during %s: prints what was covered, writes the JSON, ends with ${expected}`,
      async (_, phase, args) => {
        const json = join(directory, `${signal}-${phase}.json`);
        const { status, out, err } = await interrupted(signal, phase, [
          "check",
          "--parts",
          "crashes",
          ...args,
          "--json",
          json,
        ]);
        expect(status).toBe(expected);
        expect(out).toMatch(/^ {2}workloads +[\d,]+ of /m);
        expect(out).toContain(`complete        no: it was interrupted by ${signal}`);
        expect(err).not.toMatch(/^ +at /m);
        const written = JSON.parse(readFileSync(json, "utf8")) as Json;
        expect(written.complete).toBe(false);
        expect(written.incompleteBecause[0]).toBe(`it was interrupted by ${signal}`);
        expect(written.violations).toEqual([]);
      },
    );
  });

  test("leaves a file that says that the run has not ended where it is killed", async () => {
    const json = join(directory, "killed.json");
    writeFileSync(json, '{ "complete": true }');
    await interrupted("SIGKILL", "workloads", [
      "check",
      "--parts",
      "crashes",
      "--length",
      "5",
      "--json",
      json,
    ]);
    const written = JSON.parse(readFileSync(json, "utf8")) as Json;
    expect(written).toMatchObject({ complete: false, workloads: 0 });
    expect(written.incompleteBecause).toContain("the run has not ended");
  });

  test.each([
    [["check", "--length", "0"], "a whole number from 1 to 12"],
    [["check", "--fuzz-inputs", "9007199254740991"], "a whole number from 1 to 1000000000"],
    [["check", "--seconds", "0"], "a whole number from 1 to 2000000"],
    [["check", "--profile", "slow"], "Allowed choices are quick, default, nightly"],
    [["check", "--operations", "append,jump"], "one or more of append, append+sync,"],
    [["check", "--parts", "nope"], "one or more of crashes, failing-calls, stored-bytes, ambiguity"],
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
    for (const name of BOUND_NAMES) {
      const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      expect(out).toMatch(new RegExp(`^ +${flag}(?: <[a-z]+>)? `, "m"));
    }
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      "bursts of up to n bits in a record, all of them (2 to 32)",
    );
    expect(out).toContain("Exit status:");
  });
});

describe("An engine with a defect", () => {
  const broken = (id: string, stdout: "pipe" | number, ...args: string[]): ReturnType<typeof kmb> => {
    const defect = DEFECTS.find((entry) => entry.id === id);
    if (defect === undefined) throw new Error(`There is no defect ${id}.`);
    const { args: node, env } = withDefects([defect], directory);
    const {
      status,
      stdout: out,
      stderr: err,
    } = spawnSync(process.execPath, [...node, KMB, ...args], {
      cwd: directory,
      encoding: "utf8",
      env,
      stdio: ["ignore", stdout, "pipe"],
    });
    return { status, out, err };
  };
  const found = ["check", "--parts", "crashes", "--length", "1", "--operations", "batch"];
  const VIOLATED = "  VIOLATED M2  ";

  test("is found; its counterexample is replayed on it, and on an engine without", () => {
    const { status, out } = broken("memory-repeats-a-record", "pipe", ...found, "--json", "broken.json");
    expect(status).toBe(1);
    expect(out).toContain(VIOLATED);
    expect(out).toContain("npx kmb replay counterexamples/M2.json");
    const { violations } = JSON.parse(readFileSync(join(directory, "broken.json"), "utf8")) as Json;
    expect(violations).toMatchObject([{ invariant: "M2", counterexample: "counterexamples/M2.json" }]);
    const again = broken("memory-repeats-a-record", "pipe", "replay", "counterexamples/M2.json");
    expect(again.out).toContain(VIOLATED);
    expect(again.status).toBe(1);
    const repaired = kmb("replay", "counterexamples/M2.json");
    expect(repaired.out).toContain("M2 holds here now.");
    expect(repaired.status).toBe(0);
  });

  test("that asks its disk for less: the run on an engine without it takes another way", () => {
    const bounds = ["--checkpoint-every", "0", "--persistence", "prefix", "--index-log-max-entries", "9"];
    const { status } = broken("batch-without-sync", "pipe", ...found, ...bounds);
    expect(status).toBe(1);
    const repaired = kmb("replay", "counterexamples/D1.json");
    expect(repaired.out).toMatch(
      /^ {2}D1 no longer happens: the run took another way at choice \d+ of \d+\.$/m,
    );
    expect(repaired.err).toBe("");
    expect(repaired.status).toBe(3);
  });

  test("is found again by a run that goes on, with the same result", () => {
    const args = ["check", "--parts", "crashes", "--length", "1", "--operations"];
    args.push("append,append+sync,checkpoint,batch");
    const bounds = ["--checkpoint-every", "0", "--persistence", "prefix", "--index-log-max-entries", "9"];
    const results = ["first", "second"].map((name) => {
      const kept = ["--resume", "found.resume", "--json", `${name}.json`, "--workers", "1"];
      const { status, out } = broken("batch-without-sync", "pipe", ...args, ...bounds, ...kept);
      expect(status).toBe(1);
      expect(out).toContain("  VIOLATED D1  ");
      const { searched } = JSON.parse(readFileSync(join(directory, "found.resume"), "utf8")) as {
        searched: number;
      };
      expect(searched).toBeGreaterThan(1);
      return readFileSync(join(directory, `${name}.json`), "utf8").replace(/"seconds": .*/, "");
    });
    expect(results[1]).toBe(results[0]);
  });

  test("is found and printed where the counterexample cannot be written", () => {
    mkdirSync(join(directory, "full", "M2.json"), { recursive: true });
    const { status, out, err } = broken(
      "memory-repeats-a-record",
      "pipe",
      ...found,
      "--counterexamples",
      "full",
    );
    expect(status).toBe(1);
    expect(out).toContain(VIOLATED);
    expect(out).not.toContain("npx kmb replay");
    expect(err).toContain("the counterexample could not be written: EISDIR");
  });

  test("is found and printed on standard error where standard output is full", () => {
    const full = openSync("/dev/full", "w");
    const { status, err } = broken("memory-repeats-a-record", full, ...found);
    closeSync(full);
    expect(status).toBe(1);
    expect(err).toContain("Standard output could not be written");
    expect(err).toContain(VIOLATED);
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
        what: `operation 1: ${ALPHABET.join(", ")}`,
        chosen: 1,
        of: ALPHABET.length,
      },
    ],
  };

  function bounded(): string {
    kmb(...SMALL, "--json", "bounds.json");
    return readFileSync(join(directory, "bounds.json"), "utf8");
  }

  /**
   * The same, with every choice of a run that crashes after the operation: what D4 is about.
   * @param operation by its place
   * @param crash how many moments before the end, where the machine fails and then the process dies
   */
  async function recorded({ operation = 1, crash = 1 } = {}): Promise<typeof counterexample> {
    const choices: Chosen[] = [];
    const choice = {
      choose(of: number, what: string): number {
        const chosen = what.startsWith("operation 1")
          ? operation
          : what.startsWith("moment of the crash,")
            ? of - crash
            : 0;
        if (of > 1) choices.push({ what, chosen, of });
        return chosen;
      },
    };
    const small = { ...profileOf("default"), length: 1, compactionLength: 0, recoveryCrashes: 0 };
    await walk(small, choice, emptyCounts());
    return { ...counterexample, invariant: "D4", choices };
  }

  test("shows the run step by step, and ends with 0 where nothing is violated", async () => {
    const { status, out } = kmb("replay", file(await recorded()));
    expect(out).toContain("-- append+sync");
    expect(out).toContain("sync /data/1/segment_000000.log");
    expect(out).toMatch(/^ {2}D4 holds here now\.$/m);
    expect(out).toContain("with      format plain, durability standard, compression none, as the file says");
    expect(out).not.toContain("not recorded");
    expect(status).toBe(0);
  });

  test("writes a page of the run, whatever came of it, and not over what was read", async () => {
    const path = file(await recorded());
    const { status, out } = kmb("replay", path, "--html", "replay.html");
    expect(out).toContain("replay.html");
    expect(status).toBe(0);
    const page = readFileSync(join(directory, "replay.html"), "utf8");
    expect(page).toContain("D4 holds here now.");
    expect(page).not.toContain("here it is violated");
    const another = file({ ...counterexample, choices: [{ ...counterexample.choices[0], of: 9 }] });
    expect(kmb("replay", another, "--html", "replay.html").status).toBe(3);
    expect(readFileSync(join(directory, "replay.html"), "utf8")).toContain("the run took another way");
    const over = kmb("replay", path, "--html", path);
    expect([over.status, over.err]).toEqual([
      2,
      `error: ${path} would be written over what was read from it.\n`,
    ]);
  });

  test("shows with a power failure the disk after it, where what was not synced is undecided", async () => {
    const unsynced = await recorded({ operation: ALPHABET.indexOf("append"), crash: 2 });
    expect(kmb("replay", file(unsynced), "--html", "power.html").status).toBe(0);
    const page = readFileSync(join(directory, "power.html"), "utf8");
    const texts = [...page.matchAll(/<li id="step-\d+"><button [^>]*>([^<]*)</g)].map(
      ([, text = ""]) => text,
    );
    const [, data = ""] = /<script type="application\/json" id="data">(.*)<\/script>/.exec(page) ?? [];
    const { steps, files } = JSON.parse(data) as {
      steps: number[][];
      files: { path: string; sectors: { fate: string }[] }[];
    };
    const after = texts.findIndex((text) => text.includes("back to the moment of the crash: power failure"));
    const segment = (step: number): string[] | undefined =>
      steps[step]
        ?.map((at) => files[at])
        .find((shown) => shown?.path.endsWith(".log") === true)
        ?.sectors.map(({ fate }) => fate);
    expect(new Set(segment(after - 2))).toEqual(new Set(["pending"]));
    expect(new Set(segment(after))).toEqual(new Set(["undecided"]));
  });

  test.each<[string, (valid: typeof counterexample) => object, string]>([
    [
      "of an invariant that this part never checks",
      () => ({ invariant: "F1" }),
      "F1 was not checked in this run, so nothing is known of it.",
    ],
    [
      "without choices",
      () => ({ choices: [] }),
      "D4 was not checked in this run, so nothing is known of it.",
    ],
    [
      "without its last choice",
      ({ choices }) => ({ choices: choices.slice(0, -1) }),
      `The run was not as recorded: after the `,
    ],
    [
      "with its first choice only",
      ({ choices }) => ({ choices: choices.slice(0, 1) }),
      "D4 was not checked in this run, so nothing is known of it.",
    ],
  ])("ends with 3 for a recording %s, and does not say that it holds", async (_, change, sentence) => {
    const valid = await recorded();
    const { status, out, err } = kmb("replay", file({ ...valid, ...change(valid) }));
    expect(err).toBe("");
    expect(out).toContain(sentence);
    expect(out).not.toContain("holds here now");
    expect(status).toBe(3);
  });

  const [operation] = counterexample.choices;
  test.each([
    ["another number of answers", [{ ...operation, of: 9 }]],
    ["another question", [{ ...operation, what: "a question of another engine" }]],
    ["more questions than the run asks", [operation, { what: "a crash that is no more", chosen: 1, of: 2 }]],
  ])("ends with 3 where the run takes another way: %s", (_, choices) => {
    const { status, out, err } = kmb("replay", file({ ...counterexample, choices }));
    expect(err).toBe("");
    expect(out).toContain(
      `D1 no longer happens: the run took another way at choice ${choices.length} of ${choices.length}.`,
    );
    expect(status).toBe(3);
  });

  const ESCAPE = "\u001b[31m\u009b2J\u202e";
  test.each([
    ["an unknown invariant", { ...counterexample, invariant: "ZZZ" }, "invariant must be one of F1, F2,"],
    ["a negative answer", { ...counterexample, choices: [{ ...operation, chosen: -1 }] }, "choices.0.chosen"],
    [
      "escapes in its schema",
      { ...counterexample, schema: `kimberlite-storage/counterexample@${ESCAPE}` },
      "U+001B",
    ],
  ])("refuses a file with %s, without a stack and without escapes", (_, content, sentence) => {
    const { status, out, err } = kmb("replay", file(content));
    expect(err).toContain(sentence);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).not.toMatch(/^ +at /m);
    expect(err.trimEnd()).not.toMatch(/\p{C}/u);
  });

  test("refuses a file that is not there", () => {
    const { status, err } = kmb("replay", "nowhere.json");
    expect(status).toBe(2);
    expect(err).toContain("nowhere.json");
  });
});

describe("kmb report", () => {
  const result = join(directory, "for-report.json");
  beforeAll(() => {
    kmb(...SMALL, "--json", result);
  });

  test("writes a page, and says the verdict that is on it", () => {
    const { status, out } = kmb("report", result, "--out", "page.html");
    const page = readFileSync(join(directory, "page.html"), "utf8");
    const [sentence = ""] = out.split("\n");
    expect(sentence).toMatch(/the run was not complete\. No result of the seeded defects was given\.$/);
    expect(page).toContain(`>${sentence}<`);
    expect(status).toBe(0);
  });

  test.each([
    ["there is no such file", ["nowhere.json"], "There is no file nowhere.json."],
    [
      "it is no result",
      ["package.json"],
      "package.json is neither a result of kmb check nor one of the seeded defects.",
    ],
    ["it would be written over", [result, "--out", result], "would be written over what was read from it."],
    [
      "the page cannot be written",
      [result, "--out", "nowhere/page.html"],
      "nowhere/page.html could not be written",
    ],
  ])("ends with 2 and a sentence where %s", (_, args, sentence) => {
    writeFileSync(join(directory, "package.json"), "{}");
    const before = readFileSync(result, "utf8");
    const { status, err } = kmb("report", ...args);
    expect(err).toContain(sentence);
    expect(status).toBe(2);
    expect(readFileSync(result, "utf8")).toBe(before);
  });
});
