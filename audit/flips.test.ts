/**
 * Single flipped bits in every file of directories that Kimberlite wrote and of this package's: the audit
 * names the file, and where in it.
 *
 * Of the first's small files all bits are flipped; of all others one bit of each byte, which one goes round.
 */
import { describe, expect, test, vi } from "vitest";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { fixtures } from "../e2e/kimberlite.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { filesIn, flipped } from "../e2e/testing.ts";
import { audit } from "./audit.ts";

/** In all: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

const ALL_BITS_BYTES_MAX = 64;

interface Directory {
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly isOwn: boolean;
}

const DIRECTORIES: readonly Directory[] = [
  ...fixtures().map(({ name, data }) => ({ name, files: filesIn(data), isOwn: false })),
  ...(["plain", "sentinel"] as const).map((format) => ({
    name: `this package's, ${format}`,
    files: new Map([...new HandDirectory(format).files()].map(([name, bytes]) => [`1/${name}`, bytes])),
    isOwn: true,
  })),
];

describe.each(DIRECTORIES)("$name", ({ files, isOwn }) => {
  test.each([...files.keys()])("a flipped bit of %s is found and named", async (name) => {
    const bytes = files.get(name) ?? Buffer.alloc(0);
    // From one byte to the next bit in nine.
    const stride = isOwn || bytes.length > ALL_BITS_BYTES_MAX ? 9 : 1;
    // Without this word the manifest is one of Kimberlite's, in whose directories this package may have gone
    // on.
    const word = Buffer.from(bytes).indexOf('format":"sentinel"');
    for (let bit = 0; bit < bytes.length * 8; bit += stride) {
      if (word >= 0 && bit >= word * 8 && bit < (word + "format".length) * 8) continue;
      const disk = new MemoryDisk("/data", new Map(files).set(name, flipped(bytes, bit)));
      const { clean, streams } = await audit("/data", { disk });
      const named = streams
        .flatMap(({ findings }) => findings)
        .filter(({ file, position = 0, end = Infinity }) => {
          const byte = bit >>> 3;
          return file === `/data/${name}` && position <= byte && byte < end;
        });
      // The end of a write-ahead file may be what a crash leaves.
      const isClean = name.endsWith(".wal") && named.every(({ severity }) => severity === "notice");
      expect({ bit, clean, named: named.length > 0 }).toStrictEqual({ bit, clean: isClean, named: true });
      if (name.endsWith(".log")) {
        expect(named[0]?.cause, `bit ${bit}`).toContain(`bit ${bit % 8} of byte ${bit >>> 3};`);
      }
    }
  });
});
