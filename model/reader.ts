/**
 * A reader of a stream's segments, written from `docs/FORMAT.md` alone, that trusts nothing in them.
 * Promises: no bytes make it throw; it stops at the first thing wrong and returns what came before, copied.
 * Does not promise: to notice that the tail is cut off or all is rewritten (section 3, "Anchor"); what a
 * tombstone says, or a sentinel checkpoint's count; to read past a redacted record, which has no chain hash.
 * @module
 */
import type { Format, Offset } from "../src/types.ts";
import { expand, PAYLOAD_BYTES_MAX } from "./expand.ts";
import { crc32, KINDS } from "./hash.ts";
import { little } from "./little.ts";
import { following, type Last, type ModelRecord } from "./log.ts";

/** The first thing wrong: with the record due at `offset`, which starts at byte `position` of `file`. */
type ModelProblem = Readonly<{ file: string; position: number; offset: Offset; sentence: string }>;
/** How far a segment is sound: `count` records in its first `size` bytes. */
type SegmentEnd = Readonly<{ segment: number; size: number; count: number }>;
/** A record, and how many bytes it has as it is stored. */
type Found = Readonly<{ record: ModelRecord; size: number }>;
/** What a stream holds, up to the problem if there is one. */
export type StreamReading = Readonly<{ records: ModelRecord[]; end: SegmentEnd[]; problem?: ModelProblem }>;

const CODECS = ["none", "lz4", "zstd"] as const;
/** Where the fields of a record are (sections 2 and 8.1): byte, or [byte, first bit from there, bits]. */
const LAYOUTS = {
  plain: { offset: 0, kind: [40, 28, 2], codec: [40, 30, 2], length: [40, 0, 28], payload: 44 },
  sentinel: { offset: 4, kind: [44, 0, 8], codec: [45, 0, 8], length: [46, 0, 32], payload: 50 },
} as const;
const field = (bytes: Uint8Array, [at, bit, bits]: readonly [number, number, number]): number =>
  Math.floor(little(bytes, at, 4) / 2 ** bit) % 2 ** bits;

/** Reads the segments (sections 1 to 4 and 8) among the files of a stream's directory, name to bytes. */
export function readStream(files: ReadonlyMap<string, Uint8Array>, format: Format): StreamReading {
  const [records, end]: [ModelRecord[], SegmentEnd[]] = [[], []];
  const segments = [...files.keys()].filter((name) => /^segment_(\d{6}|[1-9]\d{6,})\.log$/.test(name)).length;
  for (let segment = 0; segment < segments; segment++) {
    const file = `segment_${String(segment).padStart(6, "0")}.log`;
    const bytes = files.get(file);
    for (let [size, count] = [0, 0]; ; count++) {
      end[segment] = { segment, size, count };
      if (size === bytes?.length) break;
      const found = bytes ? readRecord(format, bytes.subarray(size), records.at(-1)) : "The file is missing.";
      const problem = { file, position: size, offset: BigInt(records.length) as Offset };
      if (typeof found === "string") return { records, end, problem: { ...problem, sentence: found } };
      records.push(found.record);
      size += found.size;
    }
  }
  return { records, end };
}

/** The bytes that the record at the start of `bytes` says it has; 0: none starts so; `undefined`: unknown yet. */
export function claimedSize(format: Format, bytes: Uint8Array): number | undefined {
  const { offset, length, payload } = LAYOUTS[format];
  if (bytes.length < payload) return undefined;
  const stored = field(bytes, length);
  const isMarked = format === "plain" || little(bytes, 0, 4) === 0xbadc0ffe;
  return isMarked && stored <= PAYLOAD_BYTES_MAX ? payload + stored + 4 + offset : 0;
}

/** The record at the start of `bytes` and its size, or why the one that follows `last` is not there. */
export function readRecord(format: Format, bytes: Uint8Array, last?: Last): Found | string {
  const layout = LAYOUTS[format];
  const size = claimedSize(format, bytes) ?? Infinity;
  if (size === 0) return "No record starts like this: its mark is wrong or its length too large.";
  if (bytes.length < size) return "The record is incomplete: its segment ends within it.";
  const [at, end] = [layout.offset, size - layout.offset - 4];
  if (crc32(bytes.subarray(0, end)) !== little(bytes, end, 4)) return "The record's CRC is wrong.";
  if (format === "sentinel" && little(bytes, end + 4, 4) !== 0xc0ffee42) return "Its last mark is wrong.";
  const [kind, codec] = [KINDS[field(bytes, layout.kind)], CODECS[field(bytes, layout.codec)]];
  if (!kind || kind === "redacted" || !codec) return "The record is redacted, or a code in it not assigned.";
  if (kind !== "data" && codec !== "none") return `The record is compressed and a ${kind}.`;
  if (kind !== "data" && format === "plain" && !last) return `The stream's first record is a ${kind}.`;
  const payload = expand(format, codec, bytes.subarray(layout.payload, end));
  if (typeof payload === "string") return payload;
  const record = following(format, kind, payload, last);
  const [offset, prevHash] = [bytes.subarray(at, at + 8), bytes.subarray(at + 8, at + 40)];
  if (record.offset !== Buffer.from(offset).readBigUInt64LE()) return "The record's offset is wrong.";
  if (Buffer.compare(prevHash, record.prevHash) !== 0) return "prev_hash breaks the chain.";
  const due = Buffer.concat([prevHash, format === "plain" ? offset : payload.subarray(32, 40)], 40);
  if (kind === "checkpoint" && Buffer.compare(payload, due) !== 0) return "A checkpoint's payload is wrong.";
  return { record, size };
}
