/**
 * What a run of the check found, as data with a stable schema and as the lines a person reads.
 * @module
 */
import { type Bounds, PART_NAMES, type PartName, type ProfileName } from "./bounds.ts";
import { INVARIANTS } from "./invariants/catalogue.ts";
import { PARTS } from "./parts.ts";
import { workloadsIn } from "./crashes/survey.ts";
import { PLACES } from "./invariants/places.ts";
import type { Counterexample } from "./part.ts";
import { type Difference, differenceText, pinnedDifferences, pinsOf } from "./pinned/differences.ts";
import type { Counts } from "./tally.ts";
import { WITNESSES } from "./invariants/catalogue.ts";

const SCHEMA = "kimberlite-storage/check@1";

/** `--json` writes this. Counts above 2^53 are written with all their digits. */
export interface CheckResult {
  readonly schema: typeof SCHEMA;
  readonly profile: string;
  readonly bounds: Bounds;
  readonly shard: null;
  readonly workloads: number;
  readonly crashPoints: number;
  readonly crashStates: bigint;
  readonly recoveries: number;
  readonly left: bigint;
  /** Single faults: failing calls, and stored bytes that are not what was written. */
  readonly faults: number;
  /** What each part tried. */
  readonly cases: Readonly<Record<PartName, number>>;
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
  /** `counterexample` is the file with it; `null` where that could not be written. */
  readonly violations: readonly {
    readonly invariant: string;
    readonly expected: string;
    readonly seen: string;
    readonly counterexample: string | null;
  }[];
  readonly seconds: number;
}

/** What a run was and how it ended, besides its counts. */
export interface RunFacts {
  readonly profile: ProfileName;
  readonly bounds: Bounds;
  /** Whether the bounds are the profile's own, so that its pinned counts are to be met. */
  readonly own: boolean;
  /** Reasons from outside why not everything was searched, such as a budget. */
  readonly stopped: readonly string[];
  readonly counterexample: Counterexample | undefined;
  /** Where the counterexample was written, if it was. */
  readonly file: string | undefined;
  readonly seconds: number;
}

/**
 * Makes a run's result. It is complete only if everything that the bounds name was searched and every witness
 * was met.
 */
export function resultOf(counts: Counts, facts: RunFacts): CheckResult {
  const { bounds, counterexample } = facts;
  const incompleteBecause = [...facts.stopped];
  const differences = differencesOf(counts, facts);
  if (differences.length > 0) {
    const which = `${facts.profile} ${bounds.format}`;
    incompleteBecause.push(`counts other than those pinned for ${which}: ${differences.length}`);
  }
  if (counterexample !== undefined) incompleteBecause.push("the search ended at the first violation");
  else {
    for (const name of PART_NAMES)
      if (!bounds.parts.includes(name)) incompleteBecause.push(`part "${name}" was left out`);
    if (counts.workloads < workloadsIn(bounds)) {
      incompleteBecause.push(`${counts.workloads} of ${workloadsIn(bounds)} workloads were run`);
    }
    if (counts.left > 0n) incompleteBecause.push(`${String(counts.left)} crash states are left`);
    const unmet = WITNESSES.filter(({ id }) => counts.met[id] === 0).map(({ id }) => id);
    if (unmet.length > 0) incompleteBecause.push(`witnesses not met: ${unmet.join(", ")}`);
    const unchecked = INVARIANTS.filter(({ id }) => counts.checks[id] === 0).map(({ id }) => id);
    if (unchecked.length > 0) incompleteBecause.push(`invariants not checked: ${unchecked.join(", ")}`);
  }
  return {
    schema: SCHEMA,
    profile: facts.profile,
    bounds,
    shard: null,
    workloads: counts.workloads,
    crashPoints: counts.crashPoints,
    crashStates: counts.crashStates,
    recoveries: counts.cases.crashes,
    left: counts.left,
    faults: counts.cases["failing-calls"] + counts.cases["stored-bytes"],
    cases: counts.cases,
    complete: incompleteBecause.length === 0,
    incompleteBecause,
    differences,
    invariants: INVARIANTS.map(({ id, checks }) => ({
      id,
      checks: counts.checks[id],
      violations: counterexample?.invariant === id ? 1 : 0,
      at: checks.map(({ name }) => PLACES[`${id}.${name}`] ?? ""),
    })),
    witnesses: WITNESSES.map(({ id }) => ({ id, met: counts.met[id] })),
    violations: counterexample === undefined ? [] : [violationOf(counterexample, facts.file)],
    seconds: facts.seconds,
  };
}

function violationOf(
  { invariant, expected, seen }: Counterexample,
  file: string | undefined,
): CheckResult["violations"][number] {
  return { invariant, expected, seen, counterexample: file ?? null };
}

/** A run that was stopped, or found something, has not come to its counts. */
function differencesOf(counts: Counts, facts: RunFacts): Difference[] {
  const { own, stopped, counterexample, profile, bounds } = facts;
  const pinned = pinsOf(profile, bounds.format);
  const whole = own && stopped.length === 0 && counterexample === undefined;
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
  const { bounds } = result;
  const number = (value: number | bigint): string => value.toLocaleString("en-US");
  const violated = result.invariants.filter(({ violations }) => violations > 0).length;
  const total = result.invariants.length;
  const checked = result.invariants.filter(({ checks }) => checks > 0).length;
  const met = result.witnesses.filter((witness) => witness.met > 0).length;
  const perRecovery = result.recoveries === 0 ? 0n : result.crashStates / BigInt(result.recoveries);
  const row = (name: string, text: string): string => `  ${name.padEnd(16)}${text}`;
  return [
    row(
      "workloads",
      `${number(result.workloads)} of ${number(workloadsIn(bounds))}   every sequence of up to ${bounds.length} of ${bounds.operations.length} operations`,
    ),
    row("crash points", number(result.crashPoints)),
    row(
      "crash states",
      `${number(result.crashStates)} of the ${bounds.persistence} model covered by ${number(result.recoveries)} recoveries   ${number(result.left)} left`,
    ),
    row(
      "reduction",
      `${number(perRecovery)} crash states a recovery, for what no recovery looks at is not decided`,
    ),
    ...PART_NAMES.filter((name) => name !== "crashes" && result.cases[name] > 0).map((name) =>
      row(name, `${number(result.cases[name])} ${PARTS[name].cases}`),
    ),
    row(
      "invariants",
      `${checked - violated} hold   ${violated} violated${checked < total ? `   ${total - checked} not checked` : ""}`,
    ),
    row("witnesses", `${met} of ${result.witnesses.length} met`),
    ...result.differences.map((difference) => row("not as pinned", differenceText(difference))),
    row("complete", result.complete ? "yes" : `no: ${result.incompleteBecause.join("; ")}`),
  ];
}
