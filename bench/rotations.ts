/**
 * How long a rotation takes to replace the manifest durably, by the number of segments. Measured over a
 * thousand rotations, one of which writes a page. Also measured: the first rotation after an older version,
 * which left one large manifest; and the format `sentinel`, where one file names all segments.
 *
 * `npm run bench:rotations`
 * @module
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { NodeDisk } from "../src/index.ts";
import type { SegmentInfo } from "../src/format/manifest.ts";
import { ManifestFiles } from "../src/stream/manifest-files.ts";

const ROTATIONS = 1000;
const ROTATIONS_SENTINEL = 3;

const segmentAt = (number: number, count = 100_000): SegmentInfo => ({
  number,
  firstOffset: number * 100_000,
  nextOffset: number * 100_000 + count,
  bytes: count === 0 ? 0 : 2 ** 28,
});

/** Milliseconds that each of so many rotations took, after one that found no page. */
async function measure(
  format: "plain" | "sentinel",
  segments: number,
  rotations: number,
): Promise<{ readonly first: number; readonly each: readonly number[] }> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "kimberlite-"));
  try {
    const manifest = new ManifestFiles({ disk: new NodeDisk(), path: directory, format });
    const sealed = Array.from({ length: segments }, (_, number) => segmentAt(number));
    const rotate = async (): Promise<number> => {
      const started = performance.now();
      await manifest.replace(sealed, segmentAt(sealed.length), segmentAt(sealed.length + 1, 0));
      sealed.push(segmentAt(sealed.length));
      return performance.now() - started;
    };
    const first = await rotate();
    const each: number[] = [];
    for (let i = 0; i < rotations; i += 1) each.push(await rotate());
    return { first, each };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
const ms = (value: number): string => `${value.toFixed(1)} ms`;

for (const count of [1000, 10_000, 130_000, 1_000_000]) {
  const { first, each } = await measure("plain", count, ROTATIONS);
  const sentinel = await measure("sentinel", count, ROTATIONS_SENTINEL);
  console.log(
    `${count} segments: ${ms(median(each))} a rotation (median), ${ms(Math.max(...each))} the slowest of ${ROTATIONS}; ` +
      `${ms(first)} the first with one large manifest; format sentinel: ${ms(median(sentinel.each))} a rotation`,
  );
}
