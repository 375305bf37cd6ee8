/**
 * `kmb dump`: the records of a stream as JSON lines or as a table, or the bytes of one of them, field by
 * field. Reads only; what is damaged is shown where it is.
 * @module
 */
import { fieldsOf } from "../audit/annotate.ts";
import { namesIn, noStreams } from "../audit/directory.ts";
import { readSegment, type Witness } from "../audit/first-reader.ts";
import { namedOffsets } from "../audit/hidden.ts";
import { isUnborn, type Outline, outlineOf } from "../audit/outline.ts";
import { readOnly } from "../src/disk/read-only-disk.ts";
import { readAt, type VerifiedRecord } from "../audit/run.ts";
import { segmentsDue } from "../audit/stream.ts";
import { NoteError, visible } from "../audit/text.ts";
import { segmentName } from "../src/disk/names.ts";
import { formatNamed } from "../src/format/formats.ts";
import { OffsetRanges } from "../src/format/offset-ranges.ts";
import type { Region } from "../src/segment/resynchronise.ts";
import { CodecRegistry } from "../src/index.ts";
import { segmentIn } from "../src/stream/manifest-files.ts";
import { Output } from "./output.ts";
import { sparseDisk } from "./sparse-disk.ts";
import { atMost, counted, printable } from "./text.ts";

export interface DumpOptions {
  readonly stream: string;
  readonly from: number;
  readonly limit: number;
  readonly table?: boolean;
  readonly record?: number;
  readonly hidden?: boolean;
  readonly allowEmpty?: boolean;
}

const CHUNK_BYTES = 1 << 20;
/** So much of a payload is shown in a table, and of a field. */
const SHOWN_TABLE_BYTES = 32;
const SHOWN_FIELD_BYTES = 256;
const ROW_BYTES = 16;

/** Ends the walk over the records early. */
class Enough extends Error {}

/** Something that is not as it must be; what is not known is left out. */
interface Damage {
  /** The finding's code. */
  readonly damage: string;
  readonly file: string;
  readonly position?: number;
  readonly end?: number;
  readonly offset: number;
  readonly sentence: string;
}

