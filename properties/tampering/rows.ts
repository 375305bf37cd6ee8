/**
 * What must be revealed of an edit, as a row of the table that an auditor reads (`docs/TAMPERING.md`).
 *
 * Stated, not computed: where the chain holds after an edit, whoever knows nothing of the log sees nothing; who knows the number of
 * records sees another number; who knows the head sees another head. Where the chain does not hold, everybody sees it.
 * @module
 */

/** What is known of the log from elsewhere: nothing, how many records it has, its head, or both: an anchor. */
export const ANCHORS = ["no anchor", "count only", "head only", "count and head"] as const;
export type Anchor = (typeof ANCHORS)[number];

/** The two that verify: `Storage`, and the model's reader. */
export type Reader = "engine" | "model";

/** For each anchor whether an edit is revealed (`R`) or goes unnoticed (`-`). */
export type Outcome = "RRRR" | "--RR" | "-RRR" | "-R-R" | "----";

/** The chain does not hold, or a record is none. */
export const BROKEN: Outcome = "RRRR";
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
  /** What was done to the records behind the edited ones. */
  readonly behind: string;
  readonly outcome: Readonly<Record<Reader, Outcome>>;
}

/** What was done to the records behind an edit: the first so many were made to fit, of the others perhaps the offsets. */
export interface Behind {
  readonly of: number;
  readonly fitted: number;
  readonly renumbered: boolean;
  /** Whether a checkpoint is among them, and among those made to fit. */
  readonly checkpoint: boolean;
  readonly fittedCheckpoint: boolean;
}

/** What a kind of edit comes to, stated from the format alone. */
export interface Rule {
  /** How many of the records behind a forger makes to fit: none, all or none, or some number of the first ones. */
  readonly repairs: "none" | "all or none" | "any";
  readonly row: (edit: string, behind: Behind) => Row;
}

const both = (outcome: Outcome): Row["outcome"] => ({ engine: outcome, model: outcome });

/** An edit that no record behind can make up for. */
export const never: Rule = {
  repairs: "all or none",
  row: (edit) => ({ edit, behind: "whatever is done to them", outcome: both(BROKEN) }),
};

/** Other bytes for the same log: there is nothing to reveal. */
export const same: Rule = {
  repairs: "none",
  row: (edit) => ({ edit, behind: "as they were", outcome: both(SAME_LOG) }),
};

/** What is done to the records behind in the rows in which that is not enough. */
export const OTHERWISE = "otherwise";

const left = (edit: string): Row => ({ edit, behind: OTHERWISE, outcome: both(BROKEN) });

/** An edit that holds once all records behind are made to fit: a fork of the log from there on. */
export function fork(whole: Outcome, engine: Outcome = whole): Rule {
  const outcome = { model: whole, engine };
  return {
    repairs: "any",
    row: (edit, { of, fitted }) =>
      fitted < of ? left(edit) : { edit, behind: "all recomputed, or none there", outcome },
  };
}

/**
 * Folding leaves the hashes behind as they were, so the records there only need their numbers; but a checkpoint's payload names how many
 * records precede it, and with that its hash changes and all that follow.
 */
export const folding: Rule = {
  repairs: "any",
  row: (edit, { of, fitted, renumbered, checkpoint }) => {
    if (checkpoint) {
      if (fitted < of) return left(edit);
      return { edit, behind: "all recomputed, a checkpoint among them", outcome: both(OTHER_COUNT) };
    }
    if (fitted < of && !renumbered) return left(edit);
    return { edit, behind: "renumbered, no checkpoint among them, or none there", outcome: both(SAME_HEAD) };
  },
};

/**
 * The same where a checkpoint's count is not checked: a checkpoint behind only needs its number, too. But one that is recomputed counts anew,
 * and with that its hash changes.
 */
export const foldingUncounted: Rule = {
  repairs: "any",
  row: (edit, { of, fitted, renumbered, fittedCheckpoint }) => {
    if (fittedCheckpoint) {
      if (fitted < of) return left(edit);
      return { edit, behind: "all recomputed, a checkpoint among them", outcome: both(OTHER_COUNT) };
    }
    if (fitted < of && !renumbered) return left(edit);
    return { edit, behind: "renumbered, no checkpoint recomputed, or none there", outcome: both(SAME_HEAD) };
  },
};

/** Whatever puts a record other than data first, for the first record of a log is data. */
export const notDataFirst: Row = {
  edit: "any of these, so that a record other than data comes first",
  behind: "whatever is done to them",
  outcome: both(BROKEN),
};
