/**
 * Every reader of stored bytes that the engine has, with what must hold of its answer, whatever the bytes are (F5).
 *
 * Index files are held against readers written from `docs/FORMAT.md`, payloads against the model's expansion.
 * @module
 */
import { expand, little } from "../../model/expand.ts";
import { crc32 } from "../../model/hash.ts";
import { ByteWindow } from "../../src/byte-window.ts";
import { deserializeCheckpointPayload, serializeCheckpointPayload } from "../../src/checkpoint.ts";
import { CodecRegistry } from "../../src/codec.ts";
import { type Manifest, parseManifest, type SegmentInfo, serializeManifest } from "../../src/manifest.ts";
import { OffsetIndex } from "../../src/offset-index.ts";
import { formatNamed } from "../../src/formats.ts";
import type { CompressionKind, Format } from "../../src/types.ts";
import { type IndexReading, readFrames, readIndex } from "../index-reader.ts";
import { type Counts, check, Violation } from "../tally.ts";
import { checkDecoding, checkReencoding, refusal } from "./outcome.ts";
import { checkReading, fileOf } from "./reading.ts";
import { hexText, perFormat } from "./section.ts";

export interface Parser {
  readonly name: string;
  /** Gives the bytes to the engine. @throws Violation */
  readonly check: (counts: Counts, format: Format, bytes: Buffer) => void | Promise<void>;
}

const codecsOf = perFormat((format) => formatNamed(format).codecs(new CodecRegistry()));
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

/** Whether two ends agree as far as doubles hold them. */
const sameEnd = (a: number, b: number): boolean => a === b || Math.min(a, b) > Number.MAX_SAFE_INTEGER;

/** An index shows what a reading says: positions, end, head, and where the checkpoints are. */
function shows(index: OffsetIndex, { entries, end, headHash }: IndexReading): boolean {
  return (
    index.count === entries.length &&
    sameEnd(index.end, end) &&
    Buffer.compare(index.head, headHash) === 0 &&
    entries.every(({ kind, position }, i) => {
      const checkpoint = index.checkpointAtOrBefore(i);
      return index.position(i) === position && (kind === "checkpoint") === (checkpoint === i);
    })
  );
}

