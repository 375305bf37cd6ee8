/**
 * What an assurance report is made of: results of the check, and of the seeded defects.
 * @module
 */
import {
  type DefectOutcome,
  DEFECTS_SCHEMA,
  type DefectsResult,
  parseDefects,
} from "../../properties/defects-file.ts";
import { boundText, type Bounds, boundsThatDiffer, profileOf } from "../../properties/bounds.ts";
import { fromJson, parseResult, ResultFileError } from "../../properties/result-file.ts";
import { type CheckResult, SCHEMA } from "../../properties/result.ts";
import { counted, number } from "../text.ts";
import { type Verdict, verdictOn } from "../verdict.ts";

/**
 * A run of the check, and how it is called in the report: by its profile, and by the bounds that are not the
 * profile's.
 */
export interface Run {
  readonly name: string;
  readonly result: CheckResult;
  readonly changed: readonly (keyof Bounds)[];
}

export interface Evidence {
  /** At least one. */
  readonly runs: readonly Run[];
  readonly defects: DefectsResult | undefined;
  /** What it was read from. */
  readonly files: readonly Given[];
}

/** A file that was given. */
export interface Given {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads the files, in any order.
 * @param version this version of the check, as results name it
 * @throws ResultFileError; its message begins with the name of the file, where it is about one
 */
export function evidenceIn(files: readonly Given[], version: string): Evidence {
  const runs: Run[] = [];
  let defects: DefectsResult | undefined;
  for (const { name, text } of files) {
    try {
      const { schema } = (fromJson(text) ?? {}) as { schema?: unknown };
      if (schema === DEFECTS_SCHEMA) {
        if (defects !== undefined) throw new ResultFileError("is a second result of the seeded defects");
        defects = parseDefects(text, version);
      } else if (schema === SCHEMA) runs.push(runOf(parseResult(text, version), runs));
      else throw new ResultFileError("is neither a result of kmb check nor one of the seeded defects");
    } catch (error) {
      if (error instanceof ResultFileError) throw new ResultFileError(`${name} ${error.message}`);
      throw error;
    }
  }
  if (runs.length === 0) throw new ResultFileError("A report needs a result of kmb check (--json FILE)");
  return { runs, defects, files };
}

function runOf(result: CheckResult, others: readonly Run[]): Run {
  const { profile, bounds, shard } = result;
  if (shard !== null) throw new ResultFileError("is a shard; kmb merge joins shards to a result");
  if (!isConsistent(result)) throw new ResultFileError("is no result of kmb check: it contradicts itself");
  const changed = boundsThatDiffer(profileOf(profile, bounds.format), bounds);
  const but = changed.map((bound) => `${bound} ${boundText(bounds[bound], " ")}`).join(", ");
  const name = `${profile}, ${bounds.format}${but === "" ? "" : `, but ${but}`}`;
  if (others.some((other) => other.name === name)) throw new ResultFileError(`is a second result of ${name}`);
  return { name, result, changed };
}

/** Whether a result is called complete only if nothing in it says otherwise. */
function isConsistent(result: CheckResult): boolean {
  const { complete, incompleteBecause, left, violations, differences, invariants, witnesses } = result;
  const isViolated = invariants.some((one) => one.violations > 0);
  const isWhole =
    incompleteBecause.length === 0 &&
    left === 0n &&
    differences.length === 0 &&
    violations.length === 0 &&
    invariants.every(({ checks }) => checks > 0) &&
    witnesses.every(({ met }) => met > 0);
  return isViolated === violations.length > 0 && (!complete || isWhole);
}

/** The defects that were missed. */
export const missedIn = (defects: DefectsResult | undefined): readonly DefectOutcome[] =>
  (defects?.defects ?? []).filter(({ missed }) => missed !== null);

/** The verdict on all of it: the worst of its runs, and what each of the files says. */
export function verdictOf({ runs, defects }: Evidence): Pick<Verdict, "is" | "sentence"> {
  const verdicts = runs.map(({ name, result }) => ({ name, ...verdictOn(result) }));
  const is =
    (["violated", "incomplete"] as const).find((kind) => verdicts.some((one) => one.is === kind)) ??
    (missedIn(defects).length > 0 ? "incomplete" : "holds");
  const said = verdicts.every((one) => one.is === "holds")
    ? [coveredBy(runs)]
    : verdicts.map(({ name, sentence }) => `${name}: ${sentence}`);
  return { is, sentence: [...said, defectsText(defects)].join(" ") };
}

function coveredBy(runs: readonly Run[]): string {
  const results = runs.map(({ result }) => result);
  const sum = (of: (result: CheckResult) => number | bigint): string =>
    number(results.map(of).reduce<bigint>((total, one) => total + BigInt(one), 0n));
  const ids = new Set(results.flatMap(({ invariants }) => invariants.map(({ id }) => id)));
  const hold = counted(ids.size, "invariant holds", "invariants hold");
  const names = runs.map(({ name }) => name).join("; ");
  const covered = `${sum((one) => one.workloads)} workloads, ${sum((one) => one.crashStates)} crash states, ${sum((one) => one.faults)} single faults`;
  return `All ${hold} in ${counted(runs.length, "complete run")} (${names}): ${covered}.`;
}

/** What the seeded defects show, in a sentence. */
export function defectsText(defects: DefectsResult | undefined): string {
  if (defects === undefined) return "No result of the seeded defects was given.";
  const tried = defects.defects.length;
  const of =
    tried === defects.of ? number(tried) : `the ${number(tried)} that were put in, of ${number(defects.of)}`;
  return `Of ${of} seeded defects ${number(tried - missedIn(defects).length)} were noticed.`;
}
