/**
 * The outline of one Zstandard frame: what it says and what it can at most yield, read from its headers
 * alone.
 *
 * ```
 * [magic:4][descriptor:1][window:0-1][dictionary id:0-4][content size:0-8]  [block ...]  [checksum:0-4]
 * block: [last:1 bit, type:2 bits, size:21 bits][size bytes, or 1 byte if the type is RLE]      little-endian
 * ```
 * Promises: a frame that passes `checkedFrame` expands to at most `MAX_PAYLOAD_BYTES` and to no more than its
 * own blocks can hold, and nothing but that one frame is there. It allocates nothing that grows with the
 * input.
 *
 * Does not promise that the frame expands: what is inside a compressed block, and the checksum, are the
 * decoder's business.
 *
 * Specification: RFC 8878, section 3.1.1 (https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1);
 * docs/FORMAT.md, section 2.
 * @module
 */
import { StorageError } from "../error.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { ZstdContent } from "./zstd-content.ts";
import { undecodable } from "./zstd-refusal.ts";

const MAGIC = 0xfd2fb528;
/** Skippable frames have the magic numbers 0x184D2A50 to 0x184D2A5F (RFC 8878, section 3.1.2). */
const SKIPPABLE_MAGIC = 0x184d2a50;

const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;

/** No block holds more, before or after it is expanded (RFC 8878, section 3.1.1.2.4). */
const BLOCK_BYTES_MAX = 128 * 1024;

/**
 * The largest window libzstd decodes unasked (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`); RFC 8878 leaves the limit
 * open.
 */
const WINDOW_BYTES_MAX = 2 ** 27;

const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const CHECKSUM = 0x04;

/** A 2-byte content size counts from here, for smaller ones fit into one byte. */
const TWO_BYTE_SIZE_BASE = 256;

/** What the headers of a frame say. All sizes in bytes. */
export interface ZstdOutline {
  /** Where the first block begins: the size of magic number and frame header. */
  readonly headerBytes: number;
  /** How far back a match may reach; the declared content size if the frame is a single segment. */
  readonly windowBytes: number;
  /** The size that the frame declares for its content, `undefined` if it declares none. */
  readonly contentBytes: number | undefined;
  /** Whether an XXH64 checksum of the content follows the last block. */
  readonly hasChecksum: boolean;
  /** What its raw and RLE blocks yield for certain. */
  readonly leastBytes: number;
  /** `leastBytes`, and for each compressed block the most that one can hold. */
  readonly mostBytes: number;
}

/** @internal The error for a frame that would expand too far. */
function beyond(what: string): StorageError {
  return new StorageError(
    "payload-limit",
    `The zstd payload was not expanded: ${what}. It was not written by this package; restore the record from a copy.`,
  );
}

/** A block as it is stored. */
interface ZstdBlock {
  readonly isCompressed: boolean;
  /** Block_Size: of a compressed block what is stored, of another one what it expands to. */
  readonly bytes: number;
  readonly stored: Uint8Array;
}

/**
 * Walks the headers of `bytes`, which must be exactly one frame, without expanding anything; `visit` sees
 * every block.
 *
 * Time is linear in the number of blocks (at most a third of the bytes), memory constant.
 *
 * @throws StorageError `undecodable-payload` where RFC 8878 is not kept: another magic number, the reserved
 * bit, a reserved or an oversized block, an end too early, anything after the end; and for a frame that
 * needs a dictionary.
 *
 * @example
 * ```ts
 * const empty = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00);
 * walkFrame(empty).contentBytes; // 0
 * ```
 */
export function walkFrame(
  bytes: Uint8Array,
  visit: (block: ZstdBlock) => void = () => undefined,
): ZstdOutline {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = frameHeader(view);
  const blockBytesMax = Math.min(header.windowBytes, BLOCK_BYTES_MAX);

  let at = header.headerBytes;
  let leastBytes = 0;
  let mostBytes = 0;
  for (let last = false; !last;) {
    need(view, at, BLOCK_HEADER_BYTES, "a block's header");
    const block = view.getUint16(at, true) + view.getUint8(at + 2) * 2 ** 16;
    last = (block & 1) === 1;
    const type = (block >>> 1) & 3;
    const size = block >>> 3;
    if (type === 3) throw undecodable(`the block at byte ${at} has the reserved type`);
    if (size > blockBytesMax) {
      throw undecodable(
        `the block at byte ${at} has ${size} bytes, more than the ${blockBytesMax} of any block here`,
      );
    }
    const isCompressed = type === 2;
    const isRunLength = type === 1;
    at += BLOCK_HEADER_BYTES;
    const storedBytes = isRunLength ? 1 : size;
    need(view, at, storedBytes, "a block");
    visit({ isCompressed, bytes: size, stored: bytes.subarray(at, at + storedBytes) });
    at += storedBytes;
    if (!isCompressed) leastBytes += size;
    mostBytes += isCompressed ? blockBytesMax : size;
  }
  if (header.hasChecksum) {
    need(view, at, CHECKSUM_BYTES, "its checksum");
    at += CHECKSUM_BYTES;
  }
  if (at !== view.byteLength) throw undecodable(`the frame ends at byte ${at} of ${view.byteLength}`);
  return { ...header, leastBytes, mostBytes };
}

