/**
 * F2, F5: the marks that a record of format `sentinel` begins and ends with. A CRC that fits does not replace
 * them.
 * @module
 */
import { F5 } from "../invariants/format.ts";
import { layoutOf, putCrc, trailerBytes } from "./layout.ts";
import { checkDecoding, checkReencoding } from "./outcome.ts";
import { checkReading } from "./reading.ts";
import { sampleNames, samplesOf } from "./samples.ts";
import { chooseFrom, itemAt, type Section } from "./section.ts";

const BYTE_VALUES = 256;

export const recordMarks: Section = {
  name: "marks",
  invariants: ["F2", "F5"],
  formats: ["sentinel"],
  covers: ({ format }) =>
    `${samplesOf(format).length} records (${sampleNames(format).join("; ")}) x each byte of both marks x all ${BYTE_VALUES} values; CRC made to fit`,
  first: ({ format }) => ({
    what: `record: ${sampleNames(format).join(", ")}`,
    of: samplesOf(format).length,
  }),
  async run({ format }, first, choice, counts) {
    const { before, bytes } = itemAt(samplesOf(format), first);
    const { mark, endMark } = layoutOf(format);
    const segment = Buffer.concat([before, bytes]);
    const record = segment.subarray(before.length);
    const endAt = record.length - endMark.length;
    const places = [...mark.keys(), ...[...endMark.keys()].map((i) => endAt + i)];
    record[chooseFrom(choice, places, "byte of the marks")] = choice.choose(BYTE_VALUES, "value");
    putCrc(record, record.length - trailerBytes(format));
    checkReencoding(counts, format, record, checkDecoding(counts, F5.decoded, format, record));
    await checkReading(counts, format, segment);
  },
};
