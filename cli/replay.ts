/**
 * `kmb replay`: runs a counterexample again, and shows every choice, every call to the disk, and where it ends.
 * @module
 */
import { readFileSync } from "node:fs";
import { PARTS } from "../properties/check.ts";
import { choiceText, RecordedChoice } from "../properties/choices.ts";
import { parseCounterexample } from "../properties/counterexample.ts";
import { plainText } from "../properties/plain-text.ts";
import { emptyCounts, Violation } from "../properties/tally.ts";
import { Output } from "./output.ts";

const HOLDS = 0;
const VIOLATED = 1;
/** The recorded run does not exist any more: neither violated nor run to its end. */
const ANOTHER_WAY = 3;

/**
 * Replays a counterexample.
 * @returns the exit status: 1 the violation is there, 0 it is not, 3 the run took another way than the recorded one
 * @throws CounterexampleError if the file does not fit this version, and what the file system throws
 */
export async function replay(path: string): Promise<number> {
  const { bounds, part, invariant, choices } = parseCounterexample(readFileSync(path, "utf8"));
  const recorded = new RecordedChoice(choices);
  const out = new Output();
  const choice = {
    choose(n: number, what: string): number {
      const chosen = recorded.choose(n, what);
      if (n > 1) out.line(`  ${choiceText({ what, chosen, of: n })}`);
      return chosen;
    },
  };
  let violation: Violation | undefined;
  try {
    await PARTS[part].run(bounds, choice, emptyCounts(), (line) => {
      out.line(plainText(`      ${line}`));
    });
  } catch (error) {
    if (error instanceof Violation) violation = error;
    else if (recorded.parted === undefined) throw error;
  }
  // First, for an engine that was refused an answer violates everything.
  const parted = recorded.parted ?? (violation === undefined ? recorded.unasked : undefined);
  if (parted !== undefined) {
    const place = `choice ${parted.choice} of ${recorded.length}`;
    out.line(`\n  ${invariant} no longer happens: the run took another way at ${place}.`);
    out.line(`    ${parted.message}`);
    return ANOTHER_WAY;
  }
  if (violation === undefined) {
    out.line(`\n  ${invariant} holds here now.`);
    return HOLDS;
  }
  for (const line of violationLines(violation)) out.line(line);
  if (violation.invariant !== invariant) out.line(`    recorded  a violation of ${invariant}`);
  return VIOLATED;
}

function violationLines({ invariant, expected, seen }: Violation): string[] {
  return [
    "",
    `  VIOLATED ${invariant}`,
    `    expected  ${plainText(expected)}`,
    `    seen      ${plainText(seen)}`,
  ];
}
