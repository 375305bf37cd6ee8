/**
 * Corruption: what damaged bytes may do to what is read, and what the files beside the segments must say.
 * @module
 */
import type { IndexReading } from "../../model/index-reader.ts";
import { callText, type DiskCall } from "../../fault-injection/disk-call.ts";
import type { ModelLog, ShownRecord } from "../../model/log.ts";
import { StorageError, type StreamStatus, type Verification } from "../../src/index.ts";
import { hex, sameBytes, samePayloads, sameRecord, sameRecords, show } from "../records.ts";
import { isEndOf } from "./agreement.ts";
import { CHECKS_OF_DAMAGE, type ChecksOfDamage, type Damaged, type ReadOutcome } from "./damage.ts";
import { type Invariant, invariant } from "./invariant.ts";

/**
 * A read of one record of a segment that was made for it: what it showed, or the error with which it was
 * refused.
 */
interface RecordRead {
  readonly segment: string;
  readonly offset: number;
  readonly verify: Verification;
  readonly record: ShownRecord;
  readonly shown: ShownRecord | undefined;
  readonly refusal: string | undefined;
}

/** The same, and whether it is the record whose length was changed. */
interface MadeRecordRead extends RecordRead {
  readonly isDamaged: boolean;
}

const readText = ({ segment, verify, shown, refusal }: RecordRead): string =>
  `${refusal ?? (shown === undefined ? "nothing" : show([shown]))} (${segment}, verified as ${verify})`;

/** A record that was read by itself from a directory with one fault. */
interface DamagedRead extends Damaged {
  readonly offset: number;
  readonly verify: Verification;
  readonly appended: ShownRecord | undefined;
  readonly shown: ShownRecord;
  /** Whether the file that holds it was replaced by one of another stream, whose records may be intact. */
  readonly isForeign: boolean;
}

/** All records of such a stream in a row, unless that is refused. */
interface DamagedStream extends Damaged {
  readonly appended: readonly ShownRecord[];
  readonly shown: readonly ShownRecord[] | undefined;
}

/** A call to the disk that holds such a directory, and what an engine may ask of it. */
interface BoundedCall {
  readonly call: DiskCall;
  /** How many calls there were with this one. */
  readonly calls: number;
  readonly callsMax: number;
  /** Bytes that a call may read. */
  readonly readMax: number;
}

export const C1: Invariant<
  "C1",
  {
    record: DamagedRead;
    stream: DamagedStream;
    error: { readonly error: unknown };
    access: BoundedCall;
    madeRecord: RecordRead;
  }
> = invariant("C1", {
  sentence:
    "No single fault in stored bytes makes a read return wrong data: it is the right data or an error.",
  why: "A checksum that nobody looks at protects nothing.",
  checkedBy:
    "Every bit of every file is flipped, every sector zeroed, lost or written elsewhere, every file missing, cut or older; every record is then read from its offset.",
  checks: {
    record: {
      of: "Every record, read by itself after every single fault in stored bytes, with and without its chain.",
      parts: ["stored-bytes"],
      holds: ({ appended, shown, isForeign }) => isForeign || sameRecord(shown, appended),
      expected: ({ offset, verify }) => `what was appended at ${offset}, or an error (${verify})`,
      seen: ({ shown, fault }) => `${show([shown])} (${fault})`,
    },
    stream: {
      of: "All records of the stream in a row, verified from the first one on.",
      parts: ["stored-bytes"],
      holds: ({ appended, shown }) => shown === undefined || sameRecords(shown, appended),
      expected: ({ appended }) => `${show(appended)}, or an error`,
      seen: ({ shown, fault }) => `${show(shown ?? [])} (${fault})`,
    },
    error: {
      of: "Every error of an engine on such a directory: it says what is damaged.",
      parts: ["stored-bytes"],
      holds: ({ error }) => error instanceof StorageError && error.code !== "io",
      expected: () => "the right data, or a StorageError that says what is damaged",
      seen: ({ error }) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
    },
    access: {
      of: "Every call of such an engine to the disk: they end, and none asks for memory beyond what the files hold.",
      parts: ["stored-bytes"],
      holds: ({ call, calls, callsMax, readMax }) =>
        calls <= callsMax && (call.kind !== "read" || call.length <= readMax),
      expected: ({ callsMax, readMax }) => `at most ${callsMax} disk calls, and ${readMax} bytes to be read`,
      seen: ({ call, calls }) => `call ${calls}: ${callText(call)}`,
    },
    madeRecord: {
      of: "Every record of segments made so that one flipped bit of a length leaves an intact record.",
      parts: ["format"],
      holds: ({ record, shown }) => shown === undefined || sameRecord(record, shown),
      expected: ({ record }) => `${show([record])}, or an error`,
      seen: readText,
    },
  },
});

