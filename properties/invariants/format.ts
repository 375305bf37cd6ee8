/**
 * The format: what bytes mean.
 * @module
 */
import { hexText, isSameEnd } from "../records.ts";
import type { Flaw, Frame } from "../../src/format/record.ts";
import { type Decoded, decodedText, type Decoding, decodesAsLaidOut } from "./decoding.ts";
import type { IndexReading } from "../../model/index-reader.ts";
import { StorageError } from "../../src/index.ts";
import type { CompressionKind, RecordKind } from "../../src/types.ts";
import { type Invariant, invariant } from "./invariant.ts";

/** A record that the engine encoded, or the code with which it refused; the bytes laid out by hand. */
interface Encoded {
  readonly wanted: Uint8Array;
  readonly size: number;
  readonly bytes: Uint8Array | string;
}

/** A record written into the middle of other bytes, with as many before as after it. */
interface Written {
  readonly wanted: Uint8Array;
  readonly size: number;
  readonly around: Uint8Array;
  readonly margin: Uint8Array;
  /** How many bytes the engine says it wrote. */
  readonly written: number;
}

interface Framed {
  readonly size: number;
  readonly frame: Frame | Flaw;
}

/** Two offsets, and what is read of them from records. */
interface OffsetOrder {
  readonly offsets: readonly [bigint, bigint];
  readonly comesFirst: boolean;
  readonly isSame: boolean;
  readonly read: readonly [bigint, bigint];
}

/** Whether a record with the first offset says that it has the second. */
interface OffsetSaid {
  readonly offsets: readonly [bigint, bigint];
  readonly isSame: boolean;
  readonly says: boolean;
}

export const F1: Invariant<
  "F1",
  {
    encoded: Encoded;
    decoded: Decoding;
    written: Written;
    frame: Framed;
    order: OffsetOrder;
    offset: OffsetSaid;
  }
> = invariant("F1", {
  sentence:
    "A record is read back as it was written, and takes 48 bytes more than its stored payload, 58 in the format sentinel.",
  why: "What is not read back as it was written is lost.",
  checkedBy:
    "Every coding of a record with payloads and offsets at the borders, against bytes laid out by hand.",
  checks: {
    encoded: {
      of: "Every coding of a record with payloads, offsets and previous hashes at the borders, encoded: against bytes laid out by hand.",
      parts: ["format"],
      holds: ({ wanted, bytes, size }) =>
        typeof bytes !== "string" && bytes.length === size && Buffer.compare(bytes, wanted) === 0,
      expected: ({ wanted, size }) => `${size} bytes: ${hexText(wanted)}`,
      seen: ({ bytes }) => (typeof bytes === "string" ? bytes : `${bytes.length} bytes: ${hexText(bytes)}`),
    },
    decoded: decodesAsLaidOut("The same records, decoded.", ["format"]),
    written: {
      of: "The same records, written into the middle of other bytes, which stay as they are.",
      parts: ["format"],
      holds: ({ wanted, around, margin, size, written }) =>
        written === size && Buffer.compare(around, Buffer.concat([margin, wanted, margin])) === 0,
      expected: ({ wanted, size }) => `${size} bytes: ${hexText(wanted)}`,
      seen: ({ around, written }) => `${written} bytes: ${hexText(around)}`,
    },
    frame: {
      of: "The size of each such record, as a reader finds it.",
      parts: ["format"],
      holds: ({ frame, size }) => frame.ok && frame.size === size,
      expected: ({ size }) => `a record of ${size} bytes`,
      seen: ({ frame }) => JSON.stringify(frame),
    },
    order: {
      of: "Every two of the offsets at and beside the powers of two, read from records.",
      parts: ["format"],
      holds: ({ comesFirst, isSame, read: [one, other] }) =>
        one < other === comesFirst && (one === other) === isSame,
      expected: ({ offsets: [one, other] }) => `the order of ${String(one)} and ${String(other)}`,
      seen: ({ read: [one, other] }) => `that of ${one} and ${other}`,
    },
    offset: {
      of: "Whether a record says that it has one of these offsets.",
      parts: ["format"],
      holds: ({ isSame, says }) => says === isSame,
      expected: ({ offsets: [one, other], isSame }) =>
        `whether ${String(one)} is ${String(other)}: ${String(isSame)}`,
      seen: ({ says }) => String(says),
    },
  },
});

/** The bytes of a record that was accepted, and what the engine encodes it to. */
interface Reencoded {
  readonly original: Uint8Array;
  readonly again: Uint8Array | string;
}

