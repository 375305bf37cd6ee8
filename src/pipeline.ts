/**
 * `AppendPipeline` keeps many batches of one stream in flight, in order.
 * @module
 */
import type { AppendOptions, AppendResult, StorageBackend } from "./backend.ts";
import { asOptions, type OptionNames, typeOf } from "./options.ts";
import { asStreamId } from "./requests.ts";
import type { StreamId } from "./types.ts";

/** How `AppendPipeline.append` appends. Where the batch goes, the pipeline decides. */
export type PipelineOptions = Pick<AppendOptions, "fsync">;

const PIPELINE_OPTIONS: OptionNames<PipelineOptions> = { fsync: true };

/**
 * Appends batches to one stream without waiting for each. They are stored in the order of the calls, each
 * directly after the one before. After one is refused, all later ones are refused with the same error, so no
 * batch is stored without those before it.
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
   * @param backend the storage
   * @param stream the stream's number; the pipeline must be its only writer
   * @throws TypeError for a backend that cannot append
   * @throws StorageError `out-of-range`
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
   * Queues a batch. The payloads must not change before it is stored.
   *
   * @param payloads as for `StorageBackend.appendBatch`
   * @param options whether to wait until the batch is durable
   * @returns resolves when the batch is stored, as `StorageBackend.appendBatch`
   * @throws as `StorageBackend.appendBatch`, or the error of an earlier batch; a `TypeError` for an unknown
   * option refuses the batch, too
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
   * Waits for everything that was queued.
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

  /** `drain`, at the end of the block of `await using`. The storage stays open. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }
}
