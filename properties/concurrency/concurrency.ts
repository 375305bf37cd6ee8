/**
 * Calls made together: none waits for the one before. Whatever they meet in, each must answer as if they had
 * been made one after the other, in the order of the calls, and a read must show the stream as it was between
 * two of them.
 *
 * Within bounds: every sequence of up to three calls on one stream, new or with records, of each backend; on
 * a disk that answers at once and on one that answers later. Not tried: every order in which the answers of a
 * disk may come.
 * @module
 */
import { callText } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { acknowledge, append, checkpoint, emptyLog, type ModelLog, refuses } from "../../model/log.ts";
import { AppendPipeline, MemoryStorage, type StorageBackend } from "../../src/index.ts";
import { outcome, resultText } from "../answers.ts";
import type { Bounds } from "../bounds.ts";
import type { Choice } from "../../explore/choice.ts";
import { checkFiles, checkRecords } from "../comparison.ts";
import { freshDisk, openEngine, streamPath } from "../engine.ts";
import { L1 } from "../invariants/conformance.ts";
import { RACED_APPEND_REFUSED } from "../invariants/witnesses.ts";
import { answersTo, type Part, type Trace } from "../part.ts";
import { attempt, type Counts, observe, witnessed } from "../tally.ts";
import { laterDisk } from "./later-disk.ts";

const STREAM = 1n;
const CALLS_MAX = 3;
const ALL = Number.MAX_SAFE_INTEGER;
/**
 * Records that are there before: the first of three calls then makes a checkpoint due, with the profiles'
 * policy.
 */
const BEFORE = [0, 2] as const;

const BACKENDS = ["storage", "storage, the disk answers later", "memory", "pipeline"] as const;
type Backend = (typeof BACKENDS)[number];

/**
 * `append` expects nothing; `at the end`, the end as it was before all these calls; `chained`, the end as it
 * is after the calls before, two records.
 */
const CALLS = ["append", "at the end", "chained", "checkpoint", "read", "head", "sync", "close"] as const;
type Call = (typeof CALLS)[number];
/** A pipeline sets the expectation itself, and is its stream's only writer. */
const PIPELINE_CALLS = ["append", "chained", "read", "head", "sync"] as const satisfies readonly Call[];

/** What is called, and what the model says of it. */
interface Step {
  readonly call: Call;
  readonly payloads: readonly Uint8Array[];
  readonly expectedOffset: bigint | undefined;
  /** What a writing call must answer; of others undefined. */
  readonly answer: string | undefined;
}

const BACKEND = "backend, by number";

export const CONCURRENCY: Part = {
  cases: "sequences of calls made together",
  units: () => answersTo(BACKEND, BACKENDS.length),
  runner: () => run,
};

async function run(bounds: Bounds, choice: Choice, counts: Counts, trace: Trace | undefined): Promise<void> {
  const backend = BACKENDS[choice.choose(BACKENDS.length, BACKEND)] ?? "storage";
  const before = BEFORE[choice.choose(BEFORE.length, `records before: ${BEFORE.join(", ")}`)] ?? 0;
  const calls = chooseCalls(backend, choice);
  trace?.(`-- ${backend}, ${before} records; together: ${calls.join(", ")}`);
  counts.cases.concurrency += 1;
  await new Together(bounds, counts, backend).run(before, calls);
}

function chooseCalls(backend: Backend, choice: Choice): Call[] {
  const names: readonly Call[] = backend === "pipeline" ? PIPELINE_CALLS : CALLS;
  const length = choice.choose(CALLS_MAX, "calls, less one") + 1;
  return Array.from(
    { length },
    (_, i) => names[choice.choose(names.length, `call ${i + 1}: ${names.join(", ")}`)] ?? "append",
  );
}

class Together {
  readonly #bounds: Bounds;
  readonly #counts: Counts;
  readonly #backend: Backend;
  readonly #disk: SimulatedDisk;
  /** Changes to the disk after the storage said that it is closed. */
  readonly #late: string[] = [];

  constructor(bounds: Bounds, counts: Counts, backend: Backend) {
    this.#bounds = bounds;
    this.#counts = counts;
    this.#backend = backend;
    this.#disk = freshDisk(bounds);
  }

