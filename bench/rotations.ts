/**
 * What the manifest costs a rotation, by the number of segments that it names: its bytes, and the time to replace it durably.
 *
 * `npm run bench:rotations`. Node prints what it measured here; the numbers in README.md are such a run's.
 * @module
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { NodeDisk } from "../src/index.ts";
import { serializeManifest } from "../src/manifest.ts";
import { replaceFile } from "../src/obstacles.ts";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "kimberlite-"));
try {
  for (const count of [1000, 10_000, 130_000, 1_000_000]) {
    const segments = Array.from({ length: count }, (_, number) => ({
      number,
      firstOffset: number * 100_000,
      nextOffset: (number + 1) * 100_000,
      bytes: 2 ** 28,
    }));
    const started = performance.now();
    const bytes = serializeManifest({ segments, activeSegment: count - 1, format: "plain" });
    await replaceFile(new NodeDisk(), `${directory}/manifest.json`, bytes);
    const milliseconds = Math.round(performance.now() - started);
    console.log(`${count} segments: ${bytes.length} bytes, ${milliseconds} ms`);
  }
} finally {
  fs.rmSync(directory, { recursive: true });
}
