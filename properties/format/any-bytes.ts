/**
 * F5 exhaustively: all the shortest inputs, and every value of every byte of the files beside a segment, with and without a checksum that fits.
 * @module
 */
import { PARSERS, SEGMENT_PARSER } from "./parsers.ts";
import { chooseFrom, itemAt, numberText, type Section } from "./section.ts";
import { STORED_FILES } from "./stored-files.ts";

const BYTE_VALUES = 256;

const parserNames = PARSERS.map(({ name }) => name);

export const shortInputs: Section = {
  name: "short inputs",
  invariants: ["F5"],
  covers: ({ shortBytes }) =>
    `all inputs of up to ${shortBytes} bytes to each of ${PARSERS.length} readers (${parserNames.join("; ")})`,
  first: () => ({ what: `reader: ${parserNames.join(", ")}`, of: PARSERS.length }),
  run({ shortBytes }, first, choice, counts) {
    const length = choice.choose(shortBytes + 1, "bytes");
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = choice.choose(BYTE_VALUES, "value");
    return itemAt(PARSERS, first).check(counts, bytes);
  },
};

/** Segments are in `byte-values.ts`, record by record. */
const FILES = STORED_FILES.filter(({ parser }) => parser !== SEGMENT_PARSER);
const fileNames = FILES.map(({ parser }) => parser.name);

export const fileBytes: Section = {
  name: "file bytes",
  invariants: ["F5"],
  covers: () => {
    const sizes = FILES.map(
      ({ parser, originals }) =>
        `${parser.name} of ${originals.map(({ length }) => numberText(length)).join(" and ")} bytes`,
    );
    return `${sizes.join("; ")}: each byte x all ${BYTE_VALUES} values x checksums as they were or made to fit`;
  },
  first: () => ({ what: `reader: ${fileNames.join(", ")}`, of: FILES.length }),
  run(_, first, choice, counts) {
    const { parser, originals, reseal } = itemAt(FILES, first);
    const bytes = Buffer.from(chooseFrom(choice, originals, "file"));
    const fits = choice.choose(reseal === undefined ? 1 : 2, "checksums: as they were, made to fit") === 1;
    bytes[choice.choose(bytes.length, "byte")] = choice.choose(BYTE_VALUES, "value");
    if (fits) reseal?.(bytes);
    return parser.check(counts, bytes);
  },
};
