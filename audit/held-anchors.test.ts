/** Anchors held against a stream: every verdict, every signature, and what is said of it. */
import { describe, expect, test } from "vitest";
import { type AnchorInFile, anchorText, parseAnchors } from "./anchor.ts";
import { heldAgainst, type ReadStream } from "./held-anchors.ts";
import { isAgainst } from "./report.ts";
import { generateKey, parseSigner, parseVerifier, sign } from "./signed-note.ts";

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const hexOf = (byte: number): string => Buffer.from(hash(byte)).toString("hex");
const text = (count: number, byte: number, origin = "example.com", stream = 1n): string =>
  anchorText({ origin, stream, count, head: count === 0 ? hash(0) : hash(byte) });
const anchors = (...texts: readonly string[]): readonly AnchorInFile[] => parseAnchors(texts.join("\n"));

const keys = ["one", "two"].map((name, i) =>
  generateKey(`example.com/${name}`, new Uint8Array(32).fill(i + 1)),
);
const [one, two] = keys.map((key) => ({
  signer: parseSigner(key.signer),
  verifier: parseVerifier(key.verifier),
}));
if (one === undefined || two === undefined) throw new Error("There are two keys.");

/** Ten records, all sound; the hash after so many of them has this many in each byte. */
const WHOLE: ReadStream = {
  nextOffset: 10,
  soundOffset: 10,
  hashes: new Map([2, 5, 7, 10].map((count) => [count, hexOf(count)])),
  redactions: [],
};

const UNTRUSTED = { verifiers: [] };
const verdicts = (file: readonly AnchorInFile[], stream = WHOLE, trust = UNTRUSTED): unknown[] =>
  heldAgainst(file, stream, trust).map((held) => [held.count, held.verdict, isAgainst(held)]);

describe("without keys", () => {
  test("anchors that match, in the order of their counts", () => {
    expect(verdicts(anchors(text(10, 10), text(0, 0), text(5, 5)))).toStrictEqual([
      [0, "matches", false],
      [5, "matches", false],
      [10, "matches", false],
    ]);
    const [held] = heldAgainst(anchors(text(5, 5)), WHOLE, UNTRUSTED);
    expect(held).toStrictEqual({
      origin: "example.com/1",
      line: 1,
      count: 5,
      head: hexOf(5),
      verdict: "matches",
      signature: "unsigned",
      sentence: "The first 5 records are those that were anchored.",
    });
  });

  test("a tail that was cut, counted", () => {
    const [held] = heldAgainst(anchors(text(13, 13)), WHOLE, UNTRUSTED);
    expect(held).toMatchObject({
      verdict: "cut-tail",
      sentence: "The anchor counts 13 records, but the stream ends after 10: 3 are missing.",
    });
  });

  test("a rewrite, narrowed down by an older anchor that matches", () => {
    const held = heldAgainst(anchors(text(7, 70), text(2, 2), text(5, 50)), WHOLE, UNTRUSTED);
    expect(held.map(({ count, verdict }) => [count, verdict])).toStrictEqual([
      [2, "matches"],
      [5, "rewritten"],
      [7, "rewritten"],
    ]);
    expect(held[2]?.sentence).toBe(
      "The stream has another head after 7 records than the one that was anchored. It was rewritten after record 2: up to there an older anchor matches.",
    );
    const [, , newest] = heldAgainst(anchors(text(2, 2), text(5, 5), text(7, 70)), WHOLE, UNTRUSTED);
    expect(newest?.sentence).toContain(
      "It was rewritten after record 5: up to there an older anchor matches.",
    );
    const [alone] = heldAgainst(anchors(text(7, 70)), WHOLE, UNTRUSTED);
    expect(alone?.sentence).toBe(
      "The stream has another head after 7 records than the one that was anchored.",
    );
  });

  test("a record that cannot be read has no hash to compare", () => {
    expect(verdicts(anchors(text(6, 6)))).toStrictEqual([[6, "unverifiable", true]]);
  });

  test("a hash that is right after records that could not all be verified", () => {
    const [before, behind] = heldAgainst(
      anchors(text(5, 5), text(7, 7)),
      { ...WHOLE, soundOffset: 5 },
      UNTRUSTED,
    );
    expect(before?.sentence).toBe("The first 5 records are those that were anchored.");
    expect(behind).toMatchObject({
      verdict: "matches",
      sentence:
        "The hash after 7 records is the one that was anchored, but not every record before it could be verified.",
    });
  });

  test("a hash that is erased is told from one that cannot be read, also beside what is erased", () => {
    const stream = {
      ...WHOLE,
      redactions: [
        { from: 2, to: 4 },
        { from: 6, to: 9 },
      ],
    };
    const held = (count: number): string[] =>
      heldAgainst(anchors(text(count, count), text(10, 10)), stream, UNTRUSTED).map(({ verdict }) => verdict);
    for (const count of [3, 7, 8].filter((one) => !stream.hashes.has(one)))
      expect(held(count)).toStrictEqual(["erased", "matches"]);
    for (const count of [1, 4, 6, 9]) expect(held(count)).toStrictEqual(["unverifiable", "matches"]);
  });

  test("one record is not called records", () => {
    const one = { nextOffset: 1, soundOffset: 1, hashes: new Map([[1, hexOf(1)]]), redactions: [] };
    const sentences = heldAgainst(anchors(text(1, 1), text(1, 2), text(2, 2)), one, UNTRUSTED).map(
      ({ sentence }) => sentence,
    );
    expect(sentences[0]).toContain("The first record is the one that was anchored.");
    expect(sentences[2]).toBe("The anchor counts 2 records, but the stream ends after 1: 1 is missing.");
    for (const sentence of sentences) expect(sentence).not.toMatch(/\b1 records|1 are /);
  });

  test("an anchor that counts nothing matches every stream, also none", () => {
    const none = { nextOffset: 0, soundOffset: 0, hashes: new Map<number, string>(), redactions: [] };
    expect(verdicts(anchors(text(0, 0)), none)).toStrictEqual([[0, "matches", false]]);
    expect(verdicts(anchors(text(1, 1)), none)).toStrictEqual([[1, "cut-tail", true]]);
  });
});

