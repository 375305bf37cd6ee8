/**
 * The engine in directories that Kimberlite left: each is opened and gone on with, engine beside model; and
 * crashed at every moment of that, recovered from whatever the crash may have left, and appended to. So what
 * recovery makes of Kimberlite's hints is checked under crashes, too.
 *
 * Within bounds: an append, or a close and an opening; recovery itself is not crashed. Not here: directories
 * whose manifest counts more than the log holds, of which the engine says that their end is lost, and torn
 * manifests, which it reports.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import type { Bounds } from "../bounds.ts";
import { showModel } from "../comparison.ts";
import { ASKED, whenText } from "../crashes/points.ts";
import { probe } from "../crashes/probe.ts";
import { Recovery } from "../crashes/recovery.ts";
import { runWorkload } from "../crashes/walk.ts";
import { Extreme } from "../../explore/extreme.ts";
import type { OperationName } from "../operations.ts";
import { type Engines, runningEngines } from "../conversations/engines.ts";
import { answersTo, type Part, type Trace } from "../part.ts";
import type { Counts } from "../tally.ts";
import { LEAVINGS } from "./leavings.ts";

const OPERATIONS = ["append+sync", "reopen"] as const satisfies readonly OperationName[];
/** Nothing that was not synced survives the last crash; the first one leaves all that it may. */
const LAST_CRASH = 1;
const FOUND = `Kimberlite left: ${LEAVINGS.map(({ name }) => name).join(", ")}`;

export const KIMBERLITE: Part = {
  cases: "runs in directories that Kimberlite left",
  units: ({ format }) => (format === "sentinel" ? answersTo(FOUND, LEAVINGS.length) : []),
  runner: () => run,
};

async function run(
  bounds: Bounds,
  choice: Choice,
  counts: Counts,
  trace: Trace | undefined,
  engines: Engines = runningEngines(bounds),
): Promise<void> {
  const found = LEAVINGS[choice.choose(LEAVINGS.length, FOUND)];
  const operation = OPERATIONS[choice.choose(OPERATIONS.length, `operation: ${OPERATIONS.join(", ")}`)];
  if (found === undefined || operation === undefined) throw new RangeError("Kimberlite left nothing.");
  counts.cases.kimberlite += 1;
  trace?.(`-- Kimberlite left: ${found.name}`);
  const points = await runWorkload(bounds, [operation], counts, trace, found);
  const point = points[choice.choose(points.length + 1, ASKED.crash) - 1];
  if (point === undefined) return;
  const recovery = new Recovery(point, choice, engines, counts, () => false);
  trace?.(`-- back to the moment of the crash: ${whenText(point)}; recovery`, point.disk, recovery.disk);
  trace?.(showModel(point.logs));
  await recovery.run(trace);
  await probe(recovery, new Extreme(LAST_CRASH), bounds, engines, counts, trace);
}
