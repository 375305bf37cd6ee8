/**
 * The layout of a record and the hash chain, as far as the floor needs them (docs/FORMAT.md, sections 1 to
 * 3): data records of the format `plain`, not compressed, in the first segment of one stream.
 * @module
 */
import { hash } from "node:crypto";

export const PREVIOUS_AT = 8;
export const LENGTH_AT = 40;
export const HEADER_BYTES = 44;
export const HASH_BYTES = 32;
export const CRC_BYTES = 4;

/** The segment, in a data directory. */
export const segmentIn = (directory: string): string => `${directory}/1/segment_000000.log`;

/** The hash chain of a stream. It makes no views and no buffers where payloads have the same size. */
export class Chain {
  /** The hash of the record before; after it there is room for the payload to be hashed. */
  bytes: Buffer = Buffer.alloc(HASH_BYTES);
  #hashed: Buffer = this.bytes;
  #isEmpty = true;

  /** Makes room for a payload. */
  reserve(payloadBytes: number): void {
    if (this.bytes.length < HASH_BYTES + payloadBytes)
      this.bytes = Buffer.concat([this.bytes], HASH_BYTES + payloadBytes);
  }

  /** Hashes the payload that was put after the hash, and puts the new hash in place of the former. */
  advance(payloadBytes: number): void {
    const end = HASH_BYTES + payloadBytes;
    // The first record has none before it.
    if (this.#isEmpty) this.#hashed = this.bytes.subarray(HASH_BYTES, end);
    else if (this.#hashed.length !== end || this.#hashed.buffer !== this.bytes.buffer)
      this.#hashed = this.bytes.subarray(0, end);
    // A string of one character for each byte takes less time than a buffer of its own.
    this.bytes.write(hash("sha256", this.#hashed, "binary"), 0, HASH_BYTES, "binary");
    this.#isEmpty = false;
  }
}
