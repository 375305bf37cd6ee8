/** The action for workflows of others: what it passes on is what `kmb` takes. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { temporaryDirectories } from "../e2e/testing.ts";

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const SCRIPT = path(".github/actions/kmb.sh");
const ACTION = readFileSync(path("action.yml"), "utf8");
const directory = temporaryDirectories();

interface Ended {
  readonly status: number | null;
  readonly out: string;
  /** What later steps get to know, and the folder in which that is. */
  readonly outputs: string;
  readonly at: string;
}

function run(inputs: Readonly<Record<string, string>>): Ended {
  const at = directory();
  const output = join(at, "output");
  const env = {
    ...process.env,
    KMB: path("dist/cli/kmb.js"),
    COMMAND: "check",
    PROFILE: "quick",
    FORMAT: "plain",
    DIRECTORY: "data",
    ARGUMENTS: "",
    RESULTS: "some results",
    GITHUB_OUTPUT: output,
    ...inputs,
  };
  const { status, stdout } = spawnSync("bash", [SCRIPT], { cwd: at, encoding: "utf8", env });
  return { status, out: stdout, outputs: existsSync(output) ? readFileSync(output, "utf8") : "", at };
}

describe("The action", () => {
  test("gives the script every variable that it asks for, and each of its inputs to something", () => {
    const asked = [...readFileSync(SCRIPT, "utf8").matchAll(/\$([A-Z_]+)/g)].map(([, name = ""]) => name);
    const given = [...ACTION.matchAll(/^ {8}([A-Z]+): \$\{\{/gm)].map(([, name = ""]) => name);
    expect(new Set(asked)).toEqual(new Set([...given, "GITHUB_OUTPUT"]));
    const [inputs = ""] = /^inputs:\n(?: .*\n)+/m.exec(ACTION) ?? [];
    const names = [...inputs.matchAll(/^ {2}([a-z-]+):$/gm)].map(([, name = ""]) => name);
    expect(names).toContain("profile");
    for (const name of names) expect(ACTION).toContain(`\${{ inputs.${name} }}`);
    // What is in the text of a script could be a command.
    expect(ACTION).not.toMatch(/^ +run:.*\$\{\{/m);
  });

  test("runs a check with flags that there are, and passes further arguments on, spaces and all", () => {
    const { status, out, outputs } = run({ ARGUMENTS: "--explain\n\nD1\n--counterexamples=a folder\n" });
    expect(out).toMatch(/^D1 {2}A record acknowledged/);
    expect({ status, outputs }).toEqual({ status: 0, outputs: "status=0\nresults=some results\n" });
  });

  test("audits a directory, and ends as the audit does", () => {
    const data = path("e2e/fixtures/kimberlite/b_rotation/data");
    const clean = run({ COMMAND: "audit", DIRECTORY: data });
    expect({ status: clean.status, outputs: clean.outputs }).toEqual({
      status: 0,
      outputs: "status=0\nresults=some results\n",
    });
    expect(existsSync(join(clean.at, "some results", "audit.json"))).toBe(true);
    const none = run({ COMMAND: "audit", DIRECTORY: "--nowhere" });
    expect({ status: none.status, outputs: none.outputs }).toEqual({
      status: 2,
      outputs: "status=2\nresults=some results\n",
    });
  });

  test("refuses any other command", () => {
    expect(run({ COMMAND: "repair" })).toMatchObject({
      status: 2,
      out: "::error::The input command is check or audit.\n",
      outputs: "",
    });
  });
});
