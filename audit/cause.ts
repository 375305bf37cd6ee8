/**
 * What may have led to a place where no record can be read: the likeliest explanation that the bytes bear out.
 *
 * Promises: each explanation was tried on the bytes, and says what it rests on. Does not promise that it is the true one; an attacker
 * who knows the rules can leave any of them.
 * @module
 */
import { crc32 } from "../src/chain.ts";
import type { DiskFile } from "../src/index.ts";
import type { RecordFormat } from "../src/formats.ts";
import { isIntactAt } from "../src/record.ts";
import type { Gap } from "./first-reader.ts";

/** Larger regions are not searched for a flipped bit: every bit is tried. */
const SEARCHED_BYTES_MAX = 1 << 20;
const LOOKED_AT_BYTES = 1 << 16;
const CRC_BYTES = 4;

/** The bytes of a gap, and what is known around it. */
export interface GapFacts {
  readonly format: RecordFormat;
  readonly file: DiskFile;
  readonly gap: Gap;
  /** Whether the gap reaches to the end of the stream's last segment. */
  readonly isTail: boolean;
  /** Whether something says that what was there was whole once: then no crash has torn it. */
  readonly wasWhole: boolean;
}

/** The likeliest cause, as a sentence. */
export async function causeOf({ format, file, gap, isTail, wasWhole }: GapFacts): Promise<string> {
  const { position, end, flaw } = gap;
  if (flaw.unreadable === true) {
    return "It was written with a codec or by a version that this one does not know, or its payload was damaged before it was stored.";
  }
  if (flaw.misplaced === true) return misplacedCause(gap);
  if (gap.behind === gap.offset) return "Bytes that are no record were put in front of the one that is due.";
  const size = end - position;
  const bytes = Buffer.alloc(Math.min(size, SEARCHED_BYTES_MAX));
  const read = await file.read(bytes, position);
  const region = bytes.subarray(0, read);
  const isOneRecord = gap.behind === undefined || gap.behind === gap.offset + 1;
  if (isOneRecord && read === size) {
    const bit = flippedBit(format, region);
    if (bit !== undefined) {
      return `One bit flipped: bit ${bit % 8} of byte ${position + Math.floor(bit / 8)}; with it the other way round the record is intact.`;
    }
    if (isIntactAt(format, region, 0, size)) {
      return "Its length field is wrong; with the size that the bytes have the record is intact.";
    }
  }
  if (hasOwnChecksum(format, region)) {
    return "Its checksum is right, so nothing tore it: it was edited and its checksum mended, or written by a version that this one does not know.";
  }
  const zeros = zeroRun(region.subarray(0, LOOKED_AT_BYTES));
  if (zeros !== undefined) {
    return `Bytes ${position + zeros.start} to ${position + zeros.end} are zero: a sector was lost, or never reached the medium.`;
  }
  if (isTail && !wasWhole) {
    return flaw.code === "incomplete"
      ? "The last append was torn by a crash or is still under way, or the file was cut."
      : "The last append was torn by a crash, or its bytes were changed since.";
  }
  if (flaw.code === "incomplete") return "The file was cut, or a length field was changed.";
  return "Several bytes were changed: by the medium, or by somebody who did not mend the checksum.";
}

/** Of an intact record. */
function misplacedCause({ position, end, flaw, offset, behind }: Gap): string {
  if (end > position) {
    return "It was edited and its checksum mended: it says of itself what cannot be.";
  }
  if (flaw.code === "broken-chain") {
    return "The record before it was edited and its checksum mended, or one of them was replaced: the chain does not lead here.";
  }
  if (behind !== undefined && behind > offset) {
    return `${behind - offset} records before it were removed, or it was moved.`;
  }
  return "It was duplicated or moved, or an append was made twice.";
}

/**
 * The one bit, counted from the lowest of the first byte, that makes one whole record of the bytes when it is flipped.
 *
 * CRC is linear: a flip changes it by an amount that depends only on how far the bit is from the end. So one pass over the distances
 * finds the bits that the checksum allows, and few are tried. O(bytes)
 */
function flippedBit(format: RecordFormat, bytes: Buffer): number | undefined {
  const { overheadBytes, trailerBytes } = format;
  if (bytes.length < overheadBytes) return undefined;
  const crcAt = bytes.length - trailerBytes;
  const difference = (crc32(bytes.subarray(0, crcAt)) ^ bytes.readUInt32LE(crcAt)) >>> 0;
  const candidates: number[] = [];
  // The effect of one byte's bits on the CRC, from the last byte before the CRC to the first.
  const effects = Array.from({ length: 8 }, (_, bit) => effectOf(1 << bit));
  for (let at = crcAt - 1; at >= 0; at -= 1) {
    for (const [bit, effect] of effects.entries()) {
      if (effect === difference) candidates.push(at * 8 + bit);
      effects[bit] = (TABLE[effect & 0xff] ?? 0) ^ (effect >>> 8);
      effects[bit] = (effects[bit] ?? 0) >>> 0;
    }
  }
  for (let bit = crcAt * 8; bit < bytes.length * 8; bit += 1) candidates.push(bit);
  return candidates.find((bit) => {
    const copy = Buffer.from(bytes);
    const at = bit >>> 3;
    copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit & 7)), at);
    return isWhole(format, copy);
  });
}

/** Whether the bytes begin with something that has the checksum and marks of a record, whatever it says. */
function hasOwnChecksum(format: RecordFormat, bytes: Buffer): boolean {
  if (bytes.length < format.headerBytes || !format.beginsAt(bytes, 0)) return false;
  const crcAt = format.headerBytes + format.storedBytesAt(bytes, 0);
  if (crcAt + format.trailerBytes > bytes.length || !format.endsAt(bytes, crcAt + CRC_BYTES)) return false;
  return crc32(bytes.subarray(0, crcAt)) === bytes.readUInt32LE(crcAt);
}

function isWhole(format: RecordFormat, bytes: Buffer): boolean {
  const length = bytes.length - format.overheadBytes;
  return format.storedBytesAt(bytes, 0) === length && isIntactAt(format, bytes, 0, bytes.length);
}

const POLYNOMIAL = 0xedb88320;

/** The CRC register after eight steps from `value`: the table of the usual byte-wise algorithm. */
function effectOf(value: number): number {
  let register = value;
  for (let i = 0; i < 8; i += 1)
    register = (register & 1) === 1 ? (register >>> 1) ^ POLYNOMIAL : register >>> 1;
  return register >>> 0;
}

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, value) => effectOf(value));

const ZERO_RUN_BYTES_MIN = 64;

/** The first run of zero bytes that is longer than what stands in records by itself, such as the first one's `prev_hash`. */
function zeroRun(bytes: Buffer): { start: number; end: number } | undefined {
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] !== 0) continue;
    const start = at;
    while (at < bytes.length && bytes[at] === 0) at += 1;
    if (at - start >= ZERO_RUN_BYTES_MIN) return { start, end: at };
  }
  return undefined;
}
