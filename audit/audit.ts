/**
 * Auditing a data directory: every record of every stream from the first on, with two readers that share no
 * code, and everything beside the records that bears witness to them.
 *
 * Promises: nothing is opened for writing, no lock is taken, so a running writer is not disturbed; memory
 * does not grow with the log, but with the ranges of offsets that tombstones name. Does not promise: to see
 * what is appended after it began.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { type Disk, NodeDisk } from "../src/index.ts";
import type { AnchorInFile } from "./anchor.ts";
import { namesIn, noStreams, strayFindings, streamsAmong } from "./directory.ts";
import { heldAgainst, type Trust } from "./held-anchors.ts";
import { jobsOf, type Outline, outlineOf } from "./outline.ts";
import { readOnly } from "../src/disk/read-only-disk.ts";
import {
  AUDIT_SCHEMA,
  type AuditFinding,
  type AuditReport,
  type FindingCode,
  isAgainst,
  type SegmentReport,
  type StreamReport,
} from "./report.ts";
import { auditSegment, type SegmentJob, whileChanging } from "./segment.ts";
import { joined } from "./stream.ts";

const CHUNK_BYTES = 1 << 18;
/** How often a stream is audited of which segments are sealed or replaced meanwhile. */
const LOOKS_MAX = 5;

/** What to audit, and how. */
export interface AuditOptions {
  /** Only this stream. */
  readonly stream?: string | undefined;
  /**
   * Whether a directory without streams is what it should be. By default it is refused: a wrong path has none
   * either.
   */
  readonly allowEmpty?: boolean | undefined;
  readonly anchors?: readonly AnchorInFile[] | undefined;
  readonly trust?: Trust | undefined;
  readonly disk?: Disk | undefined;
  /** Audits segments, by default one after the other, and hands the reports over in the order of the jobs. */
  readonly run?: RunSegments | undefined;
}

export type RunSegments = (
  jobs: readonly SegmentJob[],
  take: (report: SegmentReport, job: SegmentJob) => void,
) => Promise<void>;

/**
 * Audits a data directory.
 *
 * @throws NoStreams if there is nothing to audit and `allowEmpty` does not say that there need be; NoteError
 * as `heldAgainst`; StorageError `io`; what the disk throws
 * @example
 * ```ts
 * const report = await audit("/data/kimberlite", { anchors: parseAnchors(readFileSync("anchors.txt")) });
 * if (!report.clean) console.log(report.streams.flatMap(({ findings }) => findings));
 * ```
 */
export async function audit(
  directory: string,
  options: AuditOptions = {},
): Promise<Omit<AuditReport, "seconds">> {
  const disk = readOnly(options.disk ?? new NodeDisk());
  const root = await disk.resolve(directory);
  const { anchors = [], trust = { verifiers: [] } } = options;
  const names = await namesIn(disk, root);
  const streams = streamsAmong(names).filter((stream) => stream === (options.stream ?? stream));
  const findings = options.stream === undefined ? strayFindings(root, names) : [];
  const byStream = new Map<string, AnchorInFile[]>();
  for (const anchor of anchors) {
    const stream = String(anchor.stream);
    const others = byStream.get(stream);
    if (others === undefined) byStream.set(stream, [anchor]);
    else others.push(anchor);
  }
  const anchorsOf = (stream: string): AnchorInFile[] => byStream.get(stream) ?? [];

  const outlines: Outline[] = [];
  for (const stream of streams) outlines.push(await outlineOf(disk, root, stream, CHUNK_BYTES));
  if (options.allowEmpty !== true && outlines.every(({ isEmpty }) => isEmpty))
    throw await noStreams(disk, root, names, options.stream);
  const run = options.run ?? oneByOne(disk);
  const auditOf = async (some: readonly Outline[]): Promise<StreamReport[]> => {
    const jobs = some.map((outline) => {
      const counts = anchorsOf(outline.stream).map(({ count }) => count);
      return jobsOf(outline, counts, CHUNK_BYTES);
    });
    const reports = new Map<string, SegmentReport[]>(some.map(({ path }) => [path, []]));
    await run(jobs.flat(), (report, job) => reports.get(job.path)?.push(report));
    return some.map((outline) =>
      joined(outline, reports.get(outline.path) ?? [], anchorsOf(outline.stream), trust),
    );
  };
  const outlineAgain = ({ stream }: Outline): Promise<Outline> => outlineOf(disk, root, stream, CHUNK_BYTES);
  const audited: StreamReport[] = [];
  for (const [i, report] of (await auditOf(outlines)).entries()) {
    const outline = outlines[i];
    if (outline !== undefined) audited.push(await settled({ report, outline }, outlineAgain, auditOf));
  }
  const there = new Set(streams);
  const strays =
    options.stream === undefined ? anchors.filter(({ stream }) => !there.has(String(stream))) : [];
  const missing = heldAgainst(
    strays,
    { nextOffset: 0, soundOffset: 0, hashes: new Map(), redactions: [] },
    trust,
  );
  const clean =
    [...findings, ...audited.flatMap((stream) => stream.findings)].every(
      ({ severity }) => severity === "notice",
    ) && ![...missing, ...audited.flatMap((stream) => stream.anchors)].some(isAgainst);
  return { schema: AUDIT_SCHEMA, directory, streams: audited, findings, anchors: missing, clean };
}

/** What a rotation or a compaction that came in the middle of an audit looks like, among other things. */
const MEANWHILE_CODES: ReadonlySet<FindingCode> = new Set([
  "unnamed-erasure",
  "wrong-manifest",
  "truncated-log",
  "wrong-index",
  "missing-index",
  "missing-segment",
  "unreadable-file",
]);

const mayBeOfWriter = ({ code, severity }: AuditFinding): boolean =>
  severity === "damage" && MEANWHILE_CODES.has(code);

/**
 * A report that no rotation or compaction fell into: a write-ahead file may have been removed since, a
 * segment be the old one beside its new index, or a redacted record be named by a tombstone that was appended
 * later, or a segment be gone that was merged. As long as the manifest or the segments are others than
 * before, the stream is audited again.
 */
async function settled(
  seen: { readonly report: StreamReport; readonly outline: Outline },
  outlineAgain: (outline: Outline) => Promise<Outline>,
  auditOf: (outlines: readonly Outline[]) => Promise<StreamReport[]>,
): Promise<StreamReport> {
  let { report, outline } = seen;
  for (let look = 1; report.findings.some(mayBeOfWriter); look += 1) {
    const now = await outlineAgain(outline);
    const isSame =
      isDeepStrictEqual(now.manifest, outline.manifest) && isDeepStrictEqual(now.segments, outline.segments);
    // A crash may have left it like this, so it is looked at once more only.
    const isReplacing = now.manifest?.replacing !== undefined;
    if (isSame && !(isReplacing && look === 1)) break;
    if (look === LOOKS_MAX) {
      const findings = report.findings.map((one) => (mayBeOfWriter(one) ? whileChanging(one) : one));
      return { ...report, findings };
    }
    outline = now;
    [report = report] = await auditOf([now]);
  }
  return report;
}

function oneByOne(disk: Disk): RunSegments {
  return async (jobs, take) => {
    for (const job of jobs) take(await auditSegment(job, disk), job);
  };
}
