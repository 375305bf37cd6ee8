/**
 * Chain hash and CRC of `docs/FORMAT.md`, sections 2 and 3, on libraries that the engine does not use:
 * https://github.com/paulmillr/noble-hashes and https://github.com/SheetJS/js-crc32.
 * Promises: pure functions that keep and change no argument. Does not promise: speed, or constant time.
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import CRC32 from "crc-32";
import type { RecordKind } from "../src/types.ts";

/** The kinds of record for which section 3 defines a chain hash. */
export type ChainedKind = Exclude<RecordKind, "redacted">;

/** 32 zero bytes: what stands for the hash of the record before where there is none. Not to be written to. */
export const NO_HASH: Uint8Array = new Uint8Array(32);

/** A record's chain hash (section 3); `before` is that of the record before: a stream's first has none. */
export function chainHash(kind: ChainedKind, payload: Uint8Array, before?: Uint8Array): Uint8Array {
  const hash = kind === "data" ? sha256.create() : hmac.create(sha256, Buffer.from(`kimberlite/${kind}`));
  if (before !== undefined) hash.update(before);
  return hash.update(payload).digest();
}

/** CRC-32 (IEEE 802.3) of `bytes` (section 2), an unsigned 32-bit integer. */
export const crc32 = (bytes: Uint8Array): number => CRC32.buf(bytes) >>> 0;
