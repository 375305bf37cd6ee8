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
} from "./format/checkpoint.ts";
import { type Codec, compressed } from "./format/codec.ts";
import { StorageError } from "./error.ts";
import { MAX_BATCH_BYTES, MAX_OFFSET } from "./limits.ts";
import type { RecordFormat } from "./format/formats.ts";
import { asOptions, type OptionNames, typeOf } from "./options.ts";
import { encodeInto } from "./format/record.ts";
import { asStreamId } from "./requests.ts";
import type { CheckpointPolicy, CompressionKind, Offset, RecordKind, StreamId } from "./types.ts";

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

/** How `AppendPipeline.append` appends; where is the pipeline's own business. */
export type PipelineOptions = Pick<AppendOptions, "fsync">;

const PIPELINE_OPTIONS: OptionNames<PipelineOptions> = { fsync: true };

/**
 * Appends batches to one stream without waiting for each: they are stored in the order of the calls, each right behind the one
 * before. After one is refused, all later ones are refused with the same error, so no batch is stored without those before it.
 *
 * @example
 * ```ts
 * await using pipeline = new AppendPipeline(storage, 1n);
 * for (const batch of batches) void pipeline.append(batch);
 * await pipeline.drain();
 * ```
 */
export class AppendPipeline implements AsyncDisposable {
  readonly #backend: StorageBackend;
  readonly #stream: StreamId;
  #last: Promise<AppendResult | undefined> = Promise.resolve(undefined);

  /**
   * @param stream the pipeline must be its only writer
   * @throws TypeError for a backend that cannot append; StorageError `out-of-range`
   */
  constructor(backend: StorageBackend, stream: bigint) {
    if (typeof (Object(backend) as Partial<StorageBackend>).appendBatch !== "function") {
      throw new TypeError(
        `AppendPipeline takes a storage, such as Storage or MemoryStorage, not ${typeOf(backend)}.`,
      );
    }
    this.#backend = backend;
    this.#stream = asStreamId(stream);
  }

  /**
   * Queues a batch; payloads must not change before it is stored.
   *
   * @returns resolves when it is stored, as `StorageBackend.appendBatch`
   * @throws as `StorageBackend.appendBatch`, or the error of a batch before; a `TypeError` for an option that there is not refuses
   * the batch, too
   * @example
   * ```ts
   * const { nextOffset } = await pipeline.append([event], { fsync: false });
   * ```
   */
  append(payloads: readonly Uint8Array[], options?: PipelineOptions): Promise<AppendResult> {
    const appended = this.#last.then((before) => {
      const given = asOptions("AppendPipeline.append", options, PIPELINE_OPTIONS);
      const where = before === undefined ? {} : { expectedOffset: before.nextOffset };
      return this.#backend.appendBatch(this.#stream, payloads, { ...given, ...where });
    });
    this.#last = appended;
    appended.catch(() => undefined);
    return appended;
  }

  /**
   * Waits for all that was queued.
   *
   * @returns resolves when it is stored
   * @throws the error of the batch that was refused
   * @example
   * ```ts
   * await pipeline.drain();
   * ```
   */
  async drain(): Promise<void> {
    await this.#last;
  }

  /** `drain`, at the end of the block of an `await using`. The storage stays open. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }
}
