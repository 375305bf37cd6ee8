/**
 * The hash chain: what it reveals, and what it does not.
 * @module
 */
import { head as modelHead, type ModelLog, type ShownRecord } from "../../model/log.ts";
import { hex, sameBytes } from "../records.ts";
import {
  type Answered,
  answersAsTheModel,
  type EndTold,
  endsAsTheModel,
  showsTheLog,
  tellsOneEnd,
  type ToldEnd,
  type WholeRead,
} from "./agreement.ts";
import { type Invariant, invariant, type Pending } from "./invariant.ts";

export const H1: Invariant<"H1", { answer: Answered; records: WholeRead }> = invariant("H1", {
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

export const H2: Invariant<"H2", { end: ToldEnd; recovered: RecoveredChain; recoveredEnd: EndTold }> =
  invariant("H2", {
    sentence: "Each record carries the hash of the record before; the first carries zeros.",
    why: "This is the chain: an edit anywhere shows in every later hash.",
    checkedBy:
      "Every record shown after every operation and every recovery, against hashes the model computes.",
    checks: {
      end: endsAsTheModel(
        "The end of every stream that is read whole: its offset, and the hash that the model computes.",
        ["crashes", "concurrency", "kimberlite"],
      ),
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
      recoveredEnd: tellsOneEnd(
        "The end of every stream that was recovered from a crash, asked in every way.",
        ["crashes", "kimberlite"],
      ),
    },
  });

export const H3: Invariant<"H3", Pending> = invariant("H3", {
  sentence:
    "Any edit of the log is revealed by full verification against an anchor: the stream's record count and head, kept elsewhere.",
  why: "This is what the chain is for; an anchor fixes every record before it.",
  checkedBy:
    "Every edit of every small log, checksums set right, verified by the engine and by the model's reader against count and head.",
  checks: {},
});

export const H4: Invariant<"H4", Pending> = invariant("H4", {
  sentence:
    "Without an anchor, or with half of one, exactly the edits listed in docs/TAMPERING.md go unnoticed: no more, no fewer.",
  why: "A limit that is not known is taken for protection (immudb checked the first and the last link only, GHSA-672p-m5jq-mrh8).",
  checkedBy:
    "The same edits, verified with nothing, the count only and the head only, against what a rule for each kind of edit says.",
  checks: {},
});

export const H5: Invariant<"H5", Pending> = invariant("H5", {
  sentence: "Two logs with equal record count and equal head are equal, unless somebody breaks SHA-256.",
  why: "The head alone does not fix a log: [q, p] and the one record hash(q) || p have the same.",
  checkedBy:
    "Every small log over symbolic hashes, its payloads made of letters, hashes and keys, held against every log that has its head.",
  checks: {},
});
