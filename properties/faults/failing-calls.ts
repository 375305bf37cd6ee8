/**
 * Single failing calls: every call that a workload, its end and the recovery behind it make to the disk fails
 * in every way, once and from then on. Then the disk is repaired, the machine crashes, and a fresh engine
 * must show what was promised.
 *
 * What the last crashes leave is searched in its two extremes, not in full: crashes without failing calls are
 * (`crashes/survey.ts`).
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import { callText, type DiskCall } from "../../fault-injection/disk-call.ts";
import type { Bounds } from "../bounds.ts";
import { failuresOf, noteCalls, InjectedFailure } from "./call-sites.ts";
import { type Engines, runningEngines } from "../conversations/engines.ts";
import type { Chosen } from "../../explore/choice.ts";
import { Odometer } from "../../explore/odometer.ts";
import { Extreme } from "../../explore/extreme.ts";
import { freshDisk } from "../engine.ts";
import type { Part, Trace } from "../part.ts";
import { chooseWorkload } from "../crashes/walk.ts";
import type { Counts } from "../tally.ts";
import { SingleEntryCache } from "./single-entry-cache.ts";
import { ENDINGS, FaultyRun } from "./faulty-run.ts";
import { isOfIndex, type RunSetup, INDEX_WORKLOADS, setupOf } from "./index-workloads.ts";

export const FAILING_CALLS: Part = {
  cases: "failing calls",
  units: (bounds) => {
    const units: Chosen[][] = [];
    const setups = new Odometer();
    do {
      setups.begin();
      chooseSetup(bounds, setups);
      units.push(setups.path());
    } while (setups.advance());
    return units;
  },
  runner: () => {
    const runs = new FailingCalls();
    return (...run) => runs.run(...run);
  },
};

/** Runs with a failing call; those of one workload share the list of its calls. */
class FailingCalls {
  readonly #noted = new SingleEntryCache<readonly DiskCall[]>();

  async run(
    given: Bounds,
    choice: Choice,
    counts: Counts,
    trace: Trace | undefined,
    heard: Engines = runningEngines(given),
  ): Promise<void> {
    const { bounds, workload, failsHere } = chooseSetup(given, choice);
    // What was heard is of engines with the limits that were given.
    const engines = bounds === given ? heard : runningEngines(bounds);
    const ending = ENDINGS[choice.choose(ENDINGS.length, `the end: ${ENDINGS.join(", ")}`)] ?? "closed";
    const left = choice.choose(2, "what power failures leave: everything, nothing that was not synced");
    const extreme = new Extreme(left);
    const newRun = (follow?: Trace): FaultyRun =>
      new FaultyRun(bounds, engines, freshDisk(bounds, extreme), counts, follow);
    const calls = await this.#noted.get(
      `${JSON.stringify(bounds)} ${workload.join()} ${ending} ${left}`,
      async () => {
        const plain = newRun();
        const noted = noteCalls(plain.disk);
        await plain.run(workload, ending);
        return noted;
      },
    );
    const places = [...calls.keys()].filter((i) => failsHere(calls, i));
    const place = places[choice.choose(places.length, "which call fails, less one")];
    const call = place === undefined ? undefined : calls[place];
    if (place === undefined || call === undefined) throw new RangeError("A workload made no calls.");
    const failures = failuresOf(call);
    const labels = failures.map(({ label }) => label).join(", ");
    const failure = failures[choice.choose(failures.length, `${callText(call)}: ${labels}`)];
    if (failure === undefined) throw new RangeError("A call cannot fail.");
    const faulty = newRun(trace);
    faulty.injected = new InjectedFailure(place + 1, failure, trace);
    faulty.disk.onFault = faulty.injected.hook;
    counts.cases["failing-calls"] += 1;
    await faulty.run(workload, ending);
    await faulty.aftermath();
  }
}

/** A workload, and which of the calls that it makes are to fail. */
interface FailingSetup extends RunSetup {
  readonly failsHere: (calls: readonly DiskCall[], place: number) => boolean;
}

/** Compactions. Calls before they begin fail in other workloads. */
const COMPACTIONS: readonly (Omit<FailingSetup, "bounds"> & { readonly name: string })[] = [
  {
    // The segment that appends went to is sealed first, as the second one begins.
    name: "a compaction",
    workload: ["append+sync", "tombstone", "compact"],
    failsHere: (calls, place) => place >= calls.findIndex(({ path }) => path.includes("segment_000001")),
  },
  {
    name: "a compaction that merges",
    workload: ["secret", "append+sync", "hide", "compact"],
    failsHere: (calls, place) => place >= calls.findIndex(({ path }) => path.includes("segment_000000-")),
  },
];

/** A workload of the bounds, one that is made for index files, or a compaction. */
function chooseSetup(bounds: Bounds, choice: Choice): FailingSetup {
  const names = INDEX_WORKLOADS.map(({ name }) => name);
  // The format sentinel refuses compaction.
  if (bounds.compactionLength > 0) names.push(...COMPACTIONS.map(({ name }) => name));
  const asked = `workload: of the bounds, ${names.join(", ")}`;
  const place = choice.choose(names.length + 1, asked);
  const made = INDEX_WORKLOADS[place - 1];
  // A workload of the bounds makes the other calls that is made for index files, too, and there they fail.
  if (made !== undefined) return { ...setupOf(bounds, made), failsHere: (calls, i) => isOfIndex(calls[i]) };
  const compaction = COMPACTIONS[place - 1 - INDEX_WORKLOADS.length];
  if (compaction !== undefined) return { bounds, ...compaction };
  const workload = chooseWorkload({ ...bounds, length: bounds.faultLength }, choice);
  return { bounds, workload, failsHere: () => true };
}
