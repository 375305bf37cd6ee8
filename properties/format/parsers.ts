/**
 * Every reader of stored bytes that the engine has, with what must hold of its answer, whatever the bytes are (F5).
 *
 * Index files are held against readers written from `docs/FORMAT.md`, payloads against the model's expansion.
 * @module
 */
import { expand, little } from "../../model/expand.ts";
import { ByteWindow } from "../../src/byte-window.ts";
import { deserializeCheckpointPayload, serializeCheckpointPayload } from "../../src/checkpoint.ts";
import { CodecRegistry } from "../../src/codec.ts";
import { type Manifest, parseManifest, serializeManifest } from "../../src/manifest.ts";
import { OffsetIndex } from "../../src/offset-index.ts";
import type { CompressionKind } from "../../src/types.ts";
import { type IndexReading, readFrames, readIndex } from "../index-reader.ts";
import { type Counts, check, Violation } from "../tally.ts";
import { checkDecoding, checkReencoding, refusal } from "./outcome.ts";
import { checkReading, fileOf } from "./reading.ts";
import { hexText } from "./section.ts";

export interface Parser {
  readonly name: string;
  /** Gives the bytes to the engine. @throws Violation */
  readonly check: (counts: Counts, bytes: Buffer) => void | Promise<void>;
}

const CODECS = new CodecRegistry();
const CHUNK_BYTES = 64;

/** Runs a reader that has to answer: whatever it throws violates F5. */
function answerOf<T>(bytes: Buffer, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const seen = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Violation("F5", "an answer", `${seen} for ${hexText(bytes)}`, error);
  }
}

/** Whether each entry has a kind and lies behind the one before, from 0 to the end. */
function isOrdered({ entries, end, headHash }: IndexReading): boolean {
  if (entries.length === 0) return end === 0 && headHash.every((byte) => byte === 0);
  const positions = [...entries.map(({ position }) => position), end];
  return (
    positions[0] === 0 &&
    positions.every((position, i) => i === 0 || position > (positions[i - 1] ?? 0)) &&
    entries.every(({ kind }) => kind !== undefined)
  );
}

const readingText = ({ entries, end }: Pick<IndexReading, "entries" | "end">): string =>
  `${entries.map(({ kind, position }) => `${kind ?? "?"} at ${position}`).join("; ")}; end ${end}`;

/** An index shows what a reading says: positions, end, head, and where the checkpoints are. */
function shows(index: OffsetIndex, { entries, end, headHash }: IndexReading): boolean {
  return (
    index.count === entries.length &&
    index.end === end &&
    Buffer.compare(index.head, headHash) === 0 &&
    entries.every(({ kind, position }, i) => {
      const checkpoint = index.checkpointAtOrBefore(i);
      return index.position(i) === position && (kind === "checkpoint") === (checkpoint === i);
    })
  );
}

function checkIndex(counts: Counts, bytes: Buffer): void {
  const index = answerOf(bytes, () => OffsetIndex.parse(bytes));
  const reading = readIndex(bytes);
  const isOne = reading.problem === undefined && isOrdered(reading);
  check(
    counts,
    "F5",
    index === undefined ? !isOne : isOne && shows(index, reading),
    () => (isOne ? `the index ${readingText(reading)}` : "no index"),
    () => `${index === undefined ? "no index" : `one of ${index.count} entries`} in ${hexText(bytes)}`,
  );
}

/** Whether two ends agree as far as doubles hold them. */
const sameEnd = (a: number, b: number): boolean => a === b || Math.min(a, b) > Number.MAX_SAFE_INTEGER;

async function checkIndexLog(counts: Counts, bytes: Buffer): Promise<void> {
  const index = new OffsetIndex();
  const window = new ByteWindow(fileOf(bytes), "index log", 0, bytes.length, CHUNK_BYTES);
  let seen: { size: number; watermark: number };
  try {
    seen = await index.replay(window);
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation("F5", "a watermark", `${String(error)} for ${hexText(bytes)}`, error);
  }
  const reading = readFrames(bytes);
  const whole = reading.problem === undefined;
  check(
    counts,
    "F5",
    sameEnd(seen.watermark, reading.end) && whole === (seen.size === bytes.length),
    () =>
      `the watermark ${reading.end} in ${whole ? "whole frames" : "frames of which the last is not whole"}`,
    () => `the watermark ${seen.watermark} in ${seen.size} of ${bytes.length} bytes: ${hexText(bytes)}`,
  );
  check(
    counts,
    "F5",
    isTakenFrom(index, framesIn(bytes)),
    () => "what the frames say, in order, or less",
    () => `${index.count} entries up to ${index.end} from ${hexText(bytes)}`,
  );
}

