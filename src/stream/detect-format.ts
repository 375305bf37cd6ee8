/**
 * Finding out which format a stream has where no manifest says it: the segments tell (docs/FORMAT.md, section
 * 8.3).
 * @module
 */
import { ByteWindow } from "../disk/byte-window.ts";
import type { DiskFile } from "../disk/disk.ts";
import { io } from "../disk/files.ts";
import { indexLogName, indexName, segmentName, segmentsAmong } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import { formatNamed, type RecordFormat } from "../format/formats.ts";
import { findIntact } from "../segment/resynchronise.ts";
import type { Manifest } from "../format/manifest.ts";
import { SEGMENT_BYTES } from "../limits.ts";
import { readHint, ifReadable } from "../disk/obstacles.ts";
import { indexBytes, OffsetIndex } from "../format/offset-index.ts";
import type { StreamSurroundings } from "../segment/stream-context.ts";
import { RecordScanner } from "../segment/scan.ts";
import type { Format } from "../types.ts";

const MARK_BYTES = 4;
const FORMATS: readonly RecordFormat[] = [formatNamed("plain"), formatNamed("sentinel")];

/**
 * The format of a stream: what its manifest says, if the names of index files agree; otherwise what the
 * records or the index files show.
 *
 * @param names the names in the stream's directory
 * @param otherwise the format where nobody can tell: that which the stream would be created with
 * @param manifest the manifest, if there is one
 * @throws StorageError `io`
 */
export async function formatOf(
  surroundings: StreamSurroundings,
  names: readonly string[],
  otherwise: Format,
  manifest?: Manifest,
): Promise<RecordFormat> {
  const told = manifest?.format;
  if (told === undefined) return detectFormat(surroundings, names, otherwise, manifest);
  const isBorneOut =
    names.some((name) => INDEX[told].test(name)) &&
    (told === "sentinel" || !names.some((name) => INDEX.sentinel.test(name)));
  return isBorneOut ? formatNamed(told) : detectFormat(surroundings, names, told);
}

/**
 * The same, for a caller that reads every record anyway: a manifest that says `plain` is believed only if an
 * index file of `plain` is whole, or the records agree.
 *
 * @throws StorageError `io`
 */
export async function formatBorneOut(
  surroundings: StreamSurroundings,
  names: readonly string[],
  otherwise: Format,
  manifest?: Manifest,
): Promise<RecordFormat> {
  const format = await formatOf(surroundings, names, otherwise, manifest);
  if (format.name !== "plain" || manifest?.format !== "plain") return format;
  if ((await formatOfIndexes(surroundings, segmentsAmong(names), names)) === "plain") return format;
  return detectFormat(surroundings, names, "plain");
}

/** Names of index files. Kimberlite's have those of `plain`. */
const INDEX = { plain: /\.log\.idx(\.wal)?$/, sentinel: /\.log\.idx2(\.wal)?$/ } as const;

/**
 * The format of the intact records in a stream's segments; if there are none, the format that alone has such
 * marks or index files. Otherwise it cannot be known, and no answer loses anything.
 *
 * A manifest that names records but no format is Kimberlite's, or a fault took the field from it and nothing
 * from the log. So the log is believed against it only where a segment begins with an intact record: else
 * records are lost, and the stream must not pass for an empty one.
 *
 * Time: one record where the first is intact, else the bytes of the first segment in which there is one.
 *
 * @param names the names in the stream's directory
 * @param otherwise the format where nobody can tell: that which the stream would be created with
 * @param manifest the manifest, if there is one, which does not say it
 * @throws StorageError `io`
 */
export async function detectFormat(
  surroundings: StreamSurroundings,
  names: readonly string[],
  otherwise: Format,
  manifest?: Manifest,
): Promise<RecordFormat> {
  // Merged ones come last: the format `sentinel` has none.
  const segments = segmentsAmong(names);
  const isKimberlites = manifest?.segments.some(({ bytes }) => bytes > 0) === true;
  for (const telling of isKimberlites ? [firstRecord] : [firstRecord, anyRecord, marks]) {
    for (const segment of segments) {
      const path = `${surroundings.path}/${segmentName(segment)}`;
      const format = await ifReadable(surroundings.disk, path, async (file) => {
        const size = await io("asking for a segment's size", { file: path }, () => file.size());
        return telling(surroundings, file, path, size);
      });
      if (format !== undefined) return format;
    }
  }
  if (isKimberlites) return formatNamed("sentinel");
  return formatNamed((await formatOfIndexes(surroundings, segments, names)) ?? otherwise);
}

type Telling = (
  surroundings: StreamSurroundings,
  file: DiskFile,
  path: string,
  size: number,
) => Promise<RecordFormat | undefined>;

const firstRecord: Telling = async ({ chunkBytes }, file, path, size) => {
  for (const format of FORMATS) {
    if ((await new RecordScanner(format, file, path, 0, size, chunkBytes).advance()).ok) return format;
  }
  return undefined;
};

/**
 * A record after a damaged first one. A payload may hold records of the other format, but these do not lead
 * out of the payload.
 */
const anyRecord: Telling = async ({ chunkBytes, codecs }, file, path, size) => {
  let best: RecordFormat | undefined;
  let farthest = 0;
  for (const format of FORMATS) {
    const region = { format, file, path, end: size, codecs: format.codecs(codecs), chunkBytes };
    const { found } = await findIntact(region, 1, 0);
    if (found === undefined || found.end <= farthest) continue;
    best = format;
    farthest = found.end;
  }
  return best;
};

const marks: Telling = async (_, file, path, size) => {
  const sentinel = formatNamed("sentinel");
  if (size < MARK_BYTES) return undefined;
  const bytes = Buffer.alloc(MARK_BYTES);
  await io("reading a segment", { file: path }, () => file.read(bytes, 0));
  if (sentinel.beginsAt(bytes, 0)) return sentinel;
  await io("reading a segment", { file: path }, () => file.read(bytes, size - MARK_BYTES));
  return sentinel.endsAt(bytes, 0) ? sentinel : undefined;
};

/**
 * The format of the index files: by its content of one of `plain`, for Kimberlite's have the same names; by
 * its name of one of `sentinel`.
 */
async function formatOfIndexes(
  { disk, path, chunkBytes }: StreamSurroundings,
  segments: readonly SegmentNumbers[],
  names: readonly string[],
): Promise<Format | undefined> {
  const bytesMax = indexBytes(SEGMENT_BYTES / formatNamed("plain").overheadBytes);
  const isIndex = async (at: string): Promise<boolean> => {
    const bytes = await readHint(disk, at, bytesMax);
    return bytes !== undefined && OffsetIndex.parse(bytes) !== undefined;
  };
  const isIndexLog = async (at: string): Promise<boolean> => {
    const watermark = await ifReadable(disk, at, async (file) => {
      const size = await io("asking for an index's size", { file: at }, () => file.size());
      const frames = new ByteWindow(file, at, 0, size, chunkBytes);
      return (await new OffsetIndex().replay(frames, bytesMax)).watermark;
    });
    return watermark !== undefined && watermark > 0;
  };
  const there = new Set(names);
  for (const segment of segments) {
    const [saved, log] = [indexName(segment, "plain"), indexLogName(segment, "plain")];
    if (there.has(saved) && (await isIndex(`${path}/${saved}`))) return "plain";
    if (there.has(log) && (await isIndexLog(`${path}/${log}`))) return "plain";
  }
  const own = segments.flatMap((segment) => [
    indexName(segment, "sentinel"),
    indexLogName(segment, "sentinel"),
  ]);
  return own.some((name) => there.has(name)) ? "sentinel" : undefined;
}
