/**
 * Walking over records: the same ones whatever is read at a time, and every way in which an intact record may
 * be in the wrong place. With it what builds on it: an index from the records, and finding the way again
 * behind damage.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { encoded, HandLog, join, START_MARK, type StoredRecord, text, u32, u64 } from "../../e2e/by-hand.ts";
import { readOnlyFile } from "../../e2e/read-only-file.ts";
import { flipped, shown } from "../../e2e/testing.ts";
import { CodecRegistry } from "../format/codec.ts";
import { findIntact, type Found, type Region } from "./resynchronise.ts";
import { extendIndex } from "./index-builder.ts";
import { formatNamed } from "../format/formats.ts";
import { OffsetIndex } from "../format/offset-index.ts";
import { type Flaw, frameAt, recordAt } from "../format/record.ts";
import { misfit } from "../format/misfit.ts";
import { isIntactBeyondLimits, RecordScanner } from "./scan.ts";
import type { Format } from "../types.ts";

/** A format as FORMAT.md, sections 2 and 8.1, has it. */
interface Layout {
  readonly format: Format;
  readonly overheadBytes: number;
  readonly headerBytes: number;
  /** A header, whatever its record's stored size. */
  readonly header: (offset: bigint, length: number) => Uint8Array;
}

const ZEROS = new Uint8Array(32);
const LAYOUTS: readonly Layout[] = [
  {
    format: "plain",
    overheadBytes: 48,
    headerBytes: 44,
    header: (offset, length) => join(u64(offset), ZEROS, u32(length)),
  },
  {
    format: "sentinel",
    overheadBytes: 58,
    headerBytes: 50,
    header: (offset, length) => join(START_MARK, u64(offset), ZEROS, Uint8Array.of(0, 0), u32(length)),
  },
];

const CHUNKS = [1, 16, 64, 2 ** 20];

