/**
 * Seeded defects of tombstones: of what they hide, and how that is found again.
 * @module
 */
import type { Defect } from "./defect.ts";

const kind = "tombstones";

export const TOMBSTONES: readonly Defect[] = [
  {
    id: "hidden-until-closed",
    kind,
    sentence:
      "What a tombstone hides is kept in memory only, and is shown again when the stream is opened anew.",
    file: "src/stream/hidden-records.ts",
    find: "if (tombstones.length > 0) this.#ranges = this.#ranges.with(tombstones.map(rangeOf));",
    replace: "",
    invariant: "I1",
    part: "crashes",
    bounds: { operations: ["append+sync", "tombstone"], length: 2 },
  },
  {
    id: "hidden-by-the-last-segment-only",
    kind,
    sentence: "Tombstones in sealed segments are not looked for.",
    file: "src/stream/hidden-records.ts",
    find: "segments.length) - 1; i >= 0; i -= 1)",
    replace: "segments.length) - 1; i >= segments.length - 1; i -= 1)",
    invariant: "I1",
    part: "crashes",
    bounds: { operations: ["append+sync", "tombstone"], length: 3, maxSegmentBytes: 110, checkpointEvery: 0 },
  },
  {
    id: "a-late-read-knows-all",
    kind,
    sentence: "Once a read has looked for tombstones after its offset, none is looked for before it.",
    file: "src/stream/hidden-records.ts",
    find: "      this.#knownFrom = i;\n",
    replace: "      this.#knownFrom = 0;\n",
    test: "src/tombstone.test.ts",
  },
  {
    id: "hidden-one-too-many",
    kind,
    sentence: "A tombstone hides the record after those that it names, too.",
    file: "src/format/offset-ranges.ts",
    find: "to: Number(first + count) };",
    replace: "to: Number(first + count) + 1 };",
    invariant: "I1",
    part: "crashes",
    bounds: { operations: ["batch", "tombstone"], length: 2 },
  },
  {
    id: "hidden-before-it-is-there",
    kind,
    sentence: "A tombstone hides records although appending it fails.",
    file: "src/stream/stream.ts",
    find: `    return this.#write(expectedOffset, fsync, prepare, () => {
      this.#hidden.add(tombstone);
    });`,
    replace: `    this.#hidden.add(tombstone);
    return this.#write(expectedOffset, fsync, prepare);`,
    invariant: "D7",
    part: "failing-calls",
    bounds: { operations: ["append+sync", "tombstone"], faultLength: 2 },
  },
  {
    id: "tombstone-fields-exchanged",
    kind,
    sentence: "A tombstone is written with the count before the first offset.",
    file: "src/format/tombstone.ts",
    find: `  bytes.writeBigUInt64LE(first, 0);
  bytes.writeBigUInt64LE(count, 8);`,
    replace: `  bytes.writeBigUInt64LE(count, 0);
  bytes.writeBigUInt64LE(first, 8);`,
    invariant: "M1",
    part: "crashes",
    bounds: { operations: ["append+sync", "tombstone"], length: 2 },
  },
  {
    id: "tombstone-of-anything",
    kind,
    sentence: "A tombstone of a record that is no data is accepted.",
    file: "src/requests.ts",
    find: `if (record?.kind === "data" || record?.kind === "redacted") continue;`,
    replace: `if (record !== undefined) continue;`,
    test: "src/tombstone.test.ts",
  },
  {
    id: "tombstone-of-what-is-to-come",
    kind,
    sentence: "A tombstone that names itself, or records after it, is read.",
    file: "src/format/misfit.ts",
    find: "return count > 0n && first + count <= BigInt(offset) ? undefined : BAD_TOMBSTONE;",
    replace: "return count > 0n ? undefined : BAD_TOMBSTONE;",
    invariant: "H4",
    part: "tampering",
    bounds: { tamperedRecords: 2 },
  },
  {
    id: "index-of-another-segment-hides",
    kind,
    sentence: "Tombstones are looked for where the saved index of a sealed segment says, whatever its hash.",
    file: "src/stream/hidden-records.ts",
    find: "return next === undefined || sameHash(next.prevHash, head);",
    replace: "return true;",
    test: "src/tombstone.test.ts",
  },
  {
    id: "damaged-tombstone-hides-nothing",
    kind,
    sentence: "A tombstone that cannot be read is passed over, and what it hid is shown.",
    file: "src/stream/hidden-records.ts",
    find: "await recordAtOffset(source, firstOffset + index.placeOf(ordinal));",
    replace: "await recordAtOffset(source, firstOffset + index.placeOf(ordinal)).catch(() => undefined);",
    test: "src/tombstone.test.ts",
  },
  {
    id: "limit-counts-hidden-records",
    kind,
    sentence: "The limit of a read counts records that are hidden.",
    file: "src/base-storage.ts",
    find: "{ bytes, records: request.limit, counts });",
    replace: `{ bytes, records: request.limit, counts: ({ kind }) => kind === "data" });`,
    test: "src/tombstone.test.ts",
  },
];
