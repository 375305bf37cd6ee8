/**
 * What a signal ends.
 * @module
 */

/** Throws the signal's reason if it is aborted. */
export function refuseIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}
