/**
 * The hash chain: what it reveals, and what it does not.
 * @module
 */
import { head as modelHead, type ModelLog, type ShownRecord } from "../../model/log.ts";
import { hex, hexText, sameBytes, sameRecords, show } from "../records.ts";
import {
  type Answered,
  answersAsTheModel,
  type EndTold,
  endsAsTheModel,
  type HashInput,
  showsTheLog,
  tellsOneEnd,
  type ToldEnd,
  type WholeRead,
} from "./agreement.ts";
import { type Invariant, invariant, type Predicate } from "./invariant.ts";

/** The hash of an input, and what the model makes of it. */
interface Hashed {
  readonly input: HashInput;
  readonly wanted: Uint8Array;
  readonly hash: Uint8Array;
}

const inputText = ({ kind, payload, previous }: HashInput): string =>
  `${kind} ${hexText(payload)} after ${previous === undefined ? "nothing" : hexText(previous)}`;

export const H1: Invariant<"H1", { answer: Answered; records: WholeRead; hash: Hashed }> = invariant("H1", {
  sentence: "The same calls give the same hashes, whatever the backend and the segment size.",
  why: "An anchor taken from one copy of a log must verify another.",
  checkedBy:
    "Every workload is run on three storages, one in memory and one that never rotates; their heads agree.",
  checks: {
    answer: answersAsTheModel(
      "What every append of every workload answers through a pipeline, over a storage that never rotates.",
      ["crashes", "kimberlite"],
    ),
    records: showsTheLog("What that storage shows after every workload.", ["crashes", "kimberlite"]),
    hash: {
      of: "The chain hash of every kind with previous hashes and payloads of all sizes, computed twice, from memory of its own.",
      parts: ["format"],
      holds: ({ wanted, hash }) => Buffer.compare(hash, wanted) === 0,
      expected: ({ input, wanted }) => `the hash ${hexText(wanted)} of ${inputText(input)}`,
      seen: ({ hash }) => hexText(hash),
    },
  },
});

/** What a recovered stream shows, and what its status says of its end. */
interface RecoveredChain {
  readonly stream: bigint;
  /** The model, with as many records as are shown. */
  readonly log: ModelLog;
  readonly shown: readonly ShownRecord[];
  readonly nextOffset: bigint;
  readonly head: Uint8Array;
}

/** Two inputs, whether they are one, and their hashes. */
interface HashedApart {
  readonly inputs: readonly [HashInput, HashInput];
  readonly isSame: boolean;
  readonly hashes: readonly [string, string];
}

export const H2: Invariant<
  "H2",
  { end: ToldEnd; recovered: RecoveredChain; recoveredEnd: EndTold; apart: HashedApart; links: Answered }
> = invariant("H2", {
  sentence: "Each record carries the hash of the record before; the first carries zeros.",
  why: "This is the chain: an edit anywhere shows in every later hash.",
  checkedBy:
    "Every record shown after every operation and every recovery, against hashes the model computes.",
  checks: {
    recovered: {
      of: "Every record that a recovery from a crash shows, and the end: against hashes that the model computes.",
      parts: ["crashes", "kimberlite"],
      holds: ({ log, shown, nextOffset, head }) =>
        shown.every(({ prevHash }, i) => sameBytes(prevHash, log.records[i]?.prevHash)) &&
        Number(nextOffset) === shown.length &&
        sameBytes(head, modelHead(log)),
      expected: ({ stream, log }) =>
        `stream ${String(stream)} to end at ${log.records.length} with the hash of its last record`,
      seen: ({ nextOffset, head }) => `${String(nextOffset)} with ${hex(head)}`,
    },
    end: endsAsTheModel(
      "The end of every stream that is read whole: its offset, and the hash that the model computes.",
      ["crashes", "concurrency", "kimberlite"],
    ),
    recoveredEnd: tellsOneEnd(
      "The end of every stream that was recovered from a crash, asked in every way.",
      ["crashes", "kimberlite"],
    ),
    apart: {
      of: "The chain hashes of every two of some hundred inputs.",
      parts: ["format"],
      holds: ({ isSame, hashes: [one, other] }) => (one === other) === isSame,
      expected: ({ inputs: [one, other] }) => `different hashes of ${inputText(one)} and ${inputText(other)}`,
      seen: ({ hashes: [one, other] }) => `${one} and ${other}`,
    },
    links: answersAsTheModel(
      "Every sequence of a few requests in memory: offset, kind and previous hash of each record, and the head.",
      ["format"],
    ),
  },
});

