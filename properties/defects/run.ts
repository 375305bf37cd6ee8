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
import type { InvariantId } from "../catalogue.ts";
import { defective } from "./apply.ts";
import { type Defect, REPLACEMENT_VARIABLE } from "./defect.ts";

/** What a search came to. */
export interface Caught {
  /** What was violated, if anything was. */
  readonly invariant: InvariantId | undefined;
  readonly seen: string;
  /** Choices of the counterexample: its length. */
  readonly choices: number;
  /** Workloads, recoveries and other cases until then. */
  readonly cases: number;
}

/** How the run of a defect ended. */
export interface Ended {
  readonly defect: Defect;
  readonly caught: Caught | undefined;
  /** Why it counts as missed, if it does. */
  readonly missed: string | undefined;
  readonly ms: number;
}

export interface DefectRun {
  readonly workers: number;
  /** A search that has not ended after so many seconds is ended. */
  readonly seconds: number;
}

/**
 * Runs the defects and hands the ends over in their order.
 * @throws DefectError before anything runs, if one of them cannot be put where it belongs
 */
export async function runDefects(
  defects: readonly Defect[],
  { workers, seconds }: DefectRun,
  take: (ended: Ended) => void,
): Promise<void> {
  for (const defect of defects) defective(defect);
  const directory = mkdtempSync(join(tmpdir(), "defects-"));
  try {
    const waiting = new Map<number, Ended>();
    let [next, taken] = [0, 0];
    const work = async (): Promise<void> => {
      for (;;) {
        const at = next;
        const defect = defects[at];
        if (defect === undefined) return;
        next += 1;
        waiting.set(at, await runDefect(defect, directory, seconds));
        for (let ready = waiting.get(taken); ready !== undefined; ready = waiting.get(taken)) {
          taken += 1;
          take(ready);
        }
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** How to start Node.js so that what it runs has the defect in it. */
export function withDefect(defect: Defect, directory: string): { args: string[]; env: NodeJS.ProcessEnv } {
  const file = join(directory, `${defect.id}.json`);
  writeFileSync(file, JSON.stringify(defective(defect)));
  const preload = new URL("preload.js", compiled);
  return { args: ["--import", preload.href], env: { ...process.env, [REPLACEMENT_VARIABLE]: file } };
}

/** Where this module is once it is compiled: a test runs it as it is. */
const compiled = new URL(
  import.meta.url.replace(/(\/dist)?\/properties\/defects\/run\.[jt]s$/, "/dist/properties/defects/run.js"),
);

async function runDefect(defect: Defect, directory: string, seconds: number): Promise<Ended> {
  const started = performance.now();
  const { args, env } = withDefect(defect, directory);
  const script = fileURLToPath(new URL("child.js", compiled));
  const child = spawn(process.execPath, [...args, script, JSON.stringify(defect)], {
    env,
    timeout: seconds * 1000,
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (text: Buffer) => (out += String(text)));
  child.stderr.on("data", (text: Buffer) => (err += String(text)));
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const ms = Math.round(performance.now() - started);
  if (status !== 0) {
    const why =
      signal === null ? `it ended with ${String(status)}: ${err.trim()}` : `no end within ${seconds} seconds`;
    return { defect, caught: undefined, missed: why, ms };
  }
  const caught = JSON.parse(out) as Caught;
  return { defect, caught, missed: missedBecause(defect, caught), ms };
}

function missedBecause({ invariant }: Defect, caught: Caught): string | undefined {
  if (caught.invariant === invariant) return undefined;
  if (caught.invariant === undefined) return "nothing was violated";
  return `${caught.invariant} was violated, not ${invariant}: ${caught.seen}`;
}
