/**
 * Expands LZ4 blocks as specified in https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md, without any
 * library. Promises: no bytes make it throw; what it allocates is the size given. Does not promise: the rules
 * on how a block ends (its last five bytes are literals, no match starts in its last twelve), which bind only
 * who writes one.
 * @module
 */

/** The `size` bytes that `block` stands for; `undefined` if it is not the block of exactly so many. */
export function expandLz4Block(block: Uint8Array, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size);
  let [at, to] = [0, 0];
  const length = (nibble: number): number => {
    let sum = nibble; // 15 goes on in the bytes that follow, up to and with the first that is not 255
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; sum += byte) byte = block[at++] ?? 0;
    return sum;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = length(token >> 4);
    if (literals > size - to) break;
    for (let i = 0; i < literals; i++) out[to++] = block[at++] ?? 0;
    if (at === block.length && to === size) return out; // the last sequence is literals only
    const distance = (block[at++] ?? 0) + 256 * (block[at++] ?? 0);
    const end = to + length(token & 15) + 4;
    if (distance === 0 || distance > to || end > size) break; // past the block's end it is 0
    for (; to < end; to++) out[to] = out[to - distance] ?? 0; // may overlap what it writes
  }
  return undefined;
}
