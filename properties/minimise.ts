/**
 * Making a counterexample small: other answers to the same questions, simpler ones first, as long as the same invariant is violated.
 *
 * Simpler is what an odometer comes to earlier: the first answers count most, and those say how many operations there are, then which,
 * then where the fault or the crash is and what it leaves. Greedy, so what comes out is small but perhaps not the smallest.
 * @module
 */
import type { Choice } from "../fault-injection/choice.ts";
import type { Bounds } from "./bounds.ts";
import type { Chosen } from "./choices.ts";
import type { Counterexample, Run } from "./part.ts";
import { emptyCounts, Violation } from "./tally.ts";

/** Runs at most: more than a person would wait for. */
const RUNS_MAX = 2000;

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

/** A counterexample to the same invariant that is simpler, or the same. */
export async function minimise(run: Run, bounds: Bounds, found: Counterexample): Promise<Counterexample> {
  let best = found;
  let runs = 0;
  for (let simpler = true; simpler;) {
    simpler = false;
    for (const answers of suggestions(answersOf(best))) {
      if (runs >= RUNS_MAX) return best;
      runs += 1;
      const tried = await attempt(run, bounds, answers);
      if (tried?.invariant !== best.invariant || !isSimpler(tried, best)) continue;
      best = tried;
      simpler = true;
      break;
    }
  }
  return best;
}

const answersOf = ({ choices }: Counterexample): number[] =>
  choices.filter(({ of }) => of > 1).map(({ chosen }) => chosen);

/** Answers that may be simpler: one of them smaller, with the rest as it was, moved up by one, or left out. */
function* suggestions(answers: readonly number[]): Generator<number[]> {
  for (const [i, answer] of answers.entries()) {
    for (const smaller of new Set([0, answer >> 1, answer - 1])) {
      if (smaller < 0 || smaller >= answer) continue;
      const begin = [...answers.slice(0, i), smaller];
      yield begin;
      yield [...begin, ...answers.slice(i + 1)];
      // One operation less: its own answer goes, those behind it move up.
      for (let gone = i + 1; gone < answers.length; gone += 1) {
        yield [...begin, ...answers.slice(i + 1, gone), ...answers.slice(gone + 1)];
      }
    }
  }
}

function isSimpler(a: Counterexample, b: Counterexample): boolean {
  const [left, right] = [answersOf(a), answersOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

async function attempt(
  run: Run,
  bounds: Bounds,
  answers: readonly number[],
): Promise<Counterexample | undefined> {
  const choice = new Suggested(answers);
  try {
    await run(bounds, choice, emptyCounts(), () => undefined);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const { invariant, expected, seen } = error;
    return { invariant, expected, seen, choices: choice.path };
  }
  return undefined;
}
