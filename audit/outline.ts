/**
 * What can be known of a stream before its records are read: its files, its manifest, its format.
 *
 * A writer may rotate meanwhile. So names and manifest are read until the manifest was the same before and
 * after: then a segment that it does not name yet holds nothing, and what came later is left out.
 * @module
 */
import { CodecRegistry, type Disk, type Format, type StreamId } from "../src/index.ts";
import { believedSegments } from "../src/stream/believed-segments.ts";
import { formatBorneOut } from "../src/stream/detect-format.ts";
import { io, withFile } from "../src/disk/files.ts";
import {
  indexedSegment,
  indexLogName,
  indexName,
  isUnfinishedSegment,
  kimberliteIndexLogName,
  kimberliteIndexName,
  MANIFEST_NAME,
  pageName,
  pageNumber,
  QUARANTINE_NAME,
  segmentName,
  segmentNumbers,
  segmentsAmong,
} from "../src/disk/names.ts";
import { lastNumber, type SegmentNumbers } from "../src/segment-numbers.ts";
import {
  type Manifest,
  manifestBytesMax,
  parseManifest,
  parsePage,
  type SegmentInfo,
} from "../src/format/manifest.ts";
import {
  type PagedManifest,
  pagesMissing,
  pagesNeeded,
  offsetsIn,
  placeWith,
  segmentIn,
  segmentWith,
  withPages,
} from "../src/stream/manifest-files.ts";
import { readHint } from "../src/disk/obstacles.ts";
import { countNamed, type OpenedFile } from "./index-entries.ts";
import type { AuditFinding } from "./report.ts";
import type { SegmentJob } from "./segment.ts";
import { refusalOf, unreadable } from "./unreadable.ts";

/** A stream, and what its manifest and file names say. */
export interface Outline {
  readonly stream: string;
  readonly path: string;
  readonly format: Format;
  readonly manifest: PagedManifest | undefined;
  /** The segments that are there, in order. */
  readonly segments: readonly SegmentNumbers[];
  /** The segment that a writer had made and not yet named, if there was one: it was empty. */
  readonly unnamed: number | undefined;
  /** Numbers of segments that are not there though an index of theirs names records, and the name of that. */
  readonly bereft: ReadonlyMap<number, string>;
  /**
   * How many offsets the records have that index files name of a segment that is not there, or that one
   * begins after whose place no manifest tells, by its number.
   */
  readonly named: ReadonlyMap<number, number>;
  /**
   * Whether this package writes the stream, so that it makes an index file of its own before a segment's
   * first record.
   */
  readonly hasOwnIndex: boolean;
  /** The manifest's bytes, if it cannot be parsed. */
  readonly unparsed: Buffer | undefined;
  /** Whether no file of a stream is there at all. */
  readonly isEmpty: boolean;
  readonly findings: readonly AuditFinding[];
}

/**
 * How often a directory that is written to is looked at, and one whose manifest cannot be parsed, which
 * Kimberlite may be writing.
 */
const LOOKS_MAX = 10;
const UNPARSED_LOOKS_MAX = 3;

/**
 * Looks at a stream's directory; what cannot be read is a finding.
 * @throws StorageError `io`, and what the disk throws, if it is about no file
 */
