/**
 * Finding the way again after a damaged place of a segment: every run of records in the rest of it.
 *
 * The engine's own search (`findIntact`) goes on where records lead farthest and gives up what lies before;
 * here that is to be shown, too.
 *
 * A payload may hold what looks like records, by chance or because somebody meant it to; nobody can tell them
 * from records while the record around them is damaged. But no offset is there twice. So of runs that exclude
 * each other those stay that have most records together. Not promised: to refuse a forgery where it excludes
 * nothing, as in the payloads of several damaged records in a row.
 *
 * Zeros are passed at the speed of memory, and not read at all where the disk says that the file has a hole.
 *
 * Memory: the runs, one chunk, and one record.
 * @module
 */
import { io } from "../src/disk/files.ts";
import type { Region } from "../src/segment/resynchronise.ts";
import { claimedSize, frameAt, offsetAt, prevHashAt } from "../src/format/record.ts";
import { readAt, readInto, type Run, runAt } from "./run.ts";
import type { Answer } from "../src/types.ts";
import { isZeros } from "../src/format/zeros.ts";

/** How many times over the bytes of a region may be looked at in search of records. */
export const LOOKS_MAX = 8;

/**
 * The runs after byte `start`, before which the record that is due cannot be read: of later offsets than
 * that, but not larger than the bytes between leave room for, or than the segment is known to have, since
 * what cannot be read may stand for many. Or of that very offset, if it carries the hash of the record
 * before: then bytes were put in front of it.
 *
 * O(bytes) time, or `LOOKS_MAX` times that where the bytes were made to look like records; then the rest is
 * given up.
 *
 * @param due the offset that is due, the hash before it, and one more than the segment's last offset, if that
 * is known
 * @param runsMax after so many the search ends
 * @param searched is told how far the search has come
 * @throws StorageError `io`
 */
export async function runsBehind(
  region: Region,
  start: number,
  due: {
    readonly offset: number;
    readonly previous: Buffer | undefined;
    readonly knownEnd?: number | undefined;
  },
  runsMax: number,
  searched: (position: number) => void = () => undefined,
): Promise<readonly Run[]> {
  const { format, end, chunkBytes } = region;
  const { headerBytes, overheadBytes } = format;
  const step = Math.max(chunkBytes, headerBytes);
  const runs: Run[] = [];
  // The same memory again and again: taking new costs more than reading zeros.
  const memory = Buffer.allocUnsafe(Math.min(step + headerBytes, Math.max(0, end - start)));
  let room = LOOKS_MAX * (end - start);
  let base = start;
  while (end - base >= overheadBytes && runs.length < runsMax && room > 0) {
    const window = await readInto(region, base, memory.subarray(0, end - base));
    if (window.length < headerBytes) break;
    let next = base + step;
    searched(base);
    // Where all is zero no record begins: its CRC-32 is not zero. A file with a hole has much of that.
    if (isZeros(window)) {
      base = Math.max(next, (await holeEnd(region, next)) - headerBytes);
      continue;
    }
    for (let at = 0; at < step && window.length - at >= headerBytes && room > 0; at += 1) {
      const position = base + at;
      if (!format.beginsAt(window, at)) continue;
      const claimed = Number(offsetAt(format, window, at));
      const ahead = claimed - due.offset;
      const hasRoom = ahead <= (position + 1 - start) / overheadBytes || claimed < (due.knownEnd ?? 0);
      if (ahead < 0 || !hasRoom) continue;
      if (ahead === 0 && due.previous?.equals(prevHashAt(format, window, at)) !== true) continue;
      const size = claimedSize(format, window, at);
      if (position + size > end) continue;
      room -= size;
      const held = window.subarray(at, at + size);
      const record = held.length < size ? await readAt(region, position, size) : held;
      if (!frameAt(format, record, 0, record.length).ok) continue;
      const run = await runAt(region, position);
      if (run === undefined) continue;
      room -= run.end - position;
      runs.push(run);
      next = run.end;
      break;
    }
    base = next;
  }
  return mostRecords(runs);
}

/**
 * Where the hole ends that `position` is in; `position` itself where none is known. A record may begin before
 * that: with zeros, as the offset 256 does.
 */
async function holeEnd({ file, path }: Region, position: number): Promise<number> {
  const ask = (): Answer<number> => file.dataFrom?.(position) ?? position;
  return io("looking for the end of a hole", { file: path, position }, ask);
}

/**
 * Of runs in the order of their places those whose offsets rise as well and that have most records together;
 * where two ways have as many, the one that begins later.
 */
function mostRecords(runs: readonly Run[]): readonly Run[] {
  interface Way {
    readonly run: Run;
    readonly records: number;
    readonly next: Way | undefined;
  }
  const most = (ways: readonly Way[]): Way | undefined =>
    ways.reduce<Way | undefined>(
      (best, way) => (best === undefined || way.records > best.records ? way : best),
      undefined,
    );
  // From the last on, so the first of equals is the one that begins latest.
  const ways: Way[] = [];
  for (const run of [...runs].reverse()) {
    const next = most(ways.filter((way) => way.run.offset >= run.nextOffset));
    ways.push({ run, records: run.records + (next?.records ?? 0), next });
  }
  const chosen: Run[] = [];
  for (let way = most(ways); way !== undefined; way = way.next) chosen.push(way.run);
  return chosen;
}
