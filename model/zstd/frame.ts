/**
 * Expands one Zstandard frame, written from RFC 8878 (https://www.rfc-editor.org/rfc/rfc8878) alone; sections
 * are its. One concept a file: `bits`, `fse`, `huffman`, `literals`, `codes`, `sequences`, `block`,
 * `content`, `xxh64`. Promises: the frame's content, or a `Refusal`, whatever the bytes; a valid frame is
 * refused only where the header asks for a dictionary or for more than the limits. Memory is a small multiple
 * of input and content. Does not promise: speed.
 * @module
 */
import { little } from "../little.ts";
import { expandBlock, NOTHING_LEFT } from "./block.ts";
import { Content } from "./content.ts";
import { must } from "./refusal.ts";
import { xxh64 } from "./xxh64.ts";

const MAGIC = 0xfd2fb528; // section 3.1.1
const BLOCK_BYTES_MAX = 128 * 1024; // section 3.1.1.2.4
const WINDOW_BYTES_MAX = 2 ** 27; // section 3.1.1.1.2 leaves the limit to the decoder

/** What a caller allows. */
export interface FrameLimits {
  /** The most bytes that a frame may expand to, or claim to. */
  readonly contentMax: number;
  /** Whether a frame must declare its content size. */
  readonly declaresSize: boolean;
}

/** A frame's header; sizes in bytes. */
interface Header {
  readonly size: number;
  readonly window: number;
  readonly contentSize: number | undefined;
  readonly checksumBytes: number;
}

/** A block: its type (section 3.1.1.2.2), its Block_Size, and what is stored of it. */
interface Block {
  readonly type: number;
  readonly size: number;
  readonly stored: Uint8Array;
}

/**
 * The content of `frame`, which must be exactly one frame.
 * @throws Refusal if it is not, or beyond the limits.
 */
export function expandFrame(frame: Uint8Array, { contentMax, declaresSize }: FrameLimits): Uint8Array {
  const header = readHeader(frame);
  must(header.window <= WINDOW_BYTES_MAX, "The frame's window is larger than 2^27 bytes.");
  must(!declaresSize || header.contentSize !== undefined, "The frame declares no content size.");
  const blockMax = Math.min(header.window, BLOCK_BYTES_MAX);
  const blocks = readBlocks(frame, header, blockMax);
  const yieldMax = blocks.reduce((sum, { type, size }) => sum + (type === 2 ? blockMax : size), 0);
  const sizeMax = header.contentSize ?? yieldMax;
  must(sizeMax <= contentMax && sizeMax <= yieldMax, `No ${sizeMax} bytes fit this Zstandard frame.`);
  const content = new Content(sizeMax);
  let leftover = NOTHING_LEFT;
  for (const { type, size, stored } of blocks) {
    if (type === 0) content.append(stored);
    else if (type === 1) content.appendRepeated(little(stored, 0, 1), size);
    else leftover = expandBlock(stored, leftover, { window: header.window, blockMax }, content);
  }
  const whole = content.whole();
  must(whole.length === (header.contentSize ?? whole.length), `It does not expand to its ${sizeMax} bytes.`);
  if (header.checksumBytes > 0) {
    const checksum = Number(xxh64(whole) % 2n ** 32n); // section 3.1.1: the low four bytes
    must(checksum === little(frame, frame.length - 4, 4), "The frame's checksum is wrong.");
  }
  return whole;
}

/** Magic number and Frame_Header (section 3.1.1.1). */
function readHeader(frame: Uint8Array): Header {
  must(frame.length > 4 && little(frame, 0, 4) === MAGIC, "It does not begin as a zstd frame.");
  const descriptor = little(frame, 4, 1);
  must((descriptor & 0x08) === 0, "The frame's reserved bit is set.");
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const windowAt = 5;
  const dictionaryAt = windowAt + (isSingleSegment ? 0 : 1);
  const contentSizeAt = dictionaryAt + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const size = contentSizeAt + contentSizeBytes;
  must(size <= frame.length, "The frame ends in its header.");
  const dictionary = little(frame, dictionaryAt, contentSizeAt - dictionaryAt);
  must(dictionary === 0, "The frame needs a dictionary."); // section 3.1.1.1.3: 0 is none
  const stated = little(frame, contentSizeAt, contentSizeBytes) + (contentSizeBytes === 2 ? 256 : 0);
  return {
    size,
    window: isSingleSegment ? stated : windowSize(little(frame, windowAt, 1)),
    contentSize: contentSizeBytes === 0 ? undefined : stated,
    checksumBytes: (descriptor & 0x04) === 0 ? 0 : 4,
  };
}

/** Section 3.1.1.1.2: an exponent in the upper five bits, and eighths of that power in the lower three. */
const windowSize = (descriptor: number): number => (8 + (descriptor & 7)) * 2 ** (7 + (descriptor >> 3));

/** The blocks (section 3.1.1.2), after which nothing but the checksum follows. */
function readBlocks(frame: Uint8Array, { size: start, checksumBytes }: Header, blockMax: number): Block[] {
  const blocks: Block[] = [];
  let at = start;
  for (let isLast = false; !isLast;) {
    must(at + 3 <= frame.length, "The frame has no last block.");
    const header = little(frame, at, 3);
    const [type, size] = [(header >> 1) & 3, header >> 3];
    isLast = (header & 1) === 1;
    must(type < 3, "A block has the reserved type.");
    must(size <= blockMax, "A block is larger than a block may be.");
    const stored = frame.subarray(at + 3, at + 3 + (type === 1 ? 1 : size));
    at += 3 + (type === 1 ? 1 : size);
    must(at <= frame.length, "The frame ends within a block.");
    blocks.push({ type, size, stored });
  }
  must(at + checksumBytes === frame.length, "The bytes are not exactly one frame.");
  return blocks;
}
