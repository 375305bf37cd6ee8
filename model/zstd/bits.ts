/**
 * The two ways in which a frame's bytes are read bit by bit: forward (RFC 8878, section 4.1.1) and backward
 * (sections 3.1.1.3.2.1.2, 4.1 and 4.2.2). In both, the bits of a value stand in little-endian order, and bit
 * `n` of the bytes is bit `n % 8` of byte `n / 8`. Promises: values of up to 32 bits are exact; past the end
 * all bits are 0, and both readers say that it was passed.
 * @module
 */

/** The `count` bits of `bytes` from bit `from` on, as a number; bits outside of `bytes` are 0. */
function bitsAt(bytes: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let bit = from + count - 1; bit >= from; bit--) {
    value = value * 2 + (((bytes[Math.floor(bit / 8)] ?? 0) >> (bit & 7)) & 1);
  }
  return value;
}

/** Reads from the first byte's lowest bit on. */
export class ForwardBits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes were read, the last of them perhaps in part. More than there are: the end was passed. */
  get bytesRead(): number {
    return Math.ceil(this.#at / 8);
  }

  read(count: number): number {
    this.#at += count;
    return bitsAt(this.#bytes, this.#at - count, count);
  }
}

/**
 * Reads from the end of the bytes to their beginning, from below the highest bit that is set in the last
 * byte.
 */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  #left: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // Without such a bit nothing is left, not even the bit itself.
    const padding = Math.clz32(bytes.at(-1) ?? 0) - 24;
    this.#left = padding === 8 ? -1 : bytes.length * 8 - padding - 1;
  }

  /** How many bits are left; negative: more were read than there are. */
  get left(): number {
    return this.#left;
  }

  read(count: number): number {
    this.#left -= count;
    return bitsAt(this.#bytes, this.#left, count);
  }

  /** What `read` would answer. */
  peek(count: number): number {
    return bitsAt(this.#bytes, this.#left - count, count);
  }

  skip(count: number): void {
    this.#left -= count;
  }
}
