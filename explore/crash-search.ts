/**
 * What comes after a crash: every state that it may leave is recovered, recovery is crashed in turn, and what
 * was recovered goes on. Of any program that says how it is crashed, recovered and looked at.
 *
 * The search is exhaustive, and a state that was searched is not searched again. A walk goes one way through
 * the same tree, every step chosen: replays and random runs are walks.
 * @module
 */
import type { Choice, Chosen } from "./choice.ts";
import { Extreme, EXTREMES } from "./extreme.ts";
import { asFailure, type Failure } from "./failure.ts";
import { Odometer } from "./odometer.ts";

/** One recovery, under one way to decide what the crash left. */
export interface Recovered<Point> {
  /** How many states the crash may have left. */
  readonly states: bigint;
  /** How many of them this recovery stands for: those that agree with it on all that it looked at. */
  readonly covers: bigint;
  /** Moments of the recovery at which it may be crashed in turn. */
  readonly moments: Moments<Point>;
}

/** The moments of a run. */
interface Moments<Point> {
  /** How many there were, kept or not. */
  readonly count: number;
  readonly kept: readonly Point[];
}

/** A program as the search sees it. Whatever is wrong, it throws. */
export interface CrashedProgram<Point, Recovery extends Recovered<Point>> {
  /**
   * Into how many views a point is cut: parts of it that share nothing, so that their states add up instead
   * of multiplying.
   */
  views(point: Point): number;
  view(point: Point, place: number): Point;
  /** Equal keys: nothing lies after one that does not lie after the other. */
  key(point: Point): string;
  recoveryKey(recovery: Recovery): string;
  /**
   * Recovers, and checks what is shown.
   *
   * @param choice decides what the crash left
   * @param isNew whether a moment of this recovery is to be kept: no run before had it
   */
  recover(point: Point, choice: Choice, isNew: () => boolean): Promise<Recovery>;
  /** Goes on from what was recovered, and checks that; a further crash leaves an extreme. */
  goOn(recovery: Recovery, extreme: Extreme): Promise<void>;
  /** The search crashes a recovery at this point. */
  crashedAgain(point: Point): void;
  /** The choice of a moment of a recovery, or of none: for people. */
  momentChoice(count: number, point: Point | undefined): Chosen;
  readonly questions: { readonly view: string; readonly moment: string; readonly extreme: string };
}

/** What was searched; also of a search that failed. */
export interface Searched {
  points: number;
  recoveries: number;
  /** States that the recoveries stand for. */
  states: bigint;
  /** States that the limit on recoveries kept from being searched. */
  left: bigint;
}

/** Nothing yet. */
export function nothingSearched(): Searched {
  return { points: 0, recoveries: 0, states: 0n, left: 0n };
}

/** The choices that led here; asked for only when there is something to report. */
export type Trail = () => readonly Chosen[];

export class CrashSearch<Point, Recovery extends Recovered<Point>> {
  readonly #program: CrashedProgram<Point, Recovery>;
  readonly #searched: Searched;
  readonly #recoveriesMax: number;
  readonly #failed: (failure: Failure) => void;
  readonly #seen = new Set<string>();

  /**
   * @param recoveriesMax after a crash point; the states of what lies beyond are counted as left
   * @param failed gets what the program threw; where it returns, the search goes on with what does not lie
   *   after that, and the states of a recovery that failed are counted nowhere
   */
  constructor(
    program: CrashedProgram<Point, Recovery>,
    searched: Searched,
    recoveriesMax: number,
    failed: (failure: Failure) => void = rethrow,
  ) {
    this.#program = program;
    this.#searched = searched;
    this.#recoveriesMax = recoveriesMax;
    this.#failed = failed;
  }

