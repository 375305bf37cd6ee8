/**
 * Runs defects, each in a process of its own, several at a time.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { pinnedDifferences } from "../pinned/differences.ts";
import type { Counts } from "../tally.ts";
import { defective, ROOT } from "./apply.ts";
import {
  type CountedDefect,
  type Defect,
  type Mistake,
  REPLACEMENT_VARIABLE,
  type Searched,
  type ViolatingDefect,
} from "./defect.ts";
import type { Caught } from "./search.ts";

/** How the run of a defect ended. */
export interface Ended {
  readonly defect: Defect;
  /** What a search came to, if it came to an end. */
  readonly caught: Caught | undefined;
  /** Why it counts as missed, if it does. */
  readonly missed: string | undefined;
  readonly ms: number;
}

export interface DefectRun {
  readonly workers: number;
  /** A process that has not ended after so many seconds is ended. */
  readonly seconds: number;
  /** All defects: those that others are to let pass are among them. */
  readonly all: readonly Defect[];
}

/**
 * Runs the defects and hands the ends over in their order.
 * @throws DefectError before anything runs, if one of them cannot be put where it belongs
 */
export async function runDefects(
  defects: readonly Defect[],
  how: DefectRun,
  take: (ended: Ended) => void,
): Promise<void> {
  for (const defect of defects) defective(defect);
  const directory = mkdtempSync(join(tmpdir(), "defects-"));
  const runner = new Runner(directory, how);
  try {
    const waiting = new Map<number, Ended>();
    let [next, taken] = [0, 0];
    const work = async (): Promise<void> => {
      for (;;) {
        const at = next;
        const defect = defects[at];
        if (defect === undefined) return;
        next += 1;
        waiting.set(at, await runner.run(defect));
        for (let ready = waiting.get(taken); ready !== undefined; ready = waiting.get(taken)) {
          taken += 1;
          take(ready);
        }
      }
    };
    await Promise.all(Array.from({ length: how.workers }, work));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** How to start Node.js so that what it runs has the defects in it. */
export function withDefects(
  mistakes: readonly Mistake[],
  directory: string,
): { args: string[]; env: NodeJS.ProcessEnv } {
  const file = join(directory, `${mistakes.map(({ id }) => id).join("+")}.json`);
  writeFileSync(file, JSON.stringify(mistakes.map(defective)));
  const preload = new URL("preload.js", compiled);
  return { args: ["--import", preload.href], env: { ...process.env, [REPLACEMENT_VARIABLE]: file } };
}

/** Where this module is once it is compiled: a test runs it as it is. */
const compiled = new URL(
  import.meta.url.replace(/(\/dist)?\/properties\/defects\/run\.[jt]s$/, "/dist/properties/defects/run.js"),
);

/** What a process wrote, and why it ended badly if it did. */
interface Output {
  readonly out: string;
  readonly failed: string | undefined;
}

/** What a search came to, or why it did not come to an end. */
type Searching = { readonly caught: Caught; readonly counts: Counts } | { readonly failed: string };

/** Counts as JSON has them. */
type WrittenCounts = Omit<Counts, "crashStates" | "left"> & Record<"crashStates" | "left", string>;

/** What a run came to. */
type Verdict = Pick<Ended, "caught" | "missed">;

const missed = (why: string, caught?: Caught): Verdict => ({ caught, missed: why });
const noticed = (caught?: Caught): Verdict => ({ caught, missed: undefined });

class Runner {
  readonly #directory: string;
  readonly #how: DefectRun;
  /** What searches come to without a defect. */
  readonly #sound = new Map<string, Promise<Searching>>();

  constructor(directory: string, how: DefectRun) {
    this.#directory = directory;
    this.#how = how;
  }

  async run(defect: Defect): Promise<Ended> {
    const started = performance.now();
    const verdict = await this.#verdict(defect);
    return { defect, ...verdict, ms: Math.round(performance.now() - started) };
  }

  #verdict(defect: Defect): Promise<Verdict> {
    if ("invariant" in defect) return this.#violating(defect);
    if ("count" in defect) return this.#counted(defect);
    if ("test" in defect) return this.#tested(defect, defect.test);
    if ("blinds" in defect) return this.#blinding(defect, defect.blinds);
    return this.#asserted(defect, defect.error);
  }

  async #violating(defect: ViolatingDefect): Promise<Verdict> {
    const found = await this.#search([defect], defect);
    if ("failed" in found) return missed(found.failed);
    const { caught } = found;
    if (caught.invariant === defect.invariant) return noticed(caught);
    if (caught.invariant === undefined) return missed("nothing was violated", caught);
    return missed(`${caught.invariant} was violated, not ${defect.invariant}: ${caught.seen}`, caught);
  }

  async #counted(defect: CountedDefect): Promise<Verdict> {
    const key = searchOf(defect);
    const sound = this.#sound.get(key) ?? this.#search([], defect);
    this.#sound.set(key, sound);
    const [without, found] = [await sound, await this.#search([defect], defect)];
    if ("failed" in without) return missed(`without the defect, ${without.failed}`);
    if ("failed" in found) return missed(found.failed);
    const { caught, counts } = found;
    if (caught.invariant !== undefined)
      return missed(`${caught.invariant} was violated: ${caught.seen}`, caught);
    const names = pinnedDifferences(without.counts, counts).map(({ count }) => count);
    if (names.includes(defect.count)) return noticed(caught);
    return missed(`the ${defect.count} did not change, but ${names.join(", ") || "nothing"}`, caught);
  }

  async #blinding(defect: Mistake, id: string): Promise<Verdict> {
    const other = this.#how.all.find((entry) => entry.id === id);
    if (other === undefined || !("invariant" in other)) return missed(`there is no defect ${id} to let pass`);
    const found = await this.#search([defect, other], other);
    if ("failed" in found) return missed(found.failed);
    const { caught } = found;
    if (caught.invariant !== other.invariant) return noticed(caught);
    return missed(`${id} is caught all the same: ${caught.seen}`, caught);
  }

  async #asserted(defect: Mistake & Searched, error: string): Promise<Verdict> {
    const found = await this.#search([defect], defect);
    if ("caught" in found) return missed("it ended as if all were well", found.caught);
    return found.failed.includes(error) ? noticed() : missed(found.failed);
  }

  async #tested(defect: Mistake, test: string): Promise<Verdict> {
    const { env } = withDefects([defect], this.#directory);
    const config = join(ROOT, "vitest.defects.config.ts");
    const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
    const args = [vitest, "run", test, "--root", ROOT, "--config", config, "--bail", "1"];
    const { out, failed } = await this.#start(args, { ...env, NO_COLOR: "1" });
    if (failed === undefined) return missed(`${test} does not fail`);
    // What fails before any test was run has shown nothing.
    return out.includes("Failed Tests") ? noticed() : missed(failed);
  }

  /** Searches with these mistakes put in. */
  async #search(mistakes: readonly Mistake[], searched: Searched): Promise<Searching> {
    const { args, env } =
      mistakes.length === 0 ? { args: [], env: process.env } : withDefects(mistakes, this.#directory);
    const script = fileURLToPath(new URL("child.js", compiled));
    const { out, failed } = await this.#start([...args, script, searchOf(searched)], env);
    if (failed !== undefined) return { failed };
    const { caught, counts } = JSON.parse(out) as { caught: Caught; counts: WrittenCounts };
    const { crashStates, left } = counts;
    return { caught, counts: { ...counts, crashStates: BigInt(crashStates), left: BigInt(left) } };
  }

  async #start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Output> {
    const { seconds } = this.#how;
    const child = spawn(process.execPath, args, { env, timeout: seconds * 1000 });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text: Buffer) => (out += String(text)));
    child.stderr.on("data", (text: Buffer) => (err += String(text)));
    const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    if (status === 0) return { out, failed: undefined };
    const why = `it ended with ${String(status)}: ${err.trim()}`;
    return { out: out + err, failed: signal === null ? why : `no end within ${seconds} seconds` };
  }
}

const searchOf = ({ part, section, directory, bounds }: Searched): string =>
  JSON.stringify({ part, section, directory, bounds } satisfies { [K in keyof Searched]: unknown });
