/**
 * What lies behind a crash: every state that it may leave is recovered by a fresh engine, what that shows must be an outcome that
 * the model allows, the recovered stream is appended to and crashed again, and recovery itself is crashed at each of its changes.
 *
 * A state of disk and model that was searched is not searched again. Nothing is drawn: the search is exhaustive, and what a cap
 * keeps from being searched is counted as left.
 * @module
 */
import type { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import {
  acknowledge,
  append,
  crashed,
  type CrashKind,
  explains,
  head as modelHead,
  type ModelLog,
  recover,
} from "../model/log.ts";
import type { Storage, StreamStatus } from "../src/index.ts";
import type { Choice } from "../fault-injection/choice.ts";
import type { Bounds } from "./bounds.ts";
import { type Chosen, nobody, Odometer } from "./choices.ts";
import { checkLookUps, checkRecords, checkSegments, sameBytes, show } from "./comparison.ts";
import { DATA_PATH, type Logs, openEngine } from "./lockstep.ts";
import { Found } from "./part.ts";
import { Witnessing } from "./witnessing.ts";
import { attempt, check, type Counts, Violation } from "./tally.ts";

/** A moment at which the machine or the process dies. */
export interface CrashPoint {
  readonly disk: SimulatedDisk;
  readonly logs: Logs;
  readonly kind: CrashKind;
  /** What it comes before or after, for a person. */
  readonly when: string;
  /** Which one it is of the run that it was met in, from 1. */
  readonly place: number;
}

/**
 * Keeps the moments of a run at which it may be crashed: for the death of the process after every change to the disk, for a power failure
 * before every sync and at the end. Between two syncs nothing that was issued is certain to survive, so whatever a power failure
 * leaves at any other moment it may also leave at the next of these.
 */
export class CrashPoints {
  readonly kept: CrashPoint[] = [];
  /** Moments so far, kept or not. */
  count = 0;
  readonly #disk: SimulatedDisk;
  readonly #logs: () => Logs;
  readonly #worthKeeping: () => boolean;

  /**
   * @param logs the model at the moment
   * @param worthKeeping whether what led here is new; a moment that is not was kept in an earlier run
   */
  constructor(disk: SimulatedDisk, logs: () => Logs, worthKeeping: () => boolean = () => true) {
    this.#disk = disk;
    this.#logs = logs;
    this.#worthKeeping = worthKeeping;
  }

  /** Begins to watch. `change` and `call` see what is watched, too. */
  watch(change: (label: string) => void, call?: (label: string) => void): void {
    this.#disk.onChange = (label) => {
      change(label);
      this.#keep("process", label, "after");
    };
    this.#disk.onCall = (label) => {
      call?.(label);
      if (label.startsWith("sync ")) this.#keep("power", label, "before");
    };
  }

  /** Ends it: the last moment is now. */
  end(label: string): void {
    this.#disk.onChange = undefined;
    this.#disk.onCall = undefined;
    for (const kind of CRASH_KINDS) this.#keep(kind, label, "after");
  }

  #keep(kind: CrashKind, label: string, side: string): void {
    this.count += 1;
    if (!this.#worthKeeping()) return;
    const when = `${kind === "power" ? "power failure" : "process killed"} ${side} ${label}`;
    this.kept.push({ disk: this.#disk.fork(nobody), logs: this.#logs(), kind, when, place: this.count });
  }
}

/** The choice of one of so many moments, or of none (place 0). */
export function momentChoice(question: string, count: number, point: CrashPoint | undefined): Chosen {
  const what = point === undefined ? question : `${question} (${point.when})`;
  return { what, chosen: point?.place ?? 0, of: count + 1 };
}

/** What is answered besides the decisions of the disk; the labels are those of a counterexample. */
export const ASKED = {
  crash: "moment of the crash, 0 for none",
  stream: "which stream is opened",
  recoveryCrash: "moment of the crash in recovery, 0 for none",
  extreme: "what the last crash leaves: everything, nothing unsynced",
} as const;

const CRASH_KINDS: readonly CrashKind[] = ["power", "process"];

const GOES_ON = "the recovered storage to go on";
const PROBE_PAYLOAD = Uint8Array.of(0x7a);

/** The choices that led here; asked for only when there is something to report. */
export type Trail = () => readonly Chosen[];

export class CrashSearch {
  readonly #bounds: Bounds;
  readonly #counts: Counts;
  readonly #seen = new Set<string>();

  constructor(bounds: Bounds, counts: Counts) {
    this.#bounds = bounds;
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
        this.#bounds,
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
        this.#counts.met["recovery-crashed"] += 1;
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
        await probe(recovery, extreme, this.#bounds, this.#counts);
      } catch (error) {
        throw asFound(error, () => [...trail(), { what: ASKED.extreme, chosen, of: EXTREMES.length }]);
      }
    }
  }
}

