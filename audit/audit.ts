/**
 * Auditing a data directory: every record of every stream from the first on, with two readers that share no code, and everything beside the
 * records that bears witness to them.
 *
 * Promises: nothing is opened for writing, no lock is taken, so a running writer is not disturbed; memory does not grow with the
 * log. Does not promise: to see what is appended after it began.
 * @module
 */
import { type Disk, NodeDisk } from "../src/index.ts";
import { LOCK_NAME } from "../src/files.ts";
import { MAX_STREAM_ID } from "../src/limits.ts";
import type { AnchorInFile } from "./anchor.ts";
import { heldAgainst, type Trust } from "./held-anchors.ts";
import { jobsOf, type Outline, outlineOf } from "./outline.ts";
import { readOnly } from "./read-only-disk.ts";
import { AUDIT_SCHEMA, type AuditReport, type Finding, isAgainst, type SegmentReport } from "./report.ts";
import { auditSegment, type SegmentJob } from "./segment.ts";
import { joined } from "./stream.ts";

const STREAM_NAME = /^(0|[1-9]\d{0,19})$/;
const CHUNK_BYTES = 1 << 18;

/** What to audit, and how. */
export interface AuditOptions {
  /** Only this stream. */
  readonly stream?: string | undefined;
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

/** The stream that was asked for is not there. */
export class NoSuchStream extends Error {}

/**
 * Audits a data directory.
 *
 * @throws NoSuchStream; NoteError as `heldAgainst`; StorageError `io`; what the disk throws
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
  const root = directory.length > 1 && directory.endsWith("/") ? directory.slice(0, -1) : directory;
  const disk = readOnly(options.disk ?? new NodeDisk());
  const { anchors = [], trust = { verifiers: [] } } = options;
  const { streams, findings } = await streamsIn(disk, root, options.stream);
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

async function streamsIn(
  disk: Disk,
  root: string,
  only: string | undefined,
): Promise<{ streams: string[]; findings: Finding[] }> {
  const names = await disk.list(root);
  const isStream = (name: string): boolean => STREAM_NAME.test(name) && BigInt(name) <= MAX_STREAM_ID;
  const streams = names.filter(isStream).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  if (only !== undefined) {
    if (!streams.includes(only)) throw new NoSuchStream(`There is no stream ${only} in ${root}.`);
    return { streams: [only], findings: [] };
  }
  const findings = names
    .filter((name) => !isStream(name) && name !== LOCK_NAME)
    .map((name) => ({
      severity: "notice" as const,
      code: "unknown-file",
      file: `${root}/${name}`,
      sentence: "This is no stream; it was not read.",
      cause: "Somebody put it here: a stream's directory is called by its number, without leading zeros.",
    }));
  return { streams, findings };
}
