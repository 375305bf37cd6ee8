/**
 * The pinned counts as source text, and the counts of a result file.
 * @module
 */
import * as z from "zod/mini";
import type { Format } from "../../src/types.ts";
import { boundsSchema, isOwn, PROFILE_NAMES, type ProfileName } from "../bounds.ts";
import { bigCount, checksIn, count, fromJson } from "../result-file.ts";
import { SCHEMA } from "../result.ts";
import type { PinnedProfile, Pins } from "./pins.ts";

/** What of a result is needed here; big counts are text by then. */
const resultSchema = z.object({
  schema: z.literal(SCHEMA),
  profile: z.enum(PROFILE_NAMES as [ProfileName, ...ProfileName[]]),
  bounds: boundsSchema,
  workloads: count,
  crashPoints: count,
  crashStates: bigCount,
  shard: z.nullable(z.unknown()),
  cases: z.record(z.string(), count),
  incompleteBecause: z.array(z.string()),
  differences: z.array(z.unknown()),
  invariants: z.array(z.object({ id: z.string(), checks: count })),
  witnesses: z.array(z.object({ id: z.string(), met: count })),
});

/**
 * The counts of a result that `kmb check --json` wrote.
 * @throws Error if it is not a profile's result, or not complete for another reason than other counts
 */
export function pinsFrom(text: string): { profile: PinnedProfile; pins: Pins } {
  const parsed = resultSchema.safeParse(fromJson(text));
  if (!parsed.success) throw new Error(`This is no result of kmb check: ${z.prettifyError(parsed.error)}`);
  const { profile, bounds, shard, incompleteBecause, differences, ...result } = parsed.data;
  const { format } = bounds;
  if (shard !== null) throw new Error("This is the result of a shard: merge all of them first.");
  if (!isOwn(profile, bounds))
    throw new Error(`These are not the bounds of ${profile}: only a profile's own counts are pinned.`);
  if (incompleteBecause.length > Math.min(differences.length, 1))
    throw new Error(`This run was not complete: ${incompleteBecause.join("; ")}.`);
  return {
    profile: profileAndFormat(profile, format),
    pins: {
      workloads: result.workloads,
      crashPoints: result.crashPoints,
      crashStates: result.crashStates,
      cases: result.cases,
      checks: checksIn(result.invariants),
      met: Object.fromEntries(result.witnesses.map(({ id, met }) => [id, met])),
    },
  };
}

const profileAndFormat = (profile: ProfileName, format: Format): PinnedProfile => `${profile} ${format}`;

/** `properties/pinned/counts.ts`, laid out as prettier does. */
export function renderPins(pinned: ReadonlyMap<PinnedProfile, Pins>): string {
  const profiles = PROFILE_NAMES.flatMap((name) =>
    (["plain", "sentinel"] as const).map((format) => `${name} ${format}` as const),
  );
  const known = profiles.flatMap((profile) => {
    const pins = pinned.get(profile);
    return pins === undefined ? [] : [`  ${key(profile)}: ${object(pins, "  ")},\n`];
  });
  return `/**
 * The pinned counts of the profiles. Written by \`npm run pin\`, reviewed as a difference.
 * @module
 */
import type { PinnedProfile, Pins } from "./pins.ts";

export const PINNED: Readonly<Partial<Record<PinnedProfile, Pins>>> = {
${known.join("")}};
`;
}

function object(value: object, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(value).map(([name, entry]: [string, unknown]) => {
    const text =
      typeof entry === "object" && entry !== null ? object(entry, inner) : number(entry as number | bigint);
    return `${inner}${key(name)}: ${text},\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

const key = (name: string): string => (/^[A-Za-z]\w*$/.test(name) ? name : JSON.stringify(name));

/** A number as source text, its digits in groups. */
function number(value: number | bigint): string {
  const grouped = String(value).replaceAll(/\B(?=(\d{3})+$)/g, "_");
  return typeof value === "bigint" ? `${grouped}n` : grouped;
}
