/**
 * What signed notes and files of anchors have in common: text that has one spelling only, and one error that
 * says in which line it has not. Texts come from files that others wrote, so everything here is linear in its
 * input and bounded before it is looked at.
 * @module
 */
import { isUtf8 } from "node:buffer";

/**
 * Everything that is refused here: a sentence that says what is wrong, and the line (from 1) where that is
 * known.
 *
 * @example
 * ```ts
 * try {
 *   parseAnchors(readFileSync(path));
 * } catch (error) {
 *   if (error instanceof NoteError) console.error(`${path}: ${error.message}`);
 * }
 * ```
 */
export class NoteError extends Error {
  override readonly name = "NoteError";
  readonly line: number | undefined;

  constructor(sentence: string, line?: number) {
    super(line === undefined ? sentence : `${sentence} [line ${line}]`);
    this.line = line;
  }
}

/**
 * U+0000 to U+001F but for the newline: category Cc has these, U+007F and U+0080 to U+009F, which notes may
 * contain.
 */
const FORBIDDEN = /[^\P{Cc}\n\x7f-\x9f]/u;
const LONE_SURROGATE = /\p{Cs}/u;

/**
 * Guards text: of at most so many bytes, UTF-8, without control characters, each line ended by a newline.
 *
 * @param input bytes, so that nothing is replaced in decoding them, or a string
 * @returns the text, not empty
 * @throws NoteError
 */
export function asText(input: string | Uint8Array, bytesMax: number): string {
  const size = typeof input === "string" ? Buffer.byteLength(input) : input.length;
  if (size > bytesMax) throw new NoteError(`This has ${size} bytes; at most ${bytesMax} are allowed.`);
  if (typeof input !== "string" && !isUtf8(input)) {
    throw new NoteError(
      "This is not UTF-8. Save it as UTF-8 without a byte order mark.",
      undecodableLine(input),
    );
  }
  const text = typeof input === "string" ? input : Buffer.from(input).toString();
  const lone = LONE_SURROGATE.exec(text);
  if (lone !== null) {
    throw new NoteError("Half a character is here: a lone surrogate.", lineAt(text, lone.index));
  }
  const forbidden = FORBIDDEN.exec(text);
  if (forbidden !== null) {
    throw new NoteError(
      forbidden[0] === "\r"
        ? "A carriage return is here. Lines end in LF alone: save this with Unix line endings, not CR LF."
        : `A control character, ${codePoint(forbidden[0])}, is here. Only newlines are allowed.`,
      lineAt(text, forbidden.index),
    );
  }
  if (text === "") throw new NoteError("This is empty.");
  if (!text.endsWith("\n")) {
    throw new NoteError(
      "The last line does not end in a newline: something may have been cut off.",
      lineAt(text, text.length),
    );
  }
  return text;
}

/** A number of records, in words. */
export const recordsInWords = (count: number): string => `${count} ${count === 1 ? "record" : "records"}`;

/** The number of the line, from 1, in which the character at `index` is. O(index) */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < index; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

const NEWLINE = 0x0a;
/** So many bytes of whole lines are looked at together. */
const TOGETHER_BYTES = 65_536;

/**
 * The number, from 1, of the first line that is not UTF-8, of bytes that are not. A newline is never a part
 * of another character, so each line is UTF-8 or not by itself.
 */
function undecodableLine(bytes: Uint8Array): number {
  let start = 0;
  // Lines that are UTF-8 are passed, first many at a time, then one at a time.
  for (const least of [TOGETHER_BYTES, 0]) {
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start + least);
      if (end < 0 || !isUtf8(bytes.subarray(start, end))) break;
      start = end + 1;
    }
  }
  let line = 1;
  for (let at = 0; at < start; at += 1) if (bytes[at] === NEWLINE) line += 1;
  return line;
}

/**
 * The bytes that a text is the base64 of (RFC 4648, section 4), `undefined` unless it is spelled as an
 * encoder would.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  // Decoding takes other alphabets, missing padding, stray characters and stray bits: encoding tells.
  return bytes.toString("base64") === text ? bytes : undefined;
}

/**
 * Guards a name as notes have them: not empty, without Unicode spaces, "+", and what text must not contain.
 *
 * @param what what the name is of, to begin the sentence with
 * @throws NoteError that does not repeat the name: what stands in its place may be a private key
 */
export function asName(name: string, what: string, line?: number): string {
  if (name === "") throw new NoteError(`${what} must not be empty.`, line);
  if (/\p{White_Space}/u.test(name)) throw new NoteError(`${what} must not contain a space.`, line);
  if (name.includes("+")) throw new NoteError(`${what} must not contain a "+".`, line);
  if (FORBIDDEN.test(name)) throw new NoteError(`${what} must not contain a control character.`, line);
  if (LONE_SURROGATE.test(name)) throw new NoteError(`${what} must not contain half a character.`, line);
  return name;
}

const SHOWN_MAX_CHARACTERS = 60;

/**
 * Foreign text for a message: on one line, not too long, nothing in it that a terminal acts upon or does not
 * show.
 */
export function shown(text: string): string {
  const cut = text.length > SHOWN_MAX_CHARACTERS ? `${text.slice(0, SHOWN_MAX_CHARACTERS)}...` : text;
  return `"${visible(cut)}"`;
}

/** The text on one line; what a terminal acts upon or does not show is named by its code point. */
export function visible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, codePoint);
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