/** What somebody says of an edited log who holds a part of its anchor. */
interface EditedLog {
  readonly edit: string;
  /** What was made of the records after the edit. */
  readonly recomputedAfter: string;
  readonly original: readonly ShownRecord[];
  readonly forged: readonly ShownRecord[];
  /** Reader, anchor and index files. */
  readonly who: string;
  /** Whether the edit must be revealed to them. */
  readonly isRevealed: boolean;
  readonly revealed: string | undefined;
}

const revealsAsStated = (of: string): Predicate<EditedLog> => ({
  of,
  parts: ["tampering"],
  holds: ({ isRevealed, revealed }) => (revealed !== undefined) === isRevealed,
  expected: ({ edit, recomputedAfter, isRevealed, who }) =>
    `"${edit}", later records ${recomputedAfter}: ${isRevealed ? "revealed" : "nothing"} to ${who}`,
  seen: ({ revealed, original, forged }) =>
    revealed ?? `nothing revealed by ${show(forged)} in place of ${show(original)}`,
  statedIn: ["properties/tampering/edits.ts", "properties/tampering/rules.ts", "docs/TAMPERING.md"],
});

export const H3: Invariant<"H3", { edit: EditedLog }> = invariant("H3", {
  sentence:
    "Any edit of the log is revealed by full verification against an anchor: the stream's record count and head, kept elsewhere.",
  why: "This is what the chain is for; an anchor fixes every record before it.",
  checkedBy:
    "Every edit of every small log, checksums set right, verified by the engine and by the model's reader against count and head.",
  checks: {
    edit: revealsAsStated(
      "Every edit of every small log, checksums set right, verified by the engine and by the model's reader against count and head.",
    ),
  },
});

/** The log that is in the files, and what a reader shows of it. */
interface ForgedShown {
  readonly forged: readonly ShownRecord[];
  readonly shown: readonly ShownRecord[];
}

/** The segments of a log as they are edited, and as the engine writes them. */
interface WrittenLog {
  readonly original: readonly ShownRecord[];
  readonly segments: ReadonlyMap<string, Uint8Array>;
  readonly written: ReadonlyMap<string, Uint8Array>;
}

export const H4: Invariant<"H4", { edit: EditedLog; shown: ForgedShown; written: WrittenLog }> = invariant(
  "H4",
  {
    sentence:
      "Without an anchor, or with half of one, exactly the edits listed in docs/TAMPERING.md go unnoticed: no more, no fewer.",
    why: "A limit that is not known is taken for protection (immudb checked the first and the last link only, GHSA-672p-m5jq-mrh8).",
    checkedBy:
      "The same edits, verified with nothing, the count only and the head only, against what a rule for each kind of edit says.",
    checks: {
      edit: revealsAsStated(
        "The same edits, verified with nothing, the count only and the head only, against what a rule for each kind of edit says.",
      ),
      shown: {
        of: "The log in the files, where the chain holds: both readers show it.",
        parts: ["tampering"],
        holds: ({ forged, shown }) => sameRecords(shown, forged),
        expected: ({ forged }) => `${show(forged)}, which is in the files`,
        seen: ({ shown }) => show(shown),
      },
      written: {
        of: "Every log before it is edited: the engine writes the same bytes.",
        parts: ["tampering"],
        holds: ({ written, segments }) =>
          written.size === segments.size &&
          [...written].every(([name, bytes]) => sameBytes(bytes, segments.get(name))),
        expected: ({ original }) => `the engine to write ${show(original)} as it is edited`,
        seen: ({ written }) => `other bytes in ${[...written.keys()].join(" ")}`,
      },
    },
  },
);

/** A log over symbolic hashes, and those of its length that have its head. */
interface SameHead {
  readonly log: string;
  readonly asLong: readonly string[];
}

export const H5: Invariant<"H5", { alone: SameHead }> = invariant("H5", {
  sentence: "Two logs with equal record count and equal head are equal, unless somebody breaks SHA-256.",
  why: "The head alone does not fix a log: [q, p] and the one record hash(q) || p have the same.",
  checkedBy:
    "Every small log over symbolic hashes, its payloads made of letters, hashes and keys, held against every log that has its head.",
  checks: {
    alone: {
      of: "Every small log over symbolic hashes, its payloads made of letters, hashes and keys, held against every log that has its head.",
      parts: ["symbolic-hashes"],
      holds: ({ log, asLong }) => asLong.length === 1 && asLong[0] === log,
      expected: ({ log }) => `${log} to be the only log of its length with its head`,
      seen: ({ asLong }) => asLong.join(" and ") || "not even itself",
    },
  },
});
