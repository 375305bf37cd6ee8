/**
 * The command `kmb` as it is called, from `dist`.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const KMB: string = fileURLToPath(new URL("../dist/cli/kmb.js", import.meta.url));

/** How a call ended, and what it printed. */
export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Where and with what it is called, where that is not as the test is. */
interface Surroundings {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Calls it and waits for its end. */
export function kmbIn(surroundings: Surroundings): (...args: readonly string[]) => Ended {
  return (...args) => {
    const options = { ...surroundings, encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [KMB, ...args], options);
    return { status, out: stdout, err: stderr };
  };
}

/** The same where the test is. */
export const kmb: (...args: readonly string[]) => Ended = kmbIn({});
