import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { audit } from "../../audit/audit.ts";
import { Storage } from "../../src/index.ts";
import { HEADER_BYTES, segmentIn } from "./floor-layout.ts";
import { FloorLookup, readFloor } from "./floor-reader.ts";
import { FloorWriter } from "./floor-writer.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "floor-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A payload of so many bytes that differs from those of other numbers. */
const payload = (bytes: number, number: number): Buffer => Buffer.alloc(bytes, `payload ${number}, `);

function write(batches: readonly (readonly Uint8Array[])[]): void {
  const writer = new FloorWriter(directory);
  for (const batch of batches) writer.append(batch);
  writer.sync();
  writer.close();
}

function sizesRead(): number[] {
  const sizes: number[] = [];
  readFloor(directory, (bytes) => sizes.push(bytes));
  return sizes;
}

/** Sizes that change from record to record, an empty payload, and one larger than a chunk. */
const BATCHES = [
  [payload(5, 0)],
  [payload(64, 1), payload(0, 2), payload(1024, 3)],
  [payload(3_000_000, 4), payload(64, 5)],
];

describe("The floor does the work that the engine is compared with", () => {
  test("the engine reads what the floor writes, verified from the first record on", async () => {
    write(BATCHES);
    const storage = await Storage.open(directory, { readOnly: true });
    const payloads = await storage.readFrom(1n, 0n, Infinity, { verify: "genesis" });
    const { findings } = await storage.status(1n);
    await storage.close();
    expect(payloads.map(({ length }) => length)).toEqual(BATCHES.flat().map(({ length }) => length));
    expect(Buffer.concat(payloads).equals(Buffer.concat(BATCHES.flat()))).toBe(true);
    // There are no files beside the segment.
    expect([...new Set(findings.map(({ what }) => what))]).toEqual(["damaged hint"]);
  });

  test("the engine appends to what the floor wrote, and the floor reads on", async () => {
    write(BATCHES);
    const storage = await Storage.open(directory);
    const { firstOffset } = await storage.appendBatch(1n, [payload(7, 6)]);
    await storage.close();
    expect(firstOffset).toBe(6n);
    expect(sizesRead()).toEqual([5, 64, 0, 1024, 3_000_000, 64, 7]);
  });

  test("the audit misses the files beside the segment, and finds nothing wrong with a record", async () => {
    write(BATCHES);
    const { streams } = await audit(directory);
    expect(streams.map(({ records }) => records)).toEqual([6]);
    expect(streams.flatMap(({ findings }) => findings).map(({ code }) => code)).toEqual([
      "missing-index",
      "damaged-manifest",
    ]);
  });

  test("the floor reads what it wrote, over the borders of chunks", () => {
    write([Array.from({ length: 5000 }, (_, number) => payload(1000, number))]);
    expect(sizesRead()).toEqual(Array.from({ length: 5000 }, () => 1000));
  });

  test("the floor reads what the engine writes", async () => {
    const storage = await Storage.open(directory, { checkpoints: { everyNRecords: 0 } });
    for (const batch of BATCHES) await storage.appendBatch(1n, batch);
    await storage.close();
    expect(sizesRead()).toEqual(BATCHES.flat().map(({ length }) => length));
  });
});

describe("The floor verifies what it reads", () => {
  const RECORDS = [payload(16, 0), payload(16, 1), payload(16, 2)];

  test("every flipped bit of a segment is rejected", () => {
    write([RECORDS]);
    const bytes = readFileSync(segmentIn(directory));
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(segmentIn(directory), flipped);
      expect(sizesRead, `bit ${bit}`).toThrow(/Record [012] /);
    }
  });

  test("a payload that was edited together with its checksum is revealed by the next record's link", () => {
    write([RECORDS]);
    const bytes = readFileSync(segmentIn(directory));
    const crcAt = HEADER_BYTES + 16;
    bytes[HEADER_BYTES] = 0;
    bytes.writeUInt32LE(crc32(bytes.subarray(0, crcAt)), crcAt);
    writeFileSync(segmentIn(directory), bytes);
    expect(sizesRead).toThrow("Record 1 carries another hash.");
  });

  test("a record that ends too early is rejected", () => {
    write([RECORDS]);
    truncateSync(segmentIn(directory), readFileSync(segmentIn(directory)).length - 1);
    expect(sizesRead).toThrow("Record 2 is incomplete.");
  });

  test("a record that is looked up is the one with this number, and is verified", () => {
    write([RECORDS]);
    const lookup = new FloorLookup(directory);
    expect(lookup.count).toBe(3);
    expect(Buffer.from(lookup.record(1))).toEqual(RECORDS[1]);
    const bytes = readFileSync(segmentIn(directory));
    bytes[HEADER_BYTES] = 0;
    writeFileSync(segmentIn(directory), bytes);
    expect(() => lookup.record(0)).toThrow("Record 0 has another checksum.");
    lookup.close();
  });
});
