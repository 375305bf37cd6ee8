/**
 * Writing JSON that is larger than a string can be: a report on a directory of which little is left has a
 * finding for every place.
 * @module
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { named } from "./named-file.ts";

const PIECE_CHARACTERS = 1 << 16;

/**
 * Writes a value of plain data to a file, as `JSON.stringify` with two blanks would spell it, and a newline.
 * @throws NoteError that names the file
 */
export function writeJson(path: string, value: unknown): void {
  try {
    write(path, value);
  } catch (error) {
    throw named(error, path, "written");
  }
}

function write(path: string, value: unknown): void {
  const file = openSync(path, "w");
  try {
    let held = "";
    for (const piece of pieces(value, "")) {
      held += piece;
      if (held.length < PIECE_CHARACTERS) continue;
      writeAll(file, held);
      held = "";
    }
    writeAll(file, `${held}\n`);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

function* pieces(value: unknown, indent: string): Generator<string> {
  if (typeof value !== "object" || value === null) {
    yield JSON.stringify(value);
    return;
  }
  const inner = `${indent}  `;
  const isArray = Array.isArray(value);
  let separator = isArray ? "[" : "{";
  for (const [name, part] of Object.entries(value)) {
    if (part === undefined) continue;
    yield `${separator}\n${inner}${isArray ? "" : `${JSON.stringify(name)}: `}`;
    yield* pieces(part, inner);
    separator = ",";
  }
  if (separator === ",") yield `\n${indent}${isArray ? "]" : "}"}`;
  else yield isArray ? "[]" : "{}";
}
