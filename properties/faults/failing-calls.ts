/**
 * Single failing calls: every call that a workload, its end and the recovery behind it make to the disk fails in every way, once and
 * from then on. Then the disk is repaired, the machine crashes, and a fresh engine must show what was promised.
 *
 * What the last crashes leave is searched in its two extremes, not in full: crashes without failing calls are (`crashes.ts`).
 * @module
 */
import type { Bounds } from "../bounds.ts";
import { callText, failuresOf, noteCalls, Strike } from "./call-sites.ts";
import { runningEngines } from "../conversations/engines.ts";
import { type Chosen, Odometer } from "../choices.ts";
import { Extreme } from "../extreme.ts";
import { freshDisk } from "../engine.ts";
import type { Part, Trace } from "../part.ts";
import { chooseWorkload } from "../crashes/walk.ts";

import { ENDINGS, Life } from "./life.ts";

export const FAILING_CALLS: Part = {
  cases: "failing calls",
  units: (bounds) => {
    const units: Chosen[][] = [];
    const workloads = new Odometer();
    do {
      workloads.begin();
      chooseWorkload(shortened(bounds), workloads);
      units.push(workloads.path());
    } while (workloads.advance());
    return units;
  },
  async run(bounds, choice, counts, trace, engines = runningEngines(bounds)) {
    const workload = chooseWorkload(shortened(bounds), choice);
    const ending = ENDINGS[choice.choose(ENDINGS.length, `the end: ${ENDINGS.join(", ")}`)] ?? "closed";
    const left = choice.choose(2, "what power failures leave: everything, nothing that was not synced");
    const extreme = new Extreme(left);
    const life = (follow: Trace): Life =>
      new Life(bounds, engines, freshDisk(bounds, extreme), counts, follow);
    const calls = await sitesOf(`${bounds.durability} ${workload.join()} ${ending} ${left}`, async () => {
      const plain = life(() => undefined);
      const noted = noteCalls(plain.disk);
      await plain.run(workload, ending);
      return noted;
    });
    const place = choice.choose(calls.length, "which call fails, less one");
    const call = calls[place];
    if (call === undefined) throw new RangeError("A workload made no calls.");
    const failures = failuresOf(call);
    const labels = failures.map(({ label }) => label).join(", ");
    const failure = failures[choice.choose(failures.length, `${callText(call)}: ${labels}`)];
    if (failure === undefined) throw new RangeError("A call cannot fail.");
    const struck = life(trace);
    struck.strike = new Strike(place + 1, failure, trace);
    struck.disk.onFault = struck.strike.hook;
    counts.cases["failing-calls"] += 1;
    await struck.run(workload, ending);
    await struck.aftermath();
  },
};

function shortened(bounds: Bounds): Bounds {
  return { ...bounds, length: bounds.faultLength };
}

/** The last answer, for the runs of one workload come one after the other. */
let noted: { readonly key: string; readonly calls: ReturnType<typeof noteCalls> } | undefined;

async function sitesOf(
  key: string,
  note: () => Promise<ReturnType<typeof noteCalls>>,
): Promise<ReturnType<typeof noteCalls>> {
  if (noted?.key !== key) noted = { key, calls: await note() };
  return noted.calls;
}