/** What the crash behind the probe leaves. The crashes before it are searched in full; this one in its two extremes. */
export const EXTREMES: readonly string[] = ["everything survives", "nothing survives"];

/** Answers every question with the first or with the last possibility. */
export class Extreme implements Choice {
  readonly #last: boolean;

  constructor(chosen: number) {
    this.#last = chosen > 0;
  }

  choose(n: number): number {
    return this.#last ? n - 1 : 0;
  }
}

/**
 * The same moment, of which only one stream is left. Streams share nothing but the data directory, and the engine opens one when it is
 * used, so their crash states add up instead of multiplying. That streams do not disturb each other is checked without crashes.
 */
export function onlyStream(point: CrashPoint, place: number): CrashPoint {
  if (point.logs.size === 1) return point;
  const [stream, log] = [...point.logs][place] ?? [];
  if (stream === undefined || log === undefined) return point;
  const disk = point.disk.fork(nobody);
  for (const other of point.logs.keys()) if (other !== stream) disk.forget(`${DATA_PATH}/${String(other)}`);
  return { ...point, disk, logs: new Map([[stream, log]]) };
}

/** One recovery by a fresh engine, under one way to decide what the crash left. */
export class Recovery {
  readonly disk: SimulatedDisk;
  /** States that the crash may have left. */
  readonly states: bigint;
  /** Moments during this recovery at which it may be crashed in turn. */
  readonly points: CrashPoints;
  /** The model as recovery left it. */
  logs: Logs;
  /** Whether a torn tail was cut. */
  cut = false;
  /** The model when it crashed, and what of it is still promised. */
  readonly #crashed: Logs;
  readonly #before: Logs;
  readonly #kind: CrashKind;
  readonly #bounds: Bounds;
  readonly #counts: Counts;

  /** @param worthKeeping whether a moment of this recovery is to be kept as a crash point */
  constructor(
    point: CrashPoint,
    choice: Choice,
    bounds: Bounds,
    counts: Counts,
    worthKeeping: () => boolean,
  ) {
    const { kind } = point;
    this.disk = point.disk.fork(kind === "power" ? new Witnessing(choice, counts) : choice);
    if (kind === "power") this.disk.crash();
    else this.disk.kill();
    this.states = this.disk.undecidedStates();
    this.#crashed = point.logs;
    this.#before = new Map([...point.logs].map(([stream, log]) => [stream, crashed(log, kind)]));
    this.logs = this.#before;
    this.points = new CrashPoints(this.disk, () => this.logs, worthKeeping);
    this.#kind = kind;
    this.#bounds = bounds;
    this.#counts = counts;
  }

  /** Recovers, and checks what is shown. */
  async run(trace?: (call: string) => void): Promise<void> {
    const { disk } = this;
    this.points.watch((change) => {
      this.#witnessChange(change);
    }, trace);
    const storage = await this.#attempt(() => openEngine(disk, this.#bounds));
    const logs = new Map<bigint, ModelLog>();
    for (const [stream, log] of this.#before) {
      logs.set(stream, await this.#attempt(() => this.#stream(storage, stream, log), log));
    }
    this.logs = logs;
    this.points.end("recovery");
  }

  async #stream(storage: Storage, stream: bigint, log: ModelLog): Promise<ModelLog> {
    const counts = this.#counts;
    const status = await storage.status(stream);
    const shown = await storage.readRecords(stream, 0n, Number.MAX_SAFE_INTEGER, { verify: "genesis" });
    counts.checks.D1 += 1;
    counts.checks.D2 += 1;
    const problem = explains(log, shown);
    if (problem !== undefined) {
      const least = log.written;
      const expected = `stream ${String(stream)} to show ${show(log.records)}, or less from its end but ${least} at least`;
      throw new Violation(problem.invariant, expected, `${show(shown)}: ${problem.sentence}`);
    }
    checkNoAlarm(status, "D2", counts);
    const after = recover(log, shown.length);
    check(
      counts,
      "H2",
      Number(status.nextOffset) === shown.length && sameBytes(status.head, modelHead(after)),
      () => `stream ${String(stream)} to end at ${shown.length} with the hash of its last record`,
      () => `${String(status.nextOffset)} with ${Buffer.from(status.head).toString("hex")}`,
    );
    if (status.findings.some((finding) => finding.action === "cut")) {
      this.cut = true;
      counts.met["torn-record-cut"] += 1;
    }
    this.#witnessStream(this.#crashed.get(stream) ?? log, shown.length);
    return after;
  }

