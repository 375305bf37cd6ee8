/**
 * Signed notes: what others signed is verified, what is signed is what others sign, and everything that is no
 * note or no key.
 */
import { createHash } from "node:crypto";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  generateKey,
  MAX_NOTE_BYTES,
  MAX_SIGNATURES,
  parseSigner,
  parseVerifier,
  sign,
  signatureLine,
  verify,
} from "./signed-note.ts";
import { flipsOf, mutated, refusal } from "./testing.ts";
import { NoteError } from "./text.ts";

/** From the documentation and the tests of Go's golang.org/x/mod/sumdb/note. */
const PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_LINE =
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE =
  "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
const NOTE = `${TEXT}\n${PETER_LINE}`;

/** The example of c2sp.org/signed-note. */
const FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const FOO_NOTE =
  "This is an example message.\n\n" +
  "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/** From the tests of transparency-dev/formats: base64 with a "+" in it. */
const PLUS = "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6";

const [peter, enoch, foo] = [PETER, ENOCH, FOO].map(parseVerifier) as [V, V, V];
type V = ReturnType<typeof parseVerifier>;

/** A key text with its id made to fit, so that only what is asked about is wrong. */
function keyText(name: string, typed: Uint8Array): string {
  const id = createHash("sha256").update(`${name}\n`).update(typed).digest("hex").slice(0, 8);
  return `${name}+${id}+${Buffer.from(typed).toString("base64")}`;
}

