/**
 * What must be revealed of an edit, as a row of the table that an auditor reads (`docs/TAMPERING.md`).
 *
 * Stated, not computed: if the chain holds after an edit, a reader without an anchor sees nothing; one that
 * knows the number of records sees another number; one that knows the head sees another head. If the chain
 * does not hold, everybody sees it.
 * @module
 */

/**
 * What is known of the log from outside: nothing, the number of its records, its head, or both: an anchor.
 */
export const ANCHORS = ["no anchor", "count only", "head only", "count and head"] as const;
export type Anchor = (typeof ANCHORS)[number];

/** The two that verify: `Storage`, and the model's reader. */
export type Reader = "engine" | "model";

/** For each anchor whether an edit is revealed (`R`) or goes unnoticed (`-`). */
export type Outcome = "RRRR" | "--RR" | "-RRR" | "-R-R" | "----";

/** The chain does not hold, or a record is none. */
const BROKEN: Outcome = "RRRR";
/** The chain holds: another log with as many records. */
export const OTHER_HEAD: Outcome = "--RR";
/** The chain holds: another log with more or fewer records. */
export const OTHER_COUNT: Outcome = "-RRR";
/** The chain holds: another log that ends in the same hash. */
const SAME_HEAD: Outcome = "-R-R";
/** Other bytes, the same log. */
export const SAME_LOG: Outcome = "----";

export interface Row {
  readonly edit: string;
  /** What was done to the records after the edited ones. */
  readonly after: string;
  readonly outcome: Readonly<Record<Reader, Outcome>>;
}

/**
 * What was done to the records after an edit: the first ones were made to fit, and the others perhaps
 * renumbered.
 */
export interface After {
  readonly of: number;
  readonly fitted: number;
  readonly renumbered: boolean;
  /** Whether a checkpoint is among them, and among those made to fit. */
  readonly checkpoint: boolean;
  readonly fittedCheckpoint: boolean;
}

/** What a kind of edit comes to, stated from the format alone. */
export interface Rule {
  /**
   * How many of the records after the edit a forger makes to fit: none, all or none, or some number of the
   * first ones.
   */
  readonly repairs: "none" | "all or none" | "any";
  readonly row: (edit: string, after: After) => Row;
}

const both = (outcome: Outcome): Row["outcome"] => ({ engine: outcome, model: outcome });

/** An edit that no change of the records after it can hide. */
export const never: Rule = {
  repairs: "all or none",
  row: (edit) => ({ edit, after: "whatever is done to them", outcome: both(BROKEN) }),
};

/** Other bytes for the same log: there is nothing to reveal. */
export const same: Rule = {
  repairs: "none",
  row: (edit) => ({ edit, after: "as they were", outcome: both(SAME_LOG) }),
};

/** What is done to the records after the edit in the rows in which it does not suffice. */
export const OTHERWISE = "otherwise";

const left = (edit: string): Row => ({ edit, after: OTHERWISE, outcome: both(BROKEN) });

/**
 * An edit that the chain accepts once all records after it are made to fit: a fork of the log from there on.
 */
export function fork(whole: Outcome, engine: Outcome = whole): Rule {
  const outcome = { model: whole, engine };
  return {
    repairs: "any",
    row: (edit, { of, fitted }) =>
      fitted < of ? left(edit) : { edit, after: "all recomputed, or none after it", outcome },
  };
}

/**
 * Folding does not change the later hashes, so the later records only need their numbers; but a checkpoint's
 * payload says how many records precede it, so its hash changes, and with it all later ones.
 */
export const folding: Rule = {
  repairs: "any",
  row: (edit, { of, fitted, renumbered, checkpoint }) => {
    if (checkpoint) {
      if (fitted < of) return left(edit);
      return { edit, after: "all recomputed, a checkpoint among them", outcome: both(OTHER_COUNT) };
    }
    if (fitted < of && !renumbered) return left(edit);
    return {
      edit,
      after: "renumbered, no checkpoint among them, or none after it",
      outcome: both(SAME_HEAD),
    };
  },
};

/**
 * The same where a checkpoint's count is not checked: a later checkpoint only needs its number, too. But one
 * that is recomputed counts anew, so its hash changes.
 */
export const foldingUncounted: Rule = {
  repairs: "any",
  row: (edit, { of, fitted, renumbered, fittedCheckpoint }) => {
    if (fittedCheckpoint) {
      if (fitted < of) return left(edit);
      return { edit, after: "all recomputed, a checkpoint among them", outcome: both(OTHER_COUNT) };
    }
    if (fitted < of && !renumbered) return left(edit);
    return {
      edit,
      after: "renumbered, no checkpoint recomputed, or none after it",
      outcome: both(SAME_HEAD),
    };
  },
};

/** Whatever puts a record other than data first: the first record of a log is data. */
export const notDataFirst: Row = {
  edit: "any of these, so that a record other than data comes first",
  after: "whatever is done to them",
  outcome: both(BROKEN),
};
