/**
 * Kimberlite 0.8's writer, as its source (crates/kimberlite-storage: `storage.rs`, `index.rs`, `record.rs`)
 * and the directories that it wrote tell of it: what is written when, what is believed, and what goes wrong
 * after a crash. On a map from names to bytes, one stream.
 *
 * Promises: shares no code with the engine; takes manifest and index literally, as Kimberlite does. Does not
 * promise: synced or unsynced, for nothing here loses power; nor to truncate what is torn.
 * @module
 */

import { chainHash, crc32, KINDS, NO_HASH } from "./hash.ts";
import { little } from "./little.ts";

/** A record as Kimberlite keeps it. */
export interface KimberliteRecord {
  readonly offset: bigint;
  readonly kind: "data" | "checkpoint" | "tombstone";
  readonly prevHash: Uint8Array;
  readonly payload: Uint8Array;
  readonly hash: Uint8Array;
}

/** How a payload is stored: the code, and the bytes. */
export interface StoredAs {
  readonly compression: number;
  readonly bytes: Uint8Array;
}

/** What compresses, if anything does: the stored form of a payload. */
export type Compress = (payload: Uint8Array) => StoredAs;

/** The index is written after so many records, if no sync has come before. */
const INDEX_FLUSH_THRESHOLD = 100;
/** The bytes of a record that are not its payload (FORMAT.md, section 8.1). */
const HEADER_BYTES = 50;
const TRAILER_BYTES = 8;
const START_MARK = 0xbadc0ffe;
const END_MARK = 0xc0ffee42;

/** A record's bytes (section 8.1). */
export function sentinelBytes(
  { offset, kind, prevHash, payload }: Omit<KimberliteRecord, "hash">,
  { compression, bytes }: StoredAs = { compression: 0, bytes: payload },
): Buffer {
  const record = Buffer.alloc(HEADER_BYTES + bytes.length + TRAILER_BYTES);
  record.writeUInt32LE(START_MARK, 0);
  record.writeBigUInt64LE(offset, 4);
  record.set(prevHash, 12);
  record.writeUInt8(KINDS.indexOf(kind), 44);
  record.writeUInt8(compression, 45);
  record.writeUInt32LE(bytes.length, 46);
  record.set(bytes, HEADER_BYTES);
  const crcAt = HEADER_BYTES + bytes.length;
  record.writeUInt32LE(crc32(record.subarray(0, crcAt)), crcAt);
  record.writeUInt32LE(END_MARK, crcAt + 4);
  return record;
}

/** A record's chain hash (section 8.2). */
export function sentinelHash(
  prevHash: Uint8Array | undefined,
  kind: KimberliteRecord["kind"],
  payload: Uint8Array,
): Uint8Array {
  return chainHash("sentinel", kind, payload, prevHash);
}

/** Kimberlite's own `.idx` file (section 8.3). */
export function kimberliteIndex(positions: readonly number[]): Buffer {
  const bytes = Buffer.concat([Buffer.from("VDXI\x01\0\0\0"), u64s([positions.length, ...positions])]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(bytes));
  return Buffer.concat([bytes, crc]);
}

function u64s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * i);
  return bytes;
}

interface Segment {
  segment_num: number;
  first_offset: number;
  next_offset: number;
  size_bytes: number;
}

interface Manifest {
  segments: Segment[];
  active_segment: number;
}

/**
 * The manifest; fields that Kimberlite does not know are dropped, as it drops them when it writes the
 * manifest again.
 */
export function manifestIn(files: ReadonlyMap<string, Buffer>): Manifest {
  const text = files.get("manifest.json")?.toString();
  if (text === undefined) {
    return {
      segments: [{ segment_num: 0, first_offset: 0, next_offset: 0, size_bytes: 0 }],
      active_segment: 0,
    };
  }
  const { segments, active_segment } = JSON.parse(text) as Manifest;
  return { segments, active_segment };
}

export const segmentFile = (number: number): string => `segment_${String(number).padStart(6, "0")}.log`;

export class KimberliteWriter {
  readonly files: Map<string, Buffer>;
  /** What was ever appended, in order. */
  readonly records: KimberliteRecord[];
  readonly #maxSegmentBytes: number;
  readonly #compress: Compress;
  #manifest: Manifest;
  readonly #indexes = new Map<number, number[]>();
  readonly #flushed = new Map<number, number>();
  readonly #dirty = new Map<number, number>();

