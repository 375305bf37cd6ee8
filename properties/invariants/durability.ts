/**
 * Durability: what survives a crash, a failing call and a restart.
 * @module
 */
import type { ShownRecord } from "../../model/log.ts";
import type { StreamStatus } from "../../src/index.ts";
import { hex, sameBytes, sameContent, show } from "../records.ts";
import {
  type EndTold,
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
import { type Invariant, invariant, type Pending } from "./invariant.ts";

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

export const D6: Invariant<"D6", Pending> = invariant("D6", {
  sentence: "After a failed sync nothing is acknowledged that a crash could lose.",
  why: "A kernel may mark pages clean that it failed to write; a second sync then succeeds and writes nothing (Rebello et al., ATC '20).",
  checkedBy:
    "Every sync of every workload fails, and leaves its pages dirty, clean or dropped; the machine crashes later, and what was acknowledged must be there.",
  checks: {},
});

export const D7: Invariant<"D7", { end: EndTold; listing: Listed; range: ReadFromOffset }> = invariant("D7", {
  sentence: "After a failed write the stream shows what it showed before, or refuses.",
  why: "Half a batch and a torn record behind a failed write made Kimberlite's stream unreadable.",
  checkedBy:
    "Every call of every workload, of its end and of the recovery behind it fails in every way, once and from then on; the disk is then repaired, and the engine must go on.",
  checks: {
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

/** Bytes that recovery is about to truncate, and the files in quarantine as a power failure would leave them. */
interface Truncation {
  readonly path: string;
  readonly truncated: Uint8Array;
  readonly inQuarantine: readonly Uint8Array[];
}

export const C4: Invariant<"C4", { truncation: Truncation }> = invariant("C4", {
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
  },
});
