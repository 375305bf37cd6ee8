/**
 * The files that the manifest is in: `manifest.json`, and in the format `plain` a page `manifest-NNNNNN.json`
 * for each full thousand of numbers of sealed segments.
 *
 * Invariants:
 * - `manifest.json` names the last segments; those before its first are named by pages, the same number by
 *   each, without gaps.
 * - A page that `manifest.json` needs was durable under its name before `manifest.json` got its own. So no
 *   crash leaves one missing: that is a fault.
 * - A page that `manifest.json` does not need is not read. A crash may leave one; it is written over before
 *   it is needed.
 * - A page is replaced only after segments were found to be other than it says, or because one was replaced,
 *   and atomically. A crash between that and `manifest.json` may leave the two in contradiction, which is as
 *   good as a missing page.
 * - That a segment was there is known from `manifest.json` alone: every number below its first is named,
 *   whether or not the page can be read.
 * - What a page says is worth what `manifest.json` says: it is believed of a segment only if the segment and
 *   its index bear it out.
 *
 * So nothing that was named is forgotten, and a page that is missing, foreign or damaged changes only speed.
 *
 * Time: a rotation writes at most one page and the entries of less than one. The first one of a stream whose
 * `manifest.json` names all segments, as older versions wrote it, writes all pages.
 * @module
 */
import type { Disk } from "../disk/disk.ts";
import { syncNames } from "../disk/files.ts";
import { lastNumber, sameNumbers, type SegmentNumbers } from "../segment-numbers.ts";
import { MANIFEST_NAME, pageName, pageNumber } from "../disk/names.ts";
import { elementAt } from "../element-at.ts";
import {
  type Manifest,
  manifestBytesMax,
  PAGE_SEGMENTS,
  parsePage,
  sameSegment,
  type SegmentInfo,
  serializeManifest,
  serializePage,
} from "../format/manifest.ts";
import { readHint, replaceFile } from "../disk/obstacles.ts";
import type { StreamFiles } from "../segment/saved-index.ts";
import type { Format } from "../types.ts";

/** `manifest.json`, with those of its pages that could be read. */
export interface PagedManifest extends Manifest {
  /** By their numbers. */
  readonly pages: ReadonlyMap<number, readonly SegmentInfo[]>;
}

/**
 * How many segments a manifest is believed to name without saying more of them: as many as one of 16 MiB
 * could.
 */
const NAMELESS_MAX = 2 ** 17;

/** Number of the first segment that `manifest.json` itself names; those before it are in pages. */
function firstListed({ segments }: Manifest): number {
  return elementAt(segments, 0).number;
}

/** How many pages `manifest.json` needs. */
export function pagesNeeded(manifest: Manifest): number {
  return firstListed(manifest) / manifest.pageSegments;
}

/**
 * What the manifest says of the segment that has a number, perhaps among others; nothing if it does not name
 * it, or the page cannot be read. O(log segments) time.
 */
export function segmentWith(manifest: PagedManifest, number: number): SegmentInfo | undefined {
  const { pageSegments, pages, segments } = manifest;
  const isListed = number >= firstListed(manifest);
  const listed = isListed ? segments : (pages.get(Math.floor(number / pageSegments)) ?? []);
  const info = listed[placeWith(listed, number)];
  return info !== undefined && info.number <= number ? info : undefined;
}

/** What the manifest says of a segment, if it names one of just these numbers. */
export function segmentIn(manifest: PagedManifest, segment: SegmentNumbers): SegmentInfo | undefined {
  const info = segmentWith(manifest, segment.number);
  return info !== undefined && sameNumbers(info, segment) ? info : undefined;
}

/** The offsets that the manifest gives a segment, in one entry or in one for each that it was merged from. */
export function offsetsIn(
  manifest: PagedManifest,
  segment: SegmentNumbers,
): { readonly firstOffset: number; readonly nextOffset: number } | undefined {
  const first = segmentWith(manifest, segment.number);
  const last = segmentWith(manifest, lastNumber(segment));
  if (first?.number !== segment.number || last === undefined) return undefined;
  if (lastNumber(last) !== lastNumber(segment)) return undefined;
  return { firstOffset: first.firstOffset, nextOffset: last.nextOffset };
}

