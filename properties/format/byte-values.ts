/**
 * F2, F5: records of which one byte has any value and the CRC is made to fit, so that it is the fields that
 * decide. Each is decoded alone, and read in its segment by the engine and by the model's reader.
 * @module
 */
import { F5 } from "../invariants/format.ts";
import { claimed, layoutOf, seal, trailerBytes } from "./layout.ts";
import { checkDecoding, checkReencoding } from "./outcome.ts";
import { checkReading } from "./reading.ts";
import { sampleNames, samplesOf } from "./samples.ts";
import { itemAt, numberText, type Section } from "./section.ts";

const BYTE_VALUES = 256;
/** Zeros behind the sample, for a changed length to claim. */
const BEHIND = 2 ** 12;

export const byteValues: Section = {
  name: "byte values",
  invariants: ["F2", "F5"],
  covers: ({ format }) =>
    `${samplesOf(format).length} records (${sampleNames(format).join("; ")}) x each byte of the header and of a payload that has a form x all ${BYTE_VALUES} values; ` +
    `CRC made to fit where the length claims up to ${numberText(BEHIND)} bytes more`,
  first: ({ format }) => ({
    what: `record: ${sampleNames(format).join(", ")}`,
    of: samplesOf(format).length,
  }),
  async run({ format }, first, choice, counts) {
    const { before, bytes, isRead } = itemAt(samplesOf(format), first);
    const { payload, length } = layoutOf(format);
    const at = choice.choose(isRead ? bytes.length - trailerBytes(format) : payload, "byte");
    const value = choice.choose(BYTE_VALUES, "value");
    // Zeros matter only where the length may claim them.
    const isLength = at === length[0] || at === length[0] + 1;
    const segment = Buffer.concat([before, bytes, Buffer.alloc(isLength ? BEHIND : 0)]);
    const record = segment.subarray(before.length);
    record[at] = value;
    if (claimed(format, record) <= record.length) seal(format, record, claimed(format, record));
    checkReencoding(counts, format, record, checkDecoding(counts, F5.decoded, format, record));
    await checkReading(counts, format, segment);
  },
};
