/**
 * Holding what a storage shows, and what lies in its files, against the model.
 * @module
 */
import type { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import { type ModelLog, read as modelRead, type ShownRecord } from "../model/log.ts";
import { indexFiles, type IndexReading, readFrames, readIndex } from "../model/index-reader.ts";
import { claimedSize, readStream } from "../model/reader.ts";
import type { Format, StorageBackend, StreamStatus } from "../src/index.ts";
import { inFull, rangeShown } from "./erased.ts";
import type { Way, WholeRead } from "./invariants/agreement.ts";
import type { InvariantId } from "./invariants/catalogue.ts";
import { H2 } from "./invariants/chain.ts";
import { M3 } from "./invariants/conformance.ts";
import { K2, K3, K4 } from "./invariants/compaction.ts";
import { I1 } from "./invariants/corruption.ts";
import type { Check } from "./invariants/invariant.ts";
import { show } from "./records.ts";
import { attempt, type Counts, observe } from "./tally.ts";

/** Everything: more bytes than any stream here has. */
const ALL = Number.MAX_SAFE_INTEGER;

/** What an engine shows of a stream and what recovery reported, for a person who follows a run. */
export function showStatus(status: StreamStatus, shown: readonly ShownRecord[]): string {
  const findings = status.findings.map(({ what, action, error }) => `${what}, ${action}: ${error.message}`);
  return `   shows ${show(shown)}${findings.map((line) => `\n         reports ${line}`).join("")}`;
}

/** What the model has, in lines. */
export function showModel(logs: ReadonlyMap<bigint, ModelLog>): string {
  if (logs.size === 0) return "   model has no streams";
  const lines = [...logs].map(([stream, { records, written, durable }]) => {
    return `   model has stream ${String(stream)}: ${show(records)}, ${written} acknowledged, ${durable} durable`;
  });
  return lines.join("\n      ");
}

/** What the model allows after a crash, in a line. */
export function showAllowed({ records, written }: ModelLog): string {
  return `   model allows ${show(records)}, or less from its end but ${written} at least`;
}

/** What can be read. */
type Reader = Pick<StorageBackend, "head" | "readFrom" | "readRecords">;

/** Ways of reading that together begin and end anywhere, either way round, at every level of verification. */
export function waysOfReading(log: ModelLog): readonly Way[] {
  const end = BigInt(log.records.length);
  const last = end === 0n ? 0n : end - 1n;
  return [
    { from: 0n, to: end + 1n, limit: ALL, reverse: true, verify: "checkpoint" },
    { from: last, to: end, limit: 1, reverse: true, verify: "checkpoint" },
    { from: 1n, to: end, limit: 2, reverse: true, verify: "genesis" },
    { from: 0n, to: last, limit: ALL, reverse: true, verify: "record" },
    { from: 1n, to: last, limit: 2, reverse: false, verify: "checkpoint" },
  ];
}

/** What a backend gives by each of these ways, and what the model has. */
async function rangesOf(
  backend: Reader,
  stream: bigint,
  log: ModelLog,
  ways: readonly Way[],
): Promise<WholeRead["ranges"]> {
  const ranges = [];
  for (const way of ways) {
    const { from, ...options } = way;
    const shown = await backend.readRecords(stream, from, ALL, options);
    ranges.push({ way, ...rangeShown(log, way, shown) });
  }
  return ranges;
}

/**
 * Reads a whole stream with verification from its first record, and where it ends; both must be the model's.
 * So must what it gives by other ways of reading.
 */
export async function checkRecords(
  backend: Reader,
  stream: bigint,
  log: ModelLog,
  check: Check<WholeRead, InvariantId>,
  counts: Counts,
  ways: readonly Way[] = [],
): Promise<void> {
  const shown = await attempt(check, "a read of the whole stream to succeed", () =>
    backend.readRecords(stream, 0n, ALL, { verify: "genesis" }),
  );
  const ranges = await attempt(check, "every way of reading to succeed", () =>
    rangesOf(backend, stream, log, ways),
  );
  observeErasures(log, shown, counts);
  observe(counts, check, { stream, appended: log.records, shown: inFull(log, shown), ranges });
  const { nextOffset, head } = await backend.head(stream);
  observe(counts, H2.end, { stream, log, nextOffset, head });
}

/** Reads from every offset, and past the end; a read that begins at an offset goes through the index. */
export async function checkLookUps(
  backend: Reader,
  stream: bigint,
  log: ModelLog,
  counts: Counts,
): Promise<void> {
  for (let from = 0n; from <= BigInt(log.records.length); from += 1n) {
    for (const verify of ["record", "checkpoint"] as const) {
      const found = await attempt(I1.lookUp, "a read to succeed", () =>
        backend.readFrom(stream, from, 2, { verify }),
      );
      observe(counts, I1.lookUp, { from, appended: modelRead(log, from, 2), found });
    }
  }
}

/** The files of a stream's directory, by name; directories in it left out. */
export function streamFiles(
  disk: SimulatedDisk,
  path: string,
  wanted: (name: string) => boolean,
): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of disk.list(path)) {
    if (!wanted(name)) continue;
    const file = disk.open(`${path}/${name}`, "read");
    const bytes = Buffer.alloc(file.size());
    file.read(bytes, 0);
    file.close();
    files.set(name, bytes);
  }
  return files;
}

