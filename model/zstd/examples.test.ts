/**
 * What RFC 8878 and the specification of XXH64 print as examples.
 */
import { describe, expect, test } from "vitest";
import { expandBlock, type Leftover, NOTHING_LEFT } from "./block.ts";
import { BackwardBits, ForwardBits } from "./bits.ts";
import { LITERALS_LENGTHS, MATCH_LENGTHS, OFFSETS } from "./codes.ts";
import { Content } from "./content.ts";
import { type FseTable, readDistribution, tableOf } from "./fse.ts";
import { decodeHuffman, readHuffmanTable } from "./huffman.ts";
import { Refusal } from "./refusal.ts";
import { xxh64 } from "./xxh64.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("bits", () => {
  test("are read forward from the lowest of the first byte, and are 0 past the end", () => {
    const bits = new ForwardBits(hex("b4 01"));
    expect([bits.read(3), bits.read(6), bits.bytesRead]).toEqual([0b100, 0b110110, 2]);
    expect([bits.read(7), bits.bytesRead, bits.read(1), bits.bytesRead]).toEqual([0, 2, 0, 3]);
  });

  test("are read backward from below the highest that is set, and are 0 past the beginning", () => {
    const bits = new BackwardBits(hex("b4 2d"));
    expect([bits.left, bits.peek(5), bits.read(5), bits.left]).toEqual([13, 0b01101, 0b01101, 8]);
    expect([bits.read(6), bits.read(4), bits.left]).toEqual([0b101101, 0, -2]);
    expect(new BackwardBits(hex("ff ff ff ff 01")).read(32)).toBe(2 ** 32 - 1);
    for (const bytes of ["", "ff 00"]) expect(new BackwardBits(hex(bytes)).left).toBeLessThan(0);
  });
});

describe("FSE tables (section 4.1.1)", () => {
  const rows = ({ cells }: FseTable): string[] =>
    cells.map(({ symbol, bits, baseline }) => `${symbol} ${bits} ${baseline}`);

  test("the states of a symbol of probability 5 of 128 are those printed", () => {
    const table = tableOf({ accuracy: 7, probabilities: [5, 123] });
    const [narrow, wide] = [4, 5];
    expect(
      table.cells.filter(({ symbol }) => symbol === 0).map(({ bits, baseline }) => [bits, baseline]),
    ).toEqual([
      [wide, 32],
      [wide, 64],
      [wide, 96],
      [narrow, 0],
      [narrow, 16],
    ]);
  });

  // Appendix A prints all of them; here the first and last rows of each.
  test.each([
    {
      what: "literals lengths",
      alphabet: LITERALS_LENGTHS,
      first: ["0 4 0", "0 4 16", "1 5 32", "3 5 0", "4 5 0", "6 5 0"],
      last: ["24 5 32", "35 6 0", "34 6 0", "33 6 0", "32 6 0"],
    },
    {
      what: "match lengths",
      alphabet: MATCH_LENGTHS,
      first: ["0 6 0", "1 4 0", "2 5 32", "3 5 0", "5 5 0"],
      last: ["52 6 0", "51 6 0", "50 6 0", "49 6 0", "48 6 0", "47 6 0", "46 6 0"],
    },
    {
      what: "offsets",
      alphabet: OFFSETS,
      first: ["0 5 0", "6 4 0", "9 5 0", "15 5 0"],
      last: ["28 5 0", "27 5 0", "26 5 0", "25 5 0", "24 5 0"],
    },
  ])("the predefined table of $what is that of appendix A", ({ alphabet, first, last }) => {
    const table = rows(tableOf(alphabet.predefined));
    expect(table.slice(0, first.length)).toEqual(first);
    expect(table.slice(-last.length)).toEqual(last);
  });

  test("a description more accurate than it may be, of too many symbols, or cut off is refused", () => {
    const limits = { accuracyMax: 6, symbolMax: 1 };
    for (const bytes of ["02", "", "f1", "20 fc ff ff ff ff ff"])
      expect(() => readDistribution(hex(bytes), limits), bytes).toThrow(Refusal);
  });
});

