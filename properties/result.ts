/**
 * What a run of the check found, as data with a stable schema and as the lines a person reads.
 * @module
 */
import { COMPACTION_ALPHABET } from "./operations.ts";
import { type Bounds, PART_NAMES, type PartName, type ProfileName } from "./bounds.ts";
import { invariantsOf, WITNESSES } from "./invariants/catalogue.ts";
import { PARTS } from "./parts.ts";
import { workloadsIn } from "./crashes/survey.ts";
import { PLACES } from "./invariants/places.ts";
import type { Counterexample } from "./part.ts";
import { type Difference, differenceText, pinnedDifferences, pinsOf } from "./pinned/differences.ts";
import type { Shard } from "./shards.ts";
import type { Counts } from "./tally.ts";
import type { Versions } from "./versions.ts";

export const SCHEMA = "kimberlite-storage/check@1";

/** `--json` writes this. Counts above 2^53 are written with all their digits. */
export interface CheckResult {
  readonly schema: typeof SCHEMA;
  /** The package's version and a digest of its code: what has another one may count otherwise. */
  readonly version: string;
  readonly versions: Versions;
  readonly profile: ProfileName;
  readonly bounds: Bounds;
  /** Of a run of one shard: which, and how far it came; such a result says nothing of the others. */
  readonly shard: Shard | null;
  readonly workloads: number;
  readonly crashPoints: number;
  readonly crashStates: bigint;
  readonly recoveries: number;
  readonly left: bigint;
  /** Single faults: failing calls, and stored bytes that are not what was written. */
  readonly faults: number;
  /** What each part tried. */
  readonly cases: Readonly<Record<PartName, number>>;
  /** Whether the search went on after a violation, to the first of each invariant. */
  readonly all: boolean;
  readonly complete: boolean;
  readonly incompleteBecause: readonly string[];
  /** Counts that are not the pinned ones. */
  readonly differences: readonly Difference[];
  readonly invariants: readonly {
    readonly id: string;
    readonly checks: number;
    readonly violations: number;
    /** File and line of each predicate. */
    readonly at: readonly string[];
  }[];
  readonly witnesses: readonly { readonly id: string; readonly met: number }[];
  /**
   * `check` names the predicate that does not hold, `null` where that is not known; `counterexample` is the
   * file with it, `null` where that could not be written.
   */
  readonly violations: readonly {
    readonly invariant: string;
    readonly check: string | null;
    readonly expected: string;
    readonly seen: string;
    readonly counterexample: string | null;
  }[];
  readonly seconds: number;
}

/** What a run was and how it ended, besides its counts. */
export interface RunFacts {
  readonly version: string;
  readonly versions: Versions;
  readonly profile: ProfileName;
  readonly bounds: Bounds;
  /** Whether the bounds are the profile's own, so that its pinned counts are to be met. */
  readonly own: boolean;
  readonly all: boolean;
  readonly shard: Shard | null;
  /** Reasons from outside why not everything was searched, such as a budget. */
  readonly stopped: readonly string[];
  readonly violations: CheckResult["violations"];
  readonly seconds: number;
}

/**
 * Makes a run's result. It is complete only if everything that the bounds name was searched and every witness
 * was met; that of a shard, if everything that is the shard's own was searched.
 */
export function resultOf(counts: Counts, facts: RunFacts): CheckResult {
  const { bounds, shard, violations } = facts;
  const differences = differencesOf(counts, facts);
  const incompleteBecause = [...facts.stopped];
  if (differences.length > 0) {
    const which = `${facts.profile} ${bounds.format}`;
    incompleteBecause.push(`counts other than those pinned for ${which}: ${differences.length}`);
  }
  if (violations.length > 0) incompleteBecause.push(facts.all ? ENDED.all : ENDED.first);
  else {
    if (shard === null) incompleteBecause.push(...leftOut(counts, bounds));
    if (counts.left > 0n) incompleteBecause.push(`${String(counts.left)} crash states are left`);
    if (shard === null) incompleteBecause.push(...notMet(counts, bounds));
  }
  return {
    schema: SCHEMA,
    version: facts.version,
    versions: facts.versions,
    profile: facts.profile,
    bounds,
    shard,
    workloads: counts.workloads,
    crashPoints: counts.crashPoints,
    crashStates: counts.crashStates,
    recoveries: counts.cases.crashes,
    left: counts.left,
    faults: counts.cases["failing-calls"] + counts.cases["stored-bytes"],
    cases: counts.cases,
    all: facts.all,
    complete: incompleteBecause.length === 0,
    incompleteBecause,
    differences,
    invariants: invariantsOf(bounds.format).map(({ id, checks }) => ({
      id,
      checks: counts.checks[id],
      violations: violations.filter(({ invariant }) => invariant === id).length,
      at: checks.map(({ name }) => PLACES[`${id}.${name}`] ?? ""),
    })),
    witnesses: WITNESSES.map(({ id }) => ({ id, met: counts.met[id] })),
    violations,
    seconds: facts.seconds,
  };
}

/** What a violation keeps from being searched. */
const ENDED = {
  first: "the search ended at the first violation",
  all: "what comes after a violation was not searched",
} as const;

/** What was not run at all. */
function leftOut(counts: Counts, bounds: Bounds): string[] {
  const parts = PART_NAMES.filter((name) => !bounds.parts.includes(name));
  const reasons = parts.map((name) => `part "${name}" was left out`);
  const workloads = workloadsIn(bounds);
  if (counts.workloads < workloads) reasons.push(`${counts.workloads} of ${workloads} workloads were run`);
  return reasons;
}

