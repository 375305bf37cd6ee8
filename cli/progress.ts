/**
 * A progress bar on standard error, if that is a terminal.
 * @module
 */
import { SingleBar } from "cli-progress";
import { number } from "./text.ts";

export interface Progress {
  /** So much is done. */
  at(done: number): void;
  stop(): void;
}

const SILENT: Progress = { at: () => undefined, stop: () => undefined };

export function progress(what: string, total: number): Progress {
  if (!process.stderr.isTTY) return SILENT;
  const bar = new SingleBar({
    format: `  ${what.padEnd(15)}{bar} {value} of {total}   {duration_formatted}`,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(total, 0);
  return {
    at: (done) => {
      bar.update(done);
    },
    stop: () => {
      bar.stop();
    },
  };
}

/** A phase of a long run: a progress bar, and where nobody sees one a line that says that it has begun. */
export function phase(what: string, total: number): Progress {
  if (!process.stderr.isTTY) console.error(`  ${what.padEnd(15)}${number(total)} to do`);
  return progress(what, total);
}
