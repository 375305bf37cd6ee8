/**
 * The checks of a directory with one fault in its stored bytes: every record read by itself and all in a
 * row, what recovery reports, what it set aside, and whether the stream goes on.
 * @module
 */
import { callText } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import type { StoredFault } from "../../fault-injection/stored-faults.ts";
import { append, type ModelLog, type ModelRecord, type ShownRecord } from "../../model/log.ts";
import { readStream } from "../../model/reader.ts";
import { type Storage, StorageError, type StreamStatus, type Verification } from "../../src/index.ts";
import { showModel, showStatus, streamFiles } from "../comparison.ts";
import { sameBytes } from "../records.ts";
import { DATA_PATH, openEngine } from "../engine.ts";
import { inFull } from "../erased.ts";
import type { Trace } from "../part.ts";
import { mayProveMore, recordsEnd, segmentsOf } from "./evidence.ts";
import { isSegment, type StoredState, STREAM, STREAM_PATH } from "./stored-states.ts";
import { S2 } from "../invariants/conformance.ts";
import { C1, C2, C3, I2 } from "../invariants/corruption.ts";
import { isHint, isLoss, type ReadOutcome } from "../invariants/damage.ts";
import { C4 } from "../invariants/durability.ts";
import { REPORTED_CASES } from "../invariants/witnesses.ts";
import { attempt, type Counts, hold, observe, Violation, witnessed } from "../tally.ts";

const ALL = Number.MAX_SAFE_INTEGER;
const PROBE_PAYLOAD = Uint8Array.of(0x7a);

/** What of the stream's index files is there besides the fault. */
export type Indexes = "as they are" | "all gone" | "saved ones gone";

/** An engine that has the stream open, and what it says of it. */
interface Opened {
  readonly storage: Storage;
  readonly status: StreamStatus;
}

/** Checks a damaged directory. */
export class DamageCheck {
  readonly #state: StoredState;
  readonly #fault: StoredFault;
  readonly #indexes: Indexes;
  readonly #disk: SimulatedDisk;
  readonly #counts: Counts;
  readonly #trace: Trace | undefined;
  /** The fault in words. */
  readonly #what: string;
  /** What a call to the disk violated. */
  #broken: Violation | undefined;
  /** Offsets of the records whose bytes are not what they were. */
  readonly #damaged: ReadonlySet<number>;

  constructor(
    state: StoredState,
    fault: StoredFault,
    indexes: Indexes,
    disk: SimulatedDisk,
    counts: Counts,
    trace: Trace | undefined,
  ) {
    this.#state = state;
    this.#fault = fault;
    this.#indexes = indexes;
    this.#disk = disk;
    this.#counts = counts;
    this.#damaged = damagedRecords(state, fault);
    this.#what = indexes === "as they are" ? fault.what : `${fault.what}, the index files ${indexes}`;
    for (const path of state.files.keys()) {
      const gone = indexes === "all gone" ? path.includes(".idx") : /\.idx2?$/.test(path);
      if (gone && indexes !== "as they are") disk.store(path, undefined);
    }
    this.#trace = trace;
    disk.onCall =
      trace &&
      ((call) => {
        trace(callText(call), disk);
      });
    let calls = 0;
    const stored = [...state.files.values()].reduce((sum, { length }) => sum + length, 0);
    const readMax = 2 * stored + state.bounds.readChunkBytes;
    const callsMax = state.bounds.stepsMax;
    disk.onFault = (call) => {
      calls += 1;
      this.#throwIfBroken();
      try {
        hold(C1.access, { call, calls, callsMax, readMax });
        observe(counts, S2.call, { directory: DATA_PATH, call });
      } catch (error) {
        // The engine may swallow what a call throws, so it is kept.
        if (error instanceof Violation) this.#broken = error;
        throw error;
      }
      return undefined;
    };
  }

  /** An engine has the directory open while the bytes change. */
  async onOpenEngine(storage: Storage): Promise<void> {
    await this.#everyRecord(storage, undefined, this.#state.log);
    this.#disk.onCall = undefined;
    this.#disk.onFault = undefined;
  }

