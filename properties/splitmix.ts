/**
 * Reproducible pseudo-random numbers: a counter and a mixing function (splitmix with the 32-bit finaliser of
 * https://github.com/skeeto/hash-prospector). Promises: the same seeds give the same numbers on every
 * machine. Does not promise: anything to somebody who wants to guess them.
 * @module
 */

const GOLDEN = 0x9e3779b9;

function mixed(value: number): number {
  let z = value;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

export class SplitMix {
  #state: number;

  /** Another sequence for every list of seeds. */
  constructor(...seeds: readonly number[]) {
    this.#state = seeds.reduce((state, seed) => mixed((state + GOLDEN) ^ mixed(seed + 1)), 0);
  }

  /** The next number, from 0 to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + GOLDEN) | 0;
    return mixed(this.#state);
  }

  /** The next number, from 0 to `n` - 1, for an `n` far below 2^32. */
  below(n: number): number {
    return this.next() % n;
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("There is nothing to pick from.");
    return item;
  }

  /** So many bytes. */
  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at += 1) bytes[at] = this.next();
    return bytes;
  }
}
