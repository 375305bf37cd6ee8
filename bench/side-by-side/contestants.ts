/**
 * The contestants as `npm run bench` sees them: processes that are asked one after the other.
 * @module
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { About } from "../../properties/documents/performance.ts";
import type { Answered, Asked } from "./contestant-process.ts";
import type { ContestantName } from "./contestants/list.ts";
import type { Filling, Piece } from "./pieces.ts";
import type { Sample } from "./stopwatch.ts";

const SCRIPT = fileURLToPath(new URL("contestant-process.js", import.meta.url));

/** A contestant in a process of its own. */
export class RunningContestant {
  readonly about: About;
  readonly #child: ChildProcess;

  private constructor(about: About, child: ChildProcess) {
    this.about = about;
    this.#child = child;
  }

  /** Starts it. @throws Error if it cannot be loaded */
  static async start(name: ContestantName): Promise<RunningContestant> {
    const child = fork(SCRIPT, [name]);
    const answered = await answerOf(child, name);
    if (!("about" in answered)) throw new Error(`${name} did not say who it is.`);
    return new RunningContestant(answered.about, child);
  }

  /** @throws Error as the contestant */
  async fill(filling: Filling): Promise<void> {
    await this.#ask({ fill: filling });
  }

  /** @throws Error as the contestant */
  async measure(piece: Piece): Promise<Sample> {
    const answered = await this.#ask({ measure: piece });
    if (!("sample" in answered)) throw new Error(`${this.about.name} measured nothing.`);
    return answered.sample;
  }

  /** Ends the process. */
  end(): void {
    this.#child.kill();
  }

  async #ask(asked: Asked): Promise<Answered> {
    this.#child.send(asked);
    const answered = await answerOf(this.#child, this.about.name);
    if ("error" in answered) throw new Error(`${this.about.name}: ${answered.error}`);
    return answered;
  }
}

/** The next message of a process. @throws Error if it ends instead */
async function answerOf(child: ChildProcess, name: string): Promise<Answered> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
  };
  child.once("exit", end);
  try {
    const [answered] = (await once(child, "message", { signal: ended.signal })) as [Answered];
    return answered;
  } catch (cause) {
    throw new Error(`The process of ${name} has ended.`, { cause });
  } finally {
    child.off("exit", end);
  }
}
