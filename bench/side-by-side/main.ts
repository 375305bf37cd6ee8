/**
 * `npm run bench`: the engine side by side with the floor and with what people would pick instead.
 *
 * Tables go to standard output, progress to standard error. `docs/PERFORMANCE.md` is written from the JSON.
 * @module
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { CommanderError } from "commander";
import { Output } from "../../cli/output.ts";
import { progress } from "../../cli/progress.ts";
import { stopping } from "../../cli/stopping.ts";
import { coloured } from "../../cli/text.ts";
import type { Measurement, PerformanceRun } from "../../properties/documents/performance.ts";
import { CHAPTERS, cpuTable, speedTable } from "../../properties/documents/performance-tables.ts";
import { RunningContestant } from "./contestants.ts";
import { type ContestantName, OWN_NAMES } from "./contestants/list.ts";
import { performanceJson } from "./json.ts";
import { machineOf } from "./machine.ts";
import { type BenchOptions, benchOptions } from "./options.ts";
import { INSTALLING, isInstalled, PEER_NAMES } from "./peers.ts";
import { casesOf, FULL, QUICK, takesPart } from "./plan.ts";
import { plotOf } from "./plots.ts";
import { type LogFor, takeTurns } from "./turns.ts";

const WRONG = 2;

try {
  process.exitCode = await bench(benchOptions(process.argv.slice(2)));
} catch (error) {
  const isUsage = error instanceof CommanderError;
  if (!isUsage) console.error(error instanceof Error ? error.message : error);
  process.exitCode = isUsage && error.exitCode === 0 ? 0 : WRONG;
}

/** @returns the exit status */
async function bench(options: BenchOptions): Promise<number> {
  const began = performance.now();
  refuseUnwritable(options);
  const directory = mkdtempSync(path.join(options.directory, "bench-"));
  const contestants: RunningContestant[] = [];
  const watched = stopping(undefined);
  try {
    for (const name of namesFor(options)) contestants.push(await RunningContestant.start(name));
    const machine = machineOf(directory);
    let measurements: readonly Measurement[] = [];
    try {
      measurements = await measureAll(options, contestants, directory, () => watched.signal.aborted);
    } catch (error) {
      // A signal from the keyboard ends the contestants, too.
      if (!watched.signal.aborted) throw error;
    }
    const stop = watched.stop();
    if (stop !== undefined) {
      console.error(`Nothing is written: ${stop.sentence}.`);
      return stop.status ?? WRONG;
    }
    const run: PerformanceRun = {
      command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
      minutes: Math.round((performance.now() - began) / 6000) / 10,
      machine,
      extent: options.quick ? QUICK : FULL,
      contestants: contestants.map(({ about }) => about),
      measurements,
    };
    await write(options, run);
    return 0;
  } finally {
    watched.end();
    for (const contestant of contestants) contestant.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Finds out at the beginning what would be noticed at the end. @throws Error */
function refuseUnwritable({ json, plots }: BenchOptions): void {
  if (json !== undefined) closeSync(openSync(json, "a"));
  if (plots !== undefined) mkdirSync(plots, { recursive: true });
}

/** Who takes part; says who does not. */
function namesFor({ quick }: BenchOptions): ContestantName[] {
  const peers = quick ? [] : PEER_NAMES.filter(isInstalled);
  const absent = PEER_NAMES.filter((name) => !peers.includes(name));
  if (quick) console.error("Peers do not take part with --quick.");
  else if (absent.length > 0)
    console.error(`Not installed, and left out: ${absent.join(", ")}. This installs them: ${INSTALLING}`);
  return [...OWN_NAMES, ...peers];
}

async function measureAll(
  { quick, only }: BenchOptions,
  contestants: readonly RunningContestant[],
  directory: string,
  isStopped: () => boolean,
): Promise<Measurement[]> {
  const extent = quick ? QUICK : FULL;
  const output = new Output();
  const measurements: Measurement[] = [];
  const logFor = logsIn(path.join(directory, "logs"));
  for (const question of only) {
    const cases = casesOf(question, extent);
    const title = CHAPTERS[question].title;
    const shown = progress(question, cases.length);
    for (const [i, one] of cases.entries()) {
      shown.at(i, one.variant);
      const taking = contestants.filter(({ about }) => takesPart(question, about));
      // Code that runs for the first time is not compiled yet.
      const warmUpMs = i === 0 ? extent.warmUpMs : extent.pieceMs;
      measurements.push(...(await takeTurns(one, taking, extent, warmUpMs, directory, logFor, isStopped)));
    }
    shown.stop();
    if (isStopped()) return [];
    output.line(`${coloured("green", title)}, and times the floor's speed: median; quartiles\n`);
    output.line(speedTable(measurements, question));
    output.line(`CPU time\n`);
    output.line(cpuTable(measurements, question));
  }
  return measurements;
}

/** Fills logs in a directory, each once. */
function logsIn(directory: string): LogFor {
  const filled = new Set<string>();
  return async (contestant, payloadBytes, records) => {
    const log = path.join(directory, contestant.about.name, `${records}-of-${payloadBytes}`);
    if (!filled.has(log)) await contestant.fill({ directory: log, payloadBytes, records });
    filled.add(log);
    return log;
  };
}

async function write({ json, plots, only }: BenchOptions, run: PerformanceRun): Promise<void> {
  if (json !== undefined) writeFileSync(json, performanceJson(run));
  if (plots === undefined) return;
  for (const question of only)
    writeFileSync(path.join(plots, `${question}.svg`), await plotOf(run.measurements, question));
}
