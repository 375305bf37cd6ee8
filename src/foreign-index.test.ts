/**
 * Index files that were made for another stream, beside a segment whose end is damaged or torn: two things at
 * once, so that the index cannot be told from one that proves a lost end. Whatever recovery makes of it,
 * every intact record is there, no byte is gone, and the next start comes to the same.
 */
import { describe, expect, test } from "vitest";

import { frameBytes, HandLog, indexBytes, text } from "../e2e/by-hand.ts";
import { contentOf, MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped, openedStorages, shown } from "../e2e/testing.ts";
import type { Storage } from "./storage.ts";
import type { StreamStatus } from "./stream/stream-status.ts";
import type { Format } from "./types.ts";

const openStorage = openedStorages({ checkpoints: { everyNRecords: 0 } });

const SEGMENT = "1/segment_000000.log";
const INDEX: Readonly<Record<Format, string>> = { plain: `${SEGMENT}.idx`, sentinel: `${SEGMENT}.idx2` };
const FORMATS: readonly Format[] = ["plain", "sentinel"];
/** Fewer records than the segment has, as many, and more. */
const SIZES = [1, 3, 5];
/** A prime, so that every field and every bit of a byte is met. */
const STEP = 3;
const DAMAGED = 2;

const logOf = (format: Format, records: number, word: string): HandLog =>
  new HandLog(0, format).append(...Array.from({ length: records }, (_, i) => text(`${word}${i}`)));

/** The saved index or the write-ahead file of a log. */
const indexOf = (log: HandLog, kind: "saved" | "frames"): Uint8Array => {
  const write = kind === "saved" ? indexBytes : frameBytes;
  return write(log.entries(), log.bytes().length, log.head);
};

const open = (disk: MemoryDisk, format: Format): Promise<Storage> => openStorage("/data", { disk, format });

/** What a start comes to; that hints were rebuilt is said once. */
function verdict({ findings, ...rest }: StreamStatus): unknown {
  return { ...rest, findings: findings.filter(({ what }) => what === "corruption").map(({ what }) => what) };
}

/** What is in the segment and in quarantine. */
async function bytesOf(disk: MemoryDisk): Promise<Buffer> {
  const isThere = (await disk.list("/data/1")).includes("quarantine");
  const aside = isThere ? await disk.list("/data/1/quarantine") : [];
  const names = [SEGMENT, ...aside.map((name) => `1/quarantine/${name}`)];
  return Buffer.concat(names.map((name) => contentOf(disk, name)));
}

describe.each(FORMATS.flatMap((format) => SIZES.map((size) => [format, size] as const)))(
  "format %s: index files of another stream with %i records beside three records of which the last is",
  (format, size) => {
    const own = logOf(format, DAMAGED + 1, "own");
    const other = logOf(format, size, "other");
    const whole = own.bytes();
    const start = own.bytes(0, DAMAGED).length;

    const places = Array.from(
      { length: Math.ceil((whole.length - start) / STEP) },
      (_, i) => start + i * STEP,
    );
    const ENDS: readonly (readonly [string, () => Uint8Array[]])[] = [
      ["torn", () => places.map((place) => whole.subarray(0, place))],
      ["damaged", () => places.map((place) => flipped(whole, place * 8 + (place % 8)))],
    ];

    test.each(ENDS)("%s: intact records are there, no byte is gone, twice", async (_, ends) => {
      for (const segment of ends()) {
        for (const kinds of [["saved"], ["frames"], ["saved", "frames"]] as const) {
          const disk = new MemoryDisk(
            "/data",
            new Map([
              [SEGMENT, segment],
              ...kinds.map(
                (kind) =>
                  [`${INDEX[format]}${kind === "frames" ? ".wal" : ""}`, indexOf(other, kind)] as const,
              ),
            ]),
          );
          const verdicts: unknown[] = [];
          for (let start = 0; start < 2; start += 1) {
            const storage = await open(disk, format);
            const status = await storage.status(1n);
            verdicts.push(verdict(status));
            for (const [offset, record] of own.records.slice(0, DAMAGED).entries()) {
              const read = await storage.readRecords(1n, BigInt(offset), 1, { verify: "genesis" });
              expect(read.map(shown)).toStrictEqual([shown(record)]);
            }
            expect(status.nextOffset).toBeGreaterThanOrEqual(BigInt(DAMAGED));
            expect(await bytesOf(disk)).toStrictEqual(Buffer.from(segment));
            await storage.close();
          }
          expect(verdicts[1]).toStrictEqual(verdicts[0]);
        }
      }
    });
  },
);
