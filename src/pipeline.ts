/**
 * `AppendPipeline` keeps many batches of one stream in flight, in order.
 * @module
 */
import type { AppendOptions, AppendResult, StorageBackend } from "./backend.ts";
import { asOptions, type OptionNames, typeOf } from "./options.ts";
import { asStreamId } from "./requests.ts";
import type { StreamId } from "./types.ts";

/** How `AppendPipeline.append` appends; where is the pipeline's own business. */
export type PipelineOptions = Pick<AppendOptions, "fsync">;

const PIPELINE_OPTIONS: OptionNames<PipelineOptions> = { fsync: true };

/**
 * Appends batches to one stream without waiting for each: they are stored in the order of the calls, each
 * right behind the one before. After one is refused, all later ones are refused with the same error, so no
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
   * @throws as `StorageBackend.appendBatch`, or the error of a batch before; a `TypeError` for an option that
   * there is not refuses the batch, too
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
