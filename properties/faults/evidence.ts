/**
 * What a hint with a fault may prove, read from it as docs/FORMAT.md says: one that names more than the log
 * holds, and that nothing in the log contradicts, is what a hint looks like whose log was cut. Then the
 * engine has to call the end lost; nobody can tell it from the truth.
 * @module
 */
import type { StoredFault } from "../../fault-injection/stored-faults.ts";
import { readFrames, readIndex } from "../../model/index-reader.ts";
import { countOf, numbersOf, segmentNames } from "../segment-names.ts";
import { isSegment, type StoredState, STREAM_PATH } from "./stored-states.ts";

/** Whether the hint names more than there is, and the rest of what it says is true as far as one can see. */
export function mayProveMore(state: StoredState, { path, bytes }: StoredFault): boolean {
  if (bytes === undefined) return false;
  return path.endsWith("manifest.json") ? manifestMay(state, bytes) : indexMay(state, path, bytes);
}

interface Manifest {
  segments: { segment_num: number; last_segment_num?: number; next_offset: number; size_bytes: number }[];
  active_segment?: number;
  format?: unknown;
  page_segments?: number;
}

function manifestMay({ files, log }: StoredState, bytes: Uint8Array): boolean {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(Buffer.from(bytes).toString()) as Partial<Manifest>;
  } catch {
    return false;
  }
  if (manifest.segments === undefined) return false;
  const numbers = segmentNames(files.keys()).reduce((sum, name) => {
    const own = numbersOf(name);
    return own === undefined ? sum : sum + countOf(own);
  }, 0);

  if (inPages(manifest) + numbersIn(manifest.segments) > numbers) return true;
  // What Kimberlite says of its last segment is how much that held.
  const last = manifest.segments.at(-1);
  const isKimberlites = manifest.format === undefined && log.format === "sentinel";
  return isKimberlites && last !== undefined && last.next_offset > log.records.length;
}

/** How many numbers of segments entries name. */
function numbersIn(segments: Manifest["segments"]): number {
  return segments.reduce((sum, { segment_num: first, last_segment_num: last = first }) => {
    return sum + last - first + 1;
  }, 0);
}

/** How many numbers pages name: those before the first of the manifest, if a page ends there. */
function inPages({
  segments = [],
  active_segment: active,
  format,
  page_segments,
}: Partial<Manifest>): number {
  const first = segments[0]?.segment_num ?? 0;
  const isRun = active === first + numbersIn(segments) - 1;
  return format === "plain" && isRun && first % (page_segments ?? 1000) === 0 ? first : 0;
}

function indexMay(state: StoredState, path: string, bytes: Uint8Array): boolean {
  const { places } = state;
  const segment = path.replace(/\.idx2?(\.wal)?$/, "");
  // Behind the records there may be a torn write, which contradicts nothing.
  const recorded = recordsEnd(state, segment);
  const starts = places.filter(({ file }) => file === segment).map(({ start }) => start);
  const isSaved = !path.endsWith(".wal");
  const { entries, end } = isSaved ? readIndex(bytes) : readFrames(bytes);
  if (end <= recorded) return false;
  const isBoundary = (position: number, ordinal: number): boolean =>
    isSaved ? starts[ordinal] === position : starts.includes(position);
  return entries.every(({ position }, ordinal) => position >= recorded || isBoundary(position, ordinal));
}

/** Where the last record in a segment ends. */
export function recordsEnd({ places }: StoredState, path: string): number {
  return places.findLast(({ file }) => file === path)?.end ?? 0;
}

/** The files of the stream that hold records, by path. */
export function segmentsOf(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...files].filter(([path]) => path.startsWith(`${STREAM_PATH}/`) && isSegment(path)));
}
