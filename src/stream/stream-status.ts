/**
 * What is known of a stream, for people and monitors.
 * @module
 */
import type { StorageError } from "../error.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import type { Finding } from "../segment/finding.ts";
import type { Format, Offset, StreamHead } from "../types.ts";

/** What is known of a segment. */
export interface SegmentStatus {
  /** Its number, from 0; of one that was merged, the first of its numbers. */
  readonly number: number;
  /** The last of its numbers, if it has several. */
  readonly last?: number;
  /** Offset of its first record. */
  readonly firstOffset: Offset;
  /** One more than the offset of its last record. */
  readonly nextOffset: Offset;
  /** Size of its records in bytes. */
  readonly bytes: number;
}

/** What is known of a stream, for people and monitors. */
export interface StreamStatus extends StreamHead {
  /** How its records are laid out and chained. */
  readonly format: Format;
  /** Its segments, in order. */
  readonly segments: readonly SegmentStatus[];
  /**
   * What recovery found when the stream was opened, this time and, if it was closed so that others could be
   * opened, earlier.
   */
  readonly findings: readonly Finding[];
  /**
   * Why the stream's end is not known, if it is not; `nextOffset` and `head` are then those of the last
   * record that is.
   */
  readonly lostEnd: StorageError | undefined;
}

/** The status of a stream that ends here and has these segments. */
export function statusOf(
  end: StreamHead,
  format: Format,
  segments: readonly SegmentInfo[],
  findings: readonly Finding[],
  lostEnd: StorageError | undefined,
): StreamStatus {
  return {
    ...end,
    format,
    segments: segments.map(({ number, last, firstOffset, nextOffset, bytes }) => ({
      number,
      ...(last === undefined ? {} : { last }),
      firstOffset: BigInt(firstOffset) as Offset,
      nextOffset: BigInt(nextOffset) as Offset,
      bytes,
    })),
    findings,
    lostEnd,
  };
}
