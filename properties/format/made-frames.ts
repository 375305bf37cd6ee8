/**
 * F5 where one flipped bit of a frame's count leaves another frame whose checksum holds: one that is shorter,
 * whose checksum an entry of it holds, or one that is longer and ends in the next frame.
 *
 * Promises: every bit of every count within the bounds. Their positions and heads are made for it; no segment
 * need have them.
 * @module
 */
import { crc32 } from "../../model/hash.ts";
import { checkIndexLog } from "./index-files.ts";
import { chooseFrom, itemAt, type Section } from "./section.ts";
import { type Entry, frame } from "./stored-files.ts";

const COUNT_MAX = 20;
const COUNTS: readonly number[] = Array.from({ length: COUNT_MAX }, (_, i) => i + 1);
const BITS: readonly number[] = [0, 1, 2, 3, 4];
const STEP = 60;
const HEADER_BYTES = 44;
/** Beyond every position, so that any checksum may be one. */
const FAR = 2 ** 50;

const entriesFrom = (first: number, count: number): Entry[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 0, at: (first + i) * STEP }));

/** The checksum of the frame that `bytes` begin with, if its count were this. */
function checksumFor(bytes: Buffer, count: number): number {
  const damaged = Buffer.from(bytes.subarray(0, HEADER_BYTES + 8 * count));
  damaged.writeUInt32LE(count, 0);
  return crc32(damaged);
}

/** A write-ahead file whose first frame is also whole with the count `other`. */
export function madeFrames(count: number, other: number): Buffer {
  const entries = entriesFrom(0, count);
  if (other < count) {
    const checksum = checksumFor(frame(entries, FAR), other);
    const held = entries.map((entry, i) =>
      i < other ? entry : { kind: 0, at: checksum + 2 ** 32 * (1 + i - other) },
    );
    return frame(held, FAR);
  }
  const first = frame(entries, count * STEP);
  const both = Buffer.concat([first, frame(entriesFrom(count, COUNT_MAX), (count + COUNT_MAX) * STEP)]);
  both.writeUInt32LE(checksumFor(both, other), HEADER_BYTES + 8 * other);
  const next = both.subarray(first.length);
  next.writeUInt32LE(crc32(next.subarray(0, -4)), next.length - 4);
  return both;
}

export const madeCounts: Section = {
  name: "made counts",
  invariants: ["F5"],
  covers: () =>
    `frames of 1 to ${COUNT_MAX} entries, made so that one of the lowest ${BITS.length} bits of the count leaves a whole frame, shorter or longer x the bit as it was and flipped`,
  first: () => ({ what: `entries, less one: up to ${COUNT_MAX - 1}`, of: COUNT_MAX }),
  async run({ format }, first, choice, counts) {
    const count = itemAt(COUNTS, first);
    const others = BITS.map((bit) => count ^ (1 << bit)).filter((other) => other > 0);
    const other = chooseFrom(choice, others, "entries with the bit flipped");
    const bytes = madeFrames(count, other);
    if (choice.choose(2, "the bit: as it was, flipped") === 1) bytes.writeUInt32LE(other, 0);
    await checkIndexLog(counts, format, bytes);
  },
};
