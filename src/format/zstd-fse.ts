/**
 * Tables of Finite State Entropy, of a Zstandard frame (RFC 8878, section 4.1).
 * @module
 */
import { elementAt } from "../element-at.ts";
import type { ZstdBits } from "./zstd-bits.ts";
import { damaged } from "./zstd-refusal.ts";

/**
 * For each of 2^accuracy states four bytes: its symbol, of how many bits the next state is made, and what is
 * added to them (16 bits). One sort of array everywhere, for that is what makes reading it fast.
 */
export interface FseTable {
  readonly accuracy: number;
  readonly cells: DataView;
}

const CELL_BYTES = 4;

/** The largest accuracy and the largest symbol that a table may have. */
export interface FseBounds {
  readonly accuracyMax: number;
  readonly symbolMax: number;
}

/** @internal A table for which no bits are read. */
export const singleSymbol = (symbol: number): FseTable => ({
  accuracy: 0,
  cells: new DataView(Uint8Array.of(symbol, 0, 0, 0).buffer),
});

/** @internal The table of normalised counts that add up to 2^accuracy; -1 is "less than 1". O(2^accuracy). */
export function tableFrom(accuracy: number, counts: readonly number[]): FseTable {
  const size = 1 << accuracy;
  const cells = new DataView(new ArrayBuffer(size * CELL_BYTES));
  let high = size;
  counts.forEach((count, symbol) => {
    if (count < 0) cells.setUint8(--high * CELL_BYTES, symbol);
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  counts.forEach((count, symbol) => {
    for (let placed = 0; placed < count; placed++) {
      cells.setUint8(at * CELL_BYTES, symbol);
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  });
  const next = counts.map(Math.abs); // the states of a symbol are numbered from its count on
  for (let state = 0; state < size; state++) {
    const symbol = cells.getUint8(state * CELL_BYTES);
    const number = elementAt(next, symbol);
    next[symbol] = number + 1;
    const bits = accuracy - (31 - Math.clz32(number));
    cells.setUint8(state * CELL_BYTES + 1, bits);
    cells.setUint16(state * CELL_BYTES + 2, (number << bits) - size, true);
  }
  return { accuracy, cells };
}

/**
 * @internal Reads a table's description at `from`; `end` is where it ends, at a whole byte. O(2^accuracy).
 *
 * @throws StorageError `undecodable-payload` if there is none within the bounds.
 */
export function readTable(
  bytes: Uint8Array,
  from: number,
  { accuracyMax, symbolMax }: FseBounds,
): { readonly table: FseTable; readonly end: number } {
  let bit = from * 8;
  const next = (count: number): number => {
    let value = 0;
    for (let index = 0; index < count; index++, bit++) {
      if (bit >> 3 >= bytes.length) throw damaged("a table ends too early");
      value |= ((elementAt(bytes, bit >> 3) >> (bit & 7)) & 1) << index;
    }
    return value;
  };
  const accuracy = next(4) + 5;
  if (accuracy > accuracyMax) throw damaged("a table is too accurate");
  const counts: number[] = [];
  for (let left = 1 << accuracy; left > 0;) {
    const width = 31 - Math.clz32(left + 1); // of a small value; one more of another
    const smaller = 2 ** (width + 1) - 2 - left;
    let value = next(width);
    if (value >= smaller && next(1) === 1) value += 2 ** width - smaller;
    counts.push(value - 1);
    left -= Math.abs(value - 1);
    if (value === 1) {
      let zeros: number;
      do {
        zeros = next(2);
        for (let index = 0; index < zeros; index++) counts.push(0);
      } while (zeros === 3);
    }
    if (counts.length > symbolMax + 1) throw damaged("a table has too many symbols");
  }
  return { table: tableFrom(accuracy, counts), end: (bit + 7) >> 3 };
}

/** @internal The state of one table as bits are read. */
export class FseState {
  readonly #cells: DataView;
  readonly #bits: ZstdBits;
  #cell = 0;

  constructor({ accuracy, cells }: FseTable, bits: ZstdBits) {
    this.#cells = cells;
    this.#bits = bits;
    this.#enter(bits.read(accuracy));
  }

  get symbol(): number {
    return this.#cell & 0xff;
  }

  advance(): void {
    this.#enter((this.#cell >>> 16) + this.#bits.read((this.#cell >>> 8) & 0xff));
  }

  #enter(state: number): void {
    this.#cell = this.#cells.getUint32(state * CELL_BYTES, true);
  }
}
