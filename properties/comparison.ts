/**
 * Holding what a storage shows, and what lies in its files, against the model.
 * @module
 */
import type { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import {
  head as modelHead,
  type ModelLog,
  range as modelRange,
  read as modelRead,
  type ShownRecord,
} from "../model/log.ts";
import { indexFiles, type IndexReading, readFrames, readIndex } from "../model/index-reader.ts";
import { claimedSize, readStream } from "../model/reader.ts";
import type { Format, StorageBackend, StreamStatus, Verification } from "../src/index.ts";
import type { InvariantId } from "./catalogue.ts";
import { plainText } from "./plain-text.ts";
import { attempt, check, type Counts } from "./tally.ts";

/** Everything: more bytes than any stream here has. */
const ALL = Number.MAX_SAFE_INTEGER;

export function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}

/** Whether two records say the same. */
export function sameRecord(a: ShownRecord, b: ShownRecord | undefined): boolean {
  return (
    b?.offset === a.offset &&
    a.kind === b.kind &&
    sameBytes(a.payload, b.payload) &&
    sameBytes(a.prevHash, b.prevHash)
  );
}

/** Whether two lists of records are equal. */
export function sameRecords(a: readonly ShownRecord[], b: readonly ShownRecord[]): boolean {
  return a.length === b.length && a.every((record, i) => sameRecord(record, b[i]));
}

/** A log in a line: offsets, and payloads of data records or the kind of others. */
export function show(records: readonly ShownRecord[]): string {
  const parts = records.map(({ offset, kind, payload }) => {
    const content =
      kind === "data" ? JSON.stringify(plainText(Buffer.from(payload).toString("latin1"))) : kind;
    return `${String(offset)}:${content}`;
  });
  return `[${parts.join(" ")}]`;
}

/** What an engine shows of a stream and what recovery reported, for a person who follows a run. */
export function showStatus(status: StreamStatus, shown: readonly ShownRecord[]): string {
  const findings = status.findings.map(({ what, action, error }) => `${what}, ${action}: ${error.message}`);
  return `   shows ${show(shown)}${findings.map((line) => `\n         reports ${line}`).join("")}`;
}

/** What can be read. */
type Reader = Pick<StorageBackend, "head" | "readFrom" | "readRecords">;

/** A way of reading a part of a stream. */
type Way = Readonly<{ from: bigint; to: bigint; limit: number; reverse: boolean; verify: Verification }>;

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

/** What a backend gives where it does not give what the model has, by any of these ways. */
async function wrongRange(
  backend: Reader,
  stream: bigint,
  log: ModelLog,
  ways: readonly Way[],
): Promise<{ readonly expected: string; readonly seen: string } | undefined> {
  for (const way of ways) {
    const { from, ...options } = way;
    const expected = modelRange(log, way);
    const seen = await backend.readRecords(stream, from, ALL, options);
    if (sameRecords(seen, expected)) continue;
    const { to, limit, reverse, verify } = way;
    const asked = `from ${String(from)} to ${String(to)}, at most ${limit}, ${reverse ? "backwards" : "forwards"}, verified as ${verify}`;
    return { expected: `${asked}: ${show(expected)}`, seen: show(seen) };
  }
  return undefined;
}

/**
 * Reads a whole stream with verification from its first record, and where it ends; both must be the model's. So must what it gives by other
 * ways of reading.
 */
