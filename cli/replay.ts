/**
 * `kmb replay`: runs a counterexample again, and shows every choice, every call to the disk, and where it
 * ends.
 * @module
 */
import { readFileSync } from "node:fs";
import { PARTS } from "../properties/parts.ts";
import { choiceText } from "../explore/choice.ts";
import { RecordedChoice } from "../explore/recorded-choice.ts";
import { type CounterexampleFile, parseCounterexample } from "../properties/counterexample.ts";
import { plainText } from "../properties/plain-text.ts";
import { emptyCounts, Violation } from "../properties/tally.ts";
import { versionsText } from "../properties/versions.ts";
import { writeToFile } from "./named-file.ts";
import { Output } from "./output.ts";
import { type Ended, ReplaySteps } from "./replay-steps.ts";
import { violationLines } from "./violation-lines.ts";

const HOLDS = 0;
const VIOLATED = 1;
/**
 * The run was not as recorded, or did not check what the recording is about: nothing is known of the
 * violation.
 */
const ANOTHER_WAY = 3;

export interface ReplayOptions {
  /** Where a page is written on which one can go through the run. */
  readonly html?: string;
}

/**
 * Replays a counterexample.
 * @returns the exit status: 1 the violation is there, 0 it is not, 3 the run took another way than the
 * recorded one, or did not check the invariant
 * @throws CounterexampleError if the file does not fit this version, and what the file system throws
 */
export async function replay(path: string, { html }: ReplayOptions = {}): Promise<number> {
  const counterexample = parseCounterexample(readFileSync(path, "utf8"));
  const steps = html === undefined ? undefined : new ReplaySteps(counterexample.bounds.format);
  const ended = await run(counterexample, steps);
  if (html !== undefined && steps !== undefined) {
    steps.end(ended.ending);
    const { replayPage } = await import("./report/replay-page.ts");
    writeToFile(html, replayPage(counterexample, steps, ended), [path]);
    new Output().line(`\n  ${html}`);
  }
  return ended.status;
}

async function run(
  { versions, bounds, part, invariant, choices }: CounterexampleFile,
  steps: ReplaySteps | undefined,
): Promise<Ended> {
  const recorded = new RecordedChoice(choices);
  const out = new Output();
  const counts = emptyCounts();
  const seen = new Seen(() => counts.checks[invariant]);
  const choice = {
    choose(n: number, what: string): number {
      if (n > 1 && recorded.isUsedUp) seen.beyond(what);
      const isRecorded = n > 1 && !recorded.isUsedUp;
      const chosen = recorded.choose(n, what);
      if (isRecorded) seen.recorded();
      if (n > 1) {
        const text = choiceText({ what, chosen, of: n });
        out.line(`  ${text}`);
        steps?.choice(text);
      }
      return chosen;
    },
  };
  let violation: Violation | undefined;
  try {
    await PARTS[part].runner()(bounds, choice, counts, (line, ...disks) => {
      out.line(plainText(`      ${line}`));
      steps?.line(line, ...disks);
    });
  } catch (error) {
    if (error instanceof Violation) violation = error;
    else if (recorded.parted === undefined) throw error;
  }
  // First, for an engine that was refused an answer violates everything.
  const parted = recorded.parted ?? (violation === undefined ? recorded.unasked : undefined);
  if (parted !== undefined) {
    const place = `choice ${parted.choice} of ${recorded.length}`;
    const ending = `${invariant} no longer happens: the run took another way at ${place}.`;
    out.line(`\n  ${ending}`);
    out.line(`    ${parted.message}`);
    if (versions !== undefined) out.line(plainText(`    recorded  by ${versionsText(versions)}`));
    return { status: ANOTHER_WAY, ending: `${ending} ${parted.message}` };
  }
  if (violation === undefined) {
    const unknown = seen.unknown(invariant, recorded.length);
    const ending = unknown ?? `${invariant} holds here now.`;
    out.line(`\n  ${ending}`);
    out.line(
      `    with      format ${bounds.format}, durability ${bounds.durability}, compression ${bounds.compression}, as the file says`,
    );
    if (seen.further > 0)
      out.line(
        `    further   ${seen.further} not recorded, each the first possibility: a recording ends at its violation`,
      );
    return { status: unknown === undefined ? HOLDS : ANOTHER_WAY, ending };
  }
  const lines = violationLines(violation);
  for (const line of ["", ...lines]) out.line(line);
  if (violation.invariant !== invariant) out.line(`    recorded  a violation of ${invariant}`);
  return { status: VIOLATED, violation, ending: lines.map((line) => line.trim()).join("\n") };
}

/**
 * What a replay has checked of the recorded invariant, and when. A recording ends at its violation, so what
 * counts is a check after the last recorded answer; a run that goes on to another question before that is not
 * the one that was recorded.
 */
class Seen {
  readonly #checks: () => number;
  #atLastRecorded = 0;
  #first: { readonly what: string; readonly checks: number } | undefined;
  /** How many choices were made beyond the recording. */
  further = 0;

  constructor(checks: () => number) {
    this.#checks = checks;
  }

  /** A recorded answer was given. */
  recorded(): void {
    this.#atLastRecorded = this.#checks();
  }

  /** A question comes that was not recorded. */
  beyond(what: string): void {
    this.further += 1;
    this.#first ??= { what, checks: this.#checks() };
  }

  /** Why nothing is known of the invariant after a run without a violation, if so. */
  unknown(invariant: string, choices: number): string | undefined {
    if (this.#checks() === 0) return `${invariant} was not checked in this run, so nothing is known of it.`;
    if (this.#first === undefined || this.#first.checks > this.#atLastRecorded) return undefined;
    return `The run was not as recorded: after the ${choices} recorded choices it made another, "${plainText(this.#first.what)}", before it checked ${invariant}.`;
  }
}
