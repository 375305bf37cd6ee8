/**
 * Joining a stream's segments once each was read: whether each continues the one before, whether the manifest
 * tells the truth, and what anchors prove.
 * @module
 */
import { lastNumber, type SegmentNumbers } from "../src/segment-numbers.ts";
import { MANIFEST_NAME, segmentName } from "../src/disk/names.ts";
import type { AnchorInFile } from "./anchor.ts";
import { merged } from "../src/format/offset-ranges.ts";
import { namings, spansInWords } from "./erasures.ts";
import { heldAgainst, type Trust } from "./held-anchors.ts";
import { isKimberlites, isUnborn, type Outline } from "./outline.ts";
import { indexWordsOf, type Manifest, type SegmentInfo } from "../src/format/manifest.ts";
import {
  fileNaming,
  offsetsIn,
  type PagedManifest,
  placeWith,
  segmentIn,
} from "../src/stream/manifest-files.ts";
import { recordsInWords } from "./text.ts";
import {
  type AuditFinding,
  type FindingCode,
  indexWordsFor,
  type Kinds,
  type SegmentReport,
  type StreamReport,
} from "./report.ts";
import { secondUnnamed } from "./second-reader.ts";

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
  const chain = new Chain(outline);
  const read = new Map(reports.map((report) => [segmentName(report), report]));
  for (const segment of segmentsDue(outline)) chain.add(segment, read.get(segmentName(segment)));
  chain.end();
  const hashes = new Map(reports.flatMap((report) => report.hashes.map(({ count, hash }) => [count, hash])));
  const { nextOffset } = chain;
  const unnamed = [...erasureFindings(reports, chain.isWhole)];
  const disagreed = [...reports.flatMap(({ findings }) => findings), ...unnamed].filter(isDisagreement);
  const soundOffset = Math.min(chain.soundOffset, ...disagreed.map(({ offset = 0 }) => offset));
  const redactions = reports.flatMap(({ erasures }) => erasures.redactions);
  redactions.sort((a, b) => a.from - b.from);
  const held = heldAgainst(anchors, { nextOffset, soundOffset, hashes, redactions }, trust);
  const all = [
    ...reports.flatMap((report) => report.findings),
    ...outline.findings,
    ...chain.findings,
    ...unnamed,
    ...unparsedFindings(outline, reports),
    ...manifestFindings(outline, reports),
  ];
  const readersAgree = disagreed.length === 0;
  const sum = (of: (report: SegmentReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const kinds: Kinds = {
    data: sum((report) => report.kinds.data),
    checkpoint: sum((report) => report.kinds.checkpoint),
    tombstone: sum((report) => report.kinds.tombstone),
    redacted: sum((report) => report.kinds.redacted),
  };
  const records = kinds.data + kinds.checkpoint + kinds.tombstone + kinds.redacted;
  const erased = sum((report) => report.erased);
  const unread = chain.nextOffset - (records - kinds.redacted + erased);
  const counted = outline.manifest?.segments.at(-1)?.nextOffset ?? 0;
  const newest = held.filter(({ verdict }) => verdict === "matches").at(-1)?.count;
  const notVerified = [
    newest !== undefined
      ? chain.nextOffset > newest
        ? `Truncation or rewriting after the newest anchor, at ${recordsInWords(newest)}, cannot be detected.`
        : ""
      : held.length > 0
        ? "No anchor matches, so nothing outside the directory confirms these records."
        : "Without an anchor, nobody can detect that a tail was cut off or the whole stream rewritten.",
    erased > 0
      ? `${recordsInWords(erased)} ${erased === 1 ? "is" : "are"} erased: the content is gone, and that it was data cannot be verified. Only an anchor from before the erasure confirms the hash that stands in its place.`
      : "",
    unread > 0
      ? `${recordsInWords(unread)} could not be read, or ${unread === 1 ? "is" : "are"} missing. Later hashes may fix what was there, but its content is unknown.`
      : "",
    held.some(({ signature }) => signature === "unchecked")
      ? "Signatures of anchors were not checked, because no key was given."
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
    erased,
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

/**
 * What is said of redacted records that stand for offsets which no tombstone names. Both readers are asked.
 *
 * @param isWhole whether every record could be read, so that no tombstone is among those that could not
 */
function* erasureFindings(reports: readonly SegmentReport[], isWhole: boolean): Generator<AuditFinding> {
  const redactions = reports.flatMap(({ file, erasures }) =>
    erasures.redactions.map((redaction) => ({ ...redaction, file })),
  );
  const named = merged(reports.flatMap(({ erasures }) => erasures.named));
  redactions.sort((a, b) => a.from - b.from);
  for (const { redaction, named: meeting, missing } of namings(redactions, named)) {
    const { file, position } = redaction;
    const [first] = missing;
    const second = secondUnnamed(redaction, meeting);
    if (second !== first?.from) {
      yield {
        severity: "damage",
        code: "readers-disagree",
        file,
        position,
        offset: redaction.from,
        sentence: `The two readers differ on whether tombstones name all that this record stands for, ${spansInWords([redaction])}.`,
        cause: "One of the two readers is wrong. Please report it with the file.",
      };
    }
    if (first === undefined) continue;
    yield {
      severity: "damage",
      code: "unnamed-erasure",
      file,
      position,
      offset: first.from,
      sentence: `A redacted record stands for ${spansInWords([redaction])}, but no tombstone names ${spansInWords(missing)}.`,
      cause: isWhole
        ? "Somebody put it in the place of records that nobody had hidden, or removed the tombstone and recomputed the hashes after it."
        : "The tombstone is among the records that cannot be read, or somebody put the redacted record in the place of records that nobody had hidden.",
    };
  }
}

const isDisagreement = ({ code }: AuditFinding): boolean => code === "readers-disagree";

/**
 * The segments that there should be, in order, without naming each of a gap that a file name makes up: its
 * last one stands for it. What the manifest says of those that are there otherwise does not count.
 */
export function segmentsDue({ manifest, segments, bereft }: Outline): SegmentNumbers[] {
  const said: SegmentNumbers[] = manifest === undefined ? [] : namedBy(manifest);
  const named = [...said, ...[...bereft.keys()].map((number) => ({ number }))];
  const missing = named.filter((segment) => {
    const next = segments[placeWith(segments, segment.number)];
    return next === undefined || lastNumber(segment) < next.number;
  });
  const due: SegmentNumbers[] = [];
  let end = -1;
  for (const segment of [...segments, ...missing].sort((a, b) => a.number - b.number)) {
    if (segment.number <= end) continue;
    if (end < 0 && segment.number > 1) due.push({ number: 0 });
    if (segment.number > end + 1) due.push({ number: segment.number - 1 });
    due.push(segment);
    end = lastNumber(segment);
  }
  // One that was merged is never the last.
  if (due.at(-1)?.last !== undefined) due.push({ number: end + 1 });
  return due;
}

/** The segments that the manifest says something of. */
function namedBy({ segments, pages }: PagedManifest): SegmentInfo[] {
  return [...pages.values(), segments].flat();
}

/** No format has shorter records. */
const RECORD_BYTES_MIN = 48;

/** Missing segments that the manifest names, back to back. */
interface MissingRun {
  readonly first: SegmentInfo;
  last: SegmentInfo;
}

class Chain {
  readonly #outline: Outline;
  readonly findings: AuditFinding[] = [];
  nextOffset = 0;
  /** Up to here every record continues the one before, from the first on. */
  soundOffset = 0;
  /** Chain hash of the record before, in hexadecimal; `undefined` where it is not known. */
  head: string | undefined = ZEROS;
  isWhole = true;
  /** How many records more may be in the bytes at the end of the segment before that could not be read. */
  #hidden = 0;
  /** The segment before, if it was read and had records. */
  #before: SegmentReport | undefined;
  #run: MissingRun | undefined;
  #missingCount = 0;

  constructor(outline: Outline) {
    this.#outline = outline;
  }

  add(segment: SegmentNumbers, report: SegmentReport | undefined): void {
    if (report === undefined) this.#missing(segment);
    else {
      this.end();
      if (report.wasRead) this.#read(report);
      else this.#unread(segment);
    }
    if (this.isWhole) this.soundOffset = this.nextOffset;
  }

  /** Says what is left to say of missing segments. */
  end(): void {
    if (this.#run === undefined) return;
    const { first, last } = this.#run;
    this.#run = undefined;
    this.findings.push({
      severity: "damage",
      code: "missing-segment",
      file: `${this.#outline.path}/${segmentName(first)}`,
      offset: first.firstOffset,
      records: last.nextOffset > first.firstOffset ? last.nextOffset - first.firstOffset : undefined,
      sentence:
        first.number === last.number
          ? "The manifest names a segment that is missing."
          : `The manifest names ${this.#missingCount} segments that are missing, this one and those up to ${segmentName(last)}.`,
      cause: "Somebody removed it, or the file system lost it.",
    });
  }

  #read(report: SegmentReport): void {
    if (report.bytes === report.tornBytes) return;
    const { firstOffset, firstPrevHash, file } = report;
    const isKnown = firstOffset !== undefined && firstPrevHash !== undefined;
    const ahead = isKnown ? firstOffset - this.nextOffset : 0;
    const beyond = isKnown && ahead < 0 ? this.#reachesBeyond(firstOffset) : undefined;
    if (beyond !== undefined) this.#breaks(beyond);
    else if (isKnown && (ahead < 0 || ahead > this.#hidden)) {
      this.#breaks({
        severity: "damage",
        code: "wrong-offset",
        file,
        position: 0,
        offset: this.nextOffset,
        records: ahead > 0 ? ahead : undefined,
        sentence: `The segment begins at offset ${firstOffset}, but offset ${this.nextOffset} is expected.`,
        cause:
          ahead > 0
            ? "Records between the two segments were removed, or the segment before was truncated."
            : "A segment was duplicated or replaced, or its first record was changed.",
      });
    } else if (firstPrevHash !== undefined && this.head !== undefined && firstPrevHash !== this.head) {
      this.#breaks({
        severity: "damage",
        code: "broken-chain",
        file,
        position: 0,
        offset: this.nextOffset,
        sentence: "The segment's first record does not carry the hash of the record before it.",
        cause: "A segment was replaced, or the end of the one before was edited and its checksum corrected.",
      });
    }
    if (report.gapOffset !== undefined) {
      if (this.isWhole) this.soundOffset = report.gapOffset;
      this.isWhole = false;
    }
    this.nextOffset = report.nextOffset;
    const hidden = Math.floor((report.bytes - report.lastEnd) / RECORD_BYTES_MIN);
    // What cannot be read may be redacted, and stand for as many as the manifest counts.
    const { manifest } = this.#outline;
    const said = (manifest && offsetsIn(manifest, report)?.nextOffset) ?? 0;
    this.#hidden = hidden > 0 ? Math.max(hidden, said - report.nextOffset) : 0;
    this.head = report.head;
    this.#before = report;
  }

  /** What is said of a redacted record that ends the segment before and stands for records of this one. */
  #reachesBeyond(firstOffset: number): AuditFinding | undefined {
    const last = this.#before?.erasures.redactions.at(-1);
    if (this.#before === undefined || last?.to !== this.nextOffset || last.from >= firstOffset)
      return undefined;
    return {
      severity: "damage",
      code: "wrong-offset",
      file: this.#before.file,
      position: last.position,
      offset: firstOffset,
      sentence: `A redacted record stands for ${spansInWords([last])}, but the next segment begins at offset ${firstOffset}.`,
      cause: "Somebody edited it and corrected its checksum, or replaced one of the two segments.",
    };
  }

  #breaks(finding: AuditFinding): void {
    this.isWhole = false;
    this.findings.push(finding);
  }

  /** A segment that is there and cannot be read, which is a finding already. */
  #unread(segment: SegmentNumbers): void {
    const { manifest } = this.#outline;
    this.#lose(manifest && offsetsIn(manifest, segment));
  }

  #missing(segment: SegmentNumbers): void {
    const { manifest, path, bereft, named } = this.#outline;
    const { number } = segment;
    const said = manifest && segmentIn(manifest, segment);
    // An index file may name more: of the last segment the manifest says only where it begins.
    const count = named.get(number) ?? 0;
    const info = said && { ...said, nextOffset: Math.max(said.nextOffset, said.firstOffset + count) };
    if (manifest !== undefined && info !== undefined && isUnborn(manifest, info)) return;
    const index = bereft.get(number);
    if (info !== undefined) {
      if (this.#run === undefined) this.#missingCount = 0;
      this.#run ??= { first: info, last: info };
      this.#run.last = info;
      this.#missingCount += 1;
    } else {
      this.end();
      this.findings.push({
        severity: "damage",
        code: "missing-segment",
        file: `${path}/${segmentName(segment)}`,
        offset: this.nextOffset,
        records: count > 0 ? count : undefined,
        sentence:
          index === undefined
            ? "The segment is missing, but later ones exist."
            : `The segment is missing, but ${index} names records of it.`,
        cause:
          index === undefined
            ? "Somebody removed it, or the file system lost it."
            : "Somebody removed it, and changed or removed the manifest, too.",
      });
    }
    this.#lose(info, count);
  }

  /** @param count how many records it had, if only an index file says it */
  #lose(info: { readonly nextOffset: number } | undefined, count = 0): void {
    this.isWhole = false;
    this.nextOffset = info?.nextOffset ?? this.nextOffset + count;
    this.#before = undefined;
    this.#hidden = info === undefined ? Infinity : 0;
    this.head = undefined;
  }
}

