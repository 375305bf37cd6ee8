/**
 * Auditing one segment: both readers over all of its records, its index files held against them, and a name
 * for whatever is damaged.
 *
 * A segment is audited by itself, so that many can be at once; that its first record continues the segment
 * before is for whoever joins them to see. Memory does not grow with the segment.
 * @module
 */
import {
  CodecRegistry,
  type Disk,
  type DiskFile,
  type Format,
  NodeDisk,
  type RecordKind,
} from "../src/index.ts";
import { rangeOf } from "../src/format/offset-ranges.ts";
import { deserializeTombstonePayload } from "../src/format/tombstone.ts";
import { io, ioError, isMissing } from "../src/disk/files.ts";
import { segmentName } from "../src/disk/names.ts";
import type { SegmentNumbers } from "../src/segment-numbers.ts";
import { formatNamed } from "../src/format/formats.ts";
import type { Region } from "../src/segment/resynchronise.ts";
import { causeOf } from "./cause.ts";
import { ErasureWatch, sameErasures } from "./erasures.ts";
import { type Gap, readSegment } from "./first-reader.ts";
import type { OpenedFile } from "./index-entries.ts";
import { IndexWatch } from "./index-files.ts";
import { readOnly } from "../src/disk/read-only-disk.ts";
import { type AuditFinding, FINDING_CODES, type SegmentReport } from "./report.ts";
import type { VerifiedRecord } from "./run.ts";
import { disagreements } from "./second-reader.ts";
import { refusalOf, unreadable } from "./unreadable.ts";

/**
 * Which segment to audit, and what is known of it beforehand. Plain data, so that it can be sent to a worker.
 */
export interface SegmentJob extends SegmentNumbers {
  /** Path of the stream's directory. */
  readonly path: string;
  readonly format: Format;
  /** Whether it was empty and not in the manifest yet; then what it holds now was appended since. */
  readonly isEmpty: boolean;
  /** Whether a later segment exists. */
  readonly isSealed: boolean;
  /**
   * Whether the engine writes this stream, so that a write-ahead file of its own is there before the first
   * record is.
   */
  readonly hasOwnIndex: boolean;
  /** Offset of its first record, if that record cannot be read. */
  readonly fallbackOffset: number;
  /** One more than the offset of its last record, if the manifest or an index file tells it. */
  readonly knownEnd?: number | undefined;
  /** How many bytes a manifest of Kimberlite's says that the segment had after an append that was whole. */
  readonly claimedBytes: number;
  /** Numbers of records at which the chain hash is wanted. */
  readonly counts: readonly number[];
  readonly chunkBytes: number;
}

/** How often a segment that is written to while it is read is looked at again. */
const LOOKS_MAX = 5;
/** How many bytes are read between two reports of progress. */
const PROGRESS_BYTES = 1 << 23;

/**
 * Audits a segment; what cannot be read is a finding.
 *
 * @param progress is told how many bytes more were read
 * @throws StorageError `io`, if it is about no file
 */
export async function auditSegment(
  job: SegmentJob,
  disk: Disk = new NodeDisk(),
  progress: (bytes: number) => void = () => undefined,
): Promise<SegmentReport> {
  const file = `${job.path}/${segmentName(job)}`;
  if (job.isEmpty) return withoutRecords(job, true, []);
  const refused: AuditFinding[] = [];
  for (let look = 1; ; look += 1) {
    let seen: AuditPass;
    try {
      seen = await lookAt(job, readOnly(disk), refused, look === 1 ? progress : () => undefined);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      const isIndex = refusal.file !== undefined && refusal.file !== file;
      refused.push(unreadable(refusal.file ?? file, refusal.why));
      // An index is only a witness: without it the records are read all the same.
      if (isIndex && refused.length < LOOKS_MAX) continue;
      return withoutRecords(job, false, refused);
    }
    const report = { ...seen.report, findings: [...seen.report.findings, ...refused] };
    // A writer may have been in the middle of an append, or have saved its index: what looked torn is whole
    // now.
    if (job.isSealed || !seen.changed || report.findings.length === 0) return report;
    if (look >= LOOKS_MAX) return { ...report, findings: report.findings.map(whileChanging) };
  }
}

