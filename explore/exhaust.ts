/**
 * Running everything: every combination of answers that a program asks for.
 * @module
 */
import { asFailure } from "./failure.ts";
import { Odometer } from "./odometer.ts";

/**
 * Runs a program with every combination of answers, simplest first. Time: the number of combinations times
 * that of a run.
 *
 * @param run one run; it must ask the same questions where it was given the same answers
 * @param fixed answers to the first questions, which are not counted through
 * @throws Failure of the first run that throws; nothing is run after it
 * @throws NotDeterministic if a run asks something else than an equal one
 *
 * @example
 * ```ts
 * await exhaust((choice) => {
 *   const [a, b] = [choice.choose(3, "a"), choice.choose(3, "b")];
 *   if (a + b === 4) throw new Error("two twos"); // Failure: a: 2, b: 2
 * });
 * ```
 */
export async function exhaust(
  run: (choice: Odometer) => void | Promise<void>,
  fixed: readonly number[] = [],
): Promise<void> {
  const odometer = new Odometer(fixed);
  do {
    odometer.begin();
    try {
      const running = run(odometer);
      if (running !== undefined) await running;
    } catch (error) {
      throw asFailure(error, () => odometer.path());
    }
  } while (odometer.advance());
}