function checkIndex(counts: Counts, _: Format, bytes: Buffer): void {
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

/** Where the records of a segment begin, and where the last of them ends, for the index of one. */
export const INDEXED: { readonly positions: readonly number[]; readonly end: number } = {
  positions: [0, 53, 127, 215],
  end: 263,
};

/** A segment as its manifest describes it: so many records in so many bytes. */
interface Described {
  readonly count: number;
  readonly end: number;
}

/** The positions in an index of this segment as Kimberlite writes them (FORMAT.md, section 8.3); nothing if it is none, or of another segment. */
function positionsIn(bytes: Buffer, { count, end }: Described): number[] | undefined {
  const crcAt = 16 + 8 * count;
  const starts = bytes.subarray(0, 8).equals(Buffer.from("VDXI\x01\0\0\0"));
  if (!starts || little(bytes, 8, 8) !== count || bytes.length !== crcAt + 4) return undefined;
  if (little(bytes, crcAt, 4) !== crc32(bytes.subarray(0, crcAt))) return undefined;
  const positions = Array.from({ length: count }, (_, i) => little(bytes, 16 + 8 * i, 8));
  const follows = (position: number, i: number): boolean => position > (positions[i - 1] ?? -1);
  const isSound = positions.every(follows) && (positions[0] ?? 0) === 0 && (positions.at(-1) ?? -1) < end;
  return isSound ? positions : undefined;
}

function checkKimberliteIndex(counts: Counts, _: Format, bytes: Buffer): void {
  // Held against a segment, and against one that has as many records as the index says.
  const says = little(bytes, 8, 8);
  const segments = [
    { count: INDEXED.positions.length, end: INDEXED.end },
    { count: says, end: says === 0 ? 0 : INDEXED.end },
  ];
  for (const described of segments) {
    const { count, end } = described;
    const index = answerOf(bytes, () => OffsetIndex.parsePositions(bytes, count, end));
    const positions = positionsIn(bytes, described);
    const ends = [...(positions?.slice(1) ?? []), end];
    const agrees =
      index === undefined
        ? positions === undefined
        : positions?.length === index.count &&
          positions.every((position, i) => index.position(i) === position && index.endOf(i) === ends[i]) &&
          index.end === end &&
          index.checkpointAtOrBefore(index.count) === undefined &&
          index.serializePositions().equals(bytes);
    check(
      counts,
      "F5",
      agrees,
      () => `${positions?.join(", ") ?? "no index"} for ${count} records in ${end} bytes`,
      () => `${index === undefined ? "no index" : `one of ${index.count} entries`} in ${hexText(bytes)}`,
    );
  }
}

async function checkIndexLog(counts: Counts, _: Format, bytes: Buffer): Promise<void> {
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
    (index.count === 0 ? index.end === 0 : frames.some(({ end }) => sameEnd(end, index.end))) &&
    index.end > (positions.at(-1) ?? -1)
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isFormat = (value: unknown): value is Format | undefined =>
  value === undefined || value === "plain" || value === "sentinel";

/** The manifest in these bytes as FORMAT.md, sections 7 and 8.3, says it has to be; nothing if it is not. */
function manifestIn(bytes: Buffer): Manifest | undefined {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (!isObject(json) || !Array.isArray(json["segments"]) || !isFormat(json["format"])) return undefined;
  const segments: SegmentInfo[] = [];
  for (const [i, entry] of json["segments"].entries()) {
    if (!isObject(entry)) return undefined;
    const [number, firstOffset] = [entry["segment_num"], entry["first_offset"]];
    const [nextOffset, size] = [entry["next_offset"], entry["size_bytes"]];
    if (number !== i || firstOffset !== (segments.at(-1)?.nextOffset ?? 0)) return undefined;
    if (!isCount(nextOffset) || nextOffset < firstOffset || !isCount(size)) return undefined;
    segments.push({ number, firstOffset, nextOffset, bytes: size });
  }
  const activeSegment = segments.length - 1;
  if (activeSegment < 0 || json["active_segment"] !== activeSegment) return undefined;
  return { segments, activeSegment, format: json["format"] };
}

/** A manifest for a person, and for comparison. */
const manifestText = (manifest: Manifest | undefined): string =>
  manifest === undefined ? "no manifest" : JSON.stringify(manifest);

function checkManifest(counts: Counts, _: Format, bytes: Buffer): void {
  const manifest = answerOf(bytes, () => parseManifest(bytes));
  const again = manifest === undefined ? undefined : parseManifest(serializeManifest(manifest));
  const wanted = manifestText(manifestIn(bytes));
  const seen = [manifest, again].map(manifestText);
  check(
    counts,
    "F5",
    seen.every((text) => text === wanted),
    () => `${wanted}, also when it is written again`,
    () => `${seen.join(", and ")} from ${bytes.toString()}`,
  );
}

function checkCheckpoint(counts: Counts, _: Format, bytes: Buffer): void {
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
async function checkExpansion(
  counts: Counts,
  format: Format,
  compression: CompressionKind,
  bytes: Buffer,
): Promise<void> {
  let payload: Uint8Array;
  try {
    payload = await codecsOf(format).get(compression).decompress(bytes);
  } catch (error) {
    counts.checks.F5 += 1;
    refusal(error, bytes);
    return;
  }
  const model = expand(format, compression, bytes);
  check(
    counts,
    "F5",
    typeof model !== "string" && Buffer.compare(payload, model) === 0,
    () => (typeof model === "string" ? `a refusal: ${model}` : hexText(model)),
    () => `${hexText(payload)} from the ${compression} payload ${hexText(bytes)}`,
  );
}

async function checkSegment(counts: Counts, format: Format, bytes: Buffer): Promise<void> {
  checkReencoding(counts, format, bytes, checkDecoding(counts, "F5", format, bytes));
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
