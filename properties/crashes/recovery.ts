/**
 * One recovery behind a crash: a fresh engine opens what the crash left, and what it shows must be an outcome that the model allows.
 * @module
 */
import { callText, type DiskChange } from "../../fault-injection/disk-call.ts";
import type { Choice } from "../../fault-injection/choice.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import {
  crashed,
  type CrashKind,
  explains,
  head as modelHead,
  type ModelLog,
  recover,
} from "../../model/log.ts";
import type { StreamStatus } from "../../src/index.ts";
import { nobody } from "../choices.ts";
import { sameBytes, show, showStatus, streamFiles } from "../comparison.ts";
import type { Engines, EngineUnderTest } from "../conversations/engines.ts";
import { DATA_PATH, type Logs } from "../engine.ts";
import { Extreme } from "../extreme.ts";
import type { Trace } from "../part.ts";
import { checkEnd } from "../questions.ts";
import { attempt, check, type Counts, Violation } from "../tally.ts";
import { casesIn } from "../witnesses.ts";
import { type CrashPoint, CrashPoints } from "./points.ts";
import { Witnessing } from "./witnessing.ts";

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
  readonly #engines: Engines;
  readonly #counts: Counts;

  /** @param worthKeeping whether a moment of this recovery is to be kept as a crash point */
  constructor(
    point: CrashPoint,
    choice: Choice,
    engines: Engines,
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
    this.#engines = engines;
    this.#counts = counts;
  }

  /** Recovers, and checks what is shown. */
  async run(trace?: Trace): Promise<void> {
    const { disk } = this;
    this.points.watch(
      (change) => {
        this.#witnessChange(change);
        if (change.kind === "remove" && change.path.endsWith(".log.idx")) this.#checkRemoval(change.path);
      },
      (call) => {
        trace?.(callText(call));
        if (call.kind === "truncate" && call.path.endsWith(".log"))
          this.#checkQuarantine(call.path, call.size);
      },
    );
    const storage = await this.#attempt(() => this.#engines.open(disk));
    this.#counts.checks.S1 += 1;
    const logs = new Map<bigint, ModelLog>();
    for (const [stream, log] of this.#before) {
      logs.set(stream, await this.#attempt(() => this.#stream(storage, stream, log, trace), log));
    }
    this.logs = logs;
    this.points.end("recovery");
  }

  async #stream(storage: EngineUnderTest, stream: bigint, log: ModelLog, trace?: Trace): Promise<ModelLog> {
    const counts = this.#counts;
    const status = await storage.status(stream);
    const shown = await storage.readRecords(stream, 0n, Number.MAX_SAFE_INTEGER, { verify: "genesis" });
    trace?.(showStatus(status, shown));
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
    await checkEnd(storage, stream, status, "H2", counts);
    for (const id of casesIn(status.findings)) counts.met[id] += 1;
    if (status.findings.some((finding) => finding.action === "cut")) {
      this.cut = true;
    }
    this.#witnessStream(this.#crashed.get(stream) ?? log, shown.length);
    return after;
  }

  /** Whatever the engine throws at a crash state is a failure to recover from it. */
  #attempt<T>(work: () => Promise<T>, log?: ModelLog): Promise<T> {
    const lost = log !== undefined && log.written > 0;
    return attempt(lost ? "D1" : "D2", "recovery from a crash to succeed", work);
  }

  /** What recovery is about to cut off must be in quarantine, so that no power failure can take it from there. */
  #checkQuarantine(path: string, size: number): void {
    // Recovery has read and copied what it cuts off, so nothing of it is undecided.
    const file = this.disk.fork(nobody).open(path, "read");
    const cut = Buffer.alloc(file.size() - size);
    file.read(cut, size);
    const later = this.disk.fork(new Extreme(1));
    later.crash();
    const directory = `${path.slice(0, path.lastIndexOf("/"))}/quarantine`;
    const kept = [...streamFiles(later, directory, () => true).values()];
    check(
      this.#counts,
      "C4",
      kept.some((bytes) => sameBytes(bytes, cut)),
      () => `the ${cut.length} bytes that are cut off ${path} to be in quarantine, durably`,
      () => `${kept.length} files there, of ${kept.map(({ length }) => length).join(" and ")} bytes`,
    );
  }

  /** Recovery removes an index of Kimberlite's that says something else than its segment: the crash must not have left it. */
  #checkRemoval(path: string): void {
    const directory = path.slice(0, path.lastIndexOf("/"));
    const manifest = streamFiles(this.disk.fork(nobody), directory, (name) => name === "manifest.json");
    check(
      this.#counts,
      "I1",
      // What Kimberlite left is its own; a manifest that names the format is not Kimberlite's.
      !String(manifest.get("manifest.json")).includes("format"),
      () => "no crash to leave an index of Kimberlite's that says something else than its segment",
      () => `recovery had to remove ${path}`,
    );
  }

  #witnessChange({ kind, path }: DiskChange): void {
    const { met } = this.#counts;
    if (kind === "rename" && path.includes("manifest.json")) met["rotation-finished"] += 1;
    if (kind === "write" && path.includes(".wal")) met["case-A"] += 1;
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
export function checkNoAlarm(status: StreamStatus, invariant: "D2" | "D3" | "D4", counts: Counts): void {
  const alarm = status.findings.find((finding) => finding.action === "keep");
  check(
    counts,
    invariant,
    alarm === undefined,
    () => "no damage reported, for there was only a crash",
    () => String(alarm?.error),
  );
}
