/**
 * Compressed blocks spelled out by hand from RFC 8878: what they come to, and each rule that one may break.
 */
import { readFileSync } from "node:fs";
import zstd from "@mongodb-js/zstd/bindings.js";
import { describe, expect, test } from "vitest";

import { ZstdContent } from "./zstd-content.ts";
import { checkContent, checkedFrame } from "./zstd-frame.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

const WINDOW = 1024;

/** What blocks expand to together; of those before the last nothing is asked but that they pass. */
function bytesOf(blocks: readonly string[], { before = 0, blockMax = WINDOW, max = 2 ** 20 } = {}): number {
  const content = new ZstdContent(WINDOW, blockMax, max);
  content.skip(before);
  for (const block of blocks) content.addCompressed(hex(block));
  return content.bytes - before;
}

/**
 * One literal, then one sequence, each of its three codes the only one of its table: literals, offset, match.
 */
const sequence = (codes: string, bits: string): string => `08 61 01 54 ${codes} ${bits}`;
/** Weights 4, 3, 2, 0, 1, and so the codes 1, 01, 001, 0001 and 0000 of the literals 0, 1, 2, 5 and 4. */
const TREE = "84 43 20 10";
/** Two literals 0 in each of four streams, after the streams' sizes. */
const FOUR = "0100 0100 0100 07 07 07 07";

describe("a compressed block expands to its literals and what its sequences copy", () => {
  test.each([
    ["nothing", ["00 00"], 0],
    ["raw literals", ["18 616263 00"], 3],
    ["no sequences in two bytes", ["18 616263 8000"], 3],
    ["raw literals of the long formats", ["34 00 616263 00", "3c 00 00 616263 00"], 6],
    ["repeated literals", ["59 61 00", "15 04 61 00"], 11 + 65],
    ["a sequence: the literal, and 3 bytes from 1 back", [sequence("01 00 00", "01")], 4],
    ["the same tables again", [sequence("01 00 00", "01"), "08 61 01 fc 01"], 8],
    ["predefined tables", ["08 61 01 00 00 10 02"], 1 + 3],
    ["one stream of literals", [`42 80 01 ${TREE} 01 0d 00`], 4],
    ["the same tree again", [`42 80 01 ${TREE} 01 0d 00`, "43 80 00 01 0d 00"], 8],
    ["four streams", [`86 80 03 ${TREE} ${FOUR} 00`], 8],
    ["no literals in a stream", [`02 40 01 ${TREE} 01 00`], 0],
    ["a recent offset for each value", [sequence("01 00 00", "01"), sequence("01 01 00", "02")], 8],
  ])("%s", (_, blocks, bytes) => {
    expect(bytesOf(blocks, { before: 100 })).toBe(bytes);
  });

  test("a match may begin as far back as the window reaches, and not a byte further", () => {
    expect(bytesOf([sequence("01 0a 00", "03 04")], { before: 2000 })).toBe(4);
    expect(() => bytesOf([sequence("01 0a 00", "04 04")], { before: 2000 })).toThrow(
      /begins 1025 bytes back, where 1024 may/,
    );
  });

  test("a match may begin where the content does, and not a byte before", () => {
    expect(bytesOf([sequence("01 02 00", "04")])).toBe(4);
    expect(() => bytesOf([sequence("01 02 00", "05")])).toThrow(/begins 2 bytes back, where 1 may/);
  });

  test("a block may expand to as much as a block may, and not a byte more", () => {
    expect(bytesOf([sequence("01 00 00", "01")], { blockMax: 4 })).toBe(4);
    expect(() => bytesOf([sequence("01 00 01", "01")], { blockMax: 4 })).toThrow(/more than the 4 bytes/);
    expect(bytesOf(["20 61616161 00"], { blockMax: 4 })).toBe(4);
    expect(() => bytesOf(["28 6161616161 00"], { blockMax: 4 })).toThrow(/5 literals and may expand to 4/);
  });

  test("blocks may expand to as much as the frame declares, and not a byte more", () => {
    const blocks = [sequence("01 00 00", "01"), sequence("01 00 00", "01")];
    expect(bytesOf(blocks, { max: 8 })).toBe(8);
    expect(() => bytesOf(blocks, { max: 7 })).toThrow(/more than the 3 bytes/);
  });
});

