/**
 * Bit streams of a Zstandard frame, read as fast as JavaScript can: backward, from below the highest bit that
 * is set in the last byte (RFC 8878, section 4.1).
 *
 * Promises: `left` is exact, also below 0, which means that more was read than there is. Does not promise:
 * what the bits past the beginning are. Nobody may read on from there.
 * @module
 */

/** No caller reads more than this many bytes without a look at `left`. */
const MARGIN_BYTES = 16;

export class ZstdBits {
  readonly #view: DataView;
  #left: number;

  /** Of bytes without a last bit that is set, `left` is negative from the start. */
  constructor(bytes: Uint8Array) {
    const padded = new Uint8Array(bytes.length + 2 * MARGIN_BYTES);
    padded.set(bytes, MARGIN_BYTES);
    this.#view = new DataView(padded.buffer);
    const last = this.#view.getUint8(MARGIN_BYTES + bytes.length - 1);
    this.#left = last === 0 ? -1 : bytes.length * 8 - (Math.clz32(last) - 24) - 1;
  }

  /** How many bits are left. */
  get left(): number {
    return this.#left;
  }

  /** The next `count` bits, at most 25. */
  peek(count: number): number {
    const at = this.#left - count;
    return (this.#view.getUint32(MARGIN_BYTES + (at >> 3), true) >>> (at & 7)) & ((1 << count) - 1);
  }

  skip(count: number): void {
    this.#left -= count;
  }

  /** Reads `count` bits, at most 25. */
  read(count: number): number {
    const value = this.peek(count);
    this.#left -= count;
    return value;
  }

  /** Reads `count` bits, at most 41. */
  readMany(count: number): number {
    if (count <= 25) return this.read(count);
    return this.read(count - 16) * 2 ** 16 + this.read(16);
  }
}