/**
 * The same without a call to the disk, for one of which nothing is undecided: nobody who watches it sees that
 * they were read.
 */
export function filesIn(disk: SimulatedDisk, path: string): Map<string, Uint8Array> {
  const inside = [...disk.files()].filter(([file]) => file.startsWith(`${path}/`));
  return new Map(inside.map(([file, bytes]) => [file.slice(path.length + 1), bytes]));
}

const isSegment = (name: string): boolean => name.endsWith(".log");

/** What is redacted in what was shown must be hidden in the log. */
function observeErasures(log: ModelLog, shown: readonly ShownRecord[], counts: Counts): void {
  for (const record of shown) if (record.kind === "redacted") observe(counts, K4.redacted, { log, record });
}

/** The model's own reader must find the log in the segment files. */
export function checkSegments(disk: SimulatedDisk, path: string, log: ModelLog, counts: Counts): void {
  const files = log.records.length === 0 ? new Map<string, Buffer>() : streamFiles(disk, path, isSegment);
  const { records: read, problem } = readStream(files, log.format);
  observeErasures(log, read, counts);
  observe(counts, M3.segments, {
    path,
    appended: log.records,
    read: inFull(log, read),
    problem: problem?.sentence,
  });
}

/** As `checkSegments`, and the index files must name the records' true positions. */
export function checkFiles(disk: SimulatedDisk, path: string, log: ModelLog, counts: Counts): void {
  checkSegments(disk, path, log, counts);
  if (log.records.length === 0) return;
  const files = streamFiles(disk, path, (name) => name.includes(".log"));
  const { records, end } = readStream(files, log.format);
  let first = 0;
  for (const [i, { file: name, count }] of end.entries()) {
    const truth = records.slice(first, first + count);
    first += count;
    const { saved, frames } = indexFiles(files, name, log.format);
    const index = saved === undefined ? undefined : readIndex(saved);
    const all = frames === undefined ? index : readFrames(frames, index);
    const bytes = files.get(name) ?? Buffer.alloc(0);
    if (index !== undefined)
      checkIndex(`the saved index of ${name}`, index, { format: log.format, truth, bytes }, counts);
    if (all !== undefined)
      checkIndex(`the write-ahead file of ${name}`, all, { format: log.format, truth, bytes }, counts);
    const isSealed = i < end.length - 1;
    observe(counts, I1.sealed, { segment: name, isSealed, records: count, covered: index?.entries.length });
  }
}

function checkIndex(
  file: string,
  index: IndexReading,
  {
    format,
    truth,
    bytes,
  }: { format: Format; truth: readonly { kind: string; hash: Uint8Array }[]; bytes: Uint8Array },
  counts: Counts,
): void {
  let position = 0;
  const covered = truth.slice(0, index.entries.length);
  const scanned = covered.map(({ kind }) => {
    const at = position;
    position += claimedSize(format, bytes.subarray(at)) ?? 0;
    return `${kind}@${at}`;
  });
  const scannedHead = truth[index.entries.length - 1]?.hash;
  observe(counts, I1.index, { file, index, scanned, scannedEnd: position, scannedHead });
}

/** After a compaction nothing that is hidden is left in a stream's directory. */
export function checkErased(disk: SimulatedDisk, path: string, log: ModelLog, counts: Counts): void {
  const files = filesIn(disk, path);
  const { records } = readStream(files, log.format);
  observe(counts, K3.directory, { path, log, records, files });
  observe(counts, K2.finished, { path, manifest: manifestIn(files) });
}

/** After a recovery nothing of a compaction is left half done. */
export function checkSettled(disk: SimulatedDisk, path: string, counts: Counts): void {
  const files = streamFiles(disk, path, (name) => name === "manifest.json");
  observe(counts, K3.unfinished, { path, names: disk.list(path) });
  observe(counts, K2.finished, { path, manifest: manifestIn(files) });
}

const manifestIn = (files: ReadonlyMap<string, Uint8Array>): string =>
  Buffer.from(files.get("manifest.json") ?? "").toString();
