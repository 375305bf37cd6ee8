/**
 * F1: records of all codings, with payloads and offsets at the borders, are encoded as the format says and
 * decoded to what they were.
 * @module
 */
import { formatNamed } from "../../src/format/formats.ts";
import { encodeInto, frameAt, offsetAt, saysOffset } from "../../src/format/record.ts";
import type { Offset } from "../../src/types.ts";
import { F1 } from "../invariants/format.ts";
import { observe } from "../tally.ts";
import { codingsOf, type Fields, laidOut, layoutOf, overheadBytes } from "./layout.ts";
import { checkDecoding, encoded } from "./outcome.ts";
import { boundaryOffsets, COUNTING, filled, fillsOf, PAYLOAD_SIZES, previousHashes } from "./samples.ts";
import { chooseFrom, itemAt, numberText, perFormat, type Section } from "./section.ts";

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
  covers: ({ format }) =>
    `${codingsOf(format).length} codings x payloads of ${PAYLOAD_SIZES.map(numberText).join("; ")} bytes x ${fillsOf(format).length} contents ` +
    `(${fillsOf(format)
      .map(({ name }) => name)
      .join(
        "; ",
      )}) x ${boundaryOffsets(format).length} offsets from 0 to 2^${layoutOf(format).offsetBits} - 1 ` +
    `x ${previousHashes(format).length} previous hashes (1 from ${numberText(EVERY_HASH_BYTES_MAX)} bytes on)`,
  first: ({ format }) => ({
    what: `coding: ${codingsOf(format).map(codingText).join(", ")}`,
    of: codingsOf(format).length,
  }),
  run({ format }, first, choice, counts) {
    const layout = formatNamed(format);
    const size = chooseFrom(choice, PAYLOAD_SIZES, `payload bytes: ${PAYLOAD_SIZES.join(", ")}`);
    const fills = size === 0 ? fillsOf(format).slice(0, 1) : fillsOf(format);
    const fill = chooseFrom(choice, fills, `content: ${fills.map(({ name }) => name).join(", ")}`);
    const offsets = boundaryOffsets(format);
    const offset = chooseFrom(choice, offsets, `offset: ${offsets.join(", ")}`);
    const previous =
      size > EVERY_HASH_BYTES_MAX ? previousHashes(format).slice(0, 1) : previousHashes(format);
    const prevHash = chooseFrom(choice, previous, "previous hash: zeros, 0xff, a hash");
    const coding = itemAt(codingsOf(format), first);
    const record: Fields = { ...coding, offset, prevHash, payload: filled(size, fill) };
    const wanted = laidOut(format, record);

    const bytes = encoded(format, record);
    const whole = overheadBytes(format) + size;
    observe(counts, F1.encoded, { wanted, size: whole, bytes });
    checkDecoding(counts, F1.decoded, format, wanted);

    const around = Buffer.alloc(wanted.length + 2 * MARGIN, MARK);
    const written = encodeInto(layout, around, MARGIN, { ...record, offset: offset as Offset });
    const margin = Buffer.alloc(MARGIN, MARK);
    observe(counts, F1.written, { wanted, size: whole, around, margin, written });
    const frame = frameAt(layout, around, MARGIN, around.length);
    observe(counts, F1.frame, { size: whole, frame });
  },
};

/** Every power of two that an offset can be, with what is beside it, in records of no payload. */
const recordsByOffset = perFormat((format) => {
  const { offsetBits } = layoutOf(format);
  const powers = Array.from({ length: offsetBits }, (_, power) => 2n ** BigInt(power));
  const offsets = new Set([
    0n,
    ...powers.flatMap((at) => [at - 1n, at, at + 1n]),
    2n ** BigInt(offsetBits) - 1n,
  ]);
  const fields = { prevHash: Buffer.alloc(32), kind: "data", compression: "none" } as const;
  return [...offsets]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((offset) => ({
      offset,
      bytes: laidOut(format, { ...fields, offset, payload: Buffer.alloc(0) }),
    }));
});

export const offsetOrder: Section = {
  name: "offset order",
  invariants: ["F1"],
  covers: ({ format }) => {
    const { offsetBits } = layoutOf(format);
    return (
      `every pair of ${recordsByOffset(format).length} offsets: ` +
      `all powers of two below 2^${offsetBits} and what is beside them, and 2^${offsetBits} - 1`
    );
  },
  first: ({ format }) => ({ what: "first offset", of: recordsByOffset(format).length }),
  run({ format }, first, choice, counts) {
    const layout = formatNamed(format);
    const records = recordsByOffset(format);
    const second = choice.choose(records.length, "second offset");
    const [one, other] = [itemAt(records, first), itemAt(records, second)];
    const read = [offsetAt(layout, one.bytes, 0), offsetAt(layout, other.bytes, 0)] as const;
    const offsets = [one.offset, other.offset] as const;
    const isSame = first === second;
    observe(counts, F1.order, { offsets, comesFirst: first < second, isSame, read });
    if (other.offset > BigInt(Number.MAX_SAFE_INTEGER)) return;
    const says = saysOffset(layout, one.bytes, 0, Number(other.offset));
    observe(counts, F1.offset, { offsets, isSame, says });
  },
};

const SMALL_NUMBERS = 4097;

export const smallNumbers: Section = {
  name: "small numbers",
  invariants: ["F1"],
  covers: () =>
    `payloads of every size, and empty ones at every offset, from 0 to ${numberText(SMALL_NUMBERS - 1)}`,
  first: () => ({ what: "varied: payload bytes, offset", of: 2 }),
  run({ format }, varied, choice, counts) {
    const number = choice.choose(SMALL_NUMBERS, "number");
    const [size, offset] = varied === 0 ? [number, 0n] : [0, BigInt(number)];
    const payload = filled(size, COUNTING);
    const coding = itemAt(codingsOf(format), 0);
    const record: Fields = { ...coding, offset, prevHash: Buffer.alloc(32), payload };
    const wanted = laidOut(format, record);
    const bytes = encoded(format, record);
    observe(counts, F1.encoded, { wanted, size: overheadBytes(format) + size, bytes });
    checkDecoding(counts, F1.decoded, format, wanted);
  },
};
