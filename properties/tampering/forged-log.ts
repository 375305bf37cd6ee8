/**
 * A log as somebody sees it who knows the format and may write the directory: records that say what they
 * like, their checksums right, put together to segment files, with index files and a manifest made to fit
 * (`docs/FORMAT.md`). Uses the model's primitives. Does not promise that what it makes is a log: that is the
 * point.
 * @module
 */
import { chainHash, crc32, KINDS, type Kind } from "../../model/hash.ts";
import { checkpointAfter, following, type ModelRecord } from "../../model/log.ts";
import { stoodFor } from "../../model/redacted.ts";
import type { Format, Offset, RecordKind } from "../../src/types.ts";

/** How a payload is stored, where that is not as it is; the code is that of `docs/FORMAT.md`, section 2. */
export type Stored = Readonly<{ compression: number; bytes: Uint8Array }>;
/**
 * A record as it stands in a file, with the hash that one who believes it computes, and the segment that it
 * stands in.
 */
export type RawRecord = ModelRecord & Readonly<{ segment: number; stored?: Stored | undefined }>;
/**
 * What a forger wants a record to be: what is left out is made to fit the record before it, a checkpoint's
 * payload, too.
 */
export type Wanted = Readonly<{
  kind: RecordKind;
  payload?: Uint8Array | undefined;
  offset?: bigint;
  prevHash?: Uint8Array;
  stored?: Stored | undefined;
}>;
/** The records of each segment; `undefined` where the file is missing. */
export type Segments = readonly (readonly RawRecord[] | undefined)[];

/** The record that `wanted` becomes after `last`. */
export function placed(
  format: Format,
  wanted: Wanted,
  last: ModelRecord | undefined,
  segment: number,
): RawRecord {
  const { kind, payload, stored } = wanted;
  const honest = kind === "checkpoint" && payload === undefined && last !== undefined;
  // A payload that no redacted record has says no hash; readers stop at it.
  const chained: Kind = kind === "redacted" ? "data" : kind;
  const fitting = honest
    ? checkpointAfter(format, last)
    : following(format, chained, payload ?? new Uint8Array(40), last);
  const { prevHash = fitting.prevHash, offset = fitting.offset } = wanted;
  const linked = prevHash === fitting.prevHash || last === undefined;
  const said = kind === "redacted" ? stoodFor(fitting.payload, fitting.offset)?.hash : undefined;
  const hash = said ?? (linked ? fitting.hash : chainHash(format, chained, fitting.payload, prevHash));
  return { ...fitting, kind, offset: offset as Offset, prevHash, hash, segment, stored };
}

/** The records cut into segments as their numbers say; segments that became empty close up. */
export function inSegments(records: readonly RawRecord[]): RawRecord[][] {
  const numbers = [...new Set(records.map(({ segment }) => segment))].sort((a, b) => a - b);
  return numbers.map((number) => records.filter(({ segment }) => segment === number));
}

/** The bytes of a record, its CRC right. */
function bytesOf(format: Format, record: RawRecord): Buffer {
  return format === "plain" ? plainBytes(record) : sentinelBytes(record);
}

/** As section 8.1 has it. */
function sentinelBytes({ offset, prevHash, kind, payload, stored }: RawRecord): Buffer {
  const content = stored?.bytes ?? payload;
  const bytes = Buffer.alloc(54 + content.length);
  bytes.writeUInt32LE(0xbadc0ffe, 0);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, offset), 4);
  bytes.set(prevHash, 12);
  bytes.writeUInt8(KINDS.indexOf(kind), 44);
  bytes.writeUInt8(stored?.compression ?? 0, 45);
  bytes.writeUInt32LE(content.length, 46);
  bytes.set(content, 50);
  return Buffer.concat([sealed(bytes), Buffer.of(0x42, 0xee, 0xff, 0xc0)]);
}

/** As section 2 has it. */
function plainBytes({ offset, prevHash, kind, payload, stored }: RawRecord): Buffer {
  const content = stored?.bytes ?? payload;
  const bytes = Buffer.alloc(48 + content.length);
  bytes.writeBigInt64LE(BigInt.asIntN(64, offset), 0);
  bytes.set(prevHash, 8);
  bytes.writeUInt32LE(content.length + (KINDS.indexOf(kind) + 4 * (stored?.compression ?? 0)) * 2 ** 28, 40);
  bytes.set(content, 44);
  return sealed(bytes);
}

/** Sets the last four bytes to the CRC of those before. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

/** The name of a segment's file. */
export const segmentFile = (number: number): string => `segment_${String(number).padStart(6, "0")}.log`;

/** The segment files, by name. */
export function segmentFiles(format: Format, segments: Segments): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const [number, records] of segments.entries())
    if (records !== undefined)
      files.set(segmentFile(number), Buffer.concat(records.map((record) => bytesOf(format, record))));
  return files;
}

/**
 * Index files and a manifest that agree with these segments in everything, as sections 5 to 8 want them;
 * Kimberlite's own index is left out.
 */
export function hintFiles(format: Format, segments: Segments): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const rows: unknown[] = [];
  const saved = format === "plain" ? "idx" : "idx2";
  let offset = 0;
  for (const [number, records = []] of segments.entries()) {
    const [words, end] = wordsOf(format, records);
    const active = number === segments.length - 1;
    if (!active) files.set(`${segmentFile(number)}.${saved}`, indexOf(words, end, records.at(-1)));
    else files.set(`${segmentFile(number)}.${saved}.wal`, frameOf(words, end, records.at(-1)));
    const next = offset + (active ? 0 : records.length);
    rows.push({
      segment_num: number,
      first_offset: offset,
      next_offset: next,
      size_bytes: active ? 0 : end,
      ...(active || words.length === 8 * records.length ? {} : { index_words: words.length / 8 }),
    });
    offset = next;
  }
  const manifest = { segments: rows, active_segment: segments.length - 1, format };
  if (segments.length > 0) files.set("manifest.json", Buffer.from(JSON.stringify(manifest)));
  return files;
}

/** The words of an index, and where the last record ends; a redacted record has a second word. */
function wordsOf(format: Format, records: readonly RawRecord[]): [Buffer, number] {
  const words: Buffer[] = [];
  let end = 0;
  for (const record of records) {
    const entry = u64(end);
    entry.writeUInt8(KINDS.indexOf(record.kind), 7);
    words.push(entry);
    if (record.kind === "redacted") words.push(u64(stoodFor(record.payload, 0n)?.count ?? 1n));
    end += bytesOf(format, record).length;
  }
  return [Buffer.concat(words), end];
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function indexOf(words: Buffer, end: number, last: RawRecord | undefined): Buffer {
  const head = last?.hash ?? Buffer.alloc(32);
  const magic = Buffer.from("VDXI\x02\0\0\0");
  return sealed(Buffer.concat([magic, u64(words.length / 8), words, u64(end), head, Buffer.alloc(4)]));
}

function frameOf(words: Buffer, end: number, last: RawRecord | undefined): Buffer {
  if (last === undefined) return Buffer.alloc(0);
  const count = u64(words.length / 8).subarray(0, 4);
  return sealed(Buffer.concat([count, u64(end), last.hash, words, Buffer.alloc(4)]));
}
