/**
 * `kmb dump`: the records of a stream as JSON lines or as a table, or the bytes of one of them, field by field. Reads only; what is damaged
 * is shown where it is.
 * @module
 */
import { fieldsOf } from "../audit/annotate.ts";
import { readSegment } from "../audit/first-reader.ts";
import { type Outline, outlineOf } from "../audit/outline.ts";
import { readOnly } from "../audit/read-only-disk.ts";
import type { VerifiedRecord } from "../audit/run.ts";
import { segmentName } from "../src/files.ts";
import { formatNamed } from "../src/formats.ts";
import type { Region } from "../src/index-builder.ts";
import { CodecRegistry, NodeDisk } from "../src/index.ts";
import { atMost, printable } from "./text.ts";

export interface DumpOptions {
  readonly stream: string;
  readonly from: number;
  readonly limit: number;
  readonly table?: boolean;
  readonly record?: number;
}

const CHUNK_BYTES = 1 << 20;
/** So much of a payload is shown in a table, and of a field. */
const SHOWN_TABLE_BYTES = 32;
const SHOWN_FIELD_BYTES = 256;
const ROW_BYTES = 16;

/** Ends the walk over the records early. */
class Enough extends Error {}

/** @returns the exit status: 0 all was read, 1 something is damaged, 2 there is no such record */
export async function dump(directory: string, options: DumpOptions): Promise<number> {
  const disk = readOnly(new NodeDisk());
  const outline = await outlineOf(disk, directory, options.stream, CHUNK_BYTES);
  const seen = { damaged: false, shown: 0 };
  const { record: only, table = false } = options;
  const wants = (offset: number): boolean => (only === undefined ? offset >= options.from : offset === only);
  if (table && only === undefined) console.log(TABLE_HEAD);
  try {
    for (const number of outline.numbers) {
      const path = `${outline.path}/${segmentName(number)}`;
      const file = await disk.open(path, "read");
      try {
        const region = regionOf(outline, file, path, await file.size());
        await readSegment(region, outline.manifest?.segments[number]?.firstOffset ?? 0, {
          async record(record) {
            if (!wants(record.offset)) return;
            if (only !== undefined) {
              await showFields(region, number, record);
              throw new Enough();
            }
            if (seen.shown === options.limit) throw new Enough();
            seen.shown += 1;
            console.log(table ? tableRow(number, record) : jsonLine(number, record));
          },
          gap({ position, end, offset, flaw }) {
            seen.damaged = true;
            if (only !== undefined && offset !== only) return;
            const text = `${path}, byte ${position} to ${end}, offset ${offset}: ${flaw.sentence}`;
            if (table || only !== undefined) console.log(`damage  ${text}`);
            else
              console.log(
                JSON.stringify({
                  damage: flaw.code,
                  file: path,
                  position,
                  end,
                  offset,
                  sentence: flaw.sentence,
                }),
              );
          },
        });
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

function regionOf(outline: Outline, file: Region["file"], path: string, end: number): Region {
  const format = formatNamed(outline.format);
  return { format, file, path, end, codecs: format.codecs(new CodecRegistry()), chunkBytes: CHUNK_BYTES };
}

function jsonLine(
  segment: number,
  { position, end, prevHash, hash, payload, ...rest }: VerifiedRecord,
): string {
  const { offset, kind, compression } = rest;
  return JSON.stringify({
    offset,
    kind,
    compression,
    segment,
    position,
    bytes: end - position,
    prevHash: prevHash.toString("hex"),
    hash: hash.toString("hex"),
    payload: Buffer.from(payload).toString("hex"),
  });
}

const TABLE_HEAD = `${"offset".padStart(10)}  ${"kind".padEnd(10)}  ${"codec".padEnd(5)}  ${"segment".padStart(7)}  ${"byte".padStart(10)}  ${"payload".padStart(9)}  hash              content`;

function tableRow(
  segment: number,
  { offset, kind, compression, position, payload, hash }: VerifiedRecord,
): string {
  const content =
    printable(payload.subarray(0, SHOWN_TABLE_BYTES)) + (payload.length > SHOWN_TABLE_BYTES ? "..." : "");
  return `${String(offset).padStart(10)}  ${kind.padEnd(10)}  ${compression.padEnd(5)}  ${String(segment).padStart(7)}  ${String(position).padStart(10)}  ${String(payload.length).padStart(9)}  ${hash.toString("hex").slice(0, 16)}  ${content}`;
}

async function showFields(
  { format, file, path }: Region,
  segment: number,
  record: VerifiedRecord,
): Promise<void> {
  const { position, end, offset, hash, payload, compression } = record;
  const bytes = Buffer.alloc(end - position);
  await file.read(bytes, position);
  console.log(
    `record at offset ${offset}: ${path}, segment ${segment}, bytes ${position} to ${end}, format ${format.name}`,
  );
  for (const field of fieldsOf(format, bytes)) {
    const rows = rowsOf(field.bytes.subarray(0, SHOWN_FIELD_BYTES));
    const says = field.name === "payload" ? `${field.bytes.length} bytes ${field.says}` : field.says;
    for (const [i, row] of rows.entries()) {
      const at = String(position + field.at + i * ROW_BYTES).padStart(10);
      const name = (i === 0 ? field.name : "").padEnd(12);
      const meaning = i === 0 ? says : "";
      console.log(
        `${at}  ${name}${row
          .toString("hex")
          .replaceAll(/(..)/g, "$1 ")
          .padEnd(
            3 * ROW_BYTES,
          )} ${field.name === "payload" ? printable(row).padEnd(ROW_BYTES) : ""}  ${meaning}`.trimEnd(),
      );
    }
    const left = field.bytes.length - SHOWN_FIELD_BYTES;
    if (left > 0)
      console.log(
        `${"".padStart(24)}${left} bytes more; kmb dump --from ${offset} --limit 1 gives all of them`,
      );
  }
  console.log(`chain hash  ${hash.toString("hex")}`);
  if (compression !== "none") {
    console.log(
      `expanded    ${payload.length} bytes: ${atMost(printable(payload.subarray(0, SHOWN_FIELD_BYTES)), SHOWN_FIELD_BYTES)}`,
    );
  }
}

/** Rows of bytes; one for a field that has none. */
function rowsOf(bytes: Buffer): Buffer[] {
  const rows: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += ROW_BYTES) rows.push(bytes.subarray(at, at + ROW_BYTES));
  return rows.length === 0 ? [bytes] : rows;
}
