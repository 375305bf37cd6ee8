/**
 * Readers of a segment's offset index, written from `docs/FORMAT.md`, sections 5 and 6, alone.
 * Promises: no bytes make them throw. Does not promise: that an index agrees with its segment, or is ordered.
 * Positions and numbers of records are exact below 2^53.
 * @module
 */
import type { Format, RecordKind } from "../src/types.ts";
import { little } from "./little.ts";
import { crc32, KINDS, NO_HASH } from "./hash.ts";

/**
 * A record's kind, `undefined` for a code that is none; the byte where it starts; and how many records it
 * stands for, which is 1 unless it is redacted.
 */
type IndexEntry = Readonly<{ kind: RecordKind | undefined; position: number; records: number }>;

/** The records covered, where the last of them ends, and its chain hash. */
export type IndexReading = Readonly<{
  entries: IndexEntry[];
  end: number;
  headHash: Uint8Array;
  problem?: string;
}>;

/** Whether the last 4 bytes are the CRC of those before. */
const crcHolds = (bytes: Uint8Array): boolean =>
  crc32(bytes.subarray(0, -4)) === little(bytes, bytes.length - 4, 4);

/** What names nothing. */
export const NO_INDEX: IndexReading = { entries: [], end: 0, headHash: NO_HASH };

/** The entries in these words; `undefined` if the second word of a redacted record is missing or 0. */
function entriesIn(words: Uint8Array): IndexEntry[] | undefined {
  const entries: IndexEntry[] = [];
  for (let at = 0, size: number; at < words.length; at += size) {
    const kind = KINDS[little(words, at + 7, 1)];
    size = kind === "redacted" ? 16 : 8;
    const records = kind === "redacted" ? little(words, at + 8, 8) : 1;
    if (records === 0) return undefined;
    entries.push({ kind, position: little(words, at, 7), records });
  }
  return entries;
}

/** The two index files of a segment among the files of a stream's directory (section 1). */
export function indexFiles(
  files: ReadonlyMap<string, Uint8Array>,
  segment: string,
  format: Format,
): { saved: Uint8Array | undefined; frames: Uint8Array | undefined } {
  const name = `${segment}.${format === "plain" ? "idx" : "idx2"}`;
  return { saved: files.get(name), frames: files.get(`${name}.wal`) };
}

/** Reads an `.idx`: all of it, or no entries and a problem. */
export function readIndex(bytes: Uint8Array): IndexReading {
  const count = (bytes.length - 60) / 8;
  const starts = Buffer.compare(bytes.subarray(0, 8), Buffer.from("VDXI\x02\0\0\0")) === 0;
  if (!starts || little(bytes, 8, 8) !== count || !crcHolds(bytes))
    return { ...NO_INDEX, problem: "This is no index of version 2, or its size, count or CRC is wrong." };
  const at = 16 + 8 * count;
  const entries = entriesIn(bytes.subarray(16, at));
  if (!entries) return { ...NO_INDEX, problem: "A redacted record's second word is missing or 0." };
  return { entries, end: little(bytes, at, 8), headHash: new Uint8Array(bytes.subarray(at + 8, at + 40)) };
}

/**
 * Reads an `.idx.wal` on top of what its `.idx` says, up to the first frame that does not count: one at which
 * section 6 says to stop, or in which the second word of a redacted record is missing or 0.
 */
export function readFrames(bytes: Uint8Array, index: IndexReading = NO_INDEX): IndexReading {
  const entries = [...index.entries];
  let { end, headHash } = index;
  for (let at = 0, size: number; at < bytes.length; at += size) {
    const count = little(bytes, at, 4);
    size = 48 + 8 * count;
    const frame = bytes.subarray(at, at + size);
    const isWhole = count > 0 && frame.length === size && crcHolds(frame);
    const more = isWhole ? entriesIn(frame.subarray(44, -4)) : undefined;
    if (!more)
      return { entries, end, headHash, problem: `The frame at byte ${at} is empty, incomplete or damaged.` };
    for (const entry of more) if (entry.position > (entries.at(-1)?.position ?? -1)) entries.push(entry);
    if (little(frame, 4, 8) <= end) continue;
    [end, headHash] = [little(frame, 4, 8), new Uint8Array(frame.subarray(12, 44))];
  }
  return { entries, end, headHash };
}

/**
 * Where a whole frame starts after bytes that are none, which keep every reader from it; `undefined` if there
 * is none.
 */
export function wholeFrameBehind(bytes: Uint8Array): number | undefined {
  const isWhole = (at: number): boolean => {
    const count = little(bytes, at, 4);
    const frame = bytes.subarray(at, at + 48 + 8 * count);
    return count > 0 && frame.length === 48 + 8 * count && crcHolds(frame);
  };
  let at = 0;
  while (isWhole(at)) at += 48 + 8 * little(bytes, at, 4);
  for (at += 1; at + 56 <= bytes.length; at += 1) if (isWhole(at)) return at;
  return undefined;
}
