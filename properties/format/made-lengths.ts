/**
 * C1-C3 where one flipped bit of a length leaves a record whose checksum holds: records that were made to
 * hold the checksum of themselves if they were shorter, and neighbours that hold the checksum of a record
 * before them if that were longer. Only an index can tell, and there is one: in frames, saved, of a segment
 * that was sealed, or naming nothing behind that record.
 *
 * Promises: records of every sort, every bit of their length from that of the bytes behind a payload on. Not
 * tried: a checkpoint that would be shorter, for its payload is fixed by the chain; a length that would end
 * in the header of the next record, which holds a hash of this one.
 * @module
 */
import { checkpointAfter, following, type ModelRecord } from "../../model/log.ts";
import { StorageError } from "../../src/index.ts";
import type { CompressionKind, Format } from "../../src/types.ts";
import type { Bounds } from "../bounds.ts";
import { DATA_PATH, freshDisk, openEngine } from "../engine.ts";
import { C1, C2, C3 } from "../invariants/corruption.ts";
import { type Counts, observe } from "../tally.ts";
import { flip } from "./flips.ts";
import { laidOut, layoutOf, putCrc, trailerBytes } from "./layout.ts";
import { chooseFrom, itemAt, perFormat, type Section } from "./section.ts";
import { type Entry, frame, indexFile } from "./stored-files.ts";

type Sort = "data" | "lz4" | "zstd" | "checkpoint" | "tombstone";
const sortsOf = perFormat((format): readonly Sort[] => [
  "data",
  "lz4",
  "zstd",
  "checkpoint",
  ...(format === "plain" ? [] : (["tombstone"] as const)),
]);

/**
 * Bits of the length that are tried: the bytes behind a payload have room in what the lowest one changes, and
 * the next record's header in 64.
 */
const SHRINKING: readonly number[] = [3, 4, 5, 6, 7];
const GROWING: readonly number[] = [6, 7, 8];

/** A segment of which one bit is to be flipped. */
export interface MadeSegment {
  readonly name: string;
  /** What it holds, the second being the one whose length is flipped. */
  readonly records: readonly ModelRecord[];
  /** Where each begins, and the last ends. */
  readonly starts: readonly number[];
  readonly bytes: Buffer;
  readonly bit: number;
}

const MADE = 1;
const FILL = 0x6d;

/** A payload as stored that is no smaller than its content, and the content. */
function stored(sort: Sort, content: Buffer): Buffer {
  if (sort === "lz4")
    return Buffer.concat([Buffer.of(content.length, 0, 0, 0, 0xf0, content.length - 15), content]);
  if (sort !== "zstd") return content;
  // A single segment that declares its size, and one raw block that is the last.
  const size = Buffer.alloc(3);
  size.writeUIntLE(content.length * 8 + 1, 0, 3);
  return Buffer.concat([Buffer.from("28b52ffd20", "hex"), Buffer.of(content.length), size, content]);
}

const CODING_BYTES: Readonly<Record<Sort, number>> = {
  data: 0,
  lz4: 6,
  zstd: 9,
  checkpoint: 0,
  tombstone: 0,
};
const compressionOf = (sort: Sort): CompressionKind => (sort === "lz4" || sort === "zstd" ? sort : "none");

/** The record of a sort that follows the first, and its bytes. */
function madeRecord(format: Format, sort: Sort, first: ModelRecord, content: Buffer): [ModelRecord, Buffer] {
  const kind = sort === "tombstone" ? sort : "data";
  const record =
    sort === "checkpoint" ? checkpointAfter(format, first) : following(format, kind, content, first);
  const payload = sort === "checkpoint" ? record.payload : stored(sort, content);
  return [record, laidOut(format, { ...record, compression: compressionOf(sort), payload })];
}

/**
 * Puts what ends a record of `size` bytes, if the bit of its length is flipped, where it would be. @returns
 * those bytes
 */
function trailerFor(format: Format, bytes: Buffer, bit: number, size: number): Buffer {
  const damaged = Buffer.from(bytes.subarray(0, size));
  flip(damaged, bit);
  const crcAt = size - trailerBytes(format);
  putCrc(damaged, crcAt);
  damaged.set(layoutOf(format).endMark, crcAt + 4);
  return damaged.subarray(crcAt);
}

const lengthBit = (format: Format, power: number): number => layoutOf(format).length[0] * 8 + power;

function shrinking(format: Format, sort: Sort, power: number): MadeSegment {
  const first = following(format, "data", Buffer.from("first"));
  const size = 2 ** power + (power < 5 ? 32 : 16);
  const content = Buffer.alloc(size - CODING_BYTES[sort], FILL);
  const [, draft] = madeRecord(format, sort, first, content);
  const shorter = draft.length - 2 ** power;
  const trailer = trailerFor(format, draft, lengthBit(format, power), shorter);
  content.set(trailer, shorter - trailer.length - layoutOf(format).payload - CODING_BYTES[sort]);
  const made = madeRecord(format, sort, first, content);
  return assembled(format, `${sort} without ${2 ** power} bytes`, power, first, made, Buffer.from("next"));
}

function growing(format: Format, sort: Sort, power: number): MadeSegment {
  const first = following(format, "data", Buffer.from("first"));
  const made = madeRecord(format, sort, first, Buffer.alloc(20, FILL));
  const payload = Buffer.alloc(2 ** power - layoutOf(format).payload, FILL);
  const next = following(format, "data", payload, made[0]);
  const both = Buffer.concat([made[1], laidOut(format, { ...next, compression: "none" })]);
  const trailer = trailerFor(format, both, lengthBit(format, power), made[1].length + 2 ** power);
  payload.set(trailer, payload.length - trailer.length);
  return assembled(format, `${sort} with ${2 ** power} bytes more`, power, first, made, payload);
}

