/**
 * Joining a stream's segments once each was read: whether each continues the one before, whether the manifest tells the truth, and what
 * anchors prove.
 * @module
 */
import { MANIFEST_NAME, segmentName } from "../src/files.ts";
import type { AnchorInFile } from "./anchor.ts";
import { heldAgainst, type Trust } from "./held-anchors.ts";
import { isKimberlites, isUnborn, type Outline } from "./outline.ts";
import type { Finding, Kinds, SegmentReport, StreamReport } from "./report.ts";

const ZEROS = "0".repeat(64);

/**
 * What a stream comes to.
 *
 * @param reports those of the segments that are there, in their order
 * @param anchors those of this stream
 * @throws NoteError as `heldAgainst`
 */
export function joined(
  outline: Outline,
  reports: readonly SegmentReport[],
  anchors: readonly AnchorInFile[],
  trust: Trust,
): StreamReport {
  const findings = [...outline.findings];
  const chain = new Chain(outline, findings);
  const numbers = new Map(reports.map((report) => [report.number, report]));
  const last = Math.max(-1, outline.manifest?.activeSegment ?? -1, ...numbers.keys());
  for (const number of segmentNumbers(outline, last)) chain.add(number, numbers.get(number));
  findings.push(...manifestFindings(outline, reports));
  const hashes = new Map(reports.flatMap((report) => report.hashes.map(({ count, hash }) => [count, hash])));
  const held = heldAgainst(anchors, { nextOffset: chain.nextOffset, hashes }, trust);
  const all = [...reports.flatMap((report) => report.findings), ...findings];
  const readersAgree = all.every(({ code }) => code !== "readers-disagree");
  const sum = (of: (report: SegmentReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const kinds: Kinds = {
    data: sum((report) => report.kinds.data),
    checkpoint: sum((report) => report.kinds.checkpoint),
    tombstone: sum((report) => report.kinds.tombstone),
    redacted: sum((report) => report.kinds.redacted),
  };
  const records = kinds.data + kinds.checkpoint + kinds.tombstone + kinds.redacted;
  const counted = outline.manifest?.segments.at(-1)?.nextOffset ?? 0;
  const newest = held.filter(({ verdict }) => verdict === "matches").at(-1)?.count;
  const notVerified = [
    newest === undefined
      ? "Without an anchor nobody can tell that a tail was cut off, or that the whole stream was rewritten."
      : chain.nextOffset > newest
        ? `Behind the newest anchor, at ${newest} records, a tail that was cut off or rewritten cannot be noticed.`
        : "",
    chain.nextOffset > records
      ? `${chain.nextOffset - records} records could not be read, or are missing; hashes fix some of them, but nothing tells their content.`
      : "",
    held.some(({ signature }) => signature === "unchecked")
      ? "Signatures below anchors were not checked, for no key was given."
      : "",
  ].filter((sentence) => sentence !== "");
  return {
    stream: outline.stream,
    format: outline.format,
    segments: reports,
    records,
    bytes: sum((report) => report.bytes),
    payloadBytes: sum((report) => report.payloadBytes),
    kinds,
    nextOffset: chain.nextOffset,
    counted: counted > chain.nextOffset ? counted : undefined,
    head: chain.head,
    verifiedFromGenesis: chain.isWhole && readersAgree,
    readersAgree,
    findings: all,
    anchors: held,
    notVerified,
  };
}

/** The numbers of the segments that there should be, without naming each of a gap that a file name makes up. */
function segmentNumbers({ manifest, numbers }: Outline, last: number): number[] {
  const named = new Set([...numbers, ...(manifest?.segments.map(({ number }) => number) ?? [])]);
  if (last >= 0) named.add(0);
  // The first of each run of missing ones stands for the run.
  for (const number of [...named]) if (number > 0 && !named.has(number - 1)) named.add(number - 1);
  return [...named].sort((a, b) => a - b);
}

class Chain {
  readonly #outline: Outline;
  readonly #findings: Finding[];
  nextOffset = 0;
  /** Chain hash of the record before, in hexadecimal; `undefined` where it is not known. */
  head: string | undefined = ZEROS;
  isWhole = true;

  constructor(outline: Outline, findings: Finding[]) {
    this.#outline = outline;
    this.#findings = findings;
  }

  add(number: number, report: SegmentReport | undefined): void {
    if (report === undefined) {
      this.#missing(number);
      return;
    }
    if (report.hasGaps) this.isWhole = false;
    if (report.bytes === 0) return;
    const { firstOffset, firstPrevHash, file } = report;
    if (firstOffset !== undefined && firstPrevHash !== undefined && firstOffset !== this.nextOffset) {
      this.isWhole = false;
      this.#findings.push({
        severity: "damage",
        code: "wrong-offset",
        file,
        position: 0,
        offset: this.nextOffset,
        records: firstOffset > this.nextOffset ? firstOffset - this.nextOffset : undefined,
        sentence: `The segment begins at offset ${firstOffset} where ${this.nextOffset} is due.`,
        cause:
          firstOffset > this.nextOffset
            ? "Records were removed between the two, or the segment before was cut."
            : "A segment was duplicated or replaced, or its first record was changed.",
      });
    } else if (firstPrevHash !== undefined && this.head !== undefined && firstPrevHash !== this.head) {
      this.isWhole = false;
      this.#findings.push({
        severity: "damage",
        code: "broken-chain",
        file,
        position: 0,
        offset: this.nextOffset,
        sentence: "The segment's first record does not carry the hash of the record before it.",
        cause: "A segment was replaced, or the end of the one before was edited and its checksum mended.",
      });
    } else if (firstPrevHash !== undefined && this.head === undefined) {
      this.isWhole = false;
    }
    this.nextOffset = report.nextOffset;
    this.head = report.head;
  }

  #missing(number: number): void {
    const { manifest, path } = this.#outline;
    const info = manifest?.segments[number];
    if (manifest !== undefined && info !== undefined && isUnborn(manifest, info)) return;
    this.isWhole = false;
    const records = info === undefined ? undefined : info.nextOffset - info.firstOffset;
    this.#findings.push({
      severity: "damage",
      code: "missing-segment",
      file: `${path}/${segmentName(number)}`,
      offset: this.nextOffset,
      records,
      sentence:
        info === undefined
          ? "A segment is missing: there are later ones."
          : "The manifest names a segment that is missing.",
      cause: "Somebody removed it, or the file system lost it.",
    });
    if (info !== undefined) this.nextOffset = info.nextOffset;
    this.head = undefined;
  }
}