export async function checkRecords(
  backend: Reader,
  stream: bigint,
  log: ModelLog,
  invariant: InvariantId,
  counts: Counts,
  ways: readonly Way[] = [],
): Promise<void> {
  const shown = await attempt(invariant, "a read of the whole stream to succeed", () =>
    backend.readRecords(stream, 0n, ALL, { verify: "genesis" }),
  );
  const wrong = await attempt(invariant, "every way of reading to succeed", () =>
    wrongRange(backend, stream, log, ways),
  );
  check(
    counts,
    invariant,
    sameRecords(shown, log.records) && wrong === undefined,
    () => `stream ${String(stream)} to show ${wrong?.expected ?? show(log.records)}`,
    () => wrong?.seen ?? show(shown),
  );
  const { nextOffset, head } = await backend.head(stream);
  check(
    counts,
    "H2",
    Number(nextOffset) === log.records.length && sameBytes(head, modelHead(log)),
    () => `stream ${String(stream)} to end at ${log.records.length} with ${hex(modelHead(log))}`,
    () => `${String(nextOffset)} with ${hex(head)}`,
  );
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
      const payloads = await attempt("I1", "a read to succeed", () =>
        backend.readFrom(stream, from, 2, { verify }),
      );
      const expected = modelRead(log, from, 2);
      check(
        counts,
        "I1",
        payloads.length === expected.length &&
          payloads.every((payload, i) => sameBytes(payload, expected[i])),
        () => `from offset ${String(from)}: ${expected.map(hex).join(" ")}`,
        () => payloads.map(hex).join(" "),
      );
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

/** The same without a call to the disk, for one of which nothing is undecided: nobody who watches it sees that they were read. */
export function filesIn(disk: SimulatedDisk, path: string): Map<string, Uint8Array> {
  const inside = [...disk.files()].filter(([file]) => file.startsWith(`${path}/`));
  return new Map(inside.map(([file, bytes]) => [file.slice(path.length + 1), bytes]));
}

const isSegment = (name: string): boolean => name.endsWith(".log");

/** The model's own reader must find the log in the segment files. */
export function checkSegments(disk: SimulatedDisk, path: string, log: ModelLog, counts: Counts): void {
  const files = log.records.length === 0 ? new Map<string, Buffer>() : streamFiles(disk, path, isSegment);
  const reading = readStream(files, log.format);
  check(
    counts,
    "M3",
    reading.problem === undefined && sameRecords(reading.records, log.records),
    () => `the files of ${path} to hold ${show(log.records)}`,
    () => `${show(reading.records)} ${reading.problem?.sentence ?? ""}`,
  );
}

/** As `checkSegments`, and the index files must name the records' true positions. */
export function checkFiles(disk: SimulatedDisk, path: string, log: ModelLog, counts: Counts): void {
  checkSegments(disk, path, log, counts);
  if (log.records.length === 0) return;
  const files = streamFiles(disk, path, (name) => name.includes(".log"));
  const { end } = readStream(files, log.format);
  let first = 0;
  for (const { segment, count } of end) {
    const name = `segment_${String(segment).padStart(6, "0")}.log`;
    const truth = log.records.slice(first, first + count);
    first += count;
    const { saved, frames } = indexFiles(files, name, log.format);
    const index = saved === undefined ? undefined : readIndex(saved);
    const all = frames === undefined ? index : readFrames(frames, index);
    const bytes = files.get(name) ?? Buffer.alloc(0);
    if (index !== undefined)
      checkIndex(`the saved index of ${name}`, index, { format: log.format, truth, bytes }, counts);
    if (all !== undefined)
      checkIndex(`the write-ahead file of ${name}`, all, { format: log.format, truth, bytes }, counts);
    const sealed = segment < end.length - 1;
    check(
      counts,
      "I1",
      !sealed || index?.entries.length === count,
      () => `the index of sealed ${name} to cover its ${count} records`,
      () => String(index?.entries.length),
    );
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
  const expected = truth.slice(0, index.entries.length).map(({ kind }) => {
    const at = position;
    position += claimedSize(format, bytes.subarray(at)) ?? 0;
    return `${kind}@${at}`;
  });
  const seen = index.entries.map((entry) => `${String(entry.kind)}@${entry.position}`);
  const last = truth[index.entries.length - 1];
  check(
    counts,
    "I1",
    index.problem === undefined &&
      seen.join() === expected.join() &&
      index.end === position &&
      (last === undefined || sameBytes(index.headHash, last.hash)),
    () => `${file} to name ${expected.join(" ")} up to ${position}`,
    () => `${seen.join(" ")} up to ${index.end} ${index.problem ?? ""}`,
  );
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
