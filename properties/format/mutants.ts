/**
 * What payloads with something wrong in them are made of: content that compresses in all sorts of ways, and
 * small changes in the places where headers and the ends of streams are. Promises: the same numbers give the
 * same bytes.
 * @module
 */
import type { SplitMix } from "../splitmix.ts";

const WORDS = ["offset", "stream", "record", " the ", "\n", '{"id":', "0000", ", ", "kimberlite", "é"];
const PIECE_BYTES_MAX = 50;

/** Content of so many bytes; each sort makes an encoder use other ways to store it. */
export const SORTS: readonly ((random: SplitMix, size: number) => Buffer)[] = [
  function words(random, size) {
    return repeatedly(size, () => Buffer.from(random.pick(WORDS)));
  },
  function mostlySmallBytes(random, size) {
    const most = 2 + random.below(40);
    const bytes = random.bytes(size);
    bytes.forEach((byte, at) => (bytes[at] = Math.floor((byte * byte * most) / 2 ** 16)));
    return bytes;
  },
  function pieces(random, size) {
    const all = Array.from({ length: 1 + random.below(6) }, () =>
      random.bytes(1 + random.below(PIECE_BYTES_MAX)),
    );
    return repeatedly(size, () => random.pick(all));
  },
  function risingNumbers(random, size) {
    let value = 0;
    return repeatedly(size, () => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE((value += random.below(200)));
      return bytes;
    });
  },
  function noise(random, size) {
    return random.bytes(size);
  },
  function oneByteMostly(random, size) {
    const bytes = Buffer.alloc(size, random.next());
    for (let changes = random.below(6); changes > 0 && size > 0; changes -= 1) {
      bytes[random.below(size)] = random.next();
    }
    return bytes;
  },
];

function repeatedly(size: number, next: () => Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let bytes = 0; bytes < size;) {
    const part = next();
    parts.push(part);
    bytes += part.length;
  }
  return Buffer.concat(parts, size);
}

const CHANGES_MAX = 3;
const NEAR_BYTES = 24;
const BORDER_BYTES = [0, 1, 2, 127, 128, 254, 255];

/** A copy with one to three places changed. */
export function changed(original: Uint8Array, random: SplitMix): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let changes = 1 + random.below(CHANGES_MAX); changes > 0 && bytes.length > 0; changes -= 1) {
    const near = Math.min(bytes.length, NEAR_BYTES);
    const where = random.below(4); // twice as often near the beginning as near the end or anywhere
    const at =
      where < 2
        ? random.below(near)
        : where === 2
          ? bytes.length - 1 - random.below(near)
          : random.below(bytes.length);
    bytes = changedAt(bytes, at, random);
  }
  return bytes;
}

function changedAt(bytes: Buffer, at: number, random: SplitMix): Buffer {
  const few = 1 + random.below(3);
  switch (random.below(7)) {
    case 0:
      bytes[at] = random.next();
      return bytes;
    case 1:
      bytes[at] = random.pick(BORDER_BYTES);
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(few), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + few)]);
    default:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
  }
}
