/**
 * `kmb report`: makes the assurance report, one HTML file, from results.
 * @module
 */
import { NoteError } from "../audit/text.ts";
import { codeVersion } from "../properties/code-version.ts";
import { ResultFileError } from "../properties/result-file.ts";
import { bytesOfFile, writeToFile } from "./named-file.ts";
import { Output } from "./output.ts";
import { assuranceReport } from "./report/assurance.ts";
import { type Evidence, evidenceIn, verdictOf } from "./report/evidence.ts";

export interface ReportCommandOptions {
  readonly out: string;
}

/**
 * Writes the report.
 * @returns the exit status
 * @throws NoteError that says why a file is not used, or the report not written
 */
export function report(paths: readonly string[], { out }: ReportCommandOptions): number {
  const evidence = evidenceOf(paths);
  writeToFile(out, assuranceReport(evidence), paths);
  new Output().line(`${verdictOf(evidence).sentence}\n${out}`);
  return 0;
}

function evidenceOf(paths: readonly string[]): Evidence {
  const files = paths.map((name) => ({ name, text: bytesOfFile(name).toString() }));
  try {
    return evidenceIn(files, codeVersion());
  } catch (error) {
    if (error instanceof ResultFileError) throw new NoteError(`${error.message}.`);
    throw error;
  }
}
