/** Anchors: their text written out, files of them, every bit of a signed one, and everything that is none. */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  type Anchor,
  type AnchorInFile,
  anchorText,
  checkSignatures,
  MAX_FILE_BYTES,
  parseAnchors,
} from "./anchor.ts";
import {
  generateKey,
  MAX_SIGNATURES,
  parseSigner,
  parseVerifier,
  sign,
  signatureLine,
} from "./signed-note.ts";
import { flipsOf, mutated, refusal } from "./testing.ts";
import { NoteError } from "./text.ts";

/** The key of RFC 8032, section 7.1, TEST 1; what it signed here was computed with OpenSSL. */
const signer = parseSigner(
  "PRIVATE+KEY+example.com/notary+86963903+AZ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g",
);
const notary = parseVerifier("example.com/notary+86963903+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea");
const LINE =
  "— example.com/notary hpY5A3aOlVhcRIAPi7bMhUBG9xAGEaQS7laEanbLxlFESFZcrynqmoZ/KsPn9kXha50zej2wkWoVP3rH7jK3XwiaPAg=";
const EMPTY_LINE =
  "— example.com/notary hpY5A/E0jO2CgS3fqPOot08P+WyzBtaX7sY59ICJX3jxG6FPeHE8PT9tNNgwRIBRy4rg1NlADpo0sLoFgYMj9N0VgAE=";

const pairs = (name: string, byte: number): [typeof signer, typeof notary] => {
  const texts = generateKey(name, new Uint8Array(32).fill(byte));
  return [parseSigner(texts.signer), parseVerifier(texts.verifier)];
};
const [otherSigner, other] = pairs("example.org/other", 1);

