/**
 * F6: the codes of kind and compression. Every value of the byte that holds them, and of the byte that holds a kind in the index.
 * @module
 */
import { KINDS } from "../../model/reader.ts";
import { kindCode, kindOf } from "../../src/record.ts";
import { check } from "../tally.ts";
import { COMPRESSIONS, type Fields, laidOut, seal } from "./layout.ts";
import { checkDecoding, checkReencoding, encoded } from "./outcome.ts";
import { filled, FILLS } from "./samples.ts";
import { chooseFrom, itemAt, type Section } from "./section.ts";

const BYTE_VALUES = 256;
const CODES_AT = 43;
const PAYLOADS = [0, 1, 16, 40];

export const codesInRecords: Section = {
  name: "codes in records",
  invariants: ["F2", "F6"],
  covers: () =>
    `all ${BYTE_VALUES} values of the byte with both codes; CRC made to fit; payloads of ${PAYLOADS.join("; ")} bytes`,
  first: () => ({ what: "byte of codes", of: BYTE_VALUES }),
  run(_, codes, choice, counts) {
    const size = chooseFrom(choice, PAYLOADS, `payload bytes: ${PAYLOADS.join(", ")}`);
    const bytes = laidOut({
      offset: 1n,
      prevHash: Buffer.alloc(32, 1),
      kind: "data",
      compression: "none",
      payload: filled(size, itemAt(FILLS, 2)),
    });
    bytes[CODES_AT] = codes;
    seal(bytes, bytes.length);
    checkReencoding(counts, bytes, checkDecoding(counts, "F6", bytes));
  },
};

/** Every kind with every compression, also those that are no coding. */
export const codesWritten: Section = {
  name: "codes written",
  invariants: ["F6"],
  covers: () =>
    `all ${KINDS.length} kinds x ${COMPRESSIONS.length} compressions: encoded to different codes, or refused`,
  first: () => ({ what: `kind: ${KINDS.join(", ")}`, of: KINDS.length }),
  run(_, first, choice, counts) {
    const compression = chooseFrom(choice, COMPRESSIONS, `compression: ${COMPRESSIONS.join(", ")}`);
    const [kind, payload] = [itemAt(KINDS, first), Buffer.from("stored")];
    const record: Fields = { offset: 1n, prevHash: Buffer.alloc(32), kind, compression, payload };
    const bytes = encoded(record);
    const wanted = kind === "data" || compression === "none" ? laidOut(record)[CODES_AT] : "malformed";
    const seen = typeof bytes === "string" ? bytes : bytes[CODES_AT];
    check(
      counts,
      "F6",
      seen === wanted,
      () => `${kind} in ${compression}: ${String(wanted)}`,
      () => String(seen),
    );
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
    check(
      counts,
      "F6",
      kind === wanted && (kind === undefined || kindCode(kind) === code),
      () => `code ${code} stands for ${wanted ?? "nothing"}`,
      () => (kind === undefined ? "for nothing" : `for ${kind}, whose code is ${kindCode(kind)}`),
    );
  },
};