/** @returns the exit status: 0 all was read, 1 something is damaged, 2 there is no such record */
export async function dump(directory: string, options: DumpOptions): Promise<number> {
  const disk = readOnly(await sparseDisk());
  const root = await disk.resolve(directory);
  const names = await namesIn(disk, root);
  const outline = names.includes(options.stream)
    ? await outlineOf(disk, root, options.stream, CHUNK_BYTES)
    : undefined;
  if (outline === undefined || outline.isEmpty) {
    if (options.allowEmpty === true) return 0;
    throw await noStreams(disk, root, names, options.stream);
  }
  const refused = outline.findings.find(({ file }) => file === outline.path);
  if (refused !== undefined) throw new NoteError(`${refused.file}: ${refused.sentence}`);
  const there = new Set(outline.segments.map(segmentName));
  const output = new Output();
  const { record: only, table = false } = options;
  // A redacted record is what is at each of the offsets that it stands for.
  const wants = ({ offset, places }: VerifiedRecord): boolean =>
    only === undefined ? offset + places > options.from : offset <= only && only < offset + places;
  if (table && only === undefined) output.line(TABLE_HEAD);
  if (only === undefined && options.limit === 0) return 0;
  const named = options.hidden === true ? await namedOffsets(disk, outline) : OffsetRanges.none;
  const isHidden = ({ kind, offset }: VerifiedRecord): boolean => kind === "data" && named.has(offset);
  const seen = { shown: 0, damaged: false };
  const tell = (damage: Damage): void => {
    seen.damaged = true;
    output.line(table || only !== undefined ? damageLine(damage) : JSON.stringify(damage));
  };
  let end: End = { offset: 0, isExact: true, head: undefined };
  try {
    for (const segment of segmentsDue(outline)) {
      const { number } = segment;
      const path = `${outline.path}/${segmentName(segment)}`;
      const info = outline.manifest && segmentIn(outline.manifest, segment);
      if (!there.has(segmentName(segment))) {
        if (outline.manifest !== undefined && info !== undefined && isUnborn(outline.manifest, info))
          continue;
        const sentence = "The segment is missing.";
        if (only === undefined) tell({ damage: "missing-segment", file: path, offset: end.offset, sentence });
        end = { offset: info?.nextOffset ?? end.offset, isExact: info !== undefined, head: undefined };
        continue;
      }
      const file = await disk.open(path, "read");
      try {
        const region = regionOf(outline, file, path, await file.size());
        const witness: Witness = {
          async record(record) {
            const misfit =
              record.position === 0 && only === undefined ? misfitBehind(end, path, record) : undefined;
            if (misfit !== undefined) tell(misfit);
            if (!wants(record)) return;
            if (only !== undefined) {
              await showRecord(output, region, number, record);
              if (isHidden(record)) output.line("hidden      a tombstone names it; it is not erased");
              throw new Enough();
            }
            seen.shown += 1;
            if (table) output.line(tableRow(number, record, isHidden(record)));
            else writeJsonLine(output, number, record, isHidden(record));
            if (output.isClosed || seen.shown >= options.limit) throw new Enough();
          },
          async gap({ position, end, offset, behind, flaw }) {
            const holds = only !== undefined && offset <= only && (behind === undefined || only < behind);
            if (only !== undefined && !holds) return;
            tell({ damage: flaw.code, file: path, position, end, offset, sentence: flaw.sentence });
            if (holds && end > position)
              await showBytes(output, region, position, Math.min(end, position + CHUNK_BYTES));
          },
        };
        const firstOffset = info?.firstOffset ?? end.offset;
        const { runs } = await readSegment(region, firstOffset, witness, info?.nextOffset);
        const last = runs.at(-1);
        const isExact = last?.end === region.end;
        if (region.end > 0) {
          end = { offset: last?.nextOffset ?? end.offset, isExact, head: isExact ? last.head : undefined };
        }
      } finally {
        await file.close();
      }
    }
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
    return seen.damaged ? 1 : 0;
  }
  if (only !== undefined) {
    console.error(`There is no record at offset ${only} that can be read.`);
    return seen.damaged ? 1 : 2;
  }
  return seen.damaged ? 1 : 0;
}
/** What is known of the record before a segment's first. */
interface End {
  /** One more than its offset. */
  readonly offset: number;
  /** Whether nothing is missing between. */
  readonly isExact: boolean;
  /** Its chain hash, if it is known and there is one. */
  readonly head: Buffer | undefined;
}

/** Whether a segment's first record does not continue what is before it. */
function misfitBehind(before: End, file: string, record: VerifiedRecord): Damage | undefined {
  const { offset, prevHash, position, end } = record;
  const place = { file, position, end, offset: before.offset };
  if (offset < before.offset || (before.isExact && offset > before.offset)) {
    const sentence = `The segment begins at offset ${offset} where ${before.offset} is due.`;
    return { damage: "wrong-offset", ...place, sentence };
  }
  if (before.head === undefined || prevHash.equals(before.head)) return undefined;
  const sentence = "The segment's first record does not carry the hash of the record before it.";
  return { damage: "broken-chain", ...place, sentence };
}

function damageLine({ file, position, end, offset, sentence }: Damage): string {
  const place = position === undefined ? "" : `, byte ${position} to ${end ?? position}`;
  return `damage  ${visible(file)}${place}, offset ${offset}: ${sentence}`;
}

function regionOf(outline: Outline, file: Region["file"], path: string, end: number): Region {
  const format = formatNamed(outline.format);
  return { format, file, path, end, codecs: format.codecs(new CodecRegistry()), chunkBytes: CHUNK_BYTES };
}

/** So much of a payload is turned into text at a time: as a whole it may be longer than a string can be. */
const PIECE_BYTES = 1 << 16;

function writeJsonLine(
  output: Output,
  segment: number,
  { position, end, prevHash, hash, payload, ...rest }: VerifiedRecord,
  isHidden: boolean,
): void {
  const { offset, kind, compression, places } = rest;
  const line = JSON.stringify({
    offset,
    kind,
    ...(kind === "redacted" ? { standsFor: places } : {}),
    ...(isHidden ? { hidden: true } : {}),
    compression,
    segment,
    position,
    bytes: end - position,
    prevHash: prevHash.toString("hex"),
    hash: hash.toString("hex"),
    payload: "",
  });
  if (payload.length <= PIECE_BYTES) {
    output.line(`${line.slice(0, -2)}${hexOf(payload)}"}`);
    return;
  }
  output.write(line.slice(0, -2));
  for (let at = 0; at < payload.length && !output.isClosed; at += PIECE_BYTES)
    output.write(hexOf(payload.subarray(at, at + PIECE_BYTES)));
  output.line('"}');
}

