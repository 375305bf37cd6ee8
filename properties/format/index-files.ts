/**
 * F5 of the files beside a segment that say where its records are: what the engine makes of any bytes in
 * them, held against readers written from `docs/FORMAT.md`.
 * @module
 */
import { little } from "../../model/little.ts";
import { crc32 } from "../../model/hash.ts";
import { ByteWindow } from "../../src/disk/byte-window.ts";
import { OffsetIndex } from "../../src/format/offset-index.ts";
import type { Format } from "../../src/types.ts";
import { type IndexReading, readFrames, readIndex } from "../../model/index-reader.ts";
import { F5 } from "../invariants/format.ts";
import { type Counts, hold, observe, Violation } from "../tally.ts";
import { answerOf } from "./outcome.ts";
import { fileOf } from "./reading.ts";
import { isSameEnd } from "../records.ts";

const CHUNK_BYTES = 64;

/** Whether each entry has a kind and lies behind the one before, from 0 to the end. */
function isOrdered({ entries, end, headHash }: IndexReading): boolean {
  if (entries.length === 0) return end === 0 && headHash.every((byte) => byte === 0);
  const positions = [...entries.map(({ position }) => position), end];
  return (
    positions[0] === 0 &&
    positions.every((position, i) => i === 0 || position > (positions[i - 1] ?? 0)) &&
    entries.every(({ kind }) => kind !== undefined)
  );
}

/** An index shows what a reading says: positions, end, head, and where the checkpoints are. */
function shows(index: OffsetIndex, { entries, end, headHash }: IndexReading): boolean {
  return (
    index.count === entries.length &&
    isSameEnd(index.end, end) &&
    Buffer.compare(index.head, headHash) === 0 &&
    entries.every(({ kind, position }, i) => {
      const checkpoint = index.checkpointAtOrBefore(i);
      return index.position(i) === position && (kind === "checkpoint") === (checkpoint === i);
    })
  );
}

/** An index: what the reader by hand reads from it, or none. @throws Violation */
export function checkIndex(counts: Counts, _: Format, bytes: Buffer): void {
  const index = answerOf(bytes, () => OffsetIndex.parse(bytes));
  const reading = readIndex(bytes);
  const byHand = reading.problem === undefined && isOrdered(reading) ? reading : undefined;
  const isSame = index !== undefined && byHand !== undefined && shows(index, byHand);
  observe(counts, F5.index, { byHand, count: index?.count, isSame, bytes });
}

/** Where the records of a segment begin, and where the last of them ends, for the index of one. */
export const INDEXED: { readonly positions: readonly number[]; readonly end: number } = {
  positions: [0, 53, 127, 215],
  end: 263,
};

/** A segment as its manifest describes it: so many records in so many bytes. */
interface Described {
  readonly count: number;
  readonly end: number;
}

/**
 * The positions in an index of this segment as Kimberlite writes them (FORMAT.md, section 8.3); nothing if it
 * is none, or of another segment.
 */
function positionsIn(bytes: Buffer, { count, end }: Described): number[] | undefined {
  const crcAt = 16 + 8 * count;
  const starts = bytes.subarray(0, 8).equals(Buffer.from("VDXI\x01\0\0\0"));
  if (!starts || little(bytes, 8, 8) !== count || bytes.length !== crcAt + 4) return undefined;
  if (little(bytes, crcAt, 4) !== crc32(bytes.subarray(0, crcAt))) return undefined;
  const positions = Array.from({ length: count }, (_, i) => little(bytes, 16 + 8 * i, 8));
  const follows = (position: number, i: number): boolean => position > (positions[i - 1] ?? -1);
  const isSound = positions.every(follows) && (positions[0] ?? 0) === 0 && (positions.at(-1) ?? -1) < end;
  return isSound ? positions : undefined;
}

/** An index as Kimberlite writes it. @throws Violation */
export function checkKimberliteIndex(counts: Counts, _: Format, bytes: Buffer): void {
  // Held against a segment, and against one that has as many records as the index says.
  const says = little(bytes, 8, 8);
  const segments = [
    { count: INDEXED.positions.length, end: INDEXED.end },
    { count: says, end: says === 0 ? 0 : INDEXED.end },
  ];
  for (const described of segments) {
    const { count, end } = described;
    const index = answerOf(bytes, () => OffsetIndex.parsePositions(bytes, count, end));
    const byHand = positionsIn(bytes, described);
    const ends = [...(byHand?.slice(1) ?? []), end];
    const isSame =
      index !== undefined &&
      byHand?.length === index.count &&
      byHand.every((position, i) => index.position(i) === position && index.endOf(i) === ends[i]) &&
      index.end === end &&
      index.checkpointAtOrBefore(index.count) === undefined &&
      index.serializePositions().equals(bytes);
    observe(counts, F5.kimberliteIndex, { byHand, count: index?.count, isSame, records: count, end, bytes });
  }
}

/**
 * A write-ahead file: the watermark of its whole frames, and no entry that none of them names. @throws
 * Violation
 */
export async function checkIndexLog(counts: Counts, _: Format, bytes: Buffer): Promise<void> {
  const index = new OffsetIndex();
  const window = new ByteWindow(fileOf(bytes), "index log", 0, bytes.length, CHUNK_BYTES);
  let seen: { size: number; watermark: number };
  try {
    seen = await index.replay(window);
  } catch (error) {
    if (!(error instanceof Violation)) hold(F5.answer, { error, input: bytes }, error);
    throw error;
  }
  const { end: framesEnd, problem } = readFrames(bytes);
  observe(counts, F5.watermark, { ...seen, framesEnd, isWhole: problem === undefined, bytes });
  const frames = framesIn(bytes);
  observe(counts, F5.entries, {
    positions: Array.from({ length: index.count }, (_, i) => index.position(i)),
    end: index.end,
    named: new Set(frames.flatMap(({ entries }) => entries.map(({ position }) => position))),
    ends: frames.map(({ end }) => end),
    bytes,
  });
}

/** What each whole frame says. */
function framesIn(bytes: Buffer): IndexReading[] {
  const frames: IndexReading[] = [];
  for (let at = 0, size: number; at < bytes.length; at += size) {
    size = 48 + 8 * little(bytes, at, 4);
    const frame = readFrames(bytes.subarray(at, at + size));
    if (frame.problem !== undefined) break;
    frames.push(frame);
  }
  return frames;
}
