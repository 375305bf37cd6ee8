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
import { failuresOf, noteCalls, Strike } from "./call-sites.ts";
import { runningEngines } from "../conversations/engines.ts";
import type { Chosen } from "../../explore/choice.ts";
import { Odometer } from "../../explore/odometer.ts";
import { Extreme } from "../../explore/extreme.ts";
import { freshDisk } from "../engine.ts";
import type { Part, Trace } from "../part.ts";
import { chooseWorkload } from "../crashes/walk.ts";
import { Last } from "./last.ts";
import { ENDINGS, Life } from "./life.ts";
import { isOfIndex, type Lived, MADE_LIVES, madeLife } from "./made-lives.ts";

export const FAILING_CALLS: Part = {
  cases: "failing calls",
  units: (bounds) => {
    const units: Chosen[][] = [];
    const lives = new Odometer();
    do {
      lives.begin();
      chooseLife(bounds, lives);
      units.push(lives.path());
    } while (lives.advance());
    return units;
  },
  async run(given, choice, counts, trace, heard = runningEngines(given)) {
    const { bounds, workload } = chooseLife(given, choice);
    // What was heard is of engines with the limits that were given.
    const engines = bounds === given ? heard : runningEngines(bounds);
    const ending = ENDINGS[choice.choose(ENDINGS.length, `the end: ${ENDINGS.join(", ")}`)] ?? "closed";
    const left = choice.choose(2, "what power failures leave: everything, nothing that was not synced");
    const extreme = new Extreme(left);
    const life = (follow: Trace): Life =>
      new Life(bounds, engines, freshDisk(bounds, extreme), counts, follow);
    const calls = await noted.get(
      `${JSON.stringify(bounds)} ${workload.join()} ${ending} ${left}`,
      async () => {
        const plain = life(() => undefined);
        const noted = noteCalls(plain.disk);
        await plain.run(workload, ending);
        return noted;
      },
    );
    // A workload of the bounds makes the other calls of a made life, too, and there they fail.
    const places = [...calls.keys()].filter((i) => bounds === given || isOfIndex(calls[i]));
    const place = places[choice.choose(places.length, "which call fails, less one")];
    const call = place === undefined ? undefined : calls[place];
    if (place === undefined || call === undefined) throw new RangeError("A workload made no calls.");
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

/** A workload of the bounds, or the one that is made for index files. */
function chooseLife(bounds: Bounds, choice: Choice): Lived {
  const asked = `life: of a workload, ${MADE_LIVES.map(({ name }) => name).join(", ")}`;
  const made = MADE_LIVES[choice.choose(MADE_LIVES.length + 1, asked) - 1];
  if (made !== undefined) return madeLife(bounds, made);
  return { bounds, workload: chooseWorkload({ ...bounds, length: bounds.faultLength }, choice) };
}

const noted = new Last<readonly DiskCall[]>();
