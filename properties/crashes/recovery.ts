/**
 * One recovery behind a crash: a fresh engine opens what the crash left, and what it shows must be an outcome
 * that the model allows.
 * @module
 */
import { callText, type DiskChange } from "../../fault-injection/disk-call.ts";
import type { Choice } from "../../explore/choice.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { crashed, type CrashKind, type ModelLog, recover } from "../../model/log.ts";
import { StorageError } from "../../src/index.ts";
import { nobody } from "../../explore/choice.ts";
import { checkSettled, showAllowed, showStatus, streamFiles } from "../comparison.ts";
import type { Engines, EngineUnderTest } from "../conversations/engines.ts";
import { DATA_PATH, type Logs, streamPath } from "../engine.ts";
import { inFull } from "../erased.ts";
import { Extreme } from "../../explore/extreme.ts";
import { H2 } from "../invariants/chain.ts";
import { K2 } from "../invariants/compaction.ts";
import { S1 } from "../invariants/conformance.ts";
import { I1 } from "../invariants/corruption.ts";
import { C4, D1, D2 } from "../invariants/durability.ts";
import {
  BATCH_TORN,
  CASES_OF_INTACT,
  PROCESS_KILLED,
  REPORTED_CASES,
  ROTATION_FINISHED,
  STREAM_CREATION_LOST,
  UNSYNCED_RECORD_LOST,
  UNSYNCED_RECORD_SURVIVED,
} from "../invariants/witnesses.ts";
import type { Trace } from "../part.ts";
import { checkEnd } from "../questions.ts";
import { attempt, type Counts, observe, witnessed } from "../tally.ts";
import { type CrashPoint, CrashPoints } from "./points.ts";
import { Witnessing } from "./witnessing.ts";

/** One recovery by a fresh engine, under one way to decide what the crash left. */
export class Recovery {
  readonly disk: SimulatedDisk;
  /** States that the crash may have left. */
  readonly states: bigint;
  /** Moments during this recovery at which it may be crashed in turn. */
  readonly moments: CrashPoints;
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
    this.moments = new CrashPoints(this.disk, () => this.logs, worthKeeping);
    this.#kind = kind;
    this.#engines = engines;
    this.#counts = counts;
  }

  /** States for which what was decided until now stands. */
  get covers(): bigint {
    return this.disk.undecidedStates();
  }

  /** Recovers, and checks what is shown. */
  async run(trace?: Trace): Promise<void> {
    const { disk } = this;
    this.moments.watch(
      (change) => {
        this.#witnessChange(change);
        if (change.kind === "remove" && change.path.endsWith(".log.idx")) this.#checkRemoval(change.path);
      },
      (call) => {
        trace?.(callText(call), disk);
        if (call.kind === "truncate" && call.path.endsWith(".log"))
          this.#checkQuarantine(call.path, call.size);
      },
    );
    const opening = this.#engines.open(disk);
    observe(this.#counts, S1.afterCrash, { refusal: await refusalOf(opening) });
    const storage = await this.#attempt(() => opening);
    const logs = new Map<bigint, ModelLog>();
    for (const [stream, log] of this.#before) {
      logs.set(stream, await this.#attempt(() => this.#stream(storage, stream, log, trace), log));
    }
    this.logs = logs;
    this.moments.end("recovery");
  }

  async #stream(storage: EngineUnderTest, stream: bigint, log: ModelLog, trace?: Trace): Promise<ModelLog> {
    const counts = this.#counts;
    const status = await storage.status(stream);
    const read = await storage.readRecords(stream, 0n, Number.MAX_SAFE_INTEGER, { verify: "genesis" });
    trace?.(showAllowed(log));
    trace?.(showStatus(status, read), this.disk);
    const shown = inFull(log, read);
    if (shown.some(({ kind }) => kind === "tombstone"))
      checkSettled(this.disk.fork(nobody), streamPath(stream), counts);
    if (shown !== read) observe(counts, K2.recovery, { stream, log, read, segments: status.segments });
    const recovered = { stream, appended: log.records, promised: log.written, shown };
    observe(counts, D2.recovery, recovered);
    observe(counts, D1.recovery, recovered);
    observe(counts, D2.alarm, status);
    const after = recover(log, shown.length);
    const { nextOffset, head } = status;
    observe(counts, H2.recovered, { stream, log: after, shown, nextOffset, head });
    await checkEnd(storage, stream, status, H2.recoveredEnd, counts);
    for (const reported of REPORTED_CASES) witnessed(counts, reported, status.findings);
    if (status.findings.some((finding) => finding.action === "cut")) {
      this.cut = true;
    }
    this.#witnessStream(this.#crashed.get(stream) ?? log, shown.length);
    return after;
  }

  /** Whatever the engine throws at a crash state is a failure to recover from it. */
  #attempt<T>(work: () => Promise<T>, log?: ModelLog): Promise<T> {
    const lost = log !== undefined && log.written > 0;
    return attempt(lost ? D1.recovery : D2.recovery, "recovery from a crash to succeed", work);
  }

  /**
   * What recovery is about to cut off must be in quarantine, so that no power failure can take it from there.
   */
  #checkQuarantine(path: string, size: number): void {
    // Recovery has read and copied what it cuts off, so nothing of it is undecided.
    const file = this.disk.fork(nobody).open(path, "read");
    const truncated = Buffer.alloc(file.size() - size);
    file.read(truncated, size);
    const later = this.disk.fork(new Extreme(1));
    later.crash();
    const directory = `${path.slice(0, path.lastIndexOf("/"))}/quarantine`;
    const inQuarantine = [...streamFiles(later, directory, () => true).values()];
    observe(this.#counts, C4.truncation, { path, truncated, inQuarantine });
  }

  /**
   * Recovery removes an index of Kimberlite's that says something else than its segment: the crash must not
   * have left it.
   */
  #checkRemoval(path: string): void {
    // In the format `plain` it is none of Kimberlite's.
    if ([...this.#before.values()].some(({ format }) => format === "plain")) return;
    const directory = path.slice(0, path.lastIndexOf("/"));
    const files = streamFiles(this.disk.fork(nobody), directory, (name) => name === "manifest.json");
    observe(this.#counts, I1.removal, { path, manifest: String(files.get("manifest.json")) });
  }

  #witnessChange(change: DiskChange): void {
    witnessed(this.#counts, ROTATION_FINISHED, change);
    for (const intact of CASES_OF_INTACT) witnessed(this.#counts, intact, change);
  }

  #witnessStream({ records, written, durable }: ModelLog, shown: number): void {
    const counts = this.#counts;
    const survived = {
      crash: this.#kind,
      appended: records.length,
      acknowledged: written,
      durable,
      shown,
    };
    witnessed(counts, PROCESS_KILLED, survived);
    witnessed(counts, UNSYNCED_RECORD_SURVIVED, survived);
    witnessed(counts, UNSYNCED_RECORD_LOST, survived);
    witnessed(counts, BATCH_TORN, survived);
    if (this.#kind === "power" && shown === 0 && records.length > 0)
      witnessed(counts, STREAM_CREATION_LOST, { left: this.disk.list(DATA_PATH) });
  }
}

/** The code of the error with which an engine does not open. */
function refusalOf(opening: Promise<unknown>): Promise<string | undefined> {
  return opening.then(
    () => undefined,
    (error: unknown) => (error instanceof StorageError ? error.code : String(error)),
  );
}