/** What the index files of a segment name, beside where its records are. */
interface NamedPositions {
  readonly segment: string;
  /** Where each record of the segment starts, and behind them where the last one ends. */
  readonly borders: readonly number[];
  readonly index: IndexReading;
  /** Whether frames follow the place where a reader of the write-ahead file stops. */
  readonly hasHiddenFrames: boolean;
  /** Whether a failed sync dropped pages of the file, and no recovery has looked since. */
  readonly mayHideFrames: boolean;
}

/** How many records index files prove durable, and how many they must. */
interface Proven {
  readonly segment: string;
  readonly isSealed: boolean;
  /** Saved index and write-ahead file together, in records. */
  readonly proven: number;
  readonly provenAtLeast: number;
  /** By the write-ahead file alone, up to this byte of the segment. */
  readonly framedEnd: number;
  readonly framedEndAtLeast: number;
  /** By the saved index alone, in records. */
  readonly saved: number;
  readonly savedAtLeast: number;
}

/** How many records a stream with one fault says that it has. */
interface RecordCount extends Damaged {
  readonly appended: number;
  readonly nextOffset: bigint;
  readonly isForeign: boolean;
}

/**
 * A record below the watermark: what a read of it comes to, and whether recovery reports what is wrong with
 * it.
 */
interface ProvenRecord extends DamagedOutcome {
  readonly isReported: boolean;
}

/** A record, read by itself and from the checkpoint before it. */
interface DamagedOutcome extends Damaged {
  readonly offset: number;
  readonly alone: ReadOutcome;
  readonly chained: ReadOutcome;
}

const outcomesText = ({ alone, chained, fault }: DamagedOutcome): string =>
  `read by itself: ${alone}; from the checkpoint before: ${chained} (${fault})`;

export const C2: Invariant<
  "C2",
  ChecksOfDamage & {
    count: RecordCount;
    proven: ProvenRecord;
    positions: NamedPositions;
    proof: Proven;
    madeRecord: MadeRecordRead;
  }
> = invariant("C2", {
  sentence:
    "No single fault drops a record below the watermark without an error that names it; neither does one flipped bit with the index files gone.",
  why: 'Systems that cut the log at its first bad entry lose what was acknowledged ("Redundancy does not imply fault tolerance", FAST \'17).',
  checkedBy:
    "As C1: a record that is not returned has to be named by an error of the read or by what recovery reports. What is below the watermark the model says, after each operation, recovery and failing call, and the index files are held against it.",
  checks: {
    proven: {
      of: "Every record below the watermark after every single fault in a segment: it is read, or an error names it.",
      parts: ["stored-bytes"],
      holds: ({ alone, isReported }) => alone !== "nothing" || isReported,
      expected: ({ offset }) =>
        `the record at ${offset}, which was proven durable, to be read, or an error that names it`,
      seen: outcomesText,
    },
    count: {
      of: "How many records the stream says that it has after such a fault: none that was not appended.",
      parts: ["stored-bytes"],
      holds: ({ appended, nextOffset, isForeign }) => isForeign || nextOffset <= appended,
      expected: ({ appended }) => `no more than ${appended} records`,
      seen: ({ nextOffset, fault }) => `${String(nextOffset)} (${fault})`,
    },
    ...CHECKS_OF_DAMAGE,
    madeRecord: {
      of: "Every record of segments made so that one flipped bit of a length leaves an intact record: it is read, or an error names it.",
      parts: ["format"],
      holds: ({ record, shown, refusal, isDamaged }) =>
        refusal !== undefined || (sameRecord(record, shown) && !isDamaged),
      expected: ({ offset }) => `the record at ${offset}, or an error that names it`,
      seen: readText,
    },
    positions: {
      of: "The index files of every segment after every operation, recovery and failing call: they name true positions.",
      parts: ["crashes", "failing-calls", "stored-bytes", "kimberlite"],
      holds: ({ borders, index: { entries, end, problem }, hasHiddenFrames, mayHideFrames }) =>
        entries.every(({ position }, i) => position === borders[i]) &&
        end === borders[entries.length] &&
        (problem === undefined || !hasHiddenFrames || mayHideFrames),
      expected: ({ segment, borders }) =>
        `the index files of ${segment} to name records at ${borders.join(" ")}, and no frame to stand behind what is none`,
      seen: ({ index: { entries, end, problem } }) =>
        `${entries.map(({ position }) => position).join(" ")} up to ${end}; ${problem ?? ""}`,
    },
    proof: {
      of: "The same files: they prove what was acknowledged as durable, as the model says.",
      parts: ["crashes", "failing-calls", "stored-bytes", "kimberlite"],
      holds: (proof) =>
        proof.saved >= proof.savedAtLeast &&
        (proof.isSealed ||
          (proof.proven >= proof.provenAtLeast && proof.framedEnd >= proof.framedEndAtLeast)),
      expected: ({ segment, provenAtLeast, framedEndAtLeast, savedAtLeast }) =>
        `the index files of ${segment} to prove ${provenAtLeast} of its records, the write-ahead file alone those up to byte ${framedEndAtLeast}, the saved index ${savedAtLeast}`,
      seen: ({ proven, framedEnd, saved }) => `${proven}; up to byte ${framedEnd}; ${saved}`,
    },
  },
});

