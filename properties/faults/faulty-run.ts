/**
 * A run of an engine on a disk of which one call may fail: what the engine acknowledges and shows is held
 * against the model, and it may refuse only once the disk has failed.
 * @module
 */
import { callText } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import {
  acknowledge,
  append,
  crashed,
  emptyLog,
  fail,
  type ModelLog,
  read as modelRead,
  recover,
  sync as modelSync,
} from "../../model/log.ts";
import { acknowledged, NO_PROOF, outliving, type Proof, shown as shownProof } from "../../model/proof.ts";
import { readStream } from "../../model/reader.ts";
import { StorageError } from "../../src/index.ts";
import { begin, refusesCompaction } from "../begun.ts";
import type { Bounds } from "../bounds.ts";
import type { InjectedFailure } from "./call-sites.ts";
import { filesIn, showAllowed, showModel, showStatus } from "../comparison.ts";
import type { Engines, EngineUnderTest } from "../conversations/engines.ts";
import { DATA_PATH, streamPath } from "../engine.ts";
import { inFull } from "../erased.ts";
import { S2 } from "../invariants/conformance.ts";
import { D6, D7 } from "../invariants/durability.ts";
import { STREAM_REFUSES, WRITE_TAKEN_BACK } from "../invariants/witnesses.ts";
import { type Operation, type OperationName, operationNamed } from "../operations.ts";
import type { Trace } from "../part.ts";
import { checkProofs } from "../proofs.ts";
import { checkAnswers, checkEnd } from "../questions.ts";
import { attempt, type Counts, hold, observe, Violation, witnessed } from "../tally.ts";

/** How a workload ends before the engine is opened again. */
export const ENDINGS = ["closed", "killed", "power failure"] as const;
export type Ending = (typeof ENDINGS)[number];

const ALL = Number.MAX_SAFE_INTEGER;

/** An engine, its disk and its model, of which one call may fail. */
export class FaultyRun {
  readonly disk: SimulatedDisk;
  injected: InjectedFailure | undefined;
  readonly #bounds: Bounds;
  readonly #engines: Engines;
  readonly #counts: Counts;
  readonly #trace: Trace | undefined;
  readonly #logs = new Map<bigint, ModelLog>();
  #storage: EngineUnderTest | undefined;
  /** The streams that this engine has recovered or written: those that its closing makes durable. */
  readonly #inUse = new Set<bigint>();
  readonly #proofs = new Map<bigint, Proof>();
  /** How many failed syncs had dropped pages when a stream was last recovered. */
  readonly #dropsBefore = new Map<bigint, number>();

  constructor(bounds: Bounds, engines: Engines, disk: SimulatedDisk, counts: Counts, trace?: Trace) {
    this.#bounds = bounds;
    this.#engines = engines;
    this.disk = disk;
    this.#counts = counts;
    this.#trace = trace;
    disk.onCall =
      trace &&
      ((call) => {
        trace(callText(call), disk);
      });
  }