  constructor(
    maxSegmentBytes: number = 2 ** 28,
    compress: Compress = (bytes) => ({ compression: 0, bytes }),
    from?: KimberliteWriter,
  ) {
    this.#maxSegmentBytes = maxSegmentBytes;
    this.#compress = compress;
    this.files = new Map(from?.files);
    this.records = [...(from?.records ?? [])];
    this.#manifest = manifestIn(this.files);
  }

  /** A process on files that somebody else wrote, which hold these records. */
  static on(
    files: ReadonlyMap<string, Buffer>,
    records: readonly KimberliteRecord[],
    maxSegmentBytes: number,
  ): KimberliteWriter {
    const writer = new KimberliteWriter(maxSegmentBytes);
    for (const [name, bytes] of files) writer.files.set(name, bytes);
    writer.records.push(...records);
    return writer.reopened();
  }

  /** Another process on the same files, which this one no longer touches; without `drop` it was killed. */
  reopened(): KimberliteWriter {
    return new KimberliteWriter(this.#maxSegmentBytes, this.#compress, this);
  }

  append(payloads: readonly Uint8Array[], fsync: boolean): this {
    const active = this.#active();
    const name = segmentFile(active.segment_num);
    // The file is made before its index is asked for, so a new segment begins with an index of nothing.
    this.#extend(name, Buffer.alloc(0));
    const index = this.#index(active.segment_num);
    for (const payload of payloads) {
      index.push(this.#size(name));
      this.#write(name, "data", payload, this.#compress(payload));
    }
    active.size_bytes = this.#size(name);
    active.next_offset = this.records.length;
    const dirty = (this.#dirty.get(active.segment_num) ?? 0) + payloads.length;
    this.#dirty.set(active.segment_num, dirty);
    if (dirty >= INDEX_FLUSH_THRESHOLD || fsync) {
      const entries = index.slice(this.#flushed.get(active.segment_num) ?? 0);
      if (entries.length > 0) this.#extend(`${name}.idx.wal`, u64s(entries));
      this.#flushed.set(active.segment_num, index.length);
      this.#dirty.set(active.segment_num, 0);
    }
    if (active.size_bytes >= this.#maxSegmentBytes) {
      this.files.set(`${name}.idx`, kimberliteIndex(index));
      this.#dirty.set(active.segment_num, 0);
      const next = active.segment_num + 1;
      const first = this.records.length;
      this.#manifest.segments.push({
        segment_num: next,
        first_offset: first,
        next_offset: first,
        size_bytes: 0,
      });
      this.#manifest.active_segment = next;
    }
    this.#saveManifest();
    return this;
  }

  /**
   * A checkpoint; `count` is whatever the caller takes it for. The index is looked at only after the record
   * is written: one that is not in memory and not on the disk is made from the segment, has the checkpoint
   * already, and gets it once more.
   */
  checkpoint(count: number = this.records.length): this {
    const active = this.#active();
    const name = segmentFile(active.segment_num);
    const position = this.#size(name);
    const payload = Buffer.concat([this.records.at(-1)?.hash ?? NO_HASH, u64s([count])]);
    this.#write(name, "checkpoint", payload, { compression: 0, bytes: payload });
    const index = this.#index(active.segment_num);
    index.push(position);
    this.#saveIndex(active.segment_num, index);
    active.size_bytes = this.#size(name);
    active.next_offset = this.records.length;
    this.#saveManifest();
    return this;
  }

  /** Ends the process in the ordinary way, which saves the indexes that have unsaved entries. */
  drop(): this {
    for (const [segment, dirty] of this.#dirty) {
      if (dirty > 0) this.#saveIndex(segment, this.#index(segment));
    }
    return this;
  }

  #saveIndex(segment: number, index: readonly number[]): void {
    const name = `${segmentFile(segment)}.idx`;
    this.files.set(name, kimberliteIndex(index));
    this.files.delete(`${name}.wal`);
    this.#dirty.set(segment, 0);
    this.#flushed.set(segment, index.length);
  }

  #write(name: string, kind: KimberliteRecord["kind"], payload: Uint8Array, stored: StoredAs): void {
    const last = this.records.at(-1);
    const record = {
      offset: BigInt(this.records.length),
      kind,
      prevHash: last?.hash ?? NO_HASH,
      payload,
    };
    this.#extend(name, sentinelBytes(record, stored));
    this.records.push({ ...record, hash: sentinelHash(last?.hash, kind, payload) });
  }

