/**
 * A result of the check in Markdown, for the page of a CI run: the verdict, what was covered, and each
 * violation with the command that shows it again.
 *
 * Promises: what an engine under test said is quoted, and does nothing to the page.
 * @module
 */
import { sentenceOf } from "../properties/invariants/catalogue.ts";
import { plainText } from "../properties/plain-text.ts";
import { type CheckResult, resultLines } from "../properties/result.ts";
import { predicateOf } from "./predicate.ts";
import { verdictOn } from "./verdict.ts";
import { replayCommand } from "./violation-lines.ts";

/** The text. */
export function summaryOf(result: CheckResult): string {
  const { profile, bounds, shard, versions, violations, seconds } = result;
  const which = shard === null ? "" : `, shard ${shard.index} of ${shard.of}`;
  const commit = versions.commit === null ? "" : `, commit ${versions.commit}`;
  const parts = [
    `## kmb check: ${profile}, ${bounds.format}${which}`,
    `**${verdictOn(result).sentence}**`,
    ...violations.map(sectionOf),
    quoted(resultLines(result)),
    `${seconds} seconds, kimberlite-storage ${versions.package}, Node.js ${versions.node}${commit}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function sectionOf(violation: CheckResult["violations"][number]): string {
  const { invariant, expected, seen } = violation;
  const sentence = sentenceOf(invariant) ?? "";
  const place = predicateOf(violation);
  const replay = replayCommand(violation);
  return [
    `### ${plainText(invariant)}: ${sentence}`,
    quoted([
      `expected  ${expected}`,
      `seen      ${seen}`,
      ...(place === undefined ? [] : [`predicate ${place.file}:${place.line}`]),
      ...(replay === undefined ? [] : ["", replay]),
    ]),
  ].join("\n\n");
}

/** Lines as code, between fences that are longer than any row of backticks in them. */
function quoted(lines: readonly string[]): string {
  const text = plainText(lines.join("\n"));
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([row]) => row.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
