/**
 * What is inside the compressed blocks of a Zstandard frame (RFC 8878, section 3.1.1.3), but for the bytes
 * themselves.
 *
 * Promises: blocks that pass are valid to the last bit, expand to exactly what is said of them, and never
 * refer to what is not in the window. libzstd alone takes some that are not, depending on its version and on
 * the processor, and may then yield anything: streams of literals with bits left over, matches from before
 * the window.
 *
 * Does not promise: to notice a wrong checksum, which libzstd does.
 * @module
 */
import { elementAt } from "../element-at.ts";
import { holds, type HuffmanLengths, readTree } from "./zstd-huffman.ts";
import { damaged } from "./zstd-refusal.ts";
import { readSequences, type RecentOffsets, type SequenceTables } from "./zstd-sequences.ts";

const STREAMS = 4;
const JUMP_TABLE_BYTES = 6;
/**
 * libzstd's rule, and that of the format's later editions (0.4.0): fewer literals are not divided in four.
 */
const FOUR_STREAMS_MIN = 6;

/** Literals sections: bytes of the header, bits of a size; by Size_Format (section 3.1.1.3.1.1). */
type SizeFormat = readonly [headerBytes: number, sizeBits: number];
const PLAIN: readonly SizeFormat[] = [
  [1, 5],
  [2, 12],
  [1, 5],
  [3, 20],
];
const CODED: readonly SizeFormat[] = [
  [3, 10],
  [3, 10],
  [4, 14],
  [5, 18],
];

/** The content of a frame, block by block. */
export class ZstdContent {
  readonly #windowBytes: number;
  readonly #blockBytesMax: number;
  readonly #contentBytesMax: number;
  #bytes = 0;
  #tree: HuffmanLengths | undefined;
  #tables: SequenceTables | undefined;
  #offsets: RecentOffsets = [1, 4, 8]; // section 3.1.1.5

  /** Of how far back a match may reach, and how many bytes a block and all of them may expand to. */
  constructor(windowBytes: number, blockBytesMax: number, contentBytesMax: number) {
    this.#windowBytes = windowBytes;
    this.#blockBytesMax = blockBytesMax;
    this.#contentBytesMax = contentBytesMax;
  }

  /** How many bytes the blocks so far expand to. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A raw block, or one of a repeated byte. */
  skip(bytes: number): void {
    this.#bytes += bytes;
  }

  /**
   * A compressed block. Linear in what it expands to.
   *
   * @throws StorageError `undecodable-payload` if it breaks a rule of the format.
   */
  addCompressed(block: Uint8Array): void {
    const bytesMax = Math.min(this.#blockBytesMax, this.#contentBytesMax - this.#bytes);
    const { literals, end } = this.#readLiterals(block, bytesMax);
    const { copied, tables, offsets } = readSequences(block.subarray(end), {
      contentBytes: this.#bytes,
      literals,
      bytesMax,
      windowBytes: this.#windowBytes,
      tables: this.#tables,
      offsets: this.#offsets,
    });
    [this.#tables, this.#offsets] = [tables, offsets];
    this.#bytes += literals + copied;
  }

  /** How many literals a block has, and where they end (section 3.1.1.3.1). */
  #readLiterals(block: Uint8Array, bytesMax: number): { literals: number; end: number } {
    if (block.length === 0) throw damaged("a block has no header");
    const [type, format] = [elementAt(block, 0) & 3, (elementAt(block, 0) >> 2) & 3];
    const [headerBytes, sizeBits] = elementAt(type < 2 ? PLAIN : CODED, format);
    if (block.length < headerBytes) throw damaged("a block ends in its header");
    const sizes = Math.floor(littleEndian(block, headerBytes) / (headerBytes === 1 ? 8 : 16));
    const literals = sizes % 2 ** sizeBits;
    if (literals > bytesMax)
      throw damaged(`a block has ${literals} literals and may expand to ${bytesMax} bytes`);
    const stored = type === 0 ? literals : type === 1 ? 1 : Math.floor(sizes / 2 ** sizeBits);
    const end = headerBytes + stored;
    if (end > block.length) throw damaged("a block ends within its literals");
    if (type >= 2) {
      let coded = block.subarray(headerBytes, end);
      if (type === 2) {
        const described = readTree(coded);
        this.#tree = described.tree;
        coded = coded.subarray(described.end);
      }
      if (!this.#hasLiterals(coded, literals, format > 0)) {
        throw damaged("a stream of literals does not hold as many as it should");
      }
    }
    return { literals, end };
  }

  #hasLiterals(coded: Uint8Array, literals: number, isInFour: boolean): boolean {
    if (this.#tree === undefined) throw damaged("a Huffman tree is to be used again, and there was none");
    if (!isInFour) return holds(coded, literals, this.#tree);
    if (literals < FOUR_STREAMS_MIN || coded.length < JUMP_TABLE_BYTES) return false;
    const each = Math.ceil(literals / STREAMS);
    let at = JUMP_TABLE_BYTES;
    for (let stream = 0; stream < STREAMS - 1; stream++) {
      const end = at + littleEndian(coded.subarray(stream * 2), 2);
      if (end > coded.length || !holds(coded.subarray(at, end), each, this.#tree)) return false;
      at = end;
    }
    return holds(coded.subarray(at), literals - each * (STREAMS - 1), this.#tree);
  }
}

function littleEndian(bytes: Uint8Array, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index--) value = value * 2 ** 8 + elementAt(bytes, index);
  return value;
}
