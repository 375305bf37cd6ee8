/**
 * One flipped bit in a directory that Kimberlite wrote, opened by this engine: what is read is what was
 * written or an error, and no record is cut off, for Kimberlite's manifest says that it was there.
 */
import { describe, expect, test, vi } from "vitest";
import { Storage, StorageError } from "../src/index.ts";
import { expectedLine, fixtures, recordLine } from "./kimberlite.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { filesIn, flipped } from "./testing.ts";

/** About so many bits of a file are tried, all over it. */
const BITS_MAX = 400;

/** In all: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

describe.each(fixtures())("$name", ({ data, streams }) => {
  const files = filesIn(data);
  test.each([...files.keys()])(
    "every record is read right or refused, whatever bit of %s is flipped",
    async (name) => {
      const bytes = files.get(name) ?? Buffer.alloc(0);
      const expected = streams.find(({ stream }) => name.startsWith(`${stream}/`));
      if (expected === undefined) return expect.fail("The file belongs to no stream.");
      const lines = expected.records.map(expectedLine);
      // Odd, so that it comes upon each of the eight bits of a byte.
      const stride = 2 * Math.floor((bytes.length * 4) / BITS_MAX) + 1;
      for (let bit = 0; bit < bytes.length * 8; bit += stride) {
        const disk = new MemoryDisk("/data", new Map(files).set(name, Buffer.from(flipped(bytes, bit))));
        const storage = await Storage.open("/data", { disk });
        const stream = BigInt(expected.stream);
        const { findings, lostEnd } = await storage.status(stream);
        let refused = 0;
        for (const { offset } of expected.records) {
          try {
            // Not `readRecords`, which would go on after a record without a payload.
            for await (const record of storage.iterate(stream, { from: BigInt(offset), verify: "record" })) {
              expect(recordLine(record)).toBe(lines[offset]);
              break;
            }
          } catch (error) {
            if (!(error instanceof StorageError)) throw error;
            refused += 1;
          }
        }
        // What the flip can cost: in a segment the record that it is in; in index or manifest nothing.
        expect({ bit, refused }).toStrictEqual({ bit, refused: name.endsWith(".log") ? 1 : 0 });
        expect(findings.some(({ action }) => action === "cut")).toBe(false);
        if (name.endsWith(".log")) {
          const size = await (await disk.open(`/data/${name}`, "read")).size();
          expect(size).toBe(bytes.length);
          const whole = storage.readRecords(stream, 0n, Number.POSITIVE_INFINITY, { verify: "genesis" });
          await expect(whole).rejects.toBeInstanceOf(StorageError);
        }
        if (name.endsWith(".idx")) expect(lostEnd).toBeUndefined();
        await storage.close();
      }
    },
  );
});
