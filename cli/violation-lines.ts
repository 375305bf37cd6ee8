/**
 * How the commands print a violation.
 * @module
 */
import { sentenceOf } from "../properties/invariants/catalogue.ts";
import { plainText } from "../properties/plain-text.ts";

/** What is printed of one, whoever found it. */
interface Violated {
  readonly invariant: string;
  readonly expected: string;
  readonly seen: string;
}

/**
 * The lines that say what is violated, without what belongs before or after them.
 * @param choices those that lead to it, in words
 */
export function violationLines(
  { invariant, expected, seen }: Violated,
  choices: readonly string[] = [],
): string[] {
  const sentence = sentenceOf(invariant);
  const lines = [
    `  VIOLATED ${invariant}${sentence === undefined ? "" : `  ${sentence}`}`,
    ...choices.map((choice) => `    ${choice}`),
    `    expected  ${expected}`,
    `    seen      ${seen}`,
  ];
  return lines.map(plainText);
}

/** In one sentence, for reports. */
export function violationText({ expected, seen }: Violated): string {
  return plainText(`Expected ${expected}; seen ${seen}`);
}

/** What shows a violation again, if its counterexample was written. */
export function replayCommand({
  counterexample,
}: {
  readonly counterexample: string | null;
}): string | undefined {
  return counterexample === null ? undefined : plainText(`npx kmb replay ${counterexample}`);
}

/** The sentence, and in a line of its own what shows the violation again. */
export function violationTextWithReplay(
  violation: Violated & { readonly counterexample: string | null },
): string {
  const replay = replayCommand(violation);
  return [violationText(violation), ...(replay === undefined ? [] : [replay])].join("\n");
}
