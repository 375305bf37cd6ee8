/**
 * What Kimberlite 0.8 reads of a directory: by its manifest and index, taken literally
 * (`kimberlite-writer.ts` says where this comes from).
 * @module
 */
import { loadIndex, manifestIn, recordAt, segmentFile, sentinelHash } from "./kimberlite-writer.ts";

const RECORD_KINDS = ["data", "checkpoint", "tombstone"] as const;

/**
 * What Kimberlite's `read_from(offset, u64::MAX)` gives of a stream's files: payloads of uncompressed records
 * from the nearest checkpoint's place in the index on, checkpoints left out.
 *
 * @throws Error where it answers with one
 */
export function kimberliteReads(files: ReadonlyMap<string, Buffer>, from: bigint): Buffer[] {
  const manifest = manifestIn(files);
  const segments = manifest.segments.map(({ segment_num }) => segment_num);
  const checkpoints: bigint[] = [];
  for (const segment of segments) {
    const bytes = files.get(segmentFile(segment)) ?? Buffer.alloc(0);
    for (let at = 0; at < bytes.length;) {
      const { kind, offset, size } = recordAt(bytes, at);
      if (kind === 1) checkpoints.push(offset);
      at += size;
    }
  }
  const nearest = checkpoints.filter((offset) => offset <= from).at(-1);
  let [startSegment, startAt, expected] = [segments[0] ?? 0, 0, "0".repeat(64)];
  if (nearest !== undefined) {
    const holder = manifest.segments.filter(({ first_offset }) => BigInt(first_offset) <= nearest).at(-1);
    startSegment = holder?.segment_num ?? 0;
    const position = loadIndex(files, startSegment)[Number(nearest) - (holder?.first_offset ?? 0)];
    if (position === undefined) throw new Error("UnexpectedEof");
    startAt = position;
    const checkpoint = recordAt(files.get(segmentFile(startSegment)) ?? Buffer.alloc(0), position);
    expected = checkpoint.payload.subarray(0, 32).toString("hex");
  }
  const payloads: Buffer[] = [];
  for (const segment of segments.filter((number) => number >= startSegment)) {
    const bytes = files.get(segmentFile(segment)) ?? Buffer.alloc(0);
    for (let at = segment === startSegment ? startAt : 0; at < bytes.length;) {
      const { kind, offset, prevHash, payload, size } = recordAt(bytes, at);
      if (prevHash !== expected) throw new Error(`ChainVerificationFailed at ${String(offset)}`);
      const previous = offset === 0n ? undefined : Buffer.from(prevHash, "hex");
      expected = Buffer.from(sentinelHash(previous, RECORD_KINDS[kind] ?? "data", payload)).toString("hex");
      if (offset >= from && kind !== 1) payloads.push(payload);
      at += size;
    }
  }
  return payloads;
}
