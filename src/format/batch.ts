/**
 * From payloads to bytes: a batch is prepared (compressed, chained, encoded) before anything is written, so
 * that what must be refused is refused before anything changes.
 * @module
 */
import {
  CHECKPOINT_PAYLOAD_BYTES,
  createCheckpoint,
  serializeCheckpointPayload,
  shouldCreateCheckpoint,
} from "./checkpoint.ts";
import { type Codec, compressed } from "./codec.ts";
import { StorageError } from "../error.ts";
import { MAX_BATCH_BYTES, MAX_OFFSET } from "../limits.ts";
import type { RecordFormat } from "./formats.ts";
import { invariant } from "../invariant.ts";
import { misfit } from "./misfit.ts";
import { encodeInto } from "./record.ts";
import { serializeTombstonePayload, type Tombstone } from "./tombstone.ts";
import type { CheckpointPolicy, CompressionKind, Offset, RecordKind, StreamHead } from "../types.ts";

/** A record that is being prepared: its payload as appended and as it will be stored. */
interface Draft {
  readonly kind: RecordKind;
  readonly payload: Uint8Array;
  readonly compression: CompressionKind;
  readonly stored: Uint8Array;
}

/** A batch ready to be written in one piece. */
export interface PreparedBatch {
  /** Offset of its first record. */
  readonly firstOffset: Offset;
  /** Encoded records, back to back. */
  readonly bytes: Buffer;
  /** Kind of each record. */
  readonly kinds: readonly RecordKind[];
  /** Size of each record in `bytes`. */
  readonly sizes: readonly number[];
  /** Where the stream will end with it. */
  readonly end: StreamHead;
}

/**
 * A batch of events, and after it a checkpoint if an offset in the batch makes one due.
 *
 * @param format of the stream
 * @param before where the stream ends
 * @param payloads at least one
 * @param codec that compresses them
 * @param policy when a checkpoint is due
 * @returns the batch, ready to be written; O(bytes) time and memory
 * @throws StorageError `batch-too-large`, `offset-limit`; what compressing fails with
 */
export async function prepareBatch(
  format: RecordFormat,
  before: StreamHead,
  payloads: readonly Uint8Array[],
  codec: Codec,
  policy: CheckpointPolicy,
): Promise<PreparedBatch> {
  const drafts: Draft[] = [];
  for (const payload of payloads) {
    // What is hashed must be what is stored, and compressing takes time in which a caller may reuse the
    // buffer.
    const own = codec.kind === "none" ? payload : Uint8Array.from(payload);
    const { compression, bytes } =
      codec.kind === "none" ? { compression: codec.kind, bytes: own } : await compressed(codec, own);
    drafts.push({ kind: "data", payload: own, compression, stored: bytes });
  }
  return encodeDrafts(format, before, drafts, isDue(policy, before, payloads.length));
}

/**
 * A tombstone, and after it a checkpoint if it makes one due.
 *
 * @param format of the stream, one that has tombstones which hide records
 * @param before where the stream ends
 * @param tombstone what it is to say
 * @param policy when a checkpoint is due
 * @returns the batch, ready to be written
 * @throws StorageError `out-of-range`, `offset-limit`
 */
export function prepareTombstone(
  format: RecordFormat,
  before: StreamHead,
  tombstone: Tombstone,
  policy: CheckpointPolicy,
): PreparedBatch {
  const payload = serializeTombstonePayload(tombstone);
  const draft = { kind: "tombstone", payload, compression: "none", stored: payload } as const;
  const batch = encodeDrafts(format, before, [draft], isDue(policy, before, 1));
  const frame = { kind: "tombstone", size: format.overheadBytes + payload.length } as const;
  const flaw = misfit(format, batch.bytes, 0, frame, Number(before.nextOffset), before.head);
  invariant(flaw === undefined, "A tombstone that is to be written is one that a reader accepts.");
  return batch;
}

/** Whether one of so many records from `before` on makes a checkpoint due. */
function isDue(policy: CheckpointPolicy, { nextOffset }: StreamHead, records: number): boolean {
  for (let i = 0; i < records; i += 1)
    if (shouldCreateCheckpoint(policy, (nextOffset + BigInt(i)) as Offset)) return true;
  return false;
}

/**
 * A checkpoint alone.
 *
 * @param format of the stream
 * @param before where the stream ends
 * @returns the checkpoint, ready to be written
 * @throws StorageError `empty-stream`, `offset-limit`
 */
export function prepareCheckpoint(format: RecordFormat, before: StreamHead): PreparedBatch {
  if (before.nextOffset === 0n) createCheckpoint(before.head, 0n);
  return encodeDrafts(format, before, [], true);
}

function encodeDrafts(
  format: RecordFormat,
  before: StreamHead,
  drafts: readonly Draft[],
  withCheckpoint: boolean,
): PreparedBatch {
  const size = drafts.reduce((sum, draft) => sum + format.overheadBytes + draft.stored.length, 0);
  const checkpointSize = withCheckpoint ? format.overheadBytes + CHECKPOINT_PAYLOAD_BYTES : 0;
  if (size > MAX_BATCH_BYTES) {
    throw new StorageError(
      "batch-too-large",
      `A batch has ${size} bytes as encoded; at most ${MAX_BATCH_BYTES} are allowed. Split it.`,
    );
  }
  if (before.nextOffset + BigInt(drafts.length) + 1n > MAX_OFFSET) {
    throw new StorageError("offset-limit", `A stream has at most ${MAX_OFFSET} records.`);
  }
  const bytes = Buffer.allocUnsafe(size + checkpointSize);
  const kinds: RecordKind[] = [];
  const sizes: number[] = [];
  let { nextOffset, head } = before;
  let at = 0;
  const add = ({ kind, payload, compression, stored }: Draft): void => {
    const recordSize = encodeInto(format, bytes, at, {
      offset: nextOffset,
      prevHash: head,
      kind,
      compression,
      payload: stored,
    });
    kinds.push(kind);
    sizes.push(recordSize);
    at += recordSize;
    head = format.chainHash(nextOffset === 0n ? undefined : head, kind, payload);
    nextOffset = (nextOffset + 1n) as Offset;
  };
  for (const draft of drafts) add(draft);
  if (withCheckpoint) {
    const payload = serializeCheckpointPayload(createCheckpoint(head, nextOffset));
    const frame = { kind: "checkpoint", size: checkpointSize } as const;
    const [offset, previous] = [Number(nextOffset), head];
    add({ kind: "checkpoint", payload, compression: "none", stored: payload });
    const flaw = misfit(format, bytes, size, frame, offset, previous);
    invariant(flaw === undefined, "A checkpoint that is to be written is one that a reader accepts.");
  }
  invariant(at === bytes.length, "The records of a batch fill its bytes.");
  return { firstOffset: before.nextOffset, bytes, kinds, sizes, end: { nextOffset, head } };
}

/**
 * What the caller of an append gets. The head is a copy: the caller may change it.
 *
 * @param batch that was appended
 * @returns where it begins and where the stream ends
 */
export function appendResult({
  firstOffset,
  end,
}: PreparedBatch): StreamHead & { readonly firstOffset: Offset } {
  return { firstOffset, nextOffset: end.nextOffset, head: Uint8Array.from(end.head) };
}
