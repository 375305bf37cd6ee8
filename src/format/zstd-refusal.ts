/**
 * How a Zstandard frame is refused.
 * @module
 */
import { StorageError } from "../error.ts";

/** @internal The error for a frame that is not what it should be. */
export function undecodable(what: string): StorageError {
  return new StorageError(
    "undecodable-payload",
    `The zstd payload cannot be expanded: ${what}. Restore the record from a copy.`,
  );
}

/** @internal The error for what stands in a compressed block and must not. */
export const damaged = (what: string): StorageError => undecodable(`its content is damaged: ${what}`);
