/**
 * A worker thread of `kmb check`. Everything that takes long is done here, so that the main thread can answer
 * a signal or the end of the budget at any time.
 * @module
 */
import type { Bounds, PartName } from "../properties/bounds.ts";
import { PARTS, Runners, searchUnit, type Unit, unitsOf } from "../properties/parts.ts";
import { ConversationTree } from "../properties/conversations/tree.ts";
import { type Survey, survey } from "../properties/crashes/survey.ts";
import { type Counterexample, type PartResult, simplest } from "../properties/part.ts";
import type { Counts } from "../properties/tally.ts";
import { work } from "./pool.ts";

/** What all jobs of a run have in common. */
export interface Shared {
  readonly bounds: Bounds;
  /** Whether an engine runs only where its conversation with the disk is new. */
  readonly memo: boolean;
  /** Whether a violation does not end the search. */
  readonly all: boolean;
}

/** Runs every workload without a crash, or lists the units of another part. */
export interface PrepareWork {
  readonly shared: Shared;
  readonly job: { readonly does: "survey" } | { readonly does: "list"; readonly part: ListedPart };
  readonly result: Survey | readonly Unit[];
  /** What the survey has counted so far. */
  readonly note: Counts;
}

export type ListedPart = Exclude<PartName, "crashes">;

/** Searches a unit. */
export interface SearchWork {
  readonly shared: Shared;
  readonly job: { readonly does: "search"; readonly unit: Unit };
  readonly result: PartResult;
  readonly note: never;
}

/** Makes a counterexample small. */
export interface MinimiseWork {
  readonly shared: Shared;
  readonly job: { readonly does: "minimise"; readonly part: PartName; readonly found: Counterexample };
  readonly result: Counterexample;
  readonly note: never;
}

/** What passes between `kmb check` and its workers. */
interface CheckWork {
  readonly shared: Shared;
  readonly job: (PrepareWork | SearchWork | MinimiseWork)["job"];
  readonly result: (PrepareWork | SearchWork | MinimiseWork)["result"];
  readonly note: Counts;
}

const WORKLOADS_PER_NOTE = 50;

/** One for all units of this worker, so that what was heard in one serves the next. */
const tree = new ConversationTree();
const runners = new Runners();

work<CheckWork>(({ bounds, memo, all }, job, note) => {
  switch (job.does) {
    case "survey":
      return survey(
        bounds,
        (counts) => {
          if (counts.workloads % WORKLOADS_PER_NOTE === 0) note(counts);
        },
        all,
      );
    case "list":
      return unitsOf(bounds, job.part);
    case "search":
      return searchUnit(bounds, job.unit, memo ? tree : undefined, runners, all);
    case "minimise":
      return simplest(PARTS[job.part].runner(), bounds, job.found);
  }
});
