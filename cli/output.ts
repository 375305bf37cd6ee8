/**
 * Standard output, for commands whose output somebody relies upon: what could not be written is an error.
 *
 * `console.log` says nothing when the disk is full. Promises: when a call returns, the system has taken all
 * of it, or nobody reads on. A closed pipe, as `head` leaves it, is no error: `isClosed` says so, and what
 * follows goes nowhere. Does not promise that anything is on the medium.
 * @module
 */
import { writeSync } from "node:fs";

/** Standard output took less than it was given. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  /** What the system called it, such as `ENOSPC`. */
  readonly code: string;

  constructor(code: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : code;
    super(`Standard output could not be written and is incomplete: ${why}.`, { cause });
    this.code = code;
  }
}

/** What a closed pipe is called. */
const NOBODY_READS: ReadonlySet<string> = new Set(["EPIPE", "EOF"]);
/** The reader is slow, or a signal came between. */
const NOT_NOW: ReadonlySet<string> = new Set(["EAGAIN", "EINTR"]);
const PAUSE_MS = 1;

/** Writes to one descriptor, at once and in order. */
export class Output {
  readonly #descriptor: number;
  #isClosed = false;

  /** @param descriptor by default that of standard output */
  constructor(descriptor = 1) {
    this.#descriptor = descriptor;
  }

  /** Whether nobody reads on, so that a command that only prints can stop. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Writes a text and a newline. @throws OutputError */
  readonly line = (text: string): void => {
    this.write(`${text}\n`);
  };

  /** Writes a text, as UTF-8, or bytes. @throws OutputError */
  write(part: string | Uint8Array): void {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    for (let at = 0; at < bytes.length && !this.#isClosed;) at += this.#some(bytes, at);
  }

  /** Writes as much as the system takes. @returns how many bytes that was */
  #some(bytes: Uint8Array, at: number): number {
    try {
      return writeSync(this.#descriptor, bytes, at);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (typeof code !== "string") throw error;
      if (NOBODY_READS.has(code)) this.#isClosed = true;
      else if (NOT_NOW.has(code)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
      else throw new OutputError(code, error);
      return 0;
    }
  }
}
