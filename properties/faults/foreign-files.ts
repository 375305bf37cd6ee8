/**
 * What the files of a stream may hold that is another file's content: of any file of another stream, of the
 * same file of a longer or shorter one or of one of the other format, of another file of the same stream; one
 * record of another stream, in the place of one of the same size; and every manifest that is one and says
 * something else. Besides, what may turn up where no file is (`stray-segments.ts`).
 *
 * The other streams are made by engines of their own, with the same operations, with more and with fewer.
 * Their payloads are different.
 * @module
 */
import type { ForeignContent, Piece } from "../../fault-injection/stored-faults.ts";
import type { Bounds } from "../bounds.ts";
import { streamPath } from "../engine.ts";
import { Lockstep } from "../lockstep.ts";
import { type Operation, type OperationName, operationNamed } from "../operations.ts";
import { emptyCounts } from "../tally.ts";
import { Extreme } from "../../explore/extreme.ts";
import { otherManifests } from "./manifest-edits.ts";
import { beginPagedStream } from "./paged-stream.ts";
import { straySegments } from "./stray-segments.ts";

/**
 * The stream whose files get the faults, and in which the others are made, too: a file does not say which
 * stream it is of.
 */
const STREAM = 1n;
const PATH = streamPath(STREAM);
const MANIFEST = `${PATH}/manifest.json`;

/** How another stream came about: what its operations were, and how much larger its payloads are. */
interface Stranger {
  readonly what: string;
  readonly bounds: Bounds;
  readonly workload: readonly OperationName[];
  readonly more: number;
}

/**
 * Its records are as large as those of the stream: the operations are the same, and so are the sizes of
 * payloads.
 */
const ANOTHER = "that of another stream";

function strangersTo(bounds: Bounds, workload: readonly OperationName[]): Stranger[] {
  const format = bounds.format === "plain" ? "sentinel" : "plain";
  const one = { bounds, workload, more: 0 };
  return [
    { ...one, what: ANOTHER },
    { ...one, what: "that of a stream with larger records", more: 7 },
    { ...one, what: "that of a stream with one record more", workload: [...workload, "append+sync"] },
    { ...one, what: "that of a longer stream", workload: [...workload, "append+sync", "batch"] },
    { ...one, what: "that of a shorter stream", workload: workload.slice(0, -1) },
    { ...one, what: `that of a stream of the format ${format}`, bounds: { ...bounds, format } },
  ];
}

/**
 * By path, what may be there instead; of index files and segments also where none is.
 *
 * @param history by path the contents that files had, oldest first, those that are gone among them
 * @param pageSegments how many segments a page of the stream's manifest names, if that has any; so it is in
 *   the others of its format, too
 */
export async function foreignContents(
  bounds: Bounds,
  workload: readonly OperationName[],
  files: ReadonlyMap<string, Uint8Array>,
  history: ReadonlyMap<string, readonly Uint8Array[]>,
  records: readonly Piece[],
  pageSegments?: number,
): Promise<Map<string, ForeignContent[]>> {
  const contents = new Map<string, ForeignContent[]>();
  const add = (path: string, content: ForeignContent): void => {
    contents.set(path, [...(contents.get(path) ?? []), content]);
  };
  const targets = new Set(files.keys());
  for (const path of files.keys()) {
    if (!path.endsWith(".log")) continue;
    const saved = `${path}.idx${bounds.format === "plain" ? "" : "2"}`;
    targets.add(saved).add(`${saved}.wal`);
  }
  for (const stranger of strangersTo(bounds, workload)) {
    const isPaged = stranger.bounds.format === bounds.format;
    const theirs = await filesOf(stranger, isPaged ? pageSegments : undefined);
    for (const path of targets) {
      const bytes = theirs.get(path);
      if (bytes !== undefined) add(path, { what: stranger.what, bytes });
    }
    if (stranger.what !== ANOTHER) continue;
    for (const [path, strays] of straySegments(files, history, records, theirs))
      contents.set(path, [...strays]);
    for (const [other, bytes] of theirs) {
      if (!other.startsWith(`${PATH}/`)) continue;
      const what = `${other.slice(PATH.length + 1)} of another stream`;
      for (const path of targets) if (path !== other) add(path, { what, bytes });
    }
    for (const { what, path, start, end } of records) {
      const bytes = Uint8Array.from(files.get(path) ?? []);
      bytes.set(theirs.get(path)?.subarray(start, end) ?? [], start);
      add(path, { what: `itself with another stream's record in the place of ${what}`, bytes });
    }
  }
  for (const path of targets) {
    for (const [other, bytes] of files) {
      if (other !== path) add(path, { what: other.slice(PATH.length + 1), bytes });
    }
  }
  const manifest = files.get(MANIFEST);
  if (manifest !== undefined) for (const content of otherManifests(manifest)) add(MANIFEST, content);
  return contents;
}

async function filesOf(
  { bounds, workload, more }: Stranger,
  pageSegments: number | undefined,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const lockstep = await Lockstep.open({ ...bounds, stepsMax: Number.MAX_SAFE_INTEGER }, emptyCounts());
  if (pageSegments !== undefined) beginPagedStream(lockstep.disk, STREAM, pageSegments);
  for (const name of workload) await lockstep.perform(asStranger(operationNamed(name), more));
  return lockstep.disk.fork(new Extreme(0)).files();
}

function asStranger(operation: Operation, more: number): Operation {
  if (operation.does !== "append") return operation;
  return { ...operation, made: undefined, payload: new Uint8Array(operation.bytes + more).fill(0x41) };
}
