/**
 * Statistics of measurements that were repeated: medians and quartiles, which one slow repetition does not
 * move.
 * @module
 */

/** The middle of some values, and the middle of each half. */
export interface Quartiles {
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
}

/**
 * The quartiles of at least one value, between neighbours by linear interpolation (definition 7 of Hyndman
 * and Fan, https://doi.org/10.1080/00031305.1996.10473566).
 *
 * @throws RangeError for no values
 */
export function quartiles(values: readonly number[]): Quartiles {
  const sorted = [...values].sort((a, b) => a - b);
  return { lower: quantile(sorted, 0.25), median: quantile(sorted, 0.5), upper: quantile(sorted, 0.75) };
}

/** @throws RangeError for no values */
export const median = (values: readonly number[]): number => quartiles(values).median;

/**
 * How many times as fast something is as something else, in each repetition: what both were measured in has
 * slowed down both.
 *
 * @param times what it took in each repetition
 * @param others what the other took in the same repetitions
 * @throws RangeError if these are not as many
 */
export function speedRatios(times: readonly number[], others: readonly number[]): number[] {
  if (times.length !== others.length) throw new RangeError("Ratios are of the same repetitions.");
  return times.map((time, i) => (others[i] ?? NaN) / time);
}

function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new RangeError("There are no values.");
  return below + (above - below) * (place - Math.floor(place));
}
