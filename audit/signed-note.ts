/**
 * Signed notes: text with the signatures of one or more named keys below it.
 *
 * ```
 * text, one or more lines
 *                                                        an empty line
 * — <key name> <base64(key id:u32 big-endian || signature)>
 * ```
 *
 * Only signature type 0x01, Ed25519 over the text with its last newline (RFC 8032). Other types are
 * signatures of unknown keys, which are ignored. Keys are read and written as Go's package
 * golang.org/x/mod/sumdb/note does.
 *
 * A verified note says that the holder of a private key signed this text at some time. It does not say when,
 * nor that nothing newer was signed. Whoever passes in verifier keys vouches for them.
 *
 * Pure: no clock, no randomness (a seed is passed in; Ed25519 is deterministic), no input or output.
 *
 * Specification: https://c2sp.org/signed-note
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { sign as signBytes, verify as verifyBytes } from "node:crypto";
import { asName, asText, decodeBase64, lineAt, NoteError } from "./text.ts";

/**
 * Largest note in bytes. The specification asks for a limit; sixteen of its largest signatures have a tenth
 * of this.
 */
export const MAX_NOTE_BYTES: number = 2 ** 20;

/** Most signatures below a text. The specification asks for at least 16; Go's package allows 100, too. */
export const MAX_SIGNATURES = 100;

/** What a seed, and what a public key has (RFC 8032, section 5.1). */
export const KEY_BYTES = 32;

const ED25519 = 0x01;
const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
const PRIVATE = "PRIVATE+KEY+";
const NOTE_BREAK = "\n\n";

/** What node:crypto wants in front of a raw key: the DER of RFC 8410, sections 4 and 7, up to the key. */
const SPKI_PREFIX: Buffer = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_PREFIX: Buffer = Buffer.from("302e020100300506032b657004220420", "hex");

/** What a signature line starts with. */
export const SIGNATURE_PREFIX = "— ";

/** A public key and what it is called. Name and id together say which key a signature is of. */
export interface Verifier {
  readonly name: string;
  /** Unsigned, 32 bits. */
  readonly id: number;
  readonly key: KeyObject;
}

/** A private key and what it is called. */
export interface Signer {
  readonly name: string;
  readonly id: number;
  readonly key: KeyObject;
}

/** A signature line. Of which key it claims to be is known, not whether that is true. */
export interface Signature {
  readonly name: string;
  readonly id: number;
  readonly signature: Uint8Array;
  /** The line as it stands, without its newline. */
  readonly line: string;
}

/** What the signatures below a text come to. */
export interface Verdict {
  /**
   * - `signed`: by at least one known key, and no signature of a known key is bad.
   * - `not-signed-by-a-known-key`: what there is, if anything, is of other keys.
   * - `bad-signature`: at least one that claims to be of a known key is not of this text. Whatever else is
   *   there, reject the text.
   */
  readonly verdict: "signed" | "not-signed-by-a-known-key" | "bad-signature";
  /**
   * The keys that make it so, each once, in the order of their signatures: those that signed, or those whose
   * signature is bad.
   */
  readonly keys: readonly Verifier[];
}

/**
 * The two texts of a new key pair. The signer's is secret.
 *
 * @param name of the key; a URL without its scheme is recommended, as in `example.com/notary`
 * @param seed 32 bytes from a cryptographic generator; they are the private key
 * @throws NoteError if the name or the seed cannot be one
 * @example
 * ```ts
 * const { signer, verifier } = generateKey("example.com/notary", randomBytes(32));
 * ```
 */
export function generateKey(name: string, seed: Uint8Array): { signer: string; verifier: string } {
  asName(name, "The name of a key");
  if (seed.length !== KEY_BYTES) throw new NoteError(`A seed has ${KEY_BYTES} bytes, not ${seed.length}.`);
  const publicKey = publicBytes(createPublicKey(privateKey(seed)));
  const id = idText(keyId(name, publicKey));
  return {
    signer: `${PRIVATE}${name}+${id}+${typedBase64(seed)}`,
    verifier: `${name}+${id}+${typedBase64(publicKey)}`,
  };
}

/**
 * The private key in a text `PRIVATE+KEY+<name>+<id>+<base64>`; a newline may follow.
 * @throws NoteError that repeats nothing of the text
 */
