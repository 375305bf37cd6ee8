/**
 * Redacted records that recovery came across and that no tombstone names.
 *
 * Which offsets are named is known only once the whole stream is open, so this is asked then, and only where
 * a segment with redacted records had to be recovered. Reads verified from the first record, and the audit,
 * ask it of every redacted record.
 * @module
 */
import { StorageError } from "../error.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import type { OffsetRange } from "../format/offset-ranges.ts";
import type { Finding } from "../segment/finding.ts";
import type { Offset } from "../types.ts";
import type { ReadSource } from "./read.ts";

/** What the redacted records of a segment stand for, in order; O(records). */
export function redactedIn(index: OffsetIndex, firstOffset: number): OffsetRange[] {
  return [...index.ordinalsOf("redacted")].map((ordinal) => {
    const from = firstOffset + index.placeOf(ordinal);
    return { from, to: from + index.placesOf(ordinal) };
  });
}

/**
 * Tells of those that stand for an offset which no tombstone names. Where a tombstone is damaged nobody can
 * know, and recovery reports that.
 */
export async function unnamedRedactions(
  source: ReadSource,
  redacted: readonly OffsetRange[],
): Promise<Finding[]> {
  const [first] = redacted;
  if (first === undefined) return [];
  try {
    const hidden = await source.hidden(first.from);
    return redacted.filter((range) => !hidden.covers(range)).map(({ from }) => unnamed(source, from));
  } catch {
    return [];
  }
}

function unnamed({ context }: ReadSource, offset: number): Finding {
  const sentence = "A redacted record stands for records that no tombstone names. Compare it with a copy.";
  const place = { stream: context.stream, offset: BigInt(offset) as Offset, file: context.path };
  return { what: "unnamed redaction", action: "keep", error: new StorageError("malformed", sentence, place) };
}