describe("a compressed block is refused that", () => {
  test.each([
    ["has no header", "", /has no header/],
    ["ends in the header of its literals", "04", /ends in its header/],
    ["ends within its literals", "18 6162", /within its literals/],
    ["ends before the number of its sequences", "08 61", /ends before its sequences/],
    ["ends within the number of its sequences", "08 61 80", /ends before its sequences/],
    ["ends within a large number of sequences", "08 61 ff 00", /ends before its sequences/],
    ["ends before their modes", "08 61 01", /ends before its sequences/],
    ["ends before the code of a table", "08 61 01 54", /ends before its sequences/],
    ["has something after no sequences", "08 61 00 00", /follows the last sequence/],
    ["has reserved bits", "08 61 01 55 01 00 00 01", /reserved bits/],
    ["repeats literals length 36", sequence("24 00 00", "01"), /code that there is not/],
    ["repeats offset code 32", sequence("01 20 00", "01"), /code that there is not/],
    ["repeats match length code 53", sequence("01 00 35", "01"), /code that there is not/],
    ["repeats a table of no block", "08 61 01 fc 01", /used again/],
    ["has a table of accuracy 20", "08 61 01 94 0f 00 00 01", /too accurate/],
    ["has a table of 40 symbols", "08 61 01 94 10 fe ff ff 07 00 00 01", /too many symbols/],
    ["ends within a table", "08 61 01 94 10", /table ends too early/],
    ["has fewer bits than its sequences", sequence("01 02 00", "01"), /end too early/],
    ["has no last bit", sequence("01 00 00", "00"), /end too early/],
    ["has no bits", sequence("01 00 00", ""), /end too early/],
    ["has more bits than its sequences", sequence("01 00 00", "02"), /end too late/],
    [
      "has fewer literals than its sequences take",
      sequence("02 00 00", "01"),
      /more literals than there are/,
    ],
    ["has an offset of 0", sequence("00 01 00", "03"), /begins 0 bytes back/],
    ["has the largest offset", sequence("01 1f 00", "ffffffff"), /begins 4294967292 bytes back/],
    ["has thousands of sequences of no bits", "08 61 ff ffff 54 00 00 00 01", /expands to more/],
  ])("%s", (_, block, what) => {
    expect(() => bytesOf([block], { before: 100 })).toThrow(
      expect.objectContaining({
        code: "undecodable-payload",
        message: expect.stringMatching(what) as unknown,
      }),
    );
  });

  test.each([
    ["no tree", "12 00 00 00", /tree is missing/],
    ["a tree cut off", "12 80 00 84 43 00", /tree ends too early/],
    ["a tree of one literal", "12 c0 00 81 00 01 00", /one symbol/],
    ["a tree with codes of 12 bits", "12 c0 00 81 c1 01 00", /more than 11 bits/],
    ["a tree that does not add up", "12 c0 00 81 31 01 00", /not whole/],
    ["a tree without a weight of 1", "12 00 01 82 43 00 01 00", /not whole/],
    ["a tree of compressed weights that lack bits", "72 80 01 04 20 7e 1f 02 aa 00", /no weights/],
    ["a tree of 256 weights and more", "12 80 01 04 f0 03 00 04 01 00", /too many symbols/],
    ["a tree used again that is not there", "43 80 00 01 0d 00", /used again/],
    ["a stream with one literal too few", `52 80 01 ${TREE} 01 0d 00`, /does not hold/],
    ["a stream with one literal too many", `32 80 01 ${TREE} 01 0d 00`, /does not hold/],
    ["a stream without a last bit", `42 80 01 ${TREE} 01 00 00`, /does not hold/],
    ["the first of four streams longer", `86 80 03 ${TREE} 0100 0100 0100 0f 07 07 07 00`, /does not hold/],
    ["the last of four streams longer", `86 80 03 ${TREE} 0100 0100 0100 07 07 07 0f 00`, /does not hold/],
    ["a stream beyond its literals", `86 80 03 ${TREE} 0100 0100 ff00 07 07 07 07 00`, /does not hold/],
    ["no room for the sizes of four streams", `86 40 02 ${TREE} 0100 0100 01 00`, /does not hold/],
    ["four streams for 5 literals", `56 80 03 ${TREE} ${FOUR} 00`, /does not hold/],
  ])("has %s", (_, block, what) => {
    expect(() => bytesOf([block], { before: 100 })).toThrow(what);
  });
});

test("what the library compresses at every level passes, of all sorts of content", async () => {
  const source = readFileSync(new URL("../storage.ts", import.meta.url));
  const numbers = Buffer.alloc(40_000);
  for (let at = 0; at < numbers.length; at += 4) numbers.writeUInt32LE((at * at) >>> 7, at);
  for (const content of [source, numbers, Buffer.concat([numbers, source, source.subarray(500), numbers])]) {
    for (const level of [1, 3, 6, 12, 19]) {
      const frame = await zstd.compress(content, level);
      const outline = checkedFrame(frame, true);
      checkContent(frame, { ...outline, contentBytes: content.length });
      for (const wrong of [content.length - 1, content.length + 1]) {
        expect(() => {
          checkContent(frame, { ...outline, contentBytes: wrong });
        }).toThrow(/expands to/);
      }
    }
  }
});