  /** The workload, its end, and what a fresh engine shows then; everything may fail once the disk has. */
  async run(workload: readonly OperationName[], ending: Ending): Promise<void> {
    await this.work(workload);
    this.#trace?.(`-- ${ending}, and opened again`, this.disk);
    await this.#end(ending);
    await this.#open();
    for (const stream of this.#logs.keys()) await this.#lookAgain(stream);
    this.#trace?.("-- the end");
  }

  /** The workload alone, and an append after a failing call, while the engine stays open. */
  async work(workload: readonly OperationName[]): Promise<void> {
    await this.#open();
    for (const name of workload) {
      this.#trace?.(`-- ${name}`);
      await this.#perform(operationNamed(name));
      this.#trace?.(showModel(this.#logs), this.disk);
    }
    // An engine that goes on after a failing call must not write after what that call left.
    if (this.injected?.occurred === true) await this.#perform(operationNamed("append+sync"));
  }

  /** The disk is repaired; the machine crashes; what is there must be what was promised, and go on. */
  async aftermath(): Promise<void> {
    this.disk.onFault = undefined;
    this.#trace?.("-- the disk is repaired; power failure, and opened again", this.disk);
    this.#crash("power");
    const storage = await attempt(D6.recovery, GOES_ON, () => this.#engines.open(this.disk));
    for (const stream of this.#logs.keys()) {
      await attempt(D6.recovery, GOES_ON, () => this.#recovered(storage, stream));
      await attempt(D7.next, GOES_ON, () => this.#appendOne(storage, stream));
    }
    this.#trace?.("-- power failure, and opened again", this.disk);
    this.#crash("power");
    const last = await attempt(D6.recovery, GOES_ON, () => this.#engines.open(this.disk));
    for (const stream of this.#logs.keys())
      await attempt(D6.recovery, GOES_ON, () => this.#recovered(last, stream));
    for (const path of this.disk.files().keys())
      observe(this.#counts, S2.file, { directory: DATA_PATH, path });
  }

  /** Opens the engine, if the disk lets it. */
  async #open(): Promise<void> {
    this.#inUse.clear();
    this.#storage = await this.#tolerate("the engine to open", () => this.#engines.open(this.disk));
  }

  async #end(ending: Ending): Promise<void> {
    const storage = this.#storage;
    if (ending === "closed" && storage !== undefined) {
      const closed = await this.#tolerate("the engine to close", async () => {
        await storage.close();
        return true;
      });
      if (closed === true) {
        for (const [stream, log] of this.#logs) {
          if (!this.#inUse.has(stream)) continue;
          this.#logs.set(stream, modelSync(log));
          this.#prove(stream);
        }
      }
    }
    this.#storage = undefined;
    this.#crash(ending === "power failure" ? "power" : "process");
  }

  #crash(kind: "power" | "process"): void {
    if (kind === "power") this.disk.crash();
    else this.disk.kill();
    // A sync that failed and dropped the pages has lost what only the kernel had, as a power failure does.
    const lost = kind === "power" || this.#drops > 0;
    const crash = lost ? "power" : "process";
    for (const [stream, log] of this.#logs) {
      this.#logs.set(stream, crashed(log, crash));
      this.#proofs.set(stream, outliving(this.proofOf(stream), crash, this.#bounds.durability));
    }
  }

  async #perform(operation: Operation): Promise<void> {
    if (operation.does === "reopen") {
      await this.#end("closed");
      await this.#open();
      for (const stream of this.#logs.keys()) await this.#lookAgain(stream);
      return;
    }
    const storage = this.#storage;
    if (storage === undefined) return;
    const { stream } = operation;
    const before = this.logOf(stream);
    if (operation.does === "sync") {
      const synced = await this.#tolerate("a sync to succeed", async () => {
        await storage.sync(stream);
        return true;
      });
      if (synced === true) this.#logs.set(stream, modelSync(before));
      this.#prove(stream);
      return;
    }
    if (operation.does === "compact") {
      await this.#compact(storage, stream, before);
      return;
    }
    const { fsync } = operation;
    const { log: begun, refusal, call } = begin(before, operation, this.#bounds);
    this.#logs.set(stream, begun);
    const result = await this.#tolerate("an append to succeed", () => call(storage), refusal);
    if (result !== undefined) {
      this.#inUse.add(stream);
      this.#logs.set(stream, acknowledge(begun, fsync));
      this.#prove(stream);
      const { nextOffset, head } = result;
      observe(this.#counts, D7.append, { stream, log: begun, nextOffset, head });
      return;
    }
    await this.#afterFailure(storage, stream, begun);
    this.#prove(stream);
  }

  /** Compaction makes everything durable, and changes nothing that is shown. */
  async #compact(storage: EngineUnderTest, stream: bigint, log: ModelLog): Promise<void> {
    const refusal = refusesCompaction(log);
    const compacted = await this.#tolerate("a compaction to succeed", () => storage.compact(stream), refusal);
    if (compacted !== undefined) this.#logs.set(stream, modelSync(log));
    this.#prove(stream);
  }

  /**
   * What was appended to a stream, the batch of an append that failed included unless the engine took it
   * back.
   */
  logOf(stream: bigint): ModelLog {
    return this.#logs.get(stream) ?? emptyLog(this.#bounds.format);
  }

  /** What the index files of a stream must prove. */
  proofOf(stream: bigint): Proof {
    return this.#proofs.get(stream) ?? NO_PROOF;
  }

  /** Holds a stream's index files against what they must prove after a call, whatever came of it. */
  #prove(stream: bigint, isRecovered = false): void {
    const log = this.logOf(stream);
    const before = this.proofOf(stream);
    if (isRecovered) this.#dropsBefore.set(stream, this.#drops);
    const mayHideFrames = this.#drops > (this.#dropsBefore.get(stream) ?? 0);
    const now = isRecovered ? shownProof(before, log) : acknowledged(before, log);
    // A save that fails may have emptied the write-ahead file; what it named is in the saved index then.
    const proof = this.#mayOweLess ? { ...before, framed: 0 } : now;
    this.#proofs.set(stream, proof);
    const files = filesIn(this.disk, streamPath(stream));
    checkProofs(
      files,
      inFull(log, readStream(files, log.format).records).length,
      proof,
      this.#bounds,
      this.#counts,
      mayHideFrames,
    );
  }

  get #drops(): number {
    return this.injected?.drops ?? 0;
  }

  /**
   * Whether the disk has failed and is not repaired: a failing call on an index file is no failure of an
   * append with standard durability, and nothing is owed beyond what was until then.
   */
  get #mayOweLess(): boolean {
    return this.injected?.occurred === true && this.disk.onFault !== undefined;
  }

