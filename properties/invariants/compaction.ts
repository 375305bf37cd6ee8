/**
 * Compaction: what it erases, and what it leaves as it was.
 * @module
 */
import { erasedBy } from "../../model/compaction.ts";
import { isHidden, type ModelLog, type ShownRecord } from "../../model/log.ts";
import { namedBy } from "../../model/tombstone.ts";
import type { StreamStatus } from "../../src/index.ts";
import { inFull } from "../erased.ts";
import { show } from "../records.ts";
import { isReplaced } from "../segment-names.ts";
import { type Answered, answersAsTheModel, showsTheLog, type WholeRead } from "./agreement.ts";
import { type Invariant, invariant } from "./invariant.ts";

export const K1: Invariant<"K1", { records: WholeRead; answer: Answered }> = invariant("K1", {
  sentence: "Compaction changes no visible record, no hash, no head.",
  why: "What was proven of a log must stay proven when a part of it is erased: anchors are kept elsewhere, and cannot be changed.",
  checkedBy:
    "Workloads compact the stream, which is then read in every way; so is a storage that never rotates, and compresses what it compacts.",
  format: "plain",
  checks: {
    records: showsTheLog(
      "Every stream after its compaction, where redacted records pass for what they stand for.",
      ["crashes"],
    ),
    answer: answersAsTheModel("Whether compaction succeeds, and with which error it is refused.", [
      "crashes",
    ]),
  },
});

/** What recovery shows of a stream that has been compacted, or whose compaction was crashed. */
interface RecoveredCompacted {
  readonly stream: bigint;
  readonly log: ModelLog;
  /** As it was read, redacted records and all. */
  readonly read: readonly ShownRecord[];
  readonly segments: StreamStatus["segments"];
}

/** Offsets of the data records in a range that the first so many tombstones of some records hide. */
function hiddenBy(records: readonly ShownRecord[], tombstones: number, from: bigint, to: bigint): string {
  const named = records
    .filter(({ kind }) => kind === "tombstone")
    .slice(0, tombstones)
    .map(({ payload, offset }) => namedBy(payload, offset));
  return offsetsOf(
    records.filter(
      ({ kind, offset }) =>
        kind === "data" &&
        offset >= from &&
        offset < to &&
        named.some((range) => range !== undefined && range.first <= offset && offset < range.end),
    ),
  );
}

const offsetsOf = (records: readonly ShownRecord[]): string => records.map(({ offset }) => offset).join(" ");

/** The first segment that was not compacted as of one moment: by the tombstones that there were then. */
function halfCompacted({
  log,
  read,
  segments,
}: RecoveredCompacted): StreamStatus["segments"][number] | undefined {
  const full = inFull(log, read);
  const left = new Set(read.map(({ offset, kind }) => (kind === "redacted" ? undefined : offset)));
  const tombstones = full.filter(({ kind }) => kind === "tombstone").length;
  return segments.find(({ firstOffset: from, nextOffset: to }) => {
    const erased = full.filter(({ offset }) => offset >= from && offset < to && !left.has(offset));
    const moments = Array.from({ length: tombstones + 1 }, (_, count) => hiddenBy(full, count, from, to));
    return !moments.includes(offsetsOf(erased));
  });
}

/** The manifest of a stream that is at rest. */
interface ManifestAtRest {
  readonly path: string;
  readonly manifest: string;
}

export const K2: Invariant<"K2", { recovery: RecoveredCompacted; finished: ManifestAtRest }> = invariant(
  "K2",
  {
    sentence: "Compaction is atomic: a crash leaves a segment as it was or compacted, nothing else.",
    why: "A segment is replaced by one renaming. What a crash leaves half done beside it must not count.",
    checkedBy:
      "Compaction is crashed at every moment, in every state that this may leave, and so is the recovery from that. D1 to D5 are held there as after every crash.",
    format: "plain",
    checks: {
      recovery: {
        of: "Every recovery that shows redacted records: in each segment, all that the tombstones of one moment hide is erased, or nothing.",
        parts: ["crashes"],
        holds: (recovered) => halfCompacted(recovered) === undefined,
        expected: ({ stream }) => `each segment of stream ${String(stream)} to be as it was or compacted`,
        seen: (recovered) =>
          `${show(recovered.read)}: the segment from ${String(halfCompacted(recovered)?.firstOffset)} on is neither`,
      },
      finished: {
        of: "The manifest after every compaction, and after every recovery of a stream in which a record is hidden.",
        parts: ["crashes"],
        holds: ({ manifest }) => !manifest.includes('"replacing"'),
        expected: ({ path }) => `the manifest of ${path} to say of no segment that it is being replaced`,
        seen: ({ manifest }) => manifest,
      },
    },
  },
);

