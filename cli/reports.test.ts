/**
 * The forms in which a result is handed on, held against their published schemas where there are such. A
 * report is read by programs of others, so it is checked with texts that would break it out of its quotes.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryDirectories } from "../e2e/testing.ts";
import { profileOf } from "../properties/bounds.ts";
import { INVARIANTS, WITNESSES } from "../properties/invariants/catalogue.ts";
import { PINNED } from "../properties/pinned/counts.ts";
import { type CheckResult, resultOf, type RunFacts, violationOf } from "../properties/result.ts";
import { type Counts, emptyCounts } from "../properties/tally.ts";
import { annotationsOf } from "./annotations.ts";
import { badgeOf } from "./badge.ts";
import { junitOf } from "./junit.ts";
import { sarifOf } from "./sarif.ts";
import { summaryOf } from "./summary.ts";

const ROOT = new URL("..", import.meta.url);
const KMB = fileURLToPath(new URL("dist/cli/kmb.js", ROOT));
const SCHEMAS = new URL("e2e/fixtures/schemas/", ROOT);
const directory = temporaryDirectories();
/** From Debian's libxml2-utils, which `.ci/run` installs. */
const hasXmllint = spawnSync("xmllint", ["--version"]).status === 0;

/** What each format gives a meaning of its own. */
const AWKWARD = "]]> <b> & \" ' \u0000\u001b[31m \uffff \ud800 % :: , | `` ```` \r\n::error::x\n\ttab";
const facts: RunFacts = {
  version: "1.2.3+4",
  versions: { package: "1.2.3", node: "20.19.0", commit: "c0ffee" },
  profile: "quick",
  bounds: profileOf("quick"),
  own: true,
  all: true,
  shard: null,
  stopped: [],
  violations: [],
  seconds: 1.5,
};
const found = { invariant: "D1", check: "recovery", expected: AWKWARD, seen: AWKWARD, choices: [] } as const;
const violations = [
  violationOf(found, `counterexamples/${AWKWARD}.json`),
  violationOf({ ...found, invariant: "H3", check: undefined }, undefined),
];

const pins = PINNED["quick plain"];
const complete = { ...emptyCounts(), ...pins, left: 0n } as Counts;
const RESULTS: Readonly<Record<"complete" | "incomplete" | "violated" | "shard", CheckResult>> = {
  complete: resultOf(complete, facts),
  incomplete: resultOf(emptyCounts(), { ...facts, stopped: [AWKWARD] }),
  violated: resultOf(complete, { ...facts, violations }),
  shard: resultOf(emptyCounts(), {
    ...facts,
    shard: { index: 2, of: 3, memo: true, plan: "", units: 0, searched: 0 },
  }),
};
const NAMES = Object.keys(RESULTS) as (keyof typeof RESULTS)[];

test("The results are what their names say", () => {
  expect(pins).toBeDefined();
  expect(NAMES.map((name) => [RESULTS[name].complete, RESULTS[name].violations.length])).toEqual([
    [true, 0],
    [false, 0],
    [false, 2],
    [true, 0],
  ]);
});

