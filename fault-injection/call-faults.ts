/**
 * Calls that fail: what a simulated disk tells its `onFault` hook of a call, what the hook may answer, and
 * hooks that fail one call, or every call from one on.
 *
 * A call that fails has no effect, but for these: a file is closed and a lock released even if that fails, as
 * Linux does; of a write the first bytes may be in the file; a sync of a file may lose what it was to write
 * (`Pages`). Reads are never short, for `Disk` says that they are not. A call on a file that is not open, or
 * with a position that is none, is refused without asking.
 *
 * Not modelled: a sync of a directory that fails and loses names. It changes nothing and can be tried again;
 * a journalling file system that cannot write its journal stops taking changes altogether.
 * @module
 */
import type { DiskCall } from "./disk-call.ts";
import { type DiskError, diskError } from "./disk-error.ts";

/** The codes that a call may be made to fail with. */
type FaultCode = "EIO" | "ENOSPC";

/**
 * What happens to a call instead of what it is there for.
 *
 * - `fails` alone: the call throws that code.
 * - `fails` with `pages`, of a sync of a file: it throws, and that is what it makes of them. Default:
 *   "dirty".
 * - `fails` with `after`, of a write: its first `after` bytes are written, fewer than all, and then it
 *   throws.
 * - `short`, of a write: its first `short` bytes are written, fewer than all, and it returns their count.
 */
export type CallFault =
  { readonly fails: FaultCode; readonly after?: number; readonly pages?: Pages } | { readonly short: number };

/**
 * What a failed sync of a file makes of the pages that were to be written.
 *
 * - `dirty`: they stay as they are, and the next sync writes them.
 * - `clean`: the process goes on seeing them, and no sync writes them any more. A power failure leaves each
 *   piece of them on the medium or not, in no order under any persistence model. A later sync that succeeds
 *   makes durable what was written since: those bytes, not the rest of their sectors; and the size, if it was
 *   set since or if those bytes could not be read without it. (ext4, XFS)
 * - `dropped`: they are thrown out, with what earlier syncs left clean of this file. What it holds is
 *   undecided at once, as after a power failure for this file alone, and in no order under any persistence
 *   model. (Btrfs)
 *
 * After Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
 */
export type Pages = "dirty" | "clean" | "dropped";

/** Asked at the start of a call; `undefined` lets it be. */
export type FaultHook = (call: DiskCall) => CallFault | undefined;

/** Asks about a call of which nothing happens if it fails, and throws if it is to fail. */
export function failWhole(hook: FaultHook, call: DiskCall): void {
  const fault = hook(call);
  if (fault === undefined) return;
  if (!("fails" in fault) || fault.after !== undefined || fault.pages !== undefined)
    throw notPossible(fault, call);
  throw failure(fault.fails, call);
}

/** Asks whether a sync of a file fails, and how. */
export function askSync(
  hook: FaultHook,
  path: string,
): { readonly pages: Pages; readonly error: DiskError } | undefined {
  const call: DiskCall = { kind: "sync", path };
  const fault = hook(call);
  if (fault === undefined) return undefined;
  if (!("fails" in fault) || fault.after !== undefined) throw notPossible(fault, call);
  return { pages: fault.pages ?? "dirty", error: failure(fault.fails, call) };
}

/** Asks how many bytes of a write are written, and what is thrown then. */
export function askWrite(
  hook: FaultHook,
  path: string,
  position: number,
  length: number,
): { readonly written: number; readonly error: DiskError | undefined } {
  const call: DiskCall = { kind: "write", path, position, length };
  const fault = hook(call);
  if (fault === undefined) return { written: length, error: undefined };
  if ("fails" in fault && fault.pages !== undefined) throw notPossible(fault, call);
  const written = "fails" in fault ? (fault.after ?? 0) : fault.short;
  const error = "fails" in fault ? failure(fault.fails, call) : undefined;
  // A write of nothing can fail; it cannot be short.
  const most = error === undefined ? length - 1 : Math.max(length - 1, 0);
  if (!Number.isSafeInteger(written) || written < 0 || written > most) throw notPossible(fault, call);
  return { written, error };
}

function failure(code: FaultCode, { kind, path }: DiskCall): DiskError {
  return diskError(code, kind, path);
}

function notPossible(fault: CallFault, call: DiskCall): RangeError {
  return new RangeError(`no such fault: ${JSON.stringify(fault)} of ${JSON.stringify(call)}`);
}

/** A hook that fails calls by their number. */
export interface NumberedFault {
  /** To be set as `onFault`. */
  readonly hook: FaultHook;
  /** How many of the calls it was asked about it counted: those that match. */
  readonly counted: number;
  /** How many it failed. */
  readonly failed: number;
}

/** The fault, or what makes it for a call. */
export type FaultFor = CallFault | ((call: DiskCall) => CallFault | undefined);

const EVERY = (): boolean => true;

/**
 * Fails the `n`-th call (from 1) of those that match. A search runs it with `n` = 1, 2, ... until `failed`
 * stays 0.
 *
 * @example
 * const fault = failOnce(3, { fails: "EIO" }, ({ kind }) => kind === "write");
 * disk.onFault = fault.hook;
 */
export function failOnce(
  n: number,
  fault: FaultFor,
  matches: (call: DiskCall) => boolean = EVERY,
): NumberedFault {
  return numbered(n, n, fault, matches);
}

/** Fails the `n`-th call (from 1) of those that match, and all that match after it. */
export function failFrom(
  n: number,
  fault: FaultFor,
  matches: (call: DiskCall) => boolean = EVERY,
): NumberedFault {
  return numbered(n, Infinity, fault, matches);
}

function numbered(
  first: number,
  last: number,
  fault: FaultFor,
  matches: (call: DiskCall) => boolean,
): NumberedFault {
  const state = {
    counted: 0,
    failed: 0,
    hook: (call: DiskCall): CallFault | undefined => {
      if (!matches(call)) return undefined;
      state.counted++;
      if (state.counted < first || state.counted > last) return undefined;
      const answer = typeof fault === "function" ? fault(call) : fault;
      if (answer !== undefined) state.failed++;
      return answer;
    },
  };
  return state;
}
