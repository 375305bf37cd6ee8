/**
 * Compressed blocks: literals and sequences, executed (RFC 8878, sections 3.1.1.3 to 3.1.1.5).
 * @module
 */
import type { Content } from "./content.ts";
import type { HuffmanTable } from "./huffman.ts";
import { readLiterals } from "./literals.ts";
import { must } from "./refusal.ts";
import { readSequences, type Sequence, type SequenceTables } from "./sequences.ts";

/** The last three offsets, the latest first (section 3.1.1.5). */
type Offsets = readonly [number, number, number];

/** What one compressed block leaves to the next. */
export interface Leftover {
  readonly tree: HuffmanTable | undefined;
  readonly tables: SequenceTables | undefined;
  readonly offsets: Offsets;
}

/** What the first block finds. */
export const NOTHING_LEFT: Leftover = { tree: undefined, tables: undefined, offsets: [1, 4, 8] };

/** What a frame's header allows its blocks. */
export interface BlockLimits {
  /** How far back a match may reach. */
  readonly window: number;
  /** Block_Maximum_Size, of a block as stored and as expanded. */
  readonly blockMax: number;
}

/** Appends what `block` stands for. */
export function expandBlock(
  block: Uint8Array,
  before: Leftover,
  { window, blockMax }: BlockLimits,
  content: Content,
): Leftover {
  const { literals, size, tree } = readLiterals(block, blockMax, before.tree);
  const { sequences, tables } = readSequences(block.subarray(size), before.tables);
  const end = content.size + blockMax;
  let [taken, offsets] = [0, before.offsets];
  for (const sequence of sequences) {
    offsets = offsetsAfter(offsets, sequence);
    const next = taken + sequence.literals;
    must(next <= literals.length, "A sequence takes more literals than its block has.");
    must(content.size + sequence.literals + sequence.length <= end, "A block expands to more than it may.");
    must(offsets[0] <= window, "A match begins before the window.");
    content.append(literals.subarray(taken, next));
    content.appendMatch(offsets[0], sequence.length);
    taken = next;
  }
  must(content.size + literals.length - taken <= end, "A block expands to more than it may.");
  content.append(literals.subarray(taken));
  return { tree, tables, offsets };
}

/** The offsets once a sequence is executed; the first is its own (section 3.1.1.5). */
function offsetsAfter([first, second, third]: Offsets, { literals, offsetValue }: Sequence): Offsets {
  if (offsetValue > 3) return [offsetValue - 3, first, second];
  switch (offsetValue + (literals === 0 ? 1 : 0)) {
    case 1:
      return [first, second, third];
    case 2:
      return [second, first, third];
    case 3:
      return [third, first, second];
    default:
      return [first - 1, first, second]; // 0 is no offset, and is refused when it is used
  }
}
