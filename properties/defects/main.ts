/**
 * `npm run defects [-- --workers N] [-- ID...]`: puts every seeded defect into the sources, one at a time, and prints what noticed it. Ends with 1
 * if one is missed, or noticed by something else than what must; with 2 if one does not fit the sources.
 * @module
 */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { DEFECTS } from "./defects.ts";
import { noticedBy } from "./defect.ts";
import { type Ended, runDefects } from "./run.ts";

const MISSED = 1;
const WRONG = 2;
const COLUMNS = [36, 32, 12, 9, 9];
const SECONDS = 300;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { workers: { type: "string" } },
});
const workers = Number(values.workers ?? availableParallelism());
const unknown = positionals.filter((id) => !DEFECTS.some((defect) => defect.id === id));
const chosen = positionals.length === 0 ? DEFECTS : DEFECTS.filter(({ id }) => positionals.includes(id));

if (unknown.length > 0 || !Number.isSafeInteger(workers) || workers < 1) {
  console.error(
    unknown.length > 0 ? `No such defects: ${unknown.join(", ")}` : "--workers is a whole number from 1.",
  );
  process.exitCode = WRONG;
} else process.exitCode = await run();

async function run(): Promise<number> {
  const started = performance.now();
  let missed = 0;
  print(["defect", "noticed by", "cases", "ms", "choices"], "the mistake");
  try {
    await runDefects(chosen, { workers, seconds: SECONDS, all: DEFECTS }, (ended) => {
      if (ended.missed !== undefined) missed += 1;
      show(ended);
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return WRONG;
  }
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
