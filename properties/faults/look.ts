/**
 * A look at a directory with one fault in its stored bytes: every record by itself and all in a row, what recovery reports, what it set
 * aside, and whether the stream goes on.
 * @module
 */
import { callText } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import type { StoredFault } from "../../fault-injection/stored-faults.ts";
import {
  append,
  head as modelHead,
  type ModelLog,
  type ModelRecord,
  type ShownRecord,
} from "../../model/log.ts";
import { readStream } from "../../model/reader.ts";
import {
  type Finding,
  type Storage,
  StorageError,
  type StreamStatus,
  type Verification,
} from "../../src/index.ts";
import type { InvariantId } from "../invariants/catalogue.ts";
import { showStatus, streamFiles } from "../comparison.ts";
import { sameBytes, sameRecord, sameRecords, show } from "../records.ts";
import { DATA_PATH, openEngine } from "../engine.ts";
import type { Trace } from "../part.ts";
import { mayProveMore, recordsEnd, segmentsOf } from "./evidence.ts";
import { isSegment, type StoredState, STREAM, STREAM_PATH } from "./stored-states.ts";
import { check, type Counts, Violation, witnessed } from "../tally.ts";
import { REPORTED_CASES } from "../invariants/witnesses.ts";

const ALL = Number.MAX_SAFE_INTEGER;
const PROBE_PAYLOAD = Uint8Array.of(0x7a);

/** What of the stream's index files is there besides the fault. */
export type Indexes = "as they are" | "all gone" | "saved ones gone";

/** What a read of one record comes to. */
type Outcome = "right" | "error" | "nothing";

