/**
 * What the engine's decoder answers, held against what `layout.ts` says it must: a record or a `StorageError`, and nothing else. And what
 * other readers may answer.
 * @module
 */
import {
  decodeRecord,
  encodeRecord,
  type Record,
  StorageError,
  type StorageErrorCode,
} from "../../src/index.ts";
import type { Format, Offset } from "../../src/types.ts";
import type { InvariantId } from "../invariants/catalogue.ts";
import { type Counts, check, Violation } from "../tally.ts";
import { type Expected, expected, type Fields, layoutOf } from "./layout.ts";
import { hexText } from "../records.ts";

/** The code of a refusal; any other error violates F5. */
export function refusal(error: unknown, input: Uint8Array): StorageErrorCode {
  if (error instanceof StorageError) return error.code;
  const seen = error instanceof Error ? (error.stack ?? error.message) : String(error);
  throw new Violation("F5", "an answer or a StorageError", `${seen} for ${hexText(input)}`, error);
}

/** Runs a reader that has to answer: whatever it throws violates F5. */
export function answerOf<T>(bytes: Buffer, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const seen = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Violation("F5", "an answer", `${seen} for ${hexText(bytes)}`, error);
  }
}

/** A record with its size, or the code that the bytes are refused with. */
export type Decoded = { readonly record: Record; readonly size: number } | StorageErrorCode;

export function decoded(format: Format, bytes: Uint8Array): Decoded {
  try {
    return decodeRecord(bytes, format);
  } catch (error) {
    return refusal(error, bytes);
  }
}

/** The engine's own encoding of a record, or the code that it is refused with. */
export function encoded(format: Format, record: Fields): Uint8Array | StorageErrorCode {
  try {
    return encodeRecord({ ...record, offset: record.offset as Offset }, format);
  } catch (error) {
    return refusal(error, record.payload);
  }
}

function fits(seen: Decoded, wanted: Expected): boolean {
  if (typeof seen === "string" || typeof wanted === "string") {
    return (
      (wanted === "incomplete" && seen === "incomplete") ||
      (wanted === "invalid" && (seen === "checksum-mismatch" || seen === "malformed"))
    );
  }
  const { record, size } = seen;
  return (
    size === wanted.size &&
    record.offset === wanted.offset &&
    record.kind === wanted.kind &&
    record.compression === wanted.compression &&
    Buffer.compare(record.prevHash, wanted.prevHash) === 0 &&
    Buffer.compare(record.payload, wanted.payload) === 0
  );
}

/** Whether a record's payload is where it is in the record, not a copy of it. */
const isView = (format: Format, payload: Uint8Array, bytes: Buffer): boolean =>
  payload.buffer === bytes.buffer && payload.byteOffset === bytes.byteOffset + layoutOf(format).payload;

/** A decoding for a person. */
export function decodedText(seen: Decoded | Expected): string {
  if (typeof seen === "string") return seen;
  const { offset, kind, compression, payload } = "record" in seen ? seen.record : seen;
  return `a record of ${seen.size} bytes: offset ${String(offset)}, ${kind}, ${compression}, payload ${hexText(payload)}`;
}

/** Checks that the engine decodes `bytes` to what they must be; of a record, without copying it. @returns the decoding */
export function checkDecoding(
  counts: Counts,
  invariant: InvariantId,
  format: Format,
  bytes: Buffer,
): Decoded {
  const [seen, wanted] = [decoded(format, bytes), expected(format, bytes)];
  const holds =
    fits(seen, wanted) && (typeof seen === "string" || isView(format, seen.record.payload, bytes));
  const wantedText = (): string => `${decodedText(wanted)}, in the memory of the input`;
  check(counts, invariant, holds, wantedText, () => `${decodedText(seen)} for ${hexText(bytes)}`);
  return seen;
}

/** F2: what was decoded is encoded to the bytes that it came from. */
export function checkReencoding(counts: Counts, format: Format, bytes: Buffer, seen: Decoded): void {
  if (typeof seen === "string") return;
  const again = encoded(format, seen.record);
  const original = bytes.subarray(0, seen.size);
  check(
    counts,
    "F2",
    typeof again !== "string" && Buffer.compare(again, original) === 0,
    () => hexText(original),
    () => (typeof again === "string" ? `refused: ${again}` : hexText(again)),
  );
}