export async function outlineOf(
  disk: Disk,
  directory: string,
  stream: string,
  chunkBytes: number,
): Promise<Outline> {
  const path = `${directory}/${stream}`;
  const findings: AuditFinding[] = [];
  let seen: Snapshot;
  try {
    seen = await snapshot(disk, path);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    findings.push(unreadable(path, refusal.why));
    const nothing = {
      manifest: undefined,
      segments: [],
      unnamed: undefined,
      bereft: new Map<number, string>(),
      named: new Map<number, number>(),
      hasOwnIndex: false,
      unparsed: undefined,
      isEmpty: false,
    };
    return { stream, path, format: "plain", ...nothing, findings };
  }
  const { names, parsed } = seen;
  const surroundings = {
    disk,
    stream: BigInt(stream) as StreamId,
    rootPath: directory,
    path,
    codecs: new CodecRegistry(),
    chunkBytes,
  };
  // This package makes an index file before the first record; a few bytes without one are of Kimberlite's
  // first append.
  const otherwise =
    names.some((name) => /\.log\.idx2?(\.wal)?$/.test(name)) || names.length === 0 ? "plain" : "sentinel";
  const detect = async (): Promise<Format> =>
    (await formatBorneOut(surroundings, names, otherwise, parsed)).name;
  const said = parsed === undefined ? "plain" : (parsed.format ?? "sentinel");
  const format = (await readable(detect)) ?? said;
  const { unnamed } = seen;
  const manifest =
    parsed !== undefined && said === format
      ? await withPages(disk, path, parsed, names, seen.segments.length, readable)
      : undefined;
  const { segments, replaced } = believedSegments(seen.segments.map(segmentName), format, manifest);
  if (manifest === undefined && !seen.isNew && seen.unparsed === undefined)
    findings.push(manifestFinding(path, format, seen));
  for (const segment of replaced) findings.push(replacedFinding(path, segment, segments));
  const odd = oddSegments(names, segments, replaced);
  for (const name of names) {
    if (isKnown(name, format) && !odd.has(name)) continue;
    findings.push({
      severity: "notice",
      code: "unknown-file",
      file: `${path}/${name}`,
      sentence: "This file is not part of the format; it was not read.",
      cause: isUnfinishedSegment(name)
        ? "A crash came during compaction, or compaction is under way. It may hold records that are hidden or erased since; it is removed when the stream is opened for writing."
        : "Somebody put it here, or a crash came before a new file got its final name.",
    });
  }
  if (manifest !== undefined) findings.push(...(await pageFindings(disk, path, manifest, names)));
  if (names.includes(QUARANTINE_NAME)) findings.push(...(await quarantineFindings(disk, path)));
  const bereft = await bereftIn(disk, path, format, { ...seen, segments });
  const named = await namedIn(disk, path, format, chunkBytes, { ...seen, segments }, manifest);
  const isEmpty = !names.some((name) => isKnown(name, format));
  if (isEmpty) findings.push(emptyFinding(path));
  const hasOwnIndex = manifest === undefined ? isOwn(format, names) : manifest.format !== undefined;
  const known = { stream, path, format, manifest, segments, unnamed, bereft, named, hasOwnIndex };
  return { ...known, unparsed: seen.unparsed, isEmpty, findings };
}

/** The segments to read, with what is known of where each begins. */
export function jobsOf(outline: Outline, counts: readonly number[], chunkBytes: number): SegmentJob[] {
  const { path, format, manifest, segments, unnamed, hasOwnIndex } = outline;
  const last = segments.at(-1);
  const places = placesOf(outline);
  const claimed = manifest?.segments.at(-1);
  const wanted = [...new Set([...counts, ...(claimed === undefined ? [] : [claimed.nextOffset])])];
  return segments.map((segment) => ({
    path,
    format,
    number: segment.number,
    last: segment.last,
    isEmpty: segment.number === unnamed,
    isSealed:
      segment !== last || segment.last !== undefined || segment.number < (manifest?.activeSegment ?? 0),
    fallbackOffset: places.get(segment.number)?.first ?? 0,
    knownEnd: places.get(segment.number)?.end,
    claimedBytes:
      manifest !== undefined && isKimberlites(manifest) ? (segmentIn(manifest, segment)?.bytes ?? 0) : 0,
    hasOwnIndex,
    counts: wanted,
    chunkBytes,
  }));
}

/**
 * Offsets at which segments begin: as the manifest says, or after the records that it and index files name of
 * those before; and where they end at least.
 */
function placesOf({ manifest, segments, named }: Outline): Map<number, { first: number; end: number }> {
  const places = new Map<number, { first: number; end: number }>();
  const there = new Map(segments.map((segment) => [segment.number, segment]));
  let next = 0;
  for (const number of [...new Set([...there.keys(), ...named.keys()])].sort((a, b) => a - b)) {
    const info = manifest && offsetsIn(manifest, there.get(number) ?? { number });
    const first = info?.firstOffset ?? next;
    next = Math.max(info?.nextOffset ?? first, first + (named.get(number) ?? 0));
    places.set(number, { first, end: next });
  }
  return places;
}

/**
 * Whether Kimberlite wrote the manifest: then its last entry says what the active segment held at the last
 * append.
 */
