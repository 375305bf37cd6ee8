/**
 * Waiting for appends without polling: a follower of a stream sleeps until an append to the stream wakes it.
 *
 * Promises: no append between a follower's last read and its sleep is missed; a waiting follower ends as soon
 * as it is told to.
 * @module
 */
import type { Record } from "./format/record.ts";
import type { StreamId } from "./types.ts";

/** Sleeps until it is woken; not at all if it was woken before. */
export class Sleeper {
  #isWoken = false;
  #onWake: () => void = () => undefined;

  wake(): void {
    this.#isWoken = true;
    this.#onWake();
  }

  async sleep(): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        this.#onWake = resolve;
      });
    }
    this.#isWoken = false;
  }
}

/** The followers of each stream. */
export class Followers {
  readonly #sleepers = new Map<StreamId, Set<Sleeper>>();

  add(stream: StreamId, sleeper: Sleeper): void {
    const others = this.#sleepers.get(stream) ?? new Set();
    this.#sleepers.set(stream, others.add(sleeper));
  }

  remove(stream: StreamId, sleeper: Sleeper): void {
    const others = this.#sleepers.get(stream);
    others?.delete(sleeper);
    if (others?.size === 0) this.#sleepers.delete(stream);
  }

  /** Wakes the followers of a stream. */
  wake(stream: StreamId): void {
    for (const sleeper of this.#sleepers.get(stream) ?? []) sleeper.wake();
  }

  wakeAll(): void {
    for (const stream of this.#sleepers.keys()) this.wake(stream);
  }
}

/** What a follower's generator is given: where to sleep, and whether it is over. */
export interface Watch {
  readonly sleeper: Sleeper;
  readonly isOver: () => boolean;
}

/** An iterator whose `return` ends it also while its `next` waits: a generator's own would wait for that. */
export class Following implements AsyncIterableIterator<Record> {
  readonly #sleeper = new Sleeper();
  readonly #records: AsyncGenerator<Record, undefined, undefined>;
  #isOver = false;

  constructor(follow: (watch: Watch) => AsyncGenerator<Record, undefined, undefined>) {
    this.#records = follow({ sleeper: this.#sleeper, isOver: () => this.#isOver });
  }

  next(): Promise<IteratorResult<Record, undefined>> {
    return this.#records.next();
  }

  return(): Promise<IteratorResult<Record, undefined>> {
    this.#isOver = true;
    this.#sleeper.wake();
    return this.#records.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