describe.each(LAYOUTS)("$format:", ({ format, overheadBytes, headerBytes, header }) => {
  const FORMAT = formatNamed(format);

  /** Ten records of many sizes, two of them checkpoints: at offsets 4 and 8. */
  const LOG = new HandLog(4, format)
    .append(text("event1"), new Uint8Array(0), text("e"), new Uint8Array(700).fill(3))
    .append(text("event5"), text("a longer event, of forty-one bytes or so"), text("event7"))
    .append(new Uint8Array(100).fill(9));

  const region = (bytes: Uint8Array, chunkBytes: number): Region => ({
    format: FORMAT,
    file: readOnlyFile(bytes),
    path: "/segment",
    end: bytes.length,
    codecs: new CodecRegistry(),
    chunkBytes,
  });

  const scannerOver = (bytes: Uint8Array, chunk: number, start = 0): RecordScanner =>
    new RecordScanner(FORMAT, readOnlyFile(bytes), "/segment", start, bytes.length, chunk);

  /** The records that a scan gives, and what stopped it. */
  async function scanned(scanner: RecordScanner): Promise<{ records: string[]; flaw: Flaw | undefined }> {
    const records: string[] = [];
    while (!scanner.done) {
      const found = await scanner.advance();
      if (!found.ok) return { records, flaw: found };
      records.push(shown(recordAt(FORMAT, scanner.bytes, scanner.at, found)));
      scanner.accept(found);
    }
    return { records, flaw: undefined };
  }

  /** Byte position of the record at an offset. */
  const positionOf = (offset: number): number => LOG.bytes(0, offset).length;

  describe.each(CHUNKS)("%i bytes at a time", (chunk) => {
    test("a scan gives all records", async () => {
      expect(await scanned(scannerOver(LOG.bytes(), chunk))).toStrictEqual({
        records: LOG.records.map(shown),
        flaw: undefined,
      });
    });

    test("a scan from a record's position gives those from there on", async () => {
      expect((await scanned(scannerOver(LOG.bytes(), chunk, positionOf(5)))).records).toStrictEqual(
        LOG.records.slice(5).map(shown),
      );
    });

    test("a file cut anywhere gives the whole records, and is incomplete behind them", async () => {
      const bytes = LOG.bytes();
      const ends = LOG.records.map((_, offset) => positionOf(offset + 1));
      for (let length = 1; length < bytes.length; length += chunk === 1 ? 7 : 1) {
        const { records, flaw } = await scanned(scannerOver(bytes.subarray(0, length), chunk));
        expect(records).toHaveLength(ends.filter((end) => end <= length).length);
        expect(flaw?.code).toBe(ends.includes(length) ? undefined : "incomplete");
      }
    });

    test("an index is built from the records", async () => {
      const index = new OffsetIndex();
      const end = await extendIndex(
        index,
        scannerOver(LOG.bytes(), chunk),
        0,
        new Uint8Array(32),
        new CodecRegistry(),
      );
      expect(end).toMatchObject({ nextOffset: 10, flaw: undefined });
      expect(Buffer.from(end.head ?? [])).toStrictEqual(Buffer.from(LOG.head));
      expect(LOG.records.map((_, offset) => index.position(offset))).toStrictEqual(
        LOG.records.map((_, offset) => positionOf(offset)),
      );
      expect([index.checkpointAtOrBefore(3), index.checkpointAtOrBefore(7)]).toStrictEqual([undefined, 4]);
      expect(index.end).toBe(LOG.bytes().length);
    });

    test("an index is built up to the first record that does not belong", async () => {
      const index = new OffsetIndex();
      const bytes = join(LOG.bytes(0, 3), LOG.bytes(4));
      const scanner = scannerOver(bytes, chunk);
      const end = await extendIndex(index, scanner, 0, new Uint8Array(32), new CodecRegistry());
      expect(end).toMatchObject({ nextOffset: 3, flaw: { code: "wrong-offset" } });
      expect(Buffer.from(end.head ?? [])).toStrictEqual(Buffer.from(LOG.records[2]?.hash ?? []));
      expect([index.count, index.end]).toStrictEqual([3, positionOf(3)]);
    });

    test("behind damage the next intact record is found, wherever the damage is", async () => {
      for (let offset = 0; offset < LOG.records.length; offset += 1) {
        const start = positionOf(offset);
        const bytes = flipped(LOG.bytes(), (start + 20) * 8);
        expect(await findIntact(region(bytes, chunk), start + 1, offset)).toStrictEqual({
          found:
            offset === 9
              ? undefined
              : { position: positionOf(offset + 1), offset: offset + 1, end: bytes.length },
          givenUp: false,
        });
      }
    });
  });

  describe("what continues a stream behind damage", () => {
    /** What is found behind a lost record of so many bytes. */
    const behind = async (lost: number, bytes: Uint8Array, offset: number): Promise<Found | undefined> => {
      const whole = join(new Uint8Array(lost), bytes);
      const { found, givenUp } = await findIntact(region(whole, 64), 1, offset);
      expect(givenUp).toBe(false);
      return found;
    };
    const record = (offset: bigint, payload: Uint8Array, prevHash = new Uint8Array(32)): Uint8Array =>
      encoded({ offset, prevHash, kind: "data", payload }, format);

    test("is a record of a later offset", async () => {
      expect(await behind(60, LOG.bytes(2, 3), 3)).toBeUndefined();
      expect(await behind(60, LOG.bytes(2, 3), 2)).toBeUndefined();
      expect(await behind(60, LOG.bytes(2, 3), 1)).toStrictEqual({
        position: 60,
        offset: 2,
        end: 60 + overheadBytes + 1,
      });
    });

    test("is no record for which the bytes between leave no room", async () => {
      const room = overheadBytes * 3;
      expect(await behind(room, record(9n, text("event")), 6)).toStrictEqual({
        position: room,
        offset: 9,
        end: room + overheadBytes + 5,
      });
      expect(await behind(room - 1, record(9n, text("event")), 6)).toBeUndefined();
    });

    test("is no record that is damaged or cut itself", async () => {
      expect(await behind(60, flipped(LOG.bytes(5, 6), 8 * 50), 4)).toBeUndefined();
      expect(await behind(60, LOG.bytes(5, 6).subarray(0, -1), 4)).toBeUndefined();
    });

    test("is the record that really follows, not what a payload holds: no chain leads out of that", async () => {
      const forged = join(record(1n, text("forged")), record(2n, text("forged, too")));
      const log = new HandLog(0, format).append(
        join(text("x".repeat(60)), forged),
        text("real"),
        text("last"),
      );
      const bytes = flipped(log.bytes(), 8 * 42);
      expect(await findIntact(region(bytes, 64), 1, 0)).toStrictEqual({
        found: { position: log.bytes(0, 1).length, offset: 1, end: bytes.length },
        givenUp: false,
      });
    });

    test("is, where no chain leads to the end, what leads farthest", async () => {
      const torn = new Uint8Array(60);
      const forged = record(3n, text("forged"));
      const holdsForged = record(2n, join(new Uint8Array(overheadBytes), forged));
      const lost = 2 * overheadBytes;
      expect(await behind(lost, join(holdsForged, torn), 1)).toStrictEqual({
        position: lost,
        offset: 2,
        end: lost + holdsForged.length,
      });
      const real = record(2n, text("real, and last"));
      expect(await behind(lost, join(forged, real, torn), 1)).toStrictEqual({
        position: lost + forged.length,
        offset: 2,
        end: lost + forged.length + real.length,
      });
    });

    test("is not searched for ever in bytes made to look like records everywhere", async () => {
      // Headers, each claiming all the bytes behind it: trying every one would take quadratic time.
      const bytes = Buffer.alloc(overheadBytes * 4000);
      for (let at = 0; at < bytes.length; at += overheadBytes) {
        bytes.set(header(BigInt(at / overheadBytes), bytes.length - at - overheadBytes), at);
      }
      const file = readOnlyFile(bytes);
      const search = await findIntact({ ...region(bytes, 64), file }, 1, 0);
      expect(search).toStrictEqual({ found: undefined, givenUp: true });
      expect(file.reads.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(70 * bytes.length);
    });

    test.prop([fc.uint8Array({ maxLength: 150 }), fc.constantFrom(1, 16, 64)])(
      "is not found in any bytes that hold none",
      async (noise, chunk) => {
        const none = { found: undefined, givenUp: false };
        expect(await findIntact(region(noise, chunk), 1, 0)).toStrictEqual(none);
        const bytes = join(new Uint8Array(overheadBytes), noise, LOG.bytes(5, 6));
        const found = { position: overheadBytes + noise.length, offset: 5, end: bytes.length };
        expect(await findIntact(region(bytes, chunk), 1, 4)).toStrictEqual({ found, givenUp: false });
      },
    );
  });

  describe("a length is believed of no record", () => {
    /** What a scan says of a header with this length and zeros behind it, having read no more than that. */
    async function flawOf(length: number): Promise<Flaw> {
      const bytes = join(header(0n, length), new Uint8Array(100));
      const file = readOnlyFile(bytes);
      const scanner = new RecordScanner(FORMAT, file, "/segment", 0, bytes.length, 16);
      const found = await scanner.advance();
      expect(Math.max(...file.reads.map(([, asked]) => asked))).toBeLessThanOrEqual(headerBytes);
      return found.ok ? expect.fail("That is no record.") : found;
    }

    test("that claims more than the file has left", async () => {
      expect(await flawOf(2 ** 28 - 1)).toMatchObject({ code: "incomplete" });
      expect(await flawOf(100)).toMatchObject({ code: "incomplete" });
    });

    if (format === "sentinel") {
      test.each([2 ** 28, 2 ** 31, 2 ** 32 - 1])("that no record has: %i", async (length) => {
        expect(await flawOf(length)).toMatchObject({ code: "malformed" });
      });
    }
  });
});

type Stand = readonly [
  name: string,
  expected: string,
  record: StoredRecord,
  offset: number,
  previous: Uint8Array | undefined,
];

describe("an intact record may stand", () => {
  const hash = new Uint8Array(32).fill(7);
  const other = new Uint8Array(32).fill(8);
  const data = (offset: bigint, prevHash: Uint8Array): StoredRecord => ({
    offset,
    prevHash,
    kind: "data",
    payload: text("event"),
  });
  const checkpoint = (offset: bigint, payload: Uint8Array): StoredRecord => ({
    offset,
    prevHash: hash,
    kind: "checkpoint",
    payload,
  });
  const firstCheckpoint = { ...checkpoint(0n, join(ZEROS, u64(0n))), prevHash: ZEROS };
  const tombstone: StoredRecord = { ...data(5n, hash), kind: "tombstone" };
  const naming = (first: bigint, count: bigint): StoredRecord => ({
    ...tombstone,
    payload: join(u64(first), u64(count)),
  });

  const flawOf = (format: Format, [, , record, offset, previous]: Stand): string => {
    const layout = formatNamed(format);
    const bytes = encoded(record, format);
    const frame = frameAt(layout, bytes, 0, bytes.length);
    if (!frame.ok) return expect.fail("The record is not intact.");
    return misfit(layout, bytes, 0, frame, offset, previous)?.code ?? "fits";
  };

  const BOTH: readonly Stand[] = [
    ["first: data behind nothing", "fits", data(0n, ZEROS), 0, ZEROS],
    ["first, but it carries a hash", "broken-chain", data(0n, hash), 0, undefined],
    ["behind the record whose hash it carries", "fits", data(5n, hash), 5, hash],
    ["behind a record that is not known", "fits", data(5n, hash), 5, undefined],
    ["behind a record with another hash", "broken-chain", data(5n, hash), 5, other],
    ["an offset early", "wrong-offset", data(5n, hash), 4, hash],
    ["an offset late", "wrong-offset", data(5n, hash), 6, hash],
    ["2^32 offsets away", "wrong-offset", data(5n, hash), 5 + 2 ** 32, hash],
    ["as a checkpoint", "fits", checkpoint(5n, join(hash, u64(5n))), 5, hash],
    ["as a checkpoint of another hash", "malformed", checkpoint(5n, join(other, u64(5n))), 5, hash],
    ["as a checkpoint of 39 bytes", "malformed", checkpoint(5n, join(hash, u64(5n)).subarray(1)), 5, hash],
    ["as a checkpoint of 41 bytes", "malformed", checkpoint(5n, join(hash, u64(5n), text("!"))), 5, hash],
  ];

  test.each([
    ...BOTH,
    ["first, but it is a checkpoint", "malformed", firstCheckpoint, 0, ZEROS],
    ["as a checkpoint of another count", "malformed", checkpoint(5n, join(hash, u64(6n))), 5, hash],
    [
      "as a checkpoint of a count 2^32 away",
      "malformed",
      checkpoint(5n, join(hash, u64(5n + 2n ** 32n))),
      5,
      hash,
    ],
    ["as a tombstone with another payload than one has", "malformed", tombstone, 5, hash],
    ["as a tombstone of the records before it", "fits", naming(0n, 5n), 5, hash],
    ["as a tombstone of the record before it, behind another hash", "broken-chain", naming(4n, 1n), 5, other],
    ["as a tombstone of no record", "malformed", naming(4n, 0n), 5, hash],
    ["as a tombstone of itself", "malformed", naming(5n, 1n), 5, hash],
    ["as a tombstone of a record before it and of itself", "malformed", naming(4n, 2n), 5, hash],
    ["as a tombstone of more than there can be", "malformed", naming(1n, 2n ** 64n - 1n), 5, hash],
    [
      "first, and it is a tombstone",
      "malformed",
      { ...naming(0n, 1n), offset: 0n, prevHash: ZEROS },
      0,
      ZEROS,
    ],
    [
      "as a redacted record, which this version does not know",
      "malformed",
      { ...tombstone, kind: "redacted" },
      5,
      hash,
    ],
  ] satisfies Stand[])("plain: %s: %s", (...stand) => {
    expect(flawOf("plain", stand)).toBe(stand[1]);
  });

  test.each([
    ...BOTH,
    ["first, and it is a checkpoint", "fits", firstCheckpoint, 0, ZEROS],
    ["first, and it is a tombstone", "fits", { ...tombstone, offset: 0n, prevHash: ZEROS }, 0, ZEROS],
    [
      "first, and it is a checkpoint that carries a hash",
      "broken-chain",
      checkpoint(0n, join(hash, u64(0n))),
      0,
      undefined,
    ],
    ["as a checkpoint, whatever it counts", "fits", checkpoint(5n, join(hash, u64(2n ** 64n - 1n))), 5, hash],
    ["as a tombstone, whatever its payload", "fits", tombstone, 5, hash],
    ["as a tombstone behind another hash", "broken-chain", tombstone, 5, other],
  ] satisfies Stand[])("sentinel: %s: %s", (...stand) => {
    expect(flawOf("sentinel", stand)).toBe(stand[1]);
  });
});

test.each(LAYOUTS)(
  "$format: a payload that does not expand ends an index like any other damage",
  async ({ format }) => {
    const scannerOver = (bytes: Uint8Array): RecordScanner =>
      new RecordScanner(formatNamed(format), readOnlyFile(bytes), "/segment", 0, bytes.length, 64);
    const first = encoded({ offset: 0n, prevHash: ZEROS, kind: "data", payload: text("event1") }, format);
    const payload = join(u32(100), text("not a block"));
    const prevHash = new Uint8Array(32).fill(1);
    const broken = encoded({ offset: 1n, prevHash, kind: "data", compression: 1, payload }, format);
    const index = new OffsetIndex();
    const end = await extendIndex(index, scannerOver(join(first, broken)), 0, undefined, new CodecRegistry());
    expect(index.count).toBe(1);
    expect(end.flaw?.code).toBe("broken-chain");
    const unlinked = new OffsetIndex();
    const alone = await extendIndex(unlinked, scannerOver(broken), 1, undefined, new CodecRegistry());
    expect(alone).toMatchObject({ nextOffset: 1, flaw: { code: "undecodable-payload" } });
    expect(unlinked.count).toBe(0);
  },
);

test("a record is not called intact beyond the limits where its bytes end before it does", async () => {
  const header = join(START_MARK, u64(0n), ZEROS, Uint8Array.of(0, 0), u32(2 ** 28));
  const region = {
    format: formatNamed("sentinel"),
    file: readOnlyFile(header),
    path: "segment",
    end: header.length,
  };
  expect(await isIntactBeyondLimits(region, 0)).toBe(false);
});
