/**
 * Going through a range of a stream, a step at a time.
 * @module
 */
import type { StorageError } from "./error.ts";
import type { Record } from "./format/record.ts";

/**
 * How much a step may still return; what is returned is taken off. Records that do not count are returned
 * besides.
 */
export interface Room {
  /** Bytes of payload: the record that reaches the limit is still returned. */
  bytes: number;
  records: number;
  readonly counts: (record: Record) => boolean;
}

/**
 * Gives a range's records in the order that was asked for. What it reads from is passed to each step, for it
 * may have been opened anew.
 */
export interface Cursor<Source> {
  /**
   * The next records; none at the end of the range. If damage is in the way, those before it, with `failure`
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

/** Takes off what a record needs. */
export function takeRoom(room: Room, record: Record): void {
  if (!room.counts(record)) return;
  room.bytes -= record.payload.length;
  room.records -= 1;
}

/** Throws the signal's reason if it is aborted. */
export function refuseIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}
