/**
 * Something went wrong in a run, and the choices that lead there.
 * @module
 */
import type { Chosen } from "./choice.ts";

/** What was thrown is the `cause`. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly choices: readonly Chosen[];

  constructor(cause: unknown, choices: readonly Chosen[]) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.choices = choices;
  }
}

/** What is thrown on where a run threw: the failure that it is already, or a new one. */
export function asFailure(error: unknown, choices: () => readonly Chosen[]): Failure {
  return error instanceof Failure ? error : new Failure(error, choices());
}
