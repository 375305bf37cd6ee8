/**
 * The phases of `kmb check`, on all cores: the workloads are surveyed and the units listed, the units are
 * searched, and what is found is made small. It can be stopped at any moment, and then tells what was covered
 * until then.
 * @module
 */
import type { PartName } from "../properties/bounds.ts";
import { type Unit } from "../properties/parts.ts";
import { planOf, type Share, unitsOfShare } from "../properties/shards.ts";
import { workloadsIn } from "../properties/crashes/survey.ts";
import type { Counterexample, PartResult } from "../properties/part.ts";
import { addCounts, type Counts, emptyCounts } from "../properties/tally.ts";
import type { ListedPart, MinimiseWork, PrepareWork, SearchWork, Shared } from "./check-worker.ts";
import { runJobs, type Work } from "./pool.ts";
import { phase } from "./progress.ts";
import type { ResumeFile } from "./resume-file.ts";

/** What is to be run. */
interface Task {
  readonly shared: Shared;
  readonly workers: number;
  /** Whose units are searched; all are where it is `null`. */
  readonly share: Share | null;
  /** What an earlier run has searched, and where this one keeps what it has. */
  readonly resume: ResumeFile | undefined;
}

/** How far the search came. */
export interface Searched {
  /** The name of the list of all units, where somebody will ask for it. */
  readonly plan: string;
  /** Those of the shard, or all. */
  readonly units: number;
  readonly searched: number;
}

/** What a run came to. */
export interface Outcome {
  readonly counts: Counts;
  /** The first violation, or the first of each invariant; made small if there was time. */
  readonly found: readonly FoundViolation[];
  /** What ended a search that went on after a violation, if it was an error of the check itself. */
  readonly error: unknown;
  /** What was left undone when the run was stopped, if it was. */
  readonly undone: string | undefined;
  /** `undefined` where there was no list of units yet. */
  readonly searched: Searched | undefined;
}

export interface FoundViolation {
  readonly part: PartName;
  readonly counterexample: Counterexample;
}

/**
 * Runs the check until it is done, something is violated (unless all violations are asked for), or the signal
 * is aborted.
 */
export async function runCheck(task: Task, signal: AbortSignal): Promise<Outcome> {
  const run = new CheckRun(task, signal);
  let searched: Searched | undefined;
  let error: unknown;
  try {
    const units = await run.prepare();
    searched = units === undefined ? undefined : await run.search(units);
  } catch (thrown) {
    // What was found is not lost with what comes after it.
    if (!run.hasFound) throw thrown;
    error = thrown;
  }
  await run.minimise();
  return { ...run.outcome(searched), error };
}

class CheckRun {
  readonly #task: Task;
  readonly #signal: AbortSignal;
  /** What the survey counted; nothing in a shard other than the first, as each of them surveys. */
  readonly #surveyed = emptyCounts();
  /** What the units counted that were searched. */
  #counts = emptyCounts();
  /** In the order of the units, so that it makes no difference how many workers there are. */
  readonly #found: FoundViolation[] = [];

  constructor(task: Task, signal: AbortSignal) {
    this.#task = task;
    this.#signal = signal;
  }

  get hasFound(): boolean {
    return this.#found.length > 0;
  }

  outcome(searched: Searched | undefined): Omit<Outcome, "error"> {
    const counts = emptyCounts();
    addCounts(counts, this.#surveyed);
    addCounts(counts, this.#counts);
    return { counts, found: this.#found, undone: this.#undone(searched), searched };
  }

  #undone(searched: Searched | undefined): string | undefined {
    if (this.#isOver) return undefined;
    if (searched === undefined) return "no unit was searched";
    const left = searched.units - searched.searched;
    return left === 0 ? undefined : `${left} of ${searched.units} units were not searched`;
  }

  /** @returns all units, those of the crashes first; `undefined` if there was a violation, or no time */
  async prepare(): Promise<readonly Unit[] | undefined> {
    const { bounds } = this.#task.shared;
    const { parts } = bounds;
    const jobs = [
      ...(parts.includes("crashes") ? [{ does: "survey" } as const] : []),
      ...parts
        .filter((part): part is ListedPart => part !== "crashes")
        .map((part) => ({ does: "list", part }) as const),
    ];
    const units: Unit[] = [];
    let listed = 0;
    let surveyed: Counts | undefined;
    const bar = parts.includes("crashes")
      ? phase("workloads", workloadsIn(bounds), "without a crash")
      : undefined;
    await this.#jobs<PrepareWork>(
      jobs,
      (result) => {
        listed += 1;
        if ("counts" in result) {
          surveyed = result.counts;
          this.#take("crashes", result);
          units.push(...result.units.map((crashes) => ({ part: "crashes", crashes }) as const));
        } else for (const unit of result) units.push(unit);
        return !this.#isOver;
      },
      (counts) => {
        surveyed = counts;
        bar?.at(counts.workloads);
      },
    );
    bar?.stop();
    if (surveyed !== undefined && (this.#task.share?.index ?? 1) === 1) addCounts(this.#surveyed, surveyed);
    return listed === jobs.length && !this.#isOver ? units : undefined;
  }

  /** Searches the units that are its own, after those that an earlier run has searched. */
  async search(all: readonly Unit[]): Promise<Searched> {
    const { shared, share, resume } = this.#task;
    const units = share === null ? all : unitsOfShare(all, shared.bounds.format, share);
    const plan = share === null && resume === undefined ? "" : planOf(all);
    const kept = resume?.begin(plan, units.length);
    if (kept !== undefined) this.#counts = kept.counts;
    const before = kept?.searched ?? 0;
    let searched = before;
    const bar = phase("units", units.length - before, units[before]?.part);
    await this.#jobs<SearchWork>(
      units.slice(before).map((unit) => ({ does: "search", unit })),
      (result, { unit }) => {
        addCounts(this.#counts, result.counts);
        this.#take(unit.part, result);
        searched += 1;
        // Results are taken in order: what comes next is running, or waits for what is.
        bar.at(searched - before, units[searched]?.part);
        // A later run is to find the violation again.
        if (this.#found.length === 0) resume?.save(searched, this.#counts);
        return !this.#isOver;
      },
    );
    bar.stop();
    resume?.flush();
    return { plan, units: units.length, searched };
  }

  /** Makes what was found small. */
  async minimise(): Promise<void> {
    const jobs = this.#found.map(
      ({ part, counterexample: found }) => ({ does: "minimise", part, found }) as const,
    );
    let at = 0;
    await this.#jobs<MinimiseWork>(jobs, (counterexample, { part }) => {
      this.#found[at] = { part, counterexample };
      at += 1;
      return true;
    });
  }

  /** Whether a violation has ended the run. */
  get #isOver(): boolean {
    return this.#found.length > 0 && !this.#task.shared.all;
  }

  /** Keeps what was found, if it is the first of its invariant. */
  #take(part: PartName, { counterexample, further }: PartResult): void {
    if (counterexample === undefined) return;
    for (const found of [counterexample, ...further]) {
      const { invariant } = found;
      if (!this.#found.some((known) => known.counterexample.invariant === invariant))
        this.#found.push({ part, counterexample: found });
    }
  }

  #jobs<T extends Work & { readonly shared: Shared }>(
    jobs: readonly T["job"][],
    take: (result: T["result"], job: T["job"]) => boolean,
    noted?: (note: T["note"]) => void,
  ): Promise<void> {
    const workforce = {
      script: "check-worker.js",
      shared: this.#task.shared,
      workers: this.#task.workers,
      signal: this.#signal,
    };
    return runJobs<T>(workforce, jobs, take, noted);
  }
}