export const F2: Invariant<"F2", { reencoded: Reencoded }> = invariant("F2", {
  sentence: "Every record has one encoding: what is accepted is written again byte for byte.",
  why: "Bytes that can vary unnoticed are a place to hide things, and make copies differ.",
  checkedBy: "Every value of every byte of records of each sort, the checksum made to fit.",
  checks: {
    reencoded: {
      of: "Every value of every byte of records of each sort, the checksum made to fit, and drawn inputs: what is accepted, encoded again.",
      parts: ["format"],
      holds: ({ original, again }) => typeof again !== "string" && Buffer.compare(again, original) === 0,
      expected: ({ original }) => hexText(original),
      seen: ({ again }) => (typeof again === "string" ? `refused: ${again}` : hexText(again)),
    },
  },
});

/** Bits that were flipped, and what the decoder makes of the bytes. */
interface Flipped {
  readonly flipped: readonly number[];
  readonly bytes: Uint8Array;
  readonly frame: Frame | Flaw;
}

/** Neighbouring bits of which some were flipped, the first and the last among them. */
interface Burst {
  readonly first: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly frame: Frame | Flaw;
}

/**
 * Whether the CRC of a record is linear over some bits, and notices every change of them that leaves the size
 * alone.
 */
interface Crc {
  readonly first: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly isLinear: boolean;
  readonly missesNone: boolean;
}

/** A burst that the CRC misses, and whether the engine takes what it leaves for the record of that place. */
interface LongBurst {
  readonly flipped: readonly number[];
  readonly bytes: Uint8Array;
  readonly accepted: boolean;
}

const frameText = (frame: Frame | Flaw): string =>
  frame.ok ? `a ${frame.kind} record of ${frame.size} bytes` : frame.sentence;

export const F3: Invariant<"F3", { flips: Flipped; burst: Burst; crc: Crc; longBurst: LongBurst }> =
  invariant("F3", {
    sentence:
      "A record in which 1, 2 or 3 bits are flipped, or a burst of up to 32 bits, is rejected where it stands, unless its payload was made for it.",
    why: "These are what media and memory do. A payload made for it holds the checksum of its own beginning, so that a flipped length makes a shorter record of it: one checksum behind a length cannot tell.",
    checkedBy:
      "Every flip of up to so many bits and every short burst by the decoder alone; every burst of up to 32 bits by solving for those that the checksum misses, which must be refused for their offset or previous hash.",
    checks: {
      flips: {
        of: "Every flip of up to so many bits of records of each sort, another record behind each, by the decoder alone.",
        parts: ["format"],
        holds: ({ frame }) => !frame.ok,
        expected: () => "no record",
        seen: ({ flipped, bytes, frame }) =>
          `${frameText(frame)}: bits ${flipped.join(", ")} of ${hexText(bytes)}`,
      },
      burst: {
        of: "Every short burst of flipped bits, and some of each greater length up to 32 bits.",
        parts: ["format"],
        holds: ({ frame }) => !frame.ok,
        expected: () => "no record",
        seen: ({ first, length, bytes, frame }) =>
          `${frameText(frame)}: a burst of ${length} bits from bit ${first}: ${hexText(bytes)}`,
      },
      crc: {
        of: "The CRC over every 32 neighbouring bits, for every size that a record could then claim: it notices every change that leaves the size alone.",
        parts: ["format"],
        holds: ({ isLinear, missesNone }) => isLinear && missesNone,
        expected: () => "a CRC that notices every change of neighbouring bits",
        seen: ({ first, length, bytes, isLinear }) =>
          `${isLinear ? "one that misses some of" : "one that is not linear over"} the ${length} bits from bit ${first} of ${hexText(bytes)}`,
      },
      longBurst: {
        of: "Every burst of up to 32 bits that the CRC misses, found by solving for it: the record is refused for its offset or previous hash.",
        parts: ["format"],
        holds: ({ accepted }) => !accepted,
        expected: () => "no record that fits its place",
        seen: ({ flipped, bytes }) => `one: bits ${flipped.join(", ")} of ${hexText(bytes)}`,
      },
    },
  });

/** What the first bytes of a record are decoded to. */
interface Prefix {
  readonly decoded: Decoded;
  readonly length: number;
  readonly whole: number;
}

