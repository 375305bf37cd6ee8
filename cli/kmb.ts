#!/usr/bin/env node
/**
 * `kmb`: the command line. Each command is in a file of its own; here are their names, options and exit statuses.
 *
 * Exit status: 0 everything holds and the run was complete; 1 something is violated; 2 wrong usage or an error of its own; 3 nothing is
 * violated, but the run was not complete.
 * @module
 */
import { CommanderError } from "commander";
import { program } from "./program.ts";

const OWN_ERROR = 2;

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : OWN_ERROR;
  } else {
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    process.exitCode = OWN_ERROR;
  }
}
