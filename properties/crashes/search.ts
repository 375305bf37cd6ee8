/**
 * What lies behind a crash: every state that it may leave is recovered by a fresh engine, what that shows must be an outcome that
 * the model allows, the recovered stream is appended to and crashed again, and recovery itself is crashed at each of its changes.
 *
 * A state of disk and model that was searched is not searched again. Nothing is drawn: the search is exhaustive, and what a cap
 * keeps from being searched is counted as left.
 * @module
 */
import type { Bounds } from "../bounds.ts";
import { type Chosen, Odometer } from "../choices.ts";
import type { Engines } from "../conversations/engines.ts";
import { Extreme, EXTREMES } from "../extreme.ts";
import { RECOVERY_CRASHED } from "../invariants/witnesses.ts";
import { Found } from "../part.ts";
import { type Counts, Violation, witnessed } from "../tally.ts";
import { ASKED, type CrashPoint, momentChoice, onlyStream, stateKey } from "./points.ts";
import { probe } from "./probe.ts";
import { Recovery } from "./recovery.ts";

/** The choices that led here; asked for only when there is something to report. */
export type Trail = () => readonly Chosen[];

export class CrashSearch {
  readonly #bounds: Bounds;
  readonly #engines: Engines;
  readonly #counts: Counts;
  readonly #seen = new Set<string>();

  constructor(bounds: Bounds, engines: Engines, counts: Counts) {
    this.#bounds = bounds;
    this.#engines = engines;
    this.#counts = counts;
  }

  /**
   * Searches everything behind a crash point.
   * @param depth how many times recovery is crashed in turn
   * @param only the place of the stream to look at, if not each of them
   * @throws Found at the first violation
   */
  async explore(point: CrashPoint, depth: number, trail: Trail, only?: number): Promise<void> {
    for (const stream of [...point.logs.keys()].keys()) {
      if (only !== undefined && stream !== only) continue;
      this.#counts.crashPoints += 1;
      const looked = onlyStream(point, stream);
      const key = `${depth} ${stateKey(looked, point.kind)}`;
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      const asked: Chosen = { what: ASKED.stream, chosen: stream, of: point.logs.size };
      await this.#recoveries(looked, depth, () => (asked.of > 1 ? [...trail(), asked] : trail()));
    }
  }

  async #recoveries(point: CrashPoint, depth: number, trail: Trail): Promise<void> {
    const odometer = new Odometer();
    const path: Trail = () => [...trail(), ...odometer.path()];
    let left: bigint | undefined;
    let runs = 0;
    let more: boolean;
    do {
      odometer.begin();
      const recovery = new Recovery(
        point,
        odometer,
        this.#engines,
        this.#counts,
        () => depth > 0 && odometer.fresh,
      );
      left ??= recovery.states;
      runs += 1;
      try {
        await recovery.run();
      } catch (error) {
        throw asFound(error, path);
      }
      const covers = recovery.disk.undecidedStates();
      left -= covers;
      this.#counts.cases.crashes += 1;
      this.#counts.crashStates += covers;
      const { count, kept } = recovery.points;
      const inner = (again?: CrashPoint): Trail => {
        return () => (depth > 0 ? [...path(), momentChoice(ASKED.recoveryCrash, count, again)] : path());
      };
      await this.#probe(recovery, inner());
      for (const again of kept) {
        witnessed(this.#counts, RECOVERY_CRASHED, again);
        await this.explore(again, depth - 1, inner(again));
      }
      more = odometer.advance();
    } while (more && runs < this.#bounds.recoveriesMax);
    if (!more && left !== 0n) {
      throw new Error(
        `The recoveries behind a crash stand for all its states but ${String(left)}: that cannot be.`,
      );
    }
    this.#counts.left += left;
  }

  /** Goes on from a recovered state, once for each such state. */
  async #probe(recovery: Recovery, trail: Trail): Promise<void> {
    const key = `probe ${stateKey(recovery, "process")}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    for (const chosen of EXTREMES.keys()) {
      const extreme = new Extreme(chosen);
      try {
        await probe(recovery, extreme, this.#bounds, this.#engines, this.#counts);
      } catch (error) {
        throw asFound(error, () => [...trail(), { what: ASKED.extreme, chosen, of: EXTREMES.length }]);
      }
    }
  }
}

function asFound(error: unknown, path: Trail): unknown {
  return error instanceof Violation ? new Found(error, path()) : error;
}
