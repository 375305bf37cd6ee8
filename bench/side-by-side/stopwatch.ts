/**
 * Wall time and CPU time of a piece of work, and when it has gone on long enough.
 * @module
 */
import { performance } from "node:perf_hooks";

/** What a piece of work took. */
export interface Sample {
  /** How many records it was, or openings. */
  readonly count: number;
  readonly wallMs: number;
  /** CPU time of all threads of the process. */
  readonly cpuMs: number;
}

/** Adds up times. */
export class Stopwatch {
  #wallMs = 0;
  #cpuMs = 0;

  /** Adds what some work takes. */
  async time<T>(work: () => T | Promise<T>): Promise<T> {
    const cpu = process.cpuUsage();
    const began = performance.now();
    const result = work();
    const settled = result instanceof Promise ? await result : result;
    this.#wallMs += performance.now() - began;
    const { user, system } = process.cpuUsage(cpu);
    this.#cpuMs += (user + system) / 1000;
    return settled;
  }

  sample(count: number): Sample {
    return { count, wallMs: this.#wallMs, cpuMs: this.#cpuMs };
  }
}

/** How much a piece of work may be. */
export interface Limits {
  readonly pieceMs: number;
  readonly pieceBytes: number;
}

/** Ends a piece of work by its limits, whichever is met first. */
export class Allowance {
  readonly #until: number;
  readonly #recordsMax: number;

  /** Begins now. @param recordBytes the size of a payload */
  constructor({ pieceMs, pieceBytes }: Limits, recordBytes: number) {
    this.#until = performance.now() + pieceMs;
    this.#recordsMax = pieceBytes / recordBytes;
  }

  /** Whether more may be done after so many records. */
  hasMore(records: number): boolean {
    return records < this.#recordsMax && performance.now() < this.#until;
  }
}
