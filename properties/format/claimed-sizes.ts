/**
 * Z2: stored payloads that claim, or expand to, more than they may; here those of lz4. What each is refused
 * with follows from how it was made.
 *
 * Does not promise: to measure memory, which differs from machine to machine; that a refusal costs none is in
 * `claimed-sizes.test.ts`.
 * @module
 */
import { CodecRegistry } from "../../src/format/codec.ts";
import { formatNamed } from "../../src/format/formats.ts";
import type { CompressionKind, Format } from "../../src/types.ts";
import { Z2 } from "../invariants/compression.ts";
import { type Counts, observe } from "../tally.ts";
import { PAYLOAD_BYTES_MAX as LIMIT } from "./layout.ts";
import { refusal } from "./outcome.ts";
import { chooseFrom, itemAt, numberText, perFormat, type Section } from "./section.ts";

const codecsOf = perFormat((format) => formatNamed(format).codecs(new CodecRegistry()));

/** How the codec must answer: with so many bytes, or with a refusal of this code. */
export type DecompressionResult = number | "payload-limit" | "undecodable-payload";

/** Gives a stored payload to the codec. @throws Violation */
export async function checkDecompression(
  counts: Counts,
  format: Format,
  codec: CompressionKind,
  stored: Buffer,
  wanted: DecompressionResult,
): Promise<void> {
  let answer: string | number;
  try {
    answer = (await codecsOf(format).get(codec).decompress(stored)).length;
  } catch (error) {
    answer = refusal(error, stored);
  }
  observe(counts, Z2.answer, { codec, stored, wanted, answer });
}

/** A number as it is stored. */
export const u = (width: 1 | 2 | 3 | 4, value: number): Buffer => {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntLE(value, 0, width);
  return bytes;
};

const LZ4_CLAIMS = [
  0,
  1,
  2,
  254,
  255,
  256,
  510,
  511,
  4080,
  4081,
  2 ** 16,
  2 ** 24,
  LIMIT - 1,
  LIMIT,
  LIMIT + 1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const LZ4_BLOCK_BYTES_MAX = 16;
const LZ4_BLOCKS = [0x00, 0xff, 0x10];
/** A block that could yield a little more than the limit, at 255 bytes a byte. */
const LZ4_LARGE_BLOCK = Buffer.alloc(Math.ceil(LIMIT / 255) + 100);

export const lz4Claims: Section = {
  name: "lz4 claims",
  invariants: ["Z2"],
  covers: () =>
    `lz4: size prefixes of 0 to 4 bytes; of 4, ${LZ4_CLAIMS.length} claims from 0 to 2^32 - 1 x blocks of 0 to ${LZ4_BLOCK_BYTES_MAX} bytes; ` +
    `claims beyond the limit with a block of ${numberText(LZ4_LARGE_BLOCK.length)} bytes`,
  first: () => ({ what: `claim: ${LZ4_CLAIMS.join(", ")}`, of: LZ4_CLAIMS.length }),
  run({ format }, first, choice, counts) {
    const claim = itemAt(LZ4_CLAIMS, first);
    const missing = choice.choose(5, "bytes of the prefix that are missing");
    if (missing > 0)
      return checkDecompression(counts, format, "lz4", u(4, claim).subarray(missing), "undecodable-payload");
    const sizes = LZ4_BLOCK_BYTES_MAX + (claim > LIMIT ? 2 : 1);
    const bytes = choice.choose(sizes, "bytes of the block; beyond the largest: the large block");
    if (bytes > LZ4_BLOCK_BYTES_MAX)
      return checkDecompression(
        counts,
        format,
        "lz4",
        Buffer.concat([u(4, claim), LZ4_LARGE_BLOCK]),
        "payload-limit",
      );
    const byte = chooseFrom(choice, LZ4_BLOCKS, `each of them: ${LZ4_BLOCKS.join(", ")}`);
    const stored = Buffer.concat([u(4, claim), Buffer.alloc(bytes, byte)]);
    if (claim > LIMIT || claim > 255 * bytes)
      return checkDecompression(counts, format, "lz4", stored, "payload-limit");
    // 0x00 is a token for nothing, 0x10 one for a literal byte; what comes behind would be a match from
    // before the start.
    const isEmpty = claim === 0 && bytes === 1 && byte === 0;
    const isOneLiteral = claim === 1 && bytes === 2 && byte === 0x10;
    return checkDecompression(
      counts,
      format,
      "lz4",
      stored,
      isEmpty || isOneLiteral ? claim : "undecodable-payload",
    );
  },
};
