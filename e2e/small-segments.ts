/**
 * A stream with a segment for each record, as it lies in a directory: what compaction merges.
 * @module
 */
import fs from "node:fs";
import path from "node:path";
import type { Storage, StorageOptions } from "../src/index.ts";

const ALL = Number.POSITIVE_INFINITY;

export const payloadOf = (offset: number): Buffer => Buffer.from(`payload ${offset}`);

/** Bytes of a record of these in the format `plain`. */
export const RECORD_BYTES = 57;

/** Opens a stream 1 of ten records, each in a segment of its own. */
export async function tenSegments(
  open: (root: string, options: StorageOptions) => Promise<Storage>,
  root: string,
  options: StorageOptions = {},
): Promise<Storage> {
  const storage = await open(root, { maxSegmentBytes: 1, ...options });
  for (let offset = 0; offset < 10; offset += 1) await storage.appendBatch(1n, [payloadOf(offset)]);
  return storage;
}

/** The same, where three at a time were merged. @returns the storage, still open */
export async function threeASegment(
  open: (root: string, options: StorageOptions) => Promise<Storage>,
  root: string,
): Promise<Storage> {
  const storage = await tenSegments(open, root);
  await storage.compact(1n, { mergeThresholdBytes: 3 * RECORD_BYTES });
  return storage;
}

/** A file of that stream. */
export const inStream = (root: string, name = ""): string => path.join(root, "1", name);

/** The names of its segments. */
export const segmentsIn = (root: string): string[] =>
  fs
    .readdirSync(inStream(root))
    .filter((name) => name.endsWith(".log"))
    .sort();

/** What the stream shows of itself, but for its segments. */
export async function shownOf(storage: Storage): Promise<unknown> {
  const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
  const backwards: unknown[] = [];
  for await (const { offset } of storage.iterate(1n, { reverse: true })) backwards.push(offset);
  const alone: unknown[] = [];
  for (const { offset } of records) alone.push(await storage.readRecords(1n, offset, ALL, { limit: 1 }));
  return { records, backwards, alone, head: await storage.head(1n) };
}

/** Begins stream 1 with a manifest whose pages are about so many segments. */
export function beginPages(root: string, pageSegments: number): void {
  fs.mkdirSync(inStream(root));
  const segments = [{ segment_num: 0, first_offset: 0, next_offset: 0, size_bytes: 0 }];
  const manifest = { segments, active_segment: 0, format: "plain", page_segments: pageSegments };
  fs.writeFileSync(inStream(root, "manifest.json"), JSON.stringify(manifest));
  for (const name of ["segment_000000.log", "segment_000000.log.idx.wal"])
    fs.writeFileSync(inStream(root, name), "");
}
