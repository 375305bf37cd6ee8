/**
 * `kmb compact`: erases for good what tombstones hide, or says with `--plan` what that would be.
 * @module
 */
import { hiddenRecords, type HiddenInSegment, namedOffsets } from "../audit/hidden.ts";
import { namesIn, noStreams, streamsAmong } from "../audit/directory.ts";
import { type Outline, outlineOf } from "../audit/outline.ts";
import { visible } from "../audit/text.ts";
import { versions } from "../properties/code-version.ts";
import { QUARANTINE_NAME, segmentName } from "../src/disk/names.ts";
import { readOnly } from "../src/disk/read-only-disk.ts";
import {
  type CompactionResult,
  type CompressionKind,
  type Disk,
  type Format,
  NodeDisk,
  Storage,
  StorageError,
  type StorageErrorCode,
} from "../src/index.ts";
import { writeJson } from "./json.ts";
import { Output } from "./output.ts";
import { type Progress, progress } from "./progress.ts";
import { sparseDisk } from "./sparse-disk.ts";
import { stopping } from "./stopping.ts";
import { counted, number } from "./text.ts";

export interface CompactOptions {
  readonly stream?: string;
  readonly plan?: boolean;
  readonly purgeQuarantine?: boolean;
  readonly compress?: CompressionKind;
  readonly mergeUpTo: number;
  readonly minSegments: number;
  readonly json?: string;
  readonly allowEmpty?: boolean;
}

const DAMAGED = 1;
const CHUNK_BYTES = 1 << 18;
/** So many segments of a stream are printed; the rest is counted, and all are in the JSON file. */
const PRINTED_MAX = 50;
/** What is not about one stream, so that there is no going on with the next. */
const NOT_OF_A_STREAM: ReadonlySet<StorageErrorCode> = new Set(["io", "closed", "locked", "poisoned"]);

const SCHEMA = "kimberlite-storage/compact@1";

/** What became of a stream, or would. */
interface StreamCompaction {
  readonly stream: string;
  readonly format: Format;
  /** What compaction did. */
  readonly result?: CompactionResult;
  /** What it would do. */
  readonly plan?: Plan;
  /** What it met that it could not read, or why it has nothing to do in this stream. */
  readonly damage?: { readonly code: string; readonly sentence: string };
  readonly leftAlone?: string;
}

interface Plan {
  readonly recordsErased: number;
  readonly segments: readonly Omit<HiddenInSegment, "damage">[];
  /** Names of the files that would be removed from quarantine. */
  readonly quarantinePurged: readonly string[];
}

/** @returns the exit status: 0 done, 1 damage was met, or that of the signal that ended it */
export async function compact(directory: string, options: CompactOptions): Promise<number> {
  const disk = readOnly(await sparseDisk());
  const root = await disk.resolve(directory);
  const outlines = await outlinesOf(disk, root, options);
  const output = new Output();
  const done: StreamCompaction[] = [];
  const tell = (one: StreamCompaction): void => {
    done.push(one);
    for (const line of streamLines(one)) output.line(visible(line));
  };
  const status =
    options.plan === true
      ? await planAll(disk, outlines, options, tell)
      : await compactAll(root, outlines, options, tell);
  if (outlines.length === 0) output.line("There are no streams in this directory.");
  else if (options.plan === true)
    output.line(`Nothing was changed. Without --plan it is done.${notPlanned(options)}`);
  if (options.json !== undefined) {
    const plan = options.plan === true;
    writeJson(options.json, { schema: SCHEMA, versions: versions(), directory, plan, streams: done });
  }
  return status;
}

/** What a plan cannot tell without doing it. */
const notPlanned = ({ compress, mergeUpTo }: CompactOptions): string =>
  (mergeUpTo === 0
    ? ""
    : ` Then segments that follow each other become one, too, up to ${number(mergeUpTo)} bytes.`) +
  (compress === undefined
    ? ""
    : ` Then every other sealed segment is read, too, and replaced where ${compress} makes it smaller.`);

/**
 * The streams that are asked for.
 * @throws NoStreams if there are none; StorageError `wrong-format` if one of Kimberlite's is named
 */
async function outlinesOf(disk: Disk, root: string, options: CompactOptions): Promise<Outline[]> {
  const names = await namesIn(disk, root);
  const streams = streamsAmong(names).filter((stream) => stream === (options.stream ?? stream));
  const outlines: Outline[] = [];
  for (const stream of streams) {
    const outline = await outlineOf(disk, root, stream, CHUNK_BYTES);
    if (!outline.isEmpty) outlines.push(outline);
  }
  if (outlines.length === 0 && options.allowEmpty !== true)
    throw await noStreams(disk, root, names, options.stream);
  const [first] = outlines;
  if (options.stream !== undefined && first?.format === "sentinel")
    throw new StorageError("wrong-format", `Stream ${options.stream} is left alone. ${LEFT_ALONE}`);
  return outlines;
}

const LEFT_ALONE =
  "Its format, sentinel, is Kimberlite's and has no redacted records, so nothing can be erased from it. Copy what is to stay into a stream of the format plain.";

type Tell = (one: StreamCompaction) => void;

