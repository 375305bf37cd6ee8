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
import { failuresOf, noteCalls, Strike } from "./call-sites.ts";
import { Last } from "./last.ts";
import { Life } from "./life.ts";
import { isOfIndex, type Lived, MADE_LIVES, madeLife } from "./made-lives.ts";
import { historyOf, isSegment, stateOn, type StoredState, STREAM } from "./stored-states.ts";

/** Two fields of an index file, or a part of a hash. */
const STEP_BYTES = 16;

/**
 * Chooses a life that is made for index files and which of its calls on them fails, and how. The process is
 * killed after its end.
 */
export async function chooseFailedState(bounds: Bounds, choice: Choice): Promise<StoredState> {
  const asked = `life: ${MADE_LIVES.map(({ name }) => name).join(", ")}`;
  const made = MADE_LIVES[choice.choose(MADE_LIVES.length, asked)];
  if (made === undefined) throw new RangeError("There is no such life.");
  const lived = madeLife(bounds, made);
  const key = JSON.stringify([lived.bounds, made]);
  const calls = await noted.get(key, () => callsOf(lived));
  const places = [...calls.keys()].filter((i) => isOfIndex(calls[i]));
  const place = places[choice.choose(places.length, "which call fails, less one")];
  const call = place === undefined ? undefined : calls[place];
  if (place === undefined || call === undefined) throw new RangeError("A life made no calls on index files.");
  const failures = failuresOf(call);
  const labels = failures.map(({ label }) => label).join(", ");
  const failure = failures[choice.choose(failures.length, `${callText(call)}: ${labels}`)];
  if (failure === undefined) throw new RangeError("A call cannot fail.");
  return kept.get(JSON.stringify([key, place, failure]), () =>
    stateAfter(lived, new Strike(place + 1, failure, () => undefined)),
  );
}

const noted = new Last<readonly DiskCall[]>();
const kept = new Last<StoredState>();

/** A life that nothing has befallen yet. What a failed sync drops was not on the medium. */
function lifeOf({ bounds }: Lived): Life {
  const disk = freshDisk(bounds, new Extreme(1));
  return new Life(bounds, runningEngines(bounds), disk, emptyCounts(), () => undefined);
}

async function callsOf(lived: Lived): Promise<readonly DiskCall[]> {
  const life = lifeOf(lived);
  const calls = noteCalls(life.disk);
  await life.work(lived.workload);
  return calls;
}

async function stateAfter(lived: Lived, strike: Strike): Promise<StoredState> {
  const { bounds, workload } = lived;
  const life = lifeOf(lived);
  const history = historyOf(life.disk);
  life.strike = strike;
  life.disk.onFault = strike.hook;
  await life.work(workload);
  const disk = life.disk.fork(new Extreme(1));
  disk.kill();
  const done = { bounds, workload, whole: life.logOf(STREAM), proof: life.proofOf(STREAM) };
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
