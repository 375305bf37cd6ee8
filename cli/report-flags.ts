/**
 * The flags that ask for a result in a file, apart from what writes it: help texts need no more.
 * @module
 */

/** The files that are asked for, by the names of their flags. */
export interface ReportOptions {
  readonly json?: string;
  readonly junit?: string;
  readonly sarif?: string;
  readonly summary?: string;
  readonly badge?: string;
}

/** What each flag asks for, for help texts. */
export const REPORT_FLAGS: { readonly [Name in keyof Required<ReportOptions>]: string } = {
  json: "write the result as JSON",
  junit: "write the result as JUnit's XML, a test case for each invariant and witness",
  sarif: "write violations as SARIF, each at the line of its predicate",
  summary: "write the result as Markdown",
  badge: "write the JSON of a badge, for shields.io",
};
