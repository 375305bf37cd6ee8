/**
 * Files and payloads that are as they should be, for bytes to be changed in, and how their checksums are made to fit again. By hand, and
 * the model's hashes.
 * @module
 */
import { little } from "../../model/expand.ts";
import { chainHash } from "../../model/hash.ts";
import { claimed, seal } from "./layout.ts";
import {
  CHECKPOINT_PARSER,
  INDEX_LOG_PARSER,
  INDEX_PARSER,
  LZ4_PARSER,
  MANIFEST_PARSER,
  type Parser,
  SEGMENT_PARSER,
  ZSTD_PARSER,
} from "./parsers.ts";
import { SEGMENTS, STORED } from "./samples.ts";

/** What one reader reads. */
export interface StoredFile {
  readonly parser: Parser;
  readonly originals: readonly Buffer[];
  /** Makes the checksums fit the bytes that they cover; missing where there are none. */
  readonly reseal?: (bytes: Buffer) => void;
}

const HEAD = chainHash("data", Buffer.from("head"));

interface Entry {
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
  const bytes = Buffer.concat([...pieces, Buffer.alloc(4)]);
  seal(bytes, bytes.length);
  return bytes;
}

/** An `.idx` file. */
function indexFile(entries: readonly Entry[], end: number): Buffer {
  const head = entries.length === 0 ? Buffer.alloc(32) : HEAD;
  const count = u64(BigInt(entries.length));
  return sealed(Buffer.from("VDXI\x02\0\0\0"), count, entryBytes(entries), u64(BigInt(end)), head);
}

function frame(entries: readonly Entry[], end: number): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(entries.length);
  return sealed(count, u64(BigInt(end)), HEAD, entryBytes(entries));
}

const RECORDS: readonly Entry[] = [
  { kind: 0, at: 0 },
  { kind: 0, at: 53 },
  { kind: 1, at: 127 },
  { kind: 0, at: 215 },
];
const END = 263;

const resealWhole = (bytes: Buffer): void => {
  if (bytes.length >= 4) seal(bytes, bytes.length);
};

/** Makes the CRCs fit of pieces that stand back to back, as far as they are there. */
const resealEach =
  (header: number, size: (piece: Buffer) => number) =>
  (bytes: Buffer): void => {
    for (let at = 0; at + header <= bytes.length;) {
      const piece = bytes.subarray(at);
      if (size(piece) > piece.length) return;
      seal(piece, size(piece));
      at += size(piece);
    }
  };

const manifestFile = (...ends: readonly number[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      segments: ends.map((end, i) => ({
        segment_num: i,
        first_offset: ends[i - 1] ?? 0,
        next_offset: end,
        size_bytes: end * 65,
      })),
      active_segment: ends.length - 1,
      format: "plain",
    }),
  );

export const STORED_FILES: readonly StoredFile[] = [
  { parser: SEGMENT_PARSER, originals: SEGMENTS, reseal: resealEach(44, claimed) },
  {
    parser: INDEX_PARSER,
    originals: [indexFile([], 0), indexFile(RECORDS, END)],
    reseal: resealWhole,
  },
  {
    parser: INDEX_LOG_PARSER,
    originals: [
      // The second repeats some of what the first says.
      Buffer.concat([frame(RECORDS.slice(0, 2), 127), frame(RECORDS.slice(1), END)]),
    ],
    reseal: resealEach(44, (piece) => 48 + 8 * little(piece, 0, 4)),
  },
  {
    parser: MANIFEST_PARSER,
    originals: [manifestFile(0), manifestFile(3, 8)],
  },
  {
    parser: CHECKPOINT_PARSER,
    originals: [Buffer.concat([HEAD, u64(7n)])],
  },
  { parser: LZ4_PARSER, originals: [STORED.lz4] },
  { parser: ZSTD_PARSER, originals: [STORED.zstd] },
];
