/**
 * Putting a defect into a module: its source text is replaced and compiled in memory; no file of the package
 * is changed.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import type { Mistake } from "./defect.ts";

/** A compiled module that is to be loaded in the place of the one at `url`. */
export interface Replacement {
  readonly url: string;
  readonly source: string;
  /** The source file that it was compiled from, and its text. */
  readonly file: string;
  readonly text: string;
}

/** A defect that cannot be put where it belongs; the source has changed since it was written. */
export class DefectError extends Error {
  override readonly name = "DefectError";
}

/** The package's root: where `package.json` is, above the sources as above what they are compiled to. */
export const ROOT: string = ((): string => {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json"))) at = dirname(at);
  return at;
})();

/**
 * The compiled module with the defect in it.
 * @throws DefectError if the text is not there exactly once, if nothing changes, or if the result is not
 *   TypeScript
 */
export function defective({ id, file, find, replace }: Mistake): Replacement {
  const path = join(ROOT, file);
  const parts = readFileSync(path, "utf8").split(find);
  if (find === "" || parts.length !== 2) {
    throw new DefectError(`${id}: ${file} has the text ${parts.length - 1} times, not once:\n${find}`);
  }
  if (find === replace) throw new DefectError(`${id}: nothing is replaced in ${file}.`);
  const text = parts.join(replace);
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    fileName: path,
    reportDiagnostics: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  const [problem] = diagnostics;
  if (problem !== undefined) {
    const why = ts.flattenDiagnosticMessageText(problem.messageText, "\n");
    throw new DefectError(`${id}: ${file} is not TypeScript any more: ${why}`);
  }
  const url = pathToFileURL(join(ROOT, "dist", file.replace(/\.ts$/, ".js"))).href;
  return { url, source: outputText, file: path, text };
}
