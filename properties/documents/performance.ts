/**
 * What `npm run bench` measures and writes to a file: who took part, on what, and how long each record took
 * in each repetition.
 * @module
 */
import { readFileSync } from "node:fs";
import * as z from "zod/mini";

/** From the top of the repository, where it is written and read. */
const PERFORMANCE_FILE = "docs/performance.json";

/** What is asked of every contestant that can answer it. */
export const QUESTIONS = ["append", "append-synced", "callers", "read", "audit", "point", "reopen"] as const;
export type Question = (typeof QUESTIONS)[number];

/** What every other contestant is compared with. */
export const FLOOR = "floor";

/** Who takes part, and what of the engine's work it does. */
export interface About {
  readonly name: string;
  readonly version: string;
  /** How it is used here. */
  readonly use: string;
  /** What makes an edit of a stored record visible. */
  readonly hash: string;
  /** What makes accidental damage visible. */
  readonly checksum: string;
  /** What an append waits for that is to be durable; `null` where there is no such append. */
  readonly sync: string | null;
  /** What is verified when a record is read. */
  readonly reading: string;
  /** Whether it can verify a whole directory. */
  readonly audits: boolean;
}

/** One question to one contestant. */
export interface Measurement {
  readonly question: Question;
  /** The size of a batch, or whether a read is the first one; empty where there is but one way. */
  readonly variant: string;
  readonly payloadBytes: number;
  readonly contestant: string;
  /** For each repetition the nanoseconds that passed for one record, or for one opening. */
  readonly wallNs: readonly number[];
  /** The same in CPU time of all threads of the contestant's process. */
  readonly cpuNs: readonly number[];
}

/** Where it was measured. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly fileSystem: string;
  readonly node: string;
}

/** How much was measured. */
export interface Extent {
  readonly repetitions: number;
  /** A measured piece ends after so many milliseconds, or after so many bytes of payloads. */
  readonly pieceMs: number;
  readonly pieceBytes: number;
  /** The first piece of a question, which is not counted, ends after so many milliseconds. */
  readonly warmUpMs: number;
  /** Size of a log that is read from one end to the other, at most, in bytes of payloads. */
  readonly readBytes: number;
  /** Size of the log in which records are looked up, and which is opened again, in bytes of payloads. */
  readonly logBytes: number;
}

/** All of a run. */
export interface PerformanceRun {
  readonly command: string;
  readonly minutes: number;
  readonly machine: Machine;
  readonly extent: Extent;
  readonly contestants: readonly About[];
  readonly measurements: readonly Measurement[];
}

const about: z.ZodMiniType<About> = z.strictObject({
  name: z.string(),
  version: z.string(),
  use: z.string(),
  hash: z.string(),
  checksum: z.string(),
  sync: z.nullable(z.string()),
  reading: z.string(),
  audits: z.boolean(),
});
const times = z.array(z.number()).check(z.minLength(1));
const measurement: z.ZodMiniType<Measurement> = z.strictObject({
  question: z.enum(QUESTIONS),
  variant: z.string(),
  payloadBytes: z.int(),
  contestant: z.string(),
  wallNs: times,
  cpuNs: times,
});
const machine: z.ZodMiniType<Machine> = z.strictObject({
  processor: z.string(),
  cores: z.int(),
  memoryGib: z.number(),
  system: z.string(),
  fileSystem: z.string(),
  node: z.string(),
});
const extent: z.ZodMiniType<Extent> = z.strictObject({
  repetitions: z.int(),
  pieceMs: z.number(),
  pieceBytes: z.int(),
  warmUpMs: z.number(),
  readBytes: z.int(),
  logBytes: z.int(),
});
const runSchema: z.ZodMiniType<PerformanceRun> = z.strictObject({
  command: z.string(),
  minutes: z.number(),
  machine,
  extent,
  contestants: z.array(about),
  measurements: z.array(measurement),
});

/** What `npm run bench` measured last. @throws Error for a file that is not its */
export const readPerformance = (): PerformanceRun =>
  runSchema.parse(JSON.parse(readFileSync(PERFORMANCE_FILE, "utf8")));

/** The measurements of a question, those of one row together, in the order in which they were made. */
export function rowsOf(
  measurements: readonly Measurement[],
  question: Question,
): readonly (readonly Measurement[])[] {
  const rows = new Map<string, Measurement[]>();
  for (const one of measurements) {
    if (one.question !== question) continue;
    const key = `${one.variant} ${one.payloadBytes}`;
    rows.set(key, [...(rows.get(key) ?? []), one]);
  }
  return [...rows.values()];
}
