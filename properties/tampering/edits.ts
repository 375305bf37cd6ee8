/**
 * What somebody may do to the files of a log who knows the format: every kind of edit, with the rule that
 * says what of it must be revealed. Checksums reveal nothing here, for the forger sets them right.
 * @module
 */
import type { RawRecord, Wanted } from "./forged-log.ts";
import {
  anyRecord,
  bordersMoved,
  compressed,
  cut,
  duplicated,
  exchanged,
  flipped,
  folded,
  FORGED,
  gap,
  type Placement,
  inPlace,
  inserted,
  isCheckpoint,
  isData,
  isLater,
  KEPT,
  type Substitution,
  made,
  type SubstitutionMaker,
  nothing,
  pick,
  removed,
  reordered,
  tailReplaced,
  torn,
  unfolded,
} from "./forging.ts";
import type { Choice } from "../../explore/choice.ts";
import { standingFor } from "../../model/redacted.ts";
import { naming } from "../../model/tombstone.ts";
import type { Format } from "../../src/types.ts";
import { type Original, otherStream, type Payloads } from "./original.ts";
import { folding, foldingUncounted, fork, never, OTHER_COUNT, OTHER_HEAD, type Rule, same } from "./rules.ts";

export interface Edit {
  readonly name: string;
  readonly rule: Rule;
  readonly make: SubstitutionMaker;
  /** What the log's data records say, if not a letter each. */
  readonly payloads?: Payloads;
}

/** An edit that moves records: with their links as they were, and with everything made to fit. */
function moving(
  name: string,
  rule: Rule,
  make: (log: Original, choice: Choice, how: Placement, format: Format) => Substitution | undefined,
): Edit[] {
  const kept: SubstitutionMaker = (log, choice, format) =>
    make(log, choice, pick(choice, "the records", KEPT), format);
  return [
    { name: `${name}, not made to fit`, rule: never, make: kept },
    { name: `${name}, made to fit`, rule, make: (log, choice, format) => make(log, choice, made, format) },
  ];
}

/** Every edit, those that are no edit of the log first. */
export function editsOf(format: Format): readonly Edit[] {
  return format === "plain" ? PLAIN : SENTINEL;
}

const NOTHING: readonly Edit[] = [
  { name: "nothing", rule: same, make: nothing },
  { name: "data record stored compressed", rule: same, make: inPlace(isData, storedCompressed) },
  { name: "segment borders moved", rule: same, make: bordersMoved },
  {
    name: "payload of a data record changed",
    rule: fork(OTHER_HEAD),
    make: inPlace(isData, ({ payload }, choice) => {
      const payloads = { other: FORGED, longer: Buffer.concat([payload, FORGED]), empty: Buffer.alloc(0) };
      return { kind: "data", payload: pick(choice, "new payload", payloads) };
    }),
  },
  {
    name: "data record replaced by a checkpoint",
    rule: fork(OTHER_HEAD),
    make: inPlace(isData, () => ({ kind: "checkpoint" })),
  },
  {
    name: "kind changed from data to checkpoint, the payload being what a checkpoint's would be",
    rule: fork(OTHER_HEAD),
    payloads: "imitations",
    make: inPlace(
      (record) => isData(record) && isLater(record),
      ({ payload }) => ({ kind: "checkpoint", payload }),
    ),
  },
  {
    name: "kind changed from checkpoint to data",
    rule: fork(OTHER_HEAD),
    make: inPlace(isCheckpoint, ({ payload }) => ({ kind: "data", payload })),
  },
];

const BETWEEN: readonly Edit[] = [
  {
    name: "kind changed to one that the payload does not allow",
    rule: never,
    make: inPlace(isData, ({ payload }, choice) => {
      return {
        kind: pick(choice, "kind", { checkpoint: "checkpoint", redacted: "redacted" } as const),
        payload,
      };
    }),
  },
  {
    name: "compression code changed",
    rule: never,
    make: inPlace(anyRecord, ({ kind, payload }, choice) => {
      const compression = pick(choice, "code", { lz4: 1, zstd: 2, "not assigned": 3 });
      return { kind, payload, stored: { compression, bytes: payload } };
    }),
  },
  { name: "checkpoint stored compressed", rule: never, make: inPlace(isCheckpoint, storedCompressed) },
];

const PLACES: readonly Edit[] = [
  {
    name: "hash of the record before changed",
    rule: never,
    make: inPlace(anyRecord, ({ kind, payload, prevHash }, choice) => {
      const bit = pick(choice, "a bit of", { "its first byte": 0, "its last byte": 31 });
      return { kind, payload, prevHash: flipped(prevHash, bit) };
    }),
  },
  {
    name: "offset changed",
    rule: never,
    make: inPlace(anyRecord, ({ kind, payload, offset }, choice) => {
      const by = pick(choice, "by", { "1": 1n, "minus 1": -1n, "2 to the 32": 1n << 32n });
      return { kind, payload, offset: offset + by };
    }),
  },
  { name: "records removed, not the last ones", rule: fork(OTHER_COUNT), make: removed },
  { name: "tail cut off", rule: fork(OTHER_COUNT), make: cut },
  {
    name: "forged records inserted",
    rule: fork(OTHER_COUNT),
    make: (log, choice) => inserted(choice.choose(log.length, "before record"), choice),
  },
  {
    name: "forged records appended",
    rule: fork(OTHER_COUNT),
    make: (log, choice) => inserted(log.length, choice),
  },
  ...moving("record duplicated", fork(OTHER_COUNT), duplicated),
  ...moving("records reordered", fork(OTHER_HEAD), reordered),
  ...moving("record replaced by another stream's", fork(OTHER_HEAD), (log, choice, how, format) =>
    inPlace(isLater, ({ offset }) => anothers(format, how, Number(offset)))(log, choice, format),
  ),
  ...moving(
    "tail replaced by another stream's, as many records",
    fork(OTHER_HEAD),
    (log, choice, how, format) => tailReplaced(log, choice, how, format, ["as many"]),
  ),
  ...moving(
    "tail replaced by another stream's, more or fewer",
    fork(OTHER_COUNT),
    (log, choice, how, format) => tailReplaced(log, choice, how, format, ["one more", "one fewer"]),
  ),
  {
    name: "all rewritten, as many records",
    rule: fork(OTHER_HEAD),
    make: (log, _, format) => ({ from: 0, until: log.length, put: otherStream(format, log.length) }),
  },
  {
    name: "all rewritten, more or fewer",
    rule: fork(OTHER_COUNT),
    make: (log, choice, format) => {
      const records = log.length + pick(choice, "how many", { "one more": 1, "one fewer": -1 });
      return records === 0 ? undefined : { from: 0, until: log.length, put: otherStream(format, records) };
    },
  },
];

