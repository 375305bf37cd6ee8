/**
 * A reader of a stream's segments, written from `docs/FORMAT.md` alone, that trusts nothing in them.
 * Promises: no bytes make it throw; it stops at the first thing wrong and returns what came before, copied.
 * Does not promise: to notice that the tail is cut off or all is rewritten (section 3, "Anchor"), or that a
 * file only has the name of a merged segment (the manifest tells, section 1); what a sentinel tombstone says,
 * or a sentinel checkpoint's count; what the records were that a redacted one stands for (section 4).
 * @module
 */
import type { Format, Offset } from "../src/types.ts";
import { expand, PAYLOAD_BYTES_MAX } from "./expand.ts";
import { crc32, KINDS, NO_HASH } from "./hash.ts";
import { little } from "./little.ts";
import { following, type Last, type ModelRecord } from "./log.ts";
import { offsetAfter, stoodFor } from "./redacted.ts";
import { firstUnnamed, namedBy } from "./tombstone.ts";

/** The first thing wrong. */
interface ModelProblem {
  readonly file: string;
  /** Byte of the file at which the record starts that should be there. */
  readonly position: number;
  /** Offset that this record should have. */
  readonly offset: Offset;
  readonly sentence: string;
}

/** How far the segment in a file is sound: `count` records in its first `size` bytes. */
interface SegmentEnd {
  readonly file: string;
  readonly size: number;
  readonly count: number;
}

/** A record, and how many bytes it has as it is stored. */
interface SizedRecord {
  readonly record: ModelRecord;
  readonly size: number;
}

/** What a stream holds, up to the problem if there is one. */
export interface StreamReading {
  readonly records: readonly ModelRecord[];
  readonly end: readonly SegmentEnd[];
  readonly problem?: ModelProblem;
}

const CODECS = ["none", "lz4", "zstd"] as const;
/** Where the fields of a record are (sections 2 and 8.1): byte, or [byte, first bit from there, bits]. */
const LAYOUTS = {
  plain: { offset: 0, kind: [40, 28, 2], codec: [40, 30, 2], length: [40, 0, 28], payload: 44 },
  sentinel: { offset: 4, kind: [44, 0, 8], codec: [45, 0, 8], length: [46, 0, 32], payload: 50 },
} as const;

/** The integer in so many bits of the four bytes at `at`. */
const field = (bytes: Uint8Array, [at, bit, bits]: readonly [number, number, number]): number =>
  Math.floor(little(bytes, at, 4) / 2 ** bit) % 2 ** bits;

/** The numbers of a segment, from the first to the last: more than one if it is merged. */
type Numbers = Readonly<{ first: bigint; last: bigint }>;
const MERGED_MAX = 1000n; // section 1

const digits = (number: bigint): string => String(number).padStart(6, "0");
/** The name of the file of the segment with these numbers (section 1). */
const segmentFile = (first: bigint, last = first): string =>
  `segment_${digits(first)}${last > first ? `-${digits(last)}` : ""}.log`;

/** The numbers in the name of a file, if it is exactly the name that a segment with them has. */
function numbersIn(file: string, format: Format): Numbers | undefined {
  const [match, from = "", to = from] = /^segment_(\d+)(?:-(\d+))?\.log$/.exec(file) ?? [];
  if (match === undefined) return undefined;
  const [first, last] = [BigInt(from), BigInt(to)];
  const mayBe = first === last || (format === "plain" && last - first < MERGED_MAX);
  return mayBe && file === segmentFile(first, last) ? { first, last } : undefined;
}

/**
 * The stream's segments in order, name and bytes, found by the names alone (section 1). Where one is missing,
 * they end with its name and no bytes: what comes after it cannot be placed.
 */
function segmentsIn(
  files: ReadonlyMap<string, Uint8Array>,
  format: Format,
): Map<string, Uint8Array | undefined> {
  const found = [...files.keys()].flatMap((file) => numbersIn(file, format) ?? []);
  found.sort((a, b) => Number(a.first - b.first || b.last - a.last)); // the wider one before what it covers
  const segments = new Map<string, Uint8Array | undefined>();
  let due = 0n;
  let isMissing = false; // whether there must be a segment that begins with the number `due`
  for (const { first, last } of found) {
    if (first < due) continue; // one that was read has its first number, too
    isMissing = first !== due || last !== due; // a merged segment is never the last
    if (first !== due) break;
    const file = segmentFile(first, last);
    segments.set(file, files.get(file));
    due = last + 1n;
  }
  return isMissing ? segments.set(segmentFile(due), undefined) : segments;
}

