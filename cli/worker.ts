/**
 * A worker thread of the check: searches the units that it is sent, one after the other.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Bounds } from "../properties/bounds.ts";
import { searchUnit } from "../properties/check.ts";
import type { Done, Job } from "./pool.ts";

const bounds = workerData as Bounds;

parentPort?.on("message", ({ index, unit }: Job) => {
  searchUnit(bounds, unit).then(
    (result) => parentPort?.postMessage({ index, result } satisfies Done),
    (error: unknown) => {
      // Thrown outside the promise, it reaches the parent as the worker's error.
      setImmediate(() => {
        throw error;
      });
    },
  );
});
