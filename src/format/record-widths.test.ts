import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { RecordWidths } from "./record-widths.ts";

const widths = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5 })), { maxLength: 30 });

test.prop([widths])("places and ordinals are as a list of all places says", (places) => {
  const known = new RecordWidths();
  for (const [ordinal, count] of places.entries()) if (count > 1) known.widen(ordinal, count);
  const list = places.flatMap((count, ordinal) => Array.from({ length: count }, () => ordinal));
  // Behind those that are known every record has one place.
  const all = [...list, places.length, places.length + 1];
  expect(all.map((_, place) => known.ordinalAt(place))).toStrictEqual(all);
  for (const [ordinal, count] of places.entries()) {
    expect(known.placeOf(ordinal)).toBe(list.indexOf(ordinal));
    expect(known.placesOf(ordinal)).toBe(count);
  }
  expect(known.extra).toBe(list.length - places.length);
});
