/**
 * F4: a record of which the end is missing, wherever it was cut.
 * @module
 */
import { check } from "../tally.ts";
import { CODINGS, laidOut } from "./layout.ts";
import { decoded, decodedText } from "./outcome.ts";
import { FILLS, filled, PAYLOAD_SIZES } from "./samples.ts";
import { itemAt, numberText, type Section } from "./section.ts";

const SIZES = PAYLOAD_SIZES.filter((size) => size !== 65_535);
const RECORDS = CODINGS.map((coding) =>
  SIZES.map((size) =>
    laidOut({
      ...coding,
      offset: 2n ** 32n,
      prevHash: Buffer.alloc(32, 7),
      payload: filled(size, itemAt(FILLS, 3)),
    }),
  ),
);
/** The largest records are cut everywhere in one coding only: it makes no difference to where they end. */
const EVERY_CODING_BYTES_MAX = 4096;

const recordsOf = (coding: number): readonly Buffer[] =>
  itemAt(RECORDS, coding).filter(({ length }) => coding === 0 || length <= EVERY_CODING_BYTES_MAX);

export const prefixes: Section = {
  name: "prefixes",
  invariants: ["F4"],
  covers: () =>
    `every strict prefix of records with ${SIZES.map(numberText).join("; ")} bytes of payload, ` +
    `those of up to ${numberText(EVERY_CODING_BYTES_MAX)} bytes in each of ${CODINGS.length} codings`,
  first: () => ({ what: "coding", of: CODINGS.length }),
  run(_, first, choice, counts) {
    const records = recordsOf(first);
    const bytes = itemAt(records, choice.choose(records.length, "record"));
    const length = choice.choose(bytes.length, "bytes that are left");
    const seen = decoded(bytes.subarray(0, length));
    check(
      counts,
      "F4",
      seen === "incomplete",
      () => `incomplete, of ${length} of ${bytes.length} bytes`,
      () => decodedText(seen),
    );
  },
};
