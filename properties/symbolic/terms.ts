/**
 * Bytes as symbols, and a hash function without collisions: every different input makes a different term.
 * What is computed with these holds for any hash function in which nobody finds a collision or a preimage.
 *
 * A symbol stands for a block that a payload may contain: a letter, a count, the pad of a key, a hash. Blocks
 * are joined without a trace of where one sequence ends and the next begins, as bytes are. Does not promise:
 * anything about parts of a block, such as a hash that happens to begin with a chosen byte.
 * @module
 */

/** A block of bytes. Equal blocks are the same object. */
export interface Atom {
  readonly id: number;
  /** How it is written: a name, or the function that it is a value of. */
  readonly name: string;
  /** What was hashed, if it is a hash. */
  readonly input: readonly Atom[] | undefined;
}

/** A world of symbols. */
export class Terms {
  readonly #known = new Map<string, Atom>();
  readonly #hashes: Atom[] = [];

  /** The symbol of this name. */
  named(name: string): Atom {
    return this.#intern(name, name, undefined);
  }

  /** The hash of blocks that are joined; `name` is the function's. */
  hash(input: readonly Atom[], name = "H"): Atom {
    return this.#intern(`${name}(${input.map(({ id }) => id).join()})`, name, input);
  }

  /** Every hash that was made so far, the oldest first. */
  get hashes(): readonly Atom[] {
    return this.#hashes;
  }

  #intern(key: string, name: string, input: readonly Atom[] | undefined): Atom {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const atom = { id: this.#known.size, name, input };
    this.#known.set(key, atom);
    if (input !== undefined) this.#hashes.push(atom);
    return atom;
  }
}

/** Blocks for a person. */
export function textOf(atoms: readonly Atom[]): string {
  return atoms.map(({ name, input }) => (input === undefined ? name : `${name}(${textOf(input)})`)).join(" ");
}
