/**
 * Durability: what survives a crash, a failing call and a restart.
 * @module
 */
import { StepBudgetExceeded } from "../../fault-injection/disk-error.ts";
import type { ModelLog, ShownRecord } from "../../model/log.ts";
import { StorageError, type StreamStatus } from "../../src/index.ts";
import { hex, sameBytes, sameContent, samePayloads, sameRecord, sameRecords, show } from "../records.ts";
import {
  type EndTold,
  endsAsTheModel,
  isEndOf,
  isListed,
  type Listed,
  type ReadFromOffset,
  readsFromOffset,
  reportsNoDamage,
  showsTheLog,
  tellsOneEnd,
  type ToldEnd,
  type WholeRead,
} from "./agreement.ts";
import type { Damaged } from "./damage.ts";
import { type Invariant, invariant } from "./invariant.ts";

/** What a stream shows after a crash. */
export interface Recovered {
  readonly stream: bigint;
  /** Every record whose append had begun. */
  readonly appended: readonly ShownRecord[];
  /** How many of them must survive this crash. */
  readonly promised: number;
  readonly shown: readonly ShownRecord[];
}

const recoveredExpected = ({ stream, appended, promised }: Recovered): string =>
  `stream ${String(stream)} to show ${show(appended)}, or less from its end but ${promised} at least`;

export const D1: Invariant<"D1", { recovery: Recovered }> = invariant("D1", {
  sentence:
    "A record acknowledged with sync survives every crash, and one acknowledged at all survives the death of the process.",
  why: "That is what fsync is called for.",
  checkedBy: "Every recovery from every crash state.",
  checks: {
    recovery: {
      of: "Every recovery from every crash state.",
      parts: ["crashes", "kimberlite"],
      holds: ({ promised, shown }) => shown.length >= promised,
      expected: recoveredExpected,
      seen: ({ promised, shown }) =>
        `${show(shown)}: ${shown.length} of ${promised} acknowledged records survived`,
    },
  },
});

/** Position of the first record shown that is not what was appended there. */
const strangerIn = ({ appended, shown }: Recovered): number =>
  shown.findIndex((record, i) => !sameContent(record, appended[i]));

export const D2: Invariant<"D2", { recovery: Recovered; alarm: Pick<StreamStatus, "findings"> }> = invariant(
  "D2",
  {
    sentence: "What a crash leaves is a prefix of what was appended, reported without false alarm.",
    why: "A log with a hole, a reordering or a stranger in it is no log (Pillai et al., OSDI '14).",
    checkedBy: "Every recovery from every crash state.",
    checks: {
      recovery: {
        of: "Every recovery from every crash state.",
        parts: ["crashes", "kimberlite"],
        holds: (recovered) => strangerIn(recovered) === -1,
        expected: recoveredExpected,
        seen: (recovered) =>
          `${show(recovered.shown)}: the record shown at ${strangerIn(recovered)} is not what was appended there`,
      },
      alarm: reportsNoDamage("What every recovery from every crash state reports.", [
        "crashes",
        "kimberlite",
      ]),
    },
  },
);

export const D3: Invariant<"D3", { records: WholeRead; alarm: Pick<StreamStatus, "findings"> }> = invariant(
  "D3",
  {
    sentence: "Recovering twice is recovering once, also when the first was crashed.",
    why: "Machines that crash tend to crash again while they start.",
    checkedBy:
      "Every recovered state is killed and recovered again; recovery itself is crashed at every change it makes.",
    checks: {
      records: showsTheLog(
        "Every recovered state, whose process is killed and which is recovered again; recovery itself is crashed at every change it makes.",
        ["crashes", "kimberlite"],
      ),
      alarm: reportsNoDamage("What the second recovery reports.", ["crashes", "kimberlite"]),
    },
  },
);

export const D4: Invariant<
  "D4",
  {
    records: WholeRead;
    alarm: Pick<StreamStatus, "findings">;
    end: EndTold;
    listing: Listed;
    range: ReadFromOffset;
  }
> = invariant("D4", {
  sentence: "A record that recovery dropped never comes back, and one that it showed never goes.",
  why: "A reader acted on what it was shown.",
  checkedBy: "Every recovered state is appended to and crashed again in every way.",
  checks: {
    records: showsTheLog("Every recovered state, appended to and crashed again.", ["crashes", "kimberlite"]),
    alarm: reportsNoDamage("What the recovery from that second crash reports.", ["crashes", "kimberlite"]),
    end: tellsOneEnd("The end of each such stream, asked in every way.", ["crashes"]),
    listing: isListed("The list of streams, and the status of each.", ["crashes"]),
    range: readsFromOffset("Reads from one of the last records on, either way round.", ["crashes"]),
  },
});

/** The first append after a recovery. */
interface WentOn extends ToldEnd {
  readonly expectedOffset: bigint;
  readonly firstOffset: bigint;
}

