/**
 * F3: records of which a few bits are flipped, each followed by another record, so that a length that grew
 * finds bytes to claim.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import { formatNamed } from "../../src/format/formats.ts";
import { frameAt } from "../../src/format/record.ts";
import type { Format } from "../../src/types.ts";
import type { Bounds } from "../bounds.ts";
import { SplitMix } from "../splitmix.ts";
import { F3 } from "../invariants/format.ts";
import { type Counts, observe } from "../tally.ts";
import { EMPTY, neighbourOf, samplesOf } from "./samples.ts";
import { itemAt, perBounds, perFormat, type Section } from "./section.ts";

/** Bursts beyond the bound are all decided by `long-bursts.ts`; a few of each length are tried here, too. */
export const BURST_BITS_MAX = 32;
const DRAWN_PER_BURST = 8;

/** A record that bits are flipped in, and what stands behind it. Put back after every use. */
interface Target {
  readonly name: string;
  readonly bits: number;
  readonly bytes: Buffer;
}

export const targetsOf: (format: Format) => readonly Target[] = perFormat((format) =>
  samplesOf(format).map(({ name, bytes }) => ({
    name,
    bits: bytes.length * 8,
    bytes: Buffer.concat([bytes, neighbourOf(format)]),
  })),
);

export const targetNames = (format: Format): string[] => targetsOf(format).map(({ name }) => name);

/** Flips a bit; of each byte the lowest comes first, which is the order that the CRC works in. */
export function flip(bytes: Buffer, bit: number): void {
  const at = bit >>> 3;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
}

/** Flips so many bits, runs, and puts them back. */
function flipUpTo(format: Format, count: number, target: Target, choice: Choice, counts: Counts): void {
  const { bits, bytes } = target;
  const flipped: number[] = [];
  for (let from = 0; flipped.length < count; from = (flipped.at(-1) ?? 0) + 1) {
    // The last of them leaves room for none behind it, each before for as many as are still to come.
    const room = bits - from - (count - flipped.length - 1);
    flipped.push(from + choice.choose(room, "bits further on"));
  }
  for (const bit of flipped) flip(bytes, bit);
  try {
    const frame = frameAt(formatNamed(format), bytes, 0, bytes.length);
    observe(counts, F3.flips, { flipped, bytes, frame });
  } finally {
    for (const bit of flipped) flip(bytes, bit);
  }
}

/** One more flip in the smallest record than in the others. */
const flipsIn = (name: string, bounds: Bounds): number =>
  name === EMPTY ? bounds.flippedBits : Math.min(bounds.flippedBits, 2);

/** Each record with each number of flips. */
const flipCases = perBounds((bounds): readonly (readonly [Target, number])[] =>
  targetsOf(bounds.format).flatMap((target) =>
    Array.from({ length: flipsIn(target.name, bounds) }, (_, less) => [target, less + 1] as const),
  ),
);

export const flips: Section = {
  name: "flips",
  invariants: ["F3"],
  covers: (bounds) =>
    `${targetsOf(bounds.format)
      .map(
        (target) =>
          `every flip of up to ${flipsIn(target.name, bounds)} of ${target.bits} bits (${target.name})`,
      )
      .join("; ")}; ` + "another record behind each",
  first: (bounds) => ({
    what: `record and flips: ${flipCases(bounds)
      .map(([{ name }, count]) => `${name} ${count}`)
      .join(", ")}`,
    of: flipCases(bounds).length,
  }),
  run(bounds, first, choice, counts) {
    const [target, count] = itemAt(flipCases(bounds), first);
    flipUpTo(bounds.format, count, target, choice, counts);
  },
};

/** Flips of a burst between its first and its last bit, as a number: the lowest bit is the burst's second. */
function innerOf(length: number, first: number, choice: Choice, bounds: Bounds): number {
  if (length <= 2) return 0;
  if (length <= bounds.burstBits) return choice.choose(2 ** (length - 2), "bits between");
  const drawn = choice.choose(DRAWN_PER_BURST, "bits between, drawn");
  return new SplitMix(length, first, drawn).next() >>> (BURST_BITS_MAX - length + 2);
}

export const bursts: Section = {
  name: "bursts",
  invariants: ["F3"],
  covers: (bounds) =>
    `every burst of up to ${bounds.burstBits} bits, and ${DRAWN_PER_BURST} of each greater length up to ${BURST_BITS_MAX} at each place, ` +
    `in ${targetsOf(bounds.format).length} records (${targetNames(bounds.format).join("; ")}); another record behind`,
  first: ({ format }) => ({
    what: `record: ${targetNames(format).join(", ")}`,
    of: targetsOf(format).length,
  }),
  run(bounds, record, choice, counts) {
    const { format } = bounds;
    const { bits, bytes } = itemAt(targetsOf(format), record);
    const length = choice.choose(BURST_BITS_MAX, "bits of the burst, less one") + 1;
    const first = choice.choose(bits - length + 1, "first bit");
    const inner = innerOf(length, first, choice, bounds);
    const flipAll = (): void => {
      flip(bytes, first);
      for (let i = 0; i < length - 2; i += 1) if ((inner >>> i) % 2 === 1) flip(bytes, first + 1 + i);
      if (length > 1) flip(bytes, first + length - 1);
    };
    flipAll();
    try {
      const frame = frameAt(formatNamed(format), bytes, 0, bytes.length);
      observe(counts, F3.burst, { first, length, bytes, frame });
    } finally {
      flipAll();
    }
  },
};
