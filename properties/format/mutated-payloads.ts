/**
 * F5 of compressed payloads: engine and model expand each to the same bytes, or both refuse it. Payloads that
 * the engine's libraries made, with something wrong in them where a library may not look.
 *
 * The profile `default` tries 100,000 of each codec; `npm run check -- --profile quick --parts format
 * --fuzz-inputs 1500000` does so, too, and leaves out the rest.
 *
 * Does not promise: the same payloads with another version of the libraries.
 * @module
 */
import zstd from "@mongodb-js/zstd/bindings.js";
import lz4 from "lz4-napi";

import type { Bounds } from "../bounds.ts";
import { SplitMix } from "../splitmix.ts";
import { changed, SORTS } from "./mutants.ts";
import { type FrameParts, mutatedFrame, partsOf } from "./mutated-frames.ts";
import { LZ4_PARSER, ZSTD_PARSER } from "./parsers.ts";
import { itemAt, numberText, type Section } from "./section.ts";

/** One payload of each codec for so many of the inputs of `fuzz`. */
const FUZZ_INPUTS_EACH = 15;
const BLOCK = 2000;

const SIZES = [0, 1, 3, 20, 60, 100, 256, 300, 500, 800, 1024, 1200, 2000, 3000, 5000, 9000];
/**
 * Of several blocks at the highest levels, and beyond the size of one. The model takes long for them: one in
 * so many.
 */
const LARGE_SIZES = [40_000, 140_000];
const LARGE_EVERY = 100;
const LEVELS = [1, 3, 6, 9];
const LARGE_LEVEL = 19;

/** What the libraries made of one content. */
interface Original {
  readonly frame: FrameParts;
  readonly block: Buffer;
}

interface Originals {
  readonly small: readonly Original[];
  readonly large: readonly Original[];
}

/** Made once for each seed. */
const known = new Map<number, Promise<Originals>>();

function originalsOf({ fuzzSeed }: Bounds): Promise<Originals> {
  let found = known.get(fuzzSeed);
  if (found === undefined) {
    found = makeOriginals(fuzzSeed);
    known.set(fuzzSeed, found);
  }
  return found;
}

async function makeOriginals(fuzzSeed: number): Promise<Originals> {
  const random = new SplitMix(fuzzSeed, 0, 2);
  const made = (sizes: readonly number[], level: () => number): Promise<Original[]> =>
    Promise.all(
      sizes.flatMap((size) =>
        SORTS.map(async (sort) => {
          const content = sort(random, size);
          const frame = await zstd.compress(content, level());
          return { frame: partsOf(content, frame), block: lz4.compressSync(content) };
        }),
      ),
    );
  return {
    small: await made(SIZES, () => random.pick(LEVELS)),
    large: await made(LARGE_SIZES, () => LARGE_LEVEL),
  };
}

/** The payloads of one number: an lz4 block with its size, and a zstd frame. */
export async function mutatedPayload(bounds: Bounds, input: number): Promise<{ lz4: Buffer; zstd: Buffer }> {
  const { small, large } = await originalsOf(bounds);
  const random = new SplitMix(bounds.fuzzSeed, input, 3);
  const among = random.below(LARGE_EVERY) === 0 ? large : small;
  const { frame, block } = itemAt(among, random.below(among.length));
  return { lz4: changed(block, random), zstd: mutatedFrame(frame, random) };
}

const payloads = ({ fuzzInputs }: Bounds): number => Math.floor(fuzzInputs / FUZZ_INPUTS_EACH);

export const mutatedPayloads: Section = {
  name: "mutated payloads",
  invariants: ["F5"],
  covers: (bounds) =>
    `${numberText(payloads(bounds))} lz4 payloads and as many zstd frames, drawn with seed ${bounds.fuzzSeed}, of ` +
    `${SORTS.length} sorts of content of ${SIZES.length + LARGE_SIZES.length} sizes up to ${numberText(LARGE_SIZES.at(-1) ?? 0)} bytes, ` +
    `changed inside, taken apart and put together again: engine and model come to the same`,
  first: (bounds) => ({ what: "block of payloads", of: Math.ceil(payloads(bounds) / BLOCK) }),
  async run(bounds, block, choice, counts) {
    const input = block * BLOCK + choice.choose(Math.min(BLOCK, payloads(bounds) - block * BLOCK), "payload");
    const mutated = await mutatedPayload(bounds, input);
    if (choice.choose(2, "codec: lz4, zstd") === 0) {
      return LZ4_PARSER.check(counts, bounds.format, mutated.lz4);
    }
    return ZSTD_PARSER.check(counts, bounds.format, mutated.zstd);
  },
};
