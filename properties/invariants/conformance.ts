/**
 * Conformance: the engine, the model and every other way to a log agree; and a data directory has one owner.
 * @module
 */
import { inspect, isDeepStrictEqual } from "node:util";
import { callText, type DiskCall } from "../../fault-injection/disk-call.ts";
import { head as modelHead, type ModelLog, type ShownRecord } from "../../model/log.ts";
import { hex, sameRecords, show } from "../records.ts";
import { type Answered, answersAsTheModel, isEndOf, showsTheLog, type WholeRead } from "./agreement.ts";
import { type Invariant, invariant } from "./invariant.ts";

export const M1: Invariant<"M1", { answer: Answered; records: WholeRead }> = invariant("M1", {
  sentence: "Without faults engine and model agree on every result of every operation.",
  why: "The model says what a log is; the engine has to be one.",
  checkedBy: "Every operation of every workload, refusals included.",
  checks: {
    answer: answersAsTheModel("What every append of every workload answers, refusals included.", [
      "crashes",
      "kimberlite",
    ]),
    records: showsTheLog("What every stream shows after every workload, read in every way.", [
      "crashes",
      "kimberlite",
    ]),
  },
});

export const M2: Invariant<"M2", { answer: Answered; records: WholeRead }> = invariant("M2", {
  sentence: "Storage, MemoryStorage and AppendPipeline are indistinguishable.",
  why: "Tests written against one must hold for the others.",
  checkedBy: "Every workload runs on all three in lock step.",
  checks: {
    answer: answersAsTheModel("What `MemoryStorage` answers to every append of every workload.", ["crashes"]),
    records: showsTheLog("What `MemoryStorage` shows after every workload.", ["crashes"]),
  },
});

/** The segments of a stream as the model's reader reads them. */
interface SegmentsRead {
  readonly path: string;
  readonly appended: readonly ShownRecord[];
  readonly read: readonly ShownRecord[];
  /** What the reader found wrong. */
  readonly problem: string | undefined;
}

export const M3: Invariant<"M3", { segments: SegmentsRead }> = invariant("M3", {
  sentence: "The model's own reader, given the bytes, sees what the engine says it wrote.",
  why: "An engine that reads its own mistakes back is consistent and wrong.",
  checkedBy: "The files after every workload and after every recovery that was appended to.",
  checks: {
    segments: {
      of: "The segments after every workload, and after every recovery that was appended to.",
      parts: ["crashes", "concurrency", "kimberlite"],
      holds: ({ appended, read, problem }) => problem === undefined && sameRecords(read, appended),
      expected: ({ path, appended }) => `the files of ${path} to hold ${show(appended)}`,
      seen: ({ read, problem }) => `${show(read)} ${problem ?? ""}`,
    },
  },
});

/** What a call answered that was made together with others. */
interface AnsweredTogether extends Answered {
  readonly backend: string;
  readonly call: string;
}

/** A head that was told while other calls were under way, and the model between the calls. */
interface HeadTogether {
  readonly backend: string;
  readonly states: readonly ModelLog[];
  readonly nextOffset: bigint;
  readonly head: Uint8Array;
}

/** A read while other calls were under way, and the model between the calls. */
interface ReadTogether {
  readonly backend: string;
  readonly states: readonly ModelLog[];
  readonly shown: readonly ShownRecord[];
}

/** What was changed after a storage was closed. */
interface LateChanges {
  readonly backend: string;
  readonly changes: readonly string[];
}

const endText = (end: number | bigint, head: Uint8Array): string => `${String(end)} with ${hex(head)}`;

export const L1: Invariant<
  "L1",
  { records: WholeRead; answer: AnsweredTogether; head: HeadTogether; read: ReadTogether; late: LateChanges }
> = invariant("L1", {
  sentence:
    "Appends and reads of a stream that are made together answer as if they had been made one after the other, in the order of the calls; batches do not interleave.",
  why: "An expectation that is compared before the place in the queue is known lets two writers take the same offset.",
  checkedBy:
    "Every sequence of up to three calls, none of which waits for the one before, on a storage whose disk answers at once or later, in memory and through a pipeline, against the model; not every order in which a disk's answers may come.",
  checks: {
    answer: {
      of: "Every append, checkpoint and refusal in every sequence of up to three calls, none of which waits for the one before, on a storage whose disk answers at once or later, in memory and through a pipeline; not every order in which a disk's answers may come.",
      parts: ["concurrency"],
      holds: ({ expected, answered }) => answered === expected,
      expected: ({ backend, call, expected }) => `"${call}" to answer ${expected} (${backend})`,
      seen: ({ answered }) => answered,
    },
    head: {
      of: "Every head that is asked for in such a sequence: it is that of a state between two calls.",
      parts: ["concurrency"],
      holds: ({ states, nextOffset, head }) => states.some((log) => isEndOf({ log, nextOffset, head })),
      expected: ({ backend, states }) =>
        `the head to be one of ${states.map((log) => endText(log.records.length, modelHead(log))).join(", ")} (${backend})`,
      seen: ({ nextOffset, head }) => endText(nextOffset, head),
    },
    read: {
      of: "Every read in such a sequence: it shows the stream between two calls.",
      parts: ["concurrency"],
      holds: ({ states, shown }) => states.some(({ records }) => sameRecords(shown, records)),
      expected: ({ backend }) => `a read to show the stream between two calls (${backend})`,
      seen: ({ shown }) => show(shown),
    },
    late: {
      of: "Every change to the disk after a storage said that it is closed.",
      parts: ["concurrency"],
      holds: ({ changes }) => changes.length === 0,
      expected: ({ backend }) => `nothing to be changed once the storage is closed (${backend})`,
      seen: ({ changes }) => changes.join(", "),
    },
    records: showsTheLog("What the stream shows after all these calls.", ["concurrency"]),
  },
});

