/**
 * The literals of a compressed block: bytes that are not copied from before (RFC 8878, section 3.1.1.3.1).
 * @module
 */
import { little } from "../little.ts";
import { decodeHuffman, type HuffmanTable, readHuffmanTable } from "./huffman.ts";
import { must } from "./refusal.ts";

/**
 * Literals, how many bytes of the block their section takes, and the tree that the next block may use again.
 */
export interface Literals {
  readonly literals: Uint8Array;
  readonly size: number;
  readonly tree: HuffmanTable | undefined;
}

const STREAMS = 4;
const JUMP_TABLE_BYTES = 6;
/**
 * Fewer literals cannot be divided among four streams, of which none but the last may have fewer than the
 * first.
 */
const FOUR_STREAMS_LITERALS_MIN = 6;

/**
 * Reads the section at the start of `block`, which may have `literalsMax` literals; `tree` is the last one
 * used.
 */
export function readLiterals(
  block: Uint8Array,
  literalsMax: number,
  tree: HuffmanTable | undefined,
): Literals {
  const header = little(block, 0, 5); // section 3.1.1.3.1.1; at most 5 bytes, and fewer if there are not so many
  const [type, format] = [header % 4, Math.floor(header / 4) % 4]; // Literals_Block_Type, Size_Format
  const isPlain = type < 2;
  const headerBytes = isPlain ? ([1, 2, 1, 3][format] ?? 0) : ([3, 3, 4, 5][format] ?? 0);
  const sizeBits = isPlain ? ([5, 12, 5, 20][format] ?? 0) : ([10, 10, 14, 18][format] ?? 0);
  must(headerBytes <= block.length, "A block ends in the header of its literals.");
  // A Size_Format of 0 or 2 takes one bit where the literals are plain.
  const sizes = Math.floor(header / (isPlain && format % 2 === 0 ? 8 : 16));
  const regenerated = sizes % 2 ** sizeBits;
  must(regenerated <= literalsMax, "A block has more literals than a block may have bytes.");
  const stored =
    type === 0 ? regenerated : type === 1 ? 1 : Math.floor(sizes / 2 ** sizeBits) % 2 ** sizeBits;
  const size = headerBytes + stored;
  must(size <= block.length, "A block ends within its literals.");
  const content = block.subarray(headerBytes, size);
  if (type === 0) return { literals: content, size, tree }; // section 3.1.1.3.1.2
  if (type === 1) return { literals: new Uint8Array(regenerated).fill(content[0] ?? 0), size, tree }; // 3.1.1.3.1.3
  const described = type === 2 ? readHuffmanTable(content) : { table: tree, size: 0 };
  must(described.table !== undefined, "A block uses the Huffman tree of a block before that has none.");
  const streams = content.subarray(described.size);
  const decode = format === 0 ? decodeHuffman : decodeFourStreams;
  return { literals: decode(described.table, streams, regenerated), size, tree: described.table };
}

/** Four streams after a table of the sizes of three of them (sections 3.1.1.3.1.4 and 3.1.1.3.1.6). */
function decodeFourStreams(table: HuffmanTable, content: Uint8Array, count: number): Uint8Array {
  must(count >= FOUR_STREAMS_LITERALS_MIN, "A block has four streams for fewer than 6 literals.");
  must(content.length >= JUMP_TABLE_BYTES, "A block's literals end within their jump table.");
  const literals = new Uint8Array(count);
  const each = Math.ceil(count / STREAMS);
  let at = JUMP_TABLE_BYTES;
  for (let stream = 0; stream < STREAMS; stream++) {
    const isLast = stream === STREAMS - 1;
    const end = isLast ? content.length : at + little(content, 2 * stream, 2);
    must(end <= content.length, "A stream of literals ends too early.");
    const symbols = isLast ? count - each * stream : each;
    literals.set(decodeHuffman(table, content.subarray(at, end), symbols), each * stream);
    at = end;
  }
  return literals;
}
