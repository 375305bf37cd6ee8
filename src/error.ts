/**
 * One error for everything that the engine refuses or finds: a stable code to program against, the place, and
 * a sentence that says what to do. An argument of a wrong type is a `TypeError`; everything else is a
 * `StorageError`.
 * @module
 */
import type { Offset, StreamId } from "./types.ts";

/**
 * What a `StorageError` is about. The codes are stable.
 *
 * The request is impossible: `out-of-range`, `empty-batch`, `payload-too-large`, `batch-too-large`,
 * `offset-mismatch`, `offset-limit`, `empty-stream`, `unknown-codec`, `wrong-format` (the stream's format
 * cannot store it).
 *
 * Found in stored bytes: `incomplete` (they end inside a record), `malformed`, `checksum-mismatch`,
 * `broken-chain`, `wrong-offset`, `undecodable-payload`, `payload-limit` (it claims to expand beyond the
 * limit), `missing-segment`, `truncated-log` (an index or manifest names more than the log holds),
 * `damaged-hint` (an index or manifest is missing or unreadable, although no crash leaves it so; it is
 * rebuilt, and no answer depends on it).
 *
 * The state of the storage: `closed`, `locked`, `read-only` (it was opened so), `poisoned` (after a failed
 * write or sync it is not known what the stream holds; open it again), `io` (a call to the disk failed;
 * `cause` has its `code`, the sentence says what to do).
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
  | "wrong-format"
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
  /** The stream's number. */
  readonly stream?: StreamId | undefined;
  /** Offset of a record in the stream. */
  readonly offset?: Offset | undefined;
  /** Path of a file or directory. */
  readonly file?: string | undefined;
  /** Byte position in `file`. */
  readonly position?: number | undefined;
}

/**
 * What the engine refuses or finds damaged.
 *
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
  /** The name of the class. */
  override readonly name = "StorageError";
  /** What it is about. */
  readonly code: StorageErrorCode;
  /** What happened and what to do, without the place, which `message` ends with. */
  readonly sentence: string;
  readonly stream: StreamId | undefined;
  readonly offset: Offset | undefined;
  readonly file: string | undefined;
  readonly position: number | undefined;

  /**
   * @param code what it is about
   * @param sentence what happened and what to do
   * @param place where it is; `message` ends with it
   * @param cause the error that led to this one
   */
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
 * The error of a call about a stream, with the stream in it. An error that names a stream already, or is not
 * a `StorageError`, stays as it is.
 *
 * @param stream the stream that the call was about
 * @param error what the call threw
 * @returns what to throw instead
 */
export function errorOf(stream: StreamId, error: unknown): unknown {
  if (!(error instanceof StorageError) || error.stream !== undefined) return error;
  const { code, sentence, offset, file, position, cause } = error;
  const said = new StorageError(code, sentence, { stream, offset, file, position }, cause);
  // The stack of the place where it was thrown is useful, not that of the place where it was completed.
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
