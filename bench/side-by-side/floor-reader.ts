/**
 * The floor of reads: reads a segment in chunks and verifies of each record that it is whole, its checksum,
 * its place, its link to the record before, and the hash that the next one must carry.
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

const CHUNK_BYTES = 1 << 20;

/**
 * Reads a stream from its first record on.
 *
 * @param visit is told the size of each payload
 * @throws Error at the first record that is not as it was written
 */
export function readFloor(directory: string, visit: (payloadBytes: number) => void): void {
  const fd = fs.openSync(segmentIn(directory), "r");
  try {
    const chain = new Chain();
    const fileBytes = fs.fstatSync(fd).size;
    let bytes: Buffer = Buffer.alloc(CHUNK_BYTES);
    // What is in memory begins at `at`; the file goes on at `position`.
    let [position, at, end, offset] = [0, 0, 0, 0];
    for (;;) {
      const payloadBytes = at + HEADER_BYTES <= end ? bytes.readUInt32LE(at + LENGTH_AT) : 0;
      const size = HEADER_BYTES + payloadBytes + CRC_BYTES;
      if (at + size > end) {
        if (at === end && position === fileBytes) return;
        if (size > end - at + fileBytes - position) throw new Error(`Record ${offset} is incomplete.`);
        bytes.copyWithin(0, at, end);
        [at, end] = [0, end - at];
        if (size > bytes.length) bytes = Buffer.concat([bytes], size);
        const read = fs.readSync(fd, bytes, end, bytes.length - end, position);
        position += read;
        end += read;
        continue;
      }
      verifyRecord(bytes, at, payloadBytes, offset);
      verifyLink(bytes, at, offset, chain.bytes);
      chain.reserve(payloadBytes);
      bytes.copy(chain.bytes, HASH_BYTES, at + HEADER_BYTES, at + HEADER_BYTES + payloadBytes);
      chain.advance(payloadBytes);
      at += size;
      offset += 1;
      visit(payloadBytes);
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** @throws Error if checksum or offset are not as they were written */
function verifyRecord(bytes: Buffer, at: number, payloadBytes: number, offset: number): void {
  const crcAt = at + HEADER_BYTES + payloadBytes;
  if (crc32(bytes.subarray(at, crcAt)) !== bytes.readUInt32LE(crcAt))
    throw new Error(`Record ${offset} has another checksum.`);
  if (bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32 !== offset)
    throw new Error(`Record ${offset} says another offset.`);
}

/** @throws Error if a record does not carry the hash of the record before */
function verifyLink(bytes: Uint8Array, at: number, offset: number, previous: Uint8Array): void {
  for (let i = 0; i < HASH_BYTES; i += 1)
    if (bytes[at + PREVIOUS_AT + i] !== previous[i])
      throw new Error(`Record ${offset} carries another hash.`);
}

/**
 * One record of a stream whose records have all the same size, looked up where it must be: verifies its
 * checksum and offset.
 */
export class FloorLookup {
  readonly #fd: number;
  readonly #record: Buffer;
  /** How many records there are. */
  readonly count: number;

  /** Opens the stream, of which it reads the first header and the last record. */
  constructor(directory: string) {
    this.#fd = fs.openSync(segmentIn(directory), "r");
    const header = Buffer.alloc(HEADER_BYTES);
    fs.readSync(this.#fd, header, 0, HEADER_BYTES, 0);
    this.#record = Buffer.alloc(HEADER_BYTES + header.readUInt32LE(LENGTH_AT) + CRC_BYTES);
    this.count = fs.fstatSync(this.#fd).size / this.#record.length;
    this.record(this.count - 1);
  }

  /** @returns the payload, until the next call @throws Error if the record is not as it was written */
  record(offset: number): Uint8Array {
    const record = this.#record;
    fs.readSync(this.#fd, record, 0, record.length, offset * record.length);
    const payloadBytes = record.length - HEADER_BYTES - CRC_BYTES;
    verifyRecord(record, 0, payloadBytes, offset);
    return record.subarray(HEADER_BYTES, HEADER_BYTES + payloadBytes);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}
