/**
 * F1: records of all codings, with payloads and offsets at the borders, are encoded as the format says and decoded to what they were.
 * @module
 */
import { encodeInto, frameAt, offsetAt, saysOffset } from "../../src/record.ts";
import type { Offset } from "../../src/types.ts";
import { check } from "../tally.ts";
import { CODINGS, type Fields, laidOut } from "./layout.ts";
import { checkDecoding, encoded } from "./outcome.ts";
import { BOUNDARY_OFFSETS, FILLS, filled, PAYLOAD_SIZES, PREVIOUS_HASHES } from "./samples.ts";
import { chooseFrom, hexText, itemAt, numberText, type Section } from "./section.ts";

const codingText = ({ kind, compression }: Pick<Fields, "kind" | "compression">): string =>
  compression === "none" ? kind : `${kind} in ${compression}`;

/** Larger payloads are tried behind one previous hash only: each costs as much as a thousand small ones. */
const EVERY_HASH_BYTES_MAX = 4096;
/** Bytes that must stay as they are, around a record that is written into the middle. */
const MARGIN = 3;
const MARK = 0xa5;

export const roundTrip: Section = {
  name: "round trip",
  invariants: ["F1"],
  covers: () =>
    `${CODINGS.length} codings x payloads of ${PAYLOAD_SIZES.map(numberText).join("; ")} bytes x ${FILLS.length} contents ` +
    `(${FILLS.map(({ name }) => name).join("; ")}) x ${BOUNDARY_OFFSETS.length} offsets from 0 to 2^63 - 1 x ${PREVIOUS_HASHES.length} previous hashes (1 from ${numberText(EVERY_HASH_BYTES_MAX)} bytes on)`,
  first: () => ({ what: `coding: ${CODINGS.map(codingText).join(", ")}`, of: CODINGS.length }),
  run(_, first, choice, counts) {
    const size = chooseFrom(choice, PAYLOAD_SIZES, `payload bytes: ${PAYLOAD_SIZES.join(", ")}`);
    const fills = size === 0 ? FILLS.slice(0, 1) : FILLS;
    const fill = chooseFrom(choice, fills, `content: ${fills.map(({ name }) => name).join(", ")}`);
    const offset = chooseFrom(choice, BOUNDARY_OFFSETS, `offset: ${BOUNDARY_OFFSETS.join(", ")}`);
    const previous = size > EVERY_HASH_BYTES_MAX ? PREVIOUS_HASHES.slice(0, 1) : PREVIOUS_HASHES;
    const prevHash = chooseFrom(choice, previous, "previous hash: zeros, 0xff, a hash");
    const record: Fields = { ...itemAt(CODINGS, first), offset, prevHash, payload: filled(size, fill) };
    const wanted = laidOut(record);

    const bytes = encoded(record);
    check(
      counts,
      "F1",
      typeof bytes !== "string" && Buffer.compare(bytes, wanted) === 0,
      () => hexText(wanted),
      () => (typeof bytes === "string" ? bytes : hexText(bytes)),
    );
    checkDecoding(counts, "F1", wanted);

    const around = Buffer.alloc(wanted.length + 2 * MARGIN, MARK);
    const written = encodeInto(around, MARGIN, { ...record, offset: offset as Offset });
    const mark = Buffer.alloc(MARGIN, MARK);
    check(
      counts,
      "F1",
      written === 48 + size && Buffer.compare(around, Buffer.concat([mark, wanted, mark])) === 0,
      () => `${48 + size} bytes: ${hexText(wanted)}`,
      () => `${written} bytes: ${hexText(around)}`,
    );
    const frame = frameAt(around, MARGIN, around.length);
    check(
      counts,
      "F1",
      frame.ok && frame.size === 48 + size,
      () => `a record of ${48 + size} bytes`,
      () => JSON.stringify(frame),
    );
  },
};

/** Every power of two that an offset can be, with what is beside it. */
const OFFSETS: readonly bigint[] = [
  ...new Set([
    0n,
    ...Array.from({ length: 63 }, (_, power) => 2n ** BigInt(power)).flatMap((at) => [at - 1n, at, at + 1n]),
    2n ** 63n - 1n,
  ]),
].sort((a, b) => (a < b ? -1 : 1));

const RECORDS_AT = OFFSETS.map((offset) =>
  laidOut({
    offset,
    prevHash: Buffer.alloc(32),
    kind: "data",
    compression: "none",
    payload: Buffer.alloc(0),
  }),
);

export const offsetOrder: Section = {
  name: "offset order",
  invariants: ["F1"],
  covers: () =>
    `every pair of ${OFFSETS.length} offsets: all powers of two below 2^63 and what is beside them, and 2^63 - 1`,
  first: () => ({ what: "first offset", of: OFFSETS.length }),
  run(_, first, choice, counts) {
    const second = choice.choose(OFFSETS.length, "second offset");
    const [a, b] = [offsetAt(itemAt(RECORDS_AT, first), 0), offsetAt(itemAt(RECORDS_AT, second), 0)];
    check(
      counts,
      "F1",
      a < b === first < second && (a === b) === (first === second),
      () => `the order of ${itemAt(OFFSETS, first)} and ${itemAt(OFFSETS, second)}`,
      () => `that of ${a} and ${b}`,
    );
    const asked = itemAt(OFFSETS, second);
    if (asked > BigInt(Number.MAX_SAFE_INTEGER)) return;
    const says = saysOffset(itemAt(RECORDS_AT, first), 0, Number(asked));
    check(
      counts,
      "F1",
      says === (first === second),
      () => `whether ${itemAt(OFFSETS, first)} is ${asked}: ${first === second}`,
      () => String(says),
    );
  },
};

const SMALL_NUMBERS = 4097;

export const smallNumbers: Section = {
  name: "small numbers",
  invariants: ["F1"],
  covers: () =>
    `payloads of every size, and empty ones at every offset, from 0 to ${numberText(SMALL_NUMBERS - 1)}`,
  first: () => ({ what: "varied: payload bytes, offset", of: 2 }),
  run(_, varied, choice, counts) {
    const number = choice.choose(SMALL_NUMBERS, "number");
    const [size, offset] = varied === 0 ? [number, 0n] : [0, BigInt(number)];
    const payload = filled(size, itemAt(FILLS, 2));
    const record: Fields = { ...itemAt(CODINGS, 0), offset, prevHash: Buffer.alloc(32), payload };
    const wanted = laidOut(record);
    const bytes = encoded(record);
    check(
      counts,
      "F1",
      typeof bytes !== "string" && bytes.length === 48 + size && Buffer.compare(bytes, wanted) === 0,
      () => `${48 + size} bytes: ${hexText(wanted)}`,
      () => (typeof bytes === "string" ? bytes : `${bytes.length} bytes: ${hexText(bytes)}`),
    );
    checkDecoding(counts, "F1", wanted);
  },
};