/** Reads the segments (sections 1 to 4 and 8) among the files of a stream's directory, name to bytes. */
export function readStream(files: ReadonlyMap<string, Uint8Array>, format: Format): StreamReading {
  const records: ModelRecord[] = [];
  const end: SegmentEnd[] = [];
  const redacted = new Map<ModelRecord, SegmentEnd>(); // each with how far its segment is sound before it
  for (const [file, bytes] of segmentsIn(files, format)) {
    let size = 0;
    let count = 0;
    while (size !== bytes?.length) {
      const found = bytes ? readRecord(format, bytes.subarray(size), records.at(-1)) : "The file is missing.";
      if (typeof found === "string") return stoppedAt(records, end, { file, size, count }, found);
      if (found.record.kind === "redacted") redacted.set(found.record, { file, size, count });
      records.push(found.record);
      size += found.size;
      count += 1;
    }
    end.push({ file, size, count });
  }

  // Tombstones come after what they name, so this cannot be asked before the stream's end.
  const named = records.flatMap(({ offset, kind, payload }) =>
    kind === "tombstone" ? (namedBy(payload, offset) ?? []) : [],
  );
  for (const [record, start] of redacted) {
    const unnamed = firstUnnamed(named, record.offset);
    if (unnamed >= offsetAfter(record)) continue;
    const sentence = `The record stands for offset ${String(unnamed)}, which no tombstone names.`;
    const whole = end.findIndex(({ file }) => file === start.file);
    return stoppedAt(records.slice(0, records.indexOf(record)), end.slice(0, whole), start, sentence);
  }
  return { records, end };
}

/** These records, in `whole` segments and what is sound of the `last`, and a problem after them. */
function stoppedAt(
  records: readonly ModelRecord[],
  whole: readonly SegmentEnd[],
  last: SegmentEnd,
  sentence: string,
): StreamReading {
  const { file, size: position } = last;
  const offset = offsetAfter(records.at(-1));
  return { records, end: [...whole, last], problem: { file, position, offset, sentence } };
}

/**
 * The bytes that the record at the start of `bytes` says it has; 0: none starts so; `undefined`: unknown yet.
 */
export function claimedSize(format: Format, bytes: Uint8Array): number | undefined {
  const { offset, length, payload } = LAYOUTS[format];
  if (bytes.length < payload) return undefined;
  const stored = field(bytes, length);
  const isMarked = format === "plain" || little(bytes, 0, 4) === 0xbadc0ffe;
  return isMarked && stored <= PAYLOAD_BYTES_MAX ? payload + stored + 4 + offset : 0;
}

/**
 * How many records the one at the start of `bytes` says that it is or stands for; the bytes that it says it
 * has must be there.
 */
export function claimedRecords(format: Format, bytes: Uint8Array): bigint {
  const { kind, payload } = LAYOUTS[format];
  if (KINDS[field(bytes, kind)] !== "redacted") return 1n;
  const size = claimedSize(format, bytes) ?? 0;
  return stoodFor(bytes.subarray(payload, size - 4), 0n)?.count ?? 1n;
}

/**
 * The record at the start of `bytes` and its size, or why the one that follows `last` is not there. Whether
 * tombstones name what a redacted record stands for is not asked: they come after it.
 */
export function readRecord(format: Format, bytes: Uint8Array, last?: Last): SizedRecord | string {
  const size = claimedSize(format, bytes) ?? Infinity;
  if (size === 0) return "No record starts like this: its mark is wrong or its length too large.";
  if (bytes.length < size) return "The record is incomplete: its segment ends within it.";

  const layout = LAYOUTS[format];
  const crcAt = size - layout.offset - 4; // a sentinel record has a mark as long as its first after the CRC
  if (crc32(bytes.subarray(0, crcAt)) !== little(bytes, crcAt, 4)) return "The record's CRC is wrong.";
  if (format === "sentinel" && little(bytes, crcAt + 4, 4) !== 0xc0ffee42) return "Its last mark is wrong.";

  const kind = KINDS[field(bytes, layout.kind)];
  const codec = CODECS[field(bytes, layout.codec)];
  const isAssigned = kind !== undefined && (format === "plain" || kind !== "redacted");
  if (!isAssigned || !codec) return "A code in the record is not assigned.";
  if (kind !== "data" && codec !== "none") return `A ${kind} record is compressed.`;
  const mayBeFirst = format === "sentinel" || kind === "data" || kind === "redacted";
  if (!mayBeFirst && !last) return `The stream's first record is a ${kind}.`;

  const payload = expand(format, codec, bytes.subarray(layout.payload, crcAt));
  if (typeof payload === "string") return payload;
  const record = kind === "redacted" ? redactedAfter(payload, last) : following(format, kind, payload, last);
  if (!record) return "A redacted record's payload is wrong.";

  const offset = bytes.subarray(layout.offset, layout.offset + 8);
  const prevHash = bytes.subarray(layout.offset + 8, layout.offset + 40);
  if (record.offset !== Buffer.from(offset).readBigUInt64LE()) return "The record's offset is wrong.";
  if (Buffer.compare(prevHash, record.prevHash) !== 0) return "prev_hash breaks the chain.";

  // Both formats put the hash before into a checkpoint; sentinel puts the number of records after it, which
  // nothing fixes.
  const second = format === "plain" ? offset : payload.subarray(32, 40);
  const isCheckpoint = Buffer.compare(payload, Buffer.concat([prevHash, second], 40)) === 0;
  if (kind === "checkpoint" && !isCheckpoint) return "A checkpoint's payload is wrong.";

  if (kind === "tombstone" && format === "plain" && namedBy(payload, record.offset) === undefined)
    return "A tombstone's payload is wrong.";
  return { record, size };
}

/** The redacted record with this payload that follows `last`, if there can be one. */
function redactedAfter(payload: Uint8Array, last?: Last): ModelRecord | undefined {
  const offset = offsetAfter(last);
  const stood = stoodFor(payload, offset);
  return stood && { offset, kind: "redacted", payload, prevHash: last?.hash ?? NO_HASH, hash: stood.hash };
}
