/**
 * A directory for results that may never come: made before the search, so that it is known that it can be,
 * and removed again if it stays empty.
 *
 * Promises: what was there before is left alone. Every level is made by a call of its own: Node's recursive
 * `mkdirSync` does not return where a directory exists and refuses new names with ENOENT, as `/proc` does.
 * @module
 */
import { mkdirSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export class ResultDirectory {
  readonly #path: string;
  /** The levels that were made, outermost first. */
  readonly #made: string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes it, and tries whether something can be made in it.
   * @throws what the file system throws; Error that says what is in the way
   */
  make(): void {
    if (this.#path === "") throw new Error("the path is empty");
    const missing: string[] = [];
    let at = resolve(this.#path);
    for (; statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) missing.unshift(at);
    if (!statSync(at).isDirectory()) throw new Error(`${at} is no directory`);
    for (const level of missing) this.#level(level);
    rmdirSync(mkdtempSync(join(resolve(this.#path), ".kmb-")));
  }

  /** Removes what was made and is empty. */
  removeEmpty(): void {
    for (let level = this.#made.pop(); level !== undefined; level = this.#made.pop()) {
      try {
        rmdirSync(level);
      } catch {
        // Something is in it, or it is gone; whatever is above it is in use, or not there to be removed.
        return;
      }
    }
  }

  #level(path: string): void {
    try {
      mkdirSync(path);
      this.#made.push(path);
    } catch (error) {
      // Another run may have made it since.
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
    }
  }
}
