/**
 * Where the predicate of a violation stands, for reports that point at it.
 * @module
 */
import { INVARIANTS } from "../properties/invariants/catalogue.ts";
import { PLACES } from "../properties/invariants/places.ts";
import type { CheckResult } from "../properties/result.ts";

export interface Place {
  /** From the top of the repository. */
  readonly file: string;
  readonly line: number;
}

/**
 * The place of the predicate that does not hold, or of the one that decides the invariant, where it is not
 * known which it was; `undefined` if there is no such invariant.
 */
export function predicateOf({
  invariant,
  check,
}: Pick<CheckResult["violations"][number], "invariant" | "check">): Place | undefined {
  const first = INVARIANTS.find(({ id }) => id === invariant)?.checks[0]?.name;
  const place = PLACES[`${invariant}.${check ?? ""}`] ?? PLACES[`${invariant}.${first ?? ""}`];
  const [, file, line] = /^(.+):(\d+)$/.exec(place ?? "") ?? [];
  return file === undefined ? undefined : { file, line: Number(line) };
}
