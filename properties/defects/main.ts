/**
 * `npm run defects [-- --workers N] [-- --json FILE] [-- ID...]`: puts every seeded defect into the sources,
 * one at a time, and prints what noticed it. Ends with 1 if one is missed, or noticed by something else than
 * what must; with 2 if one does not fit the sources, or at wrong usage.
 * @module
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { codeVersion, versions } from "../code-version.ts";
import { type DefectOutcome, DEFECTS_SCHEMA, type DefectsResult } from "../defects-file.ts";
import { toJson } from "../result.ts";
import { DEFECTS } from "./defects.ts";
import { type Defect, noticedBy } from "./defect.ts";
import { type Ended, runDefects } from "./run.ts";

const MISSED = 1;
const WRONG = 2;
const COLUMNS = [36, 32, 12, 9, 9];
const SECONDS = 900;

const USAGE = `Usage: npm run defects -- [--workers N] [--json FILE] [ID...]

Puts seeded defects into the sources, one at a time, each in memory and in a process of its own, and says what noticed it.

  ID...          the defects to put in; all ${DEFECTS.length} of docs/DEFECTS.md if none is named
  --workers N    how many at a time; as many as there are cores if it is not given
  --json FILE    where the result is written as JSON
  -h, --help     this text

Exit status: 0 all are noticed as their entries say; 1 one is not; 2 wrong usage, or one does not fit the sources any more.`;

/** What the command line asks for. */
interface Asked {
  readonly help: boolean;
  readonly chosen: readonly Defect[];
  readonly workers: number;
  readonly json: string | undefined;
}

try {
  const { help, chosen, workers, json } = asked();
  if (help) console.log(USAGE);
  else process.exitCode = await run(chosen, workers, json);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = WRONG;
}

/** @throws Error if it asks for what there is not */
function asked(): Asked {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      workers: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const workers = Number(values.workers ?? availableParallelism());
  if (!Number.isSafeInteger(workers) || workers < 1) throw new Error("--workers is a whole number from 1.");
  const unknown = positionals.filter((id) => !DEFECTS.some((defect) => defect.id === id));
  if (unknown.length > 0)
    throw new Error(`No such defects: ${unknown.join(", ")}. docs/DEFECTS.md lists those that there are.`);
  const chosen = positionals.length === 0 ? DEFECTS : DEFECTS.filter(({ id }) => positionals.includes(id));
  return { help: values.help, chosen, workers, json: values.json };
}

async function run(chosen: readonly Defect[], workers: number, json: string | undefined): Promise<number> {
  const started = performance.now();
  let missed = 0;
  const outcomes: DefectOutcome[] = [];
  const write = (seconds: number): void => {
    if (json === undefined) return;
    const made = { schema: DEFECTS_SCHEMA, version: codeVersion(), versions: versions() } as const;
    writeFileSync(
      json,
      toJson({ ...made, of: DEFECTS.length, defects: outcomes, seconds } satisfies DefectsResult),
    );
  };
  // First without any, so that a file that cannot be written is known before the run.
  write(0);
  print(["defect", "noticed by", "cases", "ms", "choices"], "the mistake");
  await runDefects(chosen, { workers, seconds: SECONDS, all: DEFECTS }, (ended) => {
    if (ended.missed !== undefined) missed += 1;
    outcomes.push(outcomeOf(ended));
    show(ended);
  });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  write(seconds);
  console.log(`\n  ${chosen.length - missed} of ${chosen.length} caught in ${seconds} s`);
  return missed > 0 ? MISSED : 0;
}

function outcomeOf({ defect, caught, missed, ms }: Ended): DefectOutcome {
  const { id, kind, sentence, file } = defect;
  return {
    id,
    kind,
    sentence,
    file,
    noticedBy: noticedBy(defect),
    invariant: "invariant" in defect ? defect.invariant : null,
    part: "part" in defect ? defect.part : null,
    missed: missed ?? null,
    cases: caught?.cases ?? null,
    choices: caught?.choices ?? null,
    ms,
  };
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
