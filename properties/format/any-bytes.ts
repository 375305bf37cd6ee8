/**
 * F5 exhaustively: all the shortest inputs, and every value of every byte of the files beside a segment, with
 * and without a checksum that fits.
 * @module
 */
import { parsersOf, SEGMENT_PARSER } from "./parsers.ts";
import { chooseFrom, itemAt, numberText, perFormat, type Section } from "./section.ts";
import { storedFilesOf } from "./stored-files.ts";

const BYTE_VALUES = 256;

const parserNames = perFormat((format) => parsersOf(format).map(({ name }) => name));

export const shortInputs: Section = {
  name: "short inputs",
  invariants: ["F5"],
  covers: ({ format, shortBytes }) =>
    `all inputs of up to ${shortBytes} bytes to each of ${parsersOf(format).length} readers (${parserNames(format).join("; ")})`,
  first: ({ format }) => ({
    what: `reader: ${parserNames(format).join(", ")}`,
    of: parsersOf(format).length,
  }),
  run({ format, shortBytes }, first, choice, counts) {
    const length = choice.choose(shortBytes + 1, "bytes");
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = choice.choose(BYTE_VALUES, "value");
    return itemAt(parsersOf(format), first).check(counts, format, bytes);
  },
};

/** Segments are in `byte-values.ts`, record by record. */
const filesOf = perFormat((format) =>
  storedFilesOf(format).filter(({ parser }) => parser !== SEGMENT_PARSER),
);
const fileNames = perFormat((format) => filesOf(format).map(({ parser }) => parser.name));

export const fileBytes: Section = {
  name: "file bytes",
  invariants: ["F5"],
  covers: ({ format }) => {
    const sizes = filesOf(format).map(
      ({ parser, originals }) =>
        `${parser.name} of ${originals.map(({ length }) => numberText(length)).join(" and ")} bytes`,
    );
    return `${sizes.join("; ")}: each byte x all ${BYTE_VALUES} values x checksums as they were or made to fit`;
  },
  first: ({ format }) => ({
    what: `reader: ${fileNames(format).join(", ")}`,
    of: filesOf(format).length,
  }),
  run({ format }, first, choice, counts) {
    const { parser, originals, reseal } = itemAt(filesOf(format), first);
    const bytes = Buffer.from(chooseFrom(choice, originals, "file"));
    const fits = choice.choose(reseal === undefined ? 1 : 2, "checksums: as they were, made to fit") === 1;
    bytes[choice.choose(bytes.length, "byte")] = choice.choose(BYTE_VALUES, "value");
    if (fits) reseal?.(bytes);
    return parser.check(counts, format, bytes);
  },
};
