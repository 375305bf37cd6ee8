/**
 * Chain hash and CRC of `docs/FORMAT.md`, sections 2, 3 and 8.2, on libraries that the engine does not use:
 * https://github.com/paulmillr/noble-hashes and https://github.com/SheetJS/js-crc32.
 * Promises: pure functions that keep and change no argument. Does not promise: speed, or constant time.
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import CRC32 from "crc-32";
import type { Format } from "../src/types.ts";

export const KINDS = ["data", "checkpoint", "tombstone", "redacted"] as const; // each at its code
/** The kinds whose chain hash is computed; a redacted record says its own (section 4). */
export type Kind = Exclude<(typeof KINDS)[number], "redacted">;
/** 32 zero bytes: what stands for the hash of the record before where there is none. Not to be written to. */
export const NO_HASH: Uint8Array = new Uint8Array(32);
/** CRC-32 (IEEE 802.3) of `bytes` (section 2), an unsigned 32-bit integer. */
export const crc32 = (bytes: Uint8Array): number => CRC32.buf(bytes) >>> 0;

/** A record's chain hash; `before` is that of the record before: a stream's first has none. */
export function chainHash(format: Format, kind: Kind, payload: Uint8Array, before?: Uint8Array): Uint8Array {
  const kindByte = format === "sentinel" ? Buffer.of(KINDS.indexOf(kind)) : Buffer.of();
  const content = Buffer.concat([before ?? Buffer.of(), kindByte, payload]);
  if (format === "sentinel" || kind === "data") return sha256(content);
  return hmac(sha256, Buffer.from(`kimberlite/${kind}`), content);
}
