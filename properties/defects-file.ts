/**
 * What `npm run defects -- --json FILE` writes: each seeded defect, and what noticed it.
 * @module
 */
import * as z from "zod/mini";
import { PART_NAMES, type PartName } from "./bounds.ts";
import { INVARIANTS, type InvariantId } from "./invariants/catalogue.ts";
import { complaint, count, fromJson, otherVersion, ResultFileError } from "./result-file.ts";
import { type Versions, versionsSchema } from "./versions.ts";

export const DEFECTS_SCHEMA = "kimberlite-storage/defects@1";

/** How the run of one defect ended. */
export interface DefectOutcome {
  readonly id: string;
  readonly kind: string;
  readonly sentence: string;
  readonly file: string;
  /** What must notice it, in few words. */
  readonly noticedBy: string;
  /** The invariant that must be violated, where it is one. */
  readonly invariant: InvariantId | null;
  /** The part of the check that was run, where it was one. */
  readonly part: PartName | null;
  /** Why it counts as missed, if it does. */
  readonly missed: string | null;
  /** What the part had tried by then, and how many choices lead there; of a search that came to an end. */
  readonly cases: number | null;
  readonly choices: number | null;
  readonly ms: number;
}

export interface DefectsResult {
  readonly schema: typeof DEFECTS_SCHEMA;
  /** Of the check, as its results name it. */
  readonly version: string;
  readonly versions: Versions;
  /** How many defects there are; others than those in the list were not put in. */
  readonly of: number;
  readonly defects: readonly DefectOutcome[];
  readonly seconds: number;
}

const ids = INVARIANTS.map(({ id }) => id);
const outcome: z.ZodMiniType<DefectOutcome> = z.strictObject({
  id: z.string(),
  kind: z.string(),
  sentence: z.string(),
  file: z.string(),
  noticedBy: z.string(),
  invariant: z.nullable(z.enum(ids)),
  part: z.nullable(z.enum(PART_NAMES)),
  missed: z.nullable(z.string()),
  cases: z.nullable(count),
  choices: z.nullable(count),
  ms: count,
});

/** What is written. */
export const defectsSchema: z.ZodMiniType<DefectsResult> = z.strictObject({
  schema: z.literal(DEFECTS_SCHEMA),
  version: z.string(),
  versions: versionsSchema,
  of: count,
  defects: z.array(outcome),
  seconds: z.number(),
});

/**
 * Reads such a file.
 * @param version this version of the check, as results name it
 * @throws ResultFileError
 */
export function parseDefects(text: string, version: string): DefectsResult {
  const json = fromJson(text);
  const other = otherVersion((json as { version?: unknown } | null)?.version, version);
  if (other !== undefined) throw new ResultFileError(other);
  const parsed = defectsSchema.safeParse(json);
  if (!parsed.success)
    throw new ResultFileError(`is no result of the seeded defects: ${complaint(parsed.error)}`);
  const { of, defects } = parsed.data;
  if (defects.length > of || new Set(defects.map(({ id }) => id)).size < defects.length)
    throw new ResultFileError(
      "is no result of the seeded defects: one is there twice, or more than there are",
    );
  return parsed.data;
}
