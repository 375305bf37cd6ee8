/**
 * Kimberlite 0.8's writer and reader, as its source (crates/kimberlite-storage: `storage.rs`, `index.rs`, `record.rs`) and the fixtures tell of
 * them: what is written when, what is believed, and what goes wrong after a crash. On a map from names to bytes, one stream.
 *
 * Promises: shares no code with the engine; takes manifest and index literally, as Kimberlite does. Does not promise: synced or unsynced, for
 * nothing here loses power.
 * @module
 */
import CRC32 from "crc-32";
import { encoded, hashOf, join, kimberliteIndex, u64 } from "./by-hand.ts";

export { kimberliteIndex } from "./by-hand.ts";

const INDEX_FLUSH_THRESHOLD = 100;

/** A record as Kimberlite keeps it. */
export interface KimberliteRecord {
  readonly offset: bigint;
  readonly kind: "data" | "checkpoint" | "tombstone";
  readonly prevHash: Uint8Array;
  readonly payload: Uint8Array;
  readonly hash: Uint8Array;
}

const KINDS = ["data", "checkpoint", "tombstone"] as const;

/** How a payload is stored: the code, and the bytes. */
export interface StoredAs {
  readonly compression: number;
  readonly bytes: Uint8Array;
}

/** A record's bytes (FORMAT.md, section 8.1). */
export function sentinelBytes(
  { offset, kind, prevHash, payload }: Omit<KimberliteRecord, "hash">,
  { compression, bytes }: StoredAs = { compression: 0, bytes: payload },
): Buffer {
  return encoded({ offset, kind, prevHash, compression, payload: bytes }, "sentinel");
}

