/**
 * `kmb report`: makes the assurance report, one HTML file, from results.
 * @module
 */
import { codeVersion } from "../properties/code-version.ts";
import { bytesOfFile, noted, writeToFile } from "./named-file.ts";
import { Output } from "./output.ts";
import { assuranceReport } from "./report/assurance.ts";
import { evidenceIn, verdictOf } from "./report/evidence.ts";

export interface ReportCommandOptions {
  readonly out: string;
}

/**
 * Writes the report.
 * @returns the exit status
 * @throws NoteError that says why a file is not used, or the report not written
 */
export function report(paths: readonly string[], { out }: ReportCommandOptions): number {
  const files = paths.map((name) => ({ name, text: bytesOfFile(name).toString() }));
  const evidence = noted(() => evidenceIn(files, codeVersion()));
  writeToFile(out, assuranceReport(evidence), paths);
  new Output().line(`${verdictOf(evidence).sentence}\n${out}`);
  return 0;
}
