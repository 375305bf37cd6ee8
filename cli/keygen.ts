/**
 * `kmb keygen`: makes the key pair that anchors are signed with. The private key goes to a file that was not
 * there before and that only its owner may read (where the system has such modes), the verifier key to
 * standard output. Or prints the verifier key of a private key that there is.
 * @module
 */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { generateKey, KEY_BYTES, parseSigner, verifierOf } from "../audit/signed-note.ts";
import { NoteError } from "../audit/text.ts";
import { bytesOfFile } from "./named-file.ts";
import { Output, OutputError } from "./output.ts";

const OWNER_ONLY = 0o600;

export interface KeygenOptions {
  /** File for the private key. */
  readonly out?: string;
  /** File with a private key whose public one is wanted; then none is made. */
  readonly public?: string;
}

/**
 * @param name of the key to be made
 * @returns the exit status: 0 done, 2 if not
 * @throws NoteError if it is not said what to do, or the file holds no private key
 */
export function keygen(name: string | undefined, options: KeygenOptions): number {
  if (options.public !== undefined) {
    if (name !== undefined) throw new NoteError("With --public there is no name to give: the key has one.");
    new Output().line(verifierOf(parseSigner(bytesOfFile(options.public).toString())));
    return 0;
  }
  if (name === undefined || options.out === undefined)
    throw new NoteError("Give the key's name and --out FILE, or --public FILE.");
  return makeKey(name, options.out);
}

/** @returns the exit status: 0 both keys are where they belong, 2 there are none */
function makeKey(name: string, out: string): number {
  try {
    const { signer, verifier } = generateKey(name, randomBytes(KEY_BYTES));
    const output = new Output();
    writeNewFile(out, `${signer}\n`, () => {
      output.line(verifier);
      if (output.isClosed) throw new NoteError("Nobody read the public key, so no key was made.");
    });
    console.error(
      `The private key is in ${out}. Keep it off the machine that holds the data: who has both can forge.`,
    );
    return 0;
  } catch (error) {
    console.error(refusalOf(error, out));
    return 2;
  }
}

/** Writes a file whole or leaves none; none either if what is to be done then fails. */
function writeNewFile(path: string, content: string, then: () => void): void {
  const file = openSync(path, "wx", OWNER_ONLY);
  try {
    writeFileSync(file, content);
    then();
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** The line that says why there is no key. @throws what is a mistake in the code */
function refusalOf(error: unknown, out: string): string {
  if (error instanceof NoteError || error instanceof OutputError) return error.message;
  if (!(error instanceof Error && "code" in error)) throw error;
  if (error.code === "EEXIST") return `The file ${out} exists, and nothing is overwritten with a key.`;
  return `The private key cannot be written to '${out}': ${error.message}`;
}
