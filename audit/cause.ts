/**
 * What may have led to a place where no record can be read: the likeliest explanation that the bytes bear
 * out.
 *
 * Promises: each explanation was tried on the bytes, and says what it rests on. Does not promise that it is
 * the true one; an attacker who knows the rules can leave any of them.
 * @module
 */
import { crc32 } from "../src/format/chain.ts";
import type { DiskFile } from "../src/index.ts";
import type { RecordFormat } from "../src/format/formats.ts";
import { isIntactAt } from "../src/format/record.ts";
import type { Gap } from "./first-reader.ts";
import { readAt } from "./run.ts";
import { recordsInWords } from "./text.ts";

/** Larger regions are not searched for a flipped bit: every bit is tried. */
const SEARCHED_BYTES_MAX = 1 << 20;
const LOOKED_AT_BYTES = 1 << 16;
const CRC_BYTES = 4;

/** Larger than any record: no region beyond it is a record with a wrong length field. */
const RECORD_BYTES_MAX = 2 ** 28 + 64;
/** What reaches a medium as a whole, and how much of one that is zero is no chance. */
const SECTOR_BYTES = 512;
const ZERO_BYTES_MIN = 8;

/** The likeliest cause. */
export interface Cause {
  readonly sentence: string;
  /**
   * Whether it may be torn, and is what a crash leaves of an append that was under way: the file ends in it,
   * or a sector of it is zero.
   */
  readonly isTorn: boolean;
}

/** The bytes of a gap, and what is known around it. */
export interface GapFacts {
  readonly format: RecordFormat;
  readonly file: DiskFile;
  /** Its path, for errors. */
  readonly path: string;
  readonly gap: Gap;
  /** Whether the gap reaches to the end of the stream's last segment. */
  readonly isTail: boolean;
  /** Whether something says that what was there was whole once: then no crash has torn it. */
  readonly wasWhole: boolean;
  /** Whether it would be no loss if a crash had torn it. */
  readonly mayBeTorn: boolean;
}

/** The likeliest cause. @throws StorageError `io` */
export async function causeOf(facts: GapFacts): Promise<Cause> {
  const edit = await editOf(facts);
  if (edit !== undefined) return { sentence: edit, isTorn: false };
  const { gap, isTail, wasWhole, mayBeTorn } = facts;
  const isTorn = mayBeTorn && (gap.flaw.code === "incomplete" || (await hasLostSector(facts)));
  return { sentence: await tearOf(facts, isTail && !wasWhole), isTorn };
}

/** What cannot have come of a crash. */
async function editOf({ format, file, path, gap }: GapFacts): Promise<string | undefined> {
  const { position, end, flaw } = gap;
  if (flaw.unreadable === true) {
    return "It was written by a version, or compressed by a codec, that this version does not know, or its payload was damaged before it was stored.";
  }
  if (flaw.misplaced === true) return misplacedCause(gap);
  if (gap.behind === gap.offset) return "Bytes that are no record were inserted before the expected record.";
  const size = end - position;
  const region = await readAt(
    { file, path },
    position,
    Math.min(size, size > RECORD_BYTES_MAX ? SEARCHED_BYTES_MAX : size),
  );
  // What is too small for two records was one; if it was redacted, it stood for several.
  const isOneRecord =
    gap.behind === undefined || gap.behind === gap.offset + 1 || size < 2 * format.overheadBytes;
  if (isOneRecord && region.length === size) {
    const bit = size > SEARCHED_BYTES_MAX ? undefined : flippedBit(format, region);
    if (bit !== undefined) {
      return `One bit flipped: bit ${bit % 8} of byte ${position + Math.floor(bit / 8)}; with this bit inverted, the record is intact.`;
    }
    if (isIntactAt(format, region, 0, size)) {
      return "Its length field is wrong: with the length of the bytes that are there, the record is intact.";
    }
  }
  if (hasOwnChecksum(format, region)) {
    return "Its checksum is correct, so this is no accident: it was edited and its checksum corrected, or it was written by a version that this one does not know.";
  }
  return undefined;
}

async function tearOf({ file, path, gap }: GapFacts, isLast: boolean): Promise<string> {
  const { position, end, flaw } = gap;
  const zeros = zeroRun(await readAt({ file, path }, position, Math.min(end - position, LOOKED_AT_BYTES)));
  if (zeros !== undefined) {
    return `Bytes ${position + zeros.start} to ${position + zeros.end} are zero: a sector was lost, or never reached the medium.`;
  }
  if (isLast) {
    return flaw.code === "incomplete"
      ? "The last append was torn by a crash or is still in progress, or the file was truncated."
      : "The last append was torn by a crash, or its bytes were changed since.";
  }
  if (flaw.code === "incomplete") return "The file was truncated, or a length field was changed.";
  return "Several bytes were changed, by the medium or by somebody who did not correct the checksum.";
}

/** Whether all that the gap has of a sector is zero. */
async function hasLostSector({ file, path, gap: { position, end } }: GapFacts): Promise<boolean> {
  let isLost = false;
  for (let at = position; at < end && !isLost;) {
    // Ends at a sector's end, so that none is looked at in two pieces.
    const next = Math.min(end, at - (at % SECTOR_BYTES) + LOOKED_AT_BYTES);
    const bytes = await readAt({ file, path }, at, next - at);
    for (let from = at; from < next && !isLost;) {
      const to = Math.min(next, from - (from % SECTOR_BYTES) + SECTOR_BYTES);
      const part = bytes.subarray(from - at, to - at);
      isLost = part.length >= ZERO_BYTES_MIN && part.every((byte) => byte === 0);
      from = to;
    }
    at = next;
  }
  return isLost;
}

/** Of an intact record. */
function misplacedCause({ position, end, flaw, offset, behind }: Gap): string {
  if (end > position) {
    return "It was edited and its checksum corrected: its fields contradict each other.";
  }
  if (flaw.code === "broken-chain") {
    return "The record before it was edited and its checksum corrected, or one of the two was replaced: the hash chain does not connect them.";
  }
  if (behind !== undefined && behind > offset) {
    return `${recordsInWords(behind - offset)} before it ${behind - offset === 1 ? "was" : "were"} removed, or it was moved.`;
  }
  return "It was duplicated or moved, or an append was made twice.";
}

/**
 * The one bit, counted from the lowest of the first byte, that makes one whole record of the bytes when it is
 * flipped.
 *
 * CRC is linear: a flip changes it by an amount that depends only on how far the bit is from the end. So one
 * pass over the distances finds the bits that the checksum allows, and few are tried. O(bytes)
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

/**
 * The first run of zero bytes that is longer than what stands in records by itself, such as the first one's
 * `prev_hash`.
 */
function zeroRun(bytes: Buffer): { start: number; end: number } | undefined {
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] !== 0) continue;
    const start = at;
    while (at < bytes.length && bytes[at] === 0) at += 1;
    if (at - start >= ZERO_RUN_BYTES_MIN) return { start, end: at };
  }
  return undefined;
}
