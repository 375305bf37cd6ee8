/**
 * FORMAT.md by hand: the bytes and chain hashes that tests expect of the engine.
 *
 * Promises: computed with libraries that the engine does not use, by code that shares nothing with it but
 * type names; records are never compressed. Does not promise: to refuse anything, so that tests can also
 * write what must not be.
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import CRC32 from "crc-32";

/** The codes of the record kinds; `sentinel` has no `redacted`. */
const KINDS = ["data", "checkpoint", "tombstone", "redacted"] as const;
type Kind = (typeof KINDS)[number];
type Format = "plain" | "sentinel";

/** The bytes of a hexadecimal text; blanks do not matter. */
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** A payload that says what it is. */
export const text = (content: string): Uint8Array => new TextEncoder().encode(content);

export const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

export const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

export const u64 = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
};

/** `bytes` with their CRC-32 after them. */
export const sealed = (bytes: Uint8Array): Buffer => join(bytes, u32(CRC32.buf(bytes) >>> 0));

/** Chain hash of a record (FORMAT.md, sections 3 and 8.2). */
export function hashOf(
  previous: Uint8Array | undefined,
  kind: Kind,
  payload: Uint8Array,
  format: Format = "plain",
): Uint8Array {
  const before = previous ?? new Uint8Array(0);
  if (format === "sentinel") return sha256(join(before, Uint8Array.of(KINDS.indexOf(kind)), payload));
  const joined = join(before, payload);
  return kind === "data" ? sha256(joined) : hmac(sha256, text(`kimberlite/${kind}`), joined);
}

/** A record as it is to be stored (sections 2 and 8.1). */
export interface StoredRecord {
  readonly offset: bigint;
  readonly prevHash: Uint8Array;
  readonly kind: Kind;
  /** 0 none, 1 lz4, 2 zstd, 3 not assigned. */
  readonly compression?: number;
  readonly payload: Uint8Array;
}

/** The marks around a record of the format `sentinel`: 0xBADC0FFE and 0xC0FFEE42. */
export const START_MARK: Uint8Array = hex("fe0fdcba");
export const END_MARK: Uint8Array = hex("42eeffc0");

/** A record's bytes. */
export function encoded(record: StoredRecord, format: Format = "plain"): Buffer {
  const { offset, prevHash, kind, compression = 0, payload } = record;
  const place = join(u64(BigInt.asUintN(64, offset)), prevHash);
  if (format === "sentinel") {
    const codes = Uint8Array.of(KINDS.indexOf(kind), compression);
    const head = join(START_MARK, place, codes, u32(payload.length));
    return join(sealed(join(head, payload)), END_MARK);
  }
  const length = payload.length + KINDS.indexOf(kind) * 2 ** 28 + compression * 2 ** 30;
  return sealed(join(place, u32(length), payload));
}

/** A record with its chain hash. */
export interface ChainedRecord extends StoredRecord {
  readonly kind: Exclude<Kind, "redacted">;
  readonly hash: Uint8Array;
}

/** The records that a stream must have after the calls it was given. */
export class HandLog {
  readonly records: ChainedRecord[] = [];
  readonly format: Format;
  readonly #everyNRecords: number;

  /**
   * With a checkpoint after each batch in which an offset plus one is a multiple of `everyNRecords`; never
   * for 0.
   */
  constructor(everyNRecords = 0, format: Format = "plain") {
    this.format = format;
    this.#everyNRecords = everyNRecords;
  }

  get nextOffset(): bigint {
    return BigInt(this.records.length);
  }

  get head(): Uint8Array {
    return this.records.at(-1)?.hash ?? new Uint8Array(32);
  }

  append(...payloads: readonly Uint8Array[]): this {
    return this.#batch("data", payloads);
  }

  /** A tombstone for so many records from an offset on. */
  tombstone(first: bigint, count: bigint): this {
    return this.#batch("tombstone", [join(u64(first), u64(count))]);
  }

  #batch(kind: "data" | "tombstone", payloads: readonly Uint8Array[]): this {
    let isDue = false;
    for (const payload of payloads) {
      this.#add(kind, payload);
      isDue ||= this.#everyNRecords > 0 && this.records.length % this.#everyNRecords === 0;
    }
    return isDue ? this.checkpoint() : this;
  }

  checkpoint(): this {
    return this.#add("checkpoint", join(this.head, u64(this.nextOffset)));
  }

  /** The bytes of the records from one offset up to another. */
  bytes(from = 0, to: number = this.records.length): Buffer {
    return join(...this.records.slice(from, to).map((record) => encoded(record, this.format)));
  }

  /** The index entries of all records, in a segment that begins with the first. */
  entries(): Entry[] {
    return this.records.map(({ kind }, offset) => [this.bytes(0, offset).length, KINDS.indexOf(kind)]);
  }

  #add(kind: ChainedRecord["kind"], payload: Uint8Array): this {
    const previous = this.records.at(-1)?.hash;
    this.records.push({
      offset: this.nextOffset,
      prevHash: previous ?? new Uint8Array(32),
      kind,
      payload,
      hash: hashOf(previous, kind, payload, this.format),
    });
    return this;
  }
}

/** An index entry: byte position, and the code of the record's kind. */
export type Entry = readonly [position: number, kind?: number];

const entryBytes = ([position, kind = 0]: Entry): Uint8Array => u64(BigInt(position) + (BigInt(kind) << 56n));

/** An `.idx` file (section 5), in `sentinel` streams an `.idx2`. */
export function indexBytes(entries: readonly Entry[], end: number, head: Uint8Array): Buffer {
  const header = join(text("VDXI"), Uint8Array.of(2, 0, 0, 0), u64(BigInt(entries.length)));
  return sealed(join(header, ...entries.map(entryBytes), u64(BigInt(end)), head));
}

/** A frame of an `.idx.wal` or `.idx2.wal` file (section 6). */
export function frameBytes(entries: readonly Entry[], end: number, head: Uint8Array): Buffer {
  return sealed(join(u32(entries.length), u64(BigInt(end)), head, ...entries.map(entryBytes)));
}

/** Kimberlite's own `.idx` file (section 8.3). */
export function kimberliteIndex(positions: readonly number[]): Buffer {
  const header = join(text("VDXI"), Uint8Array.of(1, 0, 0, 0), u64(BigInt(positions.length)));
  return sealed(join(header, ...positions.map((position) => u64(BigInt(position)))));
}
