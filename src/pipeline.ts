/**
 * From payloads to bytes: a batch is prepared (compressed, chained, encoded) before anything is written, so that
 * what can be refused is refused while nothing has changed. `AppendPipeline` keeps many batches in flight, in order.
 * @module
 */
import type { AppendOptions, AppendResult, StorageBackend } from "./backend.ts";
import {
  CHECKPOINT_PAYLOAD_BYTES,
  createCheckpoint,
  serializeCheckpointPayload,
  shouldCreateCheckpoint,
} from "./checkpoint.ts";
import { type Codec, compressed } from "./codec.ts";
import { StorageError } from "./error.ts";
import { MAX_BATCH_BYTES, MAX_OFFSET } from "./limits.ts";
import type { RecordFormat } from "./formats.ts";
import { encodeInto } from "./record.ts";
import type { CheckpointPolicy, CompressionKind, Offset, RecordKind } from "./types.ts";

/** Where a stream ends, in the engine's own numbers. */
export interface Tip {
  readonly nextOffset: number;
  readonly head: Uint8Array;
}

/** A record on its way in: its payload as appended and as it will be stored. */
interface Draft {
  readonly kind: RecordKind;
  readonly payload: Uint8Array;
  readonly compression: CompressionKind;
  readonly stored: Uint8Array;
}

/** A batch ready to be written in one piece. */
export interface PreparedBatch {
  readonly firstOffset: number;
  /** Encoded records, back to back. */
  readonly bytes: Buffer;
  readonly kinds: readonly RecordKind[];
  /** Size of each record in `bytes`. */
  readonly sizes: readonly number[];
  /** Where the stream will end with it. */
  readonly tip: Tip;
}

/** A batch of events, and behind it a checkpoint if one of its own offsets makes one due. */
export async function prepareBatch(
  format: RecordFormat,
  tip: Tip,
  payloads: readonly Uint8Array[],
  codec: Codec,
  policy: CheckpointPolicy,
): Promise<PreparedBatch> {
  const drafts: Draft[] = [];
  for (const payload of payloads) {
    // What is hashed must be what is stored, and compressing takes time in which a caller may reuse the buffer.
    const own = codec.kind === "none" ? payload : Uint8Array.from(payload);
    const { compression, bytes } =
      codec.kind === "none" ? { compression: codec.kind, bytes: own } : await compressed(codec, own);
    drafts.push({ kind: "data", payload: own, compression, stored: bytes });
  }
  const due = payloads.some((_, i) => shouldCreateCheckpoint(policy, BigInt(tip.nextOffset + i) as Offset));
  return encodeDrafts(format, tip, drafts, due);
}

/** A checkpoint by itself. @throws StorageError `empty-stream` */
export function prepareCheckpoint(format: RecordFormat, tip: Tip): PreparedBatch {
  if (tip.nextOffset === 0) createCheckpoint(tip.head, 0n);
  return encodeDrafts(format, tip, [], true);
}

function encodeDrafts(
  format: RecordFormat,
  tip: Tip,
  drafts: readonly Draft[],
  checkpointBehind: boolean,
): PreparedBatch {
  const size = drafts.reduce((sum, draft) => sum + format.overheadBytes + draft.stored.length, 0);
  const checkpointSize = checkpointBehind ? format.overheadBytes + CHECKPOINT_PAYLOAD_BYTES : 0;
  if (size > MAX_BATCH_BYTES) {
    throw new StorageError(
      "batch-too-large",
      `A batch has ${size} bytes as encoded; at most ${MAX_BATCH_BYTES} are allowed. Split it.`,
    );
  }
  if (tip.nextOffset + drafts.length + 1 > MAX_OFFSET) {
    throw new StorageError("offset-limit", `A stream has at most ${MAX_OFFSET} records.`);
  }
  const bytes = Buffer.allocUnsafe(size + checkpointSize);
  const kinds: RecordKind[] = [];
  const sizes: number[] = [];
  let { nextOffset, head } = tip;
  let at = 0;
  const add = ({ kind, payload, compression, stored }: Draft): void => {
    const offset = BigInt(nextOffset) as Offset;
    const recordSize = encodeInto(format, bytes, at, {
      offset,
      prevHash: head,
      kind,
      compression,
      payload: stored,
    });
    kinds.push(kind);
    sizes.push(recordSize);
    at += recordSize;
    head = format.chainHash(nextOffset === 0 ? undefined : head, kind, payload);
    nextOffset += 1;
  };
  for (const draft of drafts) add(draft);
  if (checkpointBehind) {
    const payload = serializeCheckpointPayload(createCheckpoint(head, BigInt(nextOffset)));
    add({ kind: "checkpoint", payload, compression: "none", stored: payload });
  }
  return { firstOffset: tip.nextOffset, bytes, kinds, sizes, tip: { nextOffset, head } };
}

/** What a caller is told of a batch that was appended. */
export function appendResult(batch: PreparedBatch): AppendResult {
  return {
    firstOffset: BigInt(batch.firstOffset) as Offset,
    nextOffset: BigInt(batch.tip.nextOffset) as Offset,
    head: Uint8Array.from(batch.tip.head),
  };
}

/**
 * Appends batches to one stream without waiting for each: they are stored in the order of the calls, each right behind the one
 * before. After one is refused, all later ones are refused with the same error, so no batch is stored without those before it.
 *
 * @example
 * ```ts
 * const pipeline = new AppendPipeline(storage, 1n);
 * for (const batch of batches) void pipeline.append(batch);
 * await pipeline.drain();
 * ```
 */
export class AppendPipeline {
  readonly #backend: StorageBackend;
  readonly #stream: bigint;
  #last: Promise<AppendResult | undefined> = Promise.resolve(undefined);

  constructor(backend: StorageBackend, stream: bigint) {
    this.#backend = backend;
    this.#stream = stream;
  }

  /** Queues a batch; resolves when it is stored. @throws as `StorageBackend.appendBatch`, or the error of a batch before */
  append(
    payloads: readonly Uint8Array[],
    options: Omit<AppendOptions, "expectedOffset"> = {},
  ): Promise<AppendResult> {
    const appended = this.#last.then((before) =>
      this.#backend.appendBatch(
        this.#stream,
        payloads,
        before === undefined ? options : { ...options, expectedOffset: before.nextOffset },
      ),
    );
    this.#last = appended;
    appended.catch(() => undefined);
    return appended;
  }

  /** Resolves when all that was queued is stored. @throws the error of the batch that was refused */
  async drain(): Promise<void> {
    await this.#last;
  }
}
