/**
 * Situations that a run must have met: a check that never saw a torn record has shown nothing about torn records. A run
 * that met none of one is vacuous there, and not complete.
 * @module
 */

import { type Finding, RECOVERY_CASES, type RecoveryCase } from "../src/index.ts";

export type WitnessId =
  | `case-${RecoveryCase["letter"]}`
  | "rotation"
  | "automatic-checkpoint"
  | "index-saved"
  | "refusal"
  | "stream-creation-lost"
  | "rotation-finished"
  | "unsynced-record-survived"
  | "unsynced-record-lost"
  | "batch-torn"
  | "out-of-order"
  | "size-without-data"
  | "name-lost"
  | "process-killed"
  | "recovery-crashed"
  | "appended-after-cut"
  | "write-taken-back"
  | "stream-refuses"
  | "raced-append-refused"
  | "crash-or-rot"
  | "equal-heads";

export interface Witness {
  readonly id: WitnessId;
  readonly sentence: string;
}

/** Each case of the recovery table. */
const CASES: readonly Witness[] = RECOVERY_CASES.map(({ letter, name }): Witness => ({
  id: `case-${letter}`,
  sentence: `Recovery met case ${letter} of its table: ${name}.`,
}));

export const WITNESSES: readonly Witness[] = [
  ...CASES,
  { id: "rotation", sentence: "A workload filled a segment and began the next." },
  { id: "automatic-checkpoint", sentence: "A batch made a checkpoint due, which was appended behind it." },
  { id: "index-saved", sentence: "The index moved from its write-ahead file to the saved file." },
  { id: "refusal", sentence: "The engine and the model refused the same operation." },
  { id: "stream-creation-lost", sentence: "A crash left no trace of a stream that was being created." },
  { id: "rotation-finished", sentence: "Recovery met a segment that the manifest did not name yet." },
  {
    id: "unsynced-record-survived",
    sentence: "A record that nobody had synced was there after a power failure.",
  },
  {
    id: "unsynced-record-lost",
    sentence: "An acknowledged but unsynced record was gone after a power failure.",
  },
  { id: "batch-torn", sentence: "A crash left the first records of a batch and not the last." },
  { id: "out-of-order", sentence: "A later sector was on the medium and an earlier one was not." },
  {
    id: "size-without-data",
    sentence: "A file had its new size and not its new bytes, or the other way round.",
  },
  { id: "name-lost", sentence: "A file was created and its name was gone after the crash." },
  { id: "process-killed", sentence: "The process died with unsynced writes in the kernel's hands." },
  { id: "recovery-crashed", sentence: "Recovery itself was crashed after it had changed something." },
  {
    id: "appended-after-cut",
    sentence: "A stream whose tail had been cut was appended to, and crashed again.",
  },
  {
    id: "write-taken-back",
    sentence: "An append failed, and the stream was as before and took the next one.",
  },
  {
    id: "stream-refuses",
    sentence: "A failed call left a stream in doubt, and it refused further appends.",
  },
  {
    id: "raced-append-refused",
    sentence: "Of appends that were made together with the same expectation one was refused.",
  },
  { id: "equal-heads", sentence: "Two logs of different length, over symbolic hashes, had the same head." },
  {
    id: "crash-or-rot",
    sentence:
      "In the standard mode a power failure and a flipped bit in an acknowledged record left identical bytes.",
  },
];

/** The cases of the recovery table that are among what recovery found. */
export function casesIn(findings: readonly Finding[]): WitnessId[] {
  return RECOVERY_CASES.filter(({ name }) => findings.some(({ what }) => what === name)).map(
    ({ letter }): WitnessId => `case-${letter}`,
  );
}