/**
 * Walks `bytes` and refuses what expands, or claims to expand, beyond the limit.
 *
 * `acceptsUndeclaredSize`: whether a frame may leave its content size out. One that does is held to what its
 * blocks can at most yield, which for a compressed block is 128 KiB whatever is in it; so the bound is up to
 * one block above the true size for frames as `zstd` writes them at ordinary levels, and further above where
 * an encoder splits blocks. A payload within that of the limit is refused: it cannot be told from one
 * beyond without expanding it.
 *
 * @throws StorageError `payload-limit` if it declares more than `MAX_PAYLOAD_BYTES`, or more than its blocks
 * can yield, or if they yield more than the limit.
 * @throws StorageError `undecodable-payload` as `walkFrame` does, if the blocks for certain yield more than
 * declared, if the content size is missing and must not be, and if the frame needs a window of more than 2^27
 * bytes.
 *
 * @example
 * ```ts
 * const { contentBytes } = checkedFrame(stored, false); // a size that is safe to expand
 * ```
 */
export function checkedFrame(bytes: Uint8Array, acceptsUndeclaredSize: boolean): ZstdOutline {
  const outline = walkFrame(bytes);
  const { contentBytes, leastBytes, mostBytes, windowBytes } = outline;
  if (contentBytes === undefined) {
    if (!acceptsUndeclaredSize) throw undecodable("the frame does not declare its content size");
    if (mostBytes > MAX_PAYLOAD_BYTES) {
      throw beyond(`its blocks can yield ${mostBytes} bytes, and the limit is ${MAX_PAYLOAD_BYTES}`);
    }
  } else {
    if (contentBytes > MAX_PAYLOAD_BYTES) {
      throw beyond(`it declares ${contentBytes} bytes, and the limit is ${MAX_PAYLOAD_BYTES}`);
    }
    if (leastBytes > MAX_PAYLOAD_BYTES) {
      throw beyond(`its blocks yield ${leastBytes} bytes, and the limit is ${MAX_PAYLOAD_BYTES}`);
    }
    if (contentBytes > mostBytes) {
      throw beyond(`it declares ${contentBytes} bytes, and its blocks can yield ${mostBytes}`);
    }
    if (leastBytes > contentBytes) {
      throw undecodable(`the frame declares ${contentBytes} bytes, and its blocks yield ${leastBytes}`);
    }
  }
  if (windowBytes > WINDOW_BYTES_MAX) {
    throw undecodable(
      `the frame needs a window of ${windowBytes} bytes, and the limit is ${WINDOW_BYTES_MAX}`,
    );
  }
  return outline;
}

/**
 * Goes through what is inside the blocks of a frame that `checkedFrame` has let pass, without expanding it:
 * whether it expands, and to what it declares. What then can still be wrong is its checksum.
 *
 * Time is linear in the content, in this thread; memory is that of a block.
 *
 * @throws StorageError `undecodable-payload` where RFC 8878 is not kept.
 *
 * @example
 * ```ts
 * const outline = checkedFrame(stored, false);
 * checkContent(stored, outline); // now any decoder comes to the same bytes, or finds the checksum wrong
 * ```
 */
export function checkContent(bytes: Uint8Array, { windowBytes, contentBytes, mostBytes }: ZstdOutline): void {
  const blockBytesMax = Math.min(windowBytes, BLOCK_BYTES_MAX);
  const content = new ZstdContent(windowBytes, blockBytesMax, contentBytes ?? mostBytes);
  walkFrame(bytes, (block) => {
    if (block.isCompressed) content.addCompressed(block.stored);
    else content.skip(block.bytes);
  });
  if (contentBytes !== undefined && content.bytes !== contentBytes) {
    throw undecodable(`it claims ${contentBytes} bytes and expands to ${content.bytes}`);
  }
}

/**
 * The same frame with its content size declared; `frame` itself if it declares one.
 *
 * A streaming encoder does not know the size when it writes the header and leaves it out. The blocks do not
 * depend on the header, and the checksum covers only the content, so a new header in front of the old blocks
 * is the frame that the encoder would have written. As libzstd does, it makes the frame a single segment if
 * the window holds all of the content: then a decoder allocates what the content needs, not the window.
 *
 * `contentBytes` is the true size of the content, at most 2^32 - 1. One copy of the frame, at most 4 bytes
 * longer.
 *
 * @throws StorageError as `walkFrame` does.
 *
 * @example
 * ```ts
 * const frame = declareContentSize(await zstd.compress(payload), payload.length);
 * ```
 */
