/**
 * An open stream: what of it is in memory, however it came to be open.
 * @module
 */
import type { StorageError } from "../error.ts";
import type { SegmentInfo } from "../format/manifest.ts";
import type { OffsetRange } from "../format/offset-ranges.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import type { ActiveSegment } from "../segment/active-segment.ts";
import type { Finding } from "../segment/finding.ts";
import type { StreamContext } from "../segment/stream-context.ts";
import type { StreamHead } from "../types.ts";
import type { ManifestFiles } from "./manifest-files.ts";

/**
 * What of an open stream is known however it was found: its segments, where it ends, and what recovery found.
 */
interface Opened {
  readonly context: StreamContext;
  readonly manifest: ManifestFiles;
  /** Sealed segments, in order. */
  readonly sealed: SegmentInfo[];
  readonly end: StreamHead;
  readonly findings: Finding[];
  /** What the redacted records stand for that recovery came across. */
  readonly redacted: readonly OffsetRange[];
  /** Indexes of sealed segments that are damaged, by number: no file has them. */
  readonly indexes: Map<number, OffsetIndex>;
}

/** A stream that takes appends. */
export interface WholeStream extends Opened {
  readonly active: ActiveSegment;
  readonly lostEnd: undefined;
}

/** A stream whose end is lost. */
interface StreamWithoutEnd extends Opened {
  /** Missing if the last segment is. */
  readonly active: ActiveSegment | undefined;
  /** Why nothing can be appended, and why a read to the end cannot succeed. */
  readonly lostEnd: StorageError;
}

export type OpenStream = WholeStream | StreamWithoutEnd;

/** An open stream, whose end moves. */
export type Mutable<T extends OpenStream> = { -readonly [K in keyof T]: T[K] };
export type Appendable = Mutable<WholeStream>;
