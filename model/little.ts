/**
 * Unsigned little-endian integers, as all formats here have them.
 * Promises: exact below 2^53; missing bytes are 0. Does not promise: to say that bytes were missing.
 * @module
 */

/** The integer in `width` bytes at `at`. */
export const little = (bytes: Uint8Array, at: number, width: number): number =>
  bytes.subarray(at, at + width).reduceRight((value, byte) => value * 256 + byte, 0);
