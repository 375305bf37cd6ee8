/**
 * F5 of manifests: what the engine makes of any bytes, held against a reader written from `docs/FORMAT.md`.
 * @module
 */
import {
  type Manifest,
  parseManifest,
  type SegmentInfo,
  serializeManifest,
} from "../../src/format/manifest.ts";
import type { Format } from "../../src/types.ts";
import { F5 } from "../invariants/format.ts";
import { type Counts, observe } from "../tally.ts";
import { answerOf } from "./outcome.ts";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCountFrom1 = (value: unknown): value is number => isCount(value) && value > 0;
const isCountOrNone = (value: unknown): value is number | undefined => value === undefined || isCount(value);
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
  const { segments: entries, format, page_segments: pageSegments = 1000, replacing } = json;
  if (!isCountFrom1(pageSegments) || !isCountOrNone(replacing)) return undefined;
  const segments: SegmentInfo[] = [];
  for (const entry of entries as unknown[]) {
    const info = entryIn(entry, segments.at(-1));
    if (info === undefined) return undefined;
    const { number, last = number } = info;
    const isMerged = last > number;
    const inOnePage = Math.floor(number / pageSegments) === Math.floor(last / pageSegments);
    if (isMerged && (format !== "plain" || last - number >= 1000 || !inOnePage)) return undefined;
    segments.push(info);
  }
  const [first, last] = [segments[0], segments.at(-1)];
  if (first === undefined || last === undefined || json["active_segment"] !== last.number) return undefined;
  if (last.last !== undefined) return undefined;
  const begins = first.number === 0 ? first.firstOffset === 0 : format === "plain";
  if (!begins || first.number % pageSegments !== 0) return undefined;
  const manifest = { segments, activeSegment: last.number, format, pageSegments };
  return replacing === undefined ? manifest : { ...manifest, replacing };
}

/** The segment of an entry that follows the one before, if it may be one. */
function entryIn(entry: unknown, before: SegmentInfo | undefined): SegmentInfo | undefined {
  if (!isObject(entry)) return undefined;
  const [number, last] = [entry["segment_num"], entry["last_segment_num"]];
  const [firstOffset, nextOffset] = [entry["first_offset"], entry["next_offset"]];
  const [bytes, indexWords] = [entry["size_bytes"], entry["index_words"]];
  if (!isCount(number) || !isCountOrNone(last) || (last !== undefined && last <= number)) return undefined;
  if (!isCount(firstOffset) || !isCount(nextOffset) || nextOffset < firstOffset) return undefined;
  if (!isCount(bytes) || !isCountOrNone(indexWords)) return undefined;
  if (before !== undefined) {
    const { number: first, last: end = first } = before;
    if (number !== end + 1 || firstOffset !== before.nextOffset) return undefined;
  }
  return {
    number,
    ...(last !== undefined && { last }),
    firstOffset,
    nextOffset,
    bytes,
    ...(indexWords !== undefined && { indexWords }),
  };
}

/** A manifest for a person, and for comparison. */
const manifestText = (manifest: Manifest | undefined): string =>
  manifest === undefined ? "no manifest" : JSON.stringify(manifest);

/**
 * A manifest: what the reader by hand reads from it, also when it is written again, or none. @throws
 * Violation
 */
export function checkManifest(counts: Counts, _: Format, bytes: Buffer): void {
  const manifest = answerOf(bytes, () => parseManifest(bytes));
  const again = manifest === undefined ? undefined : parseManifest(serializeManifest(manifest));
  observe(counts, F5.manifest, {
    byHand: manifestText(manifestIn(bytes)),
    parsed: manifestText(manifest),
    rewritten: manifestText(again),
    bytes,
  });
}
