/**
 * The codes of literals lengths, match lengths and offsets, and their default distributions (RFC 8878,
 * sections 3.1.1.3.2.1.1 and 3.1.1.3.2.2).
 * @module
 */
import type { Distribution, FseLimits } from "./fse.ts";

/** What a code stands for: `baseline` and the value of so many more bits. */
export interface Code {
  readonly baseline: number;
  readonly bits: number;
}

/** The codes of one of the three values of a sequence. */
export interface Alphabet {
  readonly codes: readonly Code[];
  readonly limits: FseLimits;
  readonly predefined: Distribution;
}

/** Codes whose values follow one another: each covers as many as its bits can tell apart. */
function successive(first: number, bits: readonly number[]): Code[] {
  let next = first;
  return bits.map((own) => {
    const baseline = next;
    next += 2 ** own;
    return { baseline, bits: own };
  });
}

const alphabet = (
  codes: readonly Code[],
  accuracyMax: number,
  accuracy: number,
  probabilities: readonly number[],
): Alphabet => ({
  codes,
  limits: { accuracyMax, symbolMax: codes.length - 1 },
  predefined: { accuracy, probabilities },
});

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

/** 0 to 131,071. */
export const LITERALS_LENGTHS: Alphabet = alphabet(
  successive(0, [...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
  9,
  6,
  [
    [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1],
    [2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1],
    [-1, -1, -1, -1],
  ].flat(),
);

/** 3 to 131,074. */
export const MATCH_LENGTHS: Alphabet = alphabet(
  successive(3, [...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
  9,
  6,
  [
    [1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1],
    [-1, -1, -1, -1, -1],
  ].flat(),
);

/** A decoder may limit these codes; 31 is the reference decoder's limit, and far beyond every window here. */
const OFFSET_CODE_MAX = 31;

/** Offset values, of which 1 to 3 stand for repeated offsets. */
export const OFFSETS: Alphabet = alphabet(
  Array.from({ length: OFFSET_CODE_MAX + 1 }, (_, code) => ({ baseline: 2 ** code, bits: code })),
  8,
  5,
  [
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
  ].flat(),
);