export function isKimberlites(manifest: Manifest): boolean {
  return manifest.format === undefined;
}

/** Whether the manifest's last segment need not be there: Kimberlite names one before it creates it. */
export function isUnborn(manifest: Manifest, info: SegmentInfo): boolean {
  const isEmpty = info.bytes === 0 && info.nextOffset === info.firstOffset;
  return isKimberlites(manifest) && info.number === manifest.activeSegment && isEmpty;
}

function isKnown(name: string, format: Format): boolean {
  if (name === MANIFEST_NAME || name === QUARANTINE_NAME) return true;
  if (format === "plain" && pageNumber(name) !== undefined) return true;
  const segment = segmentNumbers(name) ?? indexedSegment(name)?.segment;
  if (segment === undefined || (format === "sentinel" && segment.last !== undefined)) return false;
  const own = [segmentName(segment), indexName(segment, format), indexLogName(segment, format)];
  const theirs = [kimberliteIndexName(segment), kimberliteIndexLogName(segment)];
  return own.includes(name) || (format === "sentinel" && theirs.includes(name));
}

/** Names of segments that overlap others, as compaction makes none. */
function oddSegments(
  names: readonly string[],
  segments: readonly SegmentNumbers[],
  replaced: readonly SegmentNumbers[],
): Set<string> {
  const usual = new Set([...segments, ...replaced].map(segmentName));
  return new Set(names.filter((name) => segmentNumbers(name) !== undefined && !usual.has(name)));
}

/** What is said of a segment whose place another one takes. */
function replacedFinding(
  path: string,
  segment: SegmentNumbers,
  segments: readonly SegmentNumbers[],
): AuditFinding {
  const by = segments.findLast(({ number }) => number <= segment.number) ?? segment;
  return {
    severity: "notice",
    code: "merged-segment",
    file: `${path}/${segmentName(segment)}`,
    sentence: `The segment was merged into ${segmentName(by)}; it was not read.`,
    cause:
      "A crash came during compaction, or compaction is under way. It may hold records that are erased; it is removed when the stream is opened for writing, unless the merged one is damaged.",
  };
}

/** What a directory held at one moment. */
interface Snapshot {
  readonly names: readonly string[];
  /** Whether there was a manifest, and what it said if it could be read. */
  readonly hasManifest: boolean;
  readonly parsed: Manifest | undefined;
  /** Its bytes, if they are no manifest. */
  readonly unparsed: Buffer | undefined;
  /** All that are named as segments are, also those whose place another one takes. */
  readonly segments: readonly SegmentNumbers[];
  readonly unnamed: number | undefined;
  /** Whether nothing was appended to it yet, so that the manifest may be about to be written. */
  readonly isNew: boolean;
}

async function snapshot(disk: Disk, path: string): Promise<Snapshot> {
  for (let look = 1; ; look += 1) {
    const before = new Set(await disk.list(path));
    const bytes = await manifestBytes(disk, path, segmentsAmong(before).length);
    const names = await disk.list(path);
    const parsed = bytes === undefined ? undefined : parseManifest(bytes);
    const active = parsed?.activeSegment ?? -1;
    const segments = segmentsAmong(names).filter(
      (segment) => segment.number <= active || before.has(segmentName(segment)),
    );
    const empty: number[] = [];
    for (const segment of segments) {
      const isBeyond = segment.number > active;
      if (isBeyond && (await sizeOf(disk, `${path}/${segmentName(segment)}`)) === 0)
        empty.push(segment.number);
    }
    const after = await manifestBytes(disk, path, segments.length);
    const isSame = bytes === undefined ? after === undefined : after?.equals(bytes) === true;
    const hasManifest = names.includes(MANIFEST_NAME);
    const isSettled = isSame && hasManifest === (parsed !== undefined);
    if (!isSettled && look < (isSame ? UNPARSED_LOOKS_MAX : LOOKS_MAX)) continue;
    const isNew = !hasManifest && segments.every(({ number }) => number === 0 && empty.includes(0));
    const unnamed = parsed === undefined ? undefined : empty.find((number) => number === active + 1);
    const unparsed = parsed === undefined ? bytes : undefined;
    return { names, hasManifest, parsed, unparsed, segments, unnamed, isNew };
  }
}

