/**
 * What a frame has been expanded to so far (RFC 8878, section 3.1.1.4).
 * Promises: it never holds more than it may, and at most twice as much memory as it holds bytes.
 * @module
 */
import { must } from "./refusal.ts";

const CAPACITY_MIN = 1024;

export class Content {
  readonly #sizeMax: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #size = 0;

  /** Refuses what goes beyond `sizeMax` bytes. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  appendRepeated(byte: number, count: number): void {
    const at = this.#grow(count);
    this.#bytes.fill(byte, at, this.#size);
  }

  /** Copies `length` bytes from `distance` bytes back, which may be the very bytes it writes. */
  appendMatch(distance: number, length: number): void {
    must(distance > 0 && distance <= this.#size, "A match begins before the content.");
    const at = this.#grow(length);
    for (let to = at; to < this.#size; to++) this.#bytes[to] = this.#bytes[to - distance] ?? 0;
  }

  /** A copy of all of it. */
  whole(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  /** Makes room for `count` bytes, and answers where they begin. */
  #grow(count: number): number {
    const at = this.#size;
    this.#size += count;
    must(this.#size <= this.#sizeMax, `The frame expands to more than ${this.#sizeMax} bytes.`);
    if (this.#size > this.#bytes.length) {
      const capacity = Math.max(this.#size, Math.min(2 * this.#size, this.#sizeMax), CAPACITY_MIN);
      const grown = new Uint8Array(capacity);
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    return at;
  }
}
