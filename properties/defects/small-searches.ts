/**
 * The smallest searches that meet most of the checker's own seeded defects.
 * @module
 */

/** Crashes of a single append. */
export const ONE_APPEND = { part: "crashes", bounds: { operations: ["append"], length: 1 } } as const;

/** Crashes of a single batch: of several records, so that some may survive without the others. */
export const ONE_BATCH = { part: "crashes", bounds: { operations: ["batch"], length: 1 } } as const;

/** Faults in a directory of several segments. */
export const MADE = {
  part: "stored-bytes",
  directory: "a segment for each batch",
  bounds: { operations: ["append"] },
} as const;
