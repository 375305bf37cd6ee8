/**
 * Making a failure small: other answers to the same questions, simpler ones first, as long as the same thing
 * goes wrong.
 *
 * Simpler is what an odometer comes to earlier: the first answers count most. Greedy, so what comes out is
 * small but perhaps not the smallest.
 * @module
 */
import type { Choice, Chosen } from "./choice.ts";

/** Runs at most: more than a person would wait for. */
const RUNS_MAX = 2000;

/** What went wrong, and the choices that lead there. */
export interface FoundFailure<What> {
  readonly what: What;
  readonly choices: readonly Chosen[];
}

/** Answers from a list as far as it fits, then 0, and notes what was asked. */
class Suggested implements Choice {
  readonly path: Chosen[] = [];
  readonly #answers: readonly number[];

  constructor(answers: readonly number[]) {
    this.#answers = answers;
  }

  choose(n: number, what: string): number {
    if (n <= 1) return 0;
    const chosen = Math.min(this.#answers[this.path.length] ?? 0, n - 1);
    this.path.push({ what, chosen, of: n });
    return chosen;
  }
}

/**
 * The same failure by simpler choices, or as it was found.
 *
 * @param run one run: what goes wrong in it, if it is the same as was found
 */
export async function minimise<What>(
  run: (choice: Choice) => Promise<What | undefined>,
  found: FoundFailure<What>,
): Promise<FoundFailure<What>> {
  let best = found;
  let runs = 0;
  for (let simpler = true; simpler;) {
    simpler = false;
    for (const answers of suggestions(answersOf(best))) {
      if (runs >= RUNS_MAX) return best;
      runs += 1;
      const choice = new Suggested(answers);
      const what = await run(choice);
      if (what === undefined) continue;
      best = { what, choices: choice.path };
      simpler = true;
      break;
    }
  }
  return best;
}

const answersOf = ({ choices }: Pick<FoundFailure<unknown>, "choices">): number[] =>
  choices.filter(({ of }) => of > 1).map(({ chosen }) => chosen);

/**
 * Simpler answers: one of them smaller, with the rest as it was, moved up by one, or left out. Whatever a run
 * then asks, its own answers are simpler, too, for it gets none that is larger than the one suggested, and 0
 * where none is.
 */
function* suggestions(answers: readonly number[]): Generator<number[]> {
  for (const [i, answer] of answers.entries()) {
    for (const smaller of new Set([0, answer >> 1, answer - 1])) {
      if (smaller < 0 || smaller >= answer) continue;
      const begin = [...answers.slice(0, i), smaller];
      yield begin;
      yield [...begin, ...answers.slice(i + 1)];
      // One operation less: its own answer goes, those after it move up.
      for (let gone = i + 1; gone < answers.length; gone += 1) {
        yield [...begin, ...answers.slice(i + 1, gone), ...answers.slice(gone + 1)];
      }
    }
  }
}
