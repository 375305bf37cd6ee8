/**
 * Every reader of stored bytes that the engine has, with what must hold of its answer, whatever the bytes are
 * (F5). Payloads are held against the model's expansion.
 * @module
 */
import { expand } from "../../model/expand.ts";
import { deserializeCheckpointPayload, serializeCheckpointPayload } from "../../src/format/checkpoint.ts";
import { CodecRegistry } from "../../src/format/codec.ts";
import { formatNamed } from "../../src/format/formats.ts";
import type { CompressionKind, Format } from "../../src/types.ts";
import { F5 } from "../invariants/format.ts";
import { type Counts, observe } from "../tally.ts";
import { checkIndex, checkIndexLog, checkKimberliteIndex } from "./index-files.ts";
import { checkManifest } from "./manifests.ts";
import { checkDecoding, checkReencoding, refusal } from "./outcome.ts";
import { checkReading } from "./reading.ts";
import { perFormat } from "./section.ts";

export interface Parser {
  readonly name: string;
  /** Gives the bytes to the engine. @throws Violation */
  readonly check: (counts: Counts, format: Format, bytes: Buffer) => void | Promise<void>;
}

const codecsOf = perFormat((format) => formatNamed(format).codecs(new CodecRegistry()));
function checkCheckpoint(counts: Counts, _: Format, bytes: Buffer): void {
  let again: Uint8Array | string;
  try {
    again = serializeCheckpointPayload(deserializeCheckpointPayload(bytes));
  } catch (error) {
    again = refusal(error, bytes);
  }
  observe(counts, F5.checkpoint, { bytes, again });
}

/** What the model's expansion also comes to, or a `StorageError` where the model refuses, too. */
async function checkExpansion(
  counts: Counts,
  format: Format,
  compression: CompressionKind,
  bytes: Buffer,
): Promise<void> {
  let payload: Uint8Array | string;
  try {
    payload = await codecsOf(format).get(compression).decompress(bytes);
  } catch (error) {
    payload = refusal(error, bytes);
  }
  const model = expand(format, compression, bytes);
  observe(counts, F5.expansion, { compression, bytes, payload, model });
}

async function checkSegment(counts: Counts, format: Format, bytes: Buffer): Promise<void> {
  checkReencoding(counts, format, bytes, checkDecoding(counts, F5.decoded, format, bytes));
  await checkReading(counts, format, bytes);
}

export const SEGMENT_PARSER: Parser = { name: "segment", check: checkSegment };
export const INDEX_PARSER: Parser = { name: "index", check: checkIndex };
export const KIMBERLITE_INDEX_PARSER: Parser = { name: "Kimberlite's index", check: checkKimberliteIndex };
export const INDEX_LOG_PARSER: Parser = { name: "index log", check: checkIndexLog };
export const MANIFEST_PARSER: Parser = { name: "manifest", check: checkManifest };
export const CHECKPOINT_PARSER: Parser = { name: "checkpoint payload", check: checkCheckpoint };
export const LZ4_PARSER: Parser = {
  name: "lz4 payload",
  check: (counts, format, bytes) => checkExpansion(counts, format, "lz4", bytes),
};
export const ZSTD_PARSER: Parser = {
  name: "zstd payload",
  check: (counts, format, bytes) => checkExpansion(counts, format, "zstd", bytes),
};

/** All that a stream of this format needs. */
export const parsersOf: (format: Format) => readonly Parser[] = perFormat((format) => [
  SEGMENT_PARSER,
  ...(format === "plain" ? [] : [KIMBERLITE_INDEX_PARSER]),
  INDEX_PARSER,
  INDEX_LOG_PARSER,
  MANIFEST_PARSER,
  CHECKPOINT_PARSER,
  LZ4_PARSER,
  ZSTD_PARSER,
]);
