/**
 * The sequences of a compressed block (RFC 8878, sections 3.1.1.3.2 and 3.1.1.5): how far each goes on, and
 * how far back it reaches.
 * @module
 */
import { elementAt } from "../element-at.ts";
import { ZstdBits } from "./zstd-bits.ts";
import { FseState, type FseTable, readTable, singleSymbol, tableFrom } from "./zstd-fse.ts";
import { damaged } from "./zstd-refusal.ts";

/** One of the three values of a sequence: what its codes stand for, and its tables. */
interface Field {
  readonly symbolMax: number;
  /** For each code eight bytes: a number (32 bits), and how many more bits are added to it. */
  readonly codes: DataView;
  readonly accuracyMax: number;
  readonly predefined: FseTable;
}

const CODE_BYTES = 8;

/** The tables of literals lengths, offsets and match lengths, as the last block with sequences had them. */
export type SequenceTables = readonly [FseTable, FseTable, FseTable];
/** The last three offsets, the latest first. */
export type RecentOffsets = readonly [number, number, number];

const LONG_COUNT = 0x7f00;
/** Larger ones reach further back than the largest window that is allowed. */
const OFFSET_CODE_MAX = 31;

/** Codes that follow each other without a gap, of so many extra bits each. */
function field(
  first: number,
  extraBits: readonly number[],
  accuracyMax: number,
  accuracy: number,
  counts: readonly number[],
): Field {
  const codes = new DataView(new ArrayBuffer(extraBits.length * CODE_BYTES));
  let next = first;
  extraBits.forEach((bits, code) => {
    codes.setUint32(code * CODE_BYTES, next, true);
    codes.setUint8(code * CODE_BYTES + 4, bits);
    next += 2 ** bits;
  });
  return { symbolMax: extraBits.length - 1, codes, accuracyMax, predefined: tableFrom(accuracy, counts) };
}

const ones = (count: number): number[] => new Array<number>(count).fill(1);
const twos = (count: number): number[] => new Array<number>(count).fill(2);
const less = (count: number): number[] => new Array<number>(count).fill(-1);
const none = (count: number): number[] => new Array<number>(count).fill(0);
const upTo = (last: number, from = 0): number[] =>
  Array.from({ length: last + 1 - from }, (_, i) => from + i);