/** What each whole frame says. */
function framesIn(bytes: Buffer): IndexReading[] {
  const frames: IndexReading[] = [];
  for (let at = 0, size: number; at < bytes.length; at += size) {
    size = 48 + 8 * little(bytes, at, 4);
    const frame = readFrames(bytes.subarray(at, at + size));
    if (frame.problem !== undefined) break;
    frames.push(frame);
  }
  return frames;
}

/** Whether every entry of an index, and its end, is in one of the frames, and its positions increase. */
function isTakenFrom(index: OffsetIndex, frames: readonly IndexReading[]): boolean {
  const named = new Set(frames.flatMap(({ entries }) => entries.map(({ position }) => position)));
  const positions = Array.from({ length: index.count }, (_, i) => index.position(i));
  return (
    positions.every((position, i) => named.has(position) && position > (positions[i - 1] ?? -1)) &&
    (index.count === 0 ? index.end === 0 : frames.some(({ end }) => end === index.end)) &&
    index.end > (positions.at(-1) ?? -1)
  );
}

/** What FORMAT.md, section 7, says a manifest has to be, of one that was accepted. */
function isSound({ segments, activeSegment }: Manifest): boolean {
  return (
    segments.length === activeSegment + 1 &&
    segments.every(
      ({ number, firstOffset, nextOffset }, i) =>
        number === i && nextOffset >= firstOffset && firstOffset === (segments[i - 1]?.nextOffset ?? 0),
    )
  );
}

function checkManifest(counts: Counts, bytes: Buffer): void {
  const manifest = answerOf(bytes, () => parseManifest(bytes));
  if (manifest === undefined) {
    counts.checks.F5 += 1;
    return;
  }
  const again = parseManifest(serializeManifest(manifest));
  check(
    counts,
    "F5",
    isSound(manifest) && JSON.stringify(again) === JSON.stringify(manifest),
    () => "segments without gaps, as they are when written again",
    () => `${JSON.stringify(manifest)} from ${bytes.toString()}`,
  );
}

function checkCheckpoint(counts: Counts, bytes: Buffer): void {
  let again: Uint8Array | string;
  try {
    again = serializeCheckpointPayload(deserializeCheckpointPayload(bytes));
  } catch (error) {
    again = refusal(error, bytes);
  }
  const holds =
    bytes.length === 40
      ? typeof again !== "string" && Buffer.compare(again, bytes) === 0
      : again === "malformed";
  check(
    counts,
    "F5",
    holds,
    () => (bytes.length === 40 ? hexText(bytes) : `malformed, of ${bytes.length} bytes`),
    () => (typeof again === "string" ? again : hexText(again)),
  );
}

/** A payload of no more than the limit that the model's expansion also comes to, or a `StorageError`. */
async function checkExpansion(counts: Counts, compression: CompressionKind, bytes: Buffer): Promise<void> {
  let payload: Uint8Array;
  try {
    payload = await CODECS.get(compression).decompress(bytes);
  } catch (error) {
    counts.checks.F5 += 1;
    refusal(error, bytes);
    return;
  }
  const model = expand(compression, bytes);
  check(
    counts,
    "F5",
    typeof model !== "string" && Buffer.compare(payload, model) === 0,
    () => (typeof model === "string" ? `a refusal: ${model}` : hexText(model)),
    () => `${hexText(payload)} from the ${compression} payload ${hexText(bytes)}`,
  );
}

async function checkSegment(counts: Counts, bytes: Buffer): Promise<void> {
  checkReencoding(counts, bytes, checkDecoding(counts, "F5", bytes));
  await checkReading(counts, bytes);
}

export const SEGMENT_PARSER: Parser = { name: "segment", check: checkSegment };
export const INDEX_PARSER: Parser = { name: "index", check: checkIndex };
export const INDEX_LOG_PARSER: Parser = { name: "index log", check: checkIndexLog };
export const MANIFEST_PARSER: Parser = { name: "manifest", check: checkManifest };
export const CHECKPOINT_PARSER: Parser = { name: "checkpoint payload", check: checkCheckpoint };
export const LZ4_PARSER: Parser = {
  name: "lz4 payload",
  check: (counts, bytes) => checkExpansion(counts, "lz4", bytes),
};
export const ZSTD_PARSER: Parser = {
  name: "zstd payload",
  check: (counts, bytes) => checkExpansion(counts, "zstd", bytes),
};

/** All of them. */
export const PARSERS: readonly Parser[] = [
  SEGMENT_PARSER,
  INDEX_PARSER,
  INDEX_LOG_PARSER,
  MANIFEST_PARSER,
  CHECKPOINT_PARSER,
  LZ4_PARSER,
  ZSTD_PARSER,
];
