/**
 * F5: lengths at the limit of a payload and beyond it. A length beyond can be none, so a reader refuses it as
 * soon as it has the header: it does not wait for the bytes, nor take the record for one of which only the
 * end is missing.
 * @module
 */
import { claimedSize as modelSize } from "../../model/reader.ts";
import { formatNamed } from "../../src/format/formats.ts";
import { claimedSize } from "../../src/format/record.ts";
import { RecordScanner } from "../../src/segment/scan.ts";
import { F5 } from "../invariants/format.ts";
import { observe } from "../tally.ts";
import { claimed, laidOut, layoutOf, PAYLOAD_BYTES_MAX, setField } from "./layout.ts";
import { checkDecoding } from "./outcome.ts";
import { fileOf } from "./reading.ts";
import { itemAt, numberText, type Section } from "./section.ts";

const LENGTHS: readonly number[] = [
  2 ** 27,
  PAYLOAD_BYTES_MAX - 1,
  PAYLOAD_BYTES_MAX,
  ...[28, 29, 30, 31].flatMap((power) => [2 ** power, 2 ** power + 1, 2 ** (power + 1) - 1]),
];

/** How many bytes are there: from one less than the header to those of a small record. */
const BYTES_BEHIND = 40;
const CHUNK_BYTES = 16;

export const lengths: Section = {
  name: "lengths",
  invariants: ["F5"],
  formats: ["sentinel"],
  covers: () =>
    `${LENGTHS.length} lengths around 2^28 and up to 2^32 - 1 x the header without its last byte, whole, and with up to ${numberText(BYTES_BEHIND - 1)} bytes behind`,
  first: () => ({ what: `length: ${LENGTHS.join(", ")}`, of: LENGTHS.length }),
  async run({ format }, first, choice, counts) {
    const { length, payload } = layoutOf(format);
    const whole = laidOut(format, {
      offset: 0n,
      prevHash: Buffer.alloc(32),
      kind: "data",
      compression: "none",
      payload: Buffer.alloc(BYTES_BEHIND),
    });
    setField(whole, length, itemAt(LENGTHS, first));
    const left = payload - 1 + choice.choose(BYTES_BEHIND + 1, "bytes behind the header, plus one");
    const bytes = whole.subarray(0, left);
    checkDecoding(counts, F5.decoded, format, bytes);
    const isPossible = left < payload || itemAt(LENGTHS, first) <= PAYLOAD_BYTES_MAX;
    const engine = formatNamed(format);
    const found = await new RecordScanner(engine, fileOf(bytes), "", 0, left, CHUNK_BYTES).advance();
    observe(counts, F5.wait, { isPossible, bytes: left, found });
    if (left < payload) return;
    observe(counts, F5.claim, {
      isPossible,
      wanted: claimed(format, bytes),
      engine: claimedSize(engine, bytes, 0),
      model: modelSize(format, bytes),
    });
  },
};