// Codes: section 3.1.1.3.2.1.1. Predefined counts: section 3.1.1.3.2.2.
const LITERALS = field(0, [...none(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, ...upTo(16, 6)], 9, 6, [
  ...[4, 3, ...twos(11), 1, 1, 1],
  ...[...twos(9), 3, 2, ...ones(5), ...less(4)],
]);
const OFFSETS = field(1, upTo(OFFSET_CODE_MAX), 8, 5, [...ones(6), 2, 2, 2, ...ones(15), ...less(5)]);
const MATCHES = field(3, [...none(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, ...upTo(16, 7)], 9, 6, [
  ...[1, 4, 3, ...twos(6), ...ones(37), ...less(7)],
]);

/** What a block's sequences may do, and where they start from. */
export interface SequencesFrom {
  /** Bytes of content before the block. */
  readonly contentBytes: number;
  /** How many literals the block has, to how many bytes it may expand, and how far back it may reach. */
  readonly literals: number;
  readonly bytesMax: number;
  readonly windowBytes: number;
  readonly tables: SequenceTables | undefined;
  readonly offsets: RecentOffsets;
}

/** What a block's sequences come to. */
export interface SequencesTo {
  /** Bytes that they copy from before. */
  readonly copied: number;
  readonly tables: SequenceTables | undefined;
  readonly offsets: RecentOffsets;
}

/**
 * @internal Reads `section`, the rest of a block after its literals. Linear in what it expands to.
 *
 * @throws StorageError `undecodable-payload` if it breaks a rule of the format.
 */
export function readSequences(section: Uint8Array, from: SequencesFrom): SequencesTo {
  const { count, end } = readCount(section);
  if (count === 0) {
    if (section.length > end) throw damaged("something follows the last sequence");
    return { copied: 0, tables: from.tables, offsets: from.offsets };
  }
  const modes = byteAt(section, end);
  if ((modes & 3) !== 0) throw damaged("the reserved bits of its sequences are set");
  let at = end + 1;
  const table = (field: Field, mode: number, before: FseTable | undefined): FseTable => {
    const found = tableOf(section, at, field, mode & 3, before);
    at = found.end;
    return found.table;
  };
  const tables = [
    table(LITERALS, modes >> 6, from.tables?.[0]),
    table(OFFSETS, modes >> 4, from.tables?.[1]),
    table(MATCHES, modes >> 2, from.tables?.[2]),
  ] as const;
  return { ...follow(section.subarray(at), count, tables, from), tables };
}

/** How many sequences there are (section 3.1.1.3.2.1). */
function readCount(section: Uint8Array): { count: number; end: number } {
  const first = byteAt(section, 0);
  if (first < 0x80) return { count: first, end: 1 };
  const second = byteAt(section, 1);
  if (first < 0xff) return { count: ((first - 0x80) << 8) + second, end: 2 };
  return { count: LONG_COUNT + second + (byteAt(section, 2) << 8), end: 3 };
}

/** The table that a mode means: predefined, one symbol, described here, or the last one again. */
function tableOf(
  section: Uint8Array,
  at: number,
  { symbolMax, accuracyMax, predefined }: Field,
  mode: number,
  before: FseTable | undefined,
): { table: FseTable; end: number } {
  if (mode === 0) return { table: predefined, end: at };
  if (mode === 1) {
    const symbol = byteAt(section, at);
    if (symbol > symbolMax) throw damaged("a table is of a code that there is not");
    return { table: singleSymbol(symbol), end: at + 1 };
  }
  if (mode === 2) return readTable(section, at, { accuracyMax, symbolMax });
  if (before === undefined) throw damaged("a table is to be used again, and there was none");
  return { table: before, end: at };
}

/** Goes through all sequences: each takes literals, then copies from before (section 3.1.1.4). */
function follow(
  stream: Uint8Array,
  count: number,
  tables: SequenceTables,
  { contentBytes, literals, bytesMax, windowBytes, offsets: before }: SequencesFrom,
): Omit<SequencesTo, "tables"> {
  const bits = new ZstdBits(stream);
  const [literalsState, offsetState, matchState] = [
    new FseState(tables[0], bits),
    new FseState(tables[1], bits),
    new FseState(tables[2], bits),
  ];
  let offsets = before;
  let taken = 0;
  let copied = 0;
  for (let sequence = 0; sequence < count; sequence++) {
    if (sequence > 0) {
      literalsState.advance();
      matchState.advance();
      offsetState.advance();
    }
    const offset = valueOf(OFFSETS, offsetState.symbol, bits);
    const match = valueOf(MATCHES, matchState.symbol, bits);
    const length = valueOf(LITERALS, literalsState.symbol, bits);
    if (bits.left < 0) throw damaged("its sequences end too early");
    taken += length;
    if (taken > literals) throw damaged("a sequence takes more literals than there are");
    offsets = withOffset(offsets, offset, length === 0);
    const reach = Math.min(windowBytes, contentBytes + taken + copied);
    if (offsets[0] === 0 || offsets[0] > reach) {
      throw damaged(`a match begins ${offsets[0]} bytes back, where ${reach} may be reached`);
    }
    copied += match;
    if (literals + copied > bytesMax)
      throw damaged(`a block expands to more than the ${bytesMax} bytes it may`);
  }
  if (bits.left > 0) throw damaged("its sequences end too late");
  return { copied, offsets };
}

function valueOf({ codes }: Field, code: number, bits: ZstdBits): number {
  return codes.getUint32(code * CODE_BYTES, true) + bits.readMany(codes.getUint8(code * CODE_BYTES + 4));
}

function byteAt(section: Uint8Array, at: number): number {
  if (at >= section.length) throw damaged("a block ends before its sequences");
  return elementAt(section, at);
}

/**
 * Section 3.1.1.5: values of 1 to 3 stand for recent offsets, and without literals each for the one after.
 */
function withOffset(recent: RecentOffsets, value: number, hasNoLiterals: boolean): RecentOffsets {
  const [first, second, third] = recent;
  if (value > 3) return [value - 3, first, second];
  const which = value + Number(hasNoLiterals);
  if (which === 1) return recent;
  if (which === 2) return [second, first, third];
  return [which === 3 ? third : first - 1, first, second];
}
