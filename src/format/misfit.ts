/**
 * Whether an intact record belongs where it is: at its offset, after the record whose hash it carries.
 * @module
 */
import { equalBytes, HASH_BYTES, sameHash } from "./chain.ts";
import { CHECKPOINT_PAYLOAD_BYTES, deserializeCheckpointPayload } from "./checkpoint.ts";
import type { RecordFormat } from "./formats.ts";
import { deserializeRedactedPayload, REDACTED_PAYLOAD_BYTES } from "./redaction.ts";
import { deserializeTombstonePayload, TOMBSTONE_PAYLOAD_BYTES } from "./tombstone.ts";
import { MAX_OFFSET } from "../limits.ts";
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
const BAD_REDACTION = misplaced(
  "malformed",
  "A redacted record stands for no records, or for more than a stream has.",
);

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
    const isData = frame.kind === "data" || frame.kind === "redacted";
    if (!isData && format.startsWithData) return FIRST_NOT_DATA;
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
      return redactionMisfit(payloadAt(format, bytes, at, frame.size), offset);
  }
}

/** How many offsets a record has that fits; only a redacted one has more than one. O(1) */
export function placesOf(
  format: RecordFormat,
  bytes: Buffer,
  at: number,
  { kind, size }: Pick<Frame, "kind" | "size">,
): number {
  if (kind !== "redacted") return 1;
  return Number(deserializeRedactedPayload(payloadAt(format, bytes, at, size)).count);
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

function redactionMisfit(payload: Buffer, offset: number): Flaw | undefined {
  if (payload.length !== REDACTED_PAYLOAD_BYTES) return BAD_REDACTION;
  const { count } = deserializeRedactedPayload(payload);
  return count > 0n && BigInt(offset) + count <= BigInt(MAX_OFFSET) + 1n ? undefined : BAD_REDACTION;
}
