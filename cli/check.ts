/**
 * `kmb check`: runs the check, prints what was covered, and says with its exit status whether that was
 * everything.
 *
 * Promises: a violation is printed and ends with 1, whatever else fails; a run that is stopped says what was
 * covered until then. Before the search, it is tried whether the results can be written.
 * @module
 */
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type Bounds, isOwn, type ProfileName } from "../properties/bounds.ts";
import { choiceText } from "../explore/choice.ts";
import { serializeCounterexample } from "../properties/counterexample.ts";
import { plainText } from "../properties/plain-text.ts";
import {
  type CheckResult,
  exitStatus,
  resultLines,
  resultOf,
  type RunFacts,
  violationOf,
} from "../properties/result.ts";
import type { Share } from "../properties/shards.ts";
import { type Counts, emptyCounts } from "../properties/tally.ts";
import type { Versions } from "../properties/versions.ts";
import { type FoundViolation, type Outcome, runCheck, type Searched } from "./check-run.ts";
import { Output, OutputError } from "./output.ts";
import type { ReportOptions } from "./report-flags.ts";
import { reportsIn, tellCI } from "./reports.ts";
import { ResumeFile } from "./resume-file.ts";
import { ResultDirectory } from "./result-directory.ts";
import { type Stop, stopping } from "./stopping.ts";
import { codeVersion, versions } from "../properties/code-version.ts";
import { violationLines } from "./violation-lines.ts";

export interface CheckOptions extends ReportOptions {
  readonly profile: ProfileName;
  readonly workers: number;
  readonly seconds?: number;
  /** Whether an engine runs only where its conversation with the disk is new. */
  readonly memo: boolean;
  /** The only share of the units that is searched, if not all are. */
  readonly shard?: Share;
  /** The file that an interrupted run goes on from. */
  readonly resume?: string;
  readonly counterexamples: string;
  /** Whether the search goes on after a violation, to the first of each invariant. */
  readonly all: boolean;
}

const OWN_ERROR = 2;

/**
 * Runs the check.
 * @returns the exit status
 * @throws NoteError if what an earlier run left cannot be gone on from
 */
export async function check(bounds: Bounds, options: CheckOptions): Promise<number> {
  const started = performance.now();
  const version = codeVersion();
  const made = versions();
  const share = options.shard ?? null;
  const resume =
    options.resume === undefined
      ? undefined
      : ResumeFile.open(options.resume, { version, bounds, memo: options.memo, share });
  const report = new Report({ bounds, version, versions: made, options, started, begun: new Date() });
  try {
    const problem = report.problem();
    if (problem !== undefined) {
      console.error(`error: ${problem}`);
      return OWN_ERROR;
    }
    const stops = stopping(options.seconds);
    try {
      const { memo, all, workers } = options;
      const task = { shared: { bounds, memo, all }, workers, share, resume };
      return report.write(await runCheck(task, stops.signal), stops.stop(), resume?.problem);
    } finally {
      stops.end();
    }
  } finally {
    report.end();
  }
}

/** What is run, how, and since when. */
interface Run {
  readonly bounds: Bounds;
  readonly version: string;
  readonly versions: Versions;
  readonly options: CheckOptions;
  readonly started: number;
  readonly begun: Date;
}

/** Where the results go. */
class Report {
  readonly #run: Run;
  readonly #directory: ResultDirectory;
  readonly #out = new Output();
  /** Whether something could not be written. */
  #failed = false;
  #failedOutput = false;

  constructor(run: Run) {
    this.#run = run;
    this.#directory = new ResultDirectory(run.options.counterexamples);
  }

  /**
   * Why the results could not be written, if they could not. A file for them says from now on that the run
   * has not ended, so that nobody takes what an earlier run left there for the result of this one.
   */
  problem(): string | undefined {
    const { counterexamples } = this.#run.options;
    const directory = problemOf(() => {
      this.#directory.make();
    });
    if (directory !== undefined)
      return `no counterexample could be written to "${plainText(counterexamples)}": ${directory}`;
    const stopped = ["the run has not ended"];
    const result = resultOf(...this.#facts(emptyCounts(), undefined, { stopped, violations: [] }));
    const file = this.#writeReports(result);
    return file === undefined ? undefined : `the result could not be written: ${file}`;
  }

  /** Leaves no directory that was made for nothing. */
  end(): void {
    this.#directory.removeEmpty();
  }

  /** Prints and writes everything, and hands it to CI. @returns the exit status */
  write(
    { counts, found, undone, searched, error }: Outcome,
    stop: Stop | undefined,
    unsaved: string | undefined,
  ): number {
    if (unsaved !== undefined) this.#fail(`what was searched could not be kept: ${unsaved}`);
    if (error !== undefined) this.#fail(`the search went on, and ended in an error: ${textOf(error)}`);
    const stopped = stop === undefined || undone === undefined ? [] : [stop.sentence, undone];
    const violations = found.map((each) => violationOf(each.counterexample, this.#violated(each)));
    const result = resultOf(...this.#facts(counts, searched, { stopped, violations }));
    const problem = this.#writeReports(result);
    if (problem !== undefined) this.#fail(`the result could not be written: ${problem}`);
    for (const line of resultLines(result)) this.#line(line);
    const untold = problemOf(() => {
      tellCI(result, process.env, (text) => {
        this.#line(text);
      });
    });
    if (untold !== undefined) this.#fail(`the summary could not be written: ${untold}`);
    if (found.length > 0) return exitStatus(result);
    if (this.#failed) return OWN_ERROR;
    return (undone === undefined ? undefined : stop?.status) ?? exitStatus(result);
  }

  /** Prints a violation, then writes the file. @returns the file, if it could be written */
  #violated({ part, counterexample }: FoundViolation): string | undefined {
    const lines = violationLines(counterexample, counterexample.choices.map(choiceText));
    for (const line of lines) this.#line(line);
    const { bounds, versions: made, options } = this.#run;
    const file = join(options.counterexamples, `${counterexample.invariant}.json`);
    const problem = problemOf(() => {
      // Again, for another run may have found it empty and removed it.
      this.#directory.make();
      writeFileSync(file, serializeCounterexample(bounds, part, counterexample, made));
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

  #facts(
    counts: Counts,
    searched: Searched | undefined,
    how: Pick<RunFacts, "stopped" | "violations">,
  ): [Counts, RunFacts] {
    const { bounds, version, versions: made, options, started } = this.#run;
    const { profile, shard, memo, all } = options;
    const seconds = Math.round(performance.now() - started) / 1000;
    const progress = searched ?? { plan: null, units: 0, searched: 0 };
    const facts: RunFacts = {
      version,
      versions: made,
      profile,
      bounds,
      own: isOwn(profile, bounds),
      all,
      shard: shard === undefined ? null : { ...shard, memo, ...progress },
      seconds,
      ...how,
    };
    return [counts, facts];
  }

  /** Writes the files that were asked for. @returns why one could not be written, if one could not */
  #writeReports(result: CheckResult): string | undefined {
    const { options, begun } = this.#run;
    return reportsIn(options, { started: begun, host: hostname() })
      .map(({ path, text }) =>
        problemOf(() => {
          writeFileSync(path, text(result));
        }),
      )
      .find((problem) => problem !== undefined);
  }
}

/** Why something fails, if it does. */
function problemOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

const textOf = (error: unknown): string => plainText(error instanceof Error ? error.message : String(error));
