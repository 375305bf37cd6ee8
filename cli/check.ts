/**
 * `kmb check`: surveys the workloads, searches the units on all cores, prints what was covered, and says with its exit status whether that was
 * everything.
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { Bounds, PartName, ProfileName } from "../properties/bounds.ts";
import { PARTS, type Unit, unitsOf } from "../properties/check.ts";
import { choiceText } from "../properties/choices.ts";
import { survey, workloadsIn } from "../properties/crashes/survey.ts";
import { minimise } from "../properties/minimise.ts";
import type { Counterexample } from "../properties/part.ts";
import { pinnedDifferences } from "../properties/pinned.ts";
import { exitStatus, resultLines, resultOf, toJson } from "../properties/result.ts";
import { addCounts, type Counts, emptyCounts } from "../properties/tally.ts";
import { serializeCounterexample } from "../properties/counterexample.ts";
import type { CheckWork } from "./check-worker.ts";
import { runJobs } from "./pool.ts";
import { progress } from "./progress.ts";

export interface CheckOptions {
  readonly profile: ProfileName;
  readonly workers: number;
  readonly seconds?: number;
  readonly json?: string;
  readonly counterexamples: string;
}

/**
 * Runs the check.
 * @param changed whether the bounds are not the profile's own; then there are no pinned counts to compare with
 * @returns the exit status
 */
export async function check(bounds: Bounds, changed: boolean, options: CheckOptions): Promise<number> {
  const started = performance.now();
  const late = (): boolean => (performance.now() - started) / 1000 > (options.seconds ?? Infinity);
  const stopped = new Set<string>();
  const outOfTime = `the budget of ${options.seconds ?? 0} seconds was used up`;
  const counts: Counts = emptyCounts();
  let counterexample: Counterexample | undefined;
  let part: PartName = "crashes";

  let units: readonly Unit[] = [];
  if (bounds.parts.includes("crashes")) {
    const surveying = progress("workloads", workloadsIn(bounds));
    const surveyed = await survey(bounds, ({ workloads }) => {
      surveying.at(workloads);
      return !late();
    });
    surveying.stop();
    addCounts(counts, surveyed.counts);
    counterexample = surveyed.counterexample;
    if (!surveyed.finished && counterexample === undefined) stopped.add(outOfTime);
    if (surveyed.finished) units = surveyed.units.map((crashes) => ({ part: "crashes", crashes }));
  }

  if (stopped.size === 0 && counterexample === undefined) {
    units = [...units, ...(await unitsOf(bounds))];
    const searching = progress("units", units.length);
    let searched = 0;
    const workforce = { script: "check-worker.js", shared: bounds, workers: options.workers };
    await runJobs<CheckWork>(workforce, units, (result, unit) => {
      addCounts(counts, result.counts);
      searched += 1;
      searching.at(searched);
      counterexample = result.counterexample;
      if (counterexample !== undefined) {
        part = unit.part;
        return false;
      }
      if (searched < units.length && late()) {
        stopped.add(outOfTime);
        stopped.add(`${units.length - searched} of ${units.length} units were not searched`);
        return false;
      }
      return true;
    });
    searching.stop();
  }

  if (counterexample !== undefined) counterexample = await minimise(PARTS[part].run, bounds, counterexample);
  if (!changed && counterexample === undefined && stopped.size === 0) {
    for (const difference of pinnedDifferences(options.profile, bounds.format, counts))
      stopped.add(difference);
  }
  const file = `${options.counterexamples}/${counterexample?.invariant ?? "none"}.json`;
  const seconds = Math.round(performance.now() - started) / 1000;
  const result = resultOf(counts, {
    profile: options.profile,
    bounds,
    stopped: [...stopped],
    counterexample,
    file,
    seconds,
  });
  if (counterexample !== undefined) {
    mkdirSync(options.counterexamples, { recursive: true });
    writeFileSync(file, serializeCounterexample(bounds, part, counterexample));
    for (const line of counterexampleLines(counterexample, file)) console.log(line);
  }
  for (const line of resultLines(result)) console.log(line);
  if (options.json !== undefined) writeFileSync(options.json, toJson(result));
  return exitStatus(result);
}

function counterexampleLines({ invariant, expected, seen, choices }: Counterexample, file: string): string[] {
  return [
    `  VIOLATED ${invariant}`,
    ...choices.map((chosen) => `    ${choiceText(chosen)}`),
    `    expected  ${expected}`,
    `    seen      ${seen}`,
    `    npx kmb replay ${file}`,
    "",
  ];
}