  /** A fresh engine opens the directory, shows it, appends to it, and another one opens it then. */
  async onFreshEngine(): Promise<void> {
    const { appended, log } = this.#state;
    const before = this.#fault.bytes;
    const { storage, status } = await this.#opened("the stream to open, for one fault is local");
    for (const reported of REPORTED_CASES) witnessed(this.#counts, reported, status.findings);
    const shown = Number(status.nextOffset);
    this.#trace?.(showModel(new Map([[STREAM, log]])));
    this.#trace?.(showStatus(status, appended.slice(0, shown)), this.#disk);
    await this.#everyRecord(storage, status, log);
    await this.#headIsStatus(storage, status);
    if (this.#isInSegment) {
      this.#nothingThrownAway(before);
      observe(this.#counts, C2.count, {
        appended: appended.length,
        nextOffset: status.nextOffset,
        isForeign: this.#isForeignLog,
        fault: this.#what,
      });
    } else {
      this.#onlyAHint(status, log);
    }
    if (this.#isForeignLog) {
      await this.#openedAgain(status);
      return;
    }
    await this.#goOn(storage, status, { ...log, records: appended.slice(0, shown) });
    if (!this.#isInSegment && status.lostEnd !== undefined) await this.#healed(log);
  }

  /** Everything that was appended, of which some may have been erased since. */
  get #whole(): ModelLog {
    return { ...this.#state.log, records: this.#state.appended };
  }

  /**
   * Whether the fault is in a segment of the stream. A segment that turns up where none was is none of the
   * stream's: it is there like a hint, which may be believed only where it is right.
   */
  get #isInSegment(): boolean {
    const { path } = this.#fault;
    return isSegment(path) && this.#state.files.has(path);
  }