async function manifestBytes(disk: Disk, path: string, segments: number): Promise<Buffer | undefined> {
  const file = `${path}/${MANIFEST_NAME}`;
  return readable(() => readHint(disk, file, manifestBytesMax(segments)));
}

async function sizeOf(disk: Disk, file: string): Promise<number | undefined> {
  return readable(() =>
    withFile(disk, file, (opened) => io("asking for a file's size", { file }, () => opened.size())),
  );
}

/** What a call comes to; nothing if the disk refuses to read what it is about. */
async function readable<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (refusalOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Whether this package wrote a stream, as far as names tell it. */
const isOwn = (format: Format, names: readonly string[]): boolean =>
  format === "plain" || names.some((name) => /\.idx2(\.wal)?$/.test(name));

/** What is said of a manifest that is missing, cannot be read from the disk, or is one of another format. */
function manifestFinding(
  path: string,
  format: Format,
  { names, hasManifest, parsed, segments }: Snapshot,
): AuditFinding {
  // Kimberlite writes the first segment before the first manifest; this package the manifest before the first
  // record.
  const isBegun = !hasManifest && !isOwn(format, names) && segments.every(({ number }) => number === 0);
  const isOther = parsed !== undefined;
  return {
    severity: isBegun ? "notice" : "damage",
    code: "damaged-manifest",
    file: `${path}/${MANIFEST_NAME}`,
    sentence: isOther
      ? "The manifest names another format than that of the records."
      : hasManifest
        ? "The manifest cannot be read."
        : "There is no manifest.",
    cause: isBegun
      ? "Kimberlite was killed during its first append, or somebody removed the manifest. Without it, missing later segments cannot be detected."
      : "Somebody removed or changed it, or the medium is damaged. No record depends on it, but without it, missing last segments cannot be detected.",
  };
}

/**
 * What is said of pages of the manifest: of those that it needs and that cannot be read, and of those that it
 * does not need.
 */
async function pageFindings(
  disk: Disk,
  path: string,
  manifest: PagedManifest,
  names: readonly string[],
): Promise<AuditFinding[]> {
  const findings: AuditFinding[] = [];
  for (const { first, last } of pagesMissing(manifest)) {
    const name = pageName(first);
    findings.push({
      severity: "damage",
      code: "damaged-manifest",
      file: `${path}/${name}`,
      sentence:
        first === last
          ? names.includes(name)
            ? "The page of the manifest cannot be read, or contradicts itself or what follows it."
            : "The manifest begins after this page, which is missing."
          : `This page of the manifest and those up to ${pageName(last)} are missing or cannot be read.`,
      cause:
        "Somebody removed or changed it, or the medium is damaged. No record depends on it, but without it nobody can tell how many records missing segments had.",
    });
  }
  if (manifest.format !== "plain") return findings;
  const segments = segmentsAmong(names).length;
  const spare = names.flatMap((name) => pageNumber(name) ?? []).filter((n) => n >= pagesNeeded(manifest));
  for (const page of spare.sort((a, b) => a - b))
    findings.push(await spareFinding(disk, path, manifest, page, segments));
  return findings;
}

/**
 * What is said of a page that the manifest does not need: damage, if it names segments that the manifest does
 * not.
 */
async function spareFinding(
  disk: Disk,
  path: string,
  { pageSegments, activeSegment }: Manifest,
  page: number,
  segments: number,
): Promise<AuditFinding> {
  const file = `${path}/${pageName(page)}`;
  const bytes = await readable(() => readHint(disk, file, manifestBytesMax(segments)));
  const last = bytes && parsePage(bytes, page, pageSegments)?.at(-1);
  const namesMore = last !== undefined && lastNumber(last) > activeSegment;
  return {
    severity: namesMore ? "damage" : "notice",
    code: "stale-manifest",
    file,
    sentence: namesMore
      ? `The page names segments up to ${segmentName(last)}; the manifest ends with ${segmentName({ number: activeSegment })}.`
      : "The manifest does not need this page.",
    cause: namesMore
      ? "The manifest was replaced by an older one, or the stream was truncated, or the page belongs to another stream."
      : "A crash came after the page was written and before the manifest was, or somebody put it here.",
  };
}

function emptyFinding(path: string): AuditFinding {
  return {
    severity: "notice",
    code: "empty-directory",
    file: path,
    sentence: "The stream's directory is there, but it has no segment, no manifest and no index.",
    cause:
      "A crash came before the first segment was made, or everything was removed (only an anchor can tell), or this is not a stream's directory.",
  };
}

async function quarantineFindings(disk: Disk, path: string): Promise<AuditFinding[]> {
  const file = `${path}/${QUARANTINE_NAME}`;
  let aside: readonly string[];
  try {
    aside = await disk.list(file);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return [unreadable(file, refusal.why, "notice")];
  }
  if (aside.length === 0) return [];
  return [
    {
      severity: "notice",
      code: "quarantine",
      file,
      sentence: `Recovery or repair set bytes aside earlier: ${aside.length} ${aside.length === 1 ? "file" : "files"}.`,
      cause: "A crash tore an append, or somebody repaired the stream.",
    },
  ];
}

/**
 * How many records index files name of segments that are not there, and of those that others begin after
 * which the manifest does not name.
 */
async function namedIn(
  disk: Disk,
  path: string,
  format: Format,
  chunkBytes: number,
  { names, segments }: Snapshot,
  manifest: PagedManifest | undefined,
): Promise<Map<number, number>> {
  const isPlaced = (number: number): boolean =>
    manifest !== undefined && segmentWith(manifest, number) !== undefined;
  const wanted = new Map<string, SegmentNumbers>();
  for (const segment of segments.slice(0, -1))
    if (!isPlaced(lastNumber(segment) + 1)) wanted.set(segmentName(segment), segment);
  for (const segment of names.flatMap((name) => indexedSegment(name)?.segment ?? []))
    if (!isThere(segments, segment)) wanted.set(segmentName(segment), segment);
  const named = new Map<number, number>();
  for (const segment of wanted.values()) {
    const opened: OpenedFile[] = [];
    const open = async (name: string): Promise<OpenedFile | undefined> => {
      const one = names.includes(name) ? await readable(() => openNamed(disk, `${path}/${name}`)) : undefined;
      if (one !== undefined) opened.push(one);
      return one;
    };
    try {
      const count = await readable(() => countNamed(open, segment, format, chunkBytes));
      if (count !== undefined && count > 0) named.set(segment.number, count);
    } finally {
      for (const { file } of opened) await file.close();
    }
  }
  return named;
}

/** Whether a segment is there, or one that takes its place. */
function isThere(segments: readonly SegmentNumbers[], { number }: SegmentNumbers): boolean {
  const segment = segments[placeWith(segments, number)];
  return segment !== undefined && segment.number <= number;
}

async function openNamed(disk: Disk, path: string): Promise<OpenedFile> {
  const file = await disk.open(path, "read");
  return { file, path, size: await file.size() };
}

/** Bytes of a saved index that names no record (FORMAT.md, sections 5 and 8.3). */
const NAMELESS_BYTES = 60;
const NAMELESS_KIMBERLITE_BYTES = 20;

/** Segments that are not there and are not named either, but for an index that names records of theirs. */
async function bereftIn(
  disk: Disk,
  path: string,
  format: Format,
  { names, parsed, segments }: Snapshot,
): Promise<Map<number, string>> {
  const bereft = new Map<number, string>();
  const lastThere = segments.at(-1);
  const last = Math.max(parsed?.activeSegment ?? -1, lastThere === undefined ? -1 : lastNumber(lastThere));
  for (const name of names) {
    const index = indexedSegment(name);
    if (index === undefined || index.segment.number <= last) continue;
    const size = await sizeOf(disk, `${path}/${name}`);
    const nameless = index.isLog
      ? 0
      : format === "sentinel" && name === kimberliteIndexName(index.segment)
        ? NAMELESS_KIMBERLITE_BYTES
        : NAMELESS_BYTES;
    if (size !== undefined && size > nameless) bereft.set(index.segment.number, name);
  }
  // A writer makes the write-ahead file first, and may have come as far as the first records since.
  const now = bereft.size === 0 ? [] : await disk.list(path);
  for (const { number } of segmentsAmong(now)) bereft.delete(number);
  return bereft;
}