export function declareContentSize(frame: Uint8Array, contentBytes: number): Uint8Array {
  const outline = walkFrame(frame);
  if (outline.contentBytes !== undefined) return frame;

  const isSingleSegment = contentBytes <= outline.windowBytes;
  // 1 byte only in a single segment; a frame with a window declares more than that window, which is at least
  // 1 KiB.
  const sizeFlag =
    contentBytes < TWO_BYTE_SIZE_BASE ? 0 : contentBytes < TWO_BYTE_SIZE_BASE + 2 ** 16 ? 1 : 2;
  const sizeBytes = sizeFlag === 0 ? 1 : sizeFlag * 2;
  const sizeAt = MAGIC_BYTES + (isSingleSegment ? 1 : 2);
  const blocks = frame.subarray(outline.headerBytes);

  const declared = new Uint8Array(sizeAt + sizeBytes + blocks.length);
  const view = new DataView(declared.buffer);
  view.setUint32(0, MAGIC, true);
  const checksum = outline.hasChecksum ? CHECKSUM : 0;
  view.setUint8(MAGIC_BYTES, (sizeFlag << 6) | (isSingleSegment ? SINGLE_SEGMENT : 0) | checksum);
  // The window's own byte follows the descriptor in every frame that declares no size.
  if (!isSingleSegment) declared.set(frame.subarray(MAGIC_BYTES + 1, MAGIC_BYTES + 2), MAGIC_BYTES + 1);
  if (sizeFlag === 0) view.setUint8(sizeAt, contentBytes);
  else if (sizeFlag === 1) view.setUint16(sizeAt, contentBytes - TWO_BYTE_SIZE_BASE, true);
  else view.setUint32(sizeAt, contentBytes, true);
  declared.set(blocks, sizeAt + sizeBytes);
  return declared;
}

type FrameHeader = Omit<ZstdOutline, "leastBytes" | "mostBytes">;

function frameHeader(view: DataView): FrameHeader {
  need(view, 0, MAGIC_BYTES + 1, "its header");
  const magic = view.getUint32(0, true);
  if (magic !== MAGIC) {
    const isSkippable = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
    throw undecodable(
      isSkippable ? "it begins with a skippable frame" : "it does not begin with zstd's magic number",
    );
  }
  const descriptor = view.getUint8(MAGIC_BYTES);
  if ((descriptor & RESERVED) !== 0) throw undecodable("the frame header's reserved bit is set");
  const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
  const sizeFlag = descriptor >>> 6;
  const dictionaryBytes = (1 << (descriptor & 3)) >>> 1; // 0, 1, 2, 4
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 1 << sizeFlag; // 0 or 1, 2, 4, 8

  const windowAt = MAGIC_BYTES + 1;
  const dictionaryAt = windowAt + (isSingleSegment ? 0 : 1);
  const sizeAt = dictionaryAt + dictionaryBytes;
  const headerBytes = sizeAt + sizeBytes;
  need(view, windowAt, headerBytes - windowAt, "its header");

  // An identifier of 0 is the same as none.
  const dictionary = littleEndian(view, dictionaryAt, dictionaryBytes);
  if (dictionary !== 0) throw undecodable(`the frame needs dictionary ${dictionary}`);
  const size = littleEndian(view, sizeAt, sizeBytes) + (sizeBytes === 2 ? TWO_BYTE_SIZE_BASE : 0);
  return {
    headerBytes,
    windowBytes: isSingleSegment ? size : windowSize(view.getUint8(windowAt)),
    contentBytes: sizeBytes === 0 ? undefined : size,
    hasChecksum: (descriptor & CHECKSUM) !== 0,
  };
}

/** RFC 8878, section 3.1.1.1.2: a power of two from 1 KiB up, and as many eighths of it more. */
function windowSize(code: number): number {
  const base = 2 ** (10 + (code >>> 3));
  return base + (base / 8) * (code & 7);
}

/** Up to 8 bytes; beyond 2^53 the result is rounded, which is as far beyond every limit here as it was. */
function littleEndian(view: DataView, at: number, bytes: number): number {
  let value = 0;
  for (let index = bytes - 1; index >= 0; index--) value = value * 2 ** 8 + view.getUint8(at + index);
  return value;
}

function need(view: DataView, at: number, bytes: number, what: string): void {
  if (at + bytes > view.byteLength) throw undecodable(`it ends at byte ${view.byteLength}, inside ${what}`);
}
