/**
 * F3 for every burst of up to 32 bits, without trying them: a CRC is linear over bits, so the bursts that it would not notice are the
 * solutions of equations, and these are solved for every place of a burst and every size that a record could then claim.
 *
 * A burst that leaves the size alone is always noticed. One that changes it makes another record of other bytes, of which a CRC misses
 * one in 2^32; as it then also changes the fields before the size, the reader refuses what is left as no record of that place.
 *
 * Promises: all bursts that the CRC would not notice are found, and the engine has to refuse each where it stands. That the engine's CRC is
 * linear is checked for each set of equations, by one sum.
 * @module
 */
import { crc32 } from "../../src/chain.ts";
import { frameAt } from "../../src/record.ts";
import { misfit } from "../../src/scan.ts";
import { check, Violation } from "../tally.ts";
import { BinarySystem } from "./binary-system.ts";
import { BURST_BITS_MAX, flip, TARGETS } from "./flips.ts";
import { hexText, itemAt, type Section } from "./section.ts";

/** Bits 0-27 of the length field, which say where the record ends. */
const SIZE_BITS_AT = 40 * 8;
const SIZE_BITS = 28;

const isSizeBit = (bit: number): boolean => bit >= SIZE_BITS_AT && bit < SIZE_BITS_AT + SIZE_BITS;

const bitsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** What the CRC of a record of `size` bytes would have to be changed by: 0 if it matches. */
function syndrome(bytes: Buffer, size: number): number {
  return (crc32(bytes.subarray(0, size - 4)) ^ bytes.readUInt32LE(size - 4)) >>> 0;
}

/**
 * The burst after which the CRC matches a record of `payloadBytes`, in the 32 bits from `first`.
 *
 * @param bytes a record whose CRC matches, and what stands behind it; as before when it returns
 * @returns the bits to flip; none if there is no such burst
 * @throws Violation if the CRC is not linear, or blind to a burst of bits that leave the size alone
 */
export function unnoticed(bytes: Buffer, first: number, payloadBytes: number): number[] {
  const changed = (bytes.readUInt32LE(40) ^ payloadBytes) & (2 ** SIZE_BITS - 1);
  if (changed !== 0) {
    const highest = SIZE_BITS_AT + 31 - Math.clz32(changed);
    const lowest = SIZE_BITS_AT + 31 - Math.clz32(changed & -changed);
    if (lowest < first || highest >= first + BURST_BITS_MAX) return [];
  }
  const forced = bitsFrom(SIZE_BITS_AT, SIZE_BITS).filter(
    (bit) => (changed >>> (bit - SIZE_BITS_AT)) % 2 === 1,
  );
  const size = 48 + payloadBytes;
  // Bits behind the record's end do not matter, and are left as they are.
  const free = bitsFrom(first, BURST_BITS_MAX).filter((bit) => !isSizeBit(bit) && bit < size * 8);
  for (const bit of forced) flip(bytes, bit);
  const sum = syndrome(bytes, size);
  const columns = free.map((bit) => {
    flip(bytes, bit);
    const column = (syndrome(bytes, size) ^ sum) >>> 0;
    flip(bytes, bit);
    return column;
  });
  for (const bit of free) flip(bytes, bit);
  const isLinear = syndrome(bytes, size) === columns.reduce((all, column) => (all ^ column) >>> 0, sum);
  for (const bit of [...free, ...forced]) flip(bytes, bit);

  const system = new BinarySystem(columns);
  if (!isLinear || system.dependent !== undefined) {
    const what = isLinear ? "one that misses some of" : "one that is not linear over";
    const where = `the ${BURST_BITS_MAX} bits from bit ${first} of ${hexText(bytes)}`;
    throw new Violation("F3", "a CRC that notices every change of neighbouring bits", `${what} ${where}`);
  }
  // Independent columns: no more than one burst, and without a change of size it is that of no bits.
  const chosen = system.solve(sum);
  return chosen === undefined ? [] : [...forced, ...free.filter((_, i) => (chosen >>> i) % 2 === 1)];
}

export const longBursts: Section = {
  name: "long bursts",
  invariants: ["F3"],
  covers: () =>
    `every burst of up to ${BURST_BITS_MAX} bits, by solving for those that the CRC would not notice, each of which must be refused in its place, ` +
    `in ${TARGETS.length} records (${TARGETS.map(({ name }) => name).join("; ")}); another record behind`,
  first: () => ({ what: `record: ${TARGETS.map(({ name }) => name).join(", ")}`, of: TARGETS.length }),
  run(_, record, choice, counts) {
    const { bits, bytes } = itemAt(TARGETS, record);
    const first = choice.choose(bits - BURST_BITS_MAX + 1, "first of the bits");
    const payloadBytes = choice.choose(bytes.length - 48 + 1, "payload bytes that the record claims then");
    counts.checks.F3 += 1;
    const flipped = unnoticed(bytes, first, payloadBytes);
    if (flipped.length === 0) return;
    const damaged = Buffer.from(bytes);
    for (const bit of flipped) flip(damaged, bit);
    check(
      counts,
      "F3",
      !isAcceptedFor(damaged, bytes),
      () => "no record that fits its place",
      () => `one: bits ${flipped.join(", ")} of ${hexText(bytes)}`,
    );
  },
};

/** Whether the engine takes `damaged` for a record in the place of the one that `original` begins with. */
function isAcceptedFor(damaged: Buffer, original: Buffer): boolean {
  const frame = frameAt(damaged, 0, damaged.length);
  if (!frame.ok) return false;
  const flaw = misfit(damaged, 0, frame, Number(original.readBigInt64LE(0)), original.subarray(8, 40));
  return flaw === undefined || flaw.unreadable === true;
}