  /** Whether a segment holds records of another, which may well be intact. */
  get #isForeignLog(): boolean {
    return this.#isInSegment && this.#fault.kind === "foreign";
  }

  /** What `head` answers is what the status says, or why nobody knows. */
  async #headIsStatus(storage: Storage, status: StreamStatus): Promise<void> {
    const told = await this.#refusing(() => storage.head(STREAM));
    observe(this.#counts, this.#invariant.head, { status, told, fault: this.#what });
  }

  /** The invariant of the file with the fault. */
  get #invariant(): typeof C2 | typeof I2 {
    return this.#isInSegment ? C2 : I2;
  }

  /**
   * Nothing but a hint is damaged: the log is as it was, and ends where it did, unless the hint may prove
   * that it once was longer.
   */
  #onlyAHint(status: StreamStatus, log: ModelLog): void {
    observe(this.#counts, I2.end, {
      log,
      status,
      mayProveMore: mayProveMore(this.#state, this.#fault),
      fault: this.#what,
    });
    const after = segmentsOf(this.#disk.files());
    for (const [path, before] of segmentsOf(this.#state.files)) {
      // A power failure may have left a torn write after the records, and recovery truncates that.
      const records = before.subarray(0, recordsEnd(this.#state, path));
      observe(this.#counts, I2.segment, { path, before, records, after: after.get(path), fault: this.#what });
    }
  }

  /** With the file put back as it was before the fault, the stream is whole again. */
  async #healed(log: ModelLog): Promise<void> {
    this.#disk.kill();
    this.#disk.store(this.#fault.path, this.#state.files.get(this.#fault.path));
    const storage = await this.#refusing(() => openEngine(this.#disk, this.#state.bounds));
    const told = await this.#refusing(async () => storage?.head(STREAM));
    observe(this.#counts, I2.putBack, { log, told, fault: this.#what });
  }

  /** A further opening of the stream; what the one before reported lost, it reports, too. */
  async #openedAgain(before: StreamStatus): Promise<Opened> {
    this.#disk.kill();
    const again = await this.#opened("the stream to open once more");
    const later = again.status;
    const lost = before.findings.filter(isLoss);
    for (const finding of lost)
      observe(this.#counts, this.#invariant.reportedAgain, { finding, later, fault: this.#what });
    if (lost.length === 0 && before.lostEnd === undefined)
      observe(this.#counts, this.#invariant.rebuilt, { later, fault: this.#what });
    return again;
  }

  /** Every record read by itself, and all that follow it. */
  async #everyRecord(storage: Storage, status: StreamStatus | undefined, log: ModelLog): Promise<void> {
    for (const offset of log.records.keys()) {
      const alone = await this.#read(storage, offset, "record");
      const chained = await this.#read(storage, offset, "checkpoint");
      this.#judge(offset, alone, chained, status);
    }
    const shown = await this.#refusing(() => storage.readRecords(STREAM, 0n, ALL, { verify: "genesis" }));
    const end = Number(status?.nextOffset ?? log.records.length);
    const chained = this.#isForeignLog ? inFull(this.#whole, this.#chained()) : this.#state.appended;
    const appended = chained.slice(0, end);
    const fault = this.#what;
    observe(this.#counts, C1.stream, { appended, shown: shown && inFull(this.#whole, shown), fault });
    if (!this.#isInSegment) observe(this.#counts, I2.records, { held: this.#state.held, shown, fault });
  }

  /** What the model's reader finds chained from the first record on, in the files as they are. */
  #chained(): readonly ShownRecord[] {
    return readStream(streamFiles(this.#disk, STREAM_PATH, isSegment), this.#state.log.format).records;
  }

  async #read(
    storage: Storage,
    offset: number,
    verify: Verification,
    records: readonly ModelRecord[] = this.#state.appended,
  ): Promise<ReadOutcome> {
    // One record at a time: `readRecords` would have to go on behind a payload without bytes.
    const found = await this.#refusing(() =>
      storage.iterate(STREAM, { from: BigInt(offset), verify }).next(),
    );
    if (found === undefined) return "error";
    if (found.done === true) return "nothing";
    const shown = inFull(this.#whole, [found.value]).find((record) => Number(record.offset) === offset);
    observe(this.#counts, C1.record, {
      offset,
      verify,
      appended: records[offset],
      shown: shown ?? found.value,
      isForeign: this.#isForeignLog && this.#damaged.has(offset),
      fault: this.#what,
    });
    return "right";
  }

  #judge(offset: number, alone: ReadOutcome, chained: ReadOutcome, status: StreamStatus | undefined): void {
    const outcome = { offset, alone, chained, fault: this.#what };
    if (!this.#isInSegment) {
      observe(this.#counts, I2.record, outcome);
      return;
    }
    const place = this.#state.places[offset];
    // Above the watermark nobody can tell what is missing from what was never written.
    const proven = this.#indexes === "saved ones gone" ? place?.belowLogWatermark : place?.belowWatermark;
    if (proven === true)
      observe(this.#counts, C2.proven, { ...outcome, isReported: this.#isReported(offset, status) });
    // What recovery cut off as a torn tail, above the watermark, is named and in quarantine.
    if (alone === "nothing" || this.#damaged.has(offset) || this.#indexes === "all gone") return;
    observe(this.#counts, C3.alone, outcome);
    if (!this.#sharesInterval(offset)) observe(this.#counts, C3.chained, outcome);
  }

  /**
   * Whether a record is damaged, and recovery says so: by name where nothing else proves it durable, or of
   * the index that contradicts it.
   */
  #isReported(offset: number, status: StreamStatus | undefined): boolean {
    if (!this.#damaged.has(offset)) return false;
    const isNamed = (status?.findings ?? []).some(
      ({ error }) => error.offset !== undefined && Number(error.offset) <= offset,
    );
    return (isNamed && this.#indexes === "all gone") || this.#isContradicted(status);
  }

  /**
   * Whether the only segment is another stream's and recovery reports a damaged index of it: nothing tells
   * which of the two files was replaced, for an index of another stream beside the right segment is the same
   * bytes.
   */
  #isContradicted(status: StreamStatus | undefined): boolean {
    const isOnlySegment = segmentsOf(this.#state.files).size === 1;
    const namesIndex = (status?.findings ?? []).some(
      (finding) => isHint(finding) && finding.error.file?.startsWith(`${this.#fault.path}.idx`) === true,
    );
    return this.#isForeignLog && isOnlySegment && namesIndex;
  }

  /**
   * Whether a damaged record lies in the interval from the last checkpoint at or before `offset` to the first
   * one behind.
   */
  #sharesInterval(offset: number): boolean {
    const { records } = this.#state.log;
    const isCheckpoint = (at: number): boolean => records[at]?.kind === "checkpoint";
    let first = offset;
    while (first > 0 && !isCheckpoint(first)) first -= 1;
    let last = offset + 1;
    while (last < records.length && !isCheckpoint(last)) last += 1;
    return [...this.#damaged].some((at) => at >= first && at <= last);
  }

  /** Recovery may have cut the segment; what it cut must be in quarantine. */
  #nothingThrownAway(before: Uint8Array | undefined): void {
    if (before === undefined) return;
    const files = this.#disk.files();
    observe(this.#counts, C4.segment, {
      before,
      after: files.get(this.#fault.path) ?? new Uint8Array(),
      inQuarantine: [...files]
        .filter(([path]) => path.startsWith(`${STREAM_PATH}/quarantine/`))
        .map(([, bytes]) => bytes),
      fault: this.#what,
    });
  }

  /** The stream takes another record, or says that its end is lost; then it is opened once more. */
  async #goOn(storage: Storage, status: StreamStatus, log: ModelLog): Promise<void> {
    const begun = append(log, [PROBE_PAYLOAD], { everyNRecords: this.#state.bounds.checkpointEvery });
    const result = await this.#refusing(() => storage.appendBatch(STREAM, [PROBE_PAYLOAD]));
    const fault = this.#what;
    const counts = this.#counts;
    const invariant = this.#invariant;
    const appending = { status, log: begun, head: result?.head, fault };
    observe(counts, invariant.append, appending);
    if (result !== undefined) observe(counts, invariant.chain, appending);
    const { storage: again, status: later } = await this.#openedAgain(status);
    const appended = result !== undefined;
    const expected = appended ? begun : log;
    const { nextOffset } = status;
    observe(counts, invariant.endLater, { log: expected, appended, nextOffset, later, fault });
    for (const offset of expected.records.keys()) {
      const outcome = await this.#read(again, offset, "record", expected.records);
      if (offset >= log.records.length) observe(counts, invariant.newRecord, { offset, outcome, fault });
    }
  }

  /** Opens the directory and the stream, which must not be refused. */
  async #opened(expected: string): Promise<Opened> {
    return attempt(C3.alone, `${expected} (${this.#what})`, async () => {
      const storage = await this.#answered(() => openEngine(this.#disk, this.#state.bounds));
      return { storage, status: await this.#answered(() => storage.status(STREAM)) };
    });
  }

  /** What may be refused: `undefined` if it is. */
  async #refusing<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#answered(work);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#trace?.(`   refused: ${error.message}`);
      return undefined;
    }
  }

  /** What an engine answers, or the `StorageError` with which it refuses. */
  async #answered<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Violation)) hold(C1.error, { error }, error);
      throw error;
    } finally {
      this.#throwIfBroken();
    }
  }

  #throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }
}

/** The records whose bytes a fault changed; those of a file that is missing are changed. */
function damagedRecords({ places, files }: StoredState, { path, bytes }: StoredFault): Set<number> {
  const before = files.get(path) ?? new Uint8Array();
  const damaged = new Set<number>();
  for (const [offset, { file, start, end }] of places.entries()) {
    if (file !== path) continue;
    if (bytes === undefined || !sameBytes(before.subarray(start, end), bytes.subarray(start, end)))
      damaged.add(offset);
  }
  return damaged;
}