function assembled(
  format: Format,
  name: string,
  power: number,
  first: ModelRecord,
  [made, madeBytes]: [ModelRecord, Buffer],
  nextPayload: Buffer,
): MadeSegment {
  const next = following(format, "data", nextPayload, made);
  const last = following(format, "data", Buffer.from("last"), next);
  const plainBytes = (record: ModelRecord): Buffer => laidOut(format, { ...record, compression: "none" });
  const pieces = [plainBytes(first), madeBytes, plainBytes(next), plainBytes(last)];
  const starts = [0];
  for (const { length } of pieces) starts.push((starts.at(-1) ?? 0) + length);
  return {
    name,
    records: [first, made, next, last],
    starts,
    bytes: Buffer.concat(pieces),
    bit: itemAt(starts, MADE) * 8 + lengthBit(format, power),
  };
}

export const madeSegmentsOf: (format: Format) => readonly MadeSegment[] = perFormat((format) =>
  sortsOf(format).flatMap((sort) => [
    ...(sort === "checkpoint" ? [] : SHRINKING.map((power) => shrinking(format, sort, power))),
    ...GROWING.map((power) => growing(format, sort, power)),
  ]),
);

const INDEXES = ["frames", "saved", "sealed", "nothing behind"] as const;
type Indexes = (typeof INDEXES)[number];

/** The files of the stream, by name, before the fault. */
function filesOf(
  format: Format,
  indexes: Indexes,
  { records, starts, bytes }: MadeSegment,
): Map<string, Buffer> {
  const own = format === "plain" ? "idx" : "idx2";
  const segment = "segment_000000.log";
  const covered = indexes === "nothing behind" ? MADE + 1 : records.length;
  const entries = records.slice(0, covered).map(({ kind }, i): Entry => {
    return { kind: ["data", "checkpoint", "tombstone"].indexOf(kind), at: itemAt(starts, i) };
  });
  const [end, head] = [itemAt(starts, covered), itemAt(records, covered - 1).hash];
  const isSaved = indexes === "saved" || indexes === "sealed";
  const whole = { segment_num: 0, first_offset: 0, next_offset: records.length, size_bytes: bytes.length };
  const empty = { segment_num: 1, first_offset: records.length, next_offset: records.length, size_bytes: 0 };
  const sealed = indexes === "sealed";
  const segments = sealed ? [whole, empty] : [{ ...whole, next_offset: 0, size_bytes: 0 }];
  const files = new Map([
    [segment, bytes],
    [`${segment}.${own}.wal`, isSaved ? Buffer.alloc(0) : frame(entries, end, head)],
    ["manifest.json", Buffer.from(JSON.stringify({ segments, active_segment: sealed ? 1 : 0, format }))],
  ]);
  if (isSaved) files.set(`${segment}.${own}`, indexFile(entries, end, head));
  if (sealed)
    files.set("segment_000001.log", Buffer.alloc(0)).set(`segment_000001.log.${own}.wal`, Buffer.alloc(0));
  return files;
}

/** Every record as an engine reads it that finds these files. */
async function checkRecords(
  counts: Counts,
  bounds: Bounds,
  files: ReadonlyMap<string, Buffer>,
  { name, records }: MadeSegment,
  isDamaged: boolean,
): Promise<void> {
  const disk = freshDisk(bounds);
  disk.makeDirectory(`${DATA_PATH}/1`);
  for (const [file, bytes] of files) disk.store(`${DATA_PATH}/1/${file}`, bytes);
  const storage = await openEngine(disk, bounds);
  for (const [offset, record] of records.entries()) {
    for (const verify of ["record", "checkpoint", "genesis"] as const) {
      const seen = await storage
        .iterate(1n, { from: BigInt(offset), verify })
        .next()
        .catch((error: unknown) => {
          if (error instanceof StorageError) return error;
          throw error;
        });
      const isRefused = seen instanceof StorageError;
      const read = {
        offset,
        segment: name,
        verify,
        record,
        shown: isRefused || seen.done === true ? undefined : seen.value,
        refusal: isRefused ? seen.message : undefined,
      };
      const isMade = isDamaged && offset === MADE;
      observe(counts, C1.madeRecord, read);
      observe(counts, C2.madeRecord, { ...read, isDamaged: isMade });
      const mustBeRight = !isDamaged || (verify === "record" && !isMade);
      if (mustBeRight) observe(counts, C3.madeRecord, read);
    }
  }
}

export const madeLengths: Section = {
  name: "made lengths",
  invariants: ["C1", "C2", "C3"],
  covers: ({ format }) =>
    `${madeSegmentsOf(format).length} segments made so that one flipped bit of a length leaves an intact record, shorter or longer ` +
    `(${sortsOf(format).join("; ")}) x the index: ${INDEXES.join("; ")} x the bit as it was and flipped`,
  first: ({ format }) => ({
    what: `segment: ${madeSegmentsOf(format)
      .map(({ name }) => name)
      .join(", ")}`,
    of: madeSegmentsOf(format).length,
  }),
  async run(bounds, first, choice, counts) {
    const made = itemAt(madeSegmentsOf(bounds.format), first);
    const files = filesOf(bounds.format, chooseFrom(choice, INDEXES, `index: ${INDEXES.join(", ")}`), made);
    const isDamaged = choice.choose(2, "the bit: as it was, flipped") === 1;
    const bytes = Buffer.from(made.bytes);
    if (isDamaged) flip(bytes, made.bit);
    files.set("segment_000000.log", bytes);
    await checkRecords(counts, bounds, files, made, isDamaged);
  },
};