/** A stream's directory after its compaction. */
interface CompactedDirectory {
  readonly path: string;
  readonly log: ModelLog;
  /** What the model's reader finds in the segments. */
  readonly records: readonly ShownRecord[];
  /** The files, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What compaction leaves half done: a segment under another name, or one whose place another one takes. */
const isUnfinished = (name: string, _: number, names: readonly string[]): boolean =>
  name.endsWith(".log.tmp") || isReplaced(name, names);

/** Shorter payloads may be anywhere by chance. */
const SEARCHED_BYTES_MIN = 16;

/** What of the hidden records is left in a directory, in words. */
function remainderIn({ log, records, files }: CompactedDirectory): string | undefined {
  const left = records.find(({ kind, offset }) => kind === "data" && isHidden(log, offset));
  if (left !== undefined) return `the record at ${String(left.offset)} in a segment`;
  const own = [...files].filter(([name]) => !name.startsWith("quarantine/"));
  const unfinished = own.map(([name]) => name).find(isUnfinished);
  if (unfinished !== undefined) return `the file ${unfinished}`;
  const visible = records.filter(({ kind }) => kind === "data").map(({ payload }) => Buffer.from(payload));
  for (const { kind, offset, payload } of log.records) {
    const isSearched = kind === "data" && payload.length >= SEARCHED_BYTES_MIN && isHidden(log, offset);
    if (!isSearched || visible.some((shown) => shown.includes(Buffer.from(payload)))) continue;
    const holding = own.find(([, bytes]) => Buffer.from(bytes).includes(Buffer.from(payload)));
    if (holding !== undefined) return `the payload of the record at ${String(offset)} in ${holding[0]}`;
  }
  return undefined;
}

/** The names in a stream's directory. */
interface Names {
  readonly path: string;
  readonly names: readonly string[];
}

export const K3: Invariant<"K3", { directory: CompactedDirectory; unfinished: Names }> = invariant("K3", {
  sentence:
    "After compaction no byte of a hidden payload is left in the stream's directory, quarantine aside.",
  why: "A right to erasure is one to have the bytes gone.",
  checkedBy:
    "After every compaction, also one behind a crash, the model's reader looks for hidden records in the segments, and all files are searched for payloads that are long enough.",
  format: "plain",
  checks: {
    directory: {
      of: "The directory of every stream that was compacted.",
      parts: ["crashes"],
      holds: (directory) => remainderIn(directory) === undefined,
      expected: ({ path }) => `nothing of the hidden records to be left in ${path}`,
      seen: (directory) => String(remainderIn(directory)),
    },
    unfinished: {
      of: "The names in the directory after every recovery of a stream in which a record is hidden.",
      parts: ["crashes"],
      holds: ({ names }) => !names.some(isUnfinished),
      expected: ({ path }) => `no segment in ${path} that a compaction did not finish`,
      seen: ({ names }) => names.join(" "),
    },
  },
});

/** A redacted record that was shown. */
interface ShownRedaction {
  readonly log: ModelLog;
  readonly record: ShownRecord;
}

export const K4: Invariant<"K4", { redacted: ShownRedaction }> = invariant("K4", {
  sentence: "Only hidden records are ever redacted.",
  why: "Otherwise whoever can write to the directory could erase what he likes and call it compaction.",
  checkedBy:
    "Every redacted record that is shown, in every part, is held against the tombstones of the model's log.",
  format: "plain",
  checks: {
    redacted: {
      of: "Every redacted record that a read shows, or the model's reader finds.",
      parts: ["crashes"],
      holds: ({ log, record }) => erasedBy(log, record) !== undefined,
      expected: ({ log }) => `a redacted record to stand for hidden data records of ${show(log.records)}`,
      seen: ({ record }) => show([record]),
      statedIn: ["model/compaction.ts"],
    },
  },
});
