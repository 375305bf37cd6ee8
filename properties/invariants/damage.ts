/**
 * The group of checks that C2 and I2 share: what a stream with one fault in its stored bytes must do, whether
 * the fault is in a segment or in a hint.
 * @module
 */
import { head as modelHead, type ModelLog } from "../../model/log.ts";
import type { Finding, StreamStatus } from "../../src/index.ts";
import { hex, sameBytes } from "../records.ts";
import { isEndOf } from "./agreement.ts";
import type { Predicates } from "./invariant.ts";

/** What is observed of a directory with one fault. */
export interface Damaged {
  /** The fault, and what index files are gone besides. */
  readonly fault: string;
}

/** What a read of one record comes to. */
export type ReadOutcome = "right" | "error" | "nothing";

/** What a stream's status says, and what `head` answers unless it refuses. */
interface HeadTold extends Damaged {
  readonly status: StreamStatus;
  readonly told: Readonly<{ nextOffset: bigint; head: Uint8Array }> | undefined;
}

/** Something that recovery reported lost, and what the next start reports. */
interface ReportedOnce extends Damaged {
  readonly finding: Finding;
  readonly later: StreamStatus;
}

/** What the start after a recovery reports that found nothing lost. */
interface StartedAgain extends Damaged {
  readonly later: StreamStatus;
}

/** An append to a damaged stream: the model with it, and the head that it answers unless it is refused. */
interface AppendToDamaged extends Damaged {
  readonly status: StreamStatus;
  readonly log: ModelLog;
  readonly head: Uint8Array | undefined;
}

/** Where a stream ends at the next start, and whether it took an append before. */
interface EndsLater extends Damaged {
  readonly log: ModelLog;
  readonly appended: boolean;
  /** Where it ended before. */
  readonly nextOffset: bigint;
  readonly later: StreamStatus;
}

/** A record that was appended after the fault, read at the next start. */
interface NewRecordRead extends Damaged {
  readonly offset: number;
  readonly outcome: ReadOutcome;
}

/** Whether something of the log is lost, and not only a hint. */
export const isLoss = ({ action, what }: Finding): boolean =>
  action === "keep" && what !== "damaged hint" && what !== "unnamed redaction";
export const isHint = ({ what }: Finding): boolean => what === "damaged hint";

const findingsText = ({ findings }: StreamStatus): string =>
  findings.map(({ what, error }) => `${what}: ${error.message}`).join("; ") || "nothing is reported";

const PARTS = ["stored-bytes"] as const;

/** What each of these checks observes. */
export interface ChecksOfDamage {
  head: HeadTold;
  reportedAgain: ReportedOnce;
  rebuilt: StartedAgain;
  append: AppendToDamaged;
  chain: AppendToDamaged;
  endLater: EndsLater;
  newRecord: NewRecordRead;
}

/** The checks of a stream with one fault in its stored bytes. */
export const CHECKS_OF_DAMAGE: Predicates<ChecksOfDamage> = {
  /** That `head` answers what the status says, and refuses where that calls the end lost. */
  head: {
    of: "What `head` answers after such a fault.",
    parts: PARTS,
    holds: ({ status, told }) =>
      (told === undefined) === (status.lostEnd !== undefined) &&
      (told === undefined || (told.nextOffset === status.nextOffset && sameBytes(told.head, status.head))),
    expected: () => "the head to be that of the status, and refused if the end is lost",
    seen: ({ status, told, fault }) =>
      `${String(told?.nextOffset)}, ${String(status.nextOffset)}, ${String(status.lostEnd)} (${fault})`,
  },
  /** That what was reported lost is reported at the next start, too. */
  reportedAgain: {
    of: "What recovery from such a fault reports lost, at the next start.",
    parts: PARTS,
    holds: ({ finding, later }) =>
      later.findings.some((again) => isLoss(again) && again.error.offset === finding.error.offset),
    expected: ({ finding: { what, error } }) =>
      `what was reported at offset ${String(error.offset)} (${what}) to be reported at the next start, too`,
    seen: ({ later, fault }) => `${findingsText(later)} (${fault})`,
  },
  /** That a hint which recovery rebuilt is right. */
  rebuilt: {
    of: "What the next start reports where nothing is lost.",
    parts: PARTS,
    holds: ({ later }) => !later.findings.some(isHint),
    expected: () => "a hint that was rebuilt to be right",
    seen: ({ later, fault }) => `${findingsText(later)} (${fault})`,
  },
  /** That an append succeeds unless the end is lost. */
  append: {
    of: "An append after such a fault.",
    parts: PARTS,
    holds: ({ status, head }) => (head === undefined) === (status.lostEnd !== undefined),
    expected: ({ status }) =>
      status.lostEnd === undefined ? "an append to succeed" : "no append where the end is lost",
    seen: ({ status, head, fault }) =>
      `${head === undefined ? "it was refused" : "it succeeded"}; ${String(status.lostEnd)} (${fault})`,
  },
  /** That an append which succeeds continues the chain. */
  chain: {
    of: "The chain after that append.",
    parts: PARTS,
    holds: ({ log, head }) => sameBytes(modelHead(log), head),
    expected: () => "the chain to go on where it ended",
    seen: ({ head, fault }) => `${head === undefined ? "it was refused" : hex(head)} (${fault})`,
  },
  /** That a stream ends at the next start where it did, or after what it took since. */
  endLater: {
    of: "Where the stream ends at the next start.",
    parts: PARTS,
    holds: ({ log, appended, nextOffset, later }) =>
      appended
        ? later.lostEnd === undefined && isEndOf({ log, ...later })
        : later.lostEnd !== undefined && later.nextOffset === nextOffset,
    expected: ({ log, appended, nextOffset }) =>
      `the stream to end at ${appended ? log.records.length : String(nextOffset)} at the next start, too`,
    seen: ({ later, fault }) => `${String(later.nextOffset)} ${String(later.lostEnd)} (${fault})`,
  },
  /** That a record which was appended after the fault is read. */
  newRecord: {
    of: "The record that was appended, at the next start.",
    parts: PARTS,
    holds: ({ outcome }) => outcome === "right",
    expected: ({ offset }) => `the new record at ${offset} to be read`,
    seen: ({ outcome, fault }) => `${outcome} (${fault})`,
  },
};