  /**
   * Searches everything after a crash point.
   *
   * @param depth how many times recovery is crashed in turn
   * @param only the view to look at, if not each of them
   * @throws Failure with the choices that lead to what the program threw
   */
  async explore(point: Point, depth: number, trail: Trail, only?: number): Promise<void> {
    const views = this.#program.views(point);
    for (let place = only ?? 0; place < (only === undefined ? views : only + 1); place += 1) {
      this.#searched.points += 1;
      const looked = this.#program.view(point, place);
      if (this.#wasSeen(`${depth} ${this.#program.key(looked)}`)) continue;
      const asked: Chosen = { what: this.#program.questions.view, chosen: place, of: views };
      await this.#recoveries(looked, depth, () => (views > 1 ? [...trail(), asked] : trail()));
    }
  }

  async #recoveries(point: Point, depth: number, trail: Trail): Promise<void> {
    const odometer = new Odometer();
    const path: Trail = () => [...trail(), ...odometer.path()];
    let left: bigint | undefined;
    let isWhole = true;
    let runs = 0;
    let more: boolean;
    do {
      odometer.begin();
      const recovery = await this.#trying(path, () =>
        this.#program.recover(point, odometer, () => depth > 0 && odometer.fresh),
      );
      runs += 1;
      if (recovery === undefined) isWhole = false;
      else {
        left = (left ?? recovery.states) - recovery.covers;
        this.#searched.recoveries += 1;
        this.#searched.states += recovery.covers;
        await this.#after(recovery, depth, path);
      }
      more = odometer.advance();
    } while (more && runs < this.#recoveriesMax);
    if (!more && isWhole && left !== 0n)
      throw new Error(`Recoveries stand for all states of a crash but ${String(left)}: that cannot be.`);
    if (isWhole) this.#searched.left += left ?? 0n;
  }

  /** Goes on from a recovery, and crashes it in turn. */
  async #after(recovery: Recovery, depth: number, path: Trail): Promise<void> {
    const { count, kept } = recovery.moments;
    const inner = (again?: Point): Trail => {
      return () => (depth > 0 ? [...path(), this.#program.momentChoice(count, again)] : path());
    };
    if (!this.#wasSeen(`recovered ${this.#program.recoveryKey(recovery)}`)) {
      for (const chosen of EXTREMES.keys()) {
        const asked: Chosen = { what: this.#program.questions.extreme, chosen, of: EXTREMES.length };
        await this.#trying(
          () => [...inner()(), asked],
          () => this.#program.goOn(recovery, new Extreme(chosen)),
        );
      }
    }
    for (const again of kept) {
      this.#program.crashedAgain(again);
      await this.explore(again, depth - 1, inner(again));
    }
  }

  /** Does something; `undefined` where it failed and the search goes on. */
  async #trying<T>(path: Trail, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#failed(asFailure(error, path));
      return undefined;
    }
  }

  #wasSeen(key: string): boolean {
    const was = this.#seen.has(key);
    this.#seen.add(key);
    return was;
  }
}

/**
 * Walks once from a crash point on: one of its views, one recovery, perhaps a crash in it and what comes
 * after that, or on from what was recovered. The questions are those of the search, in the same order.
 *
 * @param first a point, or none, where the walk ends at once
 */
export async function walkCrashes<Point, Recovery extends Recovered<Point>>(
  program: CrashedProgram<Point, Recovery>,
  searched: Searched,
  choice: Choice,
  first: Point | undefined,
  depthMax: number,
): Promise<void> {
  const { questions } = program;
  for (let [point, depth] = [first, depthMax]; point !== undefined; depth -= 1) {
    const isInner = depth > 0;
    searched.points += 1;
    const looked = program.view(point, choice.choose(program.views(point), questions.view));
    const recovery = await program.recover(looked, choice, () => isInner);
    searched.recoveries += 1;
    const inner = isInner ? choice.choose(recovery.moments.count + 1, questions.moment) : 0;
    if (inner === 0)
      await program.goOn(recovery, new Extreme(choice.choose(EXTREMES.length, questions.extreme)));
    point = recovery.moments.kept[inner - 1];
  }
}

function rethrow(failure: Failure): never {
  throw failure;
}