describe("JUnit's XML", () => {
  const junit = (name: keyof typeof RESULTS): string =>
    junitOf(RESULTS[name], { started: new Date("2026-01-02T03:04:05.678Z"), host: "" });
  const count = (xml: string, what: RegExp): number => [...xml.matchAll(what)].length;

  test.runIf(hasXmllint).each(NAMES)("of a result that is %s, is as the published schema says", (name) => {
    const schema = fileURLToPath(new URL("jenkins-junit.xsd", SCHEMAS));
    const { status, stderr } = spawnSync("xmllint", ["--noout", "--schema", schema, "-"], {
      input: junit(name),
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "- validates\n" });
  });

  test("has a case for each invariant, each witness and the run", () => {
    const xml = junit("complete");
    expect(count(xml, /<testcase /g)).toBe(INVARIANTS.length + WITNESSES.length + 1);
    expect(xml).toContain('name="D1: A record acknowledged with sync survives every crash');
    expect(xml).toContain('classname="crashes, kimberlite" time="0"/>');
    expect(xml).toContain('<testcase name="complete" classname="run" time="1.5"/>');
    expect(xml).toContain('timestamp="2026-01-02T03:04:05" hostname="localhost"');
    expect(xml).not.toMatch(/<(failure|error|skipped)/);
  });

  test("has a failure for each invariant that is violated, with the command that shows it again", () => {
    const xml = junit("violated");
    expect(count(xml, /<failure type="(D1|H3)" message="Expected /g)).toBe(2);
    expect(count(xml, /<failure/g)).toBe(2);
    expect(xml).toContain(`failures="2" errors="0"`);
    expect(count(xml, /npx kmb replay counterexamples\//g)).toBe(1);
    expect(xml).not.toContain("<error");
  });

  test("has an error, and skips what nothing was seen of, where the run is not complete", () => {
    const xml = junit("incomplete");
    expect(count(xml, /<error type="incomplete" message="/g)).toBe(1);
    expect(count(xml, /<skipped\/>/g)).toBe(INVARIANTS.length + WITNESSES.length);
    expect(xml).toContain(`tests="1" failures="0" errors="1" skipped="0"`);
  });
});

describe("SARIF", () => {
  interface Log {
    readonly runs: readonly {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
      readonly results: readonly {
        readonly ruleId: string;
        readonly ruleIndex: number;
        readonly locations: readonly {
          readonly physicalLocation: {
            readonly artifactLocation: { readonly uri: string };
            readonly region: { readonly startLine: number };
          };
        }[];
        readonly partialFingerprints: object;
      }[];
      readonly invocations: readonly object[];
    }[];
  }
  const sarif = (name: keyof typeof RESULTS): Log => JSON.parse(sarifOf(RESULTS[name])) as Log;

  test.each(NAMES)("of a result that is %s, is as the published schema says", (name) => {
    const text = readFileSync(new URL("sarif-2.1.0-rtm.5.json", SCHEMAS), "utf8");
    // It is written in draft 4, of which it uses nothing that later drafts read otherwise.
    const schema: object = { ...(JSON.parse(text) as object), $schema: undefined, id: undefined };
    const validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
    const valid = validate(sarif(name));
    expect(validate.errors).toBeNull();
    expect(valid).toBe(true);
    expect(validate({ ...sarif(name), version: "2.0.0" })).toBe(false);
  });

  test("has a rule for each invariant, and a result for each violation, at the line of the predicate", () => {
    const [run] = sarif("violated").runs;
    if (run === undefined) throw new Error("There is no run.");
    const { rules } = run.tool.driver;
    expect(rules.map(({ id }) => id)).toEqual(INVARIANTS.map(({ id }) => id));
    expect(run.results.map(({ ruleId }) => ruleId)).toEqual(["D1", "H3"]);
    for (const { ruleId, ruleIndex, locations } of run.results) {
      expect(rules[ruleIndex]?.id).toBe(ruleId);
      const [location] = locations;
      const { uri, line } = {
        uri: location?.physicalLocation.artifactLocation.uri ?? "",
        line: location?.physicalLocation.region.startLine ?? 0,
      };
      expect(readFileSync(new URL(uri, ROOT), "utf8").split("\n")[line - 1]).toMatch(/^\s+holds[:(]/);
    }
    const fingerprints = run.results.map(({ partialFingerprints }) => partialFingerprints);
    expect(fingerprints).toEqual([{ "kmbPredicate/v1": "D1.recovery" }, { "kmbPredicate/v1": "H3" }]);
  });

  test("says that the run failed where it is not complete and nothing is violated, and why", () => {
    expect(sarif("incomplete").runs[0]).toMatchObject({
      results: [],
      invocations: [
        { executionSuccessful: false, toolExecutionNotifications: [{ level: "error" }, {}, {}, {}] },
      ],
    });
    expect(sarif("complete").runs[0]).toMatchObject({
      results: [],
      invocations: [{ executionSuccessful: true, toolExecutionNotifications: [] }],
    });
  });
});

describe("The summary", () => {
  test("quotes what an engine said between fences that it cannot close, without what acts on a terminal", () => {
    const text = summaryOf(RESULTS.violated);
    expect(text).toContain("**2 invariants are violated.**");
    expect(text).toContain("### D1: A record acknowledged with sync survives every crash");
    const lines = text.split("\n");
    const fences = lines.flatMap((line, i) => (/^`{3,}(text)?$/.test(line) ? [[line, i] as const] : []));
    expect(fences.map(([line]) => line.replace("text", "").length)).toEqual([5, 5, 5, 5, 3, 3]);
    for (const [i, line] of lines.entries()) {
      if (!line.includes("::error")) continue;
      const before = fences.filter(([, at]) => at < i).length;
      expect(before % 2).toBe(1);
    }
    expect(text.replaceAll("\n", "").replaceAll("\t", "")).not.toMatch(/\p{C}/u);
    expect(text).toMatch(/^predicate properties\/invariants\/durability\.ts:\d+$/m);
  });

  test.each([
    ["complete", /^\*\*All \d+ invariants hold, and the run was complete\.\*\*$/m],
    ["incomplete", /^\*\*Nothing is violated, but the run was not complete\.\*\*$/m],
    ["shard", /^\*\*Nothing is violated in shard 2 of 3\.\*\*$/m],
  ] as const)("says of a result that is %s that it is, and what made it", (name, sentence) => {
    const text = summaryOf(RESULTS[name]);
    expect(text).toMatch(sentence);
    expect(text).toContain("1.5 seconds, kimberlite-storage 1.2.3, Node.js 20.19.0, commit c0ffee\n");
  });
});

test.each([
  ["complete", `${INVARIANTS.length} invariants hold`, "brightgreen"],
  ["incomplete", "not complete", "orange"],
  ["violated", "2 violated", "red"],
  ["shard", "shard 2 of 3 holds", "brightgreen"],
] as const)("The badge of a result that is %s says %j", (name, message, color) => {
  const badge: unknown = JSON.parse(badgeOf(RESULTS[name]));
  const isError = name === "violated";
  expect(badge).toEqual({ schemaVersion: 1, label: "kmb check quick", message, color, isError });
});

describe("Annotations", () => {
  test("are an error for each violation, at its predicate, on a line of its own", () => {
    const [first = "", second, ...more] = annotationsOf(RESULTS.violated);
    expect(more).toEqual([]);
    expect(first).toMatch(
      /^::error file=properties\/invariants\/durability\.ts,line=\d+,title=D1 is violated::Expected .*%25 ::/,
    );
    expect(first).toContain("%0Anpx kmb replay counterexamples/");
    expect(second).toMatch(/^::error file=properties\/invariants\/chain\.ts,line=\d+,title=H3 is violated::/);
    for (const line of [first, second]) expect(line).not.toMatch(/[\r\n]/);
  });

  test("are a warning where the run is not complete, and nothing where it is", () => {
    expect(annotationsOf(RESULTS.incomplete)).toEqual([
      expect.stringMatching(/^::warning title=The run was not complete::/),
    ]);
    expect(annotationsOf(RESULTS.complete)).toEqual([]);
  });
});

describe("kmb check and kmb merge", () => {
  const SMALL = ["--profile=quick", "--parts=symbolic-hashes", "--symbolic-records=1", "--workers=1"];
  const FILES = ["json", "junit", "sarif", "summary", "badge"];
  let at = "";
  const kmb = (...args: string[]): { status: number | null; out: string } => {
    const page = join(at, "page.md");
    const env = { ...process.env, GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: page };
    const { status, stdout } = spawnSync(process.execPath, [KMB, ...args], {
      cwd: at,
      encoding: "utf8",
      env,
    });
    return { status, out: stdout };
  };
  const into = (name: string): string[] => FILES.map((form) => `--${form}=${name}.${form}`);
  const read = (name: string): string => readFileSync(join(at, name), "utf8");
  beforeEach(() => {
    at = directory();
  });

  test("write all files that they are asked for, and tell GitHub Actions", () => {
    writeFileSync(join(at, "page.md"), "before\n");
    expect(kmb("check", ...SMALL, "--shard=1/1", ...into("part")).status).toBe(0);
    expect(read("page.md")).toBe(`before\n${read("part.summary")}`);
    const { status, out } = kmb("merge", "part.json", ...into("whole"));
    expect(status).toBe(3);
    expect(out).toMatch(/^::warning title=The run was not complete::part "crashes" was left out; /m);
    expect(read("page.md")).toBe(`before\n${read("part.summary")}${read("whole.summary")}`);
    expect(JSON.parse(read("whole.badge"))).toMatchObject({ message: "not complete" });
    expect(read("whole.junit")).toContain('<error type="incomplete"');
    expect(JSON.parse(read("whole.sarif"))).toMatchObject({ version: "2.1.0" });
    expect(JSON.parse(read("whole.json"))).toMatchObject({ complete: false });
  });

  test("refuse a file that cannot be written before the search", () => {
    const { status, out } = kmb("check", ...SMALL, "--badge=nowhere/badge.json", "--junit=begun.xml");
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(existsSync(join(at, "begun.xml"))).toBe(true);
    expect(read("begun.xml")).toContain("the run has not ended");
  });
});
