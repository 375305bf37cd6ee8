#!/usr/bin/env node
/**
 * `kmb`: the command line. Each command is in a file of its own; here are their names, options and exit
 * statuses.
 *
 * Exit status: 0 everything holds and the run was complete; 1 something is violated, or damaged; 2 wrong
 * usage or an error of its own; 3 nothing is violated, but the run was not complete.
 * @module
 */
import { CommanderError } from "commander";
import { NoStreams } from "../audit/directory.ts";
import { NoteError, visible } from "../audit/text.ts";
import { StorageError } from "../src/index.ts";
import { program } from "./program.ts";

const OWN_ERROR = 2;

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : OWN_ERROR;
  } else {
    console.error(isPlain(error) ? `error: ${visible(error.message)}` : error);
    process.exitCode = OWN_ERROR;
  }
}

/**
 * Whether an error is about what was asked for or what is on the disk, so that its message says all there is
 * to say.
 */
function isPlain(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const isOurs = error instanceof NoStreams || error instanceof NoteError || error instanceof StorageError;
  return isOurs || typeof (error as { code?: unknown }).code === "string";
}
