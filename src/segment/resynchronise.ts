/**
 * Finding records again after a damaged place.
 * @module
 */
import type { DiskFile } from "../disk/disk.ts";
import { io } from "../disk/files.ts";
import type { CodecRegistry } from "../format/codec.ts";
import type { RecordFormat } from "../format/formats.ts";
import { OffsetIndex } from "../format/offset-index.ts";
import { claimedSize, frameAt, offsetAt } from "../format/record.ts";
import { isZeros } from "../format/zeros.ts";
import { extendIndex, type ScanEnd } from "./index-builder.ts";
import { RecordScanner } from "./scan.ts";

/** An intact record found by looking at every byte position. */
export interface Found {
  readonly position: number;
  readonly offset: number;
  /** Byte position where the records that continue it end. */
  readonly end: number;
}

/** What a search for intact records came to. */
export interface Search {
  readonly found: Found | undefined;
  /**
   * Whether it was given up: the bytes look like records in so many ways that trying them all would take too
   * long.
   */
  readonly givenUp: boolean;
}

/** How many times over the bytes of a region may be looked at in search of records. */
const LOOKS_MAX = 64;

/**
 * Searches from byte `start` on, after the unreadable record at `offset`, for the place where records can be
 * read again: for an intact record whose offset is later than `offset`, but not later than the bytes between
 * leave room for, or than the segment is known to have: what is unreadable may have been a redacted record,
 * which stands for many.
 *
 * A payload may hold what looks like records, by chance or by intent. So each candidate is
 * followed as far as records continue its chain, and the first that leads to the region's end is taken, else
 * the one that leads farthest: out of a payload no chain leads into the record that really follows. Not
 * promised: to tell a forgery inside the last record from the record after it.
 *
 * O(bytes) time, or a fixed multiple where the bytes were made to look like records; memory of a run's index
 * and one record.
 *
 * @param knownEnd one more than the offset of the segment's last record, if that is known
 */
export async function findIntact(
  { format, file, path, end, codecs, chunkBytes }: Region,
  start: number,
  offset: number,
  knownEnd = 0,
): Promise<Search> {
  const { headerBytes, overheadBytes } = format;
  const step = Math.max(chunkBytes, headerBytes);
  const endMax = format.kinds.includes("redacted") ? knownEnd : 0;
  const followed = new Set<number>();
  let room = LOOKS_MAX * (end - start);
  let found: Found | undefined;
  for (let base = start; end - base >= overheadBytes; base += step) {
    const window = await readRange(file, path, base, Math.min(base + step + headerBytes, end));
    // No record of a later offset begins with zeros, in either format.
    if (isZeros(window)) continue;
    for (let at = 0; at < step && window.length - at >= headerBytes; at += 1) {
      const position = base + at;
      if (!format.beginsAt(window, at)) continue;
      const claimed = Number(offsetAt(format, window, at));
      const hasRoom = claimed - offset <= (position + 1 - start) / overheadBytes || claimed < endMax;
      if (claimed <= offset || !hasRoom) continue;
      const size = claimedSize(format, window, at);
      if (position + size > end || followed.has(position)) continue;
      room -= size;
      if (room < 0) return { found, givenUp: true };
      let record = window.subarray(at, at + size);
      if (record.length < size) {
        record = await readRange(file, path, position, position + size);
      }
      if (!frameAt(format, record, 0, record.length).ok) continue;
      const run = new OffsetIndex();
      run.pushLost(0, position);
      const scanner = new RecordScanner(format, file, path, position, end, chunkBytes);
      await extendIndex(run, scanner, claimed, undefined, codecs);
      for (let i = 0; i < run.count; i += 1) followed.add(run.position(i));
      room -= run.end - position;
      if (run.end <= (found?.end ?? 0)) continue;
      found = { position, offset: claimed, end: run.end };
      if (run.end === end) return { found, givenUp: false };
    }
  }
  return { found, givenUp: false };
}

/** Part of a segment file: from wherever to byte `end`. */
export interface Region {
  readonly format: RecordFormat;
  readonly file: DiskFile;
  readonly path: string;
  readonly end: number;
  readonly codecs: CodecRegistry;
  readonly chunkBytes: number;
}

/**
 * The index of a segment from its first byte on, with gaps where records cannot be read, and the first flaw
 * met.
 *
 * @param offset what the first record must say
 * @param head chain hash of the record before it; `undefined` if that is not known
 * @param knownEnd as in `findIntact`
 */
export async function indexAround(
  region: Region,
  offset: number,
  head: Uint8Array | undefined,
  knownEnd: number,
): Promise<ScanEnd & { readonly index: OffsetIndex; readonly position: number }> {
  const { format, file, path, chunkBytes, codecs } = region;
  const index = new OffsetIndex();
  const scanner = new RecordScanner(format, file, path, 0, region.end, chunkBytes);
  let end = await extendIndex(index, scanner, offset, head, codecs);
  const { flaw } = end;
  const position = index.end;
  while (end.flaw !== undefined) {
    const { found } = await findIntact(region, index.end + 1, end.nextOffset, knownEnd);
    if (found === undefined) break;
    index.pushLost(found.offset - end.nextOffset, found.position);
    scanner.skipTo(found.position);
    end = await extendIndex(index, scanner, found.offset, undefined, codecs);
  }
  return { index, nextOffset: end.nextOffset, head: end.head, flaw, position };
}

async function readRange(file: DiskFile, path: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  const read = await io("reading a segment", { file: path, position: start }, () => file.read(bytes, start));
  return bytes.subarray(0, read);
}
