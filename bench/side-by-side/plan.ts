/**
 * What is measured: how much, and which cases of which questions.
 * @module
 */
import type { About, Extent, Question } from "../../properties/documents/performance.ts";

/** One row of a table: a question with its particulars. */
export interface Case {
  readonly question: Question;
  /** In words, where a question is put in several ways. */
  readonly variant: string;
  readonly payloadBytes: number;
  readonly batchRecords: number;
  readonly isCold: boolean;
  /** How many records the log has that is read; 0 for appends, which begin one. */
  readonly logRecords: number;
}

/** How much is measured: about a quarter of an hour with all peers. */
export const FULL: Extent = {
  repetitions: 5,
  pieceMs: 150,
  warmUpMs: 1000,
  pieceBytes: 2 ** 26,
  readBytes: 2 ** 24,
  logBytes: 2 ** 30,
};
/** Within two minutes, without peers. */
export const QUICK: Extent = {
  repetitions: 3,
  pieceMs: 40,
  warmUpMs: 300,
  pieceBytes: 2 ** 24,
  readBytes: 2 ** 22,
  logBytes: 2 ** 25,
};

const PAYLOADS = [64, 256, 1024, 4096, 65_536] as const;
const BATCHES = [1, 100, 1000] as const;

/** Of a log that is read from one end to the other, where fewer bytes than the extent says are enough. */
const READ_RECORDS_MAX = 20_000;
/** Of the log in which records are looked up. */
const LOOKED_UP_BYTES = 1024;

/** All cases of a question. */
export function casesOf(question: Question, { readBytes, logBytes }: Extent): Case[] {
  const plain = { question, variant: "", batchRecords: 1, isCold: false, logRecords: 0 };
  const large = { ...plain, payloadBytes: LOOKED_UP_BYTES, logRecords: logBytes / LOOKED_UP_BYTES };
  switch (question) {
    case "append":
    case "append-synced":
      return BATCHES.flatMap((batchRecords) =>
        PAYLOADS.map((payloadBytes) => ({
          ...plain,
          variant: `batches of ${batchRecords}`,
          payloadBytes,
          batchRecords,
        })),
      );
    case "callers":
      return PAYLOADS.map((payloadBytes) => ({ ...plain, payloadBytes }));
    case "read":
    case "audit":
      return PAYLOADS.map((payloadBytes) => ({
        ...plain,
        payloadBytes,
        logRecords: Math.min(READ_RECORDS_MAX, readBytes / payloadBytes),
      }));
    case "point":
      return [
        { ...large, variant: "cold", isCold: true },
        { ...large, variant: "warm" },
      ];
    case "reopen":
      return [large];
  }
}

/** Whether a contestant can answer: not all have a durable append, and only the engine has an audit. */
export function takesPart(question: Question, { audits, sync }: About): boolean {
  if (question === "audit") return audits;
  return sync !== null || (question !== "append-synced" && question !== "callers");
}
