/**
 * The records that the sections begin with, and the boundaries that their fields are taken to. All bytes are by hand or the model's.
 * @module
 */
import { chainHash, NO_HASH } from "../../model/hash.ts";
import { checkpointAfter, following, type ModelRecord } from "../../model/log.ts";
import type { CompressionKind } from "../../src/types.ts";
import { laidOut } from "./layout.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** 32-bit and 64-bit borders, and where doubles end. */
export const BOUNDARY_OFFSETS: readonly bigint[] = [
  0n,
  1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 2n,
  2n ** 63n - 1n,
];

export const PAYLOAD_SIZES: readonly number[] = [0, 1, 2, 15, 16, 255, 256, 65_535, 65_536];

const RECORD_ITSELF = laidOut({
  offset: 0n,
  prevHash: NO_HASH,
  kind: "data",
  compression: "none",
  payload: Buffer.from("a record in a record"),
});

export interface Fill {
  readonly name: string;
  /** The byte at a place of the payload. */
  readonly at: (index: number) => number;
}

export const FILLS: readonly Fill[] = [
  { name: "zeros", at: () => 0 },
  { name: "0xff", at: () => 0xff },
  { name: "counting", at: (index) => index & 0xff },
  { name: "records", at: (index) => RECORD_ITSELF[index % RECORD_ITSELF.length] ?? 0 },
];

/** A payload of so many bytes. */
export function filled(size: number, { at }: Fill): Buffer {
  const bytes = Buffer.alloc(size);
  for (let index = 0; index < size; index += 1) bytes[index] = at(index);
  return bytes;
}

export const PREVIOUS_HASHES: readonly Uint8Array[] = [
  NO_HASH,
  Buffer.alloc(32, 0xff),
  chainHash("data", Buffer.from("before")),
];

const HELLOS = Buffer.from("hello, hello, hello, hello");
/** `HELLOS` as an LZ4 block: seven literals, fourteen bytes from seven back, five literals. */
const HELLOS_LZ4 = hex("1a000000 7a 68656c6c6f2c20 0700 50 68656c6c6f");
/** `HELLOS` as `zstd 1.5.4 -19 --no-check` wrote it. */
const HELLOS_ZSTD = hex("28b52ffd 20 1a 6d0000 38 68656c6c6f2c20 01004a8a11");
/** What is stored for `HELLOS`. */
export const STORED: Readonly<Record<CompressionKind, Buffer>> = {
  none: HELLOS,
  lz4: HELLOS_LZ4,
  zstd: HELLOS_ZSTD,
};

/** A record in its place: the bytes before it in the segment, and its own. */
export interface Sample {
  readonly name: string;
  /** Whether what the payload says makes a difference to a reader. */
  readonly isRead: boolean;
  readonly before: Buffer;
  readonly bytes: Buffer;
}

const bytesOf = (record: ModelRecord, compression: CompressionKind = "none"): Buffer =>
  laidOut({ ...record, compression, payload: compression === "none" ? record.payload : STORED[compression] });

const FIRST = following("data", Buffer.from("first"));
const ALONE = Buffer.alloc(0);
const BEHIND = bytesOf(FIRST);
const second = (payload: Uint8Array, compression?: CompressionKind): Buffer =>
  bytesOf(following("data", payload, FIRST), compression);

/** A record of no payload: 48 bytes. */
export const EMPTY: Sample = {
  name: "no payload",
  isRead: false,
  before: ALONE,
  bytes: bytesOf(following("data", Buffer.alloc(0))),
};

/** Small records of every sort that a reader meets. */
export const SAMPLES: readonly Sample[] = [
  EMPTY,
  { name: "16 bytes", isRead: false, before: BEHIND, bytes: second(Buffer.from("0123456789abcdef")) },
  { name: "a checkpoint", isRead: true, before: BEHIND, bytes: bytesOf(checkpointAfter(FIRST)) },
  { name: "a record as payload", isRead: false, before: BEHIND, bytes: second(RECORD_ITSELF) },
  { name: "lz4", isRead: true, before: BEHIND, bytes: second(HELLOS, "lz4") },
  { name: "zstd", isRead: true, before: BEHIND, bytes: second(HELLOS, "zstd") },
];

/** A record's neighbour in the segment: what stands behind it is read if a damaged length reaches into it. */
export const NEIGHBOUR: Buffer = laidOut({
  offset: 1n,
  prevHash: chainHash("data", Buffer.alloc(0)),
  kind: "data",
  compression: "none",
  payload: Buffer.from("the record behind"),
});

/** Segments of several records. */
export const SEGMENTS: readonly Buffer[] = [segmentOf("none"), segmentOf("lz4"), segmentOf("zstd")];

function segmentOf(compression: CompressionKind): Buffer {
  const third = following("data", HELLOS, FIRST);
  const checkpoint = checkpointAfter(third);
  const last = following("data", Buffer.alloc(0), checkpoint);
  return Buffer.concat([BEHIND, bytesOf(third, compression), bytesOf(checkpoint), bytesOf(last)]);
}