  async run(before: number, calls: readonly Call[]): Promise<void> {
    const storage = await this.#open();
    let log = emptyLog(this.#bounds.format);
    for (let i = 0; i < before; i += 1) {
      log = this.#appended(log, [payloadOf(i)]);
      await storage.appendBatch(STREAM, [payloadOf(i)]);
    }
    const { steps, states } = this.#expected(log, calls);
    const last = states.at(-1) ?? log;
    const pipeline = new AppendPipeline(storage, STREAM);
    const answers = steps.map((step) => this.#make(storage, pipeline, step, states));
    await Promise.all(answers);
    witnessed(this.#counts, RACED_APPEND_REFUSED, { answers: steps.map(({ answer }) => answer) });
    this.#disk.onChange = undefined;
    observe(this.#counts, L1.late, { backend: this.#backend, changes: this.#late });
    const isClosed = calls.includes("close");
    if (isClosed && this.#backend === "memory") return;
    const now = isClosed ? await openEngine(this.#disk, this.#bounds) : storage;
    await checkRecords(now, STREAM, last, L1.records, this.#counts);
    if (this.#backend !== "memory") checkFiles(this.#disk, streamPath(STREAM), last, this.#counts);
    await now.close();
  }

  async #open(): Promise<StorageBackend> {
    if (this.#backend !== "memory") {
      const isLater = this.#backend === "storage, the disk answers later";
      return openEngine(isLater ? laterDisk(this.#disk) : this.#disk, this.#bounds);
    }
    const { checkpointEvery, format } = this.#bounds;
    return new MemoryStorage({ checkpoints: { everyNRecords: checkpointEvery }, format });
  }

  #appended(log: ModelLog, payloads: readonly Uint8Array[]): ModelLog {
    return acknowledge(append(log, payloads, { everyNRecords: this.#bounds.checkpointEvery }), true);
  }

  /** What the calls come to one after the other, and the states between them. */
  #expected(before: ModelLog, calls: readonly Call[]): { steps: Step[]; states: ModelLog[] } {
    const states = [before];
    let log = before;
    let isClosed = false;
    const steps = calls.map((call, i): Step => {
      const payloads = [payloadOf(100 + i), payloadOf(200 + i)].slice(0, call === "chained" ? 2 : 1);
      const expectedOffset = expectationOf(call, before, log);
      const isWrite = ["append", "at the end", "chained", "checkpoint"].includes(call);
      const request = call === "checkpoint" ? call : { payloads, expectedOffset };
      const refusal = isClosed ? "closed" : isWrite ? refuses(log, request) : undefined;
      isClosed ||= call === "close";
      if (refusal !== undefined || !isWrite) return { call, payloads, expectedOffset, answer: refusal };
      const first = log.records.length;
      log = call === "checkpoint" ? acknowledge(checkpoint(log), true) : this.#appended(log, payloads);
      states.push(log);
      return { call, payloads, expectedOffset, answer: resultText(first, log) };
    });
    return { steps, states };
  }

  /** Makes a call, and holds what it answers against the model. */
  async #make(
    storage: StorageBackend,
    pipeline: AppendPipeline,
    { call, payloads, expectedOffset, answer }: Step,
    states: readonly ModelLog[],
  ): Promise<void> {
    if (answer === undefined || answer === "closed") {
      await this.#makeOther(storage, call, answer, states);
      return;
    }
    const answered = await outcome(() => {
      if (this.#backend === "pipeline") return pipeline.append(payloads);
      if (call === "checkpoint") return storage.appendCheckpoint(STREAM, { fsync: false });
      const options = expectedOffset === undefined ? { fsync: false } : { expectedOffset };
      return storage.appendBatch(STREAM, payloads, options);
    });
    observe(this.#counts, L1.answer, { backend: this.#backend, call, expected: answer, answered });
  }

  async #makeOther(
    storage: StorageBackend,
    call: Call,
    refusal: string | undefined,
    states: readonly ModelLog[],
  ): Promise<void> {
    if (refusal !== undefined) {
      const answered = await outcome(() => this.#refused(storage, call));
      // Closing twice is no mistake.
      const expected = call === "close" ? "done" : refusal;
      observe(this.#counts, L1.answer, { backend: this.#backend, call, expected, answered });
      return;
    }
    if (call === "close") {
      await attempt(L1.answer, "the storage to close", () => storage.close());
      this.#disk.onChange = (change) => {
        this.#late.push(callText(change));
      };
    } else if (call === "sync") {
      await attempt(L1.answer, "a sync to succeed", () => storage.sync(STREAM));
    } else if (call === "head") {
      const { nextOffset, head } = await attempt(L1.head, "the head", () => storage.head(STREAM));
      observe(this.#counts, L1.head, { backend: this.#backend, states, nextOffset, head });
    } else {
      const shown = await attempt(L1.read, "a read to succeed", () =>
        storage.readRecords(STREAM, 0n, ALL, { verify: "genesis" }),
      );
      observe(this.#counts, L1.read, { backend: this.#backend, states, shown });
    }
  }

  /** A call on a storage that is closed or about to be. */
  async #refused(storage: StorageBackend, call: Call): Promise<string> {
    if (call === "checkpoint") await storage.appendCheckpoint(STREAM);
    else if (call === "read") await storage.readFrom(STREAM, 0n, ALL);
    else if (call === "head") await storage.head(STREAM);
    else if (call === "sync") await storage.sync(STREAM);
    else if (call === "close") await storage.close();
    else await storage.appendBatch(STREAM, [payloadOf(0)]);
    return "done";
  }
}

/**
 * The offset that a call expects: the end before all of them, or the end after those that were made before
 * it.
 */
function expectationOf(call: Call, before: ModelLog, now: ModelLog): bigint | undefined {
  if (call === "at the end") return BigInt(before.records.length);
  return call === "chained" ? BigInt(now.records.length) : undefined;
}

/** What is appended is distinct. */
function payloadOf(number: number): Uint8Array {
  return Uint8Array.of(number);
}
