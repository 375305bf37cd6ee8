/**
 * Reading a segment with the engine's own reader, from end to end, around whatever is damaged.
 *
 * Promises: every byte of the segment belongs to a record that was verified or to a gap that is named. Memory: one chunk, or the
 * largest record. Does not promise: that the first record of a run continues the chain; whoever joins the runs holds that against the record before.
 * @module
 */
import { findIntact, type Region } from "../src/index-builder.ts";
import { type Flaw, offsetAt, prevHashAt } from "../src/record.ts";
import { expandedPayload, expansionFlaw, misfit, RecordScanner } from "../src/scan.ts";
import type { CompressionKind, RecordKind } from "../src/index.ts";

/** Records back to back, each continuing the chain of the one before. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly nextOffset: number;
  /** `prev_hash` of its first record, and chain hash of its last. */
  readonly prevHash: Buffer;
  readonly head: Buffer;
}

/** Bytes that are no records, or a place where the chain does not go on. */
export interface Gap {
  readonly position: number;
  /** Where records begin again, or the file ends; `position` itself if there is an intact record, only not one that belongs there. */
  readonly end: number;
  /** Offset of the record that is due. */
  readonly offset: number;
  /** Offset of the record behind, if one was found. */
  readonly behind: number | undefined;
  /** Chain hash of the record before, as far as it is known. */
  readonly previous: Buffer | undefined;
  readonly flaw: Flaw;
}

/** A record that was verified, and where it is. Payload and `prevHash` are views of memory that is used again. */
export interface VerifiedRecord {
  readonly kind: RecordKind;
  readonly compression: CompressionKind;
  readonly position: number;
  readonly end: number;
  readonly offset: number;
  readonly prevHash: Buffer;
  /** Its chain hash. */
  readonly hash: Buffer;
  readonly payload: Uint8Array;
}

/** Gets what is read as it is read, in order; what it answers is waited for. */
export interface Witness {
  record(record: VerifiedRecord): void | Promise<void>;
  gap?(gap: Gap): void;
}

/** A segment with more gaps than this is not read beyond: it is no log any more. */
const GAPS_MAX = 1000;
const GIVEN_UP: Flaw = {
  ok: false,
  code: "malformed",
  sentence: `The segment has ${GAPS_MAX} damaged places before this one; it was not read beyond.`,
};

/** How much of a segment was read, and what is left of it. */
export interface Reading {
  readonly runs: readonly Run[];
  readonly gaps: readonly Gap[];
}

/**
 * Reads the bytes of a segment up to `region.end`.
 *
 * @param fallbackOffset the offset that its first record has if that cannot be read; what it says itself is held against the segment
 * before by whoever joins them
 * @throws StorageError `io`
 */
export async function readSegment(
  region: Region,
  fallbackOffset: number,
  witness: Witness,
): Promise<Reading> {
  const { format, file, path, end, chunkBytes, codecs } = region;
  const runs: Run[] = [];
  const gaps: Gap[] = [];
  const scanner = new RecordScanner(format, file, path, 0, end, chunkBytes, true);
  let offset: number | undefined;
  let previous: Buffer | undefined;
  let run: { start: number; offset: number; prevHash: Buffer } | undefined;

  const endRun = (): void => {
    if (run !== undefined && previous !== undefined && offset !== undefined) {
      runs.push({ ...run, end: scanner.position, nextOffset: offset, head: previous });
    }
    run = undefined;
  };

  while (!scanner.done) {
    const found = scanner.next();
    if (found === undefined) {
      await scanner.fill();
      continue;
    }
    const { bytes, at, position } = scanner;
    offset ??= found.ok ? Number(offsetAt(format, bytes, at)) : fallbackOffset;
    const due = offset;
    let flaw = found.ok ? misfit(format, bytes, at, found, due, previous) : found;
    if (found.ok && flaw === undefined) {
      try {
        const expanded = expandedPayload(format, bytes, at, found, codecs);
        const payload = expanded instanceof Uint8Array ? expanded : await expanded;
        const prevHash = prevHashAt(format, bytes, at);
        previous = format.chainHash(due === 0 ? undefined : prevHash, found.kind, payload);
        run ??= { start: position, offset: due, prevHash: Buffer.from(prevHash) };
        const { kind, compression, size } = found;
        const end = position + size;
        const told = witness.record({
          kind,
          compression,
          position,
          end,
          offset: due,
          prevHash,
          hash: previous,
          payload,
        });
        if (told !== undefined) await told;
        offset = due + 1;
        scanner.accept(found);
        continue;
      } catch (error) {
        flaw = expansionFlaw(error);
      }
    }
    if (flaw === undefined) continue;

    endRun();
    const addGap = (gap: Gap): void => {
      gaps.push(gap);
      witness.gap?.(gap);
    };
    if (gaps.length === GAPS_MAX) {
      addGap({ position, end, offset: due, behind: undefined, previous, flaw: GIVEN_UP });
      scanner.skipTo(end);
      break;
    }
    // An intact record that belongs elsewhere is read from its own offset on, as far as that goes: what is in a file is to be known.
    const says = found.ok && flaw.misplaced === true ? Number(offsetAt(format, bytes, at)) : undefined;
    const goesOn =
      found.ok && says !== undefined && misfit(format, bytes, at, found, says, undefined) === undefined;
    const behind = goesOn ? { position, offset: says } : (await findIntact(region, position + 1, due)).found;
    addGap({
      position,
      end: behind?.position ?? end,
      offset: due,
      behind: behind?.offset,
      previous,
      flaw,
    });
    previous = undefined;
    if (behind === undefined) {
      scanner.skipTo(end);
      break;
    }
    offset = behind.offset;
    scanner.skipTo(behind.position);
  }
  endRun();
  return { runs, gaps };
}