export const S1: Invariant<
  "S1",
  { second: { answer: string }; afterCrash: { refusal: string | undefined } }
> = invariant("S1", {
  sentence: "A second opener of a data directory is refused; a crashed one leaves no stale lock.",
  why: "Two writers fork the chain; a lock file left behind keeps the directory shut.",
  checkedBy:
    "A second opener is refused behind every workload, and a fresh engine opens the directory after every crash; with real processes and SIGKILL in e2e/real-crash.test.ts.",
  checks: {
    second: {
      of: "A second opener after every workload, while the first has the directory open.",
      parts: ["crashes", "kimberlite"],
      holds: ({ answer }) => answer === "locked",
      expected: () => "a second opener to be refused",
      seen: ({ answer }) => answer,
    },
    afterCrash: {
      of: "A fresh engine that opens the directory after every crash; with real processes and SIGKILL in e2e/real-crash.test.ts.",
      parts: ["crashes", "kimberlite"],
      holds: ({ refusal }) => refusal !== "locked",
      expected: () => "a crashed engine to leave no lock",
      seen: ({ refusal }) => String(refusal),
    },
  },
});

/** A call that an engine makes to the disk, and the data directory that it was given. */
interface CallToDisk {
  readonly directory: string;
  readonly call: DiskCall;
}

/** A file on the disk after a run, and the data directory. */
interface FileLeft {
  readonly directory: string;
  readonly path: string;
}

const isInside = (directory: string, path: string): boolean =>
  path === directory || path.startsWith(`${directory}/`);

export const S2: Invariant<"S2", { call: CallToDisk; file: FileLeft }> = invariant("S2", {
  sentence: "No stream id, file name or manifest entry reaches outside the data directory.",
  why: "A directory may come from a stranger.",
  checkedBy:
    "Every call to the disk behind every single fault in stored bytes, manifests included; the names of all files behind every failing call.",
  checks: {
    call: {
      of: "Every call to the disk after every single fault in stored bytes, manifests included.",
      parts: ["stored-bytes"],
      holds: ({ directory, call }) =>
        (isInside(directory, call.path) && (call.kind !== "rename" || isInside(directory, call.to))) ||
        (call.kind === "sync directory" && call.path === "/"),
      expected: ({ directory }) => `no call outside ${directory}, but to make its own name durable`,
      seen: ({ call }) => callText(call),
    },
    file: {
      of: "The name of every file on the disk after every failing call.",
      parts: ["failing-calls"],
      holds: ({ directory, path }) => path.startsWith(`${directory}/`),
      expected: ({ directory }) => `no file outside ${directory}`,
      seen: ({ path }) => path,
    },
  },
});

/** What an engine asked or answered, and what one did that had been asked and told the same. */
interface DoneAlike {
  readonly heard: unknown;
  readonly made: unknown;
}

const textOf = (done: unknown): string => (typeof done === "string" ? done : inspect(done));

export const S3: Invariant<"S3", { engine: DoneAlike }> = invariant("S3", {
  sentence:
    "What the engine does and answers depends on nothing but what it was asked and what the disk answered.",
  why: "What a clock, a draw or a global variable decides, no check can repeat; and the check lets an engine run only once for all disks that answer alike.",
  checkedBy:
    "One in a hundred engines of the parts crashes, failing-calls and kimberlite runs though its conversation with the disk was heard before, and must ask and answer the same.",
  checks: {
    engine: {
      of: "One in a hundred engines, run though its conversation with the disk was heard before: its opening, and then all that it asks and answers.",
      parts: ["crashes", "failing-calls", "kimberlite"],
      holds: ({ heard, made }) => isDeepStrictEqual(made, heard),
      expected: ({ heard }) => `what an engine did that was asked and told the same: ${textOf(heard)}`,
      seen: ({ made }) => textOf(made),
    },
  },
});
