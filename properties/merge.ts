/**
 * Results of shards, merged to what one run would have said (`shards.ts` says why they are the same).
 *
 * The counts are the sum over the shards; the result is made of that sum by the code that makes it of one
 * run's. It is complete only if every shard is there and was searched to its end. A violation in any of them
 * is one of the whole; the counts are then of what was searched, which one run would have ended earlier.
 *
 * Does not promise: that shards were run by machines that compute alike. What the checker counts does not
 * depend on the machine, and pinned counts hold it to that.
 * @module
 */
import { type Bounds, boundsThatDiffer, isOwn } from "./bounds.ts";
import { countsOf, ResultFileError } from "./result-file.ts";
import { type CheckResult, resultOf, type RunFacts } from "./result.ts";
import { isSearched, type Shard } from "./shards.ts";
import { addCounts, emptyCounts } from "./tally.ts";
import { commonVersions } from "./versions.ts";

/** A result, and the file that it came from, for sentences about it. */
export interface ResultFile {
  readonly name: string;
  readonly result: CheckResult;
}

interface ShardFile extends ResultFile {
  readonly shard: Shard;
}

const MS = 1000;

/**
 * Merges results of one version.
 * @throws ResultFileError if they are no shards of one run, or one is there twice
 */
export function mergeShards(files: readonly ResultFile[]): CheckResult {
  const shards = files.map(shardOf).sort((a, b) => a.shard.index - b.shard.index);
  const [first] = shards;
  if (first === undefined) throw new ResultFileError("there is no shard to merge");
  for (const other of shards) refuseOther(first, other);
  for (const [i, other] of shards.entries()) refuseTwice(shards[i - 1], other);
  const counts = emptyCounts();
  for (const { result } of shards) addCounts(counts, countsOf(result));
  const { profile, bounds, version } = first.result;
  const [, ...others] = shards.map(({ result }) => result.versions);
  const facts: RunFacts = {
    version,
    versions: commonVersions([first.result.versions, ...others]),
    profile,
    bounds,
    own: isOwn(profile, bounds),
    all: shards.every(({ result }) => result.all),
    shard: null,
    stopped: [...missing(shards, first.shard.of), ...unfinished(shards)],
    violations: violations(shards),
    seconds: Math.round(shards.reduce((sum, { result }) => sum + result.seconds, 0) * MS) / MS,
  };
  return resultOf(counts, facts);
}

function shardOf({ name, result }: ResultFile): ShardFile {
  const { shard } = result;
  if (shard === null) throw new ResultFileError(`${name} is the result of a whole run, not of a shard`);
  if (shard.index > shard.of || shard.searched > shard.units)
    throw new ResultFileError(`${name} is no result of kmb check: its shard cannot be`);
  return { name, result, shard };
}

/** Refuses a shard of another run than the first. */
function refuseOther(first: ShardFile, other: ShardFile): void {
  const refuse = (what: string): never => {
    throw new ResultFileError(`${other.name} and ${first.name} are no shards of one run: ${what}`);
  };
  const [ours, theirs] = [first.result, other.result];
  const bounds = boundsThatDiffer(ours.bounds, theirs.bounds);
  if (ours.version !== theirs.version) refuse(`one is of version ${theirs.version}, one of ${ours.version}`);
  if (bounds.length > 0)
    refuse(`other bounds: ${bounds.map((name) => differs(ours, theirs, name)).join("; ")}`);
  if (ours.profile !== theirs.profile) refuse(`profiles ${theirs.profile} and ${ours.profile}`);
  if (first.shard.of !== other.shard.of)
    refuse(`one is of ${other.shard.of} shards, one of ${first.shard.of}`);
  if (first.shard.memo !== other.shard.memo) refuse("one was run with --no-memo, one without");
  const plans = [first.shard.plan, other.shard.plan];
  if (!plans.includes(null) && plans[0] !== plans[1])
    refuse("they listed other units, so the check is not deterministic");
}

function differs(ours: CheckResult, theirs: CheckResult, name: keyof Bounds): string {
  return `${name} ${JSON.stringify(theirs.bounds[name])} and ${JSON.stringify(ours.bounds[name])}`;
}

function refuseTwice(before: ShardFile | undefined, { name, shard }: ShardFile): void {
  if (before?.shard.index === shard.index)
    throw new ResultFileError(
      `shard ${shard.index} of ${shard.of} is given twice: ${before.name} and ${name}`,
    );
}

/** Says which shards are not there, by their numbers. */
function missing(shards: readonly ShardFile[], of: number): string[] {
  const there = new Set(shards.map(({ shard }) => shard.index));
  const absent = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !there.has(index));
  if (absent.length === 0) return [];
  const [shardsAre, last] = absent.length === 1 ? ["shard", "is"] : ["shards", "are"];
  return [`${shardsAre} ${absent.join(", ")} of ${of} ${last} missing`];
}

/** Says which shards were not searched to their end, and why. */
function unfinished(shards: readonly ShardFile[]): string[] {
  return shards
    .filter(({ shard, result }) => !isSearched(shard) && result.violations.length === 0)
    .map(({ shard, result }) => {
      const why = result.incompleteBecause.join("; ");
      return `shard ${shard.index} of ${shard.of} was not searched to its end: ${why}`;
    });
}

/**
 * Every violation once: what the survey finds, every shard finds. Of shards that went on after violations,
 * the first of each invariant.
 */
function violations(shards: readonly ShardFile[]): CheckResult["violations"] {
  const all = shards.flatMap(({ result }) => result.violations);
  const wentOn = shards.every(({ result }) => result.all);
  const keys = all.map(({ invariant, expected, seen }) =>
    JSON.stringify(wentOn ? [invariant] : [invariant, expected, seen]),
  );
  return all.filter((_, i) => keys.indexOf(keys[i] ?? "") === i);
}
