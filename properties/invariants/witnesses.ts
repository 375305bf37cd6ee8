/**
 * Situations that a run must have met: a check that never saw a torn record has shown nothing about torn
 * records. A run that met none of one is vacuous there, and not complete.
 * @module
 */
import type { LeftUndecided } from "../../fault-injection/left-undecided.ts";
import type { DiskChange } from "../../fault-injection/disk-call.ts";
import type { CrashKind } from "../../model/log.ts";
import { type Durability, type Finding, RECOVERY_CASES, type RecoveryCase } from "../../src/index.ts";

/** A situation, and the predicate that tells whether an event is one. */
export interface Witness<Event, Id extends string = string> {
  readonly id: Id;
  /** The invariants of which a check shows less where this was never met. */
  readonly of: readonly string[];
  readonly sentence: string;
  readonly met: (event: Event) => boolean;
}

function witness<Event, Id extends string>(
  id: Id,
  of: readonly string[],
  sentence: string,
  met: (event: NoInfer<Event>) => boolean,
): Witness<Event, Id> {
  return { id, of, sentence, met };
}

type CaseId = `case-${RecoveryCase["letter"]}`;

const caseSentence = ({ letter, name }: RecoveryCase): string =>
  `Recovery met case ${letter} of its table: ${name}.`;

/** The cases that recovery reports, each met by a report that names it. */
export const REPORTED_CASES: readonly Witness<readonly Finding[], CaseId>[] = RECOVERY_CASES.filter(
  ({ letter }) => letter !== "A",
).map((row) =>
  witness(`case-${row.letter}`, ["D2", "C2"], caseSentence(row), (findings) =>
    findings.some(({ what }) => what === row.name),
  ),
);

/** Recovery reports no intact segment, but names records of one that no index file named. */
export const CASES_OF_INTACT: readonly Witness<DiskChange, CaseId>[] = RECOVERY_CASES.filter(
  ({ letter }) => letter === "A",
).map((row) =>
  witness(
    `case-${row.letter}`,
    ["D1", "D2"],
    caseSentence(row),
    ({ kind, path }) => kind === "write" && path.endsWith(".wal"),
  ),
);

export const ROTATION: Witness<DiskChange, "rotation"> = witness(
  "rotation",
  ["D1", "D2", "H1", "I1"],
  "A workload filled a segment and began the next.",
  ({ kind, path }) => kind === "create" && path.endsWith("1.log"),
);

/** A batch, and where the stream ended before and after it. */
interface Batch {
  readonly before: number;
  readonly payloads: number;
  readonly after: number;
}

export const AUTOMATIC_CHECKPOINT: Witness<Batch, "automatic-checkpoint"> = witness(
  "automatic-checkpoint",
  ["M1", "H2"],
  "A batch made a checkpoint due, which was appended behind it.",
  ({ before, payloads, after }) => after > before + payloads,
);

export const INDEX_SAVED: Witness<DiskChange, "index-saved"> = witness(
  "index-saved",
  ["I1", "C2"],
  "The index moved from its write-ahead file to the saved file.",
  ({ kind, path }) => kind === "rename" && path.includes(".idx"),
);

export const REFUSAL: Witness<{ readonly refusal: string | undefined }, "refusal"> = witness(
  "refusal",
  ["M1"],
  "The engine and the model refused the same operation.",
  ({ refusal }) => refusal !== undefined,
);

export const STREAM_CREATION_LOST: Witness<{ readonly left: readonly string[] }, "stream-creation-lost"> =
  witness(
    "stream-creation-lost",
    ["D1", "D2"],
    "A crash left no trace of a stream that was being created.",
    ({ left }) => left.length === 0,
  );

export const ROTATION_FINISHED: Witness<DiskChange, "rotation-finished"> = witness(
  "rotation-finished",
  ["D1", "D2", "D3"],
  "Recovery met a segment that the manifest did not name yet.",
  ({ kind, path }) => kind === "rename" && path.includes("manifest.json"),
);

/** A crash, and how many records there were of each sort; how many a recovery showed. */
interface CrashSurvived {
  readonly crash: CrashKind;
  readonly appended: number;
  readonly acknowledged: number;
  readonly durable: number;
  readonly shown: number;
}

export const UNSYNCED_RECORD_SURVIVED: Witness<CrashSurvived, "unsynced-record-survived"> = witness(
  "unsynced-record-survived",
  ["D2"],
  "A record that nobody had synced was there after a power failure.",
  ({ crash, durable, shown }) => crash === "power" && shown > durable,
);