export const C3: Invariant<"C3", { alone: DamagedOutcome; chained: DamagedOutcome; madeRecord: RecordRead }> =
  invariant("C3", {
    sentence:
      "Damage at one record leaves all records outside its checkpoint interval readable, and every other record without the chain.",
    why: "One bad sector must not cost the rest of the log.",
    checkedBy: "As C1, for faults that leave the other records' bytes where they were.",
    checks: {
      alone: {
        of: "Every record whose bytes a fault in a segment left where they were, unless recovery truncated it: read by itself.",
        parts: ["stored-bytes"],
        holds: ({ alone }) => alone === "right",
        expected: ({ offset }) => `the intact record at ${offset} to be read by itself`,
        seen: outcomesText,
      },
      chained: {
        of: "The same where no record of its checkpoint interval is damaged: read from the checkpoint before.",
        parts: ["stored-bytes"],
        holds: ({ chained }) => chained === "right",
        expected: ({ offset }) =>
          `the record at ${offset} to be read, for the damage is outside its checkpoint interval`,
        seen: outcomesText,
      },
      madeRecord: {
        of: "Every undamaged record of segments made so that one flipped bit of a length leaves an intact record.",
        parts: ["format"],
        holds: ({ record, shown }) => sameRecord(record, shown),
        expected: ({ offset }) => `the record at ${offset} to be read`,
        seen: readText,
      },
    },
  });

/** Two histories of one record, acknowledged in the first and torn in the second. */
interface Difference {
  readonly record: number;
  /** Whether they left files that differ in one bit of the record. */
  readonly isAmbiguous: boolean;
  readonly bit: number | undefined;
  /** What the other files are. */
  readonly surroundings: string;
}

export const C5: Invariant<"C5", { difference: Difference }> = invariant("C5", {
  sentence: "With strict durability a crash and corruption are never confused.",
  why: "Without a second durable fact the two leave identical bytes (Alagappan et al., FAST '18, appendix A).",
  checkedBy:
    "All that a crash can leave is compared, byte by byte, with all that one flipped bit in acknowledged data can leave: in the standard mode there are equal ones, in the strict mode none.",
  checks: {
    difference: {
      of: "All that a crash can leave, compared byte by byte with all that one flipped bit in acknowledged data can leave: in the standard mode there are equal ones (witness `crash-or-rot`), in the strict mode none.",
      parts: ["ambiguity"],
      holds: ({ isAmbiguous }) => !isAmbiguous,
      expected: ({ record }) =>
        `no crash to leave what a flipped bit in the acknowledged record ${record} leaves`,
      seen: ({ bit, surroundings }) =>
        `bit ${String(bit)} of the segment, the other files being ${surroundings}`,
    },
  },
});

