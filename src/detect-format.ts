/**
 * Finding out which format a stream has where no manifest says it: the segments tell (docs/FORMAT.md, section 8.3).
 * @module
 */
import type { DiskFile } from "./disk.ts";
import { indexLogName, indexName, io, segmentName, segmentNumber, withFile } from "./files.ts";
import { formatNamed, type RecordFormat } from "./formats.ts";
import { findIntact } from "./index-builder.ts";
import type { StreamSurroundings } from "./recover-segment.ts";
import { RecordScanner } from "./scan.ts";
import type { Format } from "./types.ts";

const MARK_BYTES = 4;
const FORMATS: readonly RecordFormat[] = [formatNamed("plain"), formatNamed("sentinel")];

/**
 * The format of the intact records in a stream's segments. Where there is none, `sentinel` if there is an index file as only that format
 * has, or a segment begins or ends with a mark of that format. Else nobody can tell, and nothing is lost by any answer.
 *
 * Time: one record where the first is intact, else the bytes up to the first that is.
 *
 * @param names the names in the stream's directory
 * @param otherwise the format where nobody can tell: that which the stream would be created with
 * @throws StorageError `io`
 */
export async function detectFormat(
  surroundings: StreamSurroundings,
  names: readonly string[],
  otherwise: Format,
): Promise<RecordFormat> {
  const numbers = names.map(segmentNumber).filter((number) => number !== undefined);
  const segments = numbers
    .sort((a, b) => a - b)
    .map((number) => `${surroundings.path}/${segmentName(number)}`);
  const ownIndexes = numbers.flatMap((number) => [
    indexName(number, "sentinel"),
    indexLogName(number, "sentinel"),
  ]);
  for (const telling of [firstRecord, anyRecord, marks]) {
    for (const path of segments) {
      const format = await withFile(surroundings.disk, path, async (file) => {
        const size = await io("asking for a segment's size", { file: path }, () => file.size());
        return telling(surroundings, file, path, size);
      });
      if (format !== undefined) return format;
    }
  }
  return formatNamed(names.some((name) => ownIndexes.includes(name)) ? "sentinel" : otherwise);
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

const anyRecord: Telling = async ({ chunkBytes, codecs }, file, path, size) => {
  for (const format of FORMATS) {
    const region = { format, file, path, end: size, codecs: format.codecs(codecs), chunkBytes };
    if ((await findIntact(region, 0, -1)).found !== undefined) return format;
  }
  return undefined;
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