/** A record's chain hash (section 8.2). */
export function sentinelHash(
  prevHash: Uint8Array | undefined,
  kind: KimberliteRecord["kind"],
  payload: Uint8Array,
): Uint8Array {
  return hashOf(prevHash, kind, payload, "sentinel");
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

/** The manifest; fields that Kimberlite does not know are dropped, as it drops them when it writes the manifest again. */
function manifestIn(files: ReadonlyMap<string, Buffer>): Manifest {
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

const segmentFile = (number: number): string => `segment_${String(number).padStart(6, "0")}.log`;

/** What compresses, if anything does: the stored form of a payload. */
export type Compress = (payload: Uint8Array) => StoredAs;

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
    const index = this.#index(active.segment_num);
    const name = segmentFile(active.segment_num);
    for (const payload of payloads) {
      index.push(this.#size(name));
      this.#write(name, "data", payload, this.#compress(payload));
    }
    active.size_bytes = this.#size(name);
    active.next_offset = this.records.length;
    const dirty = (this.#dirty.get(active.segment_num) ?? 0) + payloads.length;
    this.#dirty.set(active.segment_num, dirty);
    if (dirty >= INDEX_FLUSH_THRESHOLD || fsync) {
      const flushed = this.#flushed.get(active.segment_num) ?? 0;
      const entries = index.slice(flushed).map((at) => u64(BigInt(at)));
      if (entries.length > 0) this.#extend(`${name}.idx.wal`, join(...entries));
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

  /** A checkpoint; `count` is whatever the caller takes it for. */
  checkpoint(count: number = this.records.length): this {
    const active = this.#active();
    const name = segmentFile(active.segment_num);
    const index = this.#index(active.segment_num);
    const position = this.#size(name);
    const payload = join(this.records.at(-1)?.hash ?? new Uint8Array(32), u64(BigInt(count)));
    this.#write(name, "checkpoint", payload, { compression: 0, bytes: payload });
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
      prevHash: last?.hash ?? new Uint8Array(32),
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

  /** The index in memory, or as it is loaded: saved, then the write-ahead file behind it, whatever that repeats; else from the segment. */
  #index(segment: number): number[] {
    let index = this.#indexes.get(segment);
    if (index === undefined) {
      const name = segmentFile(segment);
      const isThere = this.files.has(`${name}.idx`);
      index = loadIndex(this.files, segment);
      // What was made anew is saved, also when it was made for a read.
      if (!isThere && this.files.has(name)) this.files.set(`${name}.idx`, kimberliteIndex(index));
      this.#indexes.set(segment, index);
      this.#flushed.set(segment, index.length);
    }
    return index;
  }

  #size(name: string): number {
    return this.files.get(name)?.length ?? 0;
  }

  #extend(name: string, bytes: Uint8Array): void {
    this.files.set(name, join(this.files.get(name) ?? new Uint8Array(0), bytes));
  }

  #saveManifest(): void {
    this.files.set("manifest.json", Buffer.from(JSON.stringify(this.#manifest, undefined, 2)));
  }
}

function loadIndex(files: ReadonlyMap<string, Buffer>, segment: number): number[] {
  const name = segmentFile(segment);
  const saved = files.get(`${name}.idx`);
  if (saved !== undefined) {
    const count = Number(saved.readBigUInt64LE(8));
    const crcAt = 16 + 8 * count;
    const isWhole =
      saved.subarray(0, 5).equals(Buffer.from("VDXI\x01")) &&
      saved.length >= crcAt + 4 &&
      CRC32.buf(saved.subarray(0, crcAt)) >>> 0 === saved.readUInt32LE(crcAt);
    if (isWhole) {
      const wal = files.get(`${name}.idx.wal`) ?? Buffer.alloc(0);
      return [...positionsIn(saved.subarray(16, crcAt)), ...positionsIn(wal)];
    }
  }
  const positions: number[] = [];
  const bytes = files.get(name) ?? Buffer.alloc(0);
  for (let at = 0; at < bytes.length;) {
    positions.push(at);
    at += recordAt(bytes, at).size;
  }
  return positions;
}

function positionsIn(bytes: Buffer): number[] {
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => Number(bytes.readBigUInt64LE(8 * i)));
}

/** The record at a byte position; it throws where Kimberlite answers with an error. Payloads are not expanded. */
function recordAt(
  bytes: Buffer,
  at: number,
): { kind: number; offset: bigint; prevHash: string; payload: Buffer; size: number } {
  if (bytes.length - at < 50) throw new Error("UnexpectedEof");
  if (bytes.readUInt32LE(at) !== 0xbadc0ffe) throw new Error("TornWrite");
  const length = bytes.readUInt32LE(at + 46);
  const size = 58 + length;
  if (bytes.length - at < size) throw new Error("UnexpectedEof");
  if ((bytes[at + 44] ?? 3) > 2) throw new Error("InvalidRecordKind");
  if ((bytes[at + 45] ?? 3) > 2) throw new Error("InvalidCompressionKind");
  const crcAt = at + 50 + length;
  if (CRC32.buf(bytes.subarray(at, crcAt)) >>> 0 !== bytes.readUInt32LE(crcAt))
    throw new Error("CorruptedRecord");
  if (bytes.readUInt32LE(crcAt + 4) !== 0xc0ffee42) throw new Error("TornWrite");
  return {
    kind: bytes[at + 44] ?? 3,
    offset: bytes.readBigUInt64LE(at + 4),
    prevHash: bytes.subarray(at + 12, at + 44).toString("hex"),
    payload: bytes.subarray(at + 50, crcAt),
    size,
  };
}

/**
 * What Kimberlite's `read_from(offset, u64::MAX)` gives of a stream's files: payloads of uncompressed records from the nearest checkpoint's
 * place in the index on, checkpoints left out.
 *
 * @throws Error where it answers with one
 */
export function kimberliteReads(files: ReadonlyMap<string, Buffer>, from: bigint): Buffer[] {
  const manifest = manifestIn(files);
  const segments = manifest.segments.map(({ segment_num }) => segment_num);
  const checkpoints: bigint[] = [];
  for (const segment of segments) {
    const bytes = files.get(segmentFile(segment)) ?? Buffer.alloc(0);
    for (let at = 0; at < bytes.length;) {
      const { kind, offset, size } = recordAt(bytes, at);
      if (kind === 1) checkpoints.push(offset);
      at += size;
    }
  }
  const nearest = checkpoints.filter((offset) => offset <= from).at(-1);
  let [startSegment, startAt, expected] = [segments[0] ?? 0, 0, "0".repeat(64)];
  if (nearest !== undefined) {
    const holder = manifest.segments.filter(({ first_offset }) => BigInt(first_offset) <= nearest).at(-1);
    startSegment = holder?.segment_num ?? 0;
    const position = loadIndex(files, startSegment)[Number(nearest) - (holder?.first_offset ?? 0)];
    if (position === undefined) throw new Error("UnexpectedEof");
    startAt = position;
    const checkpoint = recordAt(files.get(segmentFile(startSegment)) ?? Buffer.alloc(0), position);
    expected = checkpoint.payload.subarray(0, 32).toString("hex");
  }
  const payloads: Buffer[] = [];
  for (const segment of segments.filter((number) => number >= startSegment)) {
    const bytes = files.get(segmentFile(segment)) ?? Buffer.alloc(0);
    for (let at = segment === startSegment ? startAt : 0; at < bytes.length;) {
      const { kind, offset, prevHash, payload, size } = recordAt(bytes, at);
      if (prevHash !== expected) throw new Error(`ChainVerificationFailed at ${String(offset)}`);
      const previous = offset === 0n ? undefined : Buffer.from(prevHash, "hex");
      expected = Buffer.from(sentinelHash(previous, KINDS[kind] ?? "data", payload)).toString("hex");
      if (offset >= from && kind !== 1) payloads.push(payload);
      at += size;
    }
  }
  return payloads;
}
