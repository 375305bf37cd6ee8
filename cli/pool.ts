/**
 * Runs units on worker threads and hands the results back in the units' order, so that it makes no difference how many workers there are
 * or which is faster.
 * @module
 */
import { Worker } from "node:worker_threads";
import type { Bounds } from "../properties/bounds.ts";
import type { Unit } from "../properties/check.ts";
import type { PartResult } from "../properties/part.ts";

/** What a worker is sent, and what it answers. */
export interface Job {
  readonly index: number;
  readonly unit: Unit;
}

export interface Done {
  readonly index: number;
  readonly result: PartResult;
}

/**
 * Searches the units with so many workers.
 *
 * @param take gets the results in order; `false` ends the run, and nothing behind is taken
 * @throws what a worker failed with
 */
export async function runUnits(
  bounds: Bounds,
  units: readonly Unit[],
  workers: number,
  take: (result: PartResult, unit: Unit) => boolean,
): Promise<void> {
  if (units.length === 0) return;
  const waiting = new Map<number, PartResult>();
  let next = 0;
  let taken = 0;
  const pool: Worker[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const give = (worker: Worker): void => {
        const unit = units[next];
        if (unit === undefined) return;
        worker.postMessage({ index: next, unit } satisfies Job);
        next += 1;
      };
      for (let i = 0; i < Math.min(workers, units.length); i += 1) {
        const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: bounds });
        pool.push(worker);
        worker.on("error", reject);
        worker.on("message", ({ index, result }: Done) => {
          give(worker);
          waiting.set(index, result);
          for (;;) {
            const ready = waiting.get(taken);
            const unit = units[taken];
            if (ready === undefined || unit === undefined) break;
            waiting.delete(taken);
            taken += 1;
            if (!take(ready, unit) || taken === units.length) {
              resolve();
              return;
            }
          }
        });
        give(worker);
      }
    });
  } finally {
    await Promise.all(pool.map((worker) => worker.terminate()));
  }
}