export const UNSYNCED_RECORD_LOST: Witness<CrashSurvived, "unsynced-record-lost"> = witness(
  "unsynced-record-lost",
  ["D1", "D2"],
  "An acknowledged but unsynced record was gone after a power failure.",
  ({ crash, acknowledged, shown }) => crash === "power" && shown < acknowledged,
);

export const BATCH_TORN: Witness<CrashSurvived, "batch-torn"> = witness(
  "batch-torn",
  ["D2", "D4", "D5"],
  "A crash left the first records of a batch and not the last.",
  ({ crash, appended, acknowledged, shown }) => crash === "power" && shown > acknowledged && shown < appended,
);

/**
 * What was decided of something that a crash left undecided, and whether something newer of the same file
 * survived.
 */
interface Decision {
  readonly kind: LeftUndecided["kind"];
  readonly isLost: boolean;
  readonly laterSectorSurvived: boolean;
  readonly sizeSurvived: boolean;
}

export const OUT_OF_ORDER: Witness<Decision, "out-of-order"> = witness(
  "out-of-order",
  ["D1", "D2", "C4"],
  "A later sector was on the medium and an earlier one was not.",
  ({ kind, isLost, laterSectorSurvived }) => kind === "sector" && isLost && laterSectorSurvived,
);

export const SIZE_WITHOUT_DATA: Witness<Decision, "size-without-data"> = witness(
  "size-without-data",
  ["D2", "C4"],
  "A file had its new size and not its new bytes, or the other way round.",
  ({ kind, isLost, sizeSurvived }) => kind === "sector" && isLost && sizeSurvived,
);

export const NAME_LOST: Witness<Decision, "name-lost"> = witness(
  "name-lost",
  ["D1", "D2"],
  "A file was created and its name was gone after the crash.",
  ({ kind, isLost }) => kind === "creation" && isLost,
);

export const PROCESS_KILLED: Witness<CrashSurvived, "process-killed"> = witness(
  "process-killed",
  ["D1"],
  "The process died with unsynced writes in the kernel's hands.",
  ({ crash, acknowledged, durable }) => crash === "process" && acknowledged > durable,
);

/** A crash point, and how often a recovery may still be crashed there. */
export const RECOVERY_CRASHED: Witness<{ readonly place: number }, "recovery-crashed"> = witness(
  "recovery-crashed",
  ["D3"],
  "Recovery itself was crashed after it had changed something.",
  ({ place }) => place > 0,
);

export const APPENDED_AFTER_CUT: Witness<{ readonly cut: boolean }, "appended-after-cut"> = witness(
  "appended-after-cut",
  ["D4", "D5", "C4"],
  "A stream whose tail had been cut was appended to, and crashed again.",
  ({ cut }) => cut,
);

/**
 * An append that was refused: whether a call to the disk had failed before, and whether the stream takes
 * appends since.
 */
interface FailedAppend {
  readonly diskFailed: boolean;
  readonly usable: boolean;
}

export const WRITE_TAKEN_BACK: Witness<FailedAppend, "write-taken-back"> = witness(
  "write-taken-back",
  ["D7"],
  "An append failed, and the stream was as before and took the next one.",
  ({ diskFailed, usable }) => diskFailed && usable,
);

export const STREAM_REFUSES: Witness<FailedAppend, "stream-refuses"> = witness(
  "stream-refuses",
  ["D6", "D7"],
  "A failed call left a stream in doubt, and it refused further appends.",
  ({ diskFailed, usable }) => diskFailed && !usable,
);

export const RACED_APPEND_REFUSED: Witness<
  { readonly answers: readonly (string | undefined)[] },
  "raced-append-refused"
> = witness(
  "raced-append-refused",
  ["L1"],
  "Of appends that were made together with the same expectation one was refused.",
  ({ answers }) => answers.includes("offset-mismatch"),
);

/** How many logs have one head, and how many of them are as long as the first. */
interface OneHead {
  readonly logs: number;
  readonly asLong: number;
}

export const EQUAL_HEADS: Witness<OneHead, "equal-heads"> = witness(
  "equal-heads",
  ["H4", "H5"],
  "Two logs of different length, over symbolic hashes, had the same head.",
  ({ logs, asLong }) => logs > asLong,
);

export const CRASH_OR_ROT: Witness<
  { readonly durability: Durability; readonly isAmbiguous: boolean },
  "crash-or-rot"
> = witness(
  "crash-or-rot",
  ["C5"],
  "In the standard mode a power failure and a flipped bit in an acknowledged record left identical bytes.",
  ({ durability, isAmbiguous }) => durability === "standard" && isAmbiguous,
);