export const F4: Invariant<"F4", { prefix: Prefix }> = invariant("F4", {
  sentence:
    "A record whose end is missing is rejected as incomplete, wherever it was cut, and as nothing else.",
  why: "Recovery takes an incomplete record for a torn write, and a damaged one for damage.",
  checkedBy: "Every strict prefix of records of all codings and border sizes.",
  checks: {
    prefix: {
      of: "Every strict prefix of records of all codings and border sizes.",
      parts: ["format"],
      holds: ({ decoded }) => decoded === "incomplete",
      expected: ({ length, whole }) => `incomplete, of ${length} of ${whole} bytes`,
      seen: ({ decoded }) => decodedText(decoded),
    },
  },
});

/** What a reader threw, if it did, and the bytes that it was given. */
interface Thrown {
  readonly error: unknown;
  readonly input: Uint8Array;
}

const errorText = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** An access to a file of so many bytes. */
interface Access {
  readonly isChange: boolean;
  /** How many reads there were, this one included. */
  readonly reads: number;
  /** How many bytes it asks for. */
  readonly asked: number;
  readonly bytes: number;
}

/** A record as a way through a segment sees it. */
interface ReadRecord {
  readonly kind: RecordKind;
  readonly prevHash: Uint8Array;
  readonly payload: Uint8Array;
  readonly hash: Uint8Array;
}

/** What engine and model read from a segment, and what stopped them. */
interface Reading {
  readonly engine: readonly ReadRecord[];
  readonly engineEnds: string | undefined;
  readonly model: readonly ReadRecord[];
  readonly modelEnds: string | undefined;
  readonly bytes: Uint8Array;
}

const isSameRead = (ours: ReadRecord, theirs: ReadRecord | undefined): boolean =>
  theirs?.kind === ours.kind &&
  Buffer.compare(theirs.prevHash, ours.prevHash) === 0 &&
  Buffer.compare(theirs.payload, ours.payload) === 0 &&
  Buffer.compare(theirs.hash, ours.hash) === 0;

const readText = ({ kind, payload, hash }: ReadRecord): string =>
  `${kind} ${hexText(payload)} with hash ${Buffer.from(hash).toString("hex")}`;

/**
 * An index that the engine parsed, if it did; what is read by hand, if it is one; and whether the two say the
 * same.
 */
interface IndexParsed {
  readonly byHand: IndexReading | undefined;
  readonly count: number | undefined;
  readonly isSame: boolean;
  readonly bytes: Uint8Array;
}

