/**
 * Numbers of segments.
 * @module
 */

/**
 * The number of a segment; of one that was merged, the numbers of all that it takes the place of. They are
 * consecutive.
 */
export interface SegmentNumbers {
  /** The number, or the first of them. */
  readonly number: number;
  /** The last of them, if there are several. */
  readonly last?: number | undefined;
}

/** The last of the numbers. */
export function lastNumber({ number, last = number }: SegmentNumbers): number {
  return last;
}
