/**
 * Linear equations over bits: which columns of 32 bits have to be added (exclusive or) to come to a sum.
 * @module
 */

/** A column, and of which of the given ones it is the sum: bit i stands for the i-th. */
interface Reduced {
  readonly column: number;
  readonly of: number;
}

/** Columns by elimination: each basis column has a lowest bit that no later one has. */
export class BinarySystem {
  readonly #basis: Reduced[] = [];
  /** A sum of columns that is zero, if there is one: the bits of those that it takes. */
  readonly dependent: number | undefined;

  /** @param columns at most 32 */
  constructor(columns: readonly number[]) {
    for (const [i, column] of columns.entries()) {
      const rest = this.#reduce({ column, of: (1 << i) >>> 0 });
      if (rest.column === 0) this.dependent ??= rest.of;
      else this.#basis.push(rest);
    }
  }

  /** The columns that add up to `sum`, as bits; `undefined` if none do. */
  solve(sum: number): number | undefined {
    const rest = this.#reduce({ column: sum, of: 0 });
    return rest.column === 0 ? rest.of : undefined;
  }

  #reduce({ column, of }: Reduced): Reduced {
    for (const base of this.#basis) {
      const lowest = base.column & -base.column;
      if ((column & lowest) === 0) continue;
      column = (column ^ base.column) >>> 0;
      of = (of ^ base.of) >>> 0;
    }
    return { column, of };
  }
}