  /**
   * An append failed: either the stream is as it was before, or it says that it is not to be used, and shows
   * nothing of the batch.
   */
  async #afterFailure(storage: EngineUnderTest, stream: bigint, begun: ModelLog): Promise<void> {
    const before = fail(begun);
    let next: bigint | undefined;
    const answer = await storage.appendBatch(stream, [Uint8Array.of(0)], { expectedOffset: NOWHERE }).then(
      () => "an append at an offset that cannot be",
      (error: unknown) => {
        if (error instanceof StorageError) next = error.offset;
        return refusalOf(error);
      },
    );
    const usable = answer === "offset-mismatch";
    if (usable) this.#logs.set(stream, before);
    const failed = { diskFailed: this.injected?.occurred === true, usable };
    witnessed(this.#counts, WRITE_TAKEN_BACK, failed);
    witnessed(this.#counts, STREAM_REFUSES, failed);
    const shown = await this.#tolerate("a read to succeed", async () =>
      inFull(before, await storage.readRecords(stream, 0n, ALL, { verify: "genesis" })),
    );
    const shownPayloads = await this.#tolerate("a read to succeed", () => storage.readFrom(stream, 0n, ALL));
    await this.#tolerate("the end to be told", async () => {
      await checkEnd(storage, stream, await storage.status(stream), D7.end, this.#counts);
    });
    const told = await this.#tolerate("the end to be told", () => storage.head(stream));
    observe(this.#counts, D7.endAfterFailure, { stream, log: before, told });
    observe(this.#counts, D7.afterFailure, {
      stream,
      log: before,
      shown,
      payloads: modelRead(before, 0n, ALL),
      shownPayloads,
      takesAppends: usable,
      next,
    });
  }

  /** What a freshly opened engine shows, if the disk lets it; what it has shown is promised from then on. */
  async #lookAgain(stream: bigint): Promise<void> {
    const storage = this.#storage;
    if (storage === undefined) return;
    await this.#tolerate("recovery to succeed", () => this.#recovered(storage, stream));
  }

  async #recovered(storage: EngineUnderTest, stream: bigint): Promise<void> {
    const log = this.logOf(stream);
    const status = await storage.status(stream);
    const read = await storage.readRecords(stream, 0n, ALL, { verify: "genesis" });
    this.#trace?.(showAllowed(log));
    this.#trace?.(showStatus(status, read), this.disk);
    const shown = inFull(log, read);
    observe(this.#counts, D6.recovery, { stream, appended: log.records, promised: log.written, shown });
    const after = recover(log, shown.length);
    observe(this.#counts, D7.status, { stream, log: after, status });
    await checkEnd(storage, stream, status, D7.end, this.#counts);
    if (this.disk.onFault === undefined)
      await checkAnswers(storage, stream, after, after.records.keys(), D7, this.#counts);
    this.#logs.set(stream, after);
    this.#inUse.add(stream);
    this.#prove(stream, true);
  }

  async #appendOne(storage: EngineUnderTest, stream: bigint): Promise<void> {
    const before = this.logOf(stream);
    const begun = append(before, [PROBE_PAYLOAD], { everyNRecords: this.#bounds.checkpointEvery });
    const { nextOffset, head } = await storage.appendBatch(stream, [PROBE_PAYLOAD]);
    observe(this.#counts, D7.next, { stream, log: begun, nextOffset, head });
    this.#logs.set(stream, acknowledge(begun, true));
    this.#prove(stream);
  }

  /**
   * What may fail once the disk has: `undefined` if it does. A failure must be a `StorageError`, and not the
   * end of the step budget.
   * @param refusal the error code with which the model refuses; then that is what must come, if the disk has
   *   not failed
   */
  async #tolerate<T>(call: string, work: () => Promise<T>, refusal?: string): Promise<T | undefined> {
    let result: T | undefined;
    let answered: string | undefined;
    try {
      result = await work();
    } catch (error) {
      if (error instanceof Violation) throw error;
      answered = refusalOf(error);
      this.#trace?.(`   refused: ${String(error)}`);
    }
    const diskFailed = this.injected?.occurred ?? false;
    observe(this.#counts, D7.call, { call, refusal, answered, diskFailed });
    return result;
  }
}

const GOES_ON = "the engine to go on once the disk is repaired";
const PROBE_PAYLOAD = Uint8Array.of(0x7a);
/**
 * An offset that no stream here comes to, so that an append is refused if the stream takes appends at all.
 */
const NOWHERE = 1_000_000n;

/**
 * The code of a refusal. @throws Violation for anything but a `StorageError`, and for a run that would not
 * have ended
 */
function refusalOf(error: unknown): string {
  hold(D7.error, { error }, error);
  if (error instanceof StorageError) return error.code;
  throw error;
}
