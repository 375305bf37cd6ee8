/**
 * How fast the check searches crashes on one core, and how many conversations between engine and disk were
 * heard before.
 *
 * `npm run bench:check -- [PROFILE] [FORMAT] [--every=N] [--no-memo]`, where every N-th unit is searched.
 * Node prints what it measured here.
 * @module
 */
import { performance } from "node:perf_hooks";
import { heardEngines, runningEngines } from "../properties/conversations/engines.ts";
import { ConversationTree } from "../properties/conversations/tree.ts";
import { searchCrashes, survey } from "../properties/crashes/survey.ts";
import { addCounts, emptyCounts } from "../properties/tally.ts";
import { asked } from "./arguments.ts";

const { bounds, every } = asked();
const tree = new ConversationTree();
const engines = process.argv.includes("--no-memo") ? runningEngines(bounds) : heardEngines(bounds, tree);
const began = performance.now();
const { units } = await survey(bounds);
const surveyed = performance.now();
const counts = emptyCounts();
const searched = units.filter((_, i) => i % every === 0);
for (const unit of searched) addCounts(counts, (await searchCrashes(bounds, unit, engines)).counts);
const seconds = (performance.now() - surveyed) / 1000;
const cpu = process.cpuUsage();
const { begun, ran } = tree;
console.log(
  `survey: ${((surveyed - began) / 1000).toFixed(1)} s; ${searched.length} of ${units.length} units`,
);
console.log(
  `${counts.cases.crashes} recoveries with probes in ${seconds.toFixed(1)} s: ${Math.round(counts.cases.crashes / seconds)} a second; CPU in all ${(cpu.user / 1e6).toFixed(1)} s`,
);
console.log(
  `${begun} conversations, of which ${ran} ran an engine: ${(100 * (1 - ran / begun)).toFixed(1)} % were heard before`,
);
