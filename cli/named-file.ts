/**
 * Files that the command line names: what is wrong with one is said with its name, in a sentence.
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { NoteError } from "../audit/text.ts";
import { ResultFileError } from "../properties/result-file.ts";

/** What is wrong with a path, for the codes that a wrong path comes to. */
const WRONG: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `There is no file ${path}.`,
  ENOTDIR: (path) => `There is no file ${path}: what is before the last slash is not a directory.`,
  EISDIR: (path) => `${path} is a directory, and a file is needed.`,
  EACCES: (path) => `${path} is not accessible to whoever runs this.`,
};

/** The bytes of a file. @throws NoteError that names it */
export function bytesOfFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw named(error, path, "read");
  }
}

/**
 * Writes a file.
 * @param read files that it must not take the place of
 * @throws NoteError that names it
 */
export function writeToFile(path: string, text: string, read: readonly string[] = []): void {
  if (read.some((other) => resolve(other) === resolve(path)))
    throw new NoteError(`${path} would be written over what was read from it.`);
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw named(error, path, "written");
  }
}

/** What some work gives; what is wrong with a result file becomes a note. @param about begins its sentence */
export function noted<T>(work: () => T, about = ""): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ResultFileError) throw new NoteError(`${about}${error.message}.`);
    throw error;
  }
}

/** The error for a file that could not be read or written, with its name. */
export function named(error: unknown, path: string, call: "read" | "written"): unknown {
  const { code } = error as { code?: unknown };
  if (typeof code !== "string" || !(error instanceof Error)) return error;
  const sentence = call === "read" ? WRONG[code]?.(path) : undefined;
  return new NoteError(sentence ?? `${path} could not be ${call}: ${error.message}.`);
}