export const D5: Invariant<"D5", { append: WentOn }> = invariant("D5", {
  sentence: "After recovery the chain goes on where it ended: no fork, no gap, no reused offset.",
  why: "Kimberlite forked its chain after a restart and after a rotation.",
  checkedBy: "Every recovered state is appended to; offsets and hashes must be those of the model.",
  checks: {
    append: {
      of: "The first append to every recovered state: its offsets and its hash.",
      parts: ["crashes", "kimberlite"],
      holds: isEndOf,
      expected: ({ stream, expectedOffset }) =>
        `the next record of stream ${String(stream)} to continue the chain at ${String(expectedOffset)}`,
      seen: ({ firstOffset, nextOffset, head }) =>
        `offsets ${String(firstOffset)} to ${String(nextOffset)}, head ${hex(head)}`,
    },
  },
});

/** The record that is not what was appended there, or does not chain to the one before. */
const brokenIn = ({ appended, shown }: Recovered): number =>
  shown.findIndex((record, i) => !sameRecord(record, appended[i]));

export const D6: Invariant<"D6", { recovery: Recovered }> = invariant("D6", {
  sentence: "After a failed sync nothing is acknowledged that a crash could lose.",
  why: "A kernel may mark pages clean that it failed to write; a second sync then succeeds and writes nothing (Rebello et al., ATC '20).",
  checkedBy:
    "Every sync of every workload fails, and leaves its pages dirty, clean or dropped; the machine crashes later, and what was acknowledged must be there.",
  checks: {
    recovery: {
      of: "Every recovery after a failing call: all that is still promised is there, and nothing that was not appended.",
      parts: ["failing-calls"],
      holds: (recovered) => recovered.shown.length >= recovered.promised && brokenIn(recovered) === -1,
      expected: recoveredExpected,
      seen: (recovered) => {
        const { promised, shown } = recovered;
        const at = brokenIn(recovered);
        return at === -1
          ? `${show(shown)}: ${shown.length} of ${promised} promised records are left`
          : `${show(shown)}: the record shown at ${at} is not what was appended there`;
      },
    },
  },
});

/** A call on a disk of which one call may fail: what the model refuses it with, and what the engine did. */
interface Tolerated {
  readonly call: string;
  readonly refusal: string | undefined;
  readonly answered: string | undefined;
  readonly diskFailed: boolean;
}

/** Where a stream ends after an append that failed, if it says so. */
interface EndAfterFailure {
  readonly stream: bigint;
  /** The model without the append. */
  readonly log: ModelLog;
  readonly told: Readonly<{ nextOffset: bigint; head: Uint8Array }> | undefined;
}

/**
 * A stream after an append that failed: what it shows, unless it refuses, and where it would take the next
 * append.
 */
interface AfterFailure {
  readonly stream: bigint;
  /** The model without the append. */
  readonly log: ModelLog;
  readonly shown: readonly ShownRecord[] | undefined;
  readonly payloads: readonly Uint8Array[];
  readonly shownPayloads: readonly Uint8Array[] | undefined;
  readonly takesAppends: boolean;
  readonly next: bigint | undefined;
}

/** What a recovered stream's status says. */
interface RecoveredStatus {
  readonly stream: bigint;
  /** The model, with as many records as are shown. */
  readonly log: ModelLog;
  readonly status: StreamStatus;
}

const alarmIn = ({ findings }: StreamStatus): StreamStatus["findings"][number] | undefined =>
  findings.find(({ action }) => action === "keep");

/** Whether a run would not have ended: the engine may have wrapped what told so. */
function isWithoutEnd(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof StepBudgetExceeded) return true;
  return false;
}

export const D7: Invariant<
  "D7",
  {
    call: Tolerated;
    error: { readonly error: unknown };
    append: ToldEnd;
    endAfterFailure: EndAfterFailure;
    afterFailure: AfterFailure;
    status: RecoveredStatus;
    next: ToldEnd;
    end: EndTold;
    listing: Listed;
    range: ReadFromOffset;
  }