describe("Huffman trees (section 4.2)", () => {
  test("the tree printed and the codes printed for it stand for the literals 0, 1, 4, 5", () => {
    // Weights 4, 3, 2, 0, 1, directly: 127 + 5, then four bits each.
    const { table, size } = readHuffmanTable(hex("84 43 20 10"));
    expect([size, table.codeBits]).toEqual([4, 4]);
    // 1, 01, 0000 and 0001, read from the end. (The stream printed in section 4.2.2 has the codes of 4 and 5
    // exchanged.)
    expect([...decodeHuffman(table, hex("01 0d"), 4)]).toEqual([0, 1, 4, 5]);
  });

  test("a stream with a bit more or less than its literals is refused", () => {
    const { table } = readHuffmanTable(hex("84 43 20 10"));
    for (const [stream, count] of [
      ["01 0d", 3],
      ["01 0d", 5],
      ["01 00", 4],
      ["", 0],
    ] as const)
      expect(() => decodeHuffman(table, hex(stream), count)).toThrow(Refusal);
    expect(decodeHuffman(table, hex("01"), 0)).toHaveLength(0);
  });

  test.each([
    ["nothing", ""],
    ["fewer weights than announced", "84 43 20"],
    ["weights of 0 alone", "81 00"],
    ["weights that do not add up", "82 43"],
    ["no symbol of weight 1", "81 33"],
    ["codes of 12 bits", "8c cb a9 87 65 43 21"],
    ["compressed weights that are not there", "00"],
    ["too few bits for the first two states", "04 20 7e 1f 02"],
  ])("%s is refused", (_, bytes) => {
    expect(() => readHuffmanTable(hex(bytes))).toThrow(Refusal);
  });
});

test("repeated offsets go through the table printed in section 3.1.1.5", () => {
  const content = new Content(2 ** 20);
  content.appendRepeated(0, 5000);
  const rows = [
    [1114, 11, [1111, 1, 4]],
    [1, 22, [1111, 1, 4]],
    [2225, 22, [2222, 1111, 1]],
    [1114, 111, [1111, 2222, 1111]],
    [3336, 33, [3333, 1111, 2222]],
    [2, 22, [1111, 3333, 2222]],
    [3, 33, [2222, 1111, 3333]],
    [3, 0, [2221, 2222, 1111]],
    [1, 0, [2222, 2221, 1111]],
  ] as const;
  let leftover: Leftover = NOTHING_LEFT;
  for (const [offsetValue, literals, offsets] of rows) {
    leftover = expandBlock(
      oneSequence(literals, offsetValue),
      leftover,
      { window: 2 ** 20, blockMax: 2 ** 17 },
      content,
    );
    expect(leftover.offsets).toEqual(offsets);
  }
});

/**
 * A block of RLE literals and one sequence that takes all of them, each of its codes repeated (`RLE_Mode`).
 */
function oneSequence(literals: number, offsetValue: number): Uint8Array {
  const code = LITERALS_LENGTHS.codes.findLastIndex(({ baseline }) => baseline <= literals);
  const { baseline, bits } = LITERALS_LENGTHS.codes[code] ?? { baseline: 0, bits: 0 };
  const offsetCode = Math.floor(Math.log2(offsetValue));
  const stream = Buffer.alloc(4);
  const value = literals - baseline + (offsetValue - 2 ** offsetCode) * 2 ** bits;
  stream.writeUInt32LE(value + 2 ** (bits + offsetCode));
  const used = Math.floor((bits + offsetCode) / 8) + 1;
  const header = Buffer.alloc(2);
  header.writeUInt16LE(1 | (1 << 2) | (literals << 4)); // RLE literals, 12 bits of size
  return Buffer.concat([header, Buffer.of(0, 1, 0x54, code, offsetCode, 0), stream.subarray(0, used)]);
}

test.each([
  ["", 0xef46db3751d8e999n],
  ["abc", 0x44bc2cf5ad770999n],
  ["Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1n],
])("XXH64 of %j is the value that is published", (text, hash) => {
  expect(xxh64(Buffer.from(text))).toBe(hash);
});
