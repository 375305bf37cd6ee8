/**
 * The bytes of a record, field by field: where each is, what it is called, and what it says.
 *
 * The bytes need not be a record: what is damaged is annotated as far as its header can be made out.
 *
 * Layouts: docs/FORMAT.md, sections 2 and 8.1.
 * @module
 */
import { crc32, HASH_BYTES } from "../src/format/chain.ts";
import type { RecordFormat } from "../src/format/formats.ts";
import { offsetAt } from "../src/format/record.ts";
import { REDACTED_PAYLOAD_BYTES } from "../src/format/redaction.ts";

/** One field: `bytes` from byte `at` of the record on. */
export interface Field {
  readonly name: string;
  readonly at: number;
  readonly bytes: Buffer;
  readonly says: string;
}

/** The fields of the record that `bytes` are, or begin with; fewer where they end before. */
export function fieldsOf(format: RecordFormat, bytes: Buffer): Field[] {
  const fields: Field[] = [];
  const add = (name: string, at: number, size: number, says: (part: Buffer) => string): void => {
    const part = bytes.subarray(at, at + size);
    if (at >= bytes.length || part.length === 0) return;
    fields.push({ name, at, bytes: part, says: part.length < size ? "the bytes end here" : says(part) });
  };
  const kind = (): string => format.kindAt(bytes, 0) ?? "not assigned";
  const compression = (): string => format.compressionAt(bytes, 0) ?? "not assigned";
  const mark = (part: Buffer, holds: boolean): string =>
    `0x${part.readUInt32LE(0).toString(16).toUpperCase()}, ${holds ? "as it must be" : "not the mark"}`;

  add("start mark", 0, format.offsetAt, (part) => mark(part, format.beginsAt(bytes, 0)));
  add("offset", format.offsetAt, 8, () => String(offsetAt(format, bytes, 0)));
  add("prev_hash", format.prevHashAt, HASH_BYTES, (part) =>
    part.every((byte) => byte === 0)
      ? "none: the first record of a stream"
      : "chain hash of the record before",
  );
  const codesAt = format.prevHashAt + HASH_BYTES;
  if (format.name === "plain") {
    add(
      "length",
      codesAt,
      4,
      () => `${format.storedBytesAt(bytes, 0)} bytes, kind ${kind()}, compression ${compression()}`,
    );
  } else {
    add("kind", codesAt, 1, kind);
    add("compression", codesAt + 1, 1, compression);
    add("length", codesAt + 2, 4, () => `${format.storedBytesAt(bytes, 0)} bytes`);
  }
  if (bytes.length < format.headerBytes) return fields;
  const stored = format.storedBytesAt(bytes, 0);
  const crcAt = format.headerBytes + stored;
  if (kind() === "redacted" && stored === REDACTED_PAYLOAD_BYTES) {
    add("hash", format.headerBytes, HASH_BYTES, () => "chain hash of the last record that it stands for");
    add("count", format.headerBytes + HASH_BYTES, stored - HASH_BYTES, (part) => {
      const count = part.readBigUInt64LE(0);
      const end = offsetAt(format, bytes, 0) + count;
      return `stands for ${String(count)} erased; the next offset is ${String(end)}`;
    });
  } else {
    add("payload", format.headerBytes, stored, () =>
      compression() === "none" ? "" : `compressed with ${compression()}`,
    );
  }
  add("crc32", crcAt, 4, (part) =>
    part.readUInt32LE(0) === crc32(bytes.subarray(0, crcAt))
      ? "matches"
      : "does not match the bytes before it",
  );
  add("end mark", crcAt + 4, format.trailerBytes - 4, (part) => mark(part, format.endsAt(bytes, crcAt + 4)));
  return fields;
}
