/**
 * `kmb merge`: joins the results of shards, prints what `kmb check` would have printed, and ends with its
 * exit status.
 *
 * Promises: results that are no shards of one run are refused with 2, and nothing is written. What the merged
 * counts mean is said in `properties/merge.ts`.
 * @module
 */
import { hostname } from "node:os";
import { mergeShards, type ResultFile } from "../properties/merge.ts";
import { plainText } from "../properties/plain-text.ts";
import { parseResult } from "../properties/result-file.ts";
import { type CheckResult, exitStatus, resultLines } from "../properties/result.ts";
import { bytesOfFile, noted, writeToFile } from "./named-file.ts";
import { Output } from "./output.ts";
import type { ReportOptions } from "./report-flags.ts";
import { reportsIn, tellCI } from "./reports.ts";
import { codeVersion } from "../properties/code-version.ts";
import { violationLines } from "./violation-lines.ts";

/**
 * Merges the files.
 * @returns the exit status
 * @throws NoteError that says why they cannot be merged, or the result not be written; OutputError
 */
export function merge(paths: readonly string[], options: ReportOptions): number {
  const version = codeVersion();
  const files = paths.map((path) => resultIn(path, version));
  const result = noted(() => mergeShards(files));
  const occasion = { started: new Date(), host: hostname() };
  for (const { path, text } of reportsIn(options, occasion)) writeToFile(path, text(result));
  const out = new Output();
  for (const violation of result.violations) for (const line of linesOf(violation)) out.line(line);
  for (const line of resultLines(result)) out.line(plainText(line));
  tellCI(result, process.env, out.line);
  return exitStatus(result);
}

function resultIn(path: string, version: string): ResultFile {
  const text = bytesOfFile(path).toString();
  return { name: path, result: noted(() => parseResult(text, version), `${path} `) };
}

function linesOf(violation: CheckResult["violations"][number]): string[] {
  const { counterexample } = violation;
  const replay =
    counterexample === null ? [] : [`    npx kmb replay ${counterexample}`, "    where its shard was run"];
  return [...violationLines(violation), ...replay.map(plainText), ""];
}
