/**
 * Engine and model in lock step: a workload runs on the engine over a simulated disk, and beside it on the
 * model, on `MemoryStorage` and on an `AppendPipeline` over a storage that never rotates. Whatever one of
 * them answers, the others must.
 * @module
 */
import type { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import { acknowledge, emptyLog, fail, type ModelLog, sync as modelSync } from "../model/log.ts";
import { acknowledged, NO_PROOF, type Proof } from "../model/proof.ts";
import { AppendPipeline, MemoryStorage, type Offset, type Storage } from "../src/index.ts";
import { outcome, resultText } from "./answers.ts";
import { type Appending, begin, refusesCompaction } from "./begun.ts";
import type { Bounds } from "./bounds.ts";
import { checkErased, checkFiles, checkLookUps, checkRecords, filesIn, waysOfReading } from "./comparison.ts";
import { DATA_PATH, freshDisk, type Logs, openEngine, streamPath } from "./engine.ts";
import { H1 } from "./invariants/chain.ts";
import { K1 } from "./invariants/compaction.ts";
import { M1, M2, S1 } from "./invariants/conformance.ts";
import { D8 } from "./invariants/durability.ts";
import { AUTOMATIC_CHECKPOINT, REFUSAL } from "./invariants/witnesses.ts";
import type { Leavings } from "./kimberlite/leavings.ts";
import { checkKimberliteIndexes, checkKimberliteReads } from "./kimberlite-indexes.ts";
import type { Operation } from "./operations.ts";
import { checkProofs } from "./proofs.ts";
import { attempt, type Counts, observe, witnessed } from "./tally.ts";

const FOUND_STREAM = 1n;
const OPENS = "an empty directory to be opened";

export class Lockstep {
  readonly disk: SimulatedDisk;
  readonly #bounds: Bounds;
  readonly #counts: Counts;
  /** Missing where the others begin with what Kimberlite left. */
  readonly #memory: MemoryStorage | undefined;
  #storage: Storage;
  #roomy: Storage;
  readonly #roomyDisk: SimulatedDisk;
  readonly #pipelines = new Map<bigint, AppendPipeline>();
  #logs: Logs = new Map();
  /** The streams that the engine has opened. */
  readonly #used = new Set<bigint>();
  readonly #proofs = new Map<bigint, Proof>();

  private constructor(
    bounds: Bounds,
    counts: Counts,
    disk: SimulatedDisk,
    storage: Storage,
    roomy: [SimulatedDisk, Storage],
    found: Leavings | undefined,
  ) {
    this.#bounds = bounds;
    this.#counts = counts;
    this.disk = disk;
    this.#storage = storage;
    const { checkpointEvery, format } = bounds;
    this.#memory =
      found === undefined
        ? new MemoryStorage({ checkpoints: { everyNRecords: checkpointEvery }, format })
        : undefined;
    if (found !== undefined) this.#logs = new Map([[FOUND_STREAM, logOf(found)]]);
    [this.#roomyDisk, this.#roomy] = roomy;
  }

  /** @param found what of stream 1 is there already, in a directory that Kimberlite left */
  static async open(bounds: Bounds, counts: Counts, found?: Leavings): Promise<Lockstep> {
    const disk = diskWith(bounds, found);
    const storage = await attempt(M1.answer, OPENS, () => openEngine(disk, bounds));
    const roomyDisk = diskWith(bounds, found);
    const roomy = await attempt(M1.answer, OPENS, () => openEngine(roomyDisk, roomyBounds(bounds)));
    return new Lockstep(bounds, counts, disk, storage, [roomyDisk, roomy], found);
  }

  /** The model now: while an operation is under way, with what it is about to add. */
  get logs(): Logs {
    return this.#logs;
  }

  /** What the index files of a stream must prove now. */
  proofOf(stream: bigint): Proof {
    return this.#proofs.get(stream) ?? NO_PROOF;
  }

  /**
   * Holds the index files of every stream against what they must prove; to be called after each operation.
   */
  checkProofs(): void {
    for (const stream of this.#used) {
      const files = filesIn(this.disk, streamPath(stream));
      // A stream that was found keeps its format.
      const { records, format } = this.#log(stream);
      const limits = { ...this.#bounds, format };
      checkProofs(files, records.length, this.proofOf(stream), limits, this.#counts);
    }
  }

  /** The engine under test. */
  get storage(): Storage {
    return this.#storage;
  }

  /** Runs one operation on all of them and compares what they answer. */
  perform(operation: Operation): Promise<void> {
    return attempt(M1.answer, `${operation.does} to succeed`, () => this.#perform(operation));
  }

  async #perform(operation: Operation): Promise<void> {
    switch (operation.does) {
      case "append":
      case "checkpoint":
      case "tombstone": {
        await this.#append(operation);
        return;
      }
      case "sync": {
        await Promise.all([this.#memory?.sync(operation.stream), this.#roomy.sync(operation.stream)]);
        await this.#storage.sync(operation.stream);
        this.#set(operation.stream, modelSync(this.#log(operation.stream)));
        return;
      }
      case "compact": {
        await this.#compact(operation.stream);
        return;
      }
      case "reopen": {
        await this.#roomy.close();
        this.#pipelines.clear();
        this.#roomy = await openEngine(this.#roomyDisk, roomyBounds(this.#bounds));
        await this.#storage.close();
        for (const [stream, log] of this.#logs)
          if (this.#used.has(stream)) await this.#checkForKimberlite(stream, log);
        this.#logs = new Map([...this.#logs].map(([stream, log]) => [stream, acknowledge(log, true)]));
        this.#storage = await openEngine(this.disk, this.#bounds);
        for (const [stream, log] of this.#logs) {
          await checkRecords(this.#storage, stream, log, D8.records, this.#counts);
          this.#used.add(stream);
          this.#prove(stream, log);
        }
        return;
      }
    }
  }

  /** Compaction makes everything durable, and changes nothing that is shown but what is hidden. */
  async #compact(stream: bigint): Promise<void> {
    const log = this.#log(stream);
    this.#used.add(stream);
    const refusal = refusesCompaction(log);
    const calls = [
      [K1.answer, () => this.#storage.compact(stream)],
      [K1.answer, () => this.#roomy.compact(stream, { compressOnCompact: true })],
    ] as const;
    for (const [check, ask] of calls) {
      const answered = await outcome(async () => {
        await ask();
        return "compacted";
      });
      observe(this.#counts, check, { expected: refusal ?? "compacted", answered });
    }
    if (refusal !== undefined) return;
    this.#set(stream, modelSync(log));
    for (const storage of [this.#storage, this.#roomy])
      await checkRecords(storage, stream, log, K1.records, this.#counts, waysOfReading(log));
    for (const disk of [this.disk, this.#roomyDisk]) checkErased(disk, streamPath(stream), log, this.#counts);
  }

  /** Everything that can be compared when nothing is under way. */
  compareAll(): Promise<void> {
    return attempt(M1.records, "what was written to be read", () => this.#compareAll());
  }

  async #compareAll(): Promise<void> {
    const answer = await outcome(async () => {
      await openEngine(this.disk, this.#bounds);
      return "opened";
    });
    observe(this.#counts, S1.second, { answer });
    for (const [stream, log] of this.#logs) {
      const counts = this.#counts;
      const ways = waysOfReading(log);
      await checkRecords(this.#storage, stream, log, M1.records, counts, ways);
      if (this.#memory !== undefined) await checkRecords(this.#memory, stream, log, M2.records, counts, ways);
      await checkRecords(this.#roomy, stream, log, H1.records, counts, ways);
      await checkLookUps(this.#storage, stream, log, counts);
      checkFiles(this.disk, streamPath(stream), log, counts);
      if (log.records.length > 0)
        checkKimberliteIndexes(this.disk, streamPath(stream), log.format, counts, { atRest: false });
    }
  }

  /** What Kimberlite would find in a stream that is closed. */
  async #checkForKimberlite(stream: bigint, log: ModelLog): Promise<void> {
    if (log.format === "plain" || log.records.length === 0) return;
    checkKimberliteIndexes(this.disk, streamPath(stream), log.format, this.#counts, { atRest: true });
    if (this.#bounds.compression === "none")
      await checkKimberliteReads(this.disk, streamPath(stream), log, this.#counts);
  }

  async #append(operation: Appending): Promise<void> {
    const { stream, fsync } = operation;
    const before = this.#log(stream);
    const { log: begun, refusal, payloads, call } = begin(before, operation, this.#bounds);
    if (operation.does === "append") {
      witnessed(this.#counts, AUTOMATIC_CHECKPOINT, {
        before: before.records.length,
        payloads: payloads.length,
        after: begun.records.length,
      });
    } else {
      // A pipeline is its stream's only writer; what comes from elsewhere ends it.
      this.#pipelines.delete(stream);
    }
    const isPiped = operation.does === "append" && operation.misplaced !== true;
    this.#used.add(stream);
    this.#set(stream, begun);
    const memory = this.#memory;
    const calls = [
      [M1.answer, () => call(this.#storage)],
      ...(memory === undefined ? [] : [[M2.answer, () => call(memory)] as const]),
      [H1.answer, () => (isPiped ? this.#pipeline(stream).append(payloads, { fsync }) : call(this.#roomy))],
    ] as const;
    for (const [check, ask] of calls) {
      const answered = await outcome(ask);
      const expected = refusal ?? resultText(before.records.length, begun);
      observe(this.#counts, check, { expected, answered });
    }
    witnessed(this.#counts, REFUSAL, { refusal });
    this.#set(stream, refusal === undefined ? acknowledge(begun, fsync) : fail(begun));
  }

  #pipeline(stream: bigint): AppendPipeline {
    let pipeline = this.#pipelines.get(stream);
    if (pipeline === undefined) {
      pipeline = new AppendPipeline(this.#roomy, stream);
      this.#pipelines.set(stream, pipeline);
    }
    return pipeline;
  }

  #log(stream: bigint): ModelLog {
    return this.#logs.get(stream) ?? emptyLog(this.#bounds.format);
  }

  #prove(stream: bigint, log: ModelLog): void {
    this.#proofs.set(stream, acknowledged(this.proofOf(stream), log));
  }

  #set(stream: bigint, log: ModelLog): void {
    this.#logs = new Map(this.#logs).set(stream, log);
    this.#prove(stream, log);
  }
}

/** A fresh disk, or one that holds what was found. */
function diskWith(bounds: Bounds, found: Leavings | undefined): SimulatedDisk {
  const disk = freshDisk(bounds);
  if (found === undefined) return disk;
  disk.makeDirectory(streamPath(FOUND_STREAM));
  disk.syncDirectory(DATA_PATH);
  for (const [name, bytes] of found.files) disk.store(`${streamPath(FOUND_STREAM)}/${name}`, bytes);
  return disk;
}

/** The model of what was found: all of it is on the medium. */
function logOf({ records }: Leavings): ModelLog {
  const shown = records.map((record) => ({ ...record, offset: record.offset as Offset }));
  return acknowledge({ ...emptyLog("sentinel"), records: shown }, true);
}

/** The same engine where nothing is ever full: other segments, another codec, same hashes. */
function roomyBounds(bounds: Bounds): Bounds {
  const compression = bounds.compression === "none" ? "lz4" : "none";
  return {
    ...bounds,
    compression,
    maxSegmentBytes: 1 << 20,
    indexLogMaxEntries: 1 << 20,
    readChunkBytes: 1 << 12,
  };
}
