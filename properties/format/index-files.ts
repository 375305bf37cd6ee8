/**
 * F5 of the files beside a segment that say where its records are: what the engine makes of any bytes in them, held against readers written
 * from `docs/FORMAT.md`.
 * @module
 */
import { little } from "../../model/little.ts";
import { crc32 } from "../../model/hash.ts";
import { ByteWindow } from "../../src/disk/byte-window.ts";
import { OffsetIndex } from "../../src/format/offset-index.ts";
import type { Format } from "../../src/types.ts";
import { type IndexReading, readFrames, readIndex } from "../../model/index-reader.ts";
import { type Counts, check, Violation } from "../tally.ts";
import { answerOf } from "./outcome.ts";
import { fileOf } from "./reading.ts";
import { hexText } from "../records.ts";

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

const readingText = ({ entries, end }: Pick<IndexReading, "entries" | "end">): string =>
  `${entries.map(({ kind, position }) => `${kind ?? "?"} at ${position}`).join("; ")}; end ${end}`;

/** Whether two ends agree as far as doubles hold them. */
const sameEnd = (a: number, b: number): boolean => a === b || Math.min(a, b) > Number.MAX_SAFE_INTEGER;

/** An index shows what a reading says: positions, end, head, and where the checkpoints are. */
function shows(index: OffsetIndex, { entries, end, headHash }: IndexReading): boolean {
  return (
    index.count === entries.length &&
    sameEnd(index.end, end) &&
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
  const isOne = reading.problem === undefined && isOrdered(reading);
  check(
    counts,
    "F5",
    index === undefined ? !isOne : isOne && shows(index, reading),
    () => (isOne ? `the index ${readingText(reading)}` : "no index"),
    () => `${index === undefined ? "no index" : `one of ${index.count} entries`} in ${hexText(bytes)}`,
  );
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

/** The positions in an index of this segment as Kimberlite writes them (FORMAT.md, section 8.3); nothing if it is none, or of another segment. */
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
    const positions = positionsIn(bytes, described);
    const ends = [...(positions?.slice(1) ?? []), end];
    const agrees =
      index === undefined
        ? positions === undefined
        : positions?.length === index.count &&
          positions.every((position, i) => index.position(i) === position && index.endOf(i) === ends[i]) &&
          index.end === end &&
          index.checkpointAtOrBefore(index.count) === undefined &&
          index.serializePositions().equals(bytes);
    check(
      counts,
      "F5",
      agrees,
      () => `${positions?.join(", ") ?? "no index"} for ${count} records in ${end} bytes`,
      () => `${index === undefined ? "no index" : `one of ${index.count} entries`} in ${hexText(bytes)}`,
    );
  }
}

/** A write-ahead file: the watermark of its whole frames, and no entry that none of them names. @throws Violation */
export async function checkIndexLog(counts: Counts, _: Format, bytes: Buffer): Promise<void> {
  const index = new OffsetIndex();
  const window = new ByteWindow(fileOf(bytes), "index log", 0, bytes.length, CHUNK_BYTES);
  let seen: { size: number; watermark: number };
  try {
    seen = await index.replay(window);
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation("F5", "a watermark", `${String(error)} for ${hexText(bytes)}`, error);
  }
  const reading = readFrames(bytes);
  const whole = reading.problem === undefined;
  check(
    counts,
    "F5",
    sameEnd(seen.watermark, reading.end) && whole === (seen.size === bytes.length),
    () =>
      `the watermark ${reading.end} in ${whole ? "whole frames" : "frames of which the last is not whole"}`,
    () => `the watermark ${seen.watermark} in ${seen.size} of ${bytes.length} bytes: ${hexText(bytes)}`,
  );
  check(
    counts,
    "F5",
    isTakenFrom(index, framesIn(bytes)),
    () => "what the frames say, in order, or less",
    () => `${index.count} entries up to ${index.end} from ${hexText(bytes)}`,
  );
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

/** Whether every entry of an index, and its end, is in one of the frames, and its positions increase. */
function isTakenFrom(index: OffsetIndex, frames: readonly IndexReading[]): boolean {
  const named = new Set(frames.flatMap(({ entries }) => entries.map(({ position }) => position)));
  const positions = Array.from({ length: index.count }, (_, i) => index.position(i));
  return (
    positions.every((position, i) => named.has(position) && position > (positions[i - 1] ?? -1)) &&
    (index.count === 0 ? index.end === 0 : frames.some(({ end }) => sameEnd(end, index.end))) &&
    index.end > (positions.at(-1) ?? -1)
  );
}
