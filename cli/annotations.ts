/**
 * Annotations of a run on GitHub Actions: lines on standard output that it shows beside the source, at the
 * predicate that does not hold.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 * @module
 */
import { plainText } from "../properties/plain-text.ts";
import type { CheckResult } from "../properties/result.ts";
import { predicateOf } from "./predicate.ts";
import { violationTextWithReplay } from "./violation-lines.ts";

/** An error for each violation; a warning where there is none and the run was not complete. */
export function annotationsOf({ violations, complete, incompleteBecause }: CheckResult): string[] {
  const errors = violations.map((violation) => {
    const place = predicateOf(violation);
    const at = place === undefined ? {} : { file: place.file, line: String(place.line) };
    const title = `${violation.invariant} is violated`;
    return command("error", { ...at, title }, violationTextWithReplay(violation));
  });
  if (complete || violations.length > 0) return errors;
  return [command("warning", { title: "The run was not complete" }, incompleteBecause.join("; "))];
}

function command(name: string, properties: Readonly<Record<string, string>>, text: string): string {
  const given = Object.entries(properties).map(([key, value]) => `${key}=${inProperty(value)}`);
  return `::${name} ${given.join(",")}::${inText(text)}`;
}

/** A line break ends the command, and a percent sign begins what stands for one. */
const inText = (text: string): string =>
  plainText(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

const inProperty = (text: string): string => inText(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
