/**
 * Compression: what compressed payloads may do.
 * @module
 */
import { hexText } from "../records.ts";
import type { CompressionKind } from "../../src/types.ts";
import { type Invariant, invariant } from "./invariant.ts";

/** What is stored of a payload, in bytes. */
interface StoredSize {
  readonly payload: Uint8Array;
  /** What the codec makes of it, whether that is stored or not. */
  readonly compressedBytes: number;
  readonly storedBytes: number;
  readonly storedAs: CompressionKind;
}

/** A payload, and what it is expanded to from what was stored. */
interface StoredContent {
  readonly payload: Uint8Array;
  readonly compression: CompressionKind;
  readonly bytes: Uint8Array;
  readonly expanded: Uint8Array | string;
}

export const Z1: Invariant<"Z1", { size: StoredSize; content: StoredContent }> = invariant("Z1", {
  sentence:
    "A compressed payload expands to what it was, and what is stored is never larger than the payload.",
  why: "A codec is somebody else's code between a log and its content.",
  checkedBy:
    "Each codec with payloads of every small size, of border sizes and drawn ones; the model expands what the engine stored.",
  checks: {
    size: {
      of: "Each codec with payloads of every small size, of border sizes and drawn ones: how much is stored.",
      parts: ["format"],
      holds: ({ payload, compressedBytes, storedBytes, storedAs }) =>
        storedBytes <= payload.length && (storedAs === "none" || compressedBytes < payload.length),
      expected: ({ payload }) => `at most ${payload.length} bytes stored`,
      seen: ({ payload, storedBytes, storedAs }) => `${storedBytes} in ${storedAs} for ${hexText(payload)}`,
    },
    content: {
      of: "The same payloads, expanded by the engine and by the model.",
      parts: ["format"],
      holds: ({ payload, expanded }) =>
        typeof expanded !== "string" && Buffer.compare(expanded, payload) === 0,
      expected: ({ payload }) => hexText(payload),
      seen: ({ expanded, compression, bytes }) =>
        `${typeof expanded === "string" ? expanded : hexText(expanded)} from the ${compression} payload ${hexText(bytes)}`,
    },
  },
});

/** How a codec answers a stored payload: with so many bytes, or the code of a refusal. */
interface ClaimAnswered {
  readonly codec: CompressionKind;
  readonly stored: Uint8Array;
  readonly wanted: number | string;
  readonly answer: number | string;
}

export const Z2: Invariant<"Z2", { answer: ClaimAnswered }> = invariant("Z2", {
  sentence:
    "A stored payload that claims more than the limit, or expands to more, is refused before it is expanded.",
  why: "Kimberlite allocates 4 GiB for five bytes of lz4, and expands a zstd bomb without limit.",
  checkedBy:
    "lz4 size prefixes and zstd frames that declare and hold more, less and as much, each with the refusal that follows from how it was made.",
  checks: {
    answer: {
      of: "lz4 size prefixes and zstd frames that declare and hold more, less and as much: each gets the refusal that follows from how it was made.",
      parts: ["format"],
      holds: ({ wanted, answer }) => answer === wanted,
      expected: ({ wanted, codec, stored }) => `${wanted} for the ${codec} payload ${hexText(stored)}`,
      seen: ({ answer }) => String(answer),
    },
  },
});
