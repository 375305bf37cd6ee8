/**
 * `kmb check`: runs the check, prints what was covered, and says with its exit status whether that was
 * everything.
 *
 * Promises: a violation is printed and ends with 1, whatever else fails; a run that is stopped says what was
 * covered until then. Before the search, it is tried whether the results can be written.
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Bounds, ProfileName } from "../properties/bounds.ts";
import { choiceText } from "../explore/choice.ts";
import { serializeCounterexample } from "../properties/counterexample.ts";
import type { Counterexample } from "../properties/part.ts";
import { plainText } from "../properties/plain-text.ts";
import { exitStatus, resultLines, resultOf, type RunFacts, toJson } from "../properties/result.ts";
import { type Counts, emptyCounts } from "../properties/tally.ts";
import { type Outcome, runCheck } from "./check-run.ts";
import { Output, OutputError } from "./output.ts";
import { ResultDirectory } from "./result-directory.ts";
import { type Stop, stopping } from "./stopping.ts";

export interface CheckOptions {
  readonly profile: ProfileName;
  readonly workers: number;
  readonly seconds?: number;
  /** Whether an engine runs only where its conversation with the disk is new. */
  readonly memo: boolean;
  readonly json?: string;
  readonly counterexamples: string;
}

const OWN_ERROR = 2;

/**
 * Runs the check.
 * @param changed whether the bounds are not the profile's own; then there are no pinned counts to compare
 * with
 * @returns the exit status
 */
export async function check(bounds: Bounds, changed: boolean, options: CheckOptions): Promise<number> {
  const started = performance.now();
  const report = new Report(bounds, !changed, options, started);
  try {
    const problem = report.problem();
    if (problem !== undefined) {
      console.error(`error: ${problem}`);
      return OWN_ERROR;
    }
    const stops = stopping(options.seconds);
    try {
      return report.write(
        await runCheck({ bounds, memo: options.memo }, options.workers, stops.signal),
        stops.stop(),
      );
    } finally {
      stops.end();
    }
  } finally {
    report.end();
  }
}

/** Where the results go. */
class Report {
  readonly #bounds: Bounds;
  readonly #own: boolean;
  readonly #options: CheckOptions;
  readonly #started: number;
  readonly #directory: ResultDirectory;
  readonly #out = new Output();
  /** Whether something could not be written. */
  #failed = false;
  #failedOutput = false;

  constructor(bounds: Bounds, own: boolean, options: CheckOptions, started: number) {
    this.#bounds = bounds;
    this.#own = own;
    this.#options = options;
    this.#started = started;
    this.#directory = new ResultDirectory(options.counterexamples);
  }

  /**
   * Why the results could not be written, if they could not. A file for them says from now on that the run
   * has not ended, so that nobody takes what an earlier run left there for the result of this one.
   */
  problem(): string | undefined {
    const { counterexamples } = this.#options;
    const directory = problemOf(() => {
      this.#directory.make();
    });
    if (directory !== undefined)
      return `no counterexample could be written to "${plainText(counterexamples)}": ${directory}`;
    const stopped = ["the run has not ended"];
    const json = this.#writeJson(
      this.#facts(emptyCounts(), { stopped, counterexample: undefined, file: undefined }),
    );
    return json === undefined ? undefined : `the result could not be written: ${json}`;
  }

  /** Leaves no directory that was made for nothing. */
  end(): void {
    this.#directory.removeEmpty();
  }

  /** Prints and writes everything. @returns the exit status */
  write({ counts, found, undone }: Outcome, stop: Stop | undefined): number {
    const stopped = stop === undefined || undone === undefined ? [] : [stop.sentence, undone];
    const counterexample = found?.counterexample;
    const file = found === undefined ? undefined : this.#violated(found);
    const facts = this.#facts(counts, { stopped, counterexample, file });
    const result = resultOf(...facts);
    const problem = this.#writeJson(facts);
    if (problem !== undefined) this.#fail(`the result could not be written: ${problem}`);
    for (const line of resultLines(result)) this.#line(line);
    if (found !== undefined) return exitStatus(result);
    if (this.#failed) return OWN_ERROR;
    return (undone === undefined ? undefined : stop?.status) ?? exitStatus(result);
  }

  /** Prints a violation, then writes the file. @returns the file, if it could be written */
  #violated({ part, counterexample }: NonNullable<Outcome["found"]>): string | undefined {
    for (const line of violationLines(counterexample)) this.#line(line);
    const file = join(this.#options.counterexamples, `${counterexample.invariant}.json`);
    const problem = problemOf(() => {
      // Again, for another run may have found it empty and removed it.
      this.#directory.make();
      writeFileSync(file, serializeCounterexample(this.#bounds, part, counterexample));
    });
    if (problem === undefined) this.#line(`    npx kmb replay ${file}\n`);
    else this.#fail(`the counterexample could not be written: ${problem}`);
    return problem === undefined ? file : undefined;
  }

  /** A line on standard output; on standard error once that takes no more. */
  #line(text: string): void {
    try {
      if (!this.#failedOutput) {
        this.#out.line(text);
        return;
      }
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      this.#failedOutput = true;
      this.#fail(error.message);
    }
    console.error(text);
  }

  #fail(sentence: string): void {
    this.#failed = true;
    console.error(`error: ${sentence}`);
  }

  #facts(counts: Counts, how: Pick<RunFacts, "stopped" | "counterexample" | "file">): [Counts, RunFacts] {
    const seconds = Math.round(performance.now() - this.#started) / 1000;
    return [
      counts,
      { profile: this.#options.profile, bounds: this.#bounds, own: this.#own, seconds, ...how },
    ];
  }

  #writeJson(facts: [Counts, RunFacts]): string | undefined {
    const { json } = this.#options;
    return json === undefined
      ? undefined
      : problemOf(() => {
          writeFileSync(json, toJson(resultOf(...facts)));
        });
  }
}

/** Why something fails, if it does. */
function problemOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return plainText(error instanceof Error ? error.message : String(error));
  }
}

function violationLines({ invariant, expected, seen, choices }: Counterexample): string[] {
  const lines = [
    `  VIOLATED ${invariant}`,
    ...choices.map((chosen) => `    ${choiceText(chosen)}`),
    `    expected  ${expected}`,
    `    seen      ${seen}`,
  ];
  return lines.map(plainText);
}
