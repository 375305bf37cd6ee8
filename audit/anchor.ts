/**
 * Anchors as text: what a stream was at some moment, to be kept away from the machine that holds it.
 *
 * ```
 * example.com/ledger/1                                   origin: <origin name>/<stream>
 * 3                                                      number of records
 * ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=           head: chain hash of the last record
 *                                                        an empty line
 * — example.com/notary hpY5A3aO...                      any number of signatures, also none
 * ```
 *
 * An anchor fixes its stream's records up to the count (docs/FORMAT.md, section 3). It says nothing of
 * records after, and a signed one only that the key's holder saw that head, not when.
 *
 * It has the *form* of a transparency log's checkpoint, so that the tools for signed notes can sign and
 * verify it. It is no checkpoint of such a log: the third line is the head of a hash chain, not the root of a
 * Merkle tree. There are no consistency proofs between heads, so a witness for transparency logs cannot check
 * that one anchor continues another and must not be asked to cosign.
 *
 * Every anchor has one text only, and parsing takes no other. Pure: no clock, no input or output.
 *
 * Specifications: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note
 * @module
 */
import { HASH_BYTES } from "../src/format/chain.ts";
import { MAX_STREAM_ID } from "../src/limits.ts";
import {
  judge,
  parseSignature,
  type Signature,
  SIGNATURE_PREFIX,
  type Verdict,
  type Verifier,
} from "./signed-note.ts";
import { asName, asText, decodeBase64, NoteError, shown } from "./text.ts";

/** Largest file of anchors in bytes: some 80 000 anchors with a signature each. */
export const MAX_FILE_BYTES: number = 2 ** 24;

/** What a stream was at some moment. */
export interface Anchor {
  /**
   * Whose streams these are: a URL without its scheme is recommended. Stream numbers are unique only within
   * it.
   */
  readonly origin: string;
  readonly stream: bigint;
  /** Number of records, at most 2^53 - 1. */
  readonly count: number;
  /** Chain hash of the last record, 32 bytes; all zero where there is no record. */
  readonly head: Uint8Array;
}

/** An anchor as it stands in a file. */
export interface AnchorInFile extends Anchor {
  /** Path of the file, where more than one may be meant. */
  readonly file?: string;
  /** The line of the file, from 1, in which it begins. */
  readonly line: number;
  /** Its three lines: what signatures are of. */
  readonly text: string;
  /** Parsed, not verified: see `checkSignatures`. */
  readonly signatures: readonly Signature[];
}

/**
 * The text of an anchor: as it is, an unsigned anchor; passed to `sign`, a signed one.
 *
 * @throws NoteError if a value cannot be one
 * @example
 * ```ts
 * const { nextOffset, head } = await storage.head(7n);
 * const text = anchorText({ origin: "example.com/ledger", stream: 7n, count: Number(nextOffset), head });
 * const signed = sign(text, parseSigner(key));
 * ```
 */
export function anchorText({ origin, stream, count, head }: Anchor): string {
  asOrigin(origin);
  asStream(stream);
  asHead(head, asCount(count));
  return `${origin}/${String(stream)}\n${count}\n${Buffer.from(head).toString("base64")}\n`;
}

/**
 * The anchors in a file, one after the other: signed or not, of one stream or many, with one empty line or
 * more between two.
 *
 * O(file) time and space.
 *
 * @param file its bytes, or a string that nothing was replaced in
 * @returns at least one: to verify against no anchor at all is to verify nothing
 * @throws NoteError
 * @example
 * ```ts
 * for (const anchor of parseAnchors(readFileSync(path))) console.log(anchor.line, anchor.stream, anchor.count);
 * ```
 */
export function parseAnchors(file: string | Uint8Array): readonly AnchorInFile[] {
  const lines = new Lines(asText(file, MAX_FILE_BYTES));
  const anchors: AnchorInFile[] = [];
  while (lines.skipEmpty()) anchors.push(parseAnchor(lines));
  if (anchors.length === 0) throw new NoteError("There is no anchor in this file.");
  return anchors;
}

/**
 * What the signatures below an anchor come to. An anchor without any is not signed.
 * @throws NoteError as `judge`
 */
export function checkSignatures(anchor: AnchorInFile, verifiers: readonly Verifier[]): Verdict {
  return judge(anchor.text, anchor.signatures, verifiers);
}

/** The lines of a text, one at a time, so that a file of many short ones costs no more than the file. */
class Lines {
  readonly #text: string;
  #next = 0;
  #current: string | undefined;
  /** The number, from 1, of the line that is looked at. */
  number = 0;

  constructor(text: string) {
    this.#text = text;
    this.advance();
  }

  /** The line that is looked at, without its newline; `undefined` after the last. */
  peek(): string | undefined {
    return this.#current;
  }

  advance(): void {
    const end = this.#text.indexOf("\n", this.#next);
    this.#current = end < 0 ? undefined : this.#text.slice(this.#next, end);
    this.#next = end < 0 ? this.#text.length : end + 1;
    this.number += 1;
  }