/** Looks at a damaged directory. */
export class Look {
  readonly #state: StoredState;
  readonly #fault: StoredFault;
  readonly #indexes: Indexes;
  readonly #disk: SimulatedDisk;
  readonly #counts: Counts;
  readonly #trace: Trace;
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
    trace: Trace,
  ) {
    this.#state = state;
    this.#fault = fault;
    this.#indexes = indexes;
    this.#disk = disk;
    this.#counts = counts;
    this.#damaged = damagedRecords(state, fault);
    for (const path of state.files.keys()) {
      const gone = indexes === "all gone" ? path.includes(".idx") : /\.idx2?$/.test(path);
      if (gone && indexes !== "as they are") disk.store(path, undefined);
    }
    this.#trace = trace;
    disk.onCall = (call) => {
      trace(callText(call));
    };
    let calls = 0;
    const stored = [...state.files.values()].reduce((sum, { length }) => sum + length, 0);
    const room = 2 * stored + state.bounds.readChunkBytes;
    disk.onFault = (call) => {
      calls += 1;
      // The engine may swallow what a call throws, so it is kept.
      if (calls > state.bounds.stepsMax)
        this.#broken ??= new Violation("C1", "an end", `${calls} disk calls`);
      const inside = call.path === DATA_PATH || call.path.startsWith(`${DATA_PATH}/`);
      if (!inside && !(call.path === "/" && call.kind === "sync directory")) {
        const expected = `no call outside ${DATA_PATH}, but to make its own name durable`;
        this.#broken ??= new Violation("S2", expected, callText(call));
      }
      if (call.kind === "read" && call.length > room) {
        this.#broken ??= new Violation(
          "C1",
          "no memory asked for beyond what the files hold",
          callText(call),
        );
      }
      check(
        counts,
        "S2",
        this.#broken === undefined,
        () => "",
        () => "",
      );
      this.#throwIfBroken();
      return undefined;
    };
  }

  /** An engine has the directory open while the bytes change. */
  async beneath(storage: Storage): Promise<void> {
    await this.#everyRecord(storage, undefined, this.#state.log);
    this.#disk.onCall = undefined;
    this.#disk.onFault = undefined;
  }

  /** A fresh engine opens the directory, shows it, appends to it, and another one opens it then. */
  async afresh(): Promise<void> {
    const { appended, log } = this.#state;
    const before = this.#fault.bytes;
    const storage = await this.#refusing(() => openEngine(this.#disk, this.#state.bounds));
    const status = storage === undefined ? undefined : await this.#refusing(() => storage.status(STREAM));
    if (storage === undefined || status === undefined) {
      throw new Violation("C3", "the stream to open, for one fault is local", "it was refused");
    }
    for (const reported of REPORTED_CASES) witnessed(this.#counts, reported, status.findings);
    const shown = Number(status.nextOffset);
    this.#trace(showStatus(status, appended.slice(0, shown)));
    await this.#everyRecord(storage, status, log);
    await this.#headIsStatus(storage, status);
    if (isSegment(this.#fault.path)) {
      this.#nothingThrownAway(before);
      this.#check(
        "C2",
        shown <= appended.length || this.#isForeignLog,
        `no more than ${appended.length} records`,
        () => String(shown),
      );
    } else {
      this.#onlyAHint(status, log);
    }
    if (this.#isForeignLog) {
      await this.#openedAgain(status);
      return;
    }
    await this.#goOn(storage, status, { ...log, records: appended.slice(0, shown) });
    if (!isSegment(this.#fault.path) && status.lostEnd !== undefined) await this.#healed(log);
  }

  /** Whether a segment holds records of another, which may well be intact. */
  get #isForeignLog(): boolean {
    return isSegment(this.#fault.path) && this.#fault.kind === "foreign";
  }

  /** What `head` answers is what the status says, or why nobody knows. */
  async #headIsStatus(storage: Storage, status: StreamStatus): Promise<void> {
    const head = await this.#refusing(() => storage.head(STREAM));
    this.#check(
      isSegment(this.#fault.path) ? "C2" : "I2",
      head === undefined
        ? status.lostEnd !== undefined
        : status.lostEnd === undefined &&
            head.nextOffset === status.nextOffset &&
            sameBytes(head.head, status.head),
      "the head to be that of the status, and refused if the end is lost",
      () => `${String(head?.nextOffset)}, ${String(status.nextOffset)}, ${String(status.lostEnd)}`,
    );
  }

  /** Nothing but a hint is damaged: the log is as it was, and ends where it did, unless the hint may prove that it once was longer. */
  #onlyAHint(status: StreamStatus, log: ModelLog): void {
    const mayBeLost = mayProveMore(this.#state, this.#fault);
    const ends =
      status.lostEnd === undefined &&
      Number(status.nextOffset) === log.records.length &&
      sameBytes(status.head, modelHead(log));
    this.#check(
      "I2",
      ends || (mayBeLost && status.lostEnd !== undefined),
      `the stream to end at ${log.records.length}, for only a hint is damaged`,
      () => `${String(status.nextOffset)} ${String(status.lostEnd)}`,
    );
    const after = segmentsOf(this.#disk.files());
    for (const [path, bytes] of segmentsOf(this.#state.files)) {
      const now = after.get(path);
      // A power failure may have left a torn write after the records, and recovery truncates that.
      const records = bytes.subarray(0, recordsEnd(this.#state, path));
      this.#check(
        "I2",
        sameBytes(bytes, now) || sameBytes(records, now),
        `${path} as it was, for only a hint is damaged`,
        () => (now === undefined ? "it is gone" : `it has ${now.length} of ${bytes.length} bytes`),
      );
    }
  }

  /** With the file put back as it was before the fault, the stream is whole again. */
  async #healed(log: ModelLog): Promise<void> {
    this.#disk.kill();
    this.#disk.store(this.#fault.path, this.#state.files.get(this.#fault.path));
    const storage = await this.#refusing(() => openEngine(this.#disk, this.#state.bounds));
    const head = await this.#refusing(async () => storage?.head(STREAM));
    this.#check(
      "I2",
      Number(head?.nextOffset) === log.records.length && sameBytes(modelHead(log), head?.head),
      `the stream to end at ${log.records.length} once the hint is put back`,
      () => String(head?.nextOffset),
    );
  }

  /** A further opening of the stream; what the one before reported lost, it reports, too. */
  async #openedAgain(before: StreamStatus): Promise<{ again: Storage; later: StreamStatus }> {
    this.#disk.kill();
    const again = await this.#refusing(() => openEngine(this.#disk, this.#state.bounds));
    const later = await this.#refusing(async () => again?.status(STREAM));
    if (again === undefined || later === undefined) {
      throw new Violation("C3", "the stream to open once more", "it was refused");
    }
    const invariant = isSegment(this.#fault.path) ? "C2" : "I2";
    const [lost, hints] = [before.findings.filter(isLoss), later.findings.filter(isHint)];
    for (const { what, error } of lost) {
      this.#check(
        invariant,
        later.findings.some((finding) => isLoss(finding) && finding.error.offset === error.offset),
        `what was reported at offset ${String(error.offset)} (${what}) to be reported at the next start, too`,
        () => showFindings(later),
      );
    }
    if (lost.length === 0 && before.lostEnd === undefined) {
      this.#check(invariant, hints.length === 0, "a hint that was rebuilt to be right", () =>
        showFindings(later),
      );
    }
    return { again, later };
  }

  /** Every record read by itself, and all that follow it. */
  async #everyRecord(storage: Storage, status: StreamStatus | undefined, log: ModelLog): Promise<void> {
    for (const offset of log.records.keys()) {
      const alone = await this.#read(storage, offset, "record");
      const chained = await this.#read(storage, offset, "checkpoint");
      this.#judge(offset, alone, chained, status);
    }
    const all = await this.#refusing(() => storage.readRecords(STREAM, 0n, ALL, { verify: "genesis" }));
    const shown = Number(status?.nextOffset ?? log.records.length);
    const expected = (this.#isForeignLog ? this.#chained() : this.#state.appended).slice(0, shown);
    this.#check("C1", all === undefined || sameRecords(all, expected), `${show(expected)}, or an error`, () =>
      show(all ?? []),
    );
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
  ): Promise<Outcome> {
    // One record at a time: `readRecords` would have to go on behind a payload without bytes.
    const found = await this.#refusing(() =>
      storage.iterate(STREAM, { from: BigInt(offset), verify }).next(),
    );
    if (found === undefined) return "error";
    if (found.done === true) return "nothing";
    const right = records[offset];
    this.#check(
      "C1",
      (right !== undefined && sameRecord(right, found.value)) ||
        (this.#isForeignLog && this.#damaged.has(offset)),
      `what was appended at ${offset}, or an error (${verify})`,
      () => show([found.value]),
    );
    return "right";
  }

  #judge(offset: number, alone: Outcome, chained: Outcome, status: StreamStatus | undefined): void {
    const { path } = this.#fault;
    const seen = (): string => `read by itself: ${alone}; from the checkpoint before: ${chained}`;
    if (!isSegment(path)) {
      const expected = `the record at ${offset} to be read, for only a hint is damaged`;
      this.#check("I2", alone === "right" && chained === "right", expected, seen);
      return;
    }
    const place = this.#state.places[offset];
    const named =
      status?.findings.some(({ error }) => error.offset !== undefined && Number(error.offset) <= offset) ??
      false;
    // Above the watermark nobody can tell what is missing from what was never written.
    const proven = this.#indexes === "saved ones gone" ? place?.belowLogWatermark : place?.belowWatermark;
    if (proven === true) {
      this.#check(
        "C2",
        alone !== "nothing" ||
          (this.#damaged.has(offset) &&
            (this.#isContradicted(status) || (named && this.#indexes === "all gone"))),
        `the record at ${offset}, which was proven durable, to be read, or an error that names it`,
        seen,
      );
    }
    // What recovery cut off as a torn tail, above the watermark, is named and in quarantine.
    if (alone === "nothing" || this.#damaged.has(offset) || this.#indexes === "all gone") return;
    this.#check("C3", alone === "right", `the intact record at ${offset} to be read by itself`, seen);
    if (this.#sharesInterval(offset)) return;
    this.#check(
      "C3",
      chained === "right",
      `the record at ${offset} to be read, for the damage is outside its checkpoint interval`,
      seen,
    );
  }

  /**
   * Whether the only segment is another stream's and recovery reports a damaged index of it: nothing tells which of the two files was replaced,
   * for an index of another stream beside the right segment is the same bytes.
   */
  #isContradicted(status: StreamStatus | undefined): boolean {
    const isOnlySegment = segmentsOf(this.#state.files).size === 1;
    const namesIndex = (status?.findings ?? []).some(
      (finding) => isHint(finding) && finding.error.file?.startsWith(`${this.#fault.path}.idx`) === true,
    );
    return this.#isForeignLog && isOnlySegment && namesIndex;
  }

  /** Whether a damaged record lies in the interval from the last checkpoint at or before `offset` to the first one behind. */
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
    const after = files.get(this.#fault.path) ?? new Uint8Array();
    const rest = before.subarray(after.length);
    const aside = [...files].filter(([path]) => path.startsWith(`${STREAM_PATH}/quarantine/`));
    this.#check(
      "C4",
      sameBytes(before.subarray(0, after.length), after) &&
        (rest.length === 0 || aside.some(([, bytes]) => sameBytes(rest, bytes))),
      `${before.length} bytes in the segment and in quarantine`,
      () =>
        `${after.length} in the segment; in quarantine: ${aside.map(([path, { length }]) => `${path} (${length})`).join()}`,
    );
  }

  /** The stream takes another record, or says that its end is lost; then it is opened once more. */
  async #goOn(storage: Storage, status: StreamStatus, log: ModelLog): Promise<void> {
    const begun = append(log, [PROBE_PAYLOAD], { everyNRecords: this.#state.bounds.checkpointEvery });
    const result = await this.#refusing(() => storage.appendBatch(STREAM, [PROBE_PAYLOAD]));
    const invariant = isSegment(this.#fault.path) ? "C2" : "I2";
    this.#check(
      invariant,
      (result === undefined) === (status.lostEnd !== undefined),
      status.lostEnd === undefined ? "an append to succeed" : "no append where the end is lost",
      () => `${result === undefined ? "it was refused" : "it succeeded"}; ${String(status.lostEnd)}`,
    );
    if (result !== undefined) {
      this.#check(
        invariant,
        sameBytes(result.head, modelHead(begun)),
        "the chain to go on where it ended",
        () => Buffer.from(result.head).toString("hex"),
      );
    }
    const { again, later } = await this.#openedAgain(status);
    const expected = result === undefined ? log : begun;
    const nextOffset = result === undefined ? Number(status.nextOffset) : begun.records.length;
    this.#check(
      invariant,
      Number(later.nextOffset) === nextOffset &&
        (result === undefined || sameBytes(later.head, modelHead(expected))) &&
        (later.lostEnd === undefined) === (result !== undefined),
      `the stream to end at ${nextOffset} at the next start, too`,
      () => `${String(later.nextOffset)} ${String(later.lostEnd)}`,
    );
    for (const offset of expected.records.keys()) {
      const outcome = await this.#read(again, offset, "record", expected.records);
      const mine = offset >= log.records.length;
      if (mine)
        this.#check(invariant, outcome === "right", `the new record at ${offset} to be read`, () => outcome);
    }
  }

  /** What may be refused, with a `StorageError` only: `undefined` if it is. */
  async #refusing<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Violation) throw error;
      if (error instanceof StorageError && error.code !== "io") {
        this.#trace(`   refused: ${error.message}`);
        return undefined;
      }
      const seen = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Violation("C1", "the right data, or a StorageError that says what is damaged", seen, error);
    } finally {
      this.#throwIfBroken();
    }
  }

  #throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #check(invariant: InvariantId, holds: boolean, expected: string, seen: () => string): void {
    const where = this.#indexes === "as they are" ? "" : `, the index files ${this.#indexes}`;
    check(
      this.#counts,
      invariant,
      holds,
      () => expected,
      () => `${seen()} (${this.#fault.what}${where})`,
    );
  }
}

/** Whether something of the log is lost, and not only a hint. */
const isLoss = ({ action, what }: Finding): boolean => action === "keep" && what !== "damaged hint";
const isHint = ({ what }: Finding): boolean => what === "damaged hint";

const showFindings = ({ findings }: StreamStatus): string =>
  findings.map(({ what, error }) => `${what}: ${error.message}`).join("; ") || "nothing is reported";

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
