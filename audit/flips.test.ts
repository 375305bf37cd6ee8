/**
 * Every single bit of every file of every fixture directory, flipped: the audit says that something is wrong, in which file, and where.
 */
import { describe, expect, test, vi } from "vitest";
import { filesIn, flipped } from "../e2e/testing.ts";
import { fixtures } from "../e2e/kimberlite.ts";
import { audit } from "./audit.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";

/** In all: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

describe.each(fixtures())("$name", ({ data }) => {
  const files = filesIn(data);
  test.each([...files.keys()])("every flipped bit of %s is found and named", async (name) => {
    const bytes = files.get(name) ?? Buffer.alloc(0);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const disk = new MemoryDisk("/data", new Map(files).set(name, Buffer.from(flipped(bytes, bit))));
      const { clean, streams } = await audit("/data", { disk });
      const named = streams
        .flatMap(({ findings }) => findings)
        .filter(({ file, position = 0, end = Infinity }) => {
          const byte = bit >>> 3;
          return file === `/data/${name}` && position <= byte && byte < end;
        });
      expect({ bit, clean, named: named.length > 0 }).toStrictEqual({ bit, clean: false, named: true });
      if (name.endsWith(".log")) {
        expect(named[0]?.cause, `bit ${bit}`).toContain(`bit ${bit % 8} of byte ${bit >>> 3};`);
      }
    }
  });
});