/**
 * What is said of a manifest that cannot be parsed: a notice, if Kimberlite was killed while it wrote this
 * one over the one before.
 */
function unparsedFindings(
  { unparsed, path, format }: Outline,
  reports: readonly SegmentReport[],
): AuditFinding[] {
  if (unparsed === undefined) return [];
  const isTorn =
    format === "sentinel" && kimberliteManifests(reports).some((text) => isBegin(unparsed, text));
  return [
    {
      severity: isTorn ? "notice" : "damage",
      code: "damaged-manifest",
      file: `${path}/${MANIFEST_NAME}`,
      sentence: isTorn
        ? `The manifest ends early; its ${unparsed.length} bytes are correct as far as they go.`
        : "The manifest cannot be read, or contradicts itself.",
      cause: `${isTorn ? "Kimberlite was killed while it wrote this file." : "It was changed."} No record depends on it, but without it, missing last segments cannot be detected.`,
    },
  ];
}

/**
 * The manifests that Kimberlite writes of segments as they were read, with and without the next one, which it
 * names before it makes it; none if it cannot be told.
 */
function kimberliteManifests(reports: readonly SegmentReport[]): string[] {
  const isKnown = reports.every(({ number, wasRead, gapOffset }, i) => {
    return number === i && wasRead && gapOffset === undefined;
  });
  if (!isKnown) return [];
  const segments = reports.map((report) => ({
    segment_num: report.number,
    first_offset: report.firstOffset ?? report.nextOffset,
    next_offset: report.nextOffset,
    size_bytes: report.bytes - report.tornBytes,
  }));
  const next = reports.at(-1)?.nextOffset ?? 0;
  const unborn = { segment_num: reports.length, first_offset: next, next_offset: next, size_bytes: 0 };
  return [segments, [...segments, unborn]].map((all) =>
    JSON.stringify({ segments: all, active_segment: all.length - 1 }, undefined, 2),
  );
}

