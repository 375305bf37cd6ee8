import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";

/** Runs the built command, as `npm run bench` does. */
function bench(...words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ["dist/bench/side-by-side/main.js", ...words], { encoding: "utf8" });
}

describe("npm run bench says how it is used", () => {
  test("--help names the options and what installs the peers, and ends with 0", () => {
    const { status, stdout } = bench("--help");
    expect(status).toBe(0);
    for (const word of ["--quick", "--only", "--json", "--plots", "npm ci --prefix bench"])
      expect(stdout).toContain(word);
  });

  test.each([
    [["--nonsense"], "unknown option '--nonsense'"],
    [["--only", "everything"], "Allowed choices are append"],
    [["--json"], "argument missing"],
    [["more"], "too many arguments"],
    [["--directory", "/nowhere/at/all"], "ENOENT"],
    [["--json", "/nowhere/at/all.json"], "ENOENT"],
  ])("%j is wrong usage, and ends with 2", (words, why) => {
    const { status, stdout, stderr } = bench(...words);
    expect(status).toBe(2);
    expect(stderr).toContain(why);
    expect(stdout).toBe("");
  });
});