  /** Whatever the engine throws at a crash state is a failure to recover from it. */
  #attempt<T>(work: () => Promise<T>, log?: ModelLog): Promise<T> {
    const lost = log !== undefined && log.written > 0;
    return attempt(lost ? "D1" : "D2", "recovery from a crash to succeed", work);
  }

  #witnessChange(after: string): void {
    const { met } = this.#counts;
    if (after.startsWith("rename") && after.includes("manifest.json")) met["rotation-finished"] += 1;
    if (after.startsWith("write") && after.includes(".idx.wal")) met["intact-tail-accepted"] += 1;
  }

  #witnessStream(log: ModelLog, shown: number): void {
    const { met } = this.#counts;
    if (this.#kind === "process") {
      if (log.written > log.durable) met["process-killed"] += 1;
      return;
    }
    if (shown > log.durable) met["unsynced-record-survived"] += 1;
    if (shown < log.written) met["unsynced-record-lost"] += 1;
    if (shown > log.written && shown < log.records.length) met["batch-torn"] += 1;
    if (shown === 0 && log.records.length > 0 && !this.disk.list(DATA_PATH).length)
      met["stream-creation-lost"] += 1;
  }
}

/** Damage must not be reported where there was only a crash. */
function checkNoAlarm(status: StreamStatus, invariant: "D2" | "D3" | "D4", counts: Counts): void {
  const alarm = status.findings.find((finding) => finding.action === "keep");
  check(
    counts,
    invariant,
    alarm === undefined,
    () => "no damage reported, for there was only a crash",
    () => String(alarm?.error),
  );
}

/**
 * Kills the recovered process, recovers again, appends to every stream, crashes the machine, and looks again: nothing may
 * have come back or gone.
 */
export async function probe(
  recovery: Recovery,
  choice: Choice,
  bounds: Bounds,
  counts: Counts,
  trace?: (line: string) => void,
): Promise<void> {
  const disk = recovery.disk.fork(choice);
  disk.onCall = trace;
  disk.kill();
  const logs = new Map<bigint, ModelLog>();
  const again = await attempt("D3", GOES_ON, () => openEngine(disk, bounds));
  for (const [stream, log] of recovery.logs) {
    await attempt("D3", GOES_ON, () => checkRecords(again, stream, log, "D3", counts));
    checkNoAlarm(await again.status(stream), "D3", counts);
    const begun = append(log, [PROBE_PAYLOAD], { everyNRecords: bounds.checkpointEvery });
    const expectedOffset = BigInt(log.records.length);
    const result = await attempt("D5", GOES_ON, () =>
      again.appendBatch(stream, [PROBE_PAYLOAD], { expectedOffset }),
    );
    check(
      counts,
      "D5",
      Number(result.nextOffset) === begun.records.length && sameBytes(result.head, modelHead(begun)),
      () => `the next record of stream ${String(stream)} to continue the chain at ${String(expectedOffset)}`,
      () =>
        `offsets ${String(result.firstOffset)} to ${String(result.nextOffset)}, head ${Buffer.from(result.head).toString("hex")}`,
    );
    logs.set(stream, acknowledge(begun, true));
  }
  disk.crash();
  const last = await attempt("D4", GOES_ON, () => openEngine(disk, bounds));
  for (const [stream, log] of logs) {
    await attempt("D4", GOES_ON, () => checkRecords(last, stream, log, "D4", counts));
    await attempt("I1", GOES_ON, () => checkLookUps(last, stream, log, counts));
    checkNoAlarm(await last.status(stream), "D4", counts);
    checkSegments(disk, `${DATA_PATH}/${String(stream)}`, log, counts);
  }
  if (recovery.cut) counts.met["appended-after-cut"] += 1;
}

function asFound(error: unknown, path: Trail): unknown {
  return error instanceof Violation ? new Found(error, path()) : error;
}

/** Equal keys: equal disks, and equal models of what may be on them. */
export function stateKey(
  { disk, logs }: { readonly disk: SimulatedDisk; readonly logs: Logs },
  kind: CrashKind,
): string {
  let key = kind + disk.key();
  for (const log of logs.values()) {
    const head = Buffer.from(modelHead(log)).toString("latin1");
    key += `|${log.durable} ${log.written} ${log.records.length} ${head}`;
  }
  return key;
}
