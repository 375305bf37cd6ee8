/**
 * The phases of `kmb check`, on all cores: the workloads are surveyed and the units listed, the units are
 * searched, and what is found is made small. It can be stopped at any moment, and then tells what was covered
 * until then.
 * @module
 */
import type { PartName } from "../properties/bounds.ts";
import { type Unit } from "../properties/parts.ts";
import { type Survey, workloadsIn } from "../properties/crashes/survey.ts";
import type { Counterexample } from "../properties/part.ts";
import { addCounts, type Counts, emptyCounts } from "../properties/tally.ts";
import type { ListedPart, MinimiseWork, PrepareWork, SearchWork, Shared } from "./check-worker.ts";
import { runJobs, type Work } from "./pool.ts";
import { phase } from "./progress.ts";

/** What a run came to. */
export interface Outcome {
  readonly counts: Counts;
  /** The first violation, made small if there was time. */
  readonly found: { readonly part: PartName; readonly counterexample: Counterexample } | undefined;
  /** What was left undone when the run was stopped, if it was. */
  readonly undone: string | undefined;
}

type FoundViolation = NonNullable<Outcome["found"]>;

/** Runs the check until it is done, something is violated, or the signal is aborted. */
export async function runCheck(shared: Shared, workers: number, signal: AbortSignal): Promise<Outcome> {
  const run = new CheckRun(shared, workers, signal);
  const units = await run.prepare();
  const searched = units === undefined ? 0 : await run.search(units);
  await run.minimise();
  if (run.found !== undefined || searched === units?.length) return run.outcome(undefined);
  return run.outcome(
    units === undefined
      ? "no unit was searched"
      : `${units.length - searched} of ${units.length} units were not searched`,
  );
}

class CheckRun {
  readonly #shared: Shared;
  readonly #workers: number;
  readonly #signal: AbortSignal;
  readonly #counts = emptyCounts();
  #found: FoundViolation | undefined;

  constructor(shared: Shared, workers: number, signal: AbortSignal) {
    this.#shared = shared;
    this.#workers = workers;
    this.#signal = signal;
  }

  get found(): FoundViolation | undefined {
    return this.#found;
  }

  outcome(undone: string | undefined): Outcome {
    return { counts: this.#counts, found: this.#found, undone };
  }

  /** @returns all units, those of the crashes first; `undefined` if there was a violation, or no time */
  async prepare(): Promise<readonly Unit[] | undefined> {
    const { bounds } = this.#shared;
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
    const bar = parts.includes("crashes") ? phase("workloads", workloadsIn(bounds)) : undefined;
    await this.#jobs<PrepareWork>(
      jobs,
      (result) => {
        listed += 1;
        if ("counts" in result) {
          surveyed = result.counts;
          this.#take("crashes", result);
          units.push(...result.units.map((crashes) => ({ part: "crashes", crashes }) as const));
        } else for (const unit of result) units.push(unit);
        return this.#found === undefined;
      },
      (counts) => {
        surveyed = counts;
        bar?.at(counts.workloads);
      },
    );
    bar?.stop();
    if (surveyed !== undefined) addCounts(this.#counts, surveyed);
    return listed === jobs.length && this.#found === undefined ? units : undefined;
  }

  /** @returns how many units were searched */
  async search(units: readonly Unit[]): Promise<number> {
    let searched = 0;
    const bar = phase("units", units.length);
    await this.#jobs<SearchWork>(
      units.map((unit) => ({ does: "search", unit })),
      (result, { unit }) => {
        addCounts(this.#counts, result.counts);
        this.#take(unit.part, result);
        searched += 1;
        bar.at(searched);
        return this.#found === undefined;
      },
    );
    bar.stop();
    return searched;
  }

  /** Makes what was found small. */
  async minimise(): Promise<void> {
    if (this.#found === undefined) return;
    const { part, counterexample: found } = this.#found;
    await this.#jobs<MinimiseWork>([{ does: "minimise", part, found }], (counterexample) => {
      this.#found = { part, counterexample };
      return true;
    });
  }

  #take(part: PartName, { counterexample }: Pick<Survey, "counterexample">): void {
    if (counterexample !== undefined) this.#found = { part, counterexample };
  }

  #jobs<T extends Work & { readonly shared: Shared }>(
    jobs: readonly T["job"][],
    take: (result: T["result"], job: T["job"]) => boolean,
    noted?: (note: T["note"]) => void,
  ): Promise<void> {
    const workforce = {
      script: "check-worker.js",
      shared: this.#shared,
      workers: this.#workers,
      signal: this.#signal,
    };
    return runJobs<T>(workforce, jobs, take, noted);
  }
}
