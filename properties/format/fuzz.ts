/**
 * F5 at random: files changed in several places, each determined by the seed and its number.
 * @module
 */
import type { Format } from "../../src/types.ts";
import type { Bounds } from "../bounds.ts";
import { SplitMix } from "../splitmix.ts";
import { itemAt, numberText, type Section } from "./section.ts";
import { type StoredFile, storedFilesOf } from "./stored-files.ts";

/** Searched in one go, so that workers can share. */
const BLOCK = 10_000;
const CHANGES_MAX = 4;
const SLICE_BYTES_MAX = 60;
const NOISE_BYTES_MAX = 200;
/** One in so many inputs is noise. */
const NOISE_EVERY = 16;

const BOUNDARY_BYTES = [0, 1, 0x7f, 0x80, 0xff];
const BOUNDARY_WORDS = [0, 1, 2 ** 16, 2 ** 28 - 1, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

type Change = (bytes: Buffer, random: SplitMix, other: Buffer) => Buffer;

const slice = (bytes: Buffer, random: SplitMix): Buffer => {
  const from = random.below(bytes.length + 1);
  return bytes.subarray(from, from + random.below(SLICE_BYTES_MAX));
};
const insert = (bytes: Buffer, at: number, what: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);

/** Changes of one place; they may write into the bytes that they are given. */
const CHANGES: readonly Change[] = [
  function flipBit(bytes, random) {
    const bit = random.below(bytes.length * 8);
    bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  },
  function setByte(bytes, random) {
    bytes[random.below(bytes.length)] = random.next();
    return bytes;
  },
  function setBoundaryByte(bytes, random) {
    bytes[random.below(bytes.length)] = random.pick(BOUNDARY_BYTES);
    return bytes;
  },
  function setWord(bytes, random) {
    if (bytes.length >= 4) bytes.writeUInt32LE(random.pick(BOUNDARY_WORDS), random.below(bytes.length - 3));
    return bytes;
  },
  function cut(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length));
  },
  function insertNoise(bytes, random) {
    return insert(bytes, random.below(bytes.length), random.bytes(random.below(SLICE_BYTES_MAX)));
  },
  function insertFromOther(bytes, random, other) {
    return insert(bytes, random.below(bytes.length), slice(other, random));
  },
  function drop(bytes, random) {
    const from = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + random.below(SLICE_BYTES_MAX))]);
  },
  function repeat(bytes, random) {
    return insert(bytes, random.below(bytes.length), slice(bytes, random));
  },
  function clear(bytes, random) {
    slice(bytes, random).fill(0);
    return bytes;
  },
];

/** One input: which reader it is for, and its bytes. */
export function fuzzInput(format: Format, seed: number, input: number): { file: StoredFile; bytes: Buffer } {
  const random = new SplitMix(seed, input);
  const files = storedFilesOf(format);
  const file = itemAt(files, input % files.length);
  if (random.below(NOISE_EVERY) === 0) return { file, bytes: random.bytes(random.below(NOISE_BYTES_MAX)) };
  let bytes: Buffer = Buffer.from(random.pick(file.originals));
  const other = random.pick(random.pick(files).originals);
  for (let changes = 1 + random.below(CHANGES_MAX); changes > 0 && bytes.length > 0; changes -= 1) {
    bytes = random.pick(CHANGES)(bytes, random, other);
  }
  // A reader sees bytes that have memory of their own.
  bytes = Buffer.from(bytes);
  if (random.below(2) === 0) file.reseal?.(bytes);
  return { file, bytes };
}

const blocks = ({ fuzzInputs }: Bounds): number => Math.ceil(fuzzInputs / BLOCK);

export const fuzz: Section = {
  name: "fuzz",
  invariants: ["F2", "F5"],
  covers: ({ format, fuzzInputs, fuzzSeed }) =>
    `${numberText(fuzzInputs)} inputs drawn with seed ${fuzzSeed} for ${storedFilesOf(format).length} readers in turn: ` +
    `up to ${CHANGES_MAX} of ${CHANGES.length} sorts of change, checksums made to fit in half of them`,
  first: (bounds) => ({ what: "block of inputs", of: blocks(bounds) }),
  run({ format, fuzzInputs, fuzzSeed }, block, choice, counts) {
    const input = block * BLOCK + choice.choose(Math.min(BLOCK, fuzzInputs - block * BLOCK), "input");
    const { file, bytes } = fuzzInput(format, fuzzSeed, input);
    return file.parser.check(counts, format, bytes);
  },
};
