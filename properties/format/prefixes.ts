/**
 * F4: a record of which the end is missing, wherever it was cut.
 * @module
 */
import type { Format } from "../../src/types.ts";
import { F4 } from "../invariants/format.ts";
import { observe } from "../tally.ts";
import { codingsOf, laidOut } from "./layout.ts";
import { decoded } from "./outcome.ts";
import { filled, PAYLOAD_SIZES, recordsFill } from "./samples.ts";
import { itemAt, numberText, perFormat, type Section } from "./section.ts";

const SIZES = PAYLOAD_SIZES.filter((size) => size !== 65_535);
const recordsIn = perFormat((format) =>
  codingsOf(format).map((coding) =>
    SIZES.map((size) =>
      laidOut(format, {
        ...coding,
        offset: 2n ** 32n,
        prevHash: Buffer.alloc(32, 7),
        payload: filled(size, recordsFill(format)),
      }),
    ),
  ),
);
/** The largest records are cut everywhere in one coding only: it makes no difference to where they end. */
const EVERY_CODING_BYTES_MAX = 4096;

const recordsOf = (format: Format, coding: number): readonly Buffer[] =>
  itemAt(recordsIn(format), coding).filter(({ length }) => coding === 0 || length <= EVERY_CODING_BYTES_MAX);

export const prefixes: Section = {
  name: "prefixes",
  invariants: ["F4"],
  covers: ({ format }) =>
    `every strict prefix of records with ${SIZES.map(numberText).join("; ")} bytes of payload, ` +
    `those of up to ${numberText(EVERY_CODING_BYTES_MAX)} bytes in each of ${codingsOf(format).length} codings`,
  first: ({ format }) => ({ what: "coding", of: codingsOf(format).length }),
  run({ format }, first, choice, counts) {
    const records = recordsOf(format, first);
    const bytes = itemAt(records, choice.choose(records.length, "record"));
    const length = choice.choose(bytes.length, "bytes that are left");
    observe(counts, F4.prefix, {
      decoded: decoded(format, bytes.subarray(0, length)),
      length,
      whole: bytes.length,
    });
  },
};
