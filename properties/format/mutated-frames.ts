/**
 * Zstandard frames with something wrong in them, taken apart and put together again (RFC 8878, section
 * 3.1.1), so that what is wrong is inside a block and not only at its border. Promises: the same numbers give
 * the same bytes.
 * @module
 */
import { little } from "../../model/little.ts";
import { xxh64 } from "../../model/zstd/xxh64.ts";
import type { SplitMix } from "../splitmix.ts";
import { changed } from "./mutants.ts";
import { itemAt } from "./section.ts";

const RAW = 0;
const REPEATED = 1;
const COMPRESSED = 2;

/** A block: its type, the size that its header says, and what is stored. */
interface Block {
  readonly type: number;
  readonly size: number;
  readonly stored: Buffer;
}

/** What a frame is made of. */
export interface FrameParts {
  readonly content: Buffer;
  readonly blocks: readonly Block[];
}

/**
 * The parts of a frame as the engine's library writes it: with a window, no declared size and no checksum.
 */
export function partsOf(content: Buffer, frame: Uint8Array): FrameParts {
  const blocks: Block[] = [];
  for (let at = 6; at < frame.length;) {
    const header = little(frame, at, 3);
    const [type, size] = [(header >> 1) & 3, header >> 3];
    const end = at + 3 + (type === REPEATED ? 1 : size);
    blocks.push({ type, size, stored: Buffer.from(frame.subarray(at + 3, end)) });
    at = end;
  }
  return { content, blocks };
}

/**
 * A frame of these parts: its size declared or not, with a window of any size or none, with a checksum or
 * without.
 */
function assembled({ content, blocks }: FrameParts, random: SplitMix): Buffer {
  const isSingleSegment = random.below(2) === 0;
  const declaresSize = isSingleSegment || random.below(2) === 0;
  const hasChecksum = random.below(4) === 0;
  const window = random.pick([0x58, 0x58, 0, random.below(0x90)]); // 2 MiB, 1 KiB; some beyond the limit
  const flags = (declaresSize ? 0x80 : 0) | (isSingleSegment ? 0x20 : 0) | (hasChecksum ? 0x04 : 0);
  const u32 = (value: number): Buffer => Buffer.of(value, value >> 8, value >> 16, value >> 24);
  return Buffer.concat([
    Buffer.of(0x28, 0xb5, 0x2f, 0xfd, flags),
    Buffer.from(isSingleSegment ? [] : [window]),
    declaresSize ? u32(content.length) : Buffer.of(),
    ...blocks.flatMap(({ type, size, stored }, index) => {
      const header = Buffer.alloc(3);
      header.writeUIntLE(Number(index === blocks.length - 1) | (type << 1) | ((size << 3) & 0xfffff8), 0, 3);
      return [header, stored];
    }),
    hasChecksum ? u32(Number(xxh64(content) & 0xffffffffn)) : Buffer.of(),
  ]);
}

/** A block with something changed inside, its header made to fit; seldom with another type or size. */
function changedBlock({ type, stored, size }: Block, random: SplitMix): Block {
  const inside = changed(stored, random);
  const other = random.below(30) === 0 ? random.below(3) : type;
  if (other === REPEATED) return { type: other, size: size ^ random.below(2), stored: inside.subarray(0, 1) };
  return { type: other, size: inside.length + (random.below(30) === 0 ? 1 : 0), stored: inside };
}

/** Blocks of which one is changed; or is left out, or put where it was not. */
function changedBlocks(blocks: readonly Block[], random: SplitMix): Block[] {
  const at = random.below(blocks.length);
  const block = itemAt(blocks, at);
  if (random.below(10) > 0) return blocks.with(at, changedBlock(block, random));
  return random.below(2) === 0
    ? blocks.toSpliced(at, 1)
    : blocks.toSpliced(random.below(blocks.length + 1), 0, block);
}

/**
 * Huffman-coded literals of a small tree, each stream of one byte; sometimes the tree, a size or a number is
 * not right.
 */
