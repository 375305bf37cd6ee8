/**
 * One error for everything the engine refuses or finds: a stable code to program against, where it is, and a
 * sentence that says what to do. Wrong *types* are `TypeError`s; everything else is a `StorageError`.
 * @module
 */
import type { Offset, StreamId } from "./types.ts";

/**
 * Stable codes.
 *
 * Asked for something that cannot be: `out-of-range`, `empty-batch`, `payload-too-large`, `batch-too-large`,
 * `offset-mismatch`, `offset-limit`, `empty-stream`, `unknown-codec`.
 *
 * Found in stored bytes: `incomplete` (they end inside a record), `malformed`, `checksum-mismatch`,
 * `broken-chain`, `wrong-offset`, `undecodable-payload`, `payload-limit` (claims to expand beyond the limit),
 * `missing-segment`, `truncated-log` (an index or manifest names more than the log holds), `damaged-hint` (an
 * index or manifest is missing or unreadable where no crash leaves it so; it is rebuilt, and no answer
 * depends on it).
 *
 * The state of the storage: `closed`, `locked`, `read-only` (it was opened so), `poisoned` (a failed write or
 * sync left the stream in doubt; reopen it), `io` (a call to the disk failed; `cause` has its `code`, the
 * sentence says what to do).
 */
export type StorageErrorCode =
  | "out-of-range"
  | "empty-batch"
  | "payload-too-large"
  | "batch-too-large"
  | "offset-mismatch"
  | "offset-limit"
  | "empty-stream"
  | "unknown-codec"
  | "incomplete"
  | "malformed"
  | "checksum-mismatch"
  | "broken-chain"
  | "wrong-offset"
  | "undecodable-payload"
  | "payload-limit"
  | "missing-segment"
  | "truncated-log"
  | "damaged-hint"
  | "closed"
  | "locked"
  | "read-only"
  | "poisoned"
  | "io";

/** Where an error is, as far as it is known. */
export interface ErrorPlace {
  readonly stream?: StreamId | undefined;
  readonly offset?: Offset | undefined;
  readonly file?: string | undefined;
  /** Byte position in `file`. */
  readonly position?: number | undefined;
}

/**
 * @example
 * ```ts
 * try {
 *   await storage.appendBatch(stream, [event], { expectedOffset: 7n });
 * } catch (error) {
 *   if (error instanceof StorageError && error.code === "offset-mismatch") retryFrom(error.offset);
 * }
 * ```
 */
export class StorageError extends Error implements ErrorPlace {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;
  /** What happened and what to do, without the place, which `message` ends with. */
  readonly sentence: string;
  readonly stream: StreamId | undefined;
  readonly offset: Offset | undefined;
  readonly file: string | undefined;
  readonly position: number | undefined;

  constructor(code: StorageErrorCode, sentence: string, place: ErrorPlace = {}, cause?: unknown) {
    super(describe(sentence, place), cause === undefined ? undefined : { cause });
    this.code = code;
    this.sentence = sentence;
    this.stream = place.stream;
    this.offset = place.offset;
    this.file = place.file;
    this.position = place.position;
  }
}

/**
 * An error that a call about a stream ended with, so that it says which stream; one that does already, or is
 * no `StorageError`, is as it was.
 *
 * @returns what to throw in its place
 */
export function errorOf(stream: StreamId, error: unknown): unknown {
  if (!(error instanceof StorageError) || error.stream !== undefined) return error;
  const { code, sentence, offset, file, position, cause } = error;
  const said = new StorageError(code, sentence, { stream, offset, file, position }, cause);
  // Where it was thrown is of use, not where it was completed.
  said.stack = String(error.stack).replace(error.message, () => said.message);
  return said;
}

function describe(sentence: string, place: ErrorPlace): string {
  const where = [
    place.stream === undefined ? "" : `stream ${String(place.stream)}`,
    place.offset === undefined ? "" : `offset ${String(place.offset)}`,
    place.file ?? "",
    place.position === undefined ? "" : `byte ${place.position}`,
  ].filter((part) => part !== "");
  return where.length === 0 ? sentence : `${sentence} [${where.join(", ")}]`;
}
