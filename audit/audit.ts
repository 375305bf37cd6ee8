/**
 * Auditing a data directory: every record of every stream from the first on, with two readers that share no
 * code, and everything beside the records that bears witness to them.
 *
 * Promises: nothing is opened for writing, no lock is taken, so a running writer is not disturbed; memory
 * does not grow with the log. Does not promise: to see what is appended after it began.
 * @module
 */
import { type Disk, NodeDisk } from "../src/index.ts";
import type { AnchorInFile } from "./anchor.ts";
import { namesIn, noStreams, strayFindings, streamsAmong } from "./directory.ts";
import { heldAgainst, type Trust } from "./held-anchors.ts";
import { jobsOf, type Outline, outlineOf } from "./outline.ts";
import { readOnly } from "../src/disk/read-only-disk.ts";
import { AUDIT_SCHEMA, type AuditReport, isAgainst, type SegmentReport } from "./report.ts";
import { auditSegment, type SegmentJob } from "./segment.ts";
import { joined } from "./stream.ts";

const CHUNK_BYTES = 1 << 18;

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
  const jobs = outlines.map((outline) => {
    const counts = anchorsOf(outline.stream).map(({ count }) => count);
    return jobsOf(outline, counts, CHUNK_BYTES);
  });
  const reports = new Map<string, SegmentReport[]>(outlines.map(({ path }) => [path, []]));
  await (options.run ?? oneByOne(disk))(jobs.flat(), (report, job) => reports.get(job.path)?.push(report));

  const audited = outlines.map((outline) =>
    joined(outline, reports.get(outline.path) ?? [], anchorsOf(outline.stream), trust),
  );
  const there = new Set(streams);
  const strays =
    options.stream === undefined ? anchors.filter(({ stream }) => !there.has(String(stream))) : [];
  const missing = heldAgainst(strays, { nextOffset: 0, soundOffset: 0, hashes: new Map() }, trust);
  const clean =
    [...findings, ...audited.flatMap((stream) => stream.findings)].every(
      ({ severity }) => severity === "notice",
    ) && ![...missing, ...audited.flatMap((stream) => stream.anchors)].some(isAgainst);
  return { schema: AUDIT_SCHEMA, directory, streams: audited, findings, anchors: missing, clean };
}

function oneByOne(disk: Disk): RunSegments {
  return async (jobs, take) => {
    for (const job of jobs) take(await auditSegment(job, disk), job);
  };
}
