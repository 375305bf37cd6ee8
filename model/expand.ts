/**
 * Decompression (`docs/FORMAT.md`, sections 2 and 8.1) without what the engine uses: LZ4 blocks as specified in
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md, Zstandard (RFC 8878) by the package `fzstd`.
 * Promises: no bytes make it throw; it allocates copies of the input and of the size declared or, without one,
 * that of the blocks' limits, once that is at most 2^28 - 1. Does not promise: lz4's end-of-block rules; in zstd,
 * to refuse all that is wrong (the chain hash does), matches over 2^25 bytes back, speed where it is made slow.
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { decompress } from "fzstd";
import type { CompressionKind, Format } from "../src/types.ts";

export const PAYLOAD_BYTES_MAX: number = 2 ** 28 - 1; // section 2: stored or expanded
const ZSTD_BLOCK_BYTES_MAX = 128 * 1024; // RFC 8878, section 3.1.1.2.4: stored or expanded
const FZSTD_HEADER = Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0); // single segment, size in 4 bytes

/** The payload that `stored` stands for, in memory of its own, or a sentence that says why there is none. */
export function expand(format: Format, codec: CompressionKind, stored: Uint8Array): Uint8Array | string {
  if (codec === "none") return new Uint8Array(stored);
  return codec === "lz4" ? expandLz4(stored) : expandZstd(format, stored);
}

/** The unsigned little-endian integer in `width` bytes at `at`, exact below 2^53; missing bytes are 0. */
export const little = (bytes: Uint8Array, at: number, width: number): number =>
  bytes.subarray(at, at + width).reduceRight((value, byte) => value * 256 + byte, 0);

function expandLz4(stored: Uint8Array): Uint8Array | string {
  const [size, block] = [little(stored, 0, 4), stored.subarray(4)];
  if (size > PAYLOAD_BYTES_MAX || size > 255 * block.length) return `No ${size} bytes fit this lz4 block.`;
  const out = new Uint8Array(size);
  let [at, to] = [0, 0];
  const length = (nibble: number): number => {
    let sum = nibble; // 15 goes on in the bytes that follow, up to and with the first that is not 255
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; sum += byte) byte = block[at++] ?? 0;
    return sum;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = length(token >> 4);
    if (literals > size - to) break;
    for (let i = 0; i < literals; i++) out[to++] = block[at++] ?? 0;
    if (at === block.length && to === size) return out; // the last sequence is literals only
    const distance = (block[at++] ?? 0) + 256 * (block[at++] ?? 0);
    const end = to + length(token & 15) + 4;
    if (distance === 0 || distance > to || end > size) break; // past the block's end it is 0
    for (; to < end; to++) out[to] = out[to - distance] ?? 0; // may overlap what it writes
  }
  return `The lz4 block does not expand to the ${size} bytes declared.`;
}

function expandZstd(format: Format, frame: Uint8Array): Uint8Array | string {
  // Frame header, RFC 8878, section 3.1.1.1: magic number, flags, window unless single segment, content size.
  const [flags, descriptor] = [little(frame, 4, 1), little(frame, 5, 1)];
  const single = (flags >> 5) & 1;
  const width = [single, 2, 4, 8][flags >> 6] ?? 0;
  const window = single === 1 ? Infinity : (8 + (descriptor & 7)) * 2 ** (7 + (descriptor >> 3));
  if (little(frame, 0, 4) !== 0xfd2fb528 || (flags & 11) !== 0) return "No zstd frame, or with a dictionary.";
  if (width === 0 && format === "plain") return "The Zstandard frame declares no content size.";
  // Blocks, section 3.1.1.2: where the last one starts, where it ends, and how much they can hold.
  const start = 6 - single + width;
  let [last, at, sizeMax] = [start, start, 0];
  for (let header = 0; (header & 1) === 0;) {
    [last, header] = [at, little(frame, at, 3)];
    const [type, bytes] = [(header >> 1) & 3, header >> 3]; // 0 raw, 1 one byte repeated, 2 compressed
    at += 3 + (type === 1 ? 1 : bytes);
    sizeMax += type === 2 ? Math.min(window, ZSTD_BLOCK_BYTES_MAX) : bytes;
    if (type === 3 || bytes > ZSTD_BLOCK_BYTES_MAX || at > frame.length) return "A block is damaged.";
  }
  if (at + (flags & 4) !== frame.length) return "The payload is not exactly one Zstandard frame.";
  const size = width === 0 ? sizeMax : little(frame, 6 - single, width) + (width === 2 ? 256 : 0);
  if (size > PAYLOAD_BYTES_MAX || size > sizeMax) return `No ${size} bytes fit this Zstandard frame.`;
  // fzstd allocates what a header declares and does not say where the content ended. So it gets a header of
  // ours, the blocks, and a raw one behind them of what no content can have in it: the frame's own hash.
  const mark = sha256(frame);
  const own = Buffer.concat([FZSTD_HEADER, frame.subarray(start, at), Buffer.of(1, 1, 0), mark]);
  own.writeUInt32LE(size + mark.length, 5);
  own.writeUInt8(little(frame, last, 1) & 0xfe, 9 + last - start); // no longer the last block
  try {
    const out = decompress(own);
    const end = Buffer.from(out.buffer, out.byteOffset, out.length).indexOf(mark);
    return (width === 0 ? end >= 0 : end === size) ? out.slice(0, end) : "It does not expand to its size.";
  } catch {
    return "The frame does not expand.";
  }
}
