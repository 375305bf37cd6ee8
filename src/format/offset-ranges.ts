/**
 * A set of offsets as ranges.
 * @module
 */
import { elementAt } from "../element-at.ts";
import type { Tombstone } from "./tombstone.ts";

/** Offsets from `from` up to and without `to`. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** The offsets that a tombstone of a log names. */
export function rangeOf({ first, count }: Tombstone): OffsetRange {
  return { from: Number(first), to: Number(first + count) };
}

/** The same offsets as ranges that neither overlap nor touch, ascending; O(n log n). */
export function merged(ranges: readonly OffsetRange[]): OffsetRange[] {
  const result: OffsetRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last === undefined || last.to < range.from) result.push(range);
    else if (last.to < range.to) result[result.length - 1] = { from: last.from, to: range.to };
  }
  return result;
}

/**
 * A set of offsets, kept as ranges that neither overlap nor touch. It never changes: adding makes a new one.
 * Memory: O(ranges).
 *
 * @example
 * ```ts
 * const hidden = OffsetRanges.none.with([{ from: 3, to: 5 }]).with([{ from: 5, to: 6 }]);
 * hidden.has(5); // true
 * hidden.has(6); // false
 * hidden.size; // 1
 * ```
 */
export class OffsetRanges {
  /** The empty set. */
  static readonly none: OffsetRanges = new OffsetRanges([]);
  /** In ascending order. */
  readonly #ranges: readonly OffsetRange[];

  private constructor(ranges: readonly OffsetRange[]) {
    this.#ranges = ranges;
  }

  /** How many ranges it has. */
  get size(): number {
    return this.#ranges.length;
  }

  /** Whether an offset is in it; O(log ranges). */
  has(offset: number): boolean {
    const range = this.#ranges[this.#endingAfter(offset)];
    return range !== undefined && range.from <= offset;
  }

  /** Whether at least one offset of a range is in it; O(log ranges). */
  meets({ from, to }: OffsetRange): boolean {
    const range = this.#ranges[this.#endingAfter(from)];
    return range !== undefined && range.from < to;
  }

  /** Whether all offsets of a range are in it; O(log ranges). */
  covers({ from, to }: OffsetRange): boolean {
    const range = this.#ranges[this.#endingAfter(from)];
    return range !== undefined && range.from <= from && to <= range.to;
  }

  /** The offsets of a range that are in it, as ranges, ascending; O(log ranges), and those that it has. */
  within({ from, to }: OffsetRange): OffsetRange[] {
    return this.#ranges
      .slice(this.#endingAfter(from), this.#endingAfter(to - 1) + 1)
      .map((range) => ({ from: Math.max(from, range.from), to: Math.min(to, range.to) }))
      .filter((range) => range.from < range.to);
  }

  /** How many ranges the offsets of a range that are in it make; O(log ranges). */
  countWithin({ from, to }: OffsetRange): number {
    const end = this.#endingAfter(to - 1);
    const isLastIn = (this.#ranges[end]?.from ?? to) < to;
    return Math.max(0, end - this.#endingAfter(from) + (isLastIn ? 1 : 0));
  }

  /**
   * The set with the offsets of these ranges, too; O(ranges log ranges).
   *
   * @param added none of them empty
   */
  with(added: readonly OffsetRange[]): OffsetRanges {
    return new OffsetRanges(merged([...this.#ranges, ...added]));
  }

  /** Place of the first range that ends after an offset. */
  #endingAfter(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (elementAt(this.#ranges, middle).to <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
