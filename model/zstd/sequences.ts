/**
 * The sequences of a compressed block: how many literals to take, then what to copy from before (RFC 8878,
 * section 3.1.1.3.2).
 * @module
 */
import { little } from "../little.ts";
import { BackwardBits } from "./bits.ts";
import { type Alphabet, type Code, LITERALS_LENGTHS, MATCH_LENGTHS, OFFSETS } from "./codes.ts";
import { FseState, type FseTable, readDistribution, tableOf, tableOfOne } from "./fse.ts";
import { must } from "./refusal.ts";

/** `literals` bytes to take, then `length` bytes to copy from where `offsetValue` says. */
export interface Sequence {
  readonly literals: number;
  readonly length: number;
  readonly offsetValue: number;
}

/** The tables that a block used, which the next one may use again (`Repeat_Mode`). */
export interface SequenceTables {
  readonly literals: FseTable;
  readonly offsets: FseTable;
  readonly lengths: FseTable;
}

/** Sequences, and the tables used last. */
export interface Sequences {
  readonly sequences: readonly Sequence[];
  readonly tables: SequenceTables | undefined;
}

/** Reads `section`, which is all of a block after its literals; `before`: the tables used last. */
export function readSequences(section: Uint8Array, before: SequenceTables | undefined): Sequences {
  const { count, size } = readCount(section);
  if (count === 0) {
    must(size === section.length, "A block without sequences does not end after their number.");
    return { sequences: [], tables: before };
  }
  const modes = section[size];
  must(modes !== undefined, "A block ends in the header of its sequences.");
  must((modes & 3) === 0, "The reserved bits of a block's sequences are set.");
  let at = size + 1;
  const table = (alphabet: Alphabet, mode: number, last: FseTable | undefined): FseTable => {
    const read = readTable(section.subarray(at), alphabet, mode & 3, last);
    at += read.size;
    return read.table;
  };
  const literals = table(LITERALS_LENGTHS, modes >> 6, before?.literals);
  const offsets = table(OFFSETS, modes >> 4, before?.offsets);
  const lengths = table(MATCH_LENGTHS, modes >> 2, before?.lengths);
  const tables = { literals, offsets, lengths };
  return { sequences: decode(section.subarray(at), count, tables), tables };
}

/** Number_of_Sequences, and how many bytes it takes (section 3.1.1.3.2.1). */
function readCount(section: Uint8Array): { count: number; size: number } {
  const [first, second] = [little(section, 0, 1), little(section, 1, 1)];
  const size = first < 128 ? 1 : first < 255 ? 2 : 3;
  must(size <= section.length, "A block ends before the number of its sequences.");
  const counts = [first, (first - 128) * 256 + second, little(section, 1, 2) + 0x7f00];
  return { count: counts[size - 1] ?? 0, size };
}

/**
 * The table that a Compression_Mode means, and how many bytes its description takes (section 3.1.1.3.2.1).
 */
function readTable(
  bytes: Uint8Array,
  { codes, limits, predefined }: Alphabet,
  mode: number,
  last: FseTable | undefined,
): { table: FseTable; size: number } {
  switch (mode) {
    case 0: // Predefined_Mode
      return { table: tableOf(predefined), size: 0 };
    case 1: {
      // RLE_Mode
      const symbol = bytes[0];
      must(symbol !== undefined && symbol < codes.length, "A block repeats a code that there is not.");
      return { table: tableOfOne(symbol), size: 1 };
    }
    case 2: {
      // FSE_Compressed_Mode
      const { distribution, size } = readDistribution(bytes, limits);
      return { table: tableOf(distribution), size };
    }
    default: // Repeat_Mode
      must(last !== undefined, "A block uses the table of a block before that has none.");
      return { table: last, size: 0 };
  }
}

/** The sequences of a bitstream, which has not a bit more (section 3.1.1.3.2.1.2). */
function decode(stream: Uint8Array, count: number, tables: SequenceTables): Sequence[] {
  const bits = new BackwardBits(stream);
  const literalsState = new FseState(tables.literals, bits);
  const offsetState = new FseState(tables.offsets, bits);
  const lengthState = new FseState(tables.lengths, bits);
  const sequences: Sequence[] = [];
  for (let i = 0; i < count && bits.left >= 0; i++) {
    if (i > 0) {
      literalsState.update();
      lengthState.update();
      offsetState.update();
    }
    const offsetValue = valueOf(OFFSETS.codes, offsetState.symbol, bits);
    const length = valueOf(MATCH_LENGTHS.codes, lengthState.symbol, bits);
    const literals = valueOf(LITERALS_LENGTHS.codes, literalsState.symbol, bits);
    sequences.push({ literals, length, offsetValue });
  }
  must(bits.left === 0, "A block's sequences do not end where their bits do.");
  return sequences;
}

function valueOf(codes: readonly Code[], symbol: number, bits: BackwardBits): number {
  const code = codes[symbol];
  if (code === undefined) throw new Error(`A table has the symbol ${symbol}, for which there is no code.`);
  return code.baseline + bits.read(code.bits);
}
