/**
 * Decompression (`docs/FORMAT.md`, section 2) with nothing that the engine uses: LZ4 blocks as specified in
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md, Zstandard (RFC 8878) by the package `fzstd`.
 * Promises: no bytes make it throw; it allocates a copy of the input and the size declared, once that is at
 * most 2^28 - 1 and what so many bytes can expand to. Does not promise: lz4's end-of-block rules; in zstd, to
 * refuse all that is wrong (the chain hash does), matches over 2^25 bytes back, speed where it is made slow.
 * @module
 */
import { decompress } from "fzstd";
import type { CompressionKind } from "../src/types.ts";

const PAYLOAD_BYTES_MAX = 2 ** 28 - 1;
const ZSTD_BLOCK_BYTES_MAX = 128 * 1024; // RFC 8878, section 3.1.1.2.4: stored or expanded
const END_MARK = Buffer.from("end mark");

/** The payload that `stored` stands for, in memory of its own, or a sentence that says why there is none. */
export function expand(compression: CompressionKind, stored: Uint8Array): Uint8Array | string {
  if (compression === "none") return new Uint8Array(stored);
  return compression === "lz4" ? expandLz4(stored) : expandZstd(stored);
}

/** The unsigned little-endian integer in `width` bytes at `at`, exact below 2^53; missing bytes are 0. */
export function little(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value += (bytes[at + i] ?? 0) * 256 ** i;
  return value;
}

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
    const token = little(block, at++, 1);
    const literals = length(token >> 4);
    if (literals > block.length - at || literals > size - to) break;
    out.set(block.subarray(at, at + literals), to);
    [at, to] = [at + literals, to + literals];
    if (at === block.length && to === size) return out; // the last sequence is literals only
    const distance = little(block, at, 2);
    at += 2;
    const end = to + length(token & 15) + 4;
    if (distance === 0 || distance > to || end > size) break;
    for (; to < end; to++) out[to] = out[to - distance] ?? 0; // may overlap what it writes
  }
  return `The lz4 block does not expand to the ${size} bytes declared.`;
}

function expandZstd(frame: Uint8Array): Uint8Array | string {
  // Frame header, RFC 8878, section 3.1.1.1: magic number, flags, window unless single segment, content size.
  const flags = little(frame, 4, 1);
  const single = (flags >> 5) & 1;
  const width = [single, 2, 4, 8][flags >> 6] ?? 0;
  if (little(frame, 0, 4) !== 0xfd2fb528 || (flags & 8) !== 0) return "The payload is no Zstandard frame.";
  if (width === 0 || (flags & 3) !== 0) return "The frame declares no content size, or a dictionary.";
  const size = little(frame, 6 - single, width) + (width === 2 ? 256 : 0);
  // Blocks, section 3.1.1.2: where the last one starts, where it ends, and how much they can hold.
  const start = 6 - single + width;
  let [last, at, sizeMax] = [start, start, 0];
  for (let header = 0; (header & 1) === 0;) {
    [last, header] = [at, little(frame, at, 3)];
    const [type, bytes] = [(header >> 1) & 3, header >> 3]; // 0 raw, 1 one byte repeated, 2 compressed
    at += 3 + (type === 1 ? 1 : bytes);
    sizeMax += type === 2 ? ZSTD_BLOCK_BYTES_MAX : bytes;
    if (type === 3 || bytes > ZSTD_BLOCK_BYTES_MAX || at > frame.length) return "A block is damaged.";
  }
  if (at + (flags & 4) !== frame.length) return "The payload is not exactly one Zstandard frame.";
  if (size > PAYLOAD_BYTES_MAX || size > sizeMax) return `No ${size} bytes fit this Zstandard frame.`;
  // fzstd allocates what a header declares and does not say where the content ended. So it gets one of our
  // own (single segment, size in 4 bytes), the blocks, and a raw one that lands at `size` if they end there.
  const behind = 9 + at - start;
  const own = new Uint8Array(behind + 3 + END_MARK.length);
  own.set([0x28, 0xb5, 0x2f, 0xfd, 0xa0]);
  new DataView(own.buffer).setUint32(5, size + END_MARK.length, true);
  own.set(frame.subarray(start, at), 9);
  own[9 + last - start] = little(frame, last, 1) & 0xfe; // no longer the last block
  own.set([(END_MARK.length << 3) | 1, 0, 0, ...END_MARK], behind);
  try {
    const out = decompress(own);
    if (Buffer.compare(out.subarray(size), END_MARK) === 0) return out.subarray(0, size);
  } catch {
    // What fzstd throws says no more than this:
  }
  return `The Zstandard frame does not expand to the ${size} bytes declared.`;
}
