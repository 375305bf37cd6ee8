/**
 * `kmb replay`: runs a counterexample again, and shows every choice, every call to the disk, and where it ends.
 * @module
 */
import { readFileSync } from "node:fs";
import { PARTS } from "../properties/check.ts";
import { choiceText, NotDeterministic, RecordedChoice } from "../properties/choices.ts";
import { emptyCounts, Violation } from "../properties/tally.ts";
import { type CounterexampleFile, parseCounterexample } from "../properties/counterexample.ts";

/** @returns the exit status: 1 the violation is there, 0 it is not, 2 the file does not fit this version */
export async function replay(path: string): Promise<number> {
  let file: CounterexampleFile;
  try {
    file = parseCounterexample(readFileSync(path, "utf8"));
  } catch (error) {
    console.error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const recorded = new RecordedChoice(file.choices);
  const choice = {
    choose(n: number, what: string): number {
      const chosen = recorded.choose(n, what);
      if (n > 1) console.log(`  ${choiceText({ what, chosen, of: n })}`);
      return chosen;
    },
  };
  try {
    await PARTS[file.part].run(file.bounds, choice, emptyCounts(), (line) => {
      console.log(`      ${line}`);
    });
  } catch (error) {
    if (error instanceof Violation) {
      console.log(
        `\n  VIOLATED ${error.invariant}\n    expected  ${error.expected}\n    seen      ${error.seen}`,
      );
      return 1;
    }
    if (error instanceof NotDeterministic) {
      console.error(`${path}: this file was recorded by another version. ${error.message}`);
      return 2;
    }
    throw error;
  }
  console.log(`\n  ${file.invariant} holds here now.`);
  return 0;
}
