import { describe, expect, test } from "vitest";
import { median, quartiles, speedRatios } from "./statistics.ts";

describe("Medians and quartiles", () => {
  test("the median is the middle value, in whatever order the values are", () => {
    expect(median([30, 1, 2])).toBe(2);
  });

  test("the median of an even number of values is half-way between the two in the middle", () => {
    expect(median([10, 2, 4, 1])).toBe(3);
  });

  test("values are ordered as numbers, and the caller's are left as they are", () => {
    const values = [100, 20, 3];
    expect(median(values)).toBe(20);
    expect(values).toEqual([100, 20, 3]);
  });

  test("quartiles are interpolated between neighbours", () => {
    expect(quartiles([1, 2, 3, 4])).toEqual({ lower: 1.75, median: 2.5, upper: 3.25 });
    expect(quartiles([1, 2, 3, 4, 5])).toEqual({ lower: 2, median: 3, upper: 4 });
  });

  test("one value is all three", () => {
    expect(quartiles([7])).toEqual({ lower: 7, median: 7, upper: 7 });
  });

  test("one outlier moves neither the median nor the quartiles of the others", () => {
    expect(quartiles([1, 2, 3, 4, 1e9])).toEqual({ lower: 2, median: 3, upper: 4 });
  });

  test("of no values there are none", () => {
    expect(() => quartiles([])).toThrow(RangeError);
  });
});

describe("Ratios of speeds", () => {
  test("whoever takes half the time is twice as fast, in each repetition by itself", () => {
    expect(speedRatios([1, 10, 100], [2, 20, 50])).toEqual([2, 2, 0.5]);
  });

  test("of other repetitions there are none", () => {
    expect(() => speedRatios([1, 2], [1])).toThrow(RangeError);
  });
});