/** The report on a segment of which no record was read. */
function withoutRecords(job: SegmentJob, wasRead: boolean, findings: readonly AuditFinding[]): SegmentReport {
  return {
    number: job.number,
    last: job.last,
    file: `${job.path}/${segmentName(job)}`,
    wasRead,
    bytes: 0,
    tornBytes: 0,
    firstOffset: undefined,
    nextOffset: job.fallbackOffset,
    firstPrevHash: undefined,
    head: undefined,
    kinds: { data: 0, checkpoint: 0, tombstone: 0, redacted: 0 },
    erased: 0,
    erasures: { redactions: [], named: [] },
    payloadBytes: 0,
    hashes: [],
    lastEnd: 0,
    gapOffset: wasRead ? undefined : job.fallbackOffset,
    findings,
  };
}

/** What was found of a file that somebody is writing to proves nothing, unless it is in the log itself. */
export function whileChanging(finding: AuditFinding): AuditFinding {
  if (finding.severity === "notice" || finding.file.endsWith(".log")) return finding;
  const cause = `The file was written to while it was read. Audit again when the writer is idle. ${finding.cause}`;
  return { ...finding, severity: "notice", cause };
}

/** What one look at a segment came to, and whether somebody wrote to its files meanwhile. */
interface AuditPass {
  readonly report: SegmentReport;
  readonly changed: boolean;
}

/** Where what is left of an append begins that a crash has torn, and what is said of it. */
interface Torn {
  readonly position: number;
  readonly finding: AuditFinding;
}

/** @param refused findings of files that are not looked at again */
async function lookAt(
  job: SegmentJob,
  disk: Disk,
  refused: readonly AuditFinding[],
  progress: (bytes: number) => void,
): Promise<AuditPass> {
  const opened: OpenedFile[] = [];
  const sizes = new Map<string, number | undefined>();
  const open = async (name: string): Promise<OpenedFile | undefined> => {
    const path = `${job.path}/${name}`;
    if (refused.some(({ file }) => file === path)) return undefined;
    const entry = await openIfThere(disk, path);
    sizes.set(path, entry?.size);
    if (entry !== undefined) opened.push(entry);
    return entry;
  };
  const watched = (): Promise<IndexWatch> =>
    IndexWatch.open(open, { ...job, hasOwnIndex: job.hasOwnIndex && refused.length === 0 });
  try {
    const watch = await watched();
    const segment = await open(segmentName(job));
    if (segment === undefined) {
      const gone = unreadable(
        `${job.path}/${segmentName(job)}`,
        "it was removed since the audit began, or is a link that leads nowhere",
      );
      return { report: withoutRecords(job, false, [gone]), changed: false };
    }
    const first = await auditBytes(job, segment, watch, progress);
    const report =
      first.torn === undefined ? first.report : await withoutTorn(job, segment, await watched(), first.torn);
    // By name: an index that was saved meanwhile is another file.
    for (const [path, size] of sizes) {
      const now = await openIfThere(disk, path);
      await now?.file.close();
      if (now?.size !== size) return { report, changed: true };
    }
    return { report, changed: false };
  } finally {
    for (const { file } of opened) await file.close();
  }
}

/** The report on a segment up to where an append was torn, as recovery will leave it. */
async function withoutTorn(
  job: SegmentJob,
  segment: OpenedFile,
  watch: IndexWatch,
  torn: Torn,
): Promise<SegmentReport> {
  const { report } = await auditBytes(job, { ...segment, size: torn.position }, watch, () => undefined);
  const findings = [torn.finding, ...report.findings];
  return { ...report, bytes: segment.size, tornBytes: segment.size - torn.position, findings };
}

async function openIfThere(disk: Disk, path: string): Promise<OpenedFile | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, "read");
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw ioError("opening a file", { file: path }, cause);
  }
  return { file, path, size: await io("asking for a file's size", { file: path }, () => file.size()) };
}

