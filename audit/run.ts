/**
 * Reading one run of a segment: records back to back, each continuing the chain of the one before.
 *
 * Promises: a record is handed on only once its checksum, its place, its link to the one before and its
 * payload are right. Memory: one chunk, or the largest record. Does not promise: that the first record
 * continues anything.
 * @module
 */
import type { CompressionKind, DiskFile, RecordKind } from "../src/index.ts";
import { io } from "../src/disk/files.ts";
import type { Region } from "../src/segment/resynchronise.ts";
import { chainHashAt, type Flaw, offsetAt, prevHashAt } from "../src/format/record.ts";
import { expandedPayload, expansionFlaw } from "../src/format/expand.ts";
import { misfit, placesOf } from "../src/format/misfit.ts";
import { RecordScanner } from "../src/segment/scan.ts";

/** Records back to back, each continuing the chain of the one before. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly nextOffset: number;
  /** How many there are; a redacted one is one. */
  readonly records: number;
  /** `prev_hash` of its first record, and chain hash of its last. */
  readonly prevHash: Buffer;
  readonly head: Buffer;
}

/**
 * A record that was verified, and where it is. Payload and `prevHash` are views of memory that is used again.
 */
export interface VerifiedRecord {
  readonly kind: RecordKind;
  readonly compression: CompressionKind;
  readonly position: number;
  readonly end: number;
  readonly offset: number;
  /** How many offsets it has: one, unless it is redacted. */
  readonly places: number;
  readonly prevHash: Buffer;
  /** Its chain hash. */
  readonly hash: Buffer;
  readonly payload: Uint8Array;
}

/** What the next record must say, as far as that is known. */
export interface Due {
  readonly offset: number | undefined;
  readonly previous: Buffer | undefined;
}

/**
 * Reads on as long as records continue the chain: the run, if there is at least one, and what ended it before
 * the region's end.
 */
export async function readRun(
  { format, codecs }: Region,
  scanner: RecordScanner,
  due: Due,
  see: (record: VerifiedRecord) => void | Promise<void> = () => undefined,
): Promise<{ run: Run | undefined; flaw: Flaw | undefined }> {
  let first: Pick<Run, "start" | "offset" | "prevHash"> | undefined;
  let { offset, previous } = due;
  let records = 0;
  let flaw: Flaw | undefined;
  while (flaw === undefined && !scanner.done) {
    const found = scanner.next();
    if (found === undefined) {
      await scanner.fill();
      continue;
    }
    if (!found.ok) {
      flaw = found;
      break;
    }
    const { bytes, at, position } = scanner;
    offset ??= Number(offsetAt(format, bytes, at));
    flaw = misfit(format, bytes, at, found, offset, previous);
    if (flaw !== undefined) break;
    let payload: Uint8Array;
    try {
      const expanded = expandedPayload(format, bytes, at, found, codecs);
      payload = expanded instanceof Uint8Array ? expanded : await expanded;
    } catch (error) {
      flaw = expansionFlaw(error);
      break;
    }
    const prevHash = prevHashAt(format, bytes, at);
    previous = chainHashAt(format, bytes, at, found.kind, offset, payload);
    first ??= { start: position, offset, prevHash: Buffer.from(prevHash) };
    const { kind, compression, size } = found;
    const places = placesOf(format, bytes, at, found);
    const told = see({
      kind,
      compression,
      position,
      end: position + size,
      offset,
      places,
      prevHash,
      hash: previous,
      payload,
    });
    if (told !== undefined) await told;
    offset += places;
    records += 1;
    scanner.accept(found);
  }
  if (first === undefined || offset === undefined || previous === undefined) return { run: undefined, flaw };
  return { run: { ...first, end: scanner.position, nextOffset: offset, records, head: previous }, flaw };
}

/** The run that begins with the record at a position, which says itself where in the stream it belongs. */
export async function runAt(region: Region, position: number): Promise<Run | undefined> {
  const { format, file, path, end, chunkBytes } = region;
  const scanner = new RecordScanner(format, file, path, position, end, chunkBytes, true);
  const { run } = await readRun(region, scanner, { offset: undefined, previous: undefined });
  return run;
}

/** Bytes of a segment, fewer where it ends before. @throws StorageError `io` */
export function readAt(
  from: { readonly file: DiskFile; readonly path: string },
  position: number,
  bytes: number,
): Promise<Buffer> {
  return readInto(from, position, Buffer.allocUnsafe(bytes));
}

/**
 * Fills memory with bytes of a segment; what was filled of it, less where the segment ends before.
 * @throws StorageError `io`
 */
export async function readInto(
  { file, path }: { readonly file: DiskFile; readonly path: string },
  position: number,
  buffer: Buffer,
): Promise<Buffer> {
  const read = await io("reading a segment", { file: path, position }, () => file.read(buffer, position));
  return buffer.subarray(0, read);
}
