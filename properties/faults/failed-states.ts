/**
 * Directories with a fault in stored bytes to come in which one call on an index file has failed: what it
 * left of the index files is what an engine that opens them has to go by when it meets the second fault.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import { callText, type DiskCall } from "../../fault-injection/disk-call.ts";
import { type StoredFaults, storedFaults } from "../../fault-injection/stored-faults.ts";
import type { Bounds } from "../bounds.ts";
import { runningEngines } from "../conversations/engines.ts";
import { freshDisk } from "../engine.ts";
import { Extreme } from "../../explore/extreme.ts";
import { emptyCounts } from "../tally.ts";
import { failuresOf, noteCalls, InjectedFailure } from "./call-sites.ts";
import { SingleEntryCache } from "./single-entry-cache.ts";
import { FaultyRun } from "./faulty-run.ts";
import { isOfIndex, type RunSetup, INDEX_WORKLOADS, setupOf } from "./index-workloads.ts";
import { historyOf, isSegment, stateOn, type StoredState, STREAM } from "./stored-states.ts";

/** Two fields of an index file, or a part of a hash. */
const STEP_BYTES = 16;

/** Chooses directories in which a call has failed; what the last choice came to is kept. */
export class FailedStates {
  readonly #noted = new SingleEntryCache<readonly DiskCall[]>();
  readonly #kept = new SingleEntryCache<StoredState>();

  /**
   * Chooses a workload that is made for index files, and which of its calls on them fails, and how. The
   * process is killed after its end.
   */
  async choose(bounds: Bounds, choice: Choice): Promise<StoredState> {
    const asked = `workload: ${INDEX_WORKLOADS.map(({ name }) => name).join(", ")}`;
    const made = INDEX_WORKLOADS[choice.choose(INDEX_WORKLOADS.length, asked)];
    if (made === undefined) throw new RangeError("There is no such workload.");
    const setup = setupOf(bounds, made);
    const key = JSON.stringify([setup.bounds, made]);
    const calls = await this.#noted.get(key, () => callsOf(setup));
    const places = [...calls.keys()].filter((i) => isOfIndex(calls[i]));
    const place = places[choice.choose(places.length, "which call fails, less one")];
    const call = place === undefined ? undefined : calls[place];
    if (place === undefined || call === undefined)
      throw new RangeError("A workload made no calls on index files.");
    const failures = failuresOf(call);
    const labels = failures.map(({ label }) => label).join(", ");
    const failure = failures[choice.choose(failures.length, `${callText(call)}: ${labels}`)];
    if (failure === undefined) throw new RangeError("A call cannot fail.");
    return this.#kept.get(JSON.stringify([key, place, failure]), () =>
      stateAfter(setup, new InjectedFailure(place + 1, failure)),
    );
  }
}

/** A run without a fault as yet. What a failed sync drops was not on the medium. */
function newRun({ bounds }: RunSetup): FaultyRun {
  const disk = freshDisk(bounds, new Extreme(1));
  return new FaultyRun(bounds, runningEngines(bounds), disk, emptyCounts());
}

async function callsOf(setup: RunSetup): Promise<readonly DiskCall[]> {
  const run = newRun(setup);
  const calls = noteCalls(run.disk);
  await run.work(setup.workload);
  return calls;
}

async function stateAfter(setup: RunSetup, injected: InjectedFailure): Promise<StoredState> {
  const { bounds, workload } = setup;
  const run = newRun(setup);
  const history = historyOf(run.disk);
  run.injected = injected;
  run.disk.onFault = injected.hook;
  await run.work(workload);
  const disk = run.disk.fork(new Extreme(1));
  disk.kill();
  const done = { bounds, workload, whole: run.logOf(STREAM), proof: run.proofOf(STREAM) };
  const atRest = stateOn(disk, done);
  return { ...atRest, storage: undefined, faults: someFaults(atRest, history) };
}

/**
 * A few places of segments and index files are damaged: each record at its beginning and at its end, an index
 * file in every other field.
 */
function someFaults(
  { bounds, files, places }: Pick<StoredState, "bounds" | "files" | "places">,
  history: ReadonlyMap<string, readonly Uint8Array[]>,
): StoredFaults {
  const damaged = new Map([...files].filter(([path]) => /\.(log|idx2?|wal)$/.test(path)));
  const bytes = new Map<string, number[]>();
  for (const [path, { length }] of damaged) {
    const fields = Array.from({ length: Math.ceil(length / STEP_BYTES) }, (_, i) => i * STEP_BYTES);
    bytes.set(path, isSegment(path) ? [] : fields);
  }
  for (const { file, start, end } of places) bytes.get(file)?.push(start, end - 1);
  return storedFaults(damaged, history, {
    sectorBytes: bounds.sectorBytes,
    kinds: ["missing", "cut", "lost", "flipped"],
    cuts: bytes,
    flips: new Map([...bytes].map(([path, all]) => [path, all.map((at) => 8 * at)])),
  });
}