/** What workloads of a compaction there are, if there are any. */
function compactionText({ compactionLength }: Bounds): string {
  if (compactionLength === 0) return "";
  return `, and of up to ${compactionLength} of ${COMPACTION_ALPHABET.length} around compactions`;
}

/** What must occur for a run to mean something, and did not. */
function notMet(counts: Counts, { format }: Bounds): string[] {
  const reasons: string[] = [];
  const unmet = WITNESSES.filter(({ id }) => counts.met[id] === 0).map(({ id }) => id);
  if (unmet.length > 0) reasons.push(`witnesses not met: ${unmet.join(", ")}`);
  const unchecked = invariantsOf(format).filter(({ id }) => counts.checks[id] === 0);
  if (unchecked.length > 0)
    reasons.push(`invariants not checked: ${unchecked.map(({ id }) => id).join(", ")}`);
  return reasons;
}

/** A counterexample as results list it. @param file where it was written, if it was */
export function violationOf(
  { invariant, check, expected, seen }: Counterexample,
  file: string | undefined,
): CheckResult["violations"][number] {
  return { invariant, check: check ?? null, expected, seen, counterexample: file ?? null };
}

/** A run that was stopped, or found something, or is a shard, has not come to its counts. */
function differencesOf(counts: Counts, facts: RunFacts): Difference[] {
  const { own, shard, stopped, violations, profile, bounds } = facts;
  const pinned = pinsOf(profile, bounds.format);
  const whole = own && shard === null && stopped.length === 0 && violations.length === 0;
  return whole && pinned !== undefined ? pinnedDifferences(pinned, counts) : [];
}

/** Exit status: 0 all hold and complete, 1 violated, 3 not complete. */
export function exitStatus(result: CheckResult): 0 | 1 | 3 {
  if (result.violations.length > 0) return 1;
  return result.complete ? 0 : 3;
}

/** JSON with big integers written as plain numbers, all digits. */
export function toJson(value: unknown): string {
  const marked = JSON.stringify(
    value,
    (_, item: unknown) => (typeof item === "bigint" ? `\u0000${String(item)}` : item),
    2,
  );
  return `${marked.replaceAll(/"\\u0000(\d+)"/g, "$1")}
`;
}

/** The closing lines. */
export function resultLines(result: CheckResult): string[] {
  const { bounds, shard } = result;
  return [
    ...(shard === null ? [] : [row("shard", shardText(shard))]),
    row(
      "workloads",
      shard === null || shard.index === 1
        ? `${number(result.workloads)} of ${number(workloadsIn(bounds))}   every sequence of up to ${bounds.length} of ${bounds.operations.length} operations${compactionText(bounds)}`
        : "counted by shard 1",
    ),
    ...searchedLines(result),
    ...(shard === null ? verdictLines(result) : shardVerdictLines(result, shard)),
  ];
}

const number = (value: number | bigint): string => value.toLocaleString("en-US");
const row = (name: string, text: string): string => `  ${name.padEnd(16)}${text}`;

function shardText({ index, of, plan, units, searched }: Shard): string {
  const share = plan === null ? "no unit was searched" : `${number(searched)} of ${number(units)} units`;
  return `${index} of ${of}   ${share}`;
}

function searchedLines(result: CheckResult): string[] {
  const perRecovery = result.recoveries === 0 ? 0n : result.crashStates / BigInt(result.recoveries);
  return [
    row("crash points", number(result.crashPoints)),
    row(
      "crash states",
      `${number(result.crashStates)} of the ${result.bounds.persistence} model covered by ${number(result.recoveries)} recoveries   ${number(result.left)} left`,
    ),
    row(
      "reduction",
      `${number(perRecovery)} crash states a recovery, for what no recovery looks at is not decided`,
    ),
    ...PART_NAMES.filter((name) => name !== "crashes" && result.cases[name] > 0).map((name) =>
      row(name, `${number(result.cases[name])} ${PARTS[name].cases}`),
    ),
  ];
}

const violatedIn = ({ invariants }: CheckResult): number =>
  invariants.filter(({ violations }) => violations > 0).length;

function verdictLines(result: CheckResult): string[] {
  const violated = violatedIn(result);
  const total = result.invariants.length;
  const checked = result.invariants.filter(({ checks }) => checks > 0).length;
  const met = result.witnesses.filter((witness) => witness.met > 0).length;
  return [
    row(
      "invariants",
      `${checked - violated} hold   ${violated} violated${checked < total ? `   ${total - checked} not checked` : ""}`,
    ),
    row("witnesses", `${met} of ${result.witnesses.length} met`),
    ...result.differences.map((difference) => row("not as pinned", differenceText(difference))),
    row("complete", result.complete ? "yes" : `no: ${result.incompleteBecause.join("; ")}`),
  ];
}

/** A shard cannot say whether a witness was met, or an invariant checked: another may have done that. */
function shardVerdictLines(result: CheckResult, { of }: Shard): string[] {
  const judged = `kmb merge judges all ${of} shards together`;
  return [
    row("invariants", `${violatedIn(result)} violated   ${judged}`),
    row("witnesses", judged),
    row("complete", result.complete ? "this shard is" : `no: ${result.incompleteBecause.join("; ")}`),
  ];
}
