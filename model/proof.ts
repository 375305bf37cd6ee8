/**
 * What a stream's index files must prove: how many of its records, from the first on, they name as durable
 * after which acknowledged calls. Promises: it follows from the calls, what crashed and the options alone;
 * nothing is read, and nothing asked of the engine. Does not promise: that more is not proven.
 * @module
 */
import type { Durability } from "../src/types.ts";
import type { CrashKind, ModelLog } from "./log.ts";

/** Numbers of records from the stream's first on. */
export type Proof = Readonly<{
  /**
   * The index files together name so many: saved indexes those of sealed segments, saved index and
   * write-ahead file those of the last.
   */
  named: number;
  /**
   * Those of the last segment among so many are proven by its write-ahead file alone, so that losing the
   * saved index costs no proof.
   */
  framed: number;
  /** So many were named once: what has been saved of them outlives every crash. */
  once: number;
}>;

/** Of a stream to which nothing was appended, or that was not opened. */
export const NO_PROOF: Proof = { named: 0, framed: 0, once: 0 };

/**
 * A call was acknowledged: an append with a sync, a sync, a closing. Records that are durable since are
 * named, each in a frame. A call that made none durable, such as an append without a sync, owes nothing.
 */
export const acknowledged = (proof: Proof, { durable }: ModelLog): Proof =>
  durable <= proof.named ? proof : { named: durable, framed: durable, once: Math.max(proof.once, durable) };

/**
 * A recovery showed the log's records: they are durable, and named somewhere. The index is saved when the
 * next are named.
 */
export const shown = (proof: Proof, { records }: ModelLog): Proof => ({ ...proof, named: records.length });

/**
 * What outlives a crash: all of it where only the process died, and with strict durability, which syncs
 * frames before it acknowledges. Otherwise a power failure may leave no frame, and the saved indexes remain.
 */
export const outliving = (proof: Proof, crash: CrashKind, durability: Durability): Proof =>
  crash === "process" || durability === "strict" ? proof : { ...NO_PROOF, once: proof.once };

/**
 * How many records of a segment its saved index has at least, once `named` of them were named: it is saved
 * when `entriesMax` have been named since, and at least as many as it has.
 */
export const savedAtLeast = (named: number, entriesMax: number): number =>
  Math.max(0, Math.min(named - entriesMax, Math.floor(named / 2)) + 1);
