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

/** How many numbers a segment has. */
export const countOf = (segment: SegmentNumbers): number => lastNumber(segment) - segment.number + 1;

/** Whether two segments have the same numbers. */
export const sameNumbers = (a: SegmentNumbers, b: SegmentNumbers): boolean =>
  a.number === b.number && lastNumber(a) === lastNumber(b);