async function planAll(
  disk: Disk,
  outlines: readonly Outline[],
  options: CompactOptions,
  tell: Tell,
): Promise<number> {
  let status = 0;
  for (const outline of outlines) {
    const { stream, format } = outline;
    if (format === "sentinel") {
      tell({ stream, format, leftAlone: LEFT_ALONE });
      continue;
    }
    const bar = progress("segments", 2 * outline.segments.length, `stream ${stream}`);
    const named = await namedOffsets(disk, outline, (segments) => {
      bar.at(segments);
    });
    const found = await hiddenRecords(disk, outline, named, (segments) => {
      bar.at(outline.segments.length + segments);
    });
    bar.stop();
    const damaged = found.find(({ damage }) => damage !== undefined);
    const plan = {
      recordsErased: found.reduce((sum, { records }) => sum + records, 0),
      segments: found.map(({ number: first, last, file, records }) => ({
        number: first,
        last,
        file,
        records,
      })),
      quarantinePurged: options.purgeQuarantine === true ? await quarantined(disk, outline.path) : [],
    };
    if (damaged?.damage === undefined) {
      tell({ stream, format, plan });
    } else {
      const { flaw, position } = damaged.damage;
      const sentence = `${flaw.sentence} [${damaged.file}, byte ${position}]`;
      tell({ stream, format, plan, damage: { code: flaw.code, sentence } });
      status = DAMAGED;
    }
  }
  return status;
}

async function quarantined(disk: Disk, path: string): Promise<readonly string[]> {
  const names = await disk.list(path);
  return names.includes(QUARANTINE_NAME) ? disk.list(`${path}/${QUARANTINE_NAME}`) : [];
}

async function compactAll(
  root: string,
  outlines: readonly Outline[],
  options: CompactOptions,
  tell: Tell,
): Promise<number> {
  if (outlines.length === 0) return 0;
  const stops = stopping(undefined);
  const storage = await Storage.open(root, { disk: new NodeDisk() });
  let status = 0;
  try {
    for (const outline of outlines) {
      const { stream, format } = outline;
      if (format === "sentinel") {
        tell({ stream, format, leftAlone: LEFT_ALONE });
        continue;
      }
      const one = await compacted(storage, outline, options, stops.signal);
      if (one === undefined) break;
      tell(one);
      if (one.damage !== undefined) status = DAMAGED;
    }
  } finally {
    stops.end();
    await storage.close();
  }
  const stop = stops.stop();
  if (stop === undefined) return status;
  console.error(`Not all is compacted: ${stop.sentence}. The segments that are done stay compacted.`);
  return stop.status ?? status;
}

/** @returns what became of the stream; nothing if a signal came first */
async function compacted(
  storage: Storage,
  { stream, format }: Outline,
  options: CompactOptions,
  signal: AbortSignal,
): Promise<StreamCompaction | undefined> {
  let bar: Progress | undefined;
  try {
    const result = await storage.compact(BigInt(stream), {
      compressOnCompact: options.compress !== undefined,
      compression: options.compress,
      purgeQuarantine: options.purgeQuarantine,
      mergeThresholdBytes: options.mergeUpTo,
      minSegments: options.minSegments,
      signal,
      onProgress(done, of) {
        bar ??= progress("segments", of, `stream ${stream}`);
        bar.at(done);
      },
    });
    return { stream, format, result };
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined;
    if (!(error instanceof StorageError) || NOT_OF_A_STREAM.has(error.code)) throw error;
    return { stream, format, damage: { code: error.code, sentence: error.message } };
  } finally {
    bar?.stop();
  }
}

function* streamLines({ stream, result, plan, damage, leftAlone }: StreamCompaction): Generator<string> {
  const row = (name: string, text: string): string => `  ${name.padEnd(12)}${text}`;
  yield `stream ${stream}`;
  if (leftAlone !== undefined) yield row("left alone", leftAlone);
  if (result !== undefined) {
    const { recordsErased, tombstonesApplied, segmentsReplaced, segmentsBefore, segmentsAfter } = result;
    yield row(
      "erased",
      recordsErased === 0
        ? "nothing"
        : `${counted(recordsErased, "record")}, which ${counted(tombstonesApplied, "tombstone")} named`,
    );
    const counts = `${number(segmentsReplaced)} of ${number(segmentsBefore)} were replaced`;
    yield row("segments", `${counts}; there are ${number(segmentsAfter)} now`);
    const { bytesReclaimed } = result;
    yield row("bytes", `${number(Math.abs(bytesReclaimed))} ${bytesReclaimed < 0 ? "more" : "fewer"}`);
    for (const name of result.quarantinePurged) yield row("purged", `${QUARANTINE_NAME}/${name}`);
  }
  if (plan !== undefined) {
    const { recordsErased, segments, quarantinePurged } = plan;
    const where = recordsErased === 0 ? "" : ` in ${counted(segments.length, "segment")}`;
    yield row("would erase", recordsErased === 0 ? "nothing" : `${counted(recordsErased, "record")}${where}`);
    for (const segment of segments.slice(0, PRINTED_MAX))
      yield row("segment", `${segmentName(segment)}: ${counted(segment.records, "record")}`);
    const left = segments.length - PRINTED_MAX;
    if (left > 0) yield row("", `${counted(left, "segment")} more; --json FILE writes all of them`);
    for (const name of quarantinePurged) yield row("would purge", `${QUARANTINE_NAME}/${name}`);
  }
  if (damage !== undefined)
    yield row(
      "damage",
      `${damage.code}: ${damage.sentence} The other segments ${plan === undefined ? "are" : "would be"} compacted.`,
    );
}
