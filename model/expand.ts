/**
 * Decompression (`docs/FORMAT.md`, sections 2 and 8.1) without what the engine uses: `lz4.ts` and `zstd/`.
 * Promises: no bytes make it throw; it allocates copies of the input and a small multiple of what comes of
 * it. Does not promise: speed.
 * @module
 */
import type { CompressionKind, Format } from "../src/types.ts";
import { little } from "./little.ts";
import { expandLz4Block } from "./lz4.ts";
import { expandFrame } from "./zstd/frame.ts";
import { Refusal } from "./zstd/refusal.ts";

export const PAYLOAD_BYTES_MAX: number = 2 ** 28 - 1; // section 2: stored or expanded

/** The payload that `stored` stands for, in memory of its own, or a sentence that says why there is none. */
export function expand(format: Format, codec: CompressionKind, stored: Uint8Array): Uint8Array | string {
  if (codec === "none") return new Uint8Array(stored);
  return codec === "lz4" ? expandLz4(stored) : expandZstd(format, stored);
}

function expandLz4(stored: Uint8Array): Uint8Array | string {
  const [size, block] = [little(stored, 0, 4), stored.subarray(4)];
  if (size > PAYLOAD_BYTES_MAX || size > 255 * block.length) return `No ${size} bytes fit this lz4 block.`;
  return expandLz4Block(block, size) ?? `The lz4 block does not expand to the ${size} bytes declared.`;
}

function expandZstd(format: Format, stored: Uint8Array): Uint8Array | string {
  try {
    return expandFrame(stored, { contentMax: PAYLOAD_BYTES_MAX, declaresSize: format === "plain" });
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}
