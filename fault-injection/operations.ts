/**
 * The plain data that inodes are made of: operations that were issued and not synced, and what a crash makes
 * of them. All of it is immutable, so that forks share it.
 *
 * `step` is the number of the Disk call that issued an operation. It says what came first and reads well in a
 * label.
 * @module
 */
import type { Fate } from "./undecided.ts";

/** A write to a file since its last sync, as it was issued. */
interface PendingWrite {
  readonly kind: "write";
  readonly step: number;
  readonly position: number;
  readonly bytes: Buffer;
}

/** A truncation since the last sync. */
interface PendingTruncate {
  readonly kind: "truncate";
  readonly step: number;
  readonly size: number;
  /** Where the file ended before; where that is undecided, the furthest that it could. At least `size`. */
  readonly reach: number;
}

export type PendingFileOperation = PendingWrite | PendingTruncate;

/**
 * What happened to a file since a sync failed and left its pages clean, told as it happened. The disk itself
 * does not need it: it is for whoever checks what the disk makes of it.
 */
export interface SyncHistory {
  /** What was durable before. */
  readonly base: Buffer;
  readonly baseSize: number;
  /** The syncs since, with what was pending at each. */
  readonly syncs: readonly {
    readonly operations: readonly PendingFileOperation[];
    readonly succeeded: boolean;
  }[];
}

/**
 * The part of a write that falls into one sector, or the zeroing of the part of a sector that was cut off.
 */
export interface Piece extends Fate {
  readonly kind: "piece";
  readonly step: number;
  readonly start: number;
  readonly end: number;
  /** The bytes of the whole write, in which this piece begins at `from`; `undefined` for zeros. */
  readonly bytes: Buffer | undefined;
  readonly from: number;
}

/** Bytes from `size` on become zeros, and where sizes are not separate this is the file's size. */
export interface Clip extends Fate {
  readonly kind: "clip";
  readonly step: number;
  readonly size: number;
}

/** The file's size at a crash, undecided, where sizes are separate. Bytes from the size on become zeros. */
export interface SizeLeft extends Fate {
  readonly kind: "size";
  /** The options, the one set last first. */
  readonly values: readonly number[];
  /** Whether it may also be what it was before: what the nearest older `SizeLeft` will turn out to be. */
  readonly before: boolean;
}

/** What lies over a file's durable bytes after a crash or a failed sync. */
export type Layer = Piece | Clip | SizeLeft;

/**
 * A change to one directory, atomic: the name `clears` goes (if there is one), the name `sets` (if there is
 * one) then stands for `inode`, whatever it stood for. Creating sets, removing clears, renaming does both.
 */
export interface EntryOperation extends Fate {
  readonly step: number;
  readonly sets: string | undefined;
  readonly inode: number;
  readonly clears: string | undefined;
}
