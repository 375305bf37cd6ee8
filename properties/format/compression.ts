/**
 * Z1: payloads are stored by each codec in no more bytes than they have, and come back, from the engine's
 * codec and from the model's expansion.
 * @module
 */
import { expand } from "../../model/expand.ts";
import { little } from "../../model/little.ts";
import { CodecRegistry, compressed } from "../../src/format/codec.ts";
import { formatNamed } from "../../src/format/formats.ts";
import type { CompressionKind, Format } from "../../src/types.ts";
import type { Bounds } from "../bounds.ts";
import { SplitMix } from "../splitmix.ts";
import { Z1 } from "../invariants/compression.ts";
import { attempt, type Counts, observe } from "../tally.ts";
import { COMPRESSIONS } from "./layout.ts";
import { type Fill, filled, fillsOf } from "./samples.ts";
import { chooseFrom, itemAt, numberText, perFormat, type Section } from "./section.ts";

const codecsOf = perFormat((format) => formatNamed(format).codecs(new CodecRegistry()));

/** Every size up to here, and those where a length byte, an LZ4 match or a zstd block comes to its end. */
const SMALL_SIZES = 70;
const BORDER_SIZES = [254, 255, 256, 269, 270, 271, 65_535, 65_536, 131_072, 131_073];
const SIZES: readonly number[] = [...Array.from({ length: SMALL_SIZES }, (_, size) => size), ...BORDER_SIZES];
const NOISE = new SplitMix(1).bytes(131_073);
const contentsOf = perFormat((format): readonly Fill[] => [
  ...fillsOf(format),
  { name: "two in turn", at: (index) => index & 1 },
  { name: "seven in turn", at: (index) => index % 7 },
  { name: "noise", at: (index) => NOISE[index] ?? 0 },
  { name: "noise twice", at: (index) => NOISE[index % 20] ?? 0 },
]);

const PIECES_MAX = 12;
const PIECE_BYTES_MAX = 40;
const REPEATS_MAX = 60;
const DRAWN_BLOCK = 1000;

/**
 * A frame that this package wrote, without its content size, as Kimberlite writes them: RFC 8878, section
 * 3.1.1.1. No content here is larger than the window of 2 MiB that it gets.
 */
function undeclared(frame: Uint8Array): Buffer {
  const [flags, isSingle] = [little(frame, 4, 1), (little(frame, 4, 1) & 0x20) !== 0];
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const blocks = frame.subarray(5 + (isSingle ? 0 : 1) + sizeBytes);
  return Buffer.concat([frame.subarray(0, 4), Buffer.of(flags & 0x04, 0x58), blocks]);
}

async function checkPayload(
  counts: Counts,
  format: Format,
  compression: CompressionKind,
  payload: Buffer,
): Promise<void> {
  const codec = codecsOf(format).get(compression);
  const work = `${compression} for a payload of ${payload.length} bytes`;
  const made = await attempt(Z1.content, work, async () => codec.compress(payload));
  const stored = await attempt(Z1.content, work, async () => compressed(codec, payload));
  observe(counts, Z1.size, {
    payload,
    compressedBytes: made.length,
    storedBytes: stored.bytes.length,
    storedAs: stored.compression,
  });
  for (const { kind, bytes } of [
    { kind: compression, bytes: made },
    { kind: stored.compression, bytes: stored.bytes },
    ...(format === "sentinel" && compression === "zstd"
      ? [{ kind: compression, bytes: undeclared(made) }]
      : []),
  ]) {
    const back = await attempt(Z1.content, work, async () => codecsOf(format).get(kind).decompress(bytes));
    const model = expand(format, kind, bytes);
    for (const expanded of [back, model])
      observe(counts, Z1.content, { payload, compression: kind, bytes, expanded });
  }
}

const first = (): { what: string; of: number } => ({
  what: `codec: ${COMPRESSIONS.join(", ")}`,
  of: COMPRESSIONS.length,
});

/** How zstd frames are read that were not written. */
const frames = (format: Format): string =>
  format === "plain" ? "" : "; each zstd frame also without its content size";

export const compression: Section = {
  name: "compression",
  invariants: ["Z1"],
  covers: ({ format }) =>
    `${COMPRESSIONS.length} codecs x every payload of 1 byte, and payloads of ${SIZES.length} sizes up to ${numberText(SIZES.at(-1) ?? 0)} bytes ` +
    `x ${contentsOf(format).length} contents (${contentsOf(format)
      .map(({ name }) => name)
      .join("; ")})${frames(format)}`,
  first,
  run({ format }, codec, choice, counts) {
    const contents = contentsOf(format);
    const content = choice.choose(
      contents.length + 1,
      `content: any byte, ${contents.map(({ name }) => name).join(", ")}`,
    );
    const payload =
      content === 0
        ? Buffer.of(choice.choose(256, "byte"))
        : filled(chooseFrom(choice, SIZES, `bytes: ${SIZES.join(", ")}`), itemAt(contents, content - 1));
    return checkPayload(counts, format, itemAt(COMPRESSIONS, codec), payload);
  },
};

/** A few short pieces, each repeated: most of it compresses. */
function drawnPayload(seed: number, input: number): Buffer {
  const random = new SplitMix(seed, input, 1);
  const pieces = Array.from({ length: random.below(PIECES_MAX) }, () => {
    const piece = random.bytes(1 + random.below(PIECE_BYTES_MAX));
    return Buffer.alloc(piece.length * (1 + random.below(REPEATS_MAX)), piece);
  });
  return Buffer.concat(pieces);
}

const blocks = ({ drawnPayloads }: Bounds): number => Math.ceil(drawnPayloads / DRAWN_BLOCK);

export const drawnCompression: Section = {
  name: "compression drawn",
  invariants: ["Z1"],
  covers: ({ format, drawnPayloads, fuzzSeed }) =>
    `${COMPRESSIONS.length} codecs x ${numberText(drawnPayloads)} payloads drawn with seed ${fuzzSeed}: up to ${PIECES_MAX - 1} pieces, each up to ${REPEATS_MAX} times${frames(format)}`,
  first: (bounds) => ({ what: "block of payloads", of: blocks(bounds) }),
  run({ format, drawnPayloads, fuzzSeed }, block, choice, counts) {
    const input =
      block * DRAWN_BLOCK +
      choice.choose(Math.min(DRAWN_BLOCK, drawnPayloads - block * DRAWN_BLOCK), "payload");
    const codec = chooseFrom(choice, COMPRESSIONS, first().what);
    return checkPayload(counts, format, codec, drawnPayload(fuzzSeed, input));
  },
};
