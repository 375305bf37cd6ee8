/**
 * The indexes of sealed segments that were read last.
 * @module
 */
import type { OffsetIndex } from "../format/offset-index.ts";

const INDEXES_MAX = 2;

export class IndexCache {
  /** By segment number, the least recently used first. */
  readonly #indexes = new Map<number, OffsetIndex>();

  get(segment: number): OffsetIndex | undefined {
    return this.#indexes.get(segment);
  }

  put(segment: number, index: OffsetIndex): void {
    this.#indexes.delete(segment);
    this.#indexes.set(segment, index);
    const [oldest] = this.#indexes.keys();
    if (this.#indexes.size > INDEXES_MAX && oldest !== undefined) this.#indexes.delete(oldest);
  }
}
