/**
 * A result of the check as the JSON that shields.io makes a badge from (https://shields.io/badges/endpoint-badge).
 * @module
 */
import type { CheckResult } from "../properties/result.ts";
import { type Verdict, verdictOn } from "./verdict.ts";

const COLOURS: Readonly<Record<Verdict["is"], string>> = {
  holds: "brightgreen",
  incomplete: "orange",
  violated: "red",
};

/** The text of the file. */
export function badgeOf(result: CheckResult): string {
  const { is, short } = verdictOn(result);
  const label = `kmb check ${result.profile}`;
  const badge = { schemaVersion: 1, label, message: short, color: COLOURS[is], isError: is === "violated" };
  return `${JSON.stringify(badge, undefined, 2)}\n`;
}
