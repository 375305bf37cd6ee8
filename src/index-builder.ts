/**
 * Building an offset index from the records themselves, and finding the way again behind a damaged place.
 * @module
 */
import { chainHash } from "./chain.ts";
import type { CodecRegistry } from "./codec.ts";
import type { DiskFile } from "./disk.ts";
import { io } from "./files.ts";
import type { OffsetIndex } from "./offset-index.ts";
import {
  claimedSize,
  type Flaw,
  frameAt,
  HEADER_BYTES,
  offsetAt,
  OVERHEAD_BYTES,
  prevHashAt,
} from "./record.ts";
import { expandedPayload, expansionFlaw, misfit, type RecordScanner } from "./scan.ts";

/** Where a scan came to: the next offset, the chain hash before it (if known), and what stopped it. */
export interface ScanEnd {
  readonly nextOffset: number;
  readonly head: Uint8Array | undefined;
  readonly flaw: Flaw | undefined;
}

/**
 * Adds the records from where `scanner` stands to `index`, as long as each is intact and continues the chain.
 * O(bytes scanned) time, memory of the index plus one chunk.
 *
 * @param offset what the next record must say
 * @param head chain hash of the record before it; `undefined` if that is not known
 */
export async function extendIndex(
  index: OffsetIndex,
  scanner: RecordScanner,
  offset: number,
  head: Uint8Array | undefined,
  codecs: CodecRegistry,
): Promise<ScanEnd> {
  let nextOffset = offset;
  let previous = head;
  while (!scanner.done) {
    const found = scanner.next();
    if (found === undefined) {
      await scanner.fill();
      continue;
    }
    const { bytes, at } = scanner;
    const flaw = found.ok ? misfit(bytes, at, found, nextOffset, previous) : found;
    if (flaw !== undefined || !found.ok) return { nextOffset, head: previous, flaw };
    try {
      const expanded = expandedPayload(bytes, at, found, codecs);
      const payload = expanded instanceof Uint8Array ? expanded : await expanded;
      previous = chainHash(nextOffset === 0 ? undefined : prevHashAt(bytes, at), found.kind, payload);
    } catch (error) {
      return { nextOffset, head: previous, flaw: expansionFlaw(error) };
    }
    index.push(found.kind, scanner.position + found.size, previous);
    nextOffset += 1;
    scanner.accept(found);
  }
  return { nextOffset, head: previous, flaw: undefined };
}

/** An intact record found by looking at every byte position. */
export interface Found {
  readonly position: number;
  readonly offset: number;
}

/**
 * The first intact record behind byte `start` that could continue the stream: its offset is at least `offset` and not
 * larger than the bytes between leave room for. What looks like one by chance passes with probability 2^-32 times the
 * number of positions whose first eight bytes are such an offset.
 *
 * O(bytes) time unless the bytes were made to look like record headers everywhere; one record's memory.
 */
export async function findIntact(
  file: DiskFile,
  path: string,
  start: number,
  end: number,
  offset: number,
  chunkBytes: number,
): Promise<Found | undefined> {
  const step = Math.max(chunkBytes, HEADER_BYTES);
  for (let base = start; end - base >= OVERHEAD_BYTES; base += step) {
    const window = await readRange(file, path, base, Math.min(base + step + HEADER_BYTES, end));
    for (let at = 0; at < step && window.length - at >= HEADER_BYTES; at += 1) {
      const position = base + at;
      const claimed = Number(offsetAt(window, at));
      if (claimed < offset || claimed - offset > (position - start) / OVERHEAD_BYTES + 1) continue;
      const size = claimedSize(window, at);
      if (position + size > end) continue;
      const held = at + size <= window.length ? window.subarray(at, at + size) : undefined;
      const record = held ?? (await readRange(file, path, position, position + size));
      if (frameAt(record, 0, record.length).ok) return { position, offset: claimed };
    }
  }
  return undefined;
}

async function readRange(file: DiskFile, path: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  const read = await io("reading a segment", { file: path, position: start }, () => file.read(bytes, start));
  return bytes.subarray(0, read);
}
