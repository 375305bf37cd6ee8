/**
 * How far something has come, on standard error: a bar where that is a terminal, and otherwise a line from
 * time to time, so that the log of a long run says that it goes on.
 * @module
 */
import { SingleBar } from "cli-progress";
import { number } from "./text.ts";

export interface Progress {
  /** So much is done, and this is being done. */
  at(done: number, running?: string): void;
  stop(): void;
}

const LINE_EVERY_MS = 30_000;

/** Shows progress. @param running what is being done at first */
export function progress(what: string, total: number, running = ""): Progress {
  return process.stderr.isTTY ? bar(what, total) : lines(what, total, running);
}

/** A phase of a long run: where there is no bar, a line says that it has begun. */
export function phase(what: string, total: number, running = ""): Progress {
  if (!process.stderr.isTTY) console.error(`  ${what.padEnd(15)}${number(total)} to do`);
  return progress(what, total, running);
}

function bar(what: string, total: number): Progress {
  const shown = new SingleBar({
    format: `  ${what.padEnd(15)}{bar} {value} of {total}   {duration_formatted}`,
    hideCursor: true,
    clearOnComplete: true,
  });
  shown.start(total, 0);
  return {
    at: (done) => {
      shown.update(done);
    },
    stop: () => {
      shown.stop();
    },
  };
}

/** A line every 30 seconds, also while nothing is finished. It keeps no process alive. */
function lines(what: string, total: number, first: string): Progress {
  let [done, running] = [0, first];
  const timer = setInterval(() => {
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    const line = `${what.padEnd(15)}${number(done)} of ${number(total)}   ${percent} %   ${running}`;
    console.error(`  ${line.trimEnd()}`);
  }, LINE_EVERY_MS);
  timer.unref();
  return {
    at: (now, next = running) => {
      [done, running] = [now, next];
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}
