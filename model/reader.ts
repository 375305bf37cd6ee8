/**
 * A reader of a stream's segments, written from `docs/FORMAT.md` alone, that trusts nothing in them.
 * Promises: no bytes make it throw; it stops at the first thing wrong and returns what came before, copied.
 * Does not promise: to notice that the tail is cut off or all is rewritten (section 3, "Anchor"); what a
 * tombstone says; to read past a redacted record, for which the format defines no chain hash.
 * @module
 */
import type { Offset } from "../src/types.ts";
import { expand, little } from "./expand.ts";
import { crc32 } from "./hash.ts";
import { checkpointAfter, following, type ModelRecord } from "./log.ts";

/** The first thing wrong: with the record due at `offset`, which starts at byte `position` of `file`. */
type ModelProblem = Readonly<{ file: string; position: number; offset: Offset; sentence: string }>;
/** How far a segment is sound: `count` records in its first `size` bytes. */
type SegmentEnd = Readonly<{ segment: number; size: number; count: number }>;
/** What a stream holds, up to the problem if there is one. */
export type StreamReading = Readonly<{ records: ModelRecord[]; end: SegmentEnd[]; problem?: ModelProblem }>;

/** The kinds of record, each at its code. */
export const KINDS = ["data", "checkpoint", "tombstone", "redacted"] as const;
const COMPRESSIONS = ["none", "lz4", "zstd"] as const;

/** Reads the segments (sections 1 to 4) among the files of a stream's directory, name to bytes. */
export function readStream(files: ReadonlyMap<string, Uint8Array>): StreamReading {
  const [records, end]: [ModelRecord[], SegmentEnd[]] = [[], []];
  const segments = [...files.keys()].filter((name) => /^segment_(\d{6}|[1-9]\d{6,})\.log$/.test(name)).length;
  for (let segment = 0; segment < segments; segment++) {
    const file = `segment_${String(segment).padStart(6, "0")}.log`;
    const bytes = files.get(file);
    let [size, count] = [0, 0];
    const stop = (sentence: string): StreamReading => {
      const problem = { file, position: size, offset: BigInt(records.length) as Offset, sentence };
      return { records, end: [...end, { segment, size, count }], problem };
    };
    if (bytes === undefined) return stop("The segment is missing, and there are later ones.");
    for (; size < bytes.length; count++) {
      const found = readRecord(bytes.subarray(size), records.at(-1));
      if (typeof found === "string") return stop(found);
      records.push(found.record);
      size += found.size;
    }
    end.push({ segment, size, count });
  }
  return { records, end };
}

/** The record at the start of `bytes` and its size, or why the one that follows `last` is not there. */
function readRecord(bytes: Uint8Array, last?: ModelRecord): { record: ModelRecord; size: number } | string {
  const length = little(bytes, 40, 4);
  const size = 48 + (length & 0xfffffff);
  if (bytes.length < size) return "The record is incomplete: its segment ends within it.";
  if (crc32(bytes.subarray(0, size - 4)) !== little(bytes, size - 4, 4)) return "The record's CRC is wrong.";
  const kind = KINDS[(length >>> 28) & 3];
  const compression = COMPRESSIONS[length >>> 30];
  if (kind === undefined || compression === undefined) return "The record's compression is not assigned.";
  if (kind !== "data" && compression !== "none") return `The record is compressed and a ${kind}.`;
  if (kind !== "data" && last === undefined) return `The stream's first record is a ${kind}.`;
  if (kind === "redacted") return "The record is redacted: its chain hash is not known.";
  const payload = expand(compression, bytes.subarray(44, size - 4));
  if (typeof payload === "string") return payload;
  const record = kind === "checkpoint" && last ? checkpointAfter(last) : following(kind, payload, last);
  if (little(bytes, 0, 8) !== Number(record.offset)) return `The record's offset is ${little(bytes, 0, 8)}.`;
  if (Buffer.compare(bytes.subarray(8, 40), record.prevHash) !== 0) return "prev_hash breaks the chain.";
  if (Buffer.compare(payload, record.payload) !== 0) return "The checkpoint's hash or count is wrong.";
  return { record, size };
}