const isBegin = (bytes: Buffer, text: string): boolean =>
  bytes.length < text.length && bytes.equals(Buffer.from(text.slice(0, bytes.length)));

/** What is said of a manifest that says that a segment is being replaced. */
function* replacingFindings({ replacing, activeSegment }: Manifest, path: string): Generator<AuditFinding> {
  if (replacing === undefined) return;
  const isSealed = replacing < activeSegment;
  yield {
    severity: isSealed ? "notice" : "damage",
    code: isSealed ? "stale-manifest" : "wrong-manifest",
    file: `${path}/${MANIFEST_NAME}`,
    sentence: `The manifest says that ${segmentName({ number: replacing })} is being replaced${isSealed ? "" : ", which is not sealed"}.`,
    cause: isSealed
      ? "A crash came during compaction, or compaction is under way: the segment is the old one or the new one."
      : "The manifest was changed: only sealed segments are compacted.",
  };
}

/** Where the manifest says something else than the segments. */
function manifestFindings({ manifest, path }: Outline, reports: readonly SegmentReport[]): AuditFinding[] {
  if (manifest === undefined) return [];
  const findings: AuditFinding[] = [...replacingFindings(manifest, path)];
  for (const report of reports.filter(({ wasRead }) => wasRead)) {
    const file = `${path}/${fileNaming(manifest, report.number)}`;
    const find = (
      severity: AuditFinding["severity"],
      code: FindingCode,
      sentence: string,
      cause: string,
    ): void => {
      findings.push({ severity, code, file, sentence, cause });
    };
    const info = segmentIn(manifest, report);
    // The page that would name it cannot be read, which is a finding already.
    if (info === undefined && report.number <= manifest.activeSegment) continue;
    const name = segmentName(report);
    const bytes = report.bytes - report.tornBytes;
    if (info === undefined) {
      find(
        isKimberlites(manifest) || bytes === 0 ? "notice" : "damage",
        "stale-manifest",
        `The manifest does not name ${name}.`,
        "A crash came after the segment was made and before the manifest was written, or the manifest was replaced by an older one.",
      );
      continue;
    }
    const isLast = report.number === manifest.activeSegment;
    // Where the first record cannot be read, or what is after the last, that is a finding already.
    const first = report.firstPrevHash === undefined ? info.firstOffset : report.firstOffset;
    const isCovered = report.lastEnd < bytes && info.nextOffset > report.nextOffset;
    const next = isCovered ? info.nextOffset : report.nextOffset;
    const { kinds, gapOffset } = report;
    const words = indexWordsFor(kinds);
    const saidWords = indexWordsOf(info);
    const isCompacted = kinds.redacted > 0 || info.indexWords !== undefined;
    const areWordsWrong = isCompacted && !isLast && gapOffset === undefined && saidWords !== words;
    const ofWords = (count: number): string => (areWordsWrong ? `, ${count} index words` : "");
    const said = `The manifest gives ${name} offsets ${info.firstOffset} to ${info.nextOffset}${ofWords(saidWords)} and ${info.bytes} bytes; it has offsets ${first ?? info.firstOffset} to ${report.nextOffset}${ofWords(words)} and ${bytes} bytes.`;
    const isEmpty = info.nextOffset === info.firstOffset && info.bytes === 0;
    if (info.firstOffset === first && isLast && isEmpty) continue;
    const hasSameOffsets = info.firstOffset === first && info.nextOffset === next;
    if (hasSameOffsets && info.bytes === bytes && !areWordsWrong) continue;
    // Until it was replaced, its size may be the old or the new one; that is said below.
    if (hasSameOffsets && manifest.replacing === report.number && !isLast) continue;
    // What follows the last record that it counts is a finding already.
    const isUpTo = info.nextOffset === report.nextOffset && info.bytes === report.lastEnd;
    if (info.firstOffset === first && isLast && isKimberlites(manifest) && isUpTo) continue;
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
        "Kimberlite crashed after an append and before it wrote the manifest, or it is appending now.",
      );
    } else {
      const isAhead = info.firstOffset === first && (info.nextOffset > next || info.bytes > bytes);
      find(
        "damage",
        isAhead ? "truncated-log" : "wrong-manifest",
        said,
        isAhead
          ? "The segment was truncated, or a crash lost appends that were not synced, or the manifest was changed."
          : "The manifest or the segment was changed.",
      );
    }
  }
  return findings;
}