export function parseSigner(text: string): Signer {
  if (!text.startsWith(PRIVATE)) throw new NoteError(`A signer key begins with ${PRIVATE}; this does not.`);
  const { name, id, bytes } = parseKey(text.slice(PRIVATE.length));
  const key = privateKey(bytes);
  return { name, id: asIdOf(id, name, publicBytes(createPublicKey(key))), key };
}

/** The text of the verifier key that belongs to a signer key, as `generateKey` gives it. */
export function verifierOf({ name, id, key }: Signer): string {
  return `${name}+${idText(id)}+${typedBase64(publicBytes(createPublicKey(key)))}`;
}

/**
 * The public key in a text `<name>+<id>+<base64>`; a newline may follow.
 * @throws NoteError that repeats nothing of the text
 */
export function parseVerifier(text: string): Verifier {
  if (text.startsWith(PRIVATE)) {
    throw new NoteError("This is a private key. Pass its verifier key, and see who has read this one.");
  }
  const { name, id, bytes } = parseKey(text);
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: "der", type: "spki" });
  return { name, id: asIdOf(id, name, bytes), key };
}

/** The part that both texts have. Base64 may contain "+", so only the first two of them separate. */
function parseKey(text: string): { name: string; id: string; bytes: Buffer } {
  const line = text.endsWith("\n") ? text.slice(0, -1) : text;
  const nameEnd = line.indexOf("+");
  const idEnd = line.indexOf("+", nameEnd + 1);
  if (nameEnd < 0 || idEnd < 0) {
    throw new NoteError('A key has a name, an id and base64, with a "+" between them; this has not.');
  }
  const name = asName(line.slice(0, nameEnd), "The name of a key");
  const id = line.slice(nameEnd + 1, idEnd);
  if (!/^[0-9a-f]{8}$/.test(id)) {
    throw new NoteError("A key's id has 8 digits from 0 to 9 and a to f; this has not.");
  }
  const typed = decodeBase64(line.slice(idEnd + 1));
  if (typed === undefined) {
    throw new NoteError("A key's last part must be padded standard base64; this is not.");
  }
  if (typed[0] !== ED25519) throw new NoteError("The key is not an Ed25519 key: its type is not 1.");
  if (typed.length !== 1 + KEY_BYTES) {
    throw new NoteError(`An Ed25519 key has ${KEY_BYTES} bytes, not ${typed.length - 1}.`);
  }
  return { name, id, bytes: typed.subarray(1) };
}

function asIdOf(text: string, name: string, publicKey: Uint8Array): number {
  const id = keyId(name, publicKey);
  if (idText(id) !== text) {
    throw new NoteError("The key's id is not that of this name and key: one of them was changed.");
  }
  return id;
}

/** The first four bytes of `SHA-256(name || 0x0A || type || public key)`. */
function keyId(name: string, publicKey: Uint8Array): number {
  return createHash("sha256")
    .update(`${name}\n`)
    .update(Uint8Array.of(ED25519))
    .update(publicKey)
    .digest()
    .readUInt32BE();
}

function idText(id: number): string {
  return id.toString(16).padStart(2 * ID_BYTES, "0");
}

function typedBase64(key: Uint8Array): string {
  return Buffer.concat([Uint8Array.of(ED25519), key]).toString("base64");
}

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
}

function publicBytes(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length);
}

/**
 * A text with a signature below it: a signed note.
 *
 * @param text lines, each ended by a newline
 * @throws NoteError if it is not, or is too large
 * @example
 * ```ts
 * const note = sign("All is well.\n", parseSigner(readFileSync(path, "utf8")));
 * const signedByBoth = note + signatureLine("All is well.\n", another);
 * ```
 */
export function sign(text: string, signer: Signer): string {
  return asText(`${text}\n${signatureLine(text, signer)}`, MAX_NOTE_BYTES);
}

/**
 * The line, with its newline, that a signature of `text` is; it may follow the others of a note.
 * @throws NoteError as `sign`
 */
export function signatureLine(text: string, { name, id, key }: Signer): string {
  const signed = Buffer.alloc(ID_BYTES + SIGNATURE_BYTES);
  signed.writeUInt32BE(id);
  signed.set(signBytes(null, Buffer.from(asText(text, MAX_NOTE_BYTES)), key), ID_BYTES);
  return `${SIGNATURE_PREFIX}${name} ${signed.toString("base64")}\n`;
}