describe("two histories", () => {
  test("are a fork where one of them is that of the stream, whichever comes first", () => {
    for (const file of [anchors(text(5, 5), text(5, 50)), anchors(text(5, 50), text(5, 5))]) {
      const held = heldAgainst(file, WHOLE, UNTRUSTED);
      expect(held.map(({ head, verdict }) => [head, verdict]).sort()).toStrictEqual([
        [hexOf(5), "matches"],
        [hexOf(50), "fork"],
      ]);
      for (const { sentence, line } of held) {
        expect(sentence).toContain(
          `The anchor in line ${line === 1 ? 5 : 1} has another head for the same count`,
        );
      }
    }
  });

  test("are a fork where neither is, and where the stream is shorter than both", () => {
    expect(verdicts(anchors(text(5, 50), text(5, 51)))).toStrictEqual([
      [5, "fork", true],
      [5, "fork", true],
    ]);
    const held = heldAgainst(anchors(text(13, 1), text(13, 2)), WHOLE, UNTRUSTED);
    expect(held.map(({ verdict }) => verdict)).toStrictEqual(["cut-tail", "cut-tail"]);
    for (const { sentence } of held) expect(sentence).toContain("two histories were shown");
  });

  test("are none where the same anchor is there twice, or the other is of another origin or stream", () => {
    for (const file of [
      anchors(text(5, 5), text(5, 5)),
      anchors(text(5, 5), text(5, 50, "example.org")),
      anchors(text(5, 5), text(5, 50, "example.com", 2n)),
    ]) {
      const [held] = heldAgainst(file, WHOLE, UNTRUSTED);
      expect(held?.sentence).toBe("The first 5 records are those that were anchored.");
    }
  });

  test("are none where the other is not signed by a known key", () => {
    const file = anchors(sign(text(5, 5), one.signer), text(5, 50));
    const held = heldAgainst(file, WHOLE, { verifiers: [one.verifier] });
    expect(held.map(({ verdict, sentence }) => [verdict, sentence])).toStrictEqual([
      ["matches", "The first 5 records are those that were anchored."],
      ["refused", "None of the given keys has signed it, so it proves nothing."],
    ]);
  });
});

describe("signatures", () => {
  const signed = sign(text(5, 5), one.signer);
  const unsigned = text(5, 5);
  // The same signature below another count.
  const moved = signed.replace("\n5\n", "\n7\n");

  test.each([
    ["unsigned, no key", unsigned, [], "unsigned", "matches", false],
    ["signed, no key", signed, [], "unchecked", "matches", false],
    ["signed, its key", signed, [one.verifier], "verified", "matches", false],
    ["signed, its key and another", signed, [two.verifier, one.verifier], "verified", "matches", false],
    ["signed, another key", signed, [two.verifier], "not-by-a-known-key", "refused", true],
    ["unsigned, a key", unsigned, [one.verifier], "not-by-a-known-key", "refused", true],
    ["changed since, its key", moved, [one.verifier], "bad", "refused", true],
    ["changed since, no key", moved, [], "unchecked", "rewritten", true],
  ])("%s", (_, file, verifiers, signature, verdict, against) => {
    const [held] = heldAgainst(parseAnchors(file), WHOLE, { verifiers });
    if (held === undefined) throw new Error("There is an anchor.");
    expect({ ...held, against: isAgainst(held) }).toMatchObject({ signature, verdict, against });
  });

  test("one that is refused is not the older anchor that narrows a rewrite down", () => {
    const file = anchors(text(2, 2), sign(text(5, 50), one.signer));
    const held = heldAgainst(file, WHOLE, { verifiers: [one.verifier] });
    expect(held.map(({ verdict }) => verdict)).toStrictEqual(["refused", "rewritten"]);
    expect(held[1]?.sentence).toBe(
      "The stream has another head after 5 records than the one that was anchored.",
    );
  });
});

test("tens of thousands of anchors of one count are held against a stream at once", () => {
  const file = anchors(...Array.from({ length: 30_000 }, (_, i) => text(5, i % 200)));
  const held = heldAgainst(file, WHOLE, UNTRUSTED);
  expect(held.filter(({ verdict }) => verdict === "matches").length).toBe(150);
  expect(held.filter(({ verdict }) => verdict === "fork").length).toBe(29_850);
});