> = invariant("D7", {
  sentence: "After a failed write the stream shows what it showed before, or refuses.",
  why: "Half a batch and a torn record behind a failed write made Kimberlite's stream unreadable.",
  checkedBy:
    "Every call of every workload, of its end and of the recovery behind it fails in every way, once and from then on; the disk is then repaired, and the engine must go on.",
  checks: {
    afterFailure: {
      of: "What a stream shows after a failed append, and the offset of the next one.",
      parts: ["failing-calls"],
      holds: ({ log, shown, payloads, shownPayloads, takesAppends, next }) =>
        (shown === undefined || sameRecords(shown, log.records)) &&
        (shownPayloads === undefined || samePayloads(shownPayloads, payloads)) &&
        (!takesAppends || Number(next) === log.records.length),
      expected: ({ stream, log }) =>
        `stream ${String(stream)} to be as it was before, ${show(log.records)}, or to refuse`,
      seen: ({ shown, shownPayloads, next }) =>
        `${show(shown ?? [])}, the payloads ${(shownPayloads ?? []).map(hex).join(" ")}, the next offset ${String(next)}`,
    },
    call: {
      of: "Every call to an engine, on a disk of which one call fails: it does what the model does, or refuses once the disk has failed.",
      parts: ["failing-calls"],
      holds: ({ refusal, answered, diskFailed }) =>
        answered === refusal || (diskFailed && answered !== undefined),
      expected: ({ call, refusal }) => refusal ?? call,
      seen: ({ answered }) => answered ?? "it was done",
    },
    error: {
      of: "Every error of such a call: it is a `StorageError`, and comes to an end.",
      parts: ["failing-calls"],
      holds: ({ error }) => error instanceof StorageError && !isWithoutEnd(error),
      expected: () => "a result or a StorageError, and an end",
      seen: ({ error }) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
    },
    append: endsAsTheModel("What every append answers that is acknowledged.", ["failing-calls"]),
    endAfterFailure: {
      of: "Where a stream says that it ends after a failed append.",
      parts: ["failing-calls"],
      holds: ({ log, told }) => told === undefined || isEndOf({ log, ...told }),
      expected: ({ stream, log }) =>
        `stream ${String(stream)} to end at ${log.records.length} after a failed append`,
      seen: ({ told }) => String(told?.nextOffset),
    },
    status: {
      of: "The status of every stream after every recovery: it ends where its records do, and reports no damage.",
      parts: ["failing-calls"],
      holds: ({ log, status }) => alarmIn(status) === undefined && isEndOf({ log, ...status }),
      expected: ({ stream, log }) =>
        `stream ${String(stream)} to end at ${log.records.length}, no damage reported, for no byte has rotted`,
      seen: ({ status }) => `${String(status.nextOffset)} ${String(alarmIn(status)?.error)}`,
    },
    next: endsAsTheModel("What the first append answers once the disk is repaired.", ["failing-calls"]),
    end: tellsOneEnd(
      "The end of every stream after a failed append and after every recovery, asked in every way.",
      ["failing-calls"],
    ),
    listing: isListed("The list of streams, and the status of each, once the disk is repaired.", [
      "failing-calls",
    ]),
    range: readsFromOffset("Reads from every offset on, either way round, once the disk is repaired.", [
      "failing-calls",
    ]),
  },
});

export const D8: Invariant<"D8", { records: WholeRead }> = invariant("D8", {
  sentence: "Closing and reopening changes nothing.",
  why: "A restart is no event in the life of a log.",
  checkedBy: "Reopening is an operation of every workload; what is read before and after is compared.",
  checks: {
    records: showsTheLog(
      "Every stream after the storage was closed and opened again, which every workload may do.",
      ["crashes", "kimberlite"],
    ),
  },
});

/**
 * Bytes that recovery is about to truncate, and the files in quarantine as a power failure would leave them.
 */
interface Truncation {
  readonly path: string;
  readonly truncated: Uint8Array;
  readonly inQuarantine: readonly Uint8Array[];
}

/** A damaged segment before and after recovery, and the files in quarantine. */
interface DamagedSegment extends Damaged {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly inQuarantine: readonly Uint8Array[];
}

export const C4: Invariant<"C4", { truncation: Truncation; segment: DamagedSegment }> = invariant("C4", {
  sentence: "Recovery throws no byte away.",
  why: "What looks like garbage to a program may be evidence to a person.",
  checkedBy:
    "Behind every fault, every byte that a segment lost in recovery is in quarantine; behind every crash, too.",
  checks: {
    truncation: {
      of: "Every truncation of a segment by a recovery from a crash.",
      parts: ["crashes", "kimberlite"],
      holds: ({ truncated, inQuarantine }) => inQuarantine.some((bytes) => sameBytes(bytes, truncated)),
      expected: ({ path, truncated }) =>
        `the ${truncated.length} bytes that are cut off ${path} to be in quarantine, durably`,
      seen: ({ inQuarantine }) =>
        `${inQuarantine.length} files there, of ${inQuarantine.map(({ length }) => length).join(" and ")} bytes`,
    },
    segment: {
      of: "Every segment with a single fault after recovery: what is not in it is in quarantine.",
      parts: ["stored-bytes"],
      holds: ({ before, after, inQuarantine }) => {
        const rest = before.subarray(after.length);
        return (
          sameBytes(before.subarray(0, after.length), after) &&
          (rest.length === 0 || inQuarantine.some((bytes) => sameBytes(rest, bytes)))
        );
      },
      expected: ({ before }) => `${before.length} bytes in the segment and in quarantine`,
      seen: ({ after, inQuarantine, fault }) =>
        `${after.length} in the segment; in quarantine: ${inQuarantine.map(({ length }) => length).join()} (${fault})`,
    },
  },
});
