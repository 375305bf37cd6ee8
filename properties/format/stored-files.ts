/**
 * Files and payloads that are as they should be, for bytes to be changed in, and how their checksums are made
 * to fit again. By hand, and the model's hashes.
 * @module
 */
import { little } from "../../model/little.ts";
import { chainHash } from "../../model/hash.ts";
import type { Format } from "../../src/types.ts";
import { INDEXED } from "./index-files.ts";
import { claimed, layoutOf, putCrc, seal } from "./layout.ts";
import {
  CHECKPOINT_PARSER,
  INDEX_LOG_PARSER,
  INDEX_PARSER,
  KIMBERLITE_INDEX_PARSER,
  LZ4_PARSER,
  MANIFEST_PARSER,
  type Parser,
  SEGMENT_PARSER,
  ZSTD_PARSER,
} from "./parsers.ts";
import { segmentsOf, STORED, STORED_UNDECLARED } from "./samples.ts";
import { itemAt, perFormat } from "./section.ts";

/** What one reader reads. */
export interface StoredFile {
  readonly parser: Parser;
  readonly originals: readonly Buffer[];
  /** Makes the checksums fit the bytes that they cover; missing where there are none. */
  readonly reseal?: (bytes: Buffer) => void;
}

const CRC_BYTES = 4;
const HEAD = chainHash("plain", "data", Buffer.from("head"));

/** An index entry. */
export interface Entry {
  readonly kind: number;
  readonly at: number;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

const entryBytes = (entries: readonly Entry[]): Buffer =>
  Buffer.concat(entries.map(({ kind, at }) => u64((BigInt(kind) << 56n) | BigInt(at))));

function sealed(...pieces: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat([...pieces, Buffer.alloc(CRC_BYTES)]);
  resealWhole(bytes);
  return bytes;
}

/** An index (`docs/FORMAT.md`, section 5). */
export function indexFile(
  entries: readonly Entry[],
  end: number,
  head: Uint8Array = entries.length === 0 ? Buffer.alloc(32) : HEAD,
): Buffer {
  const count = u64(BigInt(entries.length));
  return sealed(Buffer.from("VDXI\x02\0\0\0"), count, entryBytes(entries), u64(BigInt(end)), head);
}

/** An index as Kimberlite writes it (section 8.3). */
const kimberliteIndex = (entries: readonly Entry[]): Buffer =>
  sealed(
    Buffer.from("VDXI\x01\0\0\0"),
    u64(BigInt(entries.length)),
    ...entries.map(({ at }) => u64(BigInt(at))),
  );

/** A frame of an index's write-ahead file (section 6). */
export function frame(entries: readonly Entry[], end: number, head: Uint8Array = HEAD): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(entries.length);
  return sealed(count, u64(BigInt(end)), head, entryBytes(entries));
}

/** The third is a checkpoint. */
const RECORDS: readonly Entry[] = INDEXED.positions.map((at, i) => ({ kind: i === 2 ? 1 : 0, at }));

function resealWhole(bytes: Buffer): void {
  if (bytes.length >= CRC_BYTES) putCrc(bytes, bytes.length - CRC_BYTES);
}

/** Seals pieces that stand back to back, as far as they are there. */
function resealEach(
  header: number,
  sizeOf: (piece: Buffer) => number,
  sealPiece: (piece: Buffer, size: number) => void,
): (bytes: Buffer) => void {
  return (bytes) => {
    for (let at = 0; at + header <= bytes.length;) {
      const piece = bytes.subarray(at);
      const size = sizeOf(piece);
      if (size > piece.length) return;
      sealPiece(piece, size);
      at += size;
    }
  };
}

/** A manifest of segments that end at these offsets; without a format it is one as Kimberlite writes it. */
const manifestFile = (format: Format | undefined, ...ends: readonly number[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      segments: ends.map((end, i) => ({
        segment_num: i,
        first_offset: ends[i - 1] ?? 0,
        next_offset: end,
        size_bytes: end * 65,
      })),
      active_segment: ends.length - 1,
      format,
    }),
  );

/** One of a stream that was compacted: a merged segment, another one that is being replaced. */
const COMPACTED_MANIFEST = Buffer.from(
  JSON.stringify({
    segments: [
      {
        segment_num: 0,
        last_segment_num: 2,
        first_offset: 0,
        next_offset: 8,
        size_bytes: 200,
        index_words: 5,
      },
      { segment_num: 3, first_offset: 8, next_offset: 9, size_bytes: 65 },
      { segment_num: 4, first_offset: 9, next_offset: 9, size_bytes: 0 },
    ],
    active_segment: 4,
    format: "plain",
    page_segments: 4,
    replacing: 3,
  }),
);

const KIMBERLITE_INDEX: StoredFile = {
  parser: KIMBERLITE_INDEX_PARSER,
  originals: [kimberliteIndex([]), kimberliteIndex(RECORDS)],
  reseal: resealWhole,
};

export const storedFilesOf: (format: Format) => readonly StoredFile[] = perFormat((format) => [
  {
    parser: SEGMENT_PARSER,
    originals: segmentsOf(format),
    reseal: resealEach(
      layoutOf(format).payload,
      (piece) => claimed(format, piece),
      (piece, size) => {
        seal(format, piece, size);
      },
    ),
  },
  ...(format === "plain" ? [] : [KIMBERLITE_INDEX]),
  {
    parser: INDEX_PARSER,
    originals: [indexFile([], 0), indexFile(RECORDS, INDEXED.end)],
    reseal: resealWhole,
  },
  {
    parser: INDEX_LOG_PARSER,
    originals: [
      // The second repeats some of what the first says.
      Buffer.concat([
        frame(RECORDS.slice(0, 2), itemAt(RECORDS, 2).at),
        frame(RECORDS.slice(1), INDEXED.end),
      ]),
    ],
    reseal: resealEach(
      44,
      (piece) => 48 + 8 * little(piece, 0, 4),
      (piece, size) => {
        putCrc(piece, size - CRC_BYTES);
      },
    ),
  },
  {
    parser: MANIFEST_PARSER,
    originals: [
      manifestFile(format, 0),
      manifestFile(format, 3, 8),
      format === "plain" ? COMPACTED_MANIFEST : manifestFile(undefined, 3, 8),
    ],
  },
  {
    parser: CHECKPOINT_PARSER,
    originals: [Buffer.concat([HEAD, u64(7n)])],
  },
  { parser: LZ4_PARSER, originals: [STORED.lz4] },
  {
    parser: ZSTD_PARSER,
    originals: format === "plain" ? [STORED.zstd] : [STORED.zstd, STORED_UNDECLARED],
  },
]);
