/**
 * F2, F5: records of which one byte has any value and the CRC is made to fit, so that it is the fields that decide. Each is decoded alone, and
 * read in its segment by the engine and by the model's reader.
 * @module
 */
import { claimed, seal } from "./layout.ts";
import { checkDecoding, checkReencoding } from "./outcome.ts";
import { checkReading } from "./reading.ts";
import { SAMPLES } from "./samples.ts";
import { itemAt, numberText, type Section } from "./section.ts";

const BYTE_VALUES = 256;
const CRC_BYTES = 4;
const HEADER_BYTES = 44;
/** Zeros behind the sample, for a changed length to claim. */
const BEHIND = 2 ** 12;

const sampleNames = SAMPLES.map(({ name }) => name);

export const byteValues: Section = {
  name: "byte values",
  invariants: ["F2", "F5"],
  covers: () =>
    `${SAMPLES.length} records (${sampleNames.join("; ")}) x each byte of the header and of a payload that has a form x all ${BYTE_VALUES} values; ` +
    `CRC made to fit where the length claims up to ${numberText(BEHIND)} bytes more`,
  first: () => ({ what: `record: ${sampleNames.join(", ")}`, of: SAMPLES.length }),
  async run(_, first, choice, counts) {
    const { before, bytes, isRead } = itemAt(SAMPLES, first);
    const at = choice.choose(isRead ? bytes.length - CRC_BYTES : HEADER_BYTES, "byte");
    const value = choice.choose(BYTE_VALUES, "value");
    // Zeros matter only where the length may claim them.
    const isLength = at === 40 || at === 41;
    const segment = Buffer.concat([before, bytes, Buffer.alloc(isLength ? BEHIND : 0)]);
    const record = segment.subarray(before.length);
    record[at] = value;
    if (claimed(record) <= record.length) seal(record, claimed(record));
    checkReencoding(counts, record, checkDecoding(counts, "F5", record));
    await checkReading(counts, segment);
  },
};
