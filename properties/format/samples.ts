/**
 * The records that the sections begin with, and the boundaries that their fields are taken to. All bytes are
 * by hand or the model's.
 * @module
 */
import { chainHash, NO_HASH } from "../../model/hash.ts";
import { checkpointAfter, following, type ModelRecord } from "../../model/log.ts";
import type { CompressionKind, Format } from "../../src/types.ts";
import { type Fields, laidOut, layoutOf } from "./layout.ts";
import { perFormat } from "./section.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** 32-bit and 64-bit borders, and where doubles end. */
export const boundaryOffsets = (format: Format): readonly bigint[] =>
  [
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
    2n ** 63n,
    2n ** 64n - 2n,
    2n ** 64n - 1n,
  ].filter((offset) => offset < 2n ** BigInt(layoutOf(format).offsetBits));

export const PAYLOAD_SIZES: readonly number[] = [0, 1, 2, 15, 16, 255, 256, 65_535, 65_536];

const recordItself = perFormat((format) =>
  laidOut(format, {
    offset: 0n,
    prevHash: NO_HASH,
    kind: "data",
    compression: "none",
    payload: Buffer.from("a record in a record"),
  }),
);

export interface Fill {
  readonly name: string;
  /** The byte at a place of the payload. */
  readonly at: (index: number) => number;
}

export const COUNTING: Fill = { name: "counting", at: (index) => index & 0xff };

/** What looks like records of this format. */
export const recordsFill: (format: Format) => Fill = perFormat((format) => {
  const record = recordItself(format);
  return { name: "records", at: (index) => record[index % record.length] ?? 0 };
});

export const fillsOf: (format: Format) => readonly Fill[] = perFormat((format) => [
  { name: "zeros", at: () => 0 },
  { name: "0xff", at: () => 0xff },
  COUNTING,
  recordsFill(format),
]);

/** A payload of so many bytes. */
export function filled(size: number, { at }: Fill): Buffer {
  const bytes = Buffer.alloc(size);
  for (let index = 0; index < size; index += 1) bytes[index] = at(index);
  return bytes;
}

export const previousHashes: (format: Format) => readonly Uint8Array[] = perFormat((format) => [
  NO_HASH,
  Buffer.alloc(32, 0xff),
  chainHash(format, "data", Buffer.from("before")),
]);

const HELLOS = Buffer.from("hello, hello, hello, hello");
/** `HELLOS` as an LZ4 block: seven literals, fourteen bytes from seven back, five literals. */
const HELLOS_LZ4 = hex("1a000000 7a 68656c6c6f2c20 0700 50 68656c6c6f");
const ZSTD_MAGIC = hex("28b52ffd");
const HELLOS_BLOCK = hex("6d0000 38 68656c6c6f2c20 01004a8a11");
/** `HELLOS` as `zstd 1.5.4 -19 --no-check` wrote it: a single segment that declares its size. */
const HELLOS_ZSTD = Buffer.concat([ZSTD_MAGIC, hex("20 1a"), HELLOS_BLOCK]);
/** What is stored for `HELLOS`. */
export const STORED: Readonly<Record<CompressionKind, Buffer>> = {
  none: HELLOS,
  lz4: HELLOS_LZ4,
  zstd: HELLOS_ZSTD,
};
/** The same frame with a window of 2 MiB in place of the size. */
export const STORED_UNDECLARED: Buffer = Buffer.concat([ZSTD_MAGIC, hex("00 58"), HELLOS_BLOCK]);

/** A record in its place: the bytes before it in the segment, and its own. */
export interface Sample {
  readonly name: string;
  /** Whether what the payload says makes a difference to a reader. */
  readonly isRead: boolean;
  readonly before: Buffer;
  readonly bytes: Buffer;
}

type Coding = Partial<Pick<Fields, "compression" | "payload">>;

const bytesOf = (format: Format, record: ModelRecord, coding: Coding = {}): Buffer =>
  laidOut(format, { ...record, compression: "none", ...coding });
const stored = (compression: CompressionKind): Coding => ({ compression, payload: STORED[compression] });
const UNDECLARED: Coding = { compression: "zstd", payload: STORED_UNDECLARED };

const ALONE = Buffer.alloc(0);

/** A record of no payload. */
export const EMPTY = "no payload";

/** Small records of every sort that a reader meets. */
export const samplesOf: (format: Format) => readonly Sample[] = perFormat((format) => {
  const first = following(format, "data", Buffer.from("first"));
  const before = bytesOf(format, first);
  const second = (payload: Uint8Array, coding?: Coding): Buffer =>
    bytesOf(format, following(format, "data", payload, first), coding);
  const nothing = bytesOf(format, following(format, "data", Buffer.alloc(0)));
  const checkpoint = bytesOf(format, checkpointAfter(format, first));
  const common: readonly Sample[] = [
    { name: EMPTY, isRead: false, before: ALONE, bytes: nothing },
    { name: "16 bytes", isRead: false, before, bytes: second(Buffer.from("0123456789abcdef")) },
    { name: "a checkpoint", isRead: true, before, bytes: checkpoint },
    { name: "a record as payload", isRead: false, before, bytes: second(recordItself(format)) },
    { name: "lz4", isRead: true, before, bytes: second(HELLOS, stored("lz4")) },
    { name: "zstd", isRead: true, before, bytes: second(HELLOS, stored("zstd")) },
  ];
  if (format === "plain") return common;
  const tombstone = bytesOf(format, following(format, "tombstone", Buffer.from("gone")));
  return [
    ...common,
    { name: "zstd of undeclared size", isRead: true, before, bytes: second(HELLOS, UNDECLARED) },
    { name: "a tombstone first", isRead: false, before: ALONE, bytes: tombstone },
  ];
});

export const sampleNames = (format: Format): string[] => samplesOf(format).map(({ name }) => name);

/** A record's neighbour in the segment: what stands behind it is read if a damaged length reaches into it. */
export const neighbourOf: (format: Format) => Buffer = perFormat((format) =>
  laidOut(format, {
    offset: 1n,
    prevHash: chainHash(format, "data", Buffer.alloc(0)),
    kind: "data",
    compression: "none",
    payload: Buffer.from("the record behind"),
  }),
);

/** Segments of several records. */
export const segmentsOf: (format: Format) => readonly Buffer[] = perFormat((format) => {
  const common = [stored("none"), stored("lz4"), stored("zstd")].map((coding) => segment(format, coding));
  return format === "plain" ? common : [...common, segment(format, UNDECLARED), anyKindFirst(format)];
});

function segment(format: Format, coding: Coding): Buffer {
  const first = following(format, "data", Buffer.from("first"));
  const second = following(format, "data", HELLOS, first);
  const checkpoint = checkpointAfter(format, second);
  const last = following(format, "data", Buffer.alloc(0), checkpoint);
  return Buffer.concat([
    bytesOf(format, first),
    bytesOf(format, second, coding),
    bytesOf(format, checkpoint),
    bytesOf(format, last),
  ]);
}

/** A stream that begins with a tombstone and goes on with a checkpoint that does not count it. */
function anyKindFirst(format: Format): Buffer {
  const first = following(format, "tombstone", Buffer.from("gone"));
  const checkpoint = following(format, "checkpoint", Buffer.concat([first.hash], 40), first);
  const last = following(format, "data", HELLOS, checkpoint);
  return Buffer.concat([bytesOf(format, first), bytesOf(format, checkpoint), bytesOf(format, last)]);
}
