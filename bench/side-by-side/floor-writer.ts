/**
 * The floor of appends: hashes, checksums, frames and writes records of the format `plain`, and nothing else.
 * What it writes is a stream that the engine reads.
 *
 * It lacks everything that makes a log of this: index, manifest, lock, recovery, limits, checks of arguments.
 * @module
 */
import fs from "node:fs";
import { crc32 } from "node:zlib";
import {
  Chain,
  CRC_BYTES,
  HASH_BYTES,
  HEADER_BYTES,
  LENGTH_AT,
  PREVIOUS_AT,
  segmentIn,
} from "./floor-layout.ts";

export class FloorWriter {
  readonly #fd: number;
  readonly #chain = new Chain();
  #position = 0;
  #offset = 0;
  /** The records of a batch. */
  #batch: Buffer = Buffer.alloc(0);

  /** Begins a stream in a data directory. */
  constructor(directory: string) {
    fs.mkdirSync(`${directory}/1`, { recursive: true });
    this.#fd = fs.openSync(segmentIn(directory), "wx");
  }

  /** Appends a batch, in one write. */
  append(payloads: readonly Uint8Array[]): void {
    let size = 0;
    for (const payload of payloads) size += HEADER_BYTES + payload.length + CRC_BYTES;
    if (this.#batch.length < size) this.#batch = Buffer.alloc(size);
    let at = 0;
    for (const payload of payloads) at = this.#frame(payload, at);
    for (let written = 0; written < size;)
      written += fs.writeSync(this.#fd, this.#batch, written, size - written, this.#position + written);
    this.#position += size;
  }

  /** Makes what was appended durable. */
  sync(): void {
    fs.fdatasyncSync(this.#fd);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  /** Frames a record. @returns where it ends in the batch */
  #frame(payload: Uint8Array, at: number): number {
    const [batch, chain] = [this.#batch, this.#chain];
    const crcAt = at + HEADER_BYTES + payload.length;
    batch.writeUInt32LE(this.#offset >>> 0, at);
    batch.writeUInt32LE(Math.floor(this.#offset / 2 ** 32), at + 4);
    // A call for so few bytes takes longer than a loop.
    for (let i = 0; i < HASH_BYTES; i += 1) batch[at + PREVIOUS_AT + i] = chain.bytes[i] ?? 0;
    batch.writeUInt32LE(payload.length, at + LENGTH_AT);
    batch.set(payload, at + HEADER_BYTES);
    batch.writeUInt32LE(crc32(batch.subarray(at, crcAt)), crcAt);
    chain.reserve(payload.length);
    chain.bytes.set(payload, HASH_BYTES);
    chain.advance(payload.length);
    this.#offset += 1;
    return crcAt + CRC_BYTES;
  }
}
