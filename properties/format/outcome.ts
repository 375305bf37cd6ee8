/**
 * What the engine's decoder answers, held against what `layout.ts` says it must: a record or a
 * `StorageError`, and nothing else. And what other readers may answer.
 * @module
 */
import { decodeRecord, encodeRecord, StorageError, type StorageErrorCode } from "../../src/index.ts";
import type { Format, Offset } from "../../src/types.ts";
import type { InvariantId } from "../invariants/catalogue.ts";
import type { Decoded, Decoding } from "../invariants/decoding.ts";
import { F2, F5 } from "../invariants/format.ts";
import type { Check } from "../invariants/invariant.ts";
import { type Counts, hold, observe } from "../tally.ts";
import { expected, type Fields, layoutOf } from "./layout.ts";

/** The code of a refusal; any other error violates F5. */
export function refusal(error: unknown, input: Uint8Array): StorageErrorCode {
  if (error instanceof StorageError) return error.code;
  hold(F5.refusal, { error, input }, error);
  throw error;
}

/** Runs a reader that has to answer: whatever it throws violates F5. */
export function answerOf<T>(bytes: Buffer, read: () => T): T {
  try {
    return read();
  } catch (error) {
    hold(F5.answer, { error, input: bytes }, error);
    throw error;
  }
}

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

/** Whether a record's payload is where it is in the record, not a copy of it. */
const isView = (format: Format, payload: Uint8Array, bytes: Buffer): boolean =>
  payload.buffer === bytes.buffer && payload.byteOffset === bytes.byteOffset + layoutOf(format).payload;

/**
 * Checks that the engine decodes `bytes` to what they must be; of a record, without copying it. @returns the
 * decoding
 */
export function checkDecoding(
  counts: Counts,
  check: Check<Decoding, InvariantId>,
  format: Format,
  bytes: Buffer,
): Decoded {
  const [seen, wanted] = [decoded(format, bytes), expected(format, bytes)];
  const isCopied = typeof seen !== "string" && !isView(format, seen.record.payload, bytes);
  observe(counts, check, { decoded: seen, wanted, isCopied, bytes });
  return seen;
}

/** F2: what was decoded is encoded to the bytes that it came from. */
export function checkReencoding(counts: Counts, format: Format, bytes: Buffer, seen: Decoded): void {
  if (typeof seen === "string") return;
  observe(counts, F2.reencoded, {
    original: bytes.subarray(0, seen.size),
    again: encoded(format, seen.record),
  });
}