/** Place of the first segment that has this number or a later one; O(log segments). */
export function placeWith(segments: readonly SegmentNumbers[], number: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lastNumber(elementAt(segments, middle)) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Name of the file in which the manifest names a segment. */
export function fileNaming(manifest: Manifest, segment: number): string {
  return segment < firstListed(manifest)
    ? pageName(Math.floor(segment / manifest.pageSegments))
    : MANIFEST_NAME;
}

/**
 * How many segments the manifest is believed to name. One that says that pages precede it could name any
 * number without saying more of them.
 */
export function countNamed(manifest: PagedManifest): number {
  const { activeSegment, pageSegments, pages } = manifest;
  const listed = activeSegment + 1 - firstListed(manifest) + pages.size * pageSegments;
  return Math.min(activeSegment + 1, listed + NAMELESS_MAX);
}

/**
 * Reads the pages that a manifest needs, the last one first: one that ends elsewhere than what follows it
 * begins is another stream's, or an older one.
 *
 * @param names those in the stream's directory
 * @param segments how many are there
 * @param reading what is done about a page that the disk refuses to read; `io` is thrown unless it says
 *   otherwise
 * @throws StorageError `io`
 */
export async function withPages(
  disk: Disk,
  path: string,
  manifest: Manifest,
  names: readonly string[],
  segments: number,
  reading: <T>(call: () => Promise<T | undefined>) => Promise<T | undefined> = (call) => call(),
): Promise<PagedManifest> {
  const needed = pagesNeeded(manifest);
  const numbers = names.flatMap((name) => pageNumber(name) ?? []).filter((number) => number < needed);
  const pages = new Map<number, readonly SegmentInfo[]>();
  for (const number of numbers.sort((a, b) => b - a)) {
    const file = `${path}/${pageName(number)}`;
    const bytes = await reading(() => readHint(disk, file, manifestBytesMax(segments)));
    const page = bytes && parsePage(bytes, number, manifest.pageSegments);
    const [following] = (number + 1 === needed ? manifest.segments : pages.get(number + 1)) ?? [];
    const isJoined = following === undefined || following.firstOffset === page?.at(-1)?.nextOffset;
    if (page !== undefined && isJoined) pages.set(number, page);
  }
  return { ...manifest, pages };
}

/** Consecutive pages. */
export interface PageRun {
  readonly first: number;
  readonly last: number;
}

/** The pages that a manifest needs and that could not be read, ascending; O(pages that could). */
export function pagesMissing(manifest: PagedManifest): PageRun[] {
  const there = [...manifest.pages.keys()].sort((a, b) => a - b);
  const runs: PageRun[] = [];
  let first = 0;
  for (const page of [...there, pagesNeeded(manifest)]) {
    if (first < page) runs.push({ first, last: page - 1 });
    first = page + 1;
  }
  return runs;
}

/** A stream's manifest as its writer has it on the disk. */
export class ManifestFiles {
  readonly #files: StreamFiles;
  /** How many numbers of segments a page is about. */
  readonly pageSegments: number;
  /** How many pages, from the first on, are on the disk, and which of them not as they are to be. */
  #pages = 0;
  readonly #outdated = new Set<number>();
  #replacing: number | undefined;

  /** @param there what is there of it */
  constructor(files: StreamFiles, there?: PagedManifest) {
    this.#files = files;
    this.pageSegments = there?.pageSegments ?? PAGE_SEGMENTS;
  }

  /**
   * Compares pages with what is known of sealed segments: those up to the first that differs need not be
   * written.
   */
  keep({ pages }: PagedManifest, sealed: readonly SegmentInfo[]): void {
    const known = new Map(sealed.map((info) => [info.number, info]));
    const isAsKnown = (info: SegmentInfo): boolean => sameSegment(info, known.get(info.number));
    while (pages.get(this.#pages)?.every(isAsKnown) === true) this.#pages += 1;
  }

  /** Makes every manifest that is written from now on say which sealed segment is being replaced. */
  beginReplacing(segment: number): void {
    this.#replacing = segment;
  }

  /** Ends that: what is known of the segment is as it was replaced. */
  endReplacing(segment: number): void {
    this.#replacing = undefined;
    const page = Math.floor(segment / this.pageSegments);
    if (page < this.#pages) this.#outdated.add(page);
  }

  /**
   * Replaces the manifest, durably: first the pages that are not as they are to be, and then `manifest.json`.
   *
   * @param sealed the sealed segments, in order
   * @param following those after them; the last is the active one
   * @throws StorageError `io`; may be called again
   */
  async replace(sealed: readonly SegmentInfo[], ...following: Following): Promise<void> {
    const { disk, path } = this.#files;
    let written = 0;
    for (const { name, bytes, page } of this.writes(sealed, ...following)) {
      if (name === MANIFEST_NAME && written > 0) await syncNames(disk, path);
      await replaceFile(disk, `${path}/${name}`, bytes);
      if (page === undefined) continue;
      written += 1;
      if (!this.#outdated.delete(page)) this.#pages += 1;
    }
    await syncNames(disk, path);
  }

  /** What `replace` writes, in that order, each made when it is asked for. */
  *writes(
    sealed: readonly SegmentInfo[],
    ...following: Following
  ): Generator<{ readonly name: string; readonly bytes: Buffer; readonly page?: number }> {
    const { format } = this.#files;
    const pageSegments = this.pageSegments;
    const all = [...sealed, ...following];
    const activeSegment = elementAt(all, all.length - 1).number;
    const pages = pagesOf(activeSegment, pageSegments, format);
    const run = (from: number, to: number): SegmentInfo[] =>
      all.slice(placeWith(all, from), placeWith(all, to));
    const missing = Array.from({ length: Math.max(0, pages - this.#pages) }, (_, i) => this.#pages + i);
    for (const page of [...this.#outdated, ...missing]) {
      const bytes = serializePage(run(page * pageSegments, (page + 1) * pageSegments));
      yield { name: pageName(page), bytes, page };
    }
    const segments = run(pages * pageSegments, activeSegment + 1);
    const replacing = this.#replacing;
    const bytes = serializeManifest({ segments, activeSegment, format, pageSegments, replacing });
    yield { name: MANIFEST_NAME, bytes };
  }
}

/** Segments after the sealed ones; the last is the active one. */
type Following = readonly [...SegmentInfo[], SegmentInfo];

/** How many pages a stream has of which this is the active segment. Kimberlite knows of none. */
function pagesOf(activeSegment: number, pageSegments: number, format: Format): number {
  return format === "plain" ? Math.floor(activeSegment / pageSegments) : 0;
}
