/**
 * F6: the codes of kind and compression. Every value of the bytes that hold them, and of the byte that holds
 * a kind in the index.
 * @module
 */
import { KINDS } from "../../model/hash.ts";
import { kindCode, kindOf } from "../../src/format/formats.ts";
import { F6 } from "../invariants/format.ts";
import { observe } from "../tally.ts";
import { codeBytesOf, codingsOf, COMPRESSIONS, type Fields, laidOut, seal } from "./layout.ts";
import { checkDecoding, checkReencoding, encoded } from "./outcome.ts";
import { COUNTING, filled } from "./samples.ts";
import { hexText } from "../records.ts";
import { chooseFrom, itemAt, type Section } from "./section.ts";

const BYTE_VALUES = 256;
const PAYLOADS = [0, 1, 16, 40];

export const codesInRecords: Section = {
  name: "codes in records",
  invariants: ["F2", "F6"],
  covers: ({ format }) =>
    `all ${BYTE_VALUES} values of ${codeBytesOf(format).length === 1 ? "the byte with both codes" : "each of the bytes with the codes"}; CRC made to fit; payloads of ${PAYLOADS.join("; ")} bytes`,
  first: () => ({ what: "byte of codes", of: BYTE_VALUES }),
  run({ format }, first, choice, counts) {
    const size = chooseFrom(choice, PAYLOADS, `payload bytes: ${PAYLOADS.join(", ")}`);
    const bytes = laidOut(format, {
      offset: 1n,
      prevHash: Buffer.alloc(32, 1),
      kind: "data",
      compression: "none",
      payload: filled(size, COUNTING),
    });
    for (const [i, at] of codeBytesOf(format).entries())
      bytes[at] = i === 0 ? first : choice.choose(BYTE_VALUES, "next byte of codes");
    seal(format, bytes, bytes.length);
    checkReencoding(counts, format, bytes, checkDecoding(counts, F6.decoded, format, bytes));
  },
};

/** Every kind with every compression, also those that are no coding. */
export const codesWritten: Section = {
  name: "codes written",
  invariants: ["F6"],
  covers: () =>
    `all ${KINDS.length} kinds x ${COMPRESSIONS.length} compressions: encoded to different codes, or refused`,
  first: () => ({ what: `kind: ${KINDS.join(", ")}`, of: KINDS.length }),
  run({ format }, first, choice, counts) {
    const compression = chooseFrom(choice, COMPRESSIONS, `compression: ${COMPRESSIONS.join(", ")}`);
    const [kind, payload] = [itemAt(KINDS, first), Buffer.from("stored")];
    const record: Fields = { offset: 1n, prevHash: Buffer.alloc(32), kind, compression, payload };
    const codes = (bytes: Uint8Array): string =>
      hexText(Buffer.from(codeBytesOf(format).map((at) => bytes[at] ?? 0)));
    const isCoding = codingsOf(format).some((one) => one.kind === kind && one.compression === compression);
    const wanted = isCoding ? codes(laidOut(format, record)) : "malformed";
    const bytes = encoded(format, record);
    observe(counts, F6.written, {
      kind,
      compression,
      wanted,
      codes: typeof bytes === "string" ? bytes : codes(bytes),
    });
  },
};

/** Codes where they stand alone, as in the index files. */
export const kindCodes: Section = {
  name: "kind codes",
  invariants: ["F6"],
  covers: () => `all ${BYTE_VALUES} values of a byte`,
  first: () => ({ what: "code", of: BYTE_VALUES }),
  run(_, code, __, counts) {
    const [kind, wanted] = [kindOf(code), KINDS[code]];
    const back = kind === undefined ? undefined : kindCode(kind);
    observe(counts, F6.kind, { code, wanted, kind, back });
  },
};
