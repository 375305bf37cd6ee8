/**
 * The per-stream manifest: which segments there are, for a fast start and as evidence of a missing one.
 *
 * A hint: the segment files are the log, and a manifest that is missing or unreadable is rebuilt from them.
 * Field names are Kimberlite's (docs/FORMAT.md, section 7); unknown fields are ignored.
 * @module
 */
import * as z from "zod/mini";
import type { Format } from "./types.ts";

/** What the manifest says of a segment. Exact for every segment but the active one. */
export interface SegmentInfo {
  readonly number: number;
  /** Offset of its first record. */
  readonly firstOffset: number;
  /** One more than the offset of its last record. */
  readonly nextOffset: number;
  readonly bytes: number;
}

export interface Manifest {
  readonly segments: readonly SegmentInfo[];
  /** Number of the segment that appends go to: the last one. */
  readonly activeSegment: number;
  /**
   * The stream's format; missing in a manifest that Kimberlite wrote. There the active segment's entry says what that held at the last
   * append, and that segment need not be there while it is empty.
   */
  readonly format: Format | undefined;
}

const count = z.int().check(z.nonnegative());

const schema = z.object({
  segments: z.array(
    z.object({ segment_num: count, first_offset: count, next_offset: count, size_bytes: count }),
  ),
  active_segment: count,
  format: z.optional(z.enum(["plain", "sentinel"])),
});

/**
 * Bytes that a manifest has at most, of a stream of which so many segments are there. One may name many more, and is evidence then; but not any
 * number.
 */
export function manifestBytesMax(segments: number): number {
  return 2 ** 24 + 256 * segments;
}

/** The bytes of `manifest.json`. */
export function serializeManifest(manifest: Manifest): Buffer {
  const json = {
    segments: manifest.segments.map((segment) => ({
      segment_num: segment.number,
      first_offset: segment.firstOffset,
      next_offset: segment.nextOffset,
      size_bytes: segment.bytes,
    })),
    active_segment: manifest.activeSegment,
    format: manifest.format,
  };
  return Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`);
}

/**
 * The manifest in these bytes, or `undefined` if they are not one, or one that contradicts itself: segments are
 * numbered from 0 without gaps, each begins at the offset where the one before ends, and the active one is the last.
 */
export function parseManifest(bytes: Uint8Array): Manifest | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) return undefined;
  const segments = parsed.data.segments.map((segment) => ({
    number: segment.segment_num,
    firstOffset: segment.first_offset,
    nextOffset: segment.next_offset,
    bytes: segment.size_bytes,
  }));
  let offset = 0;
  for (const [number, segment] of segments.entries()) {
    if (segment.number !== number || segment.firstOffset !== offset || segment.nextOffset < offset)
      return undefined;
    offset = segment.nextOffset;
  }
  const { active_segment: activeSegment, format } = parsed.data;
  if (segments.length !== activeSegment + 1) return undefined;
  return { segments, activeSegment, format };
}
