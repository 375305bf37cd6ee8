/**
 * What takes part in `npm run bench`: something that keeps records in order, in a directory.
 * @module
 */
import type { About } from "../../../properties/documents/performance.ts";
import type { Answer } from "../../../src/types.ts";

/**
 * A log that is open. A method that has its answer at once returns no promise, so that nothing is waited for.
 */
export interface Log {
  /** Appends a batch. If the log was opened for it, the batch is durable when this answers. */
  append(payloads: readonly Uint8Array[]): Answer<unknown>;
  /**
   * Reads all records from the first one on, as verified as the contestant does it.
   *
   * @param visit is told the size of each payload
   */
  read(visit: (payloadBytes: number) => void): Answer<void>;
  /** Reads one record, by its number from 0. */
  readOne(number: number): Answer<Uint8Array>;
  /** How many records there are. */
  count(): Answer<number>;
  close(): Answer<void>;
}

export interface Contestant {
  readonly about: About;
  /** Opens a log in a directory that exists, for appends or for reads. */
  open(directory: string, use: "append" | "append-synced" | "read"): Answer<Log>;
  /**
   * Verifies all that is in a directory, where the contestant can do that. @returns how many records there
   * are @throws Error if something is not as it was written
   */
  readonly audit?: (directory: string) => Answer<number>;
}
