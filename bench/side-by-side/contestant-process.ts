/**
 * The process of a contestant: does one piece of work after another for `npm run bench`, which forks it with
 * the contestant's name.
 *
 * A process of its own, so that its code is compiled for its own calls alone, and neither its garbage nor its
 * threads count for others. Garbage is not collected between pieces: that would throw optimised code away.
 * @module
 */
import { mkdirSync } from "node:fs";
import { type ContestantName, contestantNamed } from "./contestants/list.ts";
import { fill, type Filling, measure, type Piece } from "./pieces.ts";
import type { About } from "../../properties/documents/performance.ts";
import type { Sample } from "./stopwatch.ts";

/** What the process is asked for. */
export type Asked = { readonly fill: Filling } | { readonly measure: Piece };

/** What it answers; first of all, unasked, who it is. */
export type Answered =
  | { readonly about: About }
  | { readonly sample: Sample }
  | { readonly filled: true }
  | { readonly error: string };

const [name] = process.argv.slice(2);
const contestant = await contestantNamed(name as ContestantName);
answer({ about: contestant.about });
process.on("message", (asked: Asked) => {
  answerTo(asked).then(answer, (error: unknown) => {
    answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});

async function answerTo(asked: Asked): Promise<Answered> {
  if ("fill" in asked) {
    mkdirSync(asked.fill.directory, { recursive: true });
    await fill(contestant, asked.fill);
    return { filled: true };
  }
  mkdirSync(asked.measure.directory, { recursive: true });
  return { sample: await measure(contestant, asked.measure) };
}

function answer(answered: Answered): void {
  process.send?.(answered);
}