/** In hexadecimal, without a copy of the bytes. */
const hexOf = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString("hex");

const TABLE_HEAD = `${"offset".padStart(10)}  ${"kind".padEnd(10)}  ${"codec".padEnd(5)}  ${"segment".padStart(7)}  ${"byte".padStart(10)}  ${"payload".padStart(9)}  hash              content`;

function tableRow(
  segment: number,
  { offset, places, kind, compression, position, payload, hash }: VerifiedRecord,
  isHidden: boolean,
): string {
  const content =
    kind === "redacted"
      ? `stands for ${erasedInWords(offset, places)}`
      : printable(payload.subarray(0, SHOWN_TABLE_BYTES)) + (payload.length > SHOWN_TABLE_BYTES ? "..." : "");
  const shown = isHidden ? "hidden" : kind;
  return `${String(offset).padStart(10)}  ${shown.padEnd(10)}  ${compression.padEnd(5)}  ${String(segment).padStart(7)}  ${String(position).padStart(10)}  ${String(payload.length).padStart(9)}  ${hash.toString("hex").slice(0, 16)}  ${content}`;
}

/** What a redacted record stands for. */
function erasedInWords(offset: number, places: number): string {
  const which = places === 1 ? `offset ${offset}` : `offsets ${offset} to ${offset + places - 1}`;
  return `${counted(places, "erased record")}, ${which}`;
}

async function showRecord(
  output: Output,
  region: Region,
  segment: number,
  record: VerifiedRecord,
): Promise<void> {
  const { position, end, offset, places, kind, hash, payload, compression } = record;
  output.line(
    `record at offset ${offset}: ${visible(region.path)}, segment ${segment}, bytes ${position} to ${end}, format ${region.format.name}`,
  );
  await showBytes(output, region, position, end, `kmb dump --from ${offset} --limit 1 gives all of them`);
  output.line(`chain hash  ${hash.toString("hex")}`);
  if (kind === "redacted") output.line(`stands for  ${erasedInWords(offset, places)}`);
  if (compression !== "none") {
    output.line(
      `expanded    ${payload.length} bytes: ${atMost(printable(payload.subarray(0, SHOWN_FIELD_BYTES)), SHOWN_FIELD_BYTES)}`,
    );
  }
}

/** Bytes as the fields of the record that they are, or would be. */
async function showBytes(
  output: Output,
  region: Region,
  position: number,
  end: number,
  rest = "they are not shown",
): Promise<void> {
  for (const field of fieldsOf(region.format, await readAt(region, position, end - position))) {
    const rows = rowsOf(field.bytes.subarray(0, SHOWN_FIELD_BYTES));
    const says = field.name === "payload" ? `${field.bytes.length} bytes ${field.says}` : field.says;
    for (const [i, row] of rows.entries()) {
      const at = String(position + field.at + i * ROW_BYTES).padStart(10);
      const name = (i === 0 ? field.name : "").padEnd(12);
      const meaning = i === 0 ? says : "";
      output.line(
        `${at}  ${name}${row
          .toString("hex")
          .replaceAll(/(..)/g, "$1 ")
          .padEnd(
            3 * ROW_BYTES,
          )} ${field.name === "payload" ? printable(row).padEnd(ROW_BYTES) : ""}  ${meaning}`.trimEnd(),
      );
    }
    const left = field.bytes.length - SHOWN_FIELD_BYTES;
    if (left > 0) output.line(`${"".padStart(24)}${left} bytes more; ${rest}`);
  }
}

/** Rows of bytes; one for a field that has none. */
function rowsOf(bytes: Buffer): Buffer[] {
  const rows: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += ROW_BYTES) rows.push(bytes.subarray(at, at + ROW_BYTES));
  return rows.length === 0 ? [bytes] : rows;
}
