/**
 * The directories that faults in stored bytes are put into: what workloads leave behind, and what the model
 * says of it.
 * @module
 */
import { createHash } from "node:crypto";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { type StoredFaults, storedFaults } from "../../fault-injection/stored-faults.ts";
import { emptyLog, type ModelLog, type ModelRecord, type ShownRecord } from "../../model/log.ts";
import { claimedRecords, claimedSize, readStream } from "../../model/reader.ts";
import { outliving, type Proof } from "../../model/proof.ts";
import type { Format, Storage } from "../../src/index.ts";
import type { Bounds } from "../bounds.ts";
import { streamFiles } from "../comparison.ts";
import { Extreme } from "../../explore/extreme.ts";
import { streamPath } from "../engine.ts";
import { indexFiles, readFrames, readIndex } from "../../model/index-reader.ts";
import { Lockstep } from "../lockstep.ts";
import { type OperationName, operationNamed } from "../operations.ts";
import { emptyCounts } from "../tally.ts";
import { foreignContents } from "./foreign-files.ts";
import { beginPagedStream } from "./paged-stream.ts";

/** How a workload ends before the fault. */
export type Ending = "the process is killed" | "the power fails" | "the engine stays open";
export const ENDINGS: readonly Ending[] = [
  "the process is killed",
  "the power fails",
  "the engine stays open",
];

/** The stream whose files get the faults. */
export const STREAM = 1n;
export const STREAM_PATH: string = streamPath(STREAM);

/** A directory that is made for faults in whole files: what of it a short workload would not have. */
export interface MadeDirectory {
  readonly name: string;
  readonly workload: readonly OperationName[];
  readonly maxSegmentBytes?: number;
  /** How many segments a page of the manifest names. */
  readonly pageSegments?: number;
  /** Whether only the format `plain` has what it is about. */
  readonly onlyPlain?: boolean;
}

/**
 * Records of different sizes come in different orders, so that positions in one segment are none in another.
 */
const MADE_DIRECTORIES: readonly MadeDirectory[] = [
  { name: "full segments", workload: ["batch", "empty-payload", "append+sync", "batch", "batch"] },
  { name: "a segment for each batch", workload: ["batch", "batch", "append"], maxSegmentBytes: 90 },
  {
    name: "one segment with a saved index and frames",
    workload: ["empty-payload", "append+sync", "checkpoint", "batch", "append+sync", "append+sync"],
    maxSegmentBytes: 1 << 20,
  },
  {
    name: "a segment opened three times",
    workload: ["append+sync", "reopen", "batch", "reopen", "empty-payload", "append"],
    maxSegmentBytes: 400,
  },
  {
    name: "a manifest with pages",
    workload: ["batch", "empty-payload", "append"],
    maxSegmentBytes: 1,
    pageSegments: 1,
    onlyPlain: true,
  },
  {
    name: "redacted and merged segments",
    workload: [
      "batch",
      "empty-payload",
      "append+sync",
      "tombstone",
      "compact",
      "batch",
      "hide",
      "compact",
      "append",
    ],
    maxSegmentBytes: 200,
    onlyPlain: true,
  },
];

/** The directories that are made of a format. */
export function madeDirectories(format: Format): readonly MadeDirectory[] {
  return MADE_DIRECTORIES.filter(({ onlyPlain = false }) => !onlyPlain || format === "plain");
}

/**
 * The directories of a format by their names: those that short workloads leave, those that are made, and
 * those in which a call has failed.
 */
export function directoryNames(format: Format): readonly string[] {
  return [LEFT_BY_WORKLOADS, ...madeDirectories(format).map(({ name }) => name), AFTER_A_FAILING_CALL];
}

const LEFT_BY_WORKLOADS = "left by a workload";
export const AFTER_A_FAILING_CALL = "after a failing call";

/** Whether a path is that of a segment, and not of a hint. */
export function isSegment(path: string): boolean {
  return path.endsWith(".log");
}

/** Where a record lies. */
interface RecordPlace {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  /** Whether an index file that was there before the fault proves that it was durable. */
  readonly belowWatermark: boolean;
  /** Whether the write-ahead file, or a later segment, proves that by itself. */
  readonly belowLogWatermark: boolean;
}

/** A directory at rest. */
export interface StoredState {
  /** Those under which it came about. */
  readonly bounds: Bounds;
  readonly workload: readonly OperationName[];
  readonly disk: SimulatedDisk;
  /** The engine that has it open, if one has. */
  readonly storage: Storage | undefined;
  /** What was appended; a power failure may have left less. */
  readonly appended: readonly ModelRecord[];
  /** What is there. */
  readonly log: ModelLog;
  /** The stream's files, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly places: readonly RecordPlace[];
  /** What the model's reader finds in them. */
  readonly held: readonly ShownRecord[];
  /** What the index files must prove, whatever they do. */
  readonly proof: Proof;
  readonly faults: StoredFaults;
}

/**
 * Runs a workload and ends it. Where the power fails nothing survives that was not synced: the model is cut
 * to what is there.
 *
 * @param made what the directory is made for, if it is: its files are replaced by foreign ones, too, and not
 *   damaged at every place, as those of the small directories are
 */
