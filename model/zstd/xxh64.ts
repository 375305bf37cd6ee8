/**
 * XXH64 with seed 0, the checksum of a frame's content (RFC 8878, section 3.1.1), as specified in
 * https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
 * @module
 */

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotated = (value: bigint, bits: bigint): bigint => u64(value << bits) | (value >> (64n - bits));
const round = (accumulator: bigint, lane: bigint): bigint =>
  u64(rotated(u64(accumulator + lane * P2), 31n) * P1);

/** The hash of `bytes`, an unsigned 64-bit integer. */
export function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stripes = bytes.length - (bytes.length % 32);
  let hash = u64((stripes === 0 ? P5 : stripesHash(view, stripes)) + BigInt(bytes.length));
  let at = stripes;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = u64(rotated(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  }
  if (at + 4 <= bytes.length) {
    hash = u64(rotated(hash ^ u64(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = u64(rotated(hash ^ u64(BigInt(view.getUint8(at)) * P5), 11n) * P1);
  hash = u64((hash ^ (hash >> 33n)) * P2);
  hash = u64((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}

/** The hash of the first `end` bytes, in stripes of four lanes of eight. */
function stripesHash(view: DataView, end: number): bigint {
  const accumulators = [u64(P1 + P2), P2, 0n, u64(-P1)];
  for (let at = 0; at < end; at += 32) {
    accumulators.forEach((accumulator, lane) => {
      accumulators[lane] = round(accumulator, view.getBigUint64(at + 8 * lane, true));
    });
  }
  const joined = [1n, 7n, 12n, 18n].reduce(
    (sum, bits, lane) => sum + rotated(accumulators[lane] ?? 0n, bits),
    0n,
  );
  return accumulators.reduce(
    (hash, accumulator) => u64((hash ^ round(0n, accumulator)) * P1 + P4),
    u64(joined),
  );
}
