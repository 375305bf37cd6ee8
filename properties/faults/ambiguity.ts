/**
 * Crash or corruption? Two histories can leave the same bytes: in one a record was being written when the
 * power failed and one of its sectors was lost; in the other it was acknowledged as durable, and then a bit
 * flipped in it. What a log must do differs: forget the record silently, or report damage. This exhibits the
 * ambiguity in the standard mode, and shows that the strict mode has none.
 *
 * Within bounds: every sequence of up to two operations, each moment at which the power may fail, each
 * directory that it may leave; every bit of every record that was promised to be durable. The payload is made
 * for the purpose: one of its sectors has a single bit that is not zero. Source: Alagappan et al.,
 * "Protocol-Aware Recovery for Consensus-Based Storage", FAST '18, appendix A.
 * @module
 */
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { acknowledge, append, emptyLog, type ModelLog, sync as modelSync } from "../../model/log.ts";
import type { Durability, Storage } from "../../src/index.ts";
import type { Bounds } from "../bounds.ts";
import type { Choice } from "../../explore/choice.ts";
import { Odometer } from "../../explore/odometer.ts";
import { CrashPoints } from "../crashes/points.ts";
import { DATA_PATH, freshDisk, openEngine } from "../engine.ts";
import { answersTo, type Part, type Trace } from "../part.ts";
import { CRASH_OR_ROT } from "../invariants/witnesses.ts";
import { M1 } from "../invariants/conformance.ts";
import { C5 } from "../invariants/corruption.ts";
import { attempt, type Counts, observe, witnessed } from "../tally.ts";

const DURABILITIES: readonly Durability[] = ["standard", "strict"];
const MODE = `durability: ${DURABILITIES.join(", ")}`;
const SECTOR_BYTES = 40;
const RECORD_OVERHEAD_BYTES = { plain: 48, sentinel: 58 };
/** The third sector of the first record: zeros, and one bit. */
const PAYLOAD: Uint8Array = new Uint8Array(100).fill(1, 50, 51);
const SEGMENT = `${DATA_PATH}/1/segment_000000.log`;

const STEPS = ["append", "append+sync", "sync"] as const;
type Step = (typeof STEPS)[number];
const LENGTH_MAX = 2;

/**
 * What a power failure may leave: the segment's bytes, and at least how many records had been promised to be
 * durable then.
 */
interface Remains {
  readonly segment: Uint8Array;
  readonly promised: number;
}

export const AMBIGUITY: Part = {
  cases: "pairs of histories that leave the same index, told apart by the records' bytes",
  units: () => answersTo(MODE, DURABILITIES.length),
  runner: () => run,
};

async function run(bounds: Bounds, choice: Choice, counts: Counts, trace: Trace | undefined): Promise<void> {
  const durability = DURABILITIES[choice.choose(DURABILITIES.length, MODE)] ?? "standard";
  const left = await attempt(M1.answer, "every workload to run", () =>
    everythingLeft({ ...bounds, durability }),
  );
  for (const [surroundings, remains] of left) {
    compare({ ...bounds, durability }, surroundings, remains, counts, trace);
  }
}

/** Holds the histories that leave equal files besides the segment against each other. */
function compare(
  { durability, format }: Bounds,
  surroundings: string,
  remains: readonly Remains[],
  counts: Counts,
  trace: Trace | undefined,
): void {
  const recordBytes = RECORD_OVERHEAD_BYTES[format] + PAYLOAD.length;
  for (const rotten of remains) {
    for (let record = 0; record < rotten.promised; record += 1) {
      for (const torn of remains) {
        if (torn.promised > record) continue;
        counts.cases.ambiguity += 1;
        const bit = onlyDifferentBit(rotten.segment, torn.segment);
        const ambiguous = bit !== undefined && Math.floor(bit / 8 / recordBytes) === record;
        if (ambiguous) trace?.(`bit ${bit} of the segment: torn or rotten; the other files: ${surroundings}`);
        witnessed(counts, CRASH_OR_ROT, { durability, isAmbiguous: ambiguous });
        if (durability === "standard") continue;
        observe(counts, C5.difference, { record, isAmbiguous: ambiguous, bit, surroundings });
      }
    }
  }
}

/** The bit in which two files differ, if it is the only one. */
function onlyDifferentBit(a: Uint8Array, b: Uint8Array): number | undefined {
  if (a.length !== b.length) return undefined;
  let found: number | undefined;
  for (let i = 0; i < a.length; i += 1) {
    const difference = (a[i] ?? 0) ^ (b[i] ?? 0);
    if (difference === 0) continue;
    if (found !== undefined || (difference & (difference - 1)) !== 0) return undefined;
    found = 8 * i + Math.log2(difference);
  }
  return found;
}

/** All that power failures can leave, by what the other files are. */
async function everythingLeft(bounds: Bounds): Promise<Map<string, Remains[]>> {
  const left = new Map<string, Map<string, Remains>>();
  const workloads = new Odometer();
  do {
    workloads.begin();
    const length = workloads.choose(LENGTH_MAX, "operations, less one") + 1;
    const steps = Array.from(
      { length },
      (_, i): Step => STEPS[workloads.choose(STEPS.length, `operation ${i}`)] ?? "sync",
    );
    for (const { disk, promised } of await powerFailures(bounds, steps)) collect(disk, promised, left);
  } while (workloads.advance());
  return new Map([...left].map(([surroundings, remains]) => [surroundings, [...remains.values()]]));
}

/** Every directory that a power failure leaves. */
function collect(disk: SimulatedDisk, promised: number, left: Map<string, Map<string, Remains>>): void {
  const decisions = new Odometer();
  do {
    decisions.begin();
    const crashed = disk.fork(decisions);
    crashed.crash();
    const files = crashed.files();
    const segment = files.get(SEGMENT);
    if (segment === undefined) continue;
    files.delete(SEGMENT);
    const surroundings = [...files]
      .map(([path, bytes]) => `${path} ${Buffer.from(bytes).toString("latin1")}`)
      .join("\n");
    const content = Buffer.from(segment).toString("latin1");
    const group = left.get(surroundings) ?? new Map<string, Remains>();
    left.set(surroundings, group.set(`${promised} ${content}`, { segment, promised }));
  } while (decisions.advance());
}

async function powerFailures(
  bounds: Bounds,
  steps: readonly Step[],
): Promise<{ disk: SimulatedDisk; promised: number }[]> {
  const roomy = {
    ...bounds,
    sectorBytes: SECTOR_BYTES,
    maxSegmentBytes: 1 << 20,
    indexLogMaxEntries: 1 << 20,
    checkpointEvery: 0,
  };
  const disk = freshDisk(roomy);
  const storage = await openEngine(disk, roomy);
  let log = emptyLog(bounds.format);
  const points = new CrashPoints(disk, () => new Map([[1n, log]]));
  points.watch(() => undefined);
  for (const step of steps) log = await take(storage, log, step);
  points.end("the last operation");
  return points.kept
    .filter(({ kind }) => kind === "power")
    .map((point) => ({ disk: point.disk, promised: point.logs.get(1n)?.durable ?? 0 }));
}

async function take(storage: Storage, log: ModelLog, step: Step): Promise<ModelLog> {
  if (step === "sync") {
    await storage.sync(1n);
    return modelSync(log);
  }
  const fsync = step === "append+sync";
  await storage.appendBatch(1n, [PAYLOAD], { fsync });
  return acknowledge(append(log, [PAYLOAD], { everyNRecords: 0 }), fsync);
}
