/**
 * Huffman coding of literals (RFC 8878, section 4.2).
 * @module
 */
import { BackwardBits } from "./bits.ts";
import { FseState, readDistribution, tableOf } from "./fse.ts";
import { must } from "./refusal.ts";

const CODE_BITS_MAX = 11; // section 4.2.1
const WEIGHTS_MAX = 255; // section 4.2.1.2: 256 symbols, of which the last one's weight is not stored
const WEIGHT_LIMITS = { accuracyMax: 6, symbolMax: 255 }; // section 4.2.1.2

/** What the next `codeBits` bits begin with: a symbol, and how many of the bits are its code. */
export interface HuffmanTable {
  readonly codeBits: number;
  readonly codes: readonly { readonly symbol: number; readonly bits: number }[];
}

/**
 * Reads the description of a tree at the start of `bytes`, and how many bytes it takes (sections 4.2.1 and
 * 4.2.1.1).
 */
export function readHuffmanTable(bytes: Uint8Array): { readonly table: HuffmanTable; readonly size: number } {
  const header = bytes[0];
  must(header !== undefined, "The literals have no Huffman tree.");
  const stored = header < 128 ? header : Math.ceil((header - 127) / 2);
  const size = 1 + stored;
  must(size <= bytes.length, "The Huffman tree ends too early.");
  const described = bytes.subarray(1, size);
  const weights = header < 128 ? compressedWeights(described) : directWeights(described, header - 127);
  return { table: huffmanTable(weights), size };
}

/** Four bits for each weight, the first one in the upper half of a byte (section 4.2.1.1). */
const directWeights = (bytes: Uint8Array, count: number): number[] =>
  Array.from({ length: count }, (_, index) => ((bytes[index >> 1] ?? 0) >> (index % 2 === 0 ? 4 : 0)) & 15);

/** Weights by two states that take turns, until there are too few bits for one to go on (section 4.2.1.2). */
function compressedWeights(bytes: Uint8Array): number[] {
  const { distribution, size } = readDistribution(bytes, WEIGHT_LIMITS);
  const bits = new BackwardBits(bytes.subarray(size));
  const table = tableOf(distribution);
  let [state, other] = [new FseState(table, bits), new FseState(table, bits)];
  must(bits.left >= 0, "The Huffman tree's weights end too early.");
  const weights: number[] = [];
  while (bits.left >= 0) {
    must(weights.length < WEIGHTS_MAX, "The Huffman tree has more symbols than there are.");
    weights.push(state.symbol);
    state.update();
    [state, other] = [other, state];
  }
  weights.push(state.symbol);
  must(weights.length <= WEIGHTS_MAX, "The Huffman tree has more symbols than there are.");
  return weights;
}

/** Adds the last symbol's weight (section 4.2.1), and gives each symbol its code (section 4.2.1.3). */
function huffmanTable(weights: readonly number[]): HuffmanTable {
  const share = (weight: number): number => (weight === 0 ? 0 : 2 ** (weight - 1));
  const sum = weights.reduce((total, weight) => total + share(weight), 0);
  must(sum > 0, "The Huffman tree has only one symbol.");
  must(sum < 2 ** CODE_BITS_MAX, "The Huffman tree has codes of more than 11 bits.");
  const codeBits = 32 - Math.clz32(sum);
  const last = Math.log2(2 ** codeBits - sum) + 1; // the last symbol's share makes it a power of 2
  must(Number.isInteger(last), "The Huffman tree does not add up.");
  const all = [...weights, last];
  must(all.includes(1), "The Huffman tree has no symbol of weight 1.");
  const codes: { symbol: number; bits: number }[] = [];
  for (let weight = 1; weight <= codeBits; weight++) {
    all.forEach((own, symbol) => {
      if (own !== weight) return;
      for (let i = 0; i < share(weight); i++) codes.push({ symbol, bits: codeBits + 1 - weight });
    });
  }
  return { codeBits, codes };
}

/** The `count` symbols of a stream, which has not a bit more (section 4.2.2). */
export function decodeHuffman(
  { codeBits, codes }: HuffmanTable,
  stream: Uint8Array,
  count: number,
): Uint8Array {
  const bits = new BackwardBits(stream);
  const symbols = new Uint8Array(count);
  for (let i = 0; i < count && bits.left >= 0; i++) {
    const code = codes[bits.peek(codeBits)];
    if (code === undefined) throw new Error("The codes of a tree leave nothing out.");
    symbols[i] = code.symbol;
    bits.skip(code.bits);
  }
  must(bits.left === 0, "A Huffman stream does not end where its literals do.");
  return symbols;
}