/**
 * The text of a note, once that is verified.
 *
 * @param note bytes, or a string that nothing was replaced in
 * @param verifiers the keys that are known; what other keys signed counts for nothing
 * @returns the text and the keys that signed it, at least one
 * @throws NoteError if it is no note, if no known key signed it, or if a signature of a known key is bad
 * @example
 * ```ts
 * const { text, keys } = verify(readFileSync(path), [parseVerifier("example.com/notary+...")]);
 * ```
 */
export function verify(
  note: string | Uint8Array,
  verifiers: readonly Verifier[],
): { text: string; keys: readonly Verifier[] } {
  const { text, signatures } = parseNote(note);
  const { verdict, keys } = judge(text, signatures, verifiers);
  if (verdict === "signed") return { text, keys };
  throw new NoteError(
    verdict === "bad-signature"
      ? `The signature of ${keys.map(({ name }) => name).join(" and ")} is not of this text: one of them was changed.`
      : "No known key signed this.",
  );
}

/** Text and signatures of a note; the last empty line is what separates them. */
function parseNote(note: string | Uint8Array): { text: string; signatures: readonly Signature[] } {
  const source = asText(note, MAX_NOTE_BYTES);
  const end = source.lastIndexOf(NOTE_BREAK);
  if (end < 0) throw new NoteError("A signed note has an empty line above its signatures; this has none.");
  const start = end + NOTE_BREAK.length;
  if (start === source.length) {
    throw new NoteError("A signed note has signatures below its last empty line; this has none.");
  }
  const first = lineAt(source, start);
  const lines = source.slice(start, -1).split("\n", MAX_SIGNATURES + 1);
  return {
    text: source.slice(0, end + 1),
    signatures: lines.map((line, i) => parseSignature(line, first + i, i)),
  };
}

/**
 * A signature line taken apart.
 *
 * @param line without its newline
 * @param number of the line, for errors
 * @param before how many signatures of the same text are above it
 * @throws NoteError
 */
export function parseSignature(line: string, number: number, before: number): Signature {
  if (before >= MAX_SIGNATURES) {
    throw new NoteError(`A text has at most ${MAX_SIGNATURES} signatures; this has more.`, number);
  }
  if (!line.startsWith(SIGNATURE_PREFIX)) {
    throw new NoteError("A signature begins with an em dash and a space; this line does not.", number);
  }
  const rest = line.slice(SIGNATURE_PREFIX.length);
  const space = rest.indexOf(" ");
  if (space < 0) {
    throw new NoteError("A signature has a key's name, a space and base64; this has not.", number);
  }
  const name = asName(rest.slice(0, space), "The name of a key", number);
  const bytes = decodeBase64(rest.slice(space + 1));
  if (bytes === undefined) {
    throw new NoteError("A signature must be padded standard base64; this is not.", number);
  }
  if (bytes.length <= ID_BYTES) {
    throw new NoteError(
      `A signature has more than the ${ID_BYTES} bytes of a key's id; this has not.`,
      number,
    );
  }
  return { name, id: bytes.readUInt32BE(), signature: bytes.subarray(ID_BYTES), line };
}

/**
 * What signatures say of a text.
 *
 * Every signature that claims to be of a known key is verified, also a second one of the same key.
 *
 * @throws NoteError if two different known keys have the same name and id: then nobody can say whose a
 * signature is
 */
export function judge(
  text: string,
  signatures: readonly Signature[],
  verifiers: readonly Verifier[],
): Verdict {
  const known = new Map<string, Verifier>();
  for (const verifier of verifiers) {
    const other = known.get(label(verifier));
    if (other !== undefined && !other.key.equals(verifier.key)) {
      throw new NoteError("Two of the known keys have the same name and id and are not the same key.");
    }
    known.set(label(verifier), verifier);
  }
  const good = new Set<Verifier>();
  const bad = new Set<Verifier>();
  const bytes = Buffer.from(text);
  for (const signed of signatures) {
    const verifier = known.get(label(signed));
    if (verifier === undefined) continue;
    // Also false, and nothing thrown, where a signature has not 64 bytes.
    const isGood = verifyBytes(null, bytes, verifier.key, signed.signature);
    (isGood ? good : bad).add(verifier);
  }
  if (bad.size > 0) return { verdict: "bad-signature", keys: [...bad] };
  return { verdict: good.size > 0 ? "signed" : "not-signed-by-a-known-key", keys: [...good] };
}

/** Names contain no "+", so a label is of one name and id. */
function label({ name, id }: { readonly name: string; readonly id: number }): string {
  return `${name}+${idText(id)}`;
}
