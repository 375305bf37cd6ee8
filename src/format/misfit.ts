/**
 * Whether an intact record belongs where it is: at its offset, after the record whose hash it carries.
 * @module
 */
import { equalBytes, HASH_BYTES, sameHash } from "./chain.ts";
import { CHECKPOINT_PAYLOAD_BYTES, deserializeCheckpointPayload } from "./checkpoint.ts";
import type { RecordFormat } from "./formats.ts";
import { deserializeTombstonePayload, TOMBSTONE_PAYLOAD_BYTES } from "./tombstone.ts";
import { type Flaw, type Frame, payloadAt, prevHashAt, saysOffset } from "./record.ts";

const misplaced = (code: Flaw["code"], sentence: string): Flaw => ({
  ok: false,
  code,
  sentence,
  misplaced: true,
});
const WRONG_OFFSET = misplaced("wrong-offset", "An intact record says that it belongs at another offset.");
const BROKEN_CHAIN = misplaced(
  "broken-chain",
  "An intact record does not carry the hash of the record before it.",
);
const FIRST_NOT_DATA = misplaced("malformed", "A stream's first record is not data.");
const BAD_CHECKPOINT = misplaced("malformed", "A checkpoint contradicts its own place in the chain.");
const BAD_TOMBSTONE = misplaced("malformed", "A tombstone names no records, or such as do not precede it.");
const UNKNOWN_KIND: Flaw = {
  ok: false,
  code: "malformed",
  sentence: "Records of this kind are not known to this version. Use one that knows them.",
  unreadable: true,
};

/**
 * Whether the intact record at `at` may stand at `offset`, after a record whose chain hash is `previous`.
 * O(1)
 *
 * @param previous `undefined` where it is not known; then the record's own `prev_hash` is taken as given
 * @returns the flaw, if there is one
 */
export function misfit(
  format: RecordFormat,
  bytes: Buffer,
  at: number,
  frame: Pick<Frame, "kind" | "size">,
  offset: number,
  previous: Uint8Array | undefined,
): Flaw | undefined {
  if (!saysOffset(format, bytes, at, offset)) return WRONG_OFFSET;
  const prevHash = prevHashAt(format, bytes, at);
  if (previous !== undefined && !sameHash(prevHash, previous)) return BROKEN_CHAIN;
  if (offset === 0) {
    if (frame.kind !== "data" && format.startsWithData) return FIRST_NOT_DATA;
    if (!prevHash.every((byte) => byte === 0)) return BROKEN_CHAIN;
  }
  switch (frame.kind) {
    case "data":
      return undefined;
    case "checkpoint":
      return checkpointMisfit(format, payloadAt(format, bytes, at, frame.size), prevHash, offset);
    case "tombstone":
      return format.hidesRecords
        ? tombstoneMisfit(payloadAt(format, bytes, at, frame.size), offset)
        : undefined;
    case "redacted":
      return UNKNOWN_KIND;
  }
}

function checkpointMisfit(
  format: RecordFormat,
  payload: Buffer,
  prevHash: Buffer,
  offset: number,
): Flaw | undefined {
  if (payload.length !== CHECKPOINT_PAYLOAD_BYTES) return BAD_CHECKPOINT;
  if (!equalBytes(payload, 0, prevHash, 0, HASH_BYTES)) return BAD_CHECKPOINT;
  if (!format.checksCounts) return undefined;
  return deserializeCheckpointPayload(payload).recordCount === BigInt(offset) ? undefined : BAD_CHECKPOINT;
}

function tombstoneMisfit(payload: Buffer, offset: number): Flaw | undefined {
  if (payload.length !== TOMBSTONE_PAYLOAD_BYTES) return BAD_TOMBSTONE;
  const { first, count } = deserializeTombstonePayload(payload);
  return count > 0n && first + count <= BigInt(offset) ? undefined : BAD_TOMBSTONE;
}