  /** Whether there is a line that is not empty; looks at it. */
  skipEmpty(): boolean {
    while (this.#current === "") this.advance();
    return this.#current !== undefined;
  }
}

function parseAnchor(lines: Lines): AnchorInFile {
  const line = lines.number;
  const first = takeLine(lines);
  const { origin, stream } = parseOrigin(first, line);
  const second = takeLine(lines);
  const count = asCount(Number(asDecimal(second, "The number of records", line + 1)), line + 1);
  const third = takeLine(lines);
  const head = decodeBase64(third);
  if (head === undefined) {
    throw new NoteError(`The head must be padded standard base64; ${shown(third)} is not.`, line + 2);
  }
  asHead(head, count, line + 2);
  const text = `${first}\n${second}\n${third}\n`;
  return { origin, stream, count, head, line, text, signatures: parseSignatures(lines) };
}

/** The next of an anchor's three lines. */
function takeLine(lines: Lines): string {
  const line = lines.peek();
  if (line === undefined || line === "") {
    throw new NoteError(
      "An anchor has three lines: origin, number of records, head. This ends before that.",
      lines.number,
    );
  }
  lines.advance();
  return line;
}

/** What stands after an anchor's three lines: the end, an empty line, or an empty line and signatures. */
function parseSignatures(lines: Lines): readonly Signature[] {
  if (lines.peek()?.startsWith(SIGNATURE_PREFIX) === true) {
    throw new NoteError("An empty line must be between an anchor and its signatures.", lines.number);
  }
  endOfBlock(lines, "An anchor has three lines and no more.");
  lines.advance();
  const signatures: Signature[] = [];
  for (;;) {
    const line = lines.peek();
    if (line?.startsWith(SIGNATURE_PREFIX) !== true) break;
    signatures.push(parseSignature(line, lines.number, signatures.length));
    lines.advance();
  }
  if (signatures.length > 0) endOfBlock(lines, "This is no signature.");
  return signatures;
}

function endOfBlock(lines: Lines, otherwise: string): void {
  const line = lines.peek();
  if (line === undefined || line === "") return;
  throw new NoteError(`${otherwise} Put an empty line here if another anchor begins.`, lines.number);
}

function parseOrigin(line: string, number: number): { origin: string; stream: bigint } {
  refuseMark(line, number);
  if (line.startsWith(SIGNATURE_PREFIX)) {
    throw new NoteError(
      "This signature is of no anchor: exactly one empty line must be between the two.",
      number,
    );
  }
  const slash = line.lastIndexOf("/");
  if (slash < 0) {
    throw new NoteError(
      // The line is not repeated: if the wrong file was passed in, it may be a private key.
      "An anchor begins with an origin name, a slash and a stream's number; this line does not.",
      number,
    );
  }
  const origin = asOrigin(line.slice(0, slash), number);
  return {
    origin,
    stream: asStream(asDecimal(line.slice(slash + 1), "The stream's number", number), number),
  };
}

/**
 * Digits of the largest number that there is here, a stream's. Longer ones are refused unread: making numbers
 * of them is not linear.
 */
const MAX_DIGITS = String(MAX_STREAM_ID).length;

function asDecimal(text: string, what: string, line: number): bigint {
  if (!/^[0-9]+$/.test(text)) {
    throw new NoteError(`${what} must be in decimal digits; ${shown(text)} is not.`, line);
  }
  if (text.length > 1 && text.startsWith("0")) {
    throw new NoteError(`${what} must not begin with a zero.`, line);
  }
  if (text.length > MAX_DIGITS) {
    throw new NoteError(`${what} is too large: it has ${text.length} digits.`, line);
  }
  return BigInt(text);
}

function asOrigin(origin: string, line?: number): string {
  refuseMark(origin, line);
  return asName(origin, "The origin name", line);
}

/**
 * A byte order mark is no space, so it may be in a name, but at the front it is there by mistake, also where
 * files were joined.
 */
function refuseMark(text: string, line?: number): void {
  if (!text.startsWith("\uFEFF")) return;
  throw new NoteError("A byte order mark is here, where none may be. Save as UTF-8 without it.", line);
}

function asStream(stream: bigint, line?: number): bigint {
  if (stream < 0n || stream > MAX_STREAM_ID) {
    throw new NoteError(`The stream's number must be from 0 to 2^64 - 1, not ${String(stream)}.`, line);
  }
  return stream;
}

function asCount(count: number, line?: number): number {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new NoteError("The number of records must be a whole number from 0 to 2^53 - 1.", line);
  }
  return count;
}

function asHead(head: Uint8Array, count: number, line?: number): Uint8Array {
  if (head.length !== HASH_BYTES) {
    throw new NoteError(`The head must have ${HASH_BYTES} bytes, not ${head.length}.`, line);
  }
  if (count === 0 && head.some((byte) => byte !== 0)) {
    throw new NoteError(`The head of an empty stream must be ${HASH_BYTES} zero bytes.`, line);
  }
  return head;
}
