/**
 * How the search of crashes grows with its bounds: small bounds, upward, in CPU time of the process, as
 * others must not count; the least of three, where that does not take long.
 *
 * `npm run growth` writes `docs/growth.json`, and from it the tables and the plot of `docs/SCALE.md`; a
 * quarter of an hour, on one core.
 * @module
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { type Bounds, profileOf } from "../properties/bounds.ts";
import { growthPlot } from "./growth-plot.ts";
import { heardEngines } from "../properties/conversations/engines.ts";
import { ConversationTree } from "../properties/conversations/tree.ts";
import { searchCrashes, survey } from "../properties/crashes/survey.ts";
import { GROWTH_FILE, type Growth, type GrowthRow, type Series } from "../properties/documents/growth.ts";
import { addCounts } from "../properties/tally.ts";
import type { Format } from "../src/types.ts";

/** Bounds of one series differ in one thing; the others are those of the profile `quick`. */
interface Step {
  readonly series: Series;
  readonly format: Format;
  readonly value: number;
  readonly changed: Partial<Bounds>;
}

const quick = profileOf("quick");
const steps: Step[] = [];
for (const format of ["plain", "sentinel"] as const)
  for (const value of format === "plain" ? [1, 2, 3, 4] : [1, 2, 3])
    steps.push({ series: "length", format, value, changed: { length: value } });
for (const value of [2, 4, 6, 8])
  steps.push({
    series: "operations",
    format: "plain",
    value,
    changed: { operations: quick.operations.slice(0, value) },
  });
for (const value of [384, 192, 96, 48])
  steps.push({
    series: "sector bytes",
    format: "plain",
    value,
    changed: { length: 2, sectorBytes: value },
  });
for (const value of [0, 1, 2])
  steps.push({
    series: "crashes in recovery",
    format: "plain",
    value,
    changed: { length: 2, recoveryCrashes: value },
  });

/** What takes longer is not measured again. */
const AGAIN_SECONDS = 10;
const TIMES = 3;

async function measured(step: Step): Promise<GrowthRow> {
  let best = await once(step);
  for (let time = 1; time < TIMES && best.cpuSeconds < AGAIN_SECONDS; time += 1) {
    const again = await once(step);
    if (again.cpuSeconds < best.cpuSeconds) best = again;
  }
  return best;
}

async function once({ series, format, value, changed }: Step): Promise<GrowthRow> {
  const bounds: Bounds = { ...profileOf("quick", format), ...changed };
  const before = process.cpuUsage();
  const { units, counts, counterexample } = await survey(bounds);
  const tree = new ConversationTree();
  const engines = heardEngines(bounds, tree);
  const results = [{ counterexample }];
  for (const unit of units) {
    const result = await searchCrashes(bounds, unit, engines);
    addCounts(counts, result.counts);
    results.push(result);
  }
  const { user, system } = process.cpuUsage(before);
  if (counts.left > 0n || results.some((result) => result.counterexample !== undefined))
    throw new Error(`${series} ${value}, ${format}: something is violated, or states are left.`);
  return {
    series,
    format,
    value,
    workloads: counts.workloads,
    crashPoints: counts.crashPoints,
    states: counts.crashStates.toString(),
    recoveries: counts.cases.crashes,
    conversations: tree.begun,
    engineRuns: tree.ran,
    cpuSeconds: Number(((user + system) / 1e6).toFixed(2)),
  };
}

// What runs first is not compiled yet, and takes longer.
for (const format of ["plain", "sentinel"] as const)
  await measured({ series: "length", format, value: 1, changed: { length: 1 } });

const rows: GrowthRow[] = [];
for (const step of steps) {
  const row = await measured(step);
  console.log(
    `${row.series} ${row.value}, ${row.format}: ${row.recoveries} recoveries, ${row.cpuSeconds} s of CPU`,
  );
  rows.push(row);
}
const growth: Growth = { node: process.versions.node, processor: cpus()[0]?.model.trim() ?? "unknown", rows };
writeFileSync(GROWTH_FILE, `${JSON.stringify(growth, undefined, 2)}\n`);
writeFileSync("docs/growth.svg", await growthPlot(growth));