/** The payloads that a read from an offset gives. */
interface LookUp {
  readonly from: bigint;
  readonly appended: readonly Uint8Array[];
  readonly found: readonly Uint8Array[];
}

/** An index of a segment, and what a scan of the segment finds in its place. */
interface IndexBesideScan {
  readonly file: string;
  readonly index: IndexReading;
  /** Kind and position of the records that the index covers, as `data@0`. */
  readonly scanned: readonly string[];
  readonly scannedEnd: number;
  readonly scannedHead: Uint8Array | undefined;
}

/** How many records a sealed segment has, and how many its index covers. */
interface SealedIndex {
  readonly segment: string;
  readonly isSealed: boolean;
  readonly records: number;
  readonly covered: number | undefined;
}

/** The positions in an index that Kimberlite takes literally, and those of the records. */
interface KimberliteIndex {
  readonly file: string;
  readonly positions: readonly number[];
  readonly named: readonly number[] | undefined;
}

/** An index that recovery removed, and the manifest beside it. */
interface RemovedIndex {
  readonly path: string;
  readonly manifest: string;
}

const namedIn = ({ entries }: IndexReading): string[] =>
  entries.map(({ kind, position }) => `${String(kind)}@${position}`);

export const I1: Invariant<
  "I1",
  {
    lookUp: LookUp;
    index: IndexBesideScan;
    sealed: SealedIndex;
    kimberliteIndex: KimberliteIndex;
    kimberliteRead: LookUp;
    removal: RemovedIndex;
  }
> = invariant("I1", {
  sentence: "An index look-up finds what a scan finds.",
  why: "The index is a hint; a wrong one must not be believed (Kimberlite filed checkpoints at wrong positions).",
  checkedBy:
    "Every record of every workload is read by its offset and compared; every index file is read by the model's reader and held against the records' true positions.",
  checks: {
    lookUp: {
      of: "A read from every offset of every stream, with two levels of verification.",
      parts: ["crashes", "kimberlite"],
      holds: ({ appended, found }) => samePayloads(found, appended),
      expected: ({ from, appended }) => `from offset ${String(from)}: ${appended.map(hex).join(" ")}`,
      seen: ({ found }) => found.map(hex).join(" "),
    },
    index: {
      of: "Every saved index and every write-ahead file after every workload, read by the model's reader: they name each record where a scan finds it.",
      parts: ["crashes", "concurrency", "kimberlite"],
      holds: ({ index, scanned, scannedEnd, scannedHead }) =>
        index.problem === undefined &&
        namedIn(index).join() === scanned.join() &&
        index.end === scannedEnd &&
        (scannedHead === undefined || Buffer.compare(index.headHash, scannedHead) === 0),
      expected: ({ file, scanned, scannedEnd }) => `${file} to name ${scanned.join(" ")} up to ${scannedEnd}`,
      seen: ({ index }) => `${namedIn(index).join(" ")} up to ${index.end} ${index.problem ?? ""}`,
    },
    sealed: {
      of: "The index of every segment that is sealed: it covers all its records.",
      parts: ["crashes", "concurrency", "kimberlite"],
      holds: ({ isSealed, records, covered }) => !isSealed || covered === records,
      expected: ({ segment, records }) => `the index of sealed ${segment} to cover its ${records} records`,
      seen: ({ covered }) => String(covered),
    },
    kimberliteIndex: {
      of: "Every index that Kimberlite would take literally: it names the records of its segment and nothing else.",
      parts: ["crashes", "kimberlite"],
      holds: ({ positions, named }) => named?.join() === positions.join(),
      expected: ({ file, positions }) =>
        `${file}, which Kimberlite takes literally, to name the records at ${positions.join(" ")}`,
      seen: ({ named }) => named?.join(" ") ?? "no such file",
    },
    kimberliteRead: {
      of: "What Kimberlite reads from every offset of a stream at rest.",
      parts: ["crashes"],
      holds: ({ appended, found }) => samePayloads(found, appended),
      expected: ({ from, appended }) =>
        `Kimberlite to read ${appended.length} payloads from offset ${String(from)}`,
      seen: ({ found }) => `${found.length}, or others`,
    },
    removal: {
      of: "Every index that a recovery from a crash removes: it is one that Kimberlite left, for a manifest that names the format is not Kimberlite's.",
      parts: ["kimberlite"],
      holds: ({ manifest }) => !manifest.includes("format"),
      expected: () => "no crash to leave an index of Kimberlite's that says something else than its segment",
      seen: ({ path }) => `recovery had to remove ${path}`,
    },
  },
});

