/**
 * Huffman-coded literals of a Zstandard frame (RFC 8878, section 4.2): whether they are there, to the last
 * bit. Which bytes they are is left to the library.
 * @module
 */
import { elementAt } from "../element-at.ts";
import { ZstdBits } from "./zstd-bits.ts";
import { FseState, readTable } from "./zstd-fse.ts";
import { damaged } from "./zstd-refusal.ts";

/** Section 4.2.1. libzstd takes 12. */
const CODE_BITS_MAX = 11;
/** Section 4.2.1.2: one for each byte but the last, whose weight follows from the others. */
const WEIGHTS_MAX = 255;
const WEIGHT_BOUNDS = { accuracyMax: 6, symbolMax: 255 };
/** Header bytes from here on mean weights of four bits each. */
const DIRECT = 128;

/** How long the code is that the next `codeBits` bits begin with. */
export interface HuffmanLengths {
  readonly codeBits: number;
  /** A byte for each of the 2^codeBits. */
  readonly lengths: DataView;
}

/**
 * @internal Reads a tree's description at the start of `bytes`; `end` is where it ends. O(2^11).
 *
 * @throws StorageError `undecodable-payload` if there is none.
 */
export function readTree(bytes: Uint8Array): { readonly tree: HuffmanLengths; readonly end: number } {
  if (bytes.length === 0) throw damaged("a Huffman tree is missing");
  const header = elementAt(bytes, 0);
  const isDirect = header >= DIRECT;
  const end = 1 + (isDirect ? (header - DIRECT + 2) >> 1 : header);
  if (end > bytes.length) throw damaged("a Huffman tree ends too early");
  const described = bytes.subarray(1, end);
  return { tree: treeFrom(isDirect ? halves(described, header - DIRECT + 1) : weightsIn(described)), end };
}

function halves(bytes: Uint8Array, count: number): number[] {
  return Array.from(bytes)
    .flatMap((byte) => [byte >> 4, byte & 15])
    .slice(0, count);
}

/** The weights that two states yield in turn, until one has no bits to go on (section 4.2.1.2). */
function weightsIn(bytes: Uint8Array): number[] {
  const { table, end } = readTable(bytes, 0, WEIGHT_BOUNDS);
  const bits = new ZstdBits(bytes.subarray(end));
  let current = new FseState(table, bits);
  let other = new FseState(table, bits);
  // libzstd, in some of its versions, does without the bits that the first states lack.
  if (bits.left < 0) throw damaged("a Huffman tree has no weights");
  const weights: number[] = [];
  while (bits.left >= 0 && weights.length < WEIGHTS_MAX) {
    weights.push(current.symbol);
    current.advance();
    [current, other] = [other, current];
  }
  weights.push(current.symbol);
  if (weights.length > WEIGHTS_MAX) throw damaged("a Huffman tree has too many symbols");
  return weights;
}

/**
 * The lengths of codes by what they begin with: in the order of weights, 2^(weight - 1) places for each
 * symbol.
 */
function treeFrom(weights: readonly number[]): HuffmanLengths {
  const places = weights.reduce((sum, weight) => sum + (weight === 0 ? 0 : 2 ** (weight - 1)), 0);
  if (places === 0) throw damaged("a Huffman tree has one symbol");
  if (places >= 2 ** CODE_BITS_MAX)
    throw damaged(`a Huffman tree has codes of more than ${CODE_BITS_MAX} bits`);
  const codeBits = 32 - Math.clz32(places);
  const rest = 2 ** codeBits - places;
  const last = 32 - Math.clz32(rest);
  const all = [...weights, last];
  if (rest !== 2 ** (last - 1) || !all.includes(1)) throw damaged("a Huffman tree is not whole");
  const symbols = new Array<number>(codeBits + 1).fill(0);
  for (const weight of all) symbols[weight] = elementAt(symbols, weight) + 1;
  const lengths = new Uint8Array(2 ** codeBits);
  let at = 0;
  for (let weight = 1; weight <= codeBits; weight++) {
    const end = at + elementAt(symbols, weight) * 2 ** (weight - 1);
    lengths.fill(codeBits + 1 - weight, at, end);
    at = end;
  }
  return { codeBits, lengths: new DataView(lengths.buffer) };
}

/** @internal Whether `stream` holds `count` literals, and not a bit more (section 4.2.2). O(count). */
export function holds(stream: Uint8Array, count: number, { codeBits, lengths }: HuffmanLengths): boolean {
  const bits = new ZstdBits(stream);
  let literal = 0;
  for (; literal < count && bits.left > 0; literal++) bits.skip(lengths.getUint8(bits.peek(codeBits)));
  return literal === count && bits.left === 0;
}
