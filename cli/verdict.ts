/**
 * A result in one word and one sentence, for reports that people glance at.
 * @module
 */
import type { CheckResult } from "../properties/result.ts";
import { counted } from "./text.ts";

export interface Verdict {
  readonly is: "holds" | "incomplete" | "violated";
  /** Short enough for a badge. */
  readonly short: string;
  readonly sentence: string;
}

export function verdictOn(result: CheckResult): Verdict {
  const { invariants, complete, shard } = result;
  const violated = invariants.filter(({ violations }) => violations > 0).length;
  if (violated > 0)
    return { is: "violated", short: `${violated} violated`, sentence: `${violatedText(violated)} violated.` };
  if (!complete)
    return {
      is: "incomplete",
      short: "not complete",
      sentence: "Nothing is violated, but the run was not complete.",
    };
  if (shard !== null) {
    const which = `shard ${shard.index} of ${shard.of}`;
    return { is: "holds", short: `${which} holds`, sentence: `Nothing is violated in ${which}.` };
  }
  const hold = counted(invariants.length, "invariant holds", "invariants hold");
  return { is: "holds", short: hold, sentence: `All ${hold}, and the run was complete.` };
}

const violatedText = (violated: number): string => counted(violated, "invariant is", "invariants are");
