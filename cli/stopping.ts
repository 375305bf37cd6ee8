/**
 * What ends a run before it is done: a budget of seconds, SIGINT (Ctrl-C) and SIGTERM. The run is told once
 * and prints what it has; a second signal ends the process at once.
 * @module
 */
import { constants } from "node:os";

/** Why a run was stopped. */
export interface Stop {
  readonly sentence: string;
  /** The exit status that says so, if it has one of its own. */
  readonly status?: number;
}

/** Watches for the first of them. */
export interface Stopping {
  readonly signal: AbortSignal;
  /** What came, if anything did. */
  stop(): Stop | undefined;
  /** Ends watching: from then on signals do what they do by themselves. */
  end(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** What a shell says of a process that a signal ended. */
const SIGNALLED = 128;

/** Begins to watch. */
export function stopping(seconds: number | undefined): Stopping {
  const controller = new AbortController();
  let stop: Stop | undefined;
  const end = (): void => {
    clearTimeout(timer);
    for (const name of SIGNALS) process.off(name, onSignal);
  };
  const because = (reason: Stop): void => {
    end();
    stop = reason;
    controller.abort();
  };
  const onSignal = (name: NodeJS.Signals): void => {
    because({ sentence: `it was interrupted by ${name}`, status: SIGNALLED + constants.signals[name] });
  };
  const timer =
    seconds === undefined
      ? undefined
      : setTimeout(() => {
          because({ sentence: `the budget of ${seconds} seconds was used up` });
        }, seconds * 1000);
  for (const name of SIGNALS) process.on(name, onSignal);
  return { signal: controller.signal, stop: () => stop, end };
}
