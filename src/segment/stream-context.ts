/**
 * What opening and reading a stream, and recovering one of its segments, need to know of where they are.
 * @module
 */
import type { CodecRegistry } from "../format/codec.ts";
import type { Disk } from "../disk/disk.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import type { RecordFormat } from "../format/formats.ts";
import type { StreamFiles } from "./saved-index.ts";
import type { StreamId } from "../types.ts";

/** What opening a stream needs to know of its surroundings. */
export interface StreamSurroundings {
  readonly disk: Disk;
  readonly stream: StreamId;
  /** Path of the data directory. */
  readonly rootPath: string;
  /** Path of the stream's directory in it. */
  readonly path: string;
  readonly codecs: CodecRegistry;
  readonly chunkBytes: number;
}

/** The same, where the stream's format is known; the codecs are as that needs them. */
export interface StreamContext extends StreamSurroundings {
  readonly format: RecordFormat;
  /** Whether only the manifest says so. */
  readonly isFormatHearsay: boolean;
}

/** The stream's context, once its format is known. */
export function withFormat(
  surroundings: StreamSurroundings,
  format: RecordFormat,
  isFormatHearsay = false,
): StreamContext {
  return { ...surroundings, format, isFormatHearsay, codecs: format.codecs(surroundings.codecs) };
}

/** The same, as what deals in files needs it. */
export function filesOf({ disk, path, format }: StreamContext): StreamFiles {
  return { disk, path, format: format.name };
}

/** Which segment, and what is known of where it begins. */
export interface SegmentPlace extends SegmentNumbers {
  readonly firstOffset: number;
  /** Chain hash of the record before its first; asked only where the segment is scanned from its start. */
  readonly previousHead: () => Promise<Uint8Array | undefined>;
  /** Whether a later segment exists. */
  readonly sealed: boolean;
  /**
   * What Kimberlite's manifest says that the segment holds, if that is one of its manifests: a segment that
   * holds less has lost it.
   */
  readonly claimed?: { readonly nextOffset: number; readonly bytes: number } | undefined;
  /**
   * What the manifest says that the segment holds, if it is sealed: with the segment it outvotes an index
   * that says more.
   */
  readonly recorded?: { readonly nextOffset: number; readonly bytes: number } | undefined;
}