async function auditBytes(
  job: SegmentJob,
  { file, path, size }: OpenedFile,
  watch: IndexWatch,
  progress: (bytes: number) => void,
): Promise<{ readonly report: SegmentReport; readonly torn: Torn | undefined }> {
  const format = formatNamed(job.format);
  const { chunkBytes, fallbackOffset, knownEnd } = job;
  const codecs = format.codecs(new CodecRegistry());
  const region: Region = { format, file, path, end: size, codecs, chunkBytes };
  const kinds: Record<RecordKind, number> = { data: 0, checkpoint: 0, tombstone: 0, redacted: 0 };
  const wanted = new Set(job.counts);
  const hashes: SegmentReport["hashes"][number][] = [];
  const erasures = new ErasureWatch();
  let erased = 0;
  let payloadBytes = 0;
  let told = 0;
  const tell = (position: number): void => {
    if (position - told < PROGRESS_BYTES) return;
    progress(position - told);
    told = position;
  };
  const see = (record: VerifiedRecord): Promise<void> => {
    const { kind, offset: from, places, payload, position } = record;
    const to = from + places;
    kinds[kind] += 1;
    payloadBytes += payload.length;
    if (wanted.has(to)) hashes.push({ count: to, hash: record.hash.toString("hex"), end: record.end });
    if (kind === "redacted") {
      erased += places;
      erasures.redaction({ from, to, position });
    } else if (kind === "tombstone" && format.hidesRecords) {
      erasures.tombstone(rangeOf(deserializeTombstonePayload(payload)));
    }
    tell(record.end);
    return watch.record(record);
  };
  const { runs, gaps } = await readSegment(region, fallbackOffset, { record: see, searched: tell }, knownEnd);
  const [first, last] = [runs[0], runs.at(-1)];
  const nextOffset = last?.nextOffset ?? fallbackOffset;
  const lastEnd = last?.end ?? 0;
  const indexFindings = await watch.finish({ nextOffset, lastEnd, bytes: size });
  const findings: AuditFinding[] = [];
  let torn: Torn | undefined;
  const second = await disagreements(region, { runs, gaps });
  const seen = erasures.seen();
  const disagreed = [...second.found];
  // Where one of them refuses a record, that is said already.
  if (disagreed.length === 0 && !sameErasures(seen, second.erasures)) {
    const sentence = "The two readers see different redacted records, or tombstones that name other records.";
    disagreed.push({ position: 0, offset: first?.offset ?? fallbackOffset, sentence });
  }
  for (const [i, gap] of gaps.entries()) {
    // A record that one of the readers accepts is none that a crash has torn.
    const isCandidate = i === 0 && disagreed.every(({ position }) => position !== gap.position);
    const { finding, isTorn } = await gapFinding(region, job, gap, watch, isCandidate);
    if (isTorn) torn = { position: gap.position, finding };
    findings.push(finding);
  }
  for (const { position, offset, sentence } of disagreed) {
    findings.push({
      severity: "damage",
      code: "readers-disagree",
      file: path,
      position,
      offset,
      sentence,
      cause: "One of the two readers is wrong. Please report it with the file.",
    });
  }
  progress(size - told);
  const report = {
    number: job.number,
    last: job.last,
    file: path,
    wasRead: true,
    bytes: size,
    tornBytes: 0,
    firstOffset: first?.offset,
    nextOffset,
    firstPrevHash: first?.start === 0 ? first.prevHash.toString("hex") : undefined,
    head: last?.end === size ? last.head.toString("hex") : undefined,
    kinds,
    erased,
    erasures: seen,
    payloadBytes,
    hashes,
    lastEnd,
    gapOffset: gaps[0]?.offset,
    findings: [...findings, ...indexFindings],
  };
  return { report, torn };
}

/**
 * What is said of a gap; a notice if it is what a crash leaves of an append that nothing names: the recovery
 * table (docs/RECOVERY.md) cuts that. So nothing after it counts, not even intact records, where the
 * write-ahead file is there to say what was durable.
 */
async function gapFinding(
  region: Region,
  job: SegmentJob,
  gap: Gap,
  watch: IndexWatch,
  isCandidate: boolean,
): Promise<{ readonly finding: AuditFinding; readonly isTorn: boolean }> {
  const { file, format, path, end } = region;
  const wasDurable = gap.position < watch.watermark;
  const wasWhole = wasDurable || gap.position < job.claimedBytes || gap.position <= watch.farthest;
  const mayBeTorn = isCandidate && !job.isSealed && !wasWhole && (gap.behind === undefined || watch.hasLog);
  const isTail = !job.isSealed && gap.behind === undefined && gap.end === end;
  const isLost = gap.behind !== undefined && gap.behind > gap.offset && gap.end > gap.position;
  const { sentence, isTorn } = await causeOf({ format, file, path, gap, isTail, wasWhole, mayBeTorn });
  const finding: AuditFinding = {
    severity: isTorn ? "notice" : "damage",
    code: FINDING_CODES.find((code) => code === gap.flaw.code) ?? "malformed",
    file: path,
    position: gap.position,
    end: isTorn ? end : gap.end,
    offset: gap.offset,
    records: isLost && !isTorn ? gap.behind - gap.offset : undefined,
    sentence: wasDurable
      ? `${gap.flaw.sentence} What was here was durable: an index entry proves it.`
      : gap.flaw.sentence,
    cause: isTorn ? `${sentence} ${NOTHING_LOST}` : sentence,
  };
  return { finding, isTorn };
}

const NOTHING_LOST =
  "No index and no manifest names it, so nothing that was acknowledged as durable is known to be lost.";