/** The head is SHA-256("abc"), from FIPS 180. */
const ANCHOR: Anchor = {
  origin: "example.com/ledger",
  stream: 1n,
  count: 3,
  head: Buffer.from("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "hex"),
};
const HEAD = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
const TEXT = `example.com/ledger/1\n3\n${HEAD}\n`;
const SIGNED = `${TEXT}\n${LINE}\n`;

/** The anchor of an empty stream, whose number is the largest. */
const EMPTY: Anchor = {
  origin: "example.com/ledger",
  stream: 2n ** 64n - 1n,
  count: 0,
  head: new Uint8Array(32),
};
const ZEROS = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const EMPTY_TEXT = `example.com/ledger/18446744073709551615\n0\n${ZEROS}\n`;

const only = (file: string | Uint8Array): AnchorInFile => {
  const [anchor, ...rest] = parseAnchors(file);
  if (anchor === undefined || rest.length > 0) throw new Error("There is not one anchor.");
  return anchor;
};
const valuesOf = ({ origin, stream, count, head }: Anchor): unknown[] => [
  origin,
  stream,
  count,
  Buffer.from(head).toString("hex"),
];

describe("an anchor's text", () => {
  test("is a checkpoint's: origin, number of records, head in base64", () => {
    expect(anchorText(ANCHOR)).toBe(TEXT);
    expect(anchorText(EMPTY)).toBe(EMPTY_TEXT);
    expect(anchorText({ ...ANCHOR, origin: "a/b//", count: 2 ** 53 - 1 })).toBe(
      `a/b///1\n9007199254740991\n${HEAD}\n`,
    );
  });

  test("is signed as a note", () => {
    expect(sign(anchorText(ANCHOR), signer)).toBe(SIGNED);
    expect(sign(anchorText(EMPTY), signer)).toBe(`${EMPTY_TEXT}\n${EMPTY_LINE}\n`);
  });

  test("is read back, signed or not", () => {
    for (const [anchor, text, line] of [
      [ANCHOR, TEXT, LINE],
      [EMPTY, EMPTY_TEXT, EMPTY_LINE],
    ] as const) {
      const unsigned = only(text);
      expect(valuesOf(unsigned)).toEqual(valuesOf(anchor));
      expect(unsigned).toMatchObject({ line: 1, text, signatures: [] });
      const signed = only(Buffer.from(`${text}\n${line}\n`));
      expect(valuesOf(signed)).toEqual(valuesOf(anchor));
      expect(signed).toMatchObject({
        line: 1,
        text,
        signatures: [{ name: notary.name, id: notary.id, line }],
      });
    }
  });

  test.each<[Partial<Anchor>, string]>([
    [{ origin: "" }, "The origin name must not be empty."],
    [{ origin: "a b" }, "The origin name must not contain a space."],
    [{ origin: "a\nb" }, "The origin name must not contain a space."],
    [{ origin: "a+b" }, 'The origin name must not contain a "+".'],
    [{ origin: "a\u0007" }, "The origin name must not contain a control character."],
    [{ origin: "a\ud800" }, "The origin name must not contain half a character."],
    [{ origin: "\uFEFFa" }, "A byte order mark is here, where none may be. Save as UTF-8 without it."],
    [{ stream: -1n }, "The stream's number must be from 0 to 2^64 - 1, not -1."],
    [{ stream: 2n ** 64n }, "The stream's number must be from 0 to 2^64 - 1, not 18446744073709551616."],
    [{ count: -1 }, "The number of records must be a whole number from 0 to 2^53 - 1."],
    [{ count: 1.5 }, "The number of records must be a whole number from 0 to 2^53 - 1."],
    [{ count: 2 ** 53 }, "The number of records must be a whole number from 0 to 2^53 - 1."],
    [{ count: Number.NaN }, "The number of records must be a whole number from 0 to 2^53 - 1."],
    [{ head: new Uint8Array(31) }, "The head must have 32 bytes, not 31."],
    [{ head: new Uint8Array(33) }, "The head must have 32 bytes, not 33."],
    [{ count: 0 }, "The head of an empty stream must be 32 zero bytes."],
  ])("is not made of %o", (part, sentence) => {
    const error = refusal(() => anchorText({ ...ANCHOR, ...part }));
    expect([error.message, error.line]).toEqual([sentence, undefined]);
  });
});

describe("what signatures say of an anchor", () => {
  const bad = LINE.replace("hpY5A3a", "hpY5A3b");
  const theirs = signatureLine(TEXT, otherSigner).trimEnd();

  test.each<[string, string[], (typeof notary)[], string, (typeof notary)[]]>([
    ["none", [], [notary], "not-signed-by-a-known-key", []],
    ["good, no key known", [LINE], [], "not-signed-by-a-known-key", []],
    ["good, the other key known", [LINE], [other], "not-signed-by-a-known-key", []],
    ["good, both keys known", [LINE], [other, notary], "signed", [notary]],
    ["both good, one key known", [theirs, LINE], [notary], "signed", [notary]],
    ["both good, both keys known", [theirs, LINE], [notary, other], "signed", [other, notary]],
    ["bad, the other key known", [bad], [other], "not-signed-by-a-known-key", []],
    ["bad", [bad], [notary], "bad-signature", [notary]],
    ["bad beside another's", [bad, theirs], [notary, other], "bad-signature", [notary]],
    ["another's beside a bad one, whose key is not known", [bad, theirs], [other], "signed", [other]],
    ["bad after a good one of the same key", [LINE, bad], [notary], "bad-signature", [notary]],
    ["another anchor's", [EMPTY_LINE], [notary], "bad-signature", [notary]],
  ])("%s", (_, lines, known, verdict, keys) => {
    const anchor = only([TEXT, ...lines, ""].join("\n"));
    expect(checkSignatures(anchor, known)).toEqual({ verdict, keys });
  });

  test("by 100 keys: all of them, in the order of the signatures", () => {
    const keys = Array.from({ length: MAX_SIGNATURES }, (_, i) => pairs(`k${i}`, i));
    const anchor = only(`${TEXT}\n${keys.map(([key]) => signatureLine(TEXT, key)).join("")}`);
    expect(checkSignatures(anchor, keys.map(([, key]) => key).reverse())).toEqual({
      verdict: "signed",
      keys: keys.map(([, key]) => key),
    });
  });
});

const origin = fc
  .string({ unit: "grapheme", minLength: 1 })
  .filter((text) => !/[\p{White_Space}\p{Cc}+]|^\uFEFF/u.test(text));
const anchor: fc.Arbitrary<Anchor> = fc.oneof(
  fc.record({
    origin,
    stream: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    count: fc.maxSafeNat().map((count) => Math.max(count, 1)),
    head: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
  fc.record({
    origin,
    stream: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    count: fc.constant(0),
    head: fc.constant(new Uint8Array(32)),
  }),
);

test.prop([
  fc.array(fc.tuple(anchor, fc.subarray([signer, otherSigner]), fc.nat(3)), { minLength: 1, maxLength: 8 }),
  fc.nat(2),
])(
  "a file of any anchors, signed or not, gives each with its line, its text and its signatures",
  (drawn, above) => {
    let file = "\n".repeat(above);
    const expected = drawn.map(([each, signers, below]) => {
      const text = anchorText(each);
      const line = file.split("\n").length;
      const lines = signers.map((key) => signatureLine(text, key));
      file += `${text}\n${lines.join("")}${signers.length > 0 ? "\n" : ""}${"\n".repeat(below)}`;
      return { values: valuesOf(each), line, text, lines };
    });
    const parse = (input: string | Uint8Array): unknown =>
      parseAnchors(input).map((each) => ({
        values: valuesOf(each),
        line: each.line,
        text: each.text,
        lines: each.signatures.map((signature) => `${signature.line}\n`),
      }));
    expect(parse(file)).toEqual(expected);
    expect(parse(Buffer.from(`${file.trimEnd()}\n`))).toEqual(expected);
    for (const each of parseAnchors(file)) {
      expect(anchorText(each)).toBe(each.text);
      const { verdict, keys } = checkSignatures(each, [notary, other]);
      expect(verdict).toBe(each.signatures.length > 0 ? "signed" : "not-signed-by-a-known-key");
      expect(keys.map(({ name }) => name)).toEqual(each.signatures.map(({ name }) => name));
    }
  },
);

describe("every bit", () => {
  const parsed = (file: Uint8Array): readonly AnchorInFile[] => {
    try {
      return parseAnchors(file);
    } catch (error) {
      if (error instanceof NoteError) return [];
      throw error;
    }
  };

  test.each([
    ["records", SIGNED],
    ["none", `${EMPTY_TEXT}\n${EMPTY_LINE}\n`],
  ])(
    "of a signed anchor of %s counts: flipped, the file is refused or the anchor is not signed",
    (_, file) => {
      let refused = 0;
      let unsigned = 0;
      for (const flipped of flipsOf(file)) {
        const anchors = parsed(flipped);
        if (anchors.length === 0) refused += 1;
        for (const each of anchors) {
          expect(checkSignatures(each, [notary]).verdict).not.toBe("signed");
          unsigned += 1;
        }
      }
      expect(refused).toBeGreaterThan(0);
      expect(unsigned).toBeGreaterThan(0);
      expect(refused + unsigned).toBe(Buffer.byteLength(file) * 8);
    },
  );

  test("of an unsigned anchor counts: flipped, the file is refused or it is another anchor", () => {
    for (const flipped of flipsOf(TEXT)) {
      for (const each of parsed(flipped)) expect(valuesOf(each)).not.toEqual(valuesOf(ANCHOR));
    }
  });

  test("of one anchor leaves the other as it is, or the file is refused", () => {
    const file = `${SIGNED}\n${EMPTY_TEXT}\n${EMPTY_LINE}\n`;
    const [first, second] = parseAnchors(file);
    const at = Buffer.byteLength(`${SIGNED}\n`) * 8;
    let bit = 0;
    for (const flipped of flipsOf(file)) {
      const anchors = parsed(flipped);
      if (anchors.length > 0) {
        expect(anchors).toHaveLength(2);
        expect(anchors[bit < at ? 1 : 0]).toEqual(bit < at ? second : first);
        expect(anchors.filter((each) => checkSignatures(each, [notary]).verdict === "signed")).toHaveLength(
          1,
        );
      }
      bit += 1;
    }
  });

  test("is there: of a file that is cut off, nothing is signed", () => {
    const file = Buffer.from(SIGNED);
    for (let length = 0; length < file.length; length += 1) {
      for (const each of parsed(file.subarray(0, length))) {
        expect([each.text, each.signatures]).toEqual([TEXT, []]);
      }
    }
  });
});

describe("what is no file of anchors is refused", () => {
  const first = (line: string): string => `${line}\n3\n${HEAD}\n`;
  const second = (line: string): string => `a/1\n${line}\n${HEAD}\n`;
  const third = (line: string, count = 3): string => `a/1\n${count}\n${line}\n`;
  const short = "An anchor has three lines: origin, number of records, head. This ends before that.";
  const long = "An anchor has three lines and no more. Put an empty line here if another anchor begins.";
  const crlf =
    "A carriage return is here. Lines end in LF alone: save this with Unix line endings, not CR LF.";
  const bom = "A byte order mark is here, where none may be. Save as UTF-8 without it.";
  const notUtf8 = "This is not UTF-8. Save it as UTF-8 without a byte order mark.";
  const cut = "The last line does not end in a newline: something may have been cut off.";
  const base64 = (line: string): string => `The head must be padded standard base64; "${line}" is not.`;

  test.each<[string, string | Uint8Array, string, number?]>([
    ["nothing", "", "This is empty."],
    ["empty lines", "\n\n", "There is no anchor in this file."],
    ["no last newline", TEXT.trimEnd(), cut, 3],
    ["CR LF", TEXT.replaceAll("\n", "\r\n"), crlf, 1],
    ["CR LF further down", `${TEXT}\r\n`, crlf, 4],
    ["a byte order mark", `\uFEFF${TEXT}`, bom, 1],
    ["a byte order mark on a line of its own", `\uFEFF\n${TEXT}`, bom, 1],
    ["a byte order mark, in bytes", Buffer.from(`\uFEFF${TEXT}`), bom, 1],
    ["a byte order mark between two files", `${TEXT}\n\uFEFF${TEXT}`, bom, 5],
    ["UTF-16", Buffer.from(`\uFEFF${TEXT}`, "utf16le"), notUtf8, 1],
    ["Latin 1", Buffer.from(`${TEXT}\n\u00e9/1\n`, "latin1"), notUtf8, 5],
    ["a tab", `a/1\n3\t\n${HEAD}\n`, "A control character, U+0009, is here. Only newlines are allowed.", 2],
    ["half a character", first("a\ud800/1"), "Half a character is here: a lone surrogate.", 1],

    ["one line", "a/1\n", short, 2],
    ["two lines", "a/1\n3\n", short, 3],
    ["two lines before an empty one", `${TEXT}\na/1\n3\n\n${HEAD}\n`, short, 7],
    ["an extension line", `${TEXT}more\n`, long, 4],
    ["two anchors without an empty line between", TEXT + TEXT, long, 4],
    [
      "the same, signed",
      SIGNED + SIGNED,
      "This is no signature. Put an empty line here if another anchor begins.",
      6,
    ],
    [
      "no empty line above the signature",
      `${TEXT}${LINE}\n`,
      "An empty line must be between an anchor and its signatures.",
      4,
    ],
    [
      "two empty lines above the signature",
      `${TEXT}\n\n${LINE}\n`,
      "This signature is of no anchor: exactly one empty line must be between the two.",
      6,
    ],
    [
      "an empty line among signatures",
      `${SIGNED}\n${LINE}\n`,
      "This signature is of no anchor: exactly one empty line must be between the two.",
      7,
    ],
    [
      "a signature alone",
      `${LINE}\n`,
      "This signature is of no anchor: exactly one empty line must be between the two.",
      1,
    ],
    [
      "a signature that is none",
      `${SIGNED}— x\n`,
      "A signature has a key's name, a space and base64; this has not.",
      6,
    ],
    [
      "a signature that is not base64",
      `${TEXT}\n— x AAAA=\n`,
      "A signature must be padded standard base64; this is not.",
      5,
    ],
    [
      "a signature without a key's id",
      `${TEXT}\n— x AAAA\n`,
      "A signature has more than the 4 bytes of a key's id; this has not.",
      5,
    ],
    [
      "a signature whose name has a plus",
      `${TEXT}\n— x+y AAAAAAA=\n`,
      'The name of a key must not contain a "+".',
      5,
    ],
    [
      "101 signatures",
      `${TEXT}\n${"— x AAAAAAA=\n".repeat(101)}`,
      "A text has at most 100 signatures; this has more.",
      105,
    ],

    [
      "no slash",
      first("example.com"),
      "An anchor begins with an origin name, a slash and a stream's number; this line does not.",
      1,
    ],
    ["no origin name", first("/1"), "The origin name must not be empty.", 1],
    ["an origin name with a space", first("a\u2003b/1"), "The origin name must not contain a space.", 1],
    ["an origin name with a plus", first("a+b/1"), 'The origin name must not contain a "+".', 1],
    [
      "a checkpoint of a transparency log",
      "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
      `The stream's number must be in decimal digits; "behind-the-sofa" is not.`,
      1,
    ],
    ["no stream", first("a/"), `The stream's number must be in decimal digits; "" is not.`, 1],
    ["a stream with a sign", first("a/-1"), `The stream's number must be in decimal digits; "-1" is not.`, 1],
    [
      "a stream in other digits",
      first("a/\u0661"),
      `The stream's number must be in decimal digits; "\u0661" is not.`,
      1,
    ],
    [
      "a stream in hexadecimal",
      first("a/0x1"),
      `The stream's number must be in decimal digits; "0x1" is not.`,
      1,
    ],
    ["a stream with a leading zero", first("a/01"), "The stream's number must not begin with a zero.", 1],
    ["zero twice", first("a/00"), "The stream's number must not begin with a zero.", 1],
    [
      "a stream that is too large",
      first("a/18446744073709551616"),
      "The stream's number must be from 0 to 2^64 - 1, not 18446744073709551616.",
      1,
    ],
    [
      "a stream of too many digits",
      first("a/184467440737095516150"),
      "The stream's number is too large: it has 21 digits.",
      1,
    ],

    ["no number of records", second(" "), `The number of records must be in decimal digits; " " is not.`, 2],
    [
      "a space after the number",
      second("3 "),
      `The number of records must be in decimal digits; "3 " is not.`,
      2,
    ],
    [
      "a number with a point",
      second("3.0"),
      `The number of records must be in decimal digits; "3.0" is not.`,
      2,
    ],
    [
      "a number with an exponent",
      second("3e1"),
      `The number of records must be in decimal digits; "3e1" is not.`,
      2,
    ],
    [
      "a number with a plus",
      second("+3"),
      `The number of records must be in decimal digits; "+3" is not.`,
      2,
    ],
    ["a number with a leading zero", second("03"), "The number of records must not begin with a zero.", 2],
    [
      "2^53",
      second("9007199254740992"),
      "The number of records must be a whole number from 0 to 2^53 - 1.",
      2,
    ],
    [
      "2^53 + 1, which no double is",
      second("9007199254740993"),
      "The number of records must be a whole number from 0 to 2^53 - 1.",
      2,
    ],
    [
      "what a terminal would act upon",
      second("\u009b31m\u202e"),
      `The number of records must be in decimal digits; "U+009B31mU+202E" is not.`,
      2,
    ],
    [
      "a long line",
      second("x".repeat(61)),
      `The number of records must be in decimal digits; "${"x".repeat(60)}..." is not.`,
      2,
    ],

    ["31 bytes", third(Buffer.alloc(31).toString("base64")), "The head must have 32 bytes, not 31.", 3],
    ["33 bytes", third(Buffer.alloc(33).toString("base64")), "The head must have 32 bytes, not 33.", 3],
    [
      "a head in hexadecimal",
      third(Buffer.alloc(32).toString("hex")),
      "The head must have 32 bytes, not 48.",
      3,
    ],
    ["a head without padding", third(ZEROS.slice(0, -1)), base64(ZEROS.slice(0, -1)), 3],
    ["a head with stray bits", third(ZEROS.replace("A=", "B=")), base64(ZEROS.replace("A=", "B=")), 3],
    [
      "a head in another alphabet",
      third(HEAD.replaceAll("+", "-").replaceAll("/", "_")),
      base64(HEAD.replaceAll("+", "-").replaceAll("/", "_")),
      3,
    ],
    ["something after the head", third(`${HEAD} `), base64(`${HEAD} `), 3],
    ["no record, and a head", third(HEAD, 0), "The head of an empty stream must be 32 zero bytes.", 3],
    [
      "the second anchor being none",
      `${SIGNED}\n\n${third(HEAD, 0)}`,
      "The head of an empty stream must be 32 zero bytes.",
      10,
    ],
  ])("%s", (_, file, sentence, line) => {
    const error = refusal(() => parseAnchors(file));
    expect([error.message, error.line]).toEqual([
      line === undefined ? sentence : `${sentence} [line ${line}]`,
      line,
    ]);
  });

  test("a private key that was passed in by mistake, without repeating it", () => {
    for (const [name, byte] of [
      ["a", 5],
      ["example.com/notary", 6],
    ] as const) {
      const { signer: secret } = generateKey(name, new Uint8Array(32).fill(byte));
      expect(refusal(() => parseAnchors(`${secret}\n`)).message).not.toContain(secret.slice(-44, -34));
    }
  });

  test("more bytes than the limit", () => {
    const largest = TEXT + "\n".repeat(MAX_FILE_BYTES - TEXT.length);
    expect(parseAnchors(largest)).toHaveLength(1);
    const sentence = "This has 16777217 bytes; at most 16777216 are allowed.";
    for (const larger of [`${largest}\n`, Buffer.from(`${largest}\n`)]) {
      expect(refusal(() => parseAnchors(larger)).message).toBe(sentence);
    }
  });

  // Work that grows with the square of these would take hours.
  test.each<[string, string | Uint8Array, number]>([
    ["digits", `a/${"1".repeat(MAX_FILE_BYTES - 10)}\n`, 1],
    ["slashes", `${"/".repeat(MAX_FILE_BYTES - 10)}\n`, 1],
    ["base64", `a/1\n3\n${"A".repeat(MAX_FILE_BYTES - 16)}\n`, 3],
    ["signatures", `${TEXT}\n${"— x AAAAAAA=\n".repeat(1_000_000)}`, 105],
    [
      "an invalid byte in the last of many lines",
      Buffer.from(`${"\n".repeat(MAX_FILE_BYTES - 1)}\u00ff`, "latin1"),
      MAX_FILE_BYTES,
    ],
  ])("in a time that grows with its size: %s", (_, file, line) => {
    expect(refusal(() => parseAnchors(file)).line).toBe(line);
  });

  test("but a file with as many anchors as have room is read", () => {
    const small = `a/1\n0\n${ZEROS}\n\n`;
    const count = Math.floor(MAX_FILE_BYTES / small.length);
    const anchors = parseAnchors(Buffer.from(small.repeat(count)));
    expect(anchors).toHaveLength(count);
    expect(anchors.at(-1)?.line).toBe(1 + 4 * (count - 1));
  });
});

const FILE = `${SIGNED}\n${EMPTY_TEXT}\n\n${TEXT}`;
test.prop([fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array(), mutated(FILE))], { numRuns: 2000 })(
  "whatever a file is, it is refused with one error, or each anchor in it is spelled as it is written",
  (file) => {
    try {
      for (const each of parseAnchors(file)) {
        expect(anchorText(each)).toBe(each.text);
        if (checkSignatures(each, [notary]).verdict === "signed") expect(each.text).toBe(TEXT);
      }
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
    }
  },
);