/** A damaged hint: where the stream ends, and whether the hint may prove that there once was more. */
interface EndWithoutHint extends Damaged {
  readonly log: ModelLog;
  readonly status: StreamStatus;
  readonly mayProveMore: boolean;
}

/** All records in a row beside a damaged hint, unless that is refused, and those that were there before. */
interface ReadWithoutHint extends Damaged {
  readonly held: readonly ShownRecord[];
  readonly shown: readonly ShownRecord[] | undefined;
}

/** A segment beside a damaged hint, before and after. */
interface SegmentKept extends Damaged {
  readonly path: string;
  readonly before: Uint8Array;
  /** Without the torn write that a power failure may have left. */
  readonly records: Uint8Array;
  readonly after: Uint8Array | undefined;
}

/** Where a stream ends once the hint is as it was, unless it does not say. */
interface HintPutBack extends Damaged {
  readonly log: ModelLog;
  readonly told: Readonly<{ nextOffset: bigint; head: Uint8Array }> | undefined;
}

export const I2: Invariant<
  "I2",
  ChecksOfDamage & {
    record: DamagedOutcome;
    end: EndWithoutHint;
    records: ReadWithoutHint;
    segment: SegmentKept;
    putBack: HintPutBack;
  }
> = invariant("I2", {
  sentence:
    "An index or manifest that is missing, stale, cut or rotten, or a stray segment, changes speed, never an answer.",
  why: "Kimberlite believed an index that was ahead of the log, one with wrong positions, and a write-ahead file of noise.",
  checkedBy:
    "Every single fault in an index, a write-ahead file or a manifest, and segments under every name that a merged one could have; every record is then read from its offset and appended behind.",
  checks: {
    record: {
      of: "Every record after every single fault in an index, a write-ahead file or a manifest, read by itself and from the checkpoint before.",
      parts: ["stored-bytes"],
      holds: ({ alone, chained }) => alone === "right" && chained === "right",
      expected: ({ offset }) => `the record at ${offset} to be read, for only a hint is damaged`,
      seen: outcomesText,
    },
    end: {
      of: "Where the stream ends after such a fault; its end may be called lost only where the hint may prove that there once was more.",
      parts: ["stored-bytes"],
      holds: ({ log, status, mayProveMore }) =>
        status.lostEnd === undefined ? isEndOf({ log, ...status }) : mayProveMore,
      expected: ({ log }) => `the stream to end at ${log.records.length}, for only a hint is damaged`,
      seen: ({ status, fault }) => `${String(status.nextOffset)} ${String(status.lostEnd)} (${fault})`,
    },
    records: {
      of: "All records in a row after such a fault: those that were there before, the redacted ones among them.",
      parts: ["stored-bytes"],
      holds: ({ held, shown }) => shown === undefined || sameRecords(shown, held),
      expected: ({ held }) => show(held),
      seen: ({ shown, fault }) => `${show(shown ?? [])} (${fault})`,
    },
    segment: {
      of: "Every segment after such a fault: nothing of it but a torn write is truncated.",
      parts: ["stored-bytes"],
      holds: ({ before, records, after }) => sameBytes(before, after) || sameBytes(records, after),
      expected: ({ path }) => `${path} as it was, for only a hint is damaged`,
      seen: ({ before, after, fault }) =>
        `${after === undefined ? "it is gone" : `it has ${after.length} of ${before.length} bytes`} (${fault})`,
    },
    putBack: {
      of: "Where the stream ends once a hint is put back that made its end lost.",
      parts: ["stored-bytes"],
      holds: ({ log, told }) => told !== undefined && isEndOf({ log, ...told }),
      expected: ({ log }) => `the stream to end at ${log.records.length} once the hint is put back`,
      seen: ({ told, fault }) => `${String(told?.nextOffset)} (${fault})`,
    },
    ...CHECKS_OF_DAMAGE,
  },
});
