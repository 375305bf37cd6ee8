/**
 * What can be known of a stream before its records are read: its files, its manifest, its format.
 * @module
 */
import { CodecRegistry, type Disk, type Format, type SegmentInfo, type StreamId } from "../src/index.ts";
import { detectFormat } from "../src/detect-format.ts";
import {
  indexLogName,
  indexName,
  isMissing,
  kimberliteIndexLogName,
  kimberliteIndexName,
  MANIFEST_NAME,
  QUARANTINE_NAME,
  readAll,
  segmentName,
  segmentNumber,
  withFile,
} from "../src/files.ts";
import { type Manifest, parseManifest } from "../src/manifest.ts";
import type { Finding } from "./report.ts";
import type { SegmentJob } from "./segment.ts";

/** A stream, and what its manifest and file names say. */
export interface Outline {
  readonly stream: string;
  readonly path: string;
  readonly format: Format;
  readonly manifest: Manifest | undefined;
  /** Numbers of the segments that are there, ascending. */
  readonly numbers: readonly number[];
  readonly findings: readonly Finding[];
}

/** Bytes of a manifest that is read at all: some ten thousand segments to a megabyte. */
const MANIFEST_BYTES_MAX = 2 ** 26;

/** Looks at a stream's directory. @throws StorageError `io`, and what the disk throws */
export async function outlineOf(
  disk: Disk,
  directory: string,
  stream: string,
  chunkBytes: number,
): Promise<Outline> {
  const path = `${directory}/${stream}`;
  const names = await disk.list(path);
  const findings: Finding[] = [];
  const numbers = names.map(segmentNumber).filter((number) => number !== undefined);
  numbers.sort((a, b) => a - b);
  const parsed = names.includes(MANIFEST_NAME) ? await readManifest(disk, path) : undefined;
  const surroundings = {
    disk,
    stream: BigInt(stream) as StreamId,
    rootPath: directory,
    path,
    codecs: new CodecRegistry(),
    chunkBytes,
  };
  const format = parsed?.format ?? (await detectFormat(surroundings, names, "plain")).name;
  const manifest = parsed?.format === undefined && format === "plain" ? undefined : parsed;
  if (manifest === undefined && (names.includes(MANIFEST_NAME) || numbers.length > 0)) {
    findings.push({
      severity: "damage",
      code: "damaged-manifest",
      file: `${path}/${MANIFEST_NAME}`,
      sentence: names.includes(MANIFEST_NAME)
        ? "The manifest cannot be read, or contradicts itself."
        : "There is no manifest.",
      cause:
        "It was changed or removed, or Kimberlite crashed while it wrote it. Records do not depend on it; without it nobody can tell that the last segments are missing.",
    });
  }
  for (const name of names) {
    if (!isKnown(name, format)) {
      findings.push({
        severity: "notice",
        code: "unknown-file",
        file: `${path}/${name}`,
        sentence: "This file is not part of the format; it was not read.",
        cause:
          "Somebody put it here, or a replacement that a crash kept from getting its name was left over.",
      });
    }
  }
  const aside = names.includes(QUARANTINE_NAME) ? await listed(disk, `${path}/${QUARANTINE_NAME}`) : [];
  if (aside.length > 0) {
    findings.push({
      severity: "notice",
      code: "quarantine",
      file: `${path}/${QUARANTINE_NAME}`,
      sentence: `Recovery or repair has set bytes aside earlier: ${aside.length} files.`,
      cause: "A crash tore an append, or somebody repaired the stream.",
    });
  }
  return { stream, path, format, manifest, numbers, findings };
}

/** The segments to read, with what is known of where each begins. */
export function jobsOf(outline: Outline, counts: readonly number[], chunkBytes: number): SegmentJob[] {
  const { path, format, manifest, numbers } = outline;
  const last = numbers.at(-1);
  const claimed = manifest?.segments.at(-1);
  const wanted = [...new Set([...counts, ...(claimed === undefined ? [] : [claimed.nextOffset])])];
  return numbers.map((number) => ({
    path,
    format,
    number,
    isSealed: number !== last || number < (manifest?.activeSegment ?? 0),
    fallbackOffset: manifest?.segments[number]?.firstOffset ?? 0,
    claimedBytes:
      manifest !== undefined && isKimberlites(manifest) ? (manifest.segments[number]?.bytes ?? 0) : 0,
    counts: wanted,
    chunkBytes,
  }));
}

/** Whether Kimberlite wrote the manifest: then its last entry says what the active segment held at the last append. */
export function isKimberlites(manifest: Manifest): boolean {
  return manifest.format === undefined;
}

/** Whether the manifest's last segment need not be there: Kimberlite names one before it creates it. */
export function isUnborn(manifest: Manifest, { number, bytes }: SegmentInfo): boolean {
  return isKimberlites(manifest) && number === manifest.activeSegment && bytes === 0;
}

async function readManifest(disk: Disk, path: string): Promise<Manifest | undefined> {
  const file = `${path}/${MANIFEST_NAME}`;
  return withFile(disk, file, async (opened) =>
    (await opened.size()) > MANIFEST_BYTES_MAX ? undefined : parseManifest(await readAll(opened, file)),
  );
}

function isKnown(name: string, format: Format): boolean {
  if (name === MANIFEST_NAME || name === QUARANTINE_NAME) return true;
  const base = /^segment_\d{6,15}\.log/.exec(name)?.[0];
  const number = base === undefined ? undefined : segmentNumber(base);
  if (number === undefined) return false;
  const own = [segmentName(number), indexName(number, format), indexLogName(number, format)];
  const theirs = [kimberliteIndexName(number), kimberliteIndexLogName(number)];
  return own.includes(name) || (format === "sentinel" && theirs.includes(name));
}

async function listed(disk: Disk, path: string): Promise<string[]> {
  try {
    return await disk.list(path);
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw cause;
  }
}