/** The same of Kimberlite's index, for a segment of so many records in so many bytes. */
interface KimberliteIndexParsed {
  readonly byHand: readonly number[] | undefined;
  readonly count: number | undefined;
  readonly isSame: boolean;
  readonly records: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

const indexText = ({ entries, end }: IndexReading): string =>
  `${entries.map(({ kind, position }) => `${kind ?? "?"} at ${position}`).join("; ")}; end ${end}`;
const countText = (count: number | undefined): string =>
  count === undefined ? "no index" : `one of ${count} entries`;

/** What the engine takes from a write-ahead file, and what a reader by hand finds in it. */
interface Replayed {
  readonly watermark: number;
  /** How much of the file the engine says is whole frames. */
  readonly size: number;
  readonly framesEnd: number;
  readonly isWhole: boolean;
  readonly bytes: Uint8Array;
}

/** The entries that the engine takes, and all that the whole frames name. */
interface ReplayedEntries {
  readonly positions: readonly number[];
  readonly end: number;
  readonly named: ReadonlySet<number>;
  readonly ends: readonly number[];
  readonly bytes: Uint8Array;
}

/** A manifest as text: read by hand, parsed, and parsed again after it was written. */
interface ManifestParsed {
  readonly byHand: string;
  readonly parsed: string;
  readonly rewritten: string;
  readonly bytes: Buffer;
}

/** What a checkpoint payload is serialized to again, or the code that it is refused with. */
interface CheckpointParsed {
  readonly bytes: Uint8Array;
  readonly again: Uint8Array | string;
}

/** What engine and model expand a payload to, or why they refuse. */
interface Expanded {
  readonly compression: CompressionKind;
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array | string;
  readonly model: Uint8Array | string;
}

/** What a scan of a record's first bytes finds. */
interface Waited {
  /** Whether a record can have this length, or the length is not there yet. */
  readonly isPossible: boolean;
  readonly bytes: number;
  readonly found: Frame | Flaw;
}

/** How many bytes a record claims. */
interface Claimed {
  readonly isPossible: boolean;
  readonly wanted: number;
  readonly engine: number;
  readonly model: number | undefined;
}

export const F5: Invariant<
  "F5",
  {
    decoded: Decoding;
    refusal: Thrown;
    answer: Thrown;
    access: Access;
    reading: Reading;
    index: IndexParsed;
    kimberliteIndex: KimberliteIndexParsed;
    watermark: Replayed;
    entries: ReplayedEntries;
    manifest: ManifestParsed;
    checkpoint: CheckpointParsed;
    expansion: Expanded;
    wait: Waited;
    claim: Claimed;
  }
> = invariant("F5", {
  sentence:
    "Any bytes are read as what they are or refused with a StorageError: no other exception, no allocation beyond the input.",
  why: "A reader that stored bytes can bring down keeps everything else from being read (Kimberlite's index with a count of 2^61).",
  checkedBy:
    "All the shortest inputs, every value of every byte of files of each sort, and drawn inputs, beside readers written from docs/FORMAT.md.",
  checks: {
    decoded: decodesAsLaidOut(
      "All the shortest inputs, every value of every byte of records, and drawn inputs, given to the decoder of records.",
      ["format"],
    ),
    refusal: {
      of: "Every error of a decoder.",
      parts: ["format"],
      holds: ({ error }) => error instanceof StorageError,
      expected: () => "an answer or a StorageError",
      seen: ({ error, input }) => `${errorText(error)} for ${hexText(input)}`,
    },
    answer: {
      of: "Every error of a reader that has to answer whatever the bytes are.",
      parts: ["format"],
      holds: ({ error }) => error === undefined,
      expected: () => "an answer",
      seen: ({ error, input }) => `${errorText(error)} for ${hexText(input)}`,
    },
    access: {
      of: "Every access of a reader to its file: no change, no more reads than bytes, no buffer larger than the file.",
      parts: ["format"],
      holds: ({ isChange, reads, asked, bytes }) => !isChange && reads <= bytes + 1 && asked <= bytes,
      expected: ({ bytes }) => `reads alone, with an end, of at most ${bytes} bytes each`,
      seen: ({ isChange, reads, asked, bytes }) =>
        isChange ? "a change to the file" : `${reads} reads of ${bytes} bytes, the last of ${asked}`,
    },
    reading: {
      of: "The same inputs as a segment: what the engine reads, beside what the model's reader reads.",
      parts: ["format"],
      holds: ({ engine, model }) =>
        engine.length === model.length && engine.every((record, i) => isSameRead(record, model[i])),
      expected: ({ model, modelEnds }) =>
        `what the model's reader reads: ${model.map(readText).join("; ")}; then ${modelEnds ?? "the end"}`,
      seen: ({ engine, engineEnds, bytes }) =>
        `${engine.map(readText).join("; ")}; then ${engineEnds ?? "the end"} in ${hexText(bytes)}`,
    },
    index: {
      of: "The same of saved indexes, beside a reader written from docs/FORMAT.md.",
      parts: ["format"],
      holds: ({ byHand, count, isSame }) =>
        count === undefined ? byHand === undefined : byHand !== undefined && isSame,
      expected: ({ byHand }) => (byHand === undefined ? "no index" : `the index ${indexText(byHand)}`),
      seen: ({ count, bytes }) => `${countText(count)} in ${hexText(bytes)}`,
    },
    kimberliteIndex: {
      of: "The same of indexes as Kimberlite writes them.",
      parts: ["format"],
      holds: ({ byHand, count, isSame }) =>
        count === undefined ? byHand === undefined : byHand !== undefined && isSame,
      expected: ({ byHand, records, end }) =>
        `${byHand?.join(", ") ?? "no index"} for ${records} records in ${end} bytes`,
      seen: ({ count, bytes }) => `${countText(count)} in ${hexText(bytes)}`,
    },
    watermark: {
      of: "The same of write-ahead files of an index: the watermark, and how much of the file is whole frames.",
      parts: ["format"],
      holds: ({ watermark, size, framesEnd, isWhole, bytes }) =>
        isSameEnd(watermark, framesEnd) && isWhole === (size === bytes.length),
      expected: ({ framesEnd, isWhole }) =>
        `the watermark ${framesEnd} in ${isWhole ? "whole frames" : "frames of which the last is not whole"}`,
      seen: ({ watermark, size, bytes }) =>
        `the watermark ${watermark} in ${size} of ${bytes.length} bytes: ${hexText(bytes)}`,
    },
    entries: {
      of: "The same files: every entry that is taken is named by a frame.",
      parts: ["format"],
      holds: ({ positions, end, named, ends }) =>
        positions.every((position, i) => named.has(position) && position > (positions[i - 1] ?? -1)) &&
        (positions.length === 0 ? end === 0 : ends.some((one) => isSameEnd(one, end))) &&
        end > (positions.at(-1) ?? -1),
      expected: () => "what the frames say, in order, or less",
      seen: ({ positions, end, bytes }) => `${positions.length} entries up to ${end} from ${hexText(bytes)}`,
    },
    manifest: {
      of: "The same of manifests, also when what was read is written again.",
      parts: ["format"],
      holds: ({ byHand, parsed, rewritten }) => parsed === byHand && rewritten === byHand,
      expected: ({ byHand }) => `${byHand}, also when it is written again`,
      seen: ({ parsed, rewritten, bytes }) => `${parsed}, and ${rewritten} from ${bytes.toString()}`,
    },
    checkpoint: {
      of: "The same of checkpoint payloads, which have 40 bytes.",
      parts: ["format"],
      holds: ({ bytes, again }) =>
        bytes.length === 40
          ? typeof again !== "string" && Buffer.compare(again, bytes) === 0
          : again === "malformed",
      expected: ({ bytes }) => (bytes.length === 40 ? hexText(bytes) : `malformed, of ${bytes.length} bytes`),
      seen: ({ again }) => (typeof again === "string" ? again : hexText(again)),
    },
    expansion: {
      of: "The same of compressed payloads, beside the model's expansion.",
      parts: ["format"],
      holds: ({ payload, model }) =>
        typeof payload === "string" || typeof model === "string"
          ? typeof payload === typeof model
          : Buffer.compare(payload, model) === 0,
      expected: ({ model }) => (typeof model === "string" ? `a refusal: ${model}` : hexText(model)),
      seen: ({ payload, compression, bytes }) =>
        `${typeof payload === "string" ? payload : hexText(payload)} from the ${compression} payload ${hexText(bytes)}`,
    },
    wait: {
      of: "Lengths at the limit of a payload and beyond it: one beyond is refused as soon as the header is there.",
      parts: ["format"],
      holds: ({ isPossible, found }) => !found.ok && found.code === (isPossible ? "incomplete" : "malformed"),
      expected: ({ isPossible }) => (isPossible ? "an incomplete record" : "a record that is refused"),
      seen: ({ found, bytes }) => `${JSON.stringify(found)} in ${bytes} bytes`,
    },
    claim: {
      of: "How many bytes such a record claims, as the engine and the model say.",
      parts: ["format"],
      holds: ({ isPossible, wanted, engine, model }) =>
        isPossible
          ? engine === wanted && model === wanted
          : engine === Number.POSITIVE_INFINITY && model === 0,
      expected: ({ isPossible, wanted }) =>
        isPossible ? `a claim of ${wanted} bytes` : "no claim that anything could fulfil",
      seen: ({ engine, model }) => `${engine}, and by the model ${String(model)}`,
    },
  },
});

/** The codes in an encoded record, or the code with which it is refused. */
interface CodeWritten {
  readonly kind: RecordKind;
  readonly compression: CompressionKind;
  readonly wanted: string;
  readonly codes: string;
}

/** What a code stands for, and the code of that. */
interface KindCode {
  readonly code: number;
  readonly wanted: RecordKind | undefined;
  readonly kind: RecordKind | undefined;
  readonly back: number | undefined;
}

export const F6: Invariant<"F6", { decoded: Decoding; written: CodeWritten; kind: KindCode }> = invariant(
  "F6",
  {
    sentence:
      "Kinds and compressions have codes of their own that lead back to them; a code that is not assigned is rejected.",
    why: "A kind mistaken for another changes what a record means.",
    checkedBy: "Every value of the byte that holds the codes, and every kind with every compression.",
    checks: {
      decoded: decodesAsLaidOut("Every value of the bytes that hold the codes, in records.", ["format"]),
      written: {
        of: "Every kind with every compression, encoded.",
        parts: ["format"],
        holds: ({ wanted, codes }) => codes === wanted,
        expected: ({ kind, compression, wanted }) => `${kind} in ${compression}: ${wanted}`,
        seen: ({ codes }) => codes,
      },
      kind: {
        of: "Every value of a byte that holds a kind alone.",
        parts: ["format"],
        holds: ({ code, wanted, kind, back }) => kind === wanted && (kind === undefined || back === code),
        expected: ({ code, wanted }) => `code ${code} stands for ${wanted ?? "nothing"}`,
        seen: ({ kind, back }) => (kind === undefined ? "for nothing" : `for ${kind}, whose code is ${back}`),
      },
    },
  },
);
