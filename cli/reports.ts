/**
 * The forms in which `kmb check` and `kmb merge` hand on a result: files that are asked for, and what a CI
 * system takes of its own accord.
 * @module
 */
import { appendFileSync } from "node:fs";
import { type CheckResult, toJson } from "../properties/result.ts";
import { annotationsOf } from "./annotations.ts";
import { badgeOf } from "./badge.ts";
import { junitOf, type Occasion } from "./junit.ts";
import type { ReportOptions } from "./report-flags.ts";
import { sarifOf } from "./sarif.ts";
import { summaryOf } from "./summary.ts";

/** A file that is to be written. */
interface Report {
  readonly path: string;
  readonly text: (result: CheckResult) => string;
}

/** The files that were asked for. */
export function reportsIn(options: ReportOptions, occasion: Occasion): Report[] {
  const forms: { readonly [Name in keyof Required<ReportOptions>]: (result: CheckResult) => string } = {
    json: toJson,
    junit: (result) => junitOf(result, occasion),
    sarif: sarifOf,
    summary: summaryOf,
    badge: badgeOf,
  };
  return (Object.keys(forms) as (keyof ReportOptions)[]).flatMap((name) => {
    const path = options[name];
    return path === undefined ? [] : [{ path, text: forms[name] }];
  });
}

/** What of the environment says what CI wants. */
export type Environment = Readonly<Partial<Record<"GITHUB_ACTIONS" | "GITHUB_STEP_SUMMARY", string>>>;

/**
 * Hands a result to GitHub Actions, where that runs this.
 * @param line prints a line on standard output
 * @throws what the file system throws
 */
export function tellCI(result: CheckResult, environment: Environment, line: (text: string) => void): void {
  const { GITHUB_ACTIONS: actions, GITHUB_STEP_SUMMARY: page = "" } = environment;
  if (actions === "true") for (const annotation of annotationsOf(result)) line(annotation);
  if (page !== "") appendFileSync(page, summaryOf(result));
}
