/**
 * Files with the results of `kmb check`, read back.
 *
 * Promises: what is read has every field that this version writes, and every count with all its digits. Does
 * not promise that a run came to these counts: whoever writes the files is trusted.
 * @module
 */
import * as z from "zod/mini";
import { boundsSchema, PART_NAMES, PROFILE_NAMES, type ProfileName } from "./bounds.ts";
import { invariantsOf, WITNESSES } from "./invariants/catalogue.ts";
import { plainText } from "./plain-text.ts";
import { type CheckResult, SCHEMA } from "./result.ts";
import { type Counts, emptyCounts } from "./tally.ts";
import { versionsSchema } from "./versions.ts";

/** A file that is not what was asked for; the message says why, and goes on after the name of the file. */
export class ResultFileError extends Error {
  override readonly name = "ResultFileError";
  /** Says that the message is all there is to say. */
  readonly code = "result-file";
}

/** A number of things that were counted. */
export const count: z.ZodMiniNumber = z.int().check(z.minimum(0));

/** A count that may be above 2^53: `fromJson` leaves it as text then. */
export const bigCount: z.ZodMiniType<bigint> = z.pipe(
  z.union([count, z.string().check(z.regex(/^\d+$/))]),
  z.transform((digits: number | string) => BigInt(digits)),
);

/** Reads what `toJson` wrote; counts that a number could not hold come as text. @throws ResultFileError */
export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll(/^( *"\w+": )(\d{16,})(,?)$/gm, '$1"$2"$3'));
  } catch {
    throw new ResultFileError("is not JSON");
  }
}

/** What of a schema's complaints a person needs: the first, and where it is. */
export function complaint(error: z.core.$ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "it is not as it should be";
  return plainText(`${issue.path.join(".") || "it"}: ${issue.message}`);
}

/** Why a file that names a version is not read, if it is not this version; goes on after the file's name. */
export function otherVersion(given: unknown, version: string): string | undefined {
  if (given === version) return undefined;
  const theirs = typeof given === "string" ? plainText(given) : "one that is not named";
  return `is of another version: ${theirs}, where this is ${version}`;
}

const shardSchema = z.strictObject({
  index: z.int().check(z.minimum(1)),
  of: z.int().check(z.minimum(1)),
  memo: z.boolean(),
  plan: z.nullable(z.string()),
  units: count,
  searched: count,
});

/** What `kmb check --json` and `kmb merge --json` write. */
export const resultSchema: z.ZodMiniType<CheckResult> = z.strictObject({
  schema: z.literal(SCHEMA),
  version: z.string(),
  versions: versionsSchema,
  profile: z.enum(PROFILE_NAMES as [ProfileName, ...ProfileName[]]),
  bounds: boundsSchema,
  shard: z.nullable(shardSchema),
  workloads: count,
  crashPoints: count,
  crashStates: bigCount,
  recoveries: count,
  left: bigCount,
  faults: count,
  cases: z.record(z.enum(PART_NAMES), count),
  all: z.boolean(),
  complete: z.boolean(),
  incompleteBecause: z.array(z.string()),
  differences: z.array(
    z.object({ count: z.string(), pinned: z.nullable(bigCount), seen: z.nullable(bigCount) }),
  ),
  invariants: z.array(
    z.object({ id: z.string(), checks: count, violations: count, at: z.array(z.string()) }),
  ),
  witnesses: z.array(z.object({ id: z.string(), met: count })),
  violations: z.array(
    z.object({
      invariant: z.string(),
      check: z.nullable(z.string()),
      expected: z.string(),
      seen: z.string(),
      counterexample: z.nullable(z.string()),
    }),
  ),
  seconds: z.number(),
});

/**
 * Reads a result that this version of the check wrote.
 * @param version this version, as results name it
 * @throws ResultFileError
 */
export function parseResult(text: string, version: string): CheckResult {
  const json = fromJson(text);
  const named = json as { schema?: unknown; version?: unknown } | null;
  if (named?.schema !== SCHEMA) throw new ResultFileError("is no result of kmb check");
  // First, for another version has other bounds and counts.
  const other = otherVersion(named.version, version);
  if (other !== undefined) throw new ResultFileError(other);
  const parsed = resultSchema.safeParse(json);
  if (!parsed.success) throw new ResultFileError(`is no result of kmb check: ${complaint(parsed.error)}`);
  const { bounds, invariants, witnesses } = parsed.data;
  if (!areIds(invariants, invariantsOf(bounds.format)) || !areIds(witnesses, WITNESSES))
    throw new ResultFileError(
      "is no result of kmb check: its invariants or witnesses are not this version's",
    );
  return parsed.data;
}

const areIds = (given: readonly { id: string }[], ours: readonly { id: string }[]): boolean =>
  given.map(({ id }) => id).join() === ours.map(({ id }) => id).join();

/** How often each invariant was checked; never, if a result of its format does not list it. */
export function checksIn(
  invariants: readonly { readonly id: string; readonly checks: number }[],
): Counts["checks"] {
  return { ...emptyCounts().checks, ...Object.fromEntries(invariants.map(({ id, checks }) => [id, checks])) };
}

/** The counts that a result was made of. */
export function countsOf(result: CheckResult): Counts {
  const { workloads, crashPoints, crashStates, left, cases, invariants, witnesses } = result;
  return {
    ...emptyCounts(),
    workloads,
    crashPoints,
    crashStates,
    left,
    cases: { ...cases },
    checks: checksIn(invariants),
    met: Object.fromEntries(witnesses.map(({ id, met }) => [id, met])) as Counts["met"],
  };
}
