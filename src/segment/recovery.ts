/**
 * The recovery decision table: what it means if no record can be read at a place in a segment, and what is
 * done.
 *
 * Verified: every combination of facts matches exactly one case, or is declared impossible
 * (`recovery.test.ts`). Not decided here: how the facts are found (`recover-segment.ts`) and how bytes are
 * set aside (`quarantine.ts`).
 *
 * The **watermark** of a segment is the farthest byte that persisted index entries name. Records are named
 * only after they were synced, so below it a bad record cannot come from a crash. Above it nothing was
 * promised to be durable in any order, and a bad record is what a torn write leaves.
 *
 * Known limit: the records that were synced last before a crash lie above the watermark if their index entry
 * did not reach the disk. If one of them is damaged before the next start, it is taken for a torn write. No
 * log without a second durable place for that fact can tell the two apart (Alagappan et al., "Protocol-Aware
 * Recovery for Consensus-Based Storage", FAST '18, appendix A).
 * @module
 */

/** The yes/no facts that decide. */
export interface RecoveryFacts {
  /** Every byte from where the scan began belongs to an intact record in its right place. */
  readonly intact: boolean;
  /** A later segment exists, so this one was synced before that one was made. */
  readonly sealed: boolean;
  /** The index write-ahead file is there and is this segment's. */
  readonly watermarkKnown: boolean;
  /** The place lies below the watermark, or the file ends below it. */
  readonly belowWatermark: boolean;
  /**
   * An intact record is in its right place, but this reader cannot read it: an unknown kind, a codec that it
   * lacks.
   */
  readonly unreadable: boolean;
  /**
   * An intact record lies at the place, where it does not belong, or somewhere after it, where it could
   * continue the stream.
   */
  readonly intactBehind: boolean;
}

/**
 * What recovery does. `accept`: go on. `cut`: set the bytes from the place on aside and truncate the segment.
 * `keep`: report the damage and change nothing.
 */
export type RecoveryAction = "accept" | "cut" | "keep";

/** A row of the recovery table. */
export interface RecoveryCase {
  /** By which documents refer to it. */
  readonly letter: "A" | "B" | "C" | "D" | "E" | "F" | "G" | "H";
  /** By which findings refer to it. */
  readonly name: string;
  /** The facts that make the case; a fact that is left out does not matter. */
  readonly facts: Partial<RecoveryFacts>;
  /** What is done. */
  readonly action: RecoveryAction;
  /** Why that is right. */
  readonly why: string;
}

/** The recovery table (docs/RECOVERY.md). Every possible combination of facts makes exactly one case. */
export const RECOVERY_CASES: readonly RecoveryCase[] = [
  {
    letter: "A",
    name: "intact",
    facts: { intact: true, belowWatermark: false },
    action: "accept",
    why: "All bytes are records and nothing that was proven durable is missing. Records above the watermark may be those of an unsynced batch; they are whole, so they stay.",
  },
  {
    letter: "B",
    name: "torn tail",
    facts: { intact: false, sealed: false, watermarkKnown: true, belowWatermark: false, unreadable: false },
    action: "cut",
    why: "Nothing at or above the watermark was acknowledged as durable and then named. The unsynced pieces of a batch reach the disk in any order, so an intact record after the bad one proves nothing.",
  },
  {
    letter: "C",
    name: "corruption",
    facts: { intact: false, watermarkKnown: true, belowWatermark: true, unreadable: false },
    action: "keep",
    why: "The record was synced before the index entry that proves it was written. No crash undoes that: the medium lost it. Truncating would discard acknowledged records after it.",
  },
  {
    letter: "D",
    name: "corruption in a sealed segment",
    facts: { intact: false, sealed: true, belowWatermark: false, unreadable: false },
    action: "keep",
    why: "A segment is synced before its successor is made, whatever its index says. What follows it continues its chain, so it is never shortened.",
  },
  {
    letter: "E",
    name: "torn tail, watermark unknown",
    facts: { intact: false, sealed: false, watermarkKnown: false, unreadable: false, intactBehind: false },
    action: "cut",
    why: "The write-ahead file is made durable together with its segment, so its absence is a fault and not a crash. But truncating would lose nothing readable, and the bytes are kept in quarantine.",
  },
  {
    letter: "F",
    name: "damage, watermark unknown",
    facts: { intact: false, sealed: false, watermarkKnown: false, unreadable: false, intactBehind: true },
    action: "keep",
    why: "Without the watermark the bad place may be a flipped bit in the middle of the log. If an intact record is there or follows, truncating could lose acknowledged ones.",
  },
  {
    letter: "G",
    name: "lost end",
    facts: { intact: true, watermarkKnown: true, belowWatermark: true },
    action: "keep",
    why: "The file ends at the end of a record, but an index entry names records beyond: they were durable and are gone. A shorter log would hide that.",
  },
  {
    letter: "H",
    name: "unreadable record",
    facts: { intact: false, unreadable: true },
    action: "keep",
    why: "Its checksum, offset and link to the record before hold, so nothing tore it: the reader lacks a codec, or the record is of a newer version. Truncating would lose a good record.",
  },
];

/** Combinations of facts that are impossible, and why. */
export const IMPOSSIBLE: readonly { readonly facts: Partial<RecoveryFacts>; readonly why: string }[] = [
  {
    facts: { watermarkKnown: false, belowWatermark: true },
    why: "Nothing lies below a watermark that is not known.",
  },
  {
    facts: { intact: true, unreadable: true },
    why: "If every record was read, none is unreadable.",
  },
];

/**
 * Whether all the facts that a row names hold.
 *
 * @param row the facts that it names
 * @param facts what was found
 * @returns true if they agree
 */
export function matches(row: Partial<RecoveryFacts>, facts: RecoveryFacts): boolean {
  return (Object.keys(row) as (keyof RecoveryFacts)[]).every((name) => row[name] === facts[name]);
}

/**
 * The case that the facts make. The table is total: there is one unless the facts are impossible.
 *
 * @param facts what was found
 * @returns the row
 * @throws Error for facts that are impossible: a mistake in the code that calls
 */
export function decide(facts: RecoveryFacts): RecoveryCase {
  const found = RECOVERY_CASES.find((row) => matches(row.facts, facts));
  if (found === undefined || IMPOSSIBLE.some((row) => matches(row.facts, facts))) {
    throw new Error(`Recovery facts that cannot be: ${JSON.stringify(facts)}.`);
  }
  return found;
}
