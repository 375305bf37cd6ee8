/**
 * The streams of a `Storage` that are open: at most so many at once, the least recently used closed for the
 * next one.
 *
 * Promises: never more than `max` streams are open, opening ones included; a stream is closed only while
 * no call uses it, with everything in it made durable, and the next use opens it again; calls for a stream
 * begin in the order in which they came; a stream that failed (poisoned, or not to be opened) stays failed,
 * without open files; nothing is kept for a stream that is not there.
 *
 * Does not promise: that closing and opening costs nothing. A `work` must not wait for another stream's: with
 * `max` streams that wait like that, none goes on.
 * @module
 */
import type { Finding } from "../segment/finding.ts";
import type { Stream } from "./stream.ts";
import type { StreamId } from "../types.ts";

/** A stream that is used, waited for, or kept open. */
interface Entry {
  readonly id: StreamId;
  /** Calls that use it or wait for it. */
  users: number;
  readonly admitted: Promise<Stream>;
}

/** Makes a stream, not open yet. `earlier` is what recovery found when it was open before. */
export type MakeStream = (id: StreamId, earlier: readonly Finding[]) => Stream;

export class OpenStreams {
  readonly #make: MakeStream;
  readonly #max: number;
  readonly #entries = new Map<StreamId, Entry>();
  /** Those that are open and not in use, the least recently used first. */
  readonly #idle = new Map<StreamId, Stream>();
  /** Those that have failed; they have no file open, except for a moment to read. */
  readonly #failed = new Map<StreamId, Stream>();
  /** What recovery found of streams that are closed again; most have nothing. */
  readonly #findings = new Map<StreamId, readonly Finding[]>();
  /** How many are open or being opened. */
  #open = 0;
  /** Admissions and closings happen one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  #onRest: (() => void) | undefined;

  constructor(max: number, make: MakeStream) {
    this.#max = max;
    this.#make = make;
  }

  /**
   * Runs `work` with a stream, which stays open meanwhile. Time: O(1), and the closing of another stream
   * where `max` are open.
   *
   * @throws what `work` throws
   */
  async use<T>(id: StreamId, work: (stream: Stream) => Promise<T>): Promise<T> {
    const failed = this.#failed.get(id);
    if (failed !== undefined) return work(failed);
    const entry = this.#entries.get(id) ?? this.#enter(id);
    entry.users += 1;
    this.#idle.delete(id);
    const stream = await entry.admitted;
    try {
      return await work(stream);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#rest(entry, stream);
    }
  }

  /**
   * Closes a stream after the calls in progress, with everything in it made durable. Does nothing if the
   * stream is not open.
   *
   * @throws StorageError `io`, `poisoned`: then it has failed, and stays so
   */
  async release(id: StreamId): Promise<void> {
    while (this.#entries.has(id) && !this.#idle.has(id)) await this.#rested();
    const released = this.#queue.then(async () => {
      const stream = this.#idle.get(id);
      if (stream !== undefined) await this.#evict(id, stream);
    });
    this.#queue = released.catch(() => undefined);
    await released;
  }

  /**
   * Waits for every use, then makes everything durable and closes all streams. @throws StorageError what
   * closing them failed with
   */
  async close(): Promise<void> {
    while (this.#entries.size > this.#idle.size) await this.#rested();
    await this.#queue;
    const streams = [...this.#idle.values(), ...this.#failed.values()];
    const closed = await Promise.allSettled(streams.map((stream) => stream.close()));
    for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
  }

  #enter(id: StreamId): Entry {
    const admitted = this.#queue.then(() => this.#admit(id));
    this.#queue = admitted;
    const entry = { id, users: 0, admitted };
    this.#entries.set(id, entry);
    return entry;
  }

  async #admit(id: StreamId): Promise<Stream> {
    while (this.#open >= this.#max) {
      const [oldest] = this.#idle;
      if (oldest === undefined) await this.#rested();
      else await this.#evict(...oldest).catch(() => undefined);
    }
    this.#open += 1;
    return this.#failed.get(id) ?? this.#make(id, this.#findings.get(id) ?? []);
  }

  /**
   * Closes a stream that no call uses. A stream that cannot be closed properly has failed, and says so at its
   * next use.
   */
  async #evict(id: StreamId, stream: Stream): Promise<void> {
    this.#idle.delete(id);
    this.#entries.delete(id);
    try {
      await stream.close();
    } finally {
      this.#closed(id, stream);
    }
  }

  /** Keeps a stream that no call uses any more, if it is open. */
  #rest({ id }: Entry, stream: Stream): void {
    if (stream.isOpen) {
      this.#idle.set(id, stream);
    } else {
      this.#entries.delete(id);
      this.#closed(id, stream);
    }
    this.#onRest?.();
    this.#onRest = undefined;
  }

  /** Remembers of a stream that is not open what must outlive it. */
  #closed(id: StreamId, stream: Stream): void {
    this.#open -= 1;
    if (stream.hasFailed) this.#failed.set(id, stream);
    if (stream.findings.length > 0) this.#findings.set(id, stream.findings);
  }

  /** Resolves the next time that a stream comes out of use. */
  #rested(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#onRest;
      this.#onRest = () => {
        before?.();
        resolve();
      };
    });
  }
}