const bytesOf = (...parts: (string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

describe("known answers", () => {
  test("signing gives Go's note, byte for byte", () => {
    expect(sign(TEXT, parseSigner(PETER_SIGNER))).toBe(NOTE);
    expect(NOTE + signatureLine(TEXT, parseSigner(generateKey("EnochRoot", new Uint8Array(32)).signer))).toBe(
      NOTE + ENOCH_LINE,
    );
  });

  test("Go's and the specification's notes are verified", () => {
    expect(verify(NOTE, [peter])).toEqual({ text: TEXT, keys: [peter] });
    expect(verify(Buffer.from(NOTE + ENOCH_LINE), [enoch, peter])).toEqual({
      text: TEXT,
      keys: [peter, enoch],
    });
    expect(verify(FOO_NOTE, [peter, foo])).toEqual({ text: "This is an example message.\n", keys: [foo] });
  });

  test("names and ids are read from the texts of keys", () => {
    expect([PETER, ENOCH, FOO, PLUS].map(parseVerifier).map(({ name, id }) => [name, id])).toEqual([
      ["PeterNeumann", 0xc74f20a3],
      ["EnochRoot", 0xaf0cfe78],
      ["example.com/foo", 0x530d903a],
      ["TEST", 0x7997405c],
    ]);
    expect(parseSigner(PETER_SIGNER)).toMatchObject({ name: "PeterNeumann", id: 0xc74f20a3 });
  });

  test.each([
    // The seed of Go's example, and RFC 8032, section 7.1, TEST 1.
    ["EnochRoot", "00".repeat(32), ENOCH],
    [
      "example.com/notary",
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "example.com/notary+86963903+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea",
    ],
  ])("the key pair of %s", (name, seed, verifier) => {
    expect(generateKey(name, Buffer.from(seed, "hex")).verifier).toBe(verifier);
  });
});

const name = fc
  .string({ unit: "grapheme", minLength: 1 })
  .filter((text) => !/[\p{White_Space}\p{Cc}+]/u.test(text));
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const line = fc.string({ unit: "grapheme" }).map((text) => text.replace(/\p{Cc}/gu, ""));
const text = fc.array(line, { minLength: 1 }).map((lines) => `${lines.join("\n")}\n`);

test.prop([name, seed, text, name, seed])(
  "what is signed is verified, also below a second signature, whatever name, seed and text",
  (firstName, firstSeed, signed, secondName, secondSeed) => {
    fc.pre(firstName !== secondName);
    const first = generateKey(firstName, firstSeed);
    const second = generateKey(secondName, secondSeed);
    const note = sign(signed, parseSigner(first.signer));
    const both = note + signatureLine(signed, parseSigner(`${second.signer}\n`));
    const [one, two] = [parseVerifier(first.verifier), parseVerifier(`${second.verifier}\n`)];
    expect(verify(note, [two, one])).toEqual({ text: signed, keys: [one] });
    expect(verify(Buffer.from(both), [two, one])).toEqual({ text: signed, keys: [one, two] });
    expect(verify(both, [two])).toEqual({ text: signed, keys: [two] });
  },
);

describe("signatures", () => {
  const other = (id: number): string =>
    `— PeterNeumann ${bytesOf(Uint8Array.of(id >>> 24, id >>> 16, id >>> 8, id), "x").toString("base64")}\n`;
  const bad = PETER_LINE.replace("Zb6KE6", "Zb6KE7");

  test.each([
    ["another name", PETER_LINE.replace("Peter", "Petra")],
    ["another id", other(0xc74f20a2)],
    ["another length and id", `— x ${Buffer.alloc(5000).toString("base64")}\n`],
  ])("of unknown keys, here with %s, are ignored", (_, unknown) => {
    expect(verify(NOTE + unknown, [peter]).keys).toEqual([peter]);
    expect(verify(`${TEXT}\n${unknown}${PETER_LINE}`, [peter]).keys).toEqual([peter]);
    expect(refusal(() => verify(`${TEXT}\n${unknown}`, [peter])).message).toBe("No known key signed this.");
  });

  test.each([
    ["of another text", bad],
    ["too short", other(0xc74f20a3)],
    [
      "too long",
      `— PeterNeumann ${Buffer.concat([sigBytes(PETER_LINE), Buffer.alloc(1)]).toString("base64")}\n`,
    ],
  ])("of a known key that are bad, here %s, reject the note whatever else is there", (_, line) => {
    const sentence = "The signature of PeterNeumann is not of this text: one of them was changed.";
    for (const block of [line, line + PETER_LINE, PETER_LINE + line, ENOCH_LINE + line, line + ENOCH_LINE]) {
      expect(refusal(() => verify(`${TEXT}\n${block}`, [peter, enoch])).message).toBe(sentence);
    }
  });

  test("of one key twice count once; a key that is passed twice is one", () => {
    expect(verify(NOTE + PETER_LINE, [peter, parseVerifier(PETER)]).keys).toHaveLength(1);
  });

  test("are refused where two known keys cannot be told apart", () => {
    const impostor = { ...peter, key: enoch.key };
    expect(refusal(() => verify(NOTE, [peter, impostor])).message).toBe(
      "Two of the known keys have the same name and id and are not the same key.",
    );
  });

  test("belong to the text above the last empty line", () => {
    const signer = parseSigner(PETER_SIGNER);
    for (const text of ["\n", "\n\n", "a\n\n", "a\n\nb\n", `a\n\n${PETER_LINE}`]) {
      expect(verify(sign(text, signer), [peter]).text).toBe(text);
    }
  });

  test("may be as many as 100, and no more", () => {
    const more = "— x AAAAAAA=\n".repeat(MAX_SIGNATURES - 1);
    expect(verify(NOTE + more, [peter]).keys).toEqual([peter]);
    const { message, line } = refusal(() => verify(`${NOTE}${more}— x AAAAAAA=\n`, [peter]));
    expect([message, line]).toEqual(["A text has at most 100 signatures; this has more. [line 104]", 104]);
  });
});

function sigBytes(line: string): Buffer {
  return Buffer.from(line.trim().split(" ")[2] ?? "", "base64");
}

test("a note with any bit of it flipped is not verified", () => {
  for (const flipped of flipsOf(NOTE)) refusal(() => verify(flipped, [peter]));
});

test("a note that is cut off anywhere is not verified", () => {
  for (let length = 0; length < NOTE.length; length += 1)
    refusal(() => verify(NOTE.slice(0, length), [peter]));
});

describe("what is no note is refused", () => {
  const lines = (...signatures: string[]): string => `a\n\n${signatures.join("\n")}\n`;

  test.each<[string, string | Uint8Array, string, number?]>([
    ["nothing", "", "This is empty."],
    [
      "no empty line",
      "a\n— x AAAAAAA=\n",
      "A signed note has an empty line above its signatures; this has none.",
    ],
    ["no signature", "a\n\n", "A signed note has signatures below its last empty line; this has none."],
    [
      "no last newline",
      "a\n\n— x AAAAAAA=",
      "The last line does not end in a newline: something may have been cut off.",
      3,
    ],
    [
      "invalid UTF-8",
      bytesOf("a\nb", Uint8Array.of(0xff), "\n\n"),
      "This is not UTF-8. Save it as UTF-8 without a byte order mark.",
      2,
    ],
    [
      "UTF-8 cut off",
      bytesOf("a\n\n\n", Uint8Array.of(0xe2, 0x80)),
      "This is not UTF-8. Save it as UTF-8 without a byte order mark.",
      4,
    ],
    ["a lone surrogate", "a\n\ud800\n", "Half a character is here: a lone surrogate.", 2],
    [
      "CR LF",
      "a\n\n— x AAAAAAA=\r\n",
      "A carriage return is here. Lines end in LF alone: save this with Unix line endings, not CR LF.",
      3,
    ],
    ["a tab", "a\tb\n", "A control character, U+0009, is here. Only newlines are allowed.", 1],
    ["a NUL", "a\n\0", "A control character, U+0000, is here. Only newlines are allowed.", 2],
    [
      "another dash",
      lines("- x AAAAAAA="),
      "A signature begins with an em dash and a space; this line does not.",
      3,
    ],
    [
      "text among signatures",
      lines("— x AAAAAAA=", "b"),
      "A signature begins with an em dash and a space; this line does not.",
      4,
    ],
    [
      "a signature without base64",
      lines("— x"),
      "A signature has a key's name, a space and base64; this has not.",
      3,
    ],
    ["a signature without a name", lines("—  AAAAAAA="), "The name of a key must not be empty.", 3],
    ["a name with a space", lines("— x\u00a0y AAAAAAA="), "The name of a key must not contain a space.", 3],
    ["a name with a plus", lines("— x+y AAAAAAA="), 'The name of a key must not contain a "+".', 3],
    ["two spaces", lines("— x  AAAAAAA="), "A signature must be padded standard base64; this is not.", 3],
    ["no padding", lines("— x AAAAAAA"), "A signature must be padded standard base64; this is not.", 3],
    ["stray bits", lines("— x AAAAAAB="), "A signature must be padded standard base64; this is not.", 3],
    [
      "another alphabet",
      lines("— x AAAAAA-_"),
      "A signature must be padded standard base64; this is not.",
      3,
    ],
    [
      "something after base64",
      lines("— x AAAAAAA= "),
      "A signature must be padded standard base64; this is not.",
      3,
    ],
    [
      "an id alone",
      lines("— x AAAAAA=="),
      "A signature has more than the 4 bytes of a key's id; this has not.",
      3,
    ],
    ["no base64", lines("— x "), "A signature has more than the 4 bytes of a key's id; this has not.", 3],
  ])("%s", (_, note, sentence, line) => {
    const error = refusal(() => verify(note, [peter]));
    expect([error.message, error.line]).toEqual([
      line === undefined ? sentence : `${sentence} [line ${line}]`,
      line,
    ]);
  });

  test("more bytes than the limit", () => {
    const largest = sign(
      `${"a".repeat(MAX_NOTE_BYTES - Buffer.byteLength(PETER_LINE) - 2)}\n`,
      parseSigner(PETER_SIGNER),
    );
    expect(Buffer.byteLength(largest)).toBe(MAX_NOTE_BYTES);
    expect(verify(largest, [peter]).keys).toEqual([peter]);
    for (const larger of [`a${largest}`, Buffer.from(`a${largest}`)]) {
      expect(refusal(() => verify(larger, [peter])).message).toBe(
        "This has 1048577 bytes; at most 1048576 are allowed.",
      );
    }
  });

  test.each<[string, string]>([
    ["", "This is empty."],
    ["a", "The last line does not end in a newline: something may have been cut off. [line 1]"],
    [
      "a\r\n",
      "A carriage return is here. Lines end in LF alone: save this with Unix line endings, not CR LF. [line 1]",
    ],
    ["\udc00\n", "Half a character is here: a lone surrogate. [line 1]"],
  ])("nor is %j signed", (text, sentence) => {
    expect(refusal(() => sign(text, parseSigner(PETER_SIGNER))).message).toBe(sentence);
  });

  test("nor is a text signed that leaves no room for the signature", () => {
    refusal(() => sign(`${"a".repeat(MAX_NOTE_BYTES - 20)}\n`, parseSigner(PETER_SIGNER)));
  });
});

describe("what is no key is refused", () => {
  const key = Buffer.alloc(32, 7);
  const typed = (type: number, bytes: Uint8Array): Buffer => bytesOf(Uint8Array.of(type), bytes);
  const withBase64 = (base64: string): string => `${keyText("x", typed(1, key)).slice(0, 11)}${base64}`;
  const good = keyText("x", typed(1, key)).slice(11);

  test.each<[string, string, string]>([
    ["nothing", "", 'A key has a name, an id and base64, with a "+" between them; this has not.'],
    ["one part", "x", 'A key has a name, an id and base64, with a "+" between them; this has not.'],
    ["two parts", "x+0a0a0a0a", 'A key has a name, an id and base64, with a "+" between them; this has not.'],
    ["no name", keyText("", typed(1, key)), "The name of a key must not be empty."],
    [
      "a name with a space",
      keyText("x\u0085y", typed(1, key)),
      "The name of a key must not contain a space.",
    ],
    ["a name with a newline", keyText("x\ny", typed(1, key)), "The name of a key must not contain a space."],
    [
      "a name with a control character",
      keyText("x\u0001", typed(1, key)),
      "The name of a key must not contain a control character.",
    ],
    [
      "a name with half a character",
      keyText("x\ud800", typed(1, key)),
      "The name of a key must not contain half a character.",
    ],
    ["a short id", `x+0a0a0a0+${good}`, "A key's id has 8 digits from 0 to 9 and a to f; this has not."],
    ["a long id", `x+00a0a0a0a+${good}`, "A key's id has 8 digits from 0 to 9 and a to f; this has not."],
    [
      "an id in capitals",
      PETER.replace("c74f20a3", "C74F20A3"),
      "A key's id has 8 digits from 0 to 9 and a to f; this has not.",
    ],
    [
      "another id",
      PETER.replace("c74f20a3", "c74f20a2"),
      "The key's id is not that of this name and key: one of them was changed.",
    ],
    [
      "another name",
      PETER.replace("Peter", "Petra"),
      "The key's id is not that of this name and key: one of them was changed.",
    ],
    [
      "another key",
      PETER.replace("ARpc", "ARpd"),
      "The key's id is not that of this name and key: one of them was changed.",
    ],
    [
      "base64 of another alphabet",
      withBase64(good.replace(/.$/, "_")),
      "A key's last part must be padded standard base64; this is not.",
    ],
    [
      "something after base64",
      withBase64(`${good}\n\n`),
      "A key's last part must be padded standard base64; this is not.",
    ],
    ["no base64", withBase64(""), "The key is not an Ed25519 key: its type is not 1."],
    [
      "a key of another type",
      keyText("x", typed(4, key)),
      "The key is not an Ed25519 key: its type is not 1.",
    ],
    ["a short key", keyText("x", typed(1, key.subarray(1))), "An Ed25519 key has 32 bytes, not 31."],
    ["a long key", keyText("x", typed(1, Buffer.alloc(33))), "An Ed25519 key has 32 bytes, not 33."],
  ])("%s", (_, text, sentence) => {
    expect(refusal(() => parseVerifier(text)).message).toBe(sentence);
    expect(refusal(() => parseSigner(`PRIVATE+KEY+${text}`)).message).toBe(sentence);
  });

  test("one key instead of the other", () => {
    expect(refusal(() => parseVerifier(PETER_SIGNER)).message).toBe(
      "This is a private key. Pass its verifier key, and see who has read this one.",
    );
    expect(refusal(() => parseSigner(PETER)).message).toBe(
      "A signer key begins with PRIVATE+KEY+; this does not.",
    );
  });

  test("a signer with the id of another key", () => {
    expect(refusal(() => parseSigner(PETER_SIGNER.replace("AYEK", "AYEL"))).message).toBe(
      "The key's id is not that of this name and key: one of them was changed.",
    );
  });

  test.each([
    ["", 32, "The name of a key must not be empty."],
    ["a b", 32, "The name of a key must not contain a space."],
    ["a+b", 32, 'The name of a key must not contain a "+".'],
    ["a\u001b", 32, "The name of a key must not contain a control character."],
    ["a", 31, "A seed has 32 bytes, not 31."],
    ["a", 33, "A seed has 32 bytes, not 33."],
  ])("none is made of the name %j and %i bytes", (name, bytes, sentence) => {
    expect(refusal(() => generateKey(name, new Uint8Array(bytes))).message).toBe(sentence);
  });

  test("a key text with any bit of it flipped", () => {
    for (const [text, parse] of [
      [PETER, parseVerifier],
      [PETER_SIGNER, parseSigner],
    ] as const) {
      for (const flipped of flipsOf(text)) refusal(() => parse(flipped.toString("latin1")));
    }
  });
});

test.prop([fc.oneof(fc.string({ unit: "binary" }), mutated(PETER_SIGNER))])(
  "no error repeats a private key, and every refusal is one error",
  (text) => {
    const secret = PETER_SIGNER.slice(-20);
    for (const parse of [parseSigner, parseVerifier]) {
      try {
        parse(text);
      } catch (error) {
        expect(error).toBeInstanceOf(NoteError);
        expect(String(error)).not.toContain(secret);
      }
    }
  },
);

test.prop([fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array(), mutated(NOTE))])(
  "whatever a note is, it is Peter's text or refused with one error",
  (note) => {
    try {
      expect(verify(note, [peter]).text).toBe(TEXT);
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
    }
  },
);
