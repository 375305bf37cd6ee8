/**
 * F3 for every burst of up to 32 bits, without trying them: a CRC is linear over bits, so the bursts that it
 * would not notice are the solutions of equations, and these are solved for every place of a burst and every
 * size that a record could then claim.
 *
 * A burst that leaves the size alone is always noticed. One that changes it makes another record of other
 * bytes, of which a CRC misses one in 2^32; as it then also changes the fields before the size, the reader
 * refuses what is left as no record of that place. Where a format has marks, a burst is noticed as well if
 * they are not where the other record begins and ends.
 *
 * Promises: all bursts that marks and CRC would not notice are found, and the engine has to refuse each where
 * it stands. That the engine's CRC is linear is checked for each set of equations, by one sum.
 * @module
 */
import { little } from "../../model/little.ts";
import { crc32 } from "../../src/format/chain.ts";
import { formatNamed } from "../../src/format/formats.ts";
import { frameAt } from "../../src/format/record.ts";
import { misfit } from "../../src/format/misfit.ts";
import type { Format } from "../../src/types.ts";
import { F3 } from "../invariants/format.ts";
import { observe } from "../tally.ts";
import { BinarySystem } from "./binary-system.ts";
import { BURST_BITS_MAX, flip, targetNames, targetsOf } from "./flips.ts";
import { fieldIn, HASH_BYTES, layoutOf, overheadBytes, trailerBytes } from "./layout.ts";
import { itemAt, type Section } from "./section.ts";

const bitsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** What the CRC at `crcAt`, which covers all before it, would have to be changed by: 0 if it matches. */
function syndrome(bytes: Buffer, crcAt: number): number {
  return (crc32(bytes.subarray(0, crcAt)) ^ bytes.readUInt32LE(crcAt)) >>> 0;
}

/** Where the bits of a 32-bit number are that are set, if its lowest is at `from`. */
function setBits(number: number, from: number): number[] {
  const found: number[] = [];
  for (let left = number; left !== 0; left &= left - 1) found.push(from + 31 - Math.clz32(left & -left));
  return found;
}

/** The bits to flip so that `mark` stands at byte `at`. */
const markBits = (bytes: Buffer, at: number, mark: Buffer): number[] =>
  mark.length === 0 ? [] : setBits(bytes.readUInt32LE(at) ^ mark.readUInt32LE(), at * 8);

/** The bits of a burst that a CRC would not notice, and whether the CRC is one that decides that. */
interface Unnoticed {
  readonly flipped: readonly number[];
  readonly isLinear: boolean;
  /** Whether it notices every burst that leaves the size alone. */
  readonly missesNone: boolean;
}

/**
 * The burst after which marks and CRC match a record of `payloadBytes`, in the 32 bits from `first`.
 *
 * @param bytes a record whose marks and CRC match, and what stands behind it; as before when it returns
 * @returns the bits to flip; none if there is no such burst, or the CRC is not one that equations can be made
 *   of
 */
export function unnoticed(format: Format, bytes: Buffer, first: number, payloadBytes: number): Unnoticed {
  const { mark, length, endMark } = layoutOf(format);
  const [at, bit, bits] = length;
  const lengthAt = at * 8 + bit;
  const size = overheadBytes(format) + payloadBytes;
  const [crcAt, crcEnd] = [size - trailerBytes(format), size - endMark.length];
  // The size and the mark at the end decide about their bits.
  const forced = [
    ...setBits(fieldIn(bytes, length) ^ payloadBytes, lengthAt),
    ...markBits(bytes, crcEnd, endMark),
  ];
  if (forced.some((one) => one < first || one >= first + BURST_BITS_MAX))
    return { flipped: [], isLinear: true, missesNone: true };
  // Bits behind the CRC do not matter, or are those of the mark.
  const isFree = (one: number): boolean =>
    one >= mark.length * 8 && (one < lengthAt || one >= lengthAt + bits) && one < crcEnd * 8;
  const free = bitsFrom(first, BURST_BITS_MAX).filter(isFree);
  for (const bit of forced) flip(bytes, bit);
  const sum = syndrome(bytes, crcAt);
  const columns = free.map((bit) => {
    flip(bytes, bit);
    const column = (syndrome(bytes, crcAt) ^ sum) >>> 0;
    flip(bytes, bit);
    return column;
  });
  for (const bit of free) flip(bytes, bit);
  const isLinear = syndrome(bytes, crcAt) === columns.reduce((all, column) => (all ^ column) >>> 0, sum);
  for (const bit of [...free, ...forced]) flip(bytes, bit);

  const system = new BinarySystem(columns);
  const missesNone = system.dependent === undefined;
  if (!isLinear || !missesNone) return { flipped: [], isLinear, missesNone };
  // Independent columns: no more than one burst, and without a change of size it is that of no bits.
  const chosen = system.solve(sum);
  const solved = chosen === undefined ? [] : [...forced, ...free.filter((_, i) => (chosen >>> i) % 2 === 1)];
  return { flipped: solved, isLinear, missesNone };
}

export const longBursts: Section = {
  name: "long bursts",
  invariants: ["F3"],
  covers: ({ format }) =>
    `every burst of up to ${BURST_BITS_MAX} bits, by solving for those that the CRC would not notice, each of which must be refused in its place, ` +
    `in ${targetsOf(format).length} records (${targetNames(format).join("; ")}); another record behind`,
  first: ({ format }) => ({
    what: `record: ${targetNames(format).join(", ")}`,
    of: targetsOf(format).length,
  }),
  run({ format }, record, choice, counts) {
    const { bits, bytes } = itemAt(targetsOf(format), record);
    const first = choice.choose(bits - BURST_BITS_MAX + 1, "first of the bits");
    const payloadBytes = choice.choose(
      bytes.length - overheadBytes(format) + 1,
      "payload bytes that the record claims then",
    );
    const { flipped, isLinear, missesNone } = unnoticed(format, bytes, first, payloadBytes);
    observe(counts, F3.crc, { first, length: BURST_BITS_MAX, bytes, isLinear, missesNone });
    if (flipped.length === 0) return;
    const damaged = Buffer.from(bytes);
    for (const bit of flipped) flip(damaged, bit);
    observe(counts, F3.longBurst, { flipped, bytes, accepted: isAcceptedFor(format, damaged, bytes) });
  },
};

/** Whether the engine takes `damaged` for a record in the place of the one that `original` begins with. */
function isAcceptedFor(format: Format, damaged: Buffer, original: Buffer): boolean {
  const engine = formatNamed(format);
  const frame = frameAt(engine, damaged, 0, damaged.length);
  if (!frame.ok) return false;
  const { offset, prevHash } = layoutOf(format);
  const previous = original.subarray(prevHash, prevHash + HASH_BYTES);
  const flaw = misfit(engine, damaged, 0, frame, little(original, offset, 8), previous);
  return flaw === undefined || flaw.unreadable === true;
}
