/**
 * A stream by hand with a record in each segment and a manifest with pages (docs/FORMAT.md, section 7).
 *
 * Promises: what `by-hand.ts` promises. Nothing in it is damaged, and nothing is left to be said of it.
 * @module
 */
import { HandLog, indexBytes, text } from "./by-hand.ts";

/** Bytes of a record whose payload has one. */
const RECORD_BYTES = 49;

/**
 * How many segments to make, and how many a page names; `write` says it in the manifest also where that is no
 * news.
 */
export interface Paging {
  readonly segments: number;
  readonly pageSegments: number;
  /** How many pages there are; as many as are full unless said otherwise. */
  readonly pages?: number;
}

/** Name of a segment's file, and of a page. */
export const segmentFile = (number: number): string => `segment_${String(number).padStart(6, "0")}.log`;
export const pageFile = (number: number): string => `manifest-${String(number).padStart(6, "0")}.json`;

const entry = (number: number, isActive: boolean): object => ({
  segment_num: number,
  first_offset: number,
  next_offset: isActive ? number : number + 1,
  size_bytes: isActive ? 0 : RECORD_BYTES,
});

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);

/** The entries of segments from one up to another. */
const entries = (from: number, to: number, active: number): object[] =>
  Array.from({ length: to - from }, (_, i) => entry(from + i, from + i === active));

/** `manifest.json` and its pages, by their names. */
export function manifestFiles({ segments, pageSegments, pages }: Paging): Map<string, Buffer> {
  const active = segments - 1;
  const count = pages ?? Math.floor(active / pageSegments);
  const files = new Map<string, Buffer>();
  for (let page = 0; page < count; page += 1) {
    const from = page * pageSegments;
    files.set(pageFile(page), json({ segments: entries(from, from + pageSegments, active) }));
  }
  const said = pageSegments === 1000 ? {} : { page_segments: pageSegments };
  const listed = entries(count * pageSegments, segments, active);
  files.set("manifest.json", json({ segments: listed, active_segment: active, format: "plain", ...said }));
  return files;
}

/** All files of the stream by their names. */
export function pagedStream(paging: Paging): { readonly log: HandLog; readonly files: Map<string, Buffer> } {
  const log = new HandLog();
  for (let i = 0; i < paging.segments; i += 1) log.append(text("e"));
  const files = manifestFiles(paging);
  for (const [i, { hash }] of log.records.entries()) {
    files.set(segmentFile(i), log.bytes(i, i + 1));
    if (i + 1 < paging.segments) files.set(`${segmentFile(i)}.idx`, indexBytes([[0]], RECORD_BYTES, hash));
  }
  files.set(`${segmentFile(paging.segments - 1)}.idx.wal`, Buffer.alloc(0));
  return { log, files };
}
