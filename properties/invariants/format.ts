/**
 * The format: what bytes mean, and what compressed payloads may do.
 * @module
 */
import { hexText } from "../records.ts";
import type { Flaw, Frame } from "../../src/format/record.ts";
import { type Invariant, invariant, type Pending } from "./invariant.ts";

export const F1: Invariant<"F1", Pending> = invariant("F1", {
  sentence:
    "A record is read back as it was written, and takes 48 bytes more than its stored payload, 58 in the format sentinel.",
  why: "What is not read back as it was written is lost.",
  checkedBy:
    "Every coding of a record with payloads and offsets at the borders, against bytes laid out by hand.",
  checks: {},
});

export const F2: Invariant<"F2", Pending> = invariant("F2", {
  sentence: "Every record has one encoding: what is accepted is written again byte for byte.",
  why: "Bytes that can vary unnoticed are a place to hide things, and make copies differ.",
  checkedBy: "Every value of every byte of records of each sort, the checksum made to fit.",
  checks: {},
});

/** Bits that were flipped, and what the decoder makes of the bytes. */
interface Flipped {
  readonly flipped: readonly number[];
  readonly bytes: Uint8Array;
  readonly frame: Frame | Flaw;
}

/** Neighbouring bits of which some were flipped, the first and the last among them. */
interface Burst {
  readonly first: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly frame: Frame | Flaw;
}

/** Whether the CRC of a record is linear over some bits, and notices every change of them that leaves the size alone. */
interface Crc {
  readonly first: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly isLinear: boolean;
  readonly missesNone: boolean;
}

/** A burst that the CRC misses, and whether the engine takes what it leaves for the record of that place. */
interface LongBurst {
  readonly flipped: readonly number[];
  readonly bytes: Uint8Array;
  readonly accepted: boolean;
}

const frameText = (frame: Frame | Flaw): string =>
  frame.ok ? `a ${frame.kind} record of ${frame.size} bytes` : frame.sentence;

export const F3: Invariant<"F3", { flips: Flipped; burst: Burst; crc: Crc; longBurst: LongBurst }> =
  invariant("F3", {
    sentence:
      "A record in which 1, 2 or 3 bits are flipped, or a burst of up to 32 bits, is rejected where it stands, unless its payload was made for it.",
    why: "These are what media and memory do. A payload made for it holds the checksum of its own beginning, so that a flipped length makes a shorter record of it: one checksum behind a length cannot tell.",
    checkedBy:
      "Every flip of up to so many bits and every short burst by the decoder alone; every burst of up to 32 bits by solving for those that the checksum misses, which must be refused for their offset or previous hash.",
    checks: {
      flips: {
        of: "Every flip of up to so many bits of records of each sort, another record behind each, by the decoder alone.",
        parts: ["format"],
        holds: ({ frame }) => !frame.ok,
        expected: () => "no record",
        seen: ({ flipped, bytes, frame }) =>
          `${frameText(frame)}: bits ${flipped.join(", ")} of ${hexText(bytes)}`,
      },
      burst: {
        of: "Every short burst of flipped bits, and some of each greater length up to 32 bits.",
        parts: ["format"],
        holds: ({ frame }) => !frame.ok,
        expected: () => "no record",
        seen: ({ first, length, bytes, frame }) =>
          `${frameText(frame)}: a burst of ${length} bits from bit ${first}: ${hexText(bytes)}`,
      },
      crc: {
        of: "The CRC over every 32 neighbouring bits, for every size that a record could then claim: it notices every change that leaves the size alone.",
        parts: ["format"],
        holds: ({ isLinear, missesNone }) => isLinear && missesNone,
        expected: () => "a CRC that notices every change of neighbouring bits",
        seen: ({ first, length, bytes, isLinear }) =>
          `${isLinear ? "one that misses some of" : "one that is not linear over"} the ${length} bits from bit ${first} of ${hexText(bytes)}`,
      },
      longBurst: {
        of: "Every burst of up to 32 bits that the CRC misses, found by solving for it: the record is refused for its offset or previous hash.",
        parts: ["format"],
        holds: ({ accepted }) => !accepted,
        expected: () => "no record that fits its place",
        seen: ({ flipped, bytes }) => `one: bits ${flipped.join(", ")} of ${hexText(bytes)}`,
      },
    },
  });

export const F4: Invariant<"F4", Pending> = invariant("F4", {
  sentence:
    "A record whose end is missing is rejected as incomplete, wherever it was cut, and as nothing else.",
  why: "Recovery takes an incomplete record for a torn write, and a damaged one for damage.",
  checkedBy: "Every strict prefix of records of all codings and border sizes.",
  checks: {},
});

export const F5: Invariant<"F5", Pending> = invariant("F5", {
  sentence:
    "Any bytes are read as what they are or refused with a StorageError: no other exception, no allocation beyond the input.",
  why: "A reader that stored bytes can bring down keeps everything else from being read (Kimberlite's index with a count of 2^61).",
  checkedBy:
    "All the shortest inputs, every value of every byte of files of each sort, and drawn inputs, beside readers written from docs/FORMAT.md.",
  checks: {},
});

export const F6: Invariant<"F6", Pending> = invariant("F6", {
  sentence:
    "Kinds and compressions have codes of their own that lead back to them; a code that is not assigned is rejected.",
  why: "A kind mistaken for another changes what a record means.",
  checkedBy: "Every value of the byte that holds the codes, and every kind with every compression.",
  checks: {},
});

export const Z1: Invariant<"Z1", Pending> = invariant("Z1", {
  sentence:
    "A compressed payload expands to what it was, and what is stored is never larger than the payload.",
  why: "A codec is somebody else's code between a log and its content.",
  checkedBy:
    "Each codec with payloads of every small size, of border sizes and drawn ones; the model expands what the engine stored.",
  checks: {},
});

export const Z2: Invariant<"Z2", Pending> = invariant("Z2", {
  sentence:
    "A stored payload that claims more than the limit, or expands to more, is refused before it is expanded.",
  why: "Kimberlite allocates 4 GiB for five bytes of lz4, and expands a zstd bomb without limit.",
  checkedBy:
    "lz4 size prefixes and zstd frames that declare and hold more, less and as much, each with the refusal that follows from how it was made.",
  checks: {},
});
