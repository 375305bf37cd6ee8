/**
 * Runs jobs on worker threads and hands the results back in the jobs' order, so that it makes no difference
 * how many workers there are or which is faster.
 * @module
 */
import { parentPort, Worker, workerData } from "node:worker_threads";

/** What passes between the two sides: what all workers know, what each is to do, and what that comes to. */
export interface Work {
  readonly shared: unknown;
  readonly job: unknown;
  readonly result: unknown;
  /** What a worker says of its way there. */
  readonly note: unknown;
}

/** What a worker is sent. */
interface Sent<T extends Work> {
  readonly index: number;
  readonly job: T["job"];
}

/** What it answers: how far it has come, or what it came to. */
type WorkerMessage<T extends Work> =
  | { readonly index: number; readonly note: T["note"] }
  | { readonly index: number; readonly result: T["result"] };

/** Jobs make much garbage that dies at once: a worker that collects it soon is as fast, and small. */
const YOUNG_MB = 8;

/** Who does the jobs. */
export interface Workforce<T extends Work> {
  /** Name of the compiled module beside this one whose threads call `work`. */
  readonly script: string;
  /** What every worker gets to know before its first job. */
  readonly shared: T["shared"];
  readonly workers: number;
  /**
   * Ends the run when it is aborted: the threads are terminated, whatever they are doing, and nothing more is
   * taken.
   */
  readonly signal?: AbortSignal;
}

/**
 * Runs the jobs. When it resolves, no thread is left.
 *
 * @param take gets the results in order; `false` ends the run, and nothing after is taken
 * @param noted is told what workers say of their way, in no particular order
 * @throws what a worker failed with
 */
export async function runJobs<T extends Work>(
  { script, shared, workers, signal }: Workforce<T>,
  jobs: readonly T["job"][],
  take: (result: T["result"], job: T["job"]) => boolean,
  noted: (note: T["note"]) => void = () => undefined,
): Promise<void> {
  if (jobs.length === 0 || signal?.aborted === true) return;
  const waiting = new Map<number, T["result"]>();
  let next = 0;
  let taken = 0;
  const pool: Worker[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      signal?.addEventListener("abort", () => {
        resolve();
      });
      const give = (worker: Worker): void => {
        const job = jobs[next];
        if (job === undefined) return;
        worker.postMessage({ index: next, job } satisfies Sent<T>);
        next += 1;
      };
      for (let i = 0; i < Math.min(workers, jobs.length); i += 1) {
        const worker = new Worker(new URL(`./${script}`, import.meta.url), {
          workerData: shared,
          resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
        });
        pool.push(worker);
        worker.on("error", reject);
        worker.on("message", (answer: WorkerMessage<T>) => {
          if (signal?.aborted === true) return;
          if ("note" in answer) {
            noted(answer.note);
            return;
          }
          give(worker);
          waiting.set(answer.index, answer.result);
          for (;;) {
            const ready = waiting.get(taken);
            const job = jobs[taken];
            if (ready === undefined || job === undefined) break;
            waiting.delete(taken);
            taken += 1;
            if (!take(ready, job) || taken === jobs.length) {
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

/**
 * The other side, in a worker thread: does the jobs that it is sent, one after the other.
 *
 * @param perform does one job; `note` tells the other side of its way
 */
export function work<T extends Work>(
  perform: (shared: T["shared"], job: T["job"], note: (note: T["note"]) => void) => Promise<T["result"]>,
): void {
  const shared = workerData as T["shared"];
  parentPort?.on("message", ({ index, job }: Sent<T>) => {
    const answer = (message: WorkerMessage<T>): void => {
      parentPort?.postMessage(message);
    };
    perform(shared, job, (note) => {
      answer({ index, note });
    }).then(
      (result) => {
        answer({ index, result });
      },
      (error: unknown) => {
        // Thrown outside the promise, it reaches the parent as the worker's error.
        setImmediate(() => {
          throw error;
        });
      },
    );
  });
}
