/**
 * Finite State Entropy: tables that turn states into symbols (RFC 8878, section 4.1).
 * @module
 */
import { type BackwardBits, ForwardBits } from "./bits.ts";
import { must } from "./refusal.ts";

/** How likely each symbol is, of 2^accuracy in all; -1 stands for "less than 1" and counts as 1. */
export interface Distribution {
  readonly accuracy: number;
  readonly probabilities: readonly number[];
}

/** What a state stands for, and how the next one is found: `bits` more, added to `baseline`. */
interface Cell {
  readonly symbol: number;
  readonly bits: number;
  readonly baseline: number;
}

/** One cell for each of the 2^accuracy states. */
export interface FseTable {
  readonly accuracy: number;
  readonly cells: readonly Cell[];
}

/** The bounds of a description: of its accuracy, and of the symbols that it may give a probability. */
export interface FseLimits {
  readonly accuracyMax: number;
  readonly symbolMax: number;
}

/**
 * Reads the description of a distribution at the start of `bytes`, and how many bytes it takes (section
 * 4.1.1).
 */
export function readDistribution(
  bytes: Uint8Array,
  { accuracyMax, symbolMax }: FseLimits,
): { readonly distribution: Distribution; readonly size: number } {
  const bits = new ForwardBits(bytes);
  const accuracy = bits.read(4) + 5;
  must(accuracy <= accuracyMax, "An FSE table is more accurate than it may be.");
  const probabilities: number[] = [];
  for (let left = 2 ** accuracy; left > 0;) {
    const probability = readProbability(bits, left);
    probabilities.push(probability);
    left -= Math.abs(probability);
    for (let more = probability === 0 ? 3 : 0; more === 3;) {
      more = bits.read(2); // so many symbols with a probability of 0 follow; 3: and another such number
      for (let i = 0; i < more; i++) probabilities.push(0);
    }
    must(probabilities.length <= symbolMax + 1, "An FSE table has more symbols than there are.");
    must(bits.bytesRead <= bytes.length, "An FSE table ends too early.");
  }
  return { distribution: { accuracy, probabilities }, size: bits.bytesRead };
}

/**
 * Reads a value of 0 to `left` + 1, which is a probability and 1; small ones take one bit less than others.
 */
function readProbability(bits: ForwardBits, left: number): number {
  const width = 32 - Math.clz32(left + 1);
  const small = 2 ** width - 1 - (left + 1); // so many values are small
  const low = bits.read(width - 1);
  if (low < small) return low - 1;
  const value = low + 2 ** (width - 1) * bits.read(1);
  return (value < 2 ** (width - 1) ? value : value - small) - 1;
}

/** The table of a distribution (section 4.1.1, "from normalized distribution to decoding tables"). */
export function tableOf({ accuracy, probabilities }: Distribution): FseTable {
  const size = 2 ** accuracy;
  const symbols = spread(probabilities, size);
  const next = probabilities.map(Math.abs); // the states of a symbol in their order get these numbers
  const cells = symbols.map((symbol): Cell => {
    const number = next[symbol] ?? 1;
    next[symbol] = number + 1;
    const bits = accuracy - (31 - Math.clz32(number));
    return { symbol, bits, baseline: number * 2 ** bits - size };
  });
  return { accuracy, cells };
}

/** The symbol of each state: those less likely than 1 from the end on, the others in steps over the rest. */
function spread(probabilities: readonly number[], size: number): number[] {
  const symbols = new Array<number>(size).fill(0);
  let end = size;
  probabilities.forEach((probability, symbol) => {
    if (probability === -1) symbols[--end] = symbol;
  });
  let at = 0;
  probabilities.forEach((probability, symbol) => {
    for (let i = 0; i < probability; i++) {
      symbols[at] = symbol;
      do at = (at + (size >> 1) + (size >> 3) + 3) % size;
      while (at >= end);
    }
  });
  return symbols;
}

/** The table of one symbol, which no bits are read for (section 3.1.1.3.2.1, `RLE_Mode`). */
export const tableOfOne = (symbol: number): FseTable => ({
  accuracy: 0,
  cells: [{ symbol, bits: 0, baseline: 0 }],
});

/** A state that goes through a table (section 4.1). */
export class FseState {
  readonly #table: FseTable;
  readonly #bits: BackwardBits;
  #state: number;

  /** Reads the first state. */
  constructor(table: FseTable, bits: BackwardBits) {
    this.#table = table;
    this.#bits = bits;
    this.#state = bits.read(table.accuracy);
  }

  get #cell(): Cell {
    const cell = this.#table.cells[this.#state];
    if (cell === undefined) throw new Error(`There is no state ${this.#state}.`);
    return cell;
  }

  get symbol(): number {
    return this.#cell.symbol;
  }

  /** Reads the next state. */
  update(): void {
    const { bits, baseline } = this.#cell;
    this.#state = baseline + this.#bits.read(bits);
  }
}
