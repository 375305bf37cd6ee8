/**
 * `npm run defects [-- --workers N] [-- ID...]`: puts every seeded defect into the sources, one at a time,
 * and prints what noticed it. Ends with 1 if one is missed, or noticed by something else than what must; with
 * 2 if one does not fit the sources, or at wrong usage.
 * @module
 */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { DEFECTS } from "./defects.ts";
import { type Defect, noticedBy } from "./defect.ts";
import { type Ended, runDefects } from "./run.ts";

const MISSED = 1;
const WRONG = 2;
const COLUMNS = [36, 32, 12, 9, 9];
const SECONDS = 900;

const USAGE = `Usage: npm run defects -- [--workers N] [ID...]

Puts seeded defects into the sources, one at a time, each in memory and in a process of its own, and says what noticed it.

  ID...          the defects to put in; all ${DEFECTS.length} of docs/DEFECTS.md if none is named
  --workers N    how many at a time; as many as there are cores if it is not given
  -h, --help     this text

Exit status: 0 all are noticed as their entries say; 1 one is not; 2 wrong usage, or one does not fit the sources any more.`;

/** What the command line asks for. */
interface Asked {
  readonly help: boolean;
  readonly chosen: readonly Defect[];
  readonly workers: number;
}

try {
  const { help, chosen, workers } = asked();
  if (help) console.log(USAGE);
  else process.exitCode = await run(chosen, workers);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = WRONG;
}

/** @throws Error if it asks for what there is not */
function asked(): Asked {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { workers: { type: "string" }, help: { type: "boolean", short: "h", default: false } },
  });
  const workers = Number(values.workers ?? availableParallelism());
  if (!Number.isSafeInteger(workers) || workers < 1) throw new Error("--workers is a whole number from 1.");
  const unknown = positionals.filter((id) => !DEFECTS.some((defect) => defect.id === id));
  if (unknown.length > 0)
    throw new Error(`No such defects: ${unknown.join(", ")}. docs/DEFECTS.md lists those that there are.`);
  const chosen = positionals.length === 0 ? DEFECTS : DEFECTS.filter(({ id }) => positionals.includes(id));
  return { help: values.help, chosen, workers };
}

async function run(chosen: readonly Defect[], workers: number): Promise<number> {
  const started = performance.now();
  let missed = 0;
  print(["defect", "noticed by", "cases", "ms", "choices"], "the mistake");
  await runDefects(chosen, { workers, seconds: SECONDS, all: DEFECTS }, (ended) => {
    if (ended.missed !== undefined) missed += 1;
    show(ended);
  });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  console.log(`\n  ${chosen.length - missed} of ${chosen.length} caught in ${seconds} s`);
  return missed > 0 ? MISSED : 0;
}

function show({ defect, caught, missed, ms }: Ended): void {
  const number = (value = 0): string => value.toLocaleString("en-US");
  const by = missed === undefined ? noticedBy(defect) : "MISSED";
  print([defect.id, by, number(caught?.cases), number(ms), number(caught?.choices)], defect.sentence);
  if (missed !== undefined) console.log(`      ${missed}`);
}

/** A row: the first two columns are text, the others numbers. */
function print(cells: readonly string[], last: string): void {
  const padded = cells.map((cell, i) =>
    i < 2 ? cell.padEnd(COLUMNS[i] ?? 0) : cell.padStart(COLUMNS[i] ?? 0),
  );
  console.log(`  ${padded.join(" ")}  ${last}`);
}
