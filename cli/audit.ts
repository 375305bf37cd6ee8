/**
 * `kmb audit`: verifies a data directory with two readers, holds it against anchors, and says with its exit
 * status whether it is clean.
 * @module
 */
import { existsSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { type AnchorInFile, parseAnchors } from "../audit/anchor.ts";
import { audit, type AuditOptions, type RunSegments } from "../audit/audit.ts";
import {
  type AnchorReport,
  type AuditReport,
  type AuditFinding,
  isAgainst,
  type StreamReport,
} from "../audit/report.ts";
import { auditSegment, type SegmentJob } from "../audit/segment.ts";
import { parseVerifier, type Verifier } from "../audit/signed-note.ts";
import { NoteError, visible } from "../audit/text.ts";
import { segmentName } from "../src/disk/names.ts";
import { NodeDisk } from "../src/index.ts";
import type { AuditWork } from "./audit-worker.ts";
import { writeJson } from "./json.ts";
import { bytesOfFile } from "./named-file.ts";
import { Output } from "./output.ts";
import { runJobs } from "./pool.ts";
import { progress } from "./progress.ts";
import { sparseDisk } from "./sparse-disk.ts";
import { coloured, counted, number } from "./text.ts";
import { versions } from "../properties/code-version.ts";

export interface AuditCommandOptions {
  readonly stream?: string;
  readonly anchor?: readonly string[];
  readonly key?: readonly string[];
  readonly json?: string;
  readonly allowEmpty?: boolean;
  readonly workers: number;
}

/** So many findings of a stream are printed; the rest is counted, and all are in the JSON file. */
const PRINTED_MAX = 50;

/** Up to so many bytes, starting a thread takes longer than reading them. */
const WITHOUT_THREADS_BYTES_MAX = 1 << 20;

/** @returns the exit status: 0 clean, 1 damage or tampering */
export async function auditCommand(directory: string, options: AuditCommandOptions): Promise<number> {
  if (options.key !== undefined && options.anchor === undefined) {
    throw new NoteError("--key is for the signatures of anchors: give --anchor, too.");
  }
  const anchors = (options.anchor ?? []).flatMap(anchorsIn);
  const verifiers = (options.key ?? []).map(verifierFrom);
  const report = await timedAudit(directory, options.workers, {
    stream: options.stream,
    allowEmpty: options.allowEmpty,
    anchors:
      options.stream === undefined
        ? anchors
        : anchors.filter(({ stream }) => String(stream) === options.stream),
    trust: { verifiers },
  });
  const output = new Output();
  for (const line of auditLines(report, options.stream)) output.line(line);
  if (options.json !== undefined) {
    const { schema, ...found } = report;
    writeJson(options.json, { schema, versions: versions(), ...found });
  }
  return report.clean ? 0 : 1;
}

/** Audits on all cores where that is faster, with a progress bar. */
export async function timedAudit(
  directory: string,
  workers: number,
  options: Omit<AuditOptions, "run">,
): Promise<AuditReport> {
  const started = performance.now();
  const run: RunSegments = async (jobs, take) => {
    const size = await bytesOf(jobs);
    const bar = progress("bytes", size);
    let done = 0;
    const noted = (bytes: number): void => {
      done += bytes;
      bar.at(done);
    };
    if (size <= WITHOUT_THREADS_BYTES_MAX) {
      const disk = await sparseDisk();
      for (const job of jobs) take(await auditSegment(job, disk, noted), job);
    } else {
      await runJobs<AuditWork>(
        { script: "audit-worker.js", shared: undefined, workers },
        jobs,
        (report, job) => {
          take(report, job);
          return true;
        },
        noted,
      );
    }
    bar.stop();
  };
  const report = await audit(directory, { ...options, run });
  return { ...report, seconds: Math.round(performance.now() - started) / 1000 };
}

async function bytesOf(jobs: readonly SegmentJob[]): Promise<number> {
  const disk = new NodeDisk();
  let bytes = 0;
  for (const job of jobs) {
    try {
      const file = disk.open(`${job.path}/${segmentName(job)}`, "read");
      bytes += await file.size();
      await file.close();
    } catch {
      // It is only for the progress bar; the audit itself will say what is wrong.
    }
  }
  return bytes;
}

function anchorsIn(path: string): readonly AnchorInFile[] {
  const bytes = bytesOfFile(path);
  try {
    return parseAnchors(bytes).map((anchor) => ({ ...anchor, file: path }));
  } catch (error) {
    if (error instanceof NoteError) throw new NoteError(`${path}: ${error.message}`);
    throw error;
  }
}

/** A verifier key: as it is, or in a file. */
function verifierFrom(keyOrPath: string): Verifier {
  if (existsSync(keyOrPath)) return parseVerifier(bytesOfFile(keyOrPath).toString());
  // A key has two "+" in it; what has none is a path.
  if (!keyOrPath.includes("+"))
    throw new NoteError(`There is no file ${keyOrPath}, and it is no verifier key.`);
  return parseVerifier(keyOrPath);
}

function* auditLines(report: AuditReport, only: string | undefined): Generator<string> {
  for (const stream of report.streams) yield* streamLines(stream);
  if (report.streams.length === 0) yield "There are no streams in this directory.";
  yield* findingLines(report.findings);
  for (const anchor of report.anchors) yield `  anchor    ${anchorLine(anchor)}`;
  if (only !== undefined) yield `Only stream ${only} was audited.`;
  const findings = [...report.findings, ...report.streams.flatMap((stream) => stream.findings)];
  const damage = findings.filter(({ severity }) => severity === "damage").length;
  const against = [...report.anchors, ...report.streams.flatMap((stream) => stream.anchors)].filter(
    isAgainst,
  ).length;
  const notices = findings.length - damage;
  const rest = notices === 0 ? "" : `, ${counted(notices, "notice")}`;
  yield report.clean
    ? coloured("green", `clean${rest}`)
    : coloured(
        "red",
        `not clean: ${counted(damage, "damage finding")}, ${counted(against, "failed anchor")}${rest}`,
      );
}

function* streamLines(stream: StreamReport): Generator<string> {
  const { kinds } = stream;
  const each = Object.entries(kinds)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${number(count)} ${kind}`);
  const erased =
    kinds.redacted === 0 ? "" : `; redacted ones stand for ${counted(stream.erased, "erased record")}`;
  const row = (name: string, text: string): string => `  ${name.padEnd(10)}${text}`;
  yield `stream ${stream.stream}`;
  yield row("format", stream.format);
  yield row(
    "records",
    `${number(stream.records)}${each.length === 0 ? "" : ` (${each.join(", ")})`}${erased}, next offset ${stream.nextOffset}`,
  );
  yield row(
    "bytes",
    `${number(stream.bytes)} in ${counted(stream.segments.length, "segment")}; payloads ${number(stream.payloadBytes)}`,
  );
  yield row("head", stream.head ?? "not known");
  yield row(
    "chain",
    stream.verifiedFromGenesis ? "holds from the first record to the last" : "does not hold everywhere",
  );
  yield row("readers", stream.readersAgree ? "agree: the engine's and the model's" : "DISAGREE");
  yield* findingLines(stream.findings);
  for (const anchor of stream.anchors) yield row("anchor", anchorLine(anchor));
  for (const sentence of stream.notVerified) yield row("unknown", sentence);
}

const SIGNATURES: Readonly<Record<AnchorReport["signature"], string>> = {
  verified: "signature verified",
  unsigned: "not signed",
  unchecked: "signature not checked",
  "not-by-a-known-key": "not signed by a given key",
  bad: "wrong signature",
};

function anchorLine(anchor: AnchorReport): string {
  const verdict = isAgainst(anchor) ? coloured("red", anchor.verdict) : coloured("green", anchor.verdict);
  const place = `line ${anchor.line}${anchor.file === undefined ? "" : ` of ${visible(anchor.file)}`}`;
  return `${visible(anchor.origin)} at ${counted(anchor.count, "record")}, ${place}: ${verdict}, ${SIGNATURES[anchor.signature]}. ${visible(anchor.sentence)}`;
}

function* findingLines(findings: readonly AuditFinding[]): Generator<string> {
  const inOrder = [...findings].sort(
    (a, b) => Number(b.severity === "damage") - Number(a.severity === "damage"),
  );
  for (const finding of inOrder.slice(0, PRINTED_MAX)) {
    const { severity, code, file, position, end, offset, records, sentence, cause } = finding;
    const where = [
      position === undefined
        ? ""
        : end === undefined || end === position
          ? `byte ${position}`
          : `bytes ${position} to ${end}`,
      offset === undefined ? "" : `offset ${offset}`,
      records === undefined ? "" : `${counted(records, "record")} not readable`,
    ].filter((part) => part !== "");
    const word =
      severity === "damage" ? coloured("red", "damage".padEnd(10)) : coloured("yellow", "notice".padEnd(10));
    yield `  ${word}${visible(file)}${where.length === 0 ? "" : `, ${where.join(", ")}`}: ${code}`;
    yield `            ${visible(sentence)}`;
    yield `            probable cause: ${cause}`;
  }
  const left = findings.length - PRINTED_MAX;
  if (left > 0) yield `            ${counted(left, "finding")} more; --json FILE writes all of them`;
}
