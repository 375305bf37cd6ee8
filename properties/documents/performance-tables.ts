/**
 * The tables of what `npm run bench` measured, for a page and for a terminal: a row for each case, a column
 * for each contestant.
 * @module
 */
import { FLOOR, type Measurement, type Question, rowsOf } from "./performance.ts";
import { median, quartiles, speedRatios } from "./statistics.ts";
import { markdownTable } from "./table.ts";

/** What a question is called, and how its answers are told. */
interface Chapter {
  readonly title: string;
  readonly unit: "records a second" | "time";
}

/** In words. */
export const CHAPTERS: Readonly<Record<Question, Chapter>> = {
  append: { title: "Appends without sync", unit: "records a second" },
  "append-synced": { title: "Appends with sync", unit: "records a second" },
  callers: { title: "64 concurrent callers, with sync", unit: "records a second" },
  read: { title: "Sequential reads", unit: "records a second" },
  audit: { title: "Audit", unit: "records a second" },
  point: { title: "Point reads", unit: "time" },
  reopen: { title: "Opening again", unit: "time" },
};

/**
 * The answers to a question: the median, and in brackets the speed as a multiple of the floor's: the median
 * of the ratios within each repetition, and their quartiles.
 */
export const speedTable = (measurements: readonly Measurement[], question: Question): string =>
  tableOf(
    measurements,
    question,
    ({ wallNs }) => wallNs,
    CHAPTERS[question].unit === "time" ? duration : rate,
  );

/** The same of CPU time, for a record or for an opening. */
export const cpuTable = (measurements: readonly Measurement[], question: Question): string =>
  tableOf(measurements, question, ({ cpuNs }) => cpuNs, duration);

/**
 * How many times as fast one contestant is as each of the others: of the medians of the ratios in all cases
 * of a question, the lowest and the highest.
 */
export function comparisonTable(measurements: readonly Measurement[], name: string): string {
  const others = namesIn(measurements).filter((other) => other !== name);
  const questions = [...new Set(measurements.map(({ question }) => question))];
  const rows = questions.map((question) => [
    CHAPTERS[question].title,
    ...others.map((other) => {
      const ratios = rowsOf(measurements, question).flatMap((row) => {
        const own = row.find(({ contestant }) => contestant === name);
        const theirs = row.find(({ contestant }) => contestant === other);
        if (own === undefined || theirs === undefined) return [];
        return [median(speedRatios(own.wallNs, theirs.wallNs))];
      });
      const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)];
      if (ratios.length === 0) return "";
      return ratios.length === 1 ? ratio(lowest) : `${ratio(lowest)}-${ratio(highest)}`;
    }),
  ]);
  return markdownTable([[`${name}, times as fast as`, ...others], ...rows]);
}

/** A size in bytes, in binary units where that is shorter. */
export function size(bytes: number): string {
  if (bytes >= 2 ** 30) return `${bytes / 2 ** 30} GiB`;
  if (bytes >= 2 ** 20) return `${bytes / 2 ** 20} MiB`;
  return bytes >= 2 ** 10 ? `${bytes / 2 ** 10} KiB` : `${bytes} B`;
}

function tableOf(
  measurements: readonly Measurement[],
  question: Question,
  nsOf: (one: Measurement) => readonly number[],
  shown: (ns: number) => string,
): string {
  const rows = rowsOf(measurements, question);
  const names = namesIn(rows.flat());
  const cells = rows.map((row) => {
    const of = (name: string): Measurement | undefined => row.find(({ contestant }) => contestant === name);
    const floor = of(FLOOR);
    return [
      ...row.slice(0, 1).map(({ variant, payloadBytes }) => `${size(payloadBytes)} ${variant}`.trim()),
      ...names.map((name) => {
        const one = of(name);
        if (one === undefined) return "";
        const amount = shown(median(nsOf(one)));
        return floor === undefined || floor === one
          ? amount
          : `${amount} (${spread(speedRatios(nsOf(one), nsOf(floor)))})`;
      }),
    ];
  });
  return markdownTable([["payload", ...names], ...cells]);
}

function spread(ratios: readonly number[]): string {
  const { lower, median: middle, upper } = quartiles(ratios);
  return `${ratio(middle)}; ${ratio(lower)}-${ratio(upper)}`;
}

const namesIn = (measurements: readonly Measurement[]): string[] => [
  ...new Set(measurements.map(({ contestant }) => contestant)),
];

/** Three digits that mean something. */
function digits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(value >= 10 ? 3 : 2);
}

/** Of a duration, how many there are in a second. */
function rate(ns: number): string {
  const value = 1e9 / ns;
  if (value >= 1e6) return `${digits(value / 1e6)} M`;
  return value >= 1e3 ? `${digits(value / 1e3)} k` : digits(value);
}

function duration(ns: number): string {
  if (ns >= 1e6) return `${digits(ns / 1e6)} ms`;
  return ns >= 1e3 ? `${digits(ns / 1e3)} µs` : `${digits(ns)} ns`;
}

const ratio = (value: number): string =>
  value >= 10 ? digits(value) : value >= 0.1 ? value.toFixed(2) : String(Number(value.toPrecision(2)));
