/**
 * From a stored payload to the one that was appended.
 * @module
 */
import type { CodecRegistry } from "./codec.ts";
import { StorageError } from "../error.ts";
import type { RecordFormat } from "./formats.ts";
import { type Flaw, type Frame, payloadAt } from "./record.ts";
import type { Answer } from "../types.ts";

/** The payload of the record at `at` as it was appended; a view of `bytes` if it is stored uncompressed. */
export function expandedPayload(
  format: RecordFormat,
  bytes: Buffer,
  at: number,
  frame: Pick<Frame, "compression" | "size">,
  codecs: CodecRegistry,
): Answer<Uint8Array> {
  const stored = payloadAt(format, bytes, at, frame.size);
  return frame.compression === "none" ? stored : codecs.get(frame.compression).decompress(stored);
}

/** The flaw that an expansion failed with. @throws any other error, as it is */
export function expansionFlaw(error: unknown): Flaw {
  if (error instanceof StorageError && error.code !== "io")
    return { ok: false, code: error.code, sentence: error.message, unreadable: true };
  throw error;
}
