/**
 * What Kimberlite would make of a `sentinel` stream: its indexes, which it takes literally, held against what
 * the segments hold, and what it reads.
 * @module
 */
import type { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import { kimberliteReads } from "../model/kimberlite-reader.ts";
import { loadIndex } from "../model/kimberlite-writer.ts";
import { type ModelLog, read as modelRead } from "../model/log.ts";
import { claimedSize, readStream } from "../model/reader.ts";
import type { Format } from "../src/index.ts";
import { nobody } from "../explore/choice.ts";
import { streamFiles } from "./comparison.ts";
import { I1 } from "./invariants/corruption.ts";
import { attempt, type Counts, observe } from "./tally.ts";

/** Whether a file in a stream's directory is one that Kimberlite looks at. */
const isKimberlites = (name: string): boolean =>
  name === "manifest.json" || /^segment_\d+\.log(\.idx(\.wal)?)?$/.test(name);

/**
 * Each of them must name the records of its segment and nothing else.
 *
 * @param atRest whether nobody has the stream open, so that each segment must have one
 */
export function checkKimberliteIndexes(
  disk: SimulatedDisk,
  path: string,
  format: Format,
  counts: Counts,
  { atRest }: { readonly atRest: boolean },
): void {
  if (format === "plain") return;
  const files = streamFiles(disk.fork(nobody), path, isKimberlites);
  for (const [segment, { file: name, count }] of readStream(files, format).end.entries()) {
    const isThere = files.has(`${name}.idx`);
    if (!isThere && !atRest) continue;
    const bytes = files.get(name) ?? Buffer.alloc(0);
    const positions: number[] = [];
    for (let at = 0; positions.length < count; at += claimedSize(format, bytes.subarray(at)) ?? 0)
      positions.push(at);
    const named = isThere ? loadIndex(files, segment) : undefined;
    observe(counts, I1.kimberliteIndex, { file: `${name}.idx`, positions, named });
  }
}

/**
 * Kimberlite must read the data of a stream at rest, from every offset. Payloads must be stored as they are.
 */
export async function checkKimberliteReads(
  disk: SimulatedDisk,
  path: string,
  log: ModelLog,
  counts: Counts,
): Promise<void> {
  const files = streamFiles(disk.fork(nobody), path, isKimberlites);
  for (let from = 0n; from <= BigInt(log.records.length); from += 1n) {
    const found = await attempt(I1.kimberliteRead, `Kimberlite to read from offset ${String(from)}`, () =>
      Promise.resolve(kimberliteReads(files, from)),
    );
    const appended = modelRead(log, from, Number.POSITIVE_INFINITY);
    observe(counts, I1.kimberliteRead, { from, appended, found });
  }
}