/** Where the manifest says something else than the segments. */
function manifestFindings({ manifest, path }: Outline, reports: readonly SegmentReport[]): Finding[] {
  if (manifest === undefined) return [];
  const findings: Finding[] = [];
  const file = `${path}/${MANIFEST_NAME}`;
  const find = (severity: Finding["severity"], code: string, sentence: string, cause: string): void => {
    findings.push({ severity, code, file, sentence, cause });
  };
  for (const report of reports) {
    const info = manifest.segments[report.number];
    const name = segmentName(report.number);
    if (info === undefined) {
      find(
        isKimberlites(manifest) || report.bytes === 0 ? "notice" : "damage",
        "stale-manifest",
        `It does not name ${name}.`,
        "A crash came between the segment and the manifest, or the manifest was replaced by an older one.",
      );
      continue;
    }
    const isLast = report.number === manifest.activeSegment;
    const said = `It says of ${name}: offsets ${info.firstOffset} to ${info.nextOffset}, ${info.bytes} bytes; there are offsets ${report.firstOffset ?? info.firstOffset} to ${report.nextOffset}, ${report.bytes} bytes.`;
    const isEmpty = info.nextOffset === info.firstOffset && info.bytes === 0;
    if (isLast && isEmpty && info.firstOffset === (report.firstOffset ?? info.firstOffset)) continue;
    const fits = info.nextOffset === report.nextOffset && info.bytes === report.bytes;
    if (fits && info.firstOffset === (report.firstOffset ?? info.firstOffset)) continue;
    const lagsFrom = report.hashes.find(({ count }) => count === info.nextOffset);
    if (
      isLast &&
      isKimberlites(manifest) &&
      lagsFrom?.end === info.bytes &&
      report.nextOffset > info.nextOffset
    ) {
      find(
        "notice",
        "stale-manifest",
        said,
        "Kimberlite crashed between an append and the manifest, or is appending now.",
      );
    } else {
      const isAhead = info.nextOffset > report.nextOffset || info.bytes > report.bytes;
      find(
        "damage",
        isAhead ? "truncated-log" : "wrong-manifest",
        said,
        isAhead
          ? "The segment was cut, or a crash lost appends that were not synced, or the manifest was changed."
          : "The manifest or the segment was changed.",
      );
    }
  }
  return findings;
}