function codedLiterals(random: SplitMix): Buffer {
  const tree = random.pick([
    Buffer.of(0x80, 0x10), // two literals, a bit each
    Buffer.of(0x80, 0x10),
    Buffer.of(0x84, 0x43, 0x20, 0x10), // the example of section 4.2.1
    Buffer.of(0x80 + random.below(3), random.pick([0, 0x20, 0x33, random.below(256)]), random.below(256)),
    Buffer.of(),
  ]);
  const isInFour = random.below(2) === 0;
  const each = 1 + random.below(4);
  const stream = (): number => 2 ** each + random.below(2 ** each);
  const streams = isInFour ? [1, 0, 1, 0, 1, 0, stream(), stream(), stream(), stream()] : [stream()];
  const stored = Buffer.concat([tree, Buffer.from(streams)]);
  const kept = random.below(8) === 0 ? stored.subarray(0, random.below(stored.length)) : stored;
  const literals = each * (isInFour ? 4 : 1) + (random.below(4) === 0 ? random.below(3) - 1 : 0);
  const header = Buffer.alloc(3);
  const type = tree.length > 0 || random.below(2) === 0 ? 2 : 3; // its own tree, or that of a block before
  header.writeUIntLE(type | (Number(isInFour) << 2) | (literals << 4) | (kept.length << 14), 0, 3);
  return Buffer.concat([header, kept]);
}

/** A compressed block of literals and what may be sequences: most often well-formed tables, and any bits. */
function drawnBlock(random: SplitMix): Block {
  const raw = random.bytes(random.below(20));
  const literals =
    random.below(3) === 0 ? codedLiterals(random) : Buffer.concat([Buffer.of(raw.length << 3), raw]);
  const sequences = random.below(4);
  // Predefined tables, tables of one symbol, mixtures of both, tables used again, described tables; or any.
  const modes = random.pick([0, 0x54, 0x54, 0x50, 0x10, 0x04, 0xfc, 0xa8, random.below(256)]);
  const section = random.bytes(random.below(12));
  const codes = random.bytes(3).map((byte) => byte & 0x1f);
  const stored = Buffer.concat([
    literals,
    sequences === 0 ? Buffer.of(0) : Buffer.of(sequences, modes),
    sequences === 0 ? Buffer.of() : modes === 0x54 ? Buffer.concat([codes, section]) : section,
  ]);
  return { type: COMPRESSED, size: stored.length, stored };
}

/**
 * Bytes beyond the smallest window, then a block of one match, which begins near the window's end or the
 * content's.
 */
function farMatch(random: SplitMix): FrameParts {
  const before = Array.from({ length: 1 + random.below(3) }, () => random.bytes(500 + random.below(525)));
  const bytes = before.reduce((sum, { length }) => sum + length, 0);
  const offsetValue = 3 + random.pick([1024, bytes]) + random.below(5) - 2;
  const code = Math.floor(Math.log2(offsetValue));
  const [distance, end] = [offsetValue - 3, Buffer.concat(before)];
  const match = end.subarray(Math.max(0, bytes - distance)).subarray(0, 3);
  // No literals, one sequence, tables of one symbol. The value without its highest bit is what is stored, and
  // above it stands the bit that ends the stream: together the value.
  const stored = Buffer.of(0, 1, 0x54, 0, code, 0, offsetValue, offsetValue >> 8);
  return {
    content: Buffer.concat([end, match]),
    blocks: [
      ...before.map((raw) => ({ type: RAW, size: raw.length, stored: raw })),
      { type: COMPRESSED, size: stored.length, stored },
    ],
  };
}

/** A frame in which something may be wrong; of a frame that a library wrote, or drawn. */
export function mutatedFrame(parts: FrameParts, random: SplitMix): Buffer {
  const raw = { type: RAW, size: 20, stored: random.bytes(20) };
  const drawn = (): FrameParts => ({
    content: Buffer.alloc(random.below(200)),
    blocks: [raw, ...Array.from({ length: 1 + random.below(3) }, () => drawnBlock(random))],
  });
  switch (random.below(10)) {
    case 0:
      return assembled(parts, random);
    case 1:
      return assembled(farMatch(random), random);
    case 2:
      return changed(assembled(parts, random), random);
    case 3:
    case 4: {
      const { content, blocks } = drawn();
      return assembled(
        { content, blocks: random.below(2) === 0 ? blocks : changedBlocks(blocks, random) },
        random,
      );
    }
    default:
      return assembled({ ...parts, blocks: changedBlocks(parts.blocks, random) }, random);
  }
}