  #active(): Segment {
    const active = this.#manifest.segments.find(
      ({ segment_num }) => segment_num === this.#manifest.active_segment,
    );
    if (active === undefined) throw new Error("active segment must exist in manifest");
    return active;
  }

  /**
   * The index in memory, or as it is loaded: saved, then the write-ahead file after it, whatever that
   * repeats; else from the segment.
   */
  #index(segment: number): number[] {
    let index = this.#indexes.get(segment);
    if (index === undefined) {
      const name = segmentFile(segment);
      const isMade = savedPositions(this.files, segment) === undefined;
      index = loadIndex(this.files, segment);
      // What was made anew is saved, also when it was made for a read.
      if (isMade && this.files.has(name)) this.files.set(`${name}.idx`, kimberliteIndex(index));
      this.#indexes.set(segment, index);
      this.#flushed.set(segment, index.length);
    }
    return index;
  }

  #size(name: string): number {
    return this.files.get(name)?.length ?? 0;
  }

  #extend(name: string, bytes: Uint8Array): void {
    this.files.set(name, Buffer.concat([this.files.get(name) ?? Buffer.alloc(0), bytes]));
  }

  #saveManifest(): void {
    this.files.set("manifest.json", Buffer.from(JSON.stringify(this.#manifest, undefined, 2)));
  }
}

/** The positions that Kimberlite takes a segment's records to be at. */
export function loadIndex(files: ReadonlyMap<string, Buffer>, segment: number): number[] {
  const name = segmentFile(segment);
  const saved = savedPositions(files, segment);
  if (saved !== undefined) return [...saved, ...positionsIn(files.get(`${name}.idx.wal`) ?? Buffer.alloc(0))];
  const positions: number[] = [];
  const bytes = files.get(name) ?? Buffer.alloc(0);
  for (let at = 0; at < bytes.length;) {
    positions.push(at);
    at += recordAt(bytes, at).size;
  }
  return positions;
}

/** What the `.idx` says, if it is there and whole. */
function savedPositions(files: ReadonlyMap<string, Buffer>, segment: number): number[] | undefined {
  const saved = files.get(`${segmentFile(segment)}.idx`);
  if (saved === undefined || saved.length < 20) return undefined;
  const crcAt = 16 + 8 * little(saved, 8, 8);
  const isWhole =
    saved.subarray(0, 5).equals(Buffer.from("VDXI\x01")) &&
    saved.length >= crcAt + 4 &&
    crc32(saved.subarray(0, crcAt)) === saved.readUInt32LE(crcAt);
  return isWhole ? positionsIn(saved.subarray(16, crcAt)) : undefined;
}

function positionsIn(bytes: Buffer): number[] {
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => Number(bytes.readBigUInt64LE(8 * i)));
}

/**
 * The record at a byte position; it throws where Kimberlite answers with an error. Payloads are not expanded.
 */
export function recordAt(
  bytes: Buffer,
  at: number,
): { kind: number; offset: bigint; prevHash: string; payload: Buffer; size: number } {
  if (bytes.length - at < HEADER_BYTES) throw new Error("UnexpectedEof");
  if (bytes.readUInt32LE(at) !== START_MARK) throw new Error("TornWrite");
  const length = bytes.readUInt32LE(at + 46);
  const size = HEADER_BYTES + length + TRAILER_BYTES;
  if (bytes.length - at < size) throw new Error("UnexpectedEof");
  if ((bytes[at + 44] ?? 3) > 2) throw new Error("InvalidRecordKind");
  if ((bytes[at + 45] ?? 3) > 2) throw new Error("InvalidCompressionKind");
  const crcAt = at + HEADER_BYTES + length;
  if (crc32(bytes.subarray(at, crcAt)) !== bytes.readUInt32LE(crcAt)) throw new Error("CorruptedRecord");
  if (bytes.readUInt32LE(crcAt + 4) !== END_MARK) throw new Error("TornWrite");
  return {
    kind: bytes[at + 44] ?? 3,
    offset: bytes.readBigUInt64LE(at + 4),
    prevHash: bytes.subarray(at + 12, at + 44).toString("hex"),
    payload: bytes.subarray(at + HEADER_BYTES, crcAt),
    size,
  };
}
