/**
 * How the search of crashes grows with its bounds: the tables of `docs/SCALE.md`, from what `npm run growth`
 * measured.
 * @module
 */
import { readFileSync } from "node:fs";
import * as z from "zod/mini";
import type { Format } from "../../src/types.ts";
import { markdownTable } from "./table.ts";

/** From the top of the repository, where it is written and read. */
export const GROWTH_FILE = "docs/growth.json";
const SCALE_FILE = "docs/SCALE.md";
/** Beside the page that shows it. */
const PLOT_NAME = "growth.svg";

const SERIES = ["length", "operations", "sector bytes", "crashes in recovery"] as const;
/** The bound in which the rows of a series differ. */
export type Series = (typeof SERIES)[number];

/** One measurement. */
export interface GrowthRow {
  readonly series: Series;
  readonly format: Format;
  readonly value: number;
  readonly workloads: number;
  readonly crashPoints: number;
  /** In decimal: too many for a number, perhaps. */
  readonly states: string;
  readonly recoveries: number;
  readonly conversations: number;
  readonly engineRuns: number;
  readonly cpuSeconds: number;
}

/** What was measured, and on what. */
export interface Growth {
  readonly node: string;
  readonly processor: string;
  readonly rows: readonly GrowthRow[];
}

const row: z.ZodMiniType<GrowthRow> = z.strictObject({
  series: z.enum(SERIES),
  format: z.enum(["plain", "sentinel"]),
  value: z.int(),
  workloads: z.int(),
  crashPoints: z.int(),
  states: z.string().check(z.regex(/^\d+$/)),
  recoveries: z.int(),
  conversations: z.int(),
  engineRuns: z.int(),
  cpuSeconds: z.number(),
});
const growthSchema: z.ZodMiniType<Growth> = z.strictObject({
  node: z.string(),
  processor: z.string(),
  rows: z.array(row),
});

/** What `npm run growth` measured last. @throws Error for a file that is not its */
export const readGrowth = (): Growth => growthSchema.parse(JSON.parse(readFileSync(GROWTH_FILE, "utf8")));

/** The rows of a series, in its order. */
export const ofSeries = ({ rows }: Growth, series: Series, format: Format): GrowthRow[] =>
  rows.filter((one) => one.series === series && one.format === format);

const thousands = (value: bigint | number | string): string => BigInt(value).toLocaleString("en");

function tableOf(rows: readonly GrowthRow[]): string {
  const head = ["bound", "workloads", "crash points", "states", "recoveries", "conversations", "new", "CPU"];
  const cells = rows.map((one) => [
    `${one.series} ${one.value}, ${one.format}`,
    ...[one.workloads, one.crashPoints, one.states, one.recoveries, one.conversations].map(thousands),
    `${((100 * one.engineRuns) / one.conversations).toFixed(1)} %`,
    `${one.cpuSeconds.toFixed(2)} s`,
  ]);
  return markdownTable([head, ...cells]);
}

const NIGHT_HOURS = 8;
const CORES = [2, 64, 1000] as const;

/**
 * The longest workloads that so many cores exhaust in a night, if each further operation costs as many times
 * more as the last one measured.
 */
function nightsOf(growth: Growth): string {
  const lengths = ofSeries(growth, "length", "plain");
  const [before, last] = lengths.slice(-2);
  if (before === undefined || last === undefined) throw new RangeError("Growth takes two lengths at least.");
  const factor = last.cpuSeconds / before.cpuSeconds;
  if (!(factor > 1)) throw new RangeError("Longer workloads were not found to cost more: measure again.");
  const hoursAt = (length: number): number => (last.cpuSeconds / 3600) * factor ** (length - last.value);
  const cells = CORES.map((cores) => {
    let length = last.value;
    while (hoursAt(length + 1) <= NIGHT_HOURS * cores) length += 1;
    return [thousands(cores), String(length), hours(hoursAt(length)), hours(hoursAt(length + 1))];
  });
  const table = markdownTable([["cores", "length", "hours of CPU", "for one operation more"], ...cells]);
  return `From ${before.value} operations to ${last.value}, each further one costs ${factor.toFixed(1)} times as much. If that stays so, a night of ${NIGHT_HOURS} hours exhausts this
part with these bounds, at best: no unit is cut in two, each shard repeats the survey, and shards do not share what they have heard.

${table}`;
}

const hours = (value: number): string => (value < 10 ? value.toFixed(1) : thousands(Math.round(value)));

/** What is measured and drawn, between two lines that a reader of the page does not see. */
const SECTION = /(<!-- growth -->\n)[^]*(<!-- end of growth -->)/;

/** The page on many machines, with its table. */
export function scalePage(): string {
  const growth = readGrowth();
  const section = `
_Written by \`npm run growth\`, with Node.js ${growth.node} on one core of: ${growth.processor}._ The part \`crashes\` alone, with the bounds of the profile
\`quick\` but the one that a series varies; sector sizes and crashes in recovery with workloads of up to two operations.

${tableOf(growth.rows)}
_New_ are the conversations between engine and disk that were not heard before, so that an engine had to run.

![Growth with the length of workloads](${PLOT_NAME})

${nightsOf(growth)}
`;
  const page = readFileSync(SCALE_FILE, "utf8");
  if (!SECTION.test(page)) throw new Error(`${SCALE_FILE} lacks the lines between which growth is written.`);
  return page.replace(SECTION, (_, begin: string, end: string) => begin + section + end);
}
