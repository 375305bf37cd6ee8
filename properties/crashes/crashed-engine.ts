/**
 * The engine as the search of crashes sees it: what a fresh one shows of what a crash left must be an outcome
 * that the model allows, and the recovered stream is appended to and crashed again.
 * @module
 */
import type { Choice, Chosen } from "../../explore/choice.ts";
import type { CrashedProgram, Searched } from "../../explore/crash-search.ts";
import type { Extreme } from "../../explore/extreme.ts";
import type { Bounds } from "../bounds.ts";
import type { Engines } from "../conversations/engines.ts";
import { showModel } from "../comparison.ts";
import { RECOVERY_CRASHED } from "../invariants/witnesses.ts";
import type { Trace } from "../part.ts";
import { type Counts, witnessed } from "../tally.ts";
import { ASKED, type CrashPoint, momentChoice, onlyStream, stateKey, whenText } from "./points.ts";
import { probe } from "./probe.ts";
import { Recovery } from "./recovery.ts";

export class CrashedEngine implements CrashedProgram<CrashPoint, Recovery> {
  readonly questions: CrashedProgram<CrashPoint, Recovery>["questions"] = {
    view: ASKED.stream,
    moment: ASKED.recoveryCrash,
    extreme: ASKED.extreme,
  };
  readonly #bounds: Bounds;
  readonly #engines: Engines;
  readonly #counts: Counts;
  readonly #trace: Trace | undefined;

  constructor(bounds: Bounds, engines: Engines, counts: Counts, trace?: Trace) {
    this.#bounds = bounds;
    this.#engines = engines;
    this.#counts = counts;
    this.#trace = trace;
  }

  views({ logs }: CrashPoint): number {
    return logs.size;
  }

  view(point: CrashPoint, place: number): CrashPoint {
    return onlyStream(point, place);
  }

  key(point: CrashPoint): string {
    return stateKey(point, point.kind);
  }

  recoveryKey(recovery: Recovery): string {
    return stateKey(recovery, "process");
  }

  async recover(point: CrashPoint, choice: Choice, isNew: () => boolean): Promise<Recovery> {
    const recovery = new Recovery(point, choice, this.#engines, this.#counts, isNew);
    this.#trace?.(
      `-- back to the moment of the crash: ${whenText(point)}; recovery`,
      point.disk,
      recovery.disk,
    );
    this.#trace?.(showModel(point.logs));
    await recovery.run(this.#trace);
    return recovery;
  }

  async goOn(recovery: Recovery, extreme: Extreme): Promise<void> {
    await probe(recovery, extreme, this.#bounds, this.#engines, this.#counts, this.#trace);
  }

  crashedAgain(point: CrashPoint): void {
    witnessed(this.#counts, RECOVERY_CRASHED, point);
  }

  momentChoice(count: number, point: CrashPoint | undefined): Chosen {
    return momentChoice(ASKED.recoveryCrash, count, point);
  }
}

/** Adds what was searched to the counts. */
export function countSearched(counts: Counts, { points, recoveries, states, left }: Searched): void {
  counts.crashPoints += points;
  counts.cases.crashes += recoveries;
  counts.crashStates += states;
  counts.left += left;
}
