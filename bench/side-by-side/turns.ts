/**
 * One case, measured: the contestants take turns, so that what slows the machine down slows down all of them.
 * @module
 */
import { rmSync } from "node:fs";
import path from "node:path";
import type { Extent, Measurement } from "../../properties/documents/performance.ts";
import type { RunningContestant } from "./contestants.ts";
import type { Case } from "./plan.ts";
import type { Sample } from "./stopwatch.ts";

const NS_PER_MS = 1e6;

/** A contestant, as far as it is needed here. */
export type Participant = Pick<RunningContestant, "about" | "fill" | "measure">;

/** Fills a log for each contestant, if there is none yet, and says where it is. */
export type LogFor = (contestant: Participant, payloadBytes: number, records: number) => Promise<string>;

/**
 * Measures a case, after one repetition that is not counted.
 *
 * @param warmUpMs how long a piece of that repetition is
 * @param directory for logs that are begun
 * @param logFor where logs that are read are
 * @param isStopped asked before each piece; if it is, there is nothing to return
 */
export async function takeTurns(
  one: Case,
  contestants: readonly Participant[],
  extent: Extent,
  warmUpMs: number,
  directory: string,
  logFor: LogFor,
  isStopped: () => boolean,
): Promise<Measurement[]> {
  const logs = new Map<Participant, string>();
  if (one.logRecords > 0)
    for (const contestant of contestants)
      logs.set(contestant, await logFor(contestant, one.payloadBytes, one.logRecords));
  const samples = new Map<Participant, Sample[]>(contestants.map((contestant) => [contestant, []]));
  for (let repetition = 0; repetition <= extent.repetitions; repetition += 1) {
    // So that nobody always comes after the same other one.
    const first = repetition % contestants.length;
    for (const contestant of [...contestants.slice(first), ...contestants.slice(0, first)]) {
      if (isStopped()) return [];
      const log = logs.get(contestant);
      const sample = await contestant.measure({
        ...one,
        ...extent,
        pieceMs: repetition === 0 ? warmUpMs : extent.pieceMs,
        directory: log ?? path.join(directory, "begun"),
      });
      if (log === undefined) rmSync(path.join(directory, "begun"), { recursive: true, force: true });
      if (repetition > 0) samples.get(contestant)?.push(sample);
    }
  }
  const { question, variant, payloadBytes } = one;
  return contestants.map((contestant) => {
    const own = samples.get(contestant) ?? [];
    const ns = (ms: (sample: Sample) => number): number[] =>
      own.map((sample) => Math.round((ms(sample) * NS_PER_MS) / sample.count));
    return {
      question,
      variant,
      payloadBytes,
      contestant: contestant.about.name,
      wallNs: ns(({ wallMs }) => wallMs),
      cpuNs: ns(({ cpuMs }) => cpuMs),
    };
  });
}
