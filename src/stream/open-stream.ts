/**
 * Opening a stream: which segments and which format it has, by its directory and its manifest.
 *
 * The segment files are the log. With the manifest, only the last one must be read; and the manifest is
 * evidence of a missing one. What a crash left half done (a rotation, a torn tail) is finished or undone, so
 * that what is opened is durable and ready for appends. May itself crash at any point and be run again.
 * @module
 */
import { listIfThere, MANIFEST_NAME, segmentNumber } from "../disk/files.ts";
import { isFile, readHint } from "../disk/obstacles.ts";
import { StorageError } from "../error.ts";
import type { RecordFormat } from "../format/formats.ts";
import { type Manifest, manifestBytesMax, parseManifest } from "../format/manifest.ts";
import type { IndexSettings } from "../segment/active-segment.ts";
import { OtherFormat } from "../segment/recover-segment.ts";
import { type StreamContext, type StreamSurroundings, withFormat } from "../segment/stream-context.ts";
import type { Format } from "../types.ts";
import { detectFormat, formatOf } from "./detect-format.ts";
import { countNamed, withPages } from "./manifest-files.ts";
import type { OpenStream } from "./opened-stream.ts";
import { openSegments } from "./opening.ts";
import type { Evidence } from "./sealed-segments.ts";

/**
 * Opens a stream, or says that there is none: no directory, or one in which no segment was ever completed.
 */
export async function openStream(
  surroundings: StreamSurroundings,
  settings: IndexSettings & { readonly format: Format },
): Promise<OpenStream | undefined> {
  const listed = await listIfThere(surroundings.disk, surroundings.path);
  return listed === undefined ? undefined : openListed(surroundings, settings, listed);
}

/** Opens a stream of whose directory only these names count. */
async function openListed(
  surroundings: StreamSurroundings,
  settings: IndexSettings & { readonly format: Format },
  listed: readonly string[],
): Promise<OpenStream | undefined> {
  const names = new Set(listed);
  const there = listed.map(segmentNumber).filter((number) => number !== undefined);
  const bytes = names.has(MANIFEST_NAME)
    ? await readHint(
        surroundings.disk,
        `${surroundings.path}/${MANIFEST_NAME}`,
        manifestBytesMax(there.length),
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
  const there = names.map(segmentNumber).filter((number) => number !== undefined);
  const manifest =
    parsed !== undefined && isBelieved
      ? await withPages(context.disk, context.path, parsed, names, there.length)
      : undefined;
  const last = there.reduce((most, number) => Math.max(most, number), manifest?.activeSegment ?? -1);
  if (last < 0) return undefined;
  if (last + 1 > there.length + (manifest === undefined ? 0 : countNamed(manifest))) {
    throw new StorageError(
      "missing-segment",
      `Only ${there.length} of ${last + 1} segments are present. Restore the others from a copy.`,
      {
        stream: context.stream,
        file: context.path,
      },
    );
  }
  const evidence: Evidence = { context, names: new Set(names), manifest, last, findings: [] };
  const opened = await openSegments(evidence, settings);
  if (opened !== undefined || manifest === undefined) return opened;
  return openListed(context, settings, await withoutStrays(context, names, manifest.activeSegment));
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
    const isKnown = (segmentNumber(name) ?? -1) <= activeSegment;
    if (isKnown || (await isFile(disk, `${path}/${name}`))) kept.push(name);
  }
  return kept;
}
