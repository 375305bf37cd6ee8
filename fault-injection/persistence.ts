/**
 * The persistence models: what a power failure may leave of what was not synced. Each is a row of facts that
 * the crash (`medium.ts`, `crashing.ts`) and, independently of it, the eager enumerator (`images.ts`) read.
 *
 * They are assumptions about file systems, named so that a result can say under which of them it holds. None
 * covers bytes that rot or sectors written to a wrong place: those are faults, not crashes
 * (`stored-faults.ts`).
 * @module
 */

/** The name of a persistence model, as a user of the checker gives it. */
export type PersistenceName = "posix" | "ordered-metadata" | "prefix";

/** What decides whether an operation that was not synced survives. */
export interface Persistence {
  readonly name: PersistenceName;
  /**
   * Which operations of one crash survive only as a prefix, in the order in which they were issued, over the
   * whole disk: those before a cut survive, those after it do not. The others survive independently of each
   * other.
   */
  readonly ordered: "nothing" | "entries" | "everything";
  /**
   * Whether a file's size survives independently of its data. If so a crash leaves any of the sizes the file
   * had since the durable one, an extending write setting it sector by sector, and a truncation is that size
   * change plus one zeroing of each sector it removes. If not, the size is what the surviving writes and
   * truncations give in order.
   */
  readonly separateSize: boolean;
}

/**
 * - `posix`: what POSIX does not forbid. Each sector's worth of a write and each directory operation survives
 *   or not, independently; a file may be longer (zeros) or shorter than its data. Weaker than any file system
 *   in use, so what holds here holds on all of them.
 * - `ordered-metadata`: a journalling file system that keeps its journal in order (ext4 with
 *   `data=writeback`, XFS). Data in any subset; directory operations as a prefix; a size never without what
 *   caused it.
 * - `prefix`: one ordered log of everything, the simplest thing a disk could do. A crash cuts it at one
 *   point.
 */
export const PERSISTENCE: Readonly<Record<PersistenceName, Persistence>> = {
  posix: { name: "posix", ordered: "nothing", separateSize: true },
  "ordered-metadata": { name: "ordered-metadata", ordered: "entries", separateSize: false },
  prefix: { name: "prefix", ordered: "everything", separateSize: false },
};

/** Everything that a simulated disk is told about the medium beneath it. */
export interface MediumRules {
  readonly persistence: Persistence;
  /** The unit in which data reaches the medium. */
  readonly sectorBytes: number;
  /**
   * Whether a sector can be cut anywhere (its first bytes new, the rest old) rather than being written as a
   * whole.
   */
  readonly tornSectors: boolean;
}