export async function storedState(
  bounds: Bounds,
  workload: readonly OperationName[],
  ending: Ending,
  made?: MadeDirectory,
): Promise<StoredState> {
  // An engine that stays open sees all faults; each check of it is given a budget of its own.
  const stepsMax = ending === "the engine stays open" ? Number.MAX_SAFE_INTEGER : bounds.stepsMax;
  const lockstep = await Lockstep.open({ ...bounds, stepsMax }, emptyCounts());
  const pageSegments = made?.pageSegments;
  if (pageSegments !== undefined) beginPagedStream(lockstep.disk, STREAM, pageSegments);
  const history = historyOf(lockstep.disk);
  for (const name of workload) await lockstep.perform(operationNamed(name));
  lockstep.disk.onChange = undefined;
  const open = ending === "the engine stays open";
  const disk = open ? lockstep.disk : lockstep.disk.fork(new Extreme(1));
  if (ending === "the power fails") disk.crash();
  else if (!open) disk.kill();
  const proven = lockstep.proofOf(STREAM);
  const atRest = stateOn(disk, {
    bounds,
    workload,
    whole: lockstep.logs.get(STREAM) ?? emptyLog(bounds.format),
    proof: ending === "the power fails" ? outliving(proven, "power", bounds.durability) : proven,
  });
  const { files, places } = atRest;
  const pieces = places.flatMap((place, offset) => {
    const { file, start, end } = place;
    const isFirst = place !== places[offset - 1];
    return isFirst ? [{ what: `the record at ${offset}`, path: file, start, end }] : [];
  });
  const options =
    made === undefined
      ? {}
      : {
          cuts: cutsOf(places, files),
          foreign: await foreignContents(bounds, workload, files, history, pieces, pageSegments),
        };
  const faults = storedFaults(files, history, { ...options, pieces, sectorBytes: bounds.sectorBytes });
  return { ...atRest, storage: open ? lockstep.storage : undefined, faults };
}

/** The contents that the files of a disk have from now on, by path, oldest first. It watches the disk. */
export function historyOf(disk: SimulatedDisk): ReadonlyMap<string, readonly Uint8Array[]> {
  const history = new Map<string, Uint8Array[]>();
  disk.onChange = () => {
    for (const [path, bytes] of disk.fork(new Extreme(0)).files()) {
      const versions = history.get(path) ?? [];
      if (Buffer.compare(versions.at(-1) ?? Buffer.alloc(0), bytes) !== 0) versions.push(bytes);
      history.set(path, versions);
    }
  };
  return history;
}

/** What was done with an engine, and what the model says of it. */
type Done = Pick<StoredState, "bounds" | "workload" | "proof"> & { readonly whole: ModelLog };

/** A disk at rest: the model is cut to what is there. */
export function stateOn(
  disk: SimulatedDisk,
  { bounds, workload, proof, whole }: Done,
): Omit<StoredState, "storage" | "faults"> {
  const files = new Map([...disk.files()].filter(([path]) => path.startsWith(`${STREAM_PATH}/`)));
  const { places, held } = files.size === 0 ? { places: [], held: [] } : placesIn(disk, bounds.format);
  const log = { ...whole, records: whole.records.slice(0, places.length) };
  return { bounds, workload, disk, appended: whole.records, log, files, places, held, proof };
}

/** The stream's files by their names in its directory. */
export function streamFilesOf({ files }: Pick<StoredState, "files">): Map<string, Uint8Array> {
  return new Map([...files].map(([path, bytes]) => [path.slice(STREAM_PATH.length + 1), bytes]));
}

/** Names what the faults of a state can lead to: states with equal names need be searched only once. */
export function stateName({ log, faults, storage }: StoredState): string {
  const digest = createHash("sha256").update(storage === undefined ? "" : "open");
  digest.update(`${log.records.length} ${log.durable} ${log.written}`);
  for (let i = 0; i < faults.count; i += 1) {
    const { path, bytes } = faults.at(i);
    digest.update(`\0${path}\0`).update(bytes ?? "gone");
  }
  return digest.digest("base64");
}

/**
 * Where files are cut of which most are not cut everywhere: pages of the manifest are, segments at the
 * beginning of every record, and within it.
 */
function cutsOf(
  places: readonly RecordPlace[],
  files: ReadonlyMap<string, Uint8Array>,
): Map<string, number[]> {
  const cuts = new Map<string, number[]>();
  for (const [path, bytes] of files) if (path.includes("/manifest-")) cuts.set(path, [...bytes.keys()]);
  for (const { file, start, end } of places) cuts.set(file, [...(cuts.get(file) ?? []), start, end - 1]);
  return cuts;
}

function placesIn(disk: SimulatedDisk, format: Format): Pick<StoredState, "places" | "held"> {
  const files = streamFiles(disk, STREAM_PATH, (name) => name.includes(".log"));
  const places: RecordPlace[] = [];
  const { end, problem, records: held } = readStream(files, format);
  // Of what a power failure cut within a record, the records before count.
  for (const [i, { file: name, count }] of end.entries()) {
    const bytes = files.get(name) ?? Buffer.alloc(0);
    const { saved, frames } = indexFiles(files, name, format);
    const index = saved === undefined ? undefined : readIndex(saved);
    const { entries } = frames === undefined ? (index ?? { entries: [] }) : readFrames(frames, index);
    const isSealed = problem === undefined && i < end.length - 1;
    const logEnd = frames === undefined ? 0 : readFrames(frames).end;
    let start = 0;
    for (let ordinal = 0; ordinal < count; ordinal += 1) {
      const record = bytes.subarray(start);
      const size = claimedSize(format, record) ?? 0;
      const place = {
        file: `${STREAM_PATH}/${name}`,
        start,
        end: start + size,
        belowWatermark: isSealed || ordinal < entries.length,
        belowLogWatermark: isSealed || start + size <= logEnd,
      };
      // A redacted record is where all are that it stands for.
      for (let at = 0n; at < claimedRecords(format, record); at += 1n) places.push(place);
      start += size;
    }
  }
  return { places, held };
}
