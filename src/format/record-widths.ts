/**
 * How many offsets each record of a segment has: one, but for those that stand for several.
 *
 * A record's **ordinal** is its number among the records, from 0; a **place** is an offset counted from the
 * segment's first. Where no record stands for several, the two are the same.
 * @module
 */
import { elementAt } from "../element-at.ts";

/**
 * From ordinals to places and back. Memory: O(records that stand for several).
 *
 * @example
 * ```ts
 * const widths = new RecordWidths();
 * widths.widen(1, 3); // the second record stands for three
 * widths.placeOf(2); // 4
 * widths.ordinalAt(3); // 1
 * widths.extra; // 2
 * ```
 */
export class RecordWidths {
  /** Ordinals of the records that stand for several, ascending. */
  readonly #ordinals: number[] = [];
  /** How many places beyond one each have those up to and with each of them together. */
  readonly #extras: number[] = [];

  /** How many more places there are than records. */
  get extra(): number {
    return this.#extras.at(-1) ?? 0;
  }

  /**
   * Notes that a record stands for several.
   *
   * @param ordinal of the record, after those noted before
   * @param places that it has, more than one
   */
  widen(ordinal: number, places: number): void {
    this.#extras.push(this.extra + places - 1);
    this.#ordinals.push(ordinal);
  }

  /** The first place of a record; O(log n) for n that stand for several. */
  placeOf(ordinal: number): number {
    return ordinal + this.#extraOf(this.#before((i) => elementAt(this.#ordinals, i) < ordinal));
  }

  /** The record that has a place; O(log n). */
  ordinalAt(place: number): number {
    const known = this.#before((i) => elementAt(this.#ordinals, i) + this.#extraOf(i) <= place);
    if (known === 0) return place;
    return Math.max(elementAt(this.#ordinals, known - 1), place - this.#extraOf(known));
  }

  /** How many places a record has; O(log n). */
  placesOf(ordinal: number): number {
    return this.placeOf(ordinal + 1) - this.placeOf(ordinal);
  }

  /** How many places beyond one each have the first so many of them together. */
  #extraOf(known: number): number {
    return known === 0 ? 0 : elementAt(this.#extras, known - 1);
  }

  /**
   * How many of them, from the first on, this holds for; it holds for none after one for which it does not.
   */
  #before(holds: (i: number) => boolean): number {
    let low = 0;
    let high = this.#ordinals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
