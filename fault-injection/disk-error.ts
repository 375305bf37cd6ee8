/**
 * What a simulated disk throws: failures that carry their POSIX code, as `Disk` asks for, and the end of a
 * step budget.
 *
 * A failure is made once per code, call and path and thrown again from then on, because taking a stack trace
 * costs more than the simulated call. So its `stack` says nothing, and two failures may be the same object:
 * compare `code`, and do not write to it.
 * @module
 */

/** The codes that a simulated disk can fail with by itself. */
export type DiskErrorCode =
  "EBADF" | "EEXIST" | "EINVAL" | "EISDIR" | "ENOENT" | "ENOTDIR" | "EXDEV" | "EIO" | "ENOSPC";

/** A failed call. */
export class DiskError extends Error {
  readonly code: DiskErrorCode;

  constructor(code: DiskErrorCode, call: string, path: string) {
    super(`${code}: ${call} ${path}`);
    this.name = "DiskError";
    this.code = code;
    // It is thrown from many places, so the place of the first is misleading.
    this.stack = `DiskError: ${this.message}`;
  }
}

/**
 * The disk was called more often than its `stepsMax` allows: the caller is taken to be in an endless loop.
 */
export class StepBudgetExceeded extends Error {
  readonly stepsMax: number;

  constructor(stepsMax: number) {
    super(`more than ${stepsMax} disk calls: an endless loop, or stepsMax is too small`);
    this.name = "StepBudgetExceeded";
    this.stepsMax = stepsMax;
  }
}

const MADE_MAX = 4096;
const made = new Map<string, DiskError>();

/**
 * The failure to throw.
 *
 * @example throw diskError("ENOENT", "open", "/data/LOCK");
 */
export function diskError(code: DiskErrorCode, call: string, path: string): DiskError {
  const key = `${code} ${call} ${path}`;
  let error = made.get(key);
  if (error === undefined) {
    error = new DiskError(code, call, path);
    if (made.size >= MADE_MAX) made.clear();
    made.set(key, error);
  }
  return error;
}