/** The stream's last segment ends as a torn append leaves it. */
export const LAST_SEGMENT_TORN: Edit = {
  name: "last segment truncated inside a record, or extended by bytes that are no record",
  rule: never,
  make: torn,
};

const SEGMENTS: readonly Edit[] = [
  { name: "segment files exchanged", rule: never, make: exchanged },
  { name: "segment file removed, not the last one", rule: never, make: gap },
  LAST_SEGMENT_TORN,
];

/** A checkpoint whose payload says something else. */
const inCheckpoint = (
  payloads: (payload: Uint8Array) => Readonly<Record<string, Uint8Array>>,
): SubstitutionMaker =>
  inPlace(isCheckpoint, ({ payload }, choice) => ({
    kind: "checkpoint",
    payload: pick(choice, "what", payloads(payload)),
  }));

const otherCounts = (payload: Uint8Array): Readonly<Record<string, Uint8Array>> => ({
  count: flipped(payload, 32),
  "count by 2 to the 56": flipped(payload, 39),
});

const tombstone: SubstitutionMaker = inPlace(anyRecord, ({ payload }) => ({ kind: "tombstone", payload }));

const hidingNothing: SubstitutionMaker = inPlace(isLater, ({ offset }, choice) => ({
  kind: "tombstone",
  payload: pick(choice, "names", {
    nothing: naming(0n, 0n),
    itself: naming(offset, 1n),
    "a record before it and itself": naming(offset - 1n, 2n),
    "more than there can be": naming(1n, 2n ** 64n - 1n),
  }),
}));
const hiding: SubstitutionMaker = inPlace(isLater, () => ({ kind: "tombstone", payload: naming(0n, 1n) }));

/** As compaction would do it: no hash changes. */
const redacted: SubstitutionMaker = inPlace(isData, ({ hash }) => ({
  kind: "redacted",
  payload: standingFor(hash, 1n),
}));

const FOLDED = "first records folded into one with their hash in its payload";
const UNFOLDED: Edit = {
  name: "first record, a hash in its payload, unfolded into two",
  rule: folding,
  payloads: "hash first",
  make: unfolded,
};

const PLAIN: readonly Edit[] = [
  ...NOTHING,
  { name: "data record redacted that no tombstone names", rule: never, make: redacted },
  // None of the payloads here names records before it.
  { name: "kind changed to tombstone", rule: never, make: tombstone },
  { name: "replaced by a tombstone of the first record", rule: fork(OTHER_HEAD), make: hiding },
  { name: "replaced by a tombstone of no record before it", rule: never, make: hidingNothing },
  ...BETWEEN,
  {
    name: "hash or count in a checkpoint changed",
    rule: never,
    make: inCheckpoint((payload) => ({
      hash: flipped(payload, 31),
      ...otherCounts(payload),
      "a byte more": Buffer.concat([payload, FORGED]),
    })),
  },
  ...PLACES,
  { name: FOLDED, rule: folding, make: folded },
  UNFOLDED,
  ...SEGMENTS,
];

/**
 * Kimberlite's format: it has tombstones, it checks no counts, and a hash can be taken for a payload only if
 * it begins with the code of a kind.
 */
const SENTINEL: readonly Edit[] = [
  ...NOTHING,
  { name: "kind changed to tombstone", rule: fork(OTHER_HEAD), make: tombstone },
  ...BETWEEN,
  {
    name: "hash in a checkpoint changed",
    rule: never,
    make: inCheckpoint((payload) => ({
      hash: flipped(payload, 31),
      "a byte more": Buffer.concat([payload, FORGED]),
    })),
  },
  { name: "count in a checkpoint changed", rule: fork(OTHER_HEAD), make: inCheckpoint(otherCounts) },
  ...PLACES,
  { name: FOLDED, rule: foldingUncounted, payloads: "hidden first", make: folded },
  { ...UNFOLDED, rule: foldingUncounted },
  ...SEGMENTS,
];

function anothers(format: Format, how: Placement, offset: number): Wanted {
  const record = otherStream(format, offset + 1)[offset];
  if (record === undefined) throw new RangeError(`The other stream has no record ${offset}.`);
  return how(record);
}

function storedCompressed(record: RawRecord, choice: Choice): Wanted {
  const compression = pick(choice, "compression", { lz4: 1, zstd: 2 } as const);
  const { kind, payload } = record;
  return { kind, payload, stored: compressed(record, compression) };
}
