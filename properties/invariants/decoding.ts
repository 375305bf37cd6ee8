/**
 * The predicate that several invariants of the format share: bytes are decoded to what they are by the
 * layout.
 * @module
 */
import type { Record, StorageErrorCode } from "../../src/index.ts";
import type { PartName } from "../bounds.ts";
import type { Expected } from "../format/layout.ts";
import { hexText } from "../records.ts";
import type { Predicate } from "./invariant.ts";

/** A record with its size, or the code that the bytes are refused with. */
export type Decoded = { readonly record: Record; readonly size: number } | StorageErrorCode;

/** What the decoder makes of bytes, and what they are. */
export interface Decoding {
  readonly decoded: Decoded;
  readonly wanted: Expected;
  /** Whether the payload is a copy, and not in the memory of the input. */
  readonly isCopied: boolean;
  readonly bytes: Uint8Array;
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

/** A decoding for a person. */
export function decodedText(seen: Decoded | Expected): string {
  if (typeof seen === "string") return seen;
  const { offset, kind, compression, payload } = "record" in seen ? seen.record : seen;
  return `a record of ${seen.size} bytes: offset ${String(offset)}, ${kind}, ${compression}, payload ${hexText(payload)}`;
}

/** That bytes are decoded to what they are, without a copy. */
export const decodesAsLaidOut = (of: string, parts: readonly PartName[]): Predicate<Decoding> => ({
  of,
  parts,
  holds: ({ decoded, wanted, isCopied }) => fits(decoded, wanted) && !isCopied,
  expected: ({ wanted }) => `${decodedText(wanted)}, in the memory of the input`,
  seen: ({ decoded, bytes }) => `${decodedText(decoded)} for ${hexText(bytes)}`,
});
