/**
 * Opening a stream: which segments and which format it has, by its directory and its manifest.
 *
 * The segment files are the log. With the manifest, only the last one must be read; and the manifest is
 * evidence of a missing one. What a crash left half done (a rotation, a torn tail) is finished or undone, so
 * that what is opened is durable and ready for appends. May itself crash at any point and be run again.
 * @module
 */
import { listIfThere } from "../disk/files.ts";
import { countOf, lastNumber, type SegmentNumbers } from "../segment-numbers.ts";
import { MANIFEST_NAME, segmentNumbers, segmentsAmong } from "../disk/names.ts";
import { isFile, readHint } from "../disk/obstacles.ts";
import { StorageError } from "../error.ts";
import type { RecordFormat } from "../format/formats.ts";
import { type Manifest, manifestBytesMax, parseManifest } from "../format/manifest.ts";
import type { IndexSettings } from "../segment/active-segment.ts";
import { OtherFormat } from "../segment/recover-segment.ts";
import { type StreamContext, type StreamSurroundings, withFormat } from "../segment/stream-context.ts";
import type { Format } from "../types.ts";
import { believedSegments } from "./believed-segments.ts";
import { detectFormat, formatOf } from "./detect-format.ts";
import { countNamed, type PagedManifest, placeWith, segmentWith, withPages } from "./manifest-files.ts";
import type { OpenStream } from "./opened-stream.ts";
import { openSegments } from "./opening.ts";
import { DiscountedSegment, type Evidence } from "./sealed-segments.ts";

/**
 * Opens a stream, or says that there is none: no directory, or one in which no segment was ever completed.
 *
 * A segment that is gone between the listing and its turn was merged by the stream's writer, beside which
 * this may read: so the directory is listed again.
 *
 * @param look gives the disk as it is at that moment
 */
export async function openStream(
  look: () => StreamSurroundings,
  settings: IndexSettings & { readonly format: Format },
): Promise<OpenStream | undefined> {
  const discounted = new Set<string>();
  for (;;) {
    const surroundings = look();
    const listed = await listIfThere(surroundings.disk, surroundings.path);
    if (listed === undefined) return undefined;
    const names = listed.filter((name) => !discounted.has(name));
    try {
      return await openListed(surroundings, settings, names);
    } catch (error) {
      if (!(error instanceof DiscountedSegment)) throw error;
      discounted.add(error.file);
    }
  }
}

/** Opens a stream of whose directory only these names count. */
async function openListed(
  surroundings: StreamSurroundings,
  settings: IndexSettings & { readonly format: Format },
  listed: readonly string[],
): Promise<OpenStream | undefined> {
  const names = new Set(listed);
  const bytes = names.has(MANIFEST_NAME)
    ? await readHint(
        surroundings.disk,
        `${surroundings.path}/${MANIFEST_NAME}`,
        manifestBytesMax(segmentsAmong(listed).length),
      )
    : undefined;
  const parsed = bytes === undefined ? undefined : parseManifest(bytes);
  const opening = (format: RecordFormat, isHearsay: boolean): Promise<OpenStream | undefined> =>
    openAs(withFormat(surroundings, format, isHearsay), settings, listed, parsed);
  const format = await formatOf(surroundings, listed, settings.format, parsed);
  try {
    return await opening(format, format.name === parsed?.format);
  } catch (error) {
    if (!(error instanceof OtherFormat)) throw error;
    return opening(await detectFormat(surroundings, listed, format.name), false);
  }
}

/** Opens a stream whose format is known. @throws OtherFormat if that is hearsay and wrong */
async function openAs(
  context: StreamContext,
  settings: IndexSettings & { readonly format: Format },
  names: readonly string[],
  parsed: Manifest | undefined,
): Promise<OpenStream | undefined> {
  // Kimberlite has no streams of the format `plain`: there a manifest without the field is a damaged one.
  const isBelieved = (parsed?.format ?? "sentinel") === context.format.name;
  const manifest =
    parsed !== undefined && isBelieved
      ? await withPages(context.disk, context.path, parsed, names, segmentsAmong(names).length)
      : undefined;
  const { segments, replaced } = believedSegments(names, context.format.name, manifest);
  const last = Math.max(lastWith(segments), manifest?.activeSegment ?? -1);
  if (last < 0) return undefined;
  const there = segments.reduce((sum, segment) => sum + countOf(segment), 0);
  // Behind one that was merged there was another, so that is known, too.
  const known = segments.at(-1)?.last === undefined ? there : there + 1;
  if (last + 1 > known + (manifest === undefined ? 0 : countNamed(manifest))) {
    throw new StorageError(
      "missing-segment",
      `Only ${there} of ${last + 1} segments are present. Restore the others from a copy.`,
      {
        stream: context.stream,
        file: context.path,
      },
    );
  }
  const sealed = [...segmentsBefore(last, segments, manifest)];
  const evidence: Evidence = {
    context,
    names: new Set(names),
    manifest,
    sealed,
    last,
    replaced,
    findings: [],
  };
  const opened = await openSegments(evidence, settings);
  if (opened !== undefined || manifest === undefined) return opened;
  return openListed(context, settings, await withoutStrays(context, names, manifest.activeSegment));
}

/** Number of the last segment by names. One that was merged is not the last, so there was another one. */
function lastWith(segments: readonly SegmentNumbers[]): number {
  const segment = segments.at(-1);
  if (segment === undefined) return -1;
  const last = lastNumber(segment);
  return last === segment.number ? last : last + 1;
}

/**
 * The segments before the last one, there or not: where none is there, as the manifest has them, or with one
 * number each.
 *
 * @param there those that are there, in order
 */
function* segmentsBefore(
  last: number,
  there: readonly SegmentNumbers[],
  manifest: PagedManifest | undefined,
): Generator<SegmentNumbers> {
  for (let number = 0; number < last;) {
    const next = there[placeWith(there, number)];
    const said = manifest && segmentWith(manifest, number);
    const isFree = said?.number === number && lastNumber(said) < Math.min(next?.number ?? last, last);
    const segment = next?.number === number ? next : isFree ? { number, last: said.last } : { number };
    yield segment;
    number = lastNumber(segment) + 1;
  }
}

/**
 * The names without those of segments after the last one that the manifest names, if they are not files. A
 * segment is named in the manifest before anything is appended to it, so it held nothing.
 */
async function withoutStrays(
  { disk, path }: StreamSurroundings,
  names: readonly string[],
  activeSegment: number,
): Promise<string[]> {
  const kept: string[] = [];
  for (const name of names) {
    const segment = segmentNumbers(name);
    const isKnown = segment === undefined || lastNumber(segment) <= activeSegment;
    if (isKnown || (await isFile(disk, `${path}/${name}`))) kept.push(name);
  }
  return kept;
}
