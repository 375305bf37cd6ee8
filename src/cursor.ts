/**
 * Reading a range of a stream step by step.
 * @module
 */
import type { StorageError } from "./error.ts";
import type { Record } from "./format/record.ts";

/**
 * How much a step may still return; what is returned is subtracted. Records that do not count are returned in
 * addition.
 */
export interface Room {
  /** Bytes of payload: the record that reaches the limit is still returned. */
  bytes: number;
  records: number;
  readonly counts: (record: Record) => boolean;
}

/**
 * Returns the records of a range in the requested order. What it reads from is passed to each step, because
 * it may have been closed and opened again since the last one.
 */
export interface Cursor<Source> {
  /**
   * The next records; none at the end of the range. Where damage is met, those before it, and `failure` is
   * set; later calls return nothing.
   *
   * @throws the reason of the request's signal once that is aborted
   */
  next(source: Source, room: Room): Promise<Record[]>;
  /** What ended the last `next` early. */
  readonly failure: StorageError | undefined;
}

/** Whether a step goes on. */
export function hasRoom(room: Room): boolean {
  return room.bytes > 0 && room.records > 0;
}

/** Subtracts what a record needs. */
export function takeRoom(room: Room, record: Record): void {
  if (!room.counts(record)) return;
  room.bytes -= record.payload.length;
  room.records -= 1;
}
