/**
 * Kinds of mistakes that are not among the seeded defects, and why not.
 * @module
 */

export interface Unseeded {
  /** The kind, for a person. */
  readonly kind: string;
  readonly why: string;
}

/** Mistakes after which every answer, and all that a crash may leave, is as before. */
export const SPEED_ONLY: readonly Unseeded[] = [
  {
    kind: "A read scans a segment in place of asking its index.",
    why: "I1 says that both find the same. Only what the index proves to be durable is more than speed (`watermark-ignored`).",
  },
  {
    kind: "A file is read in larger or smaller chunks, or twice.",
    why: "The same bytes are read. One in a hundred conversations with the disk is repeated, so S3 sees a size that varies (`every-fiftieth-differs`).",
  },
  {
    kind: "A sync too many.",
    why: "More is durable earlier than was promised. The pinned counts of crash points and crash states differ, but nothing is violated.",
  },
  {
    kind: "Compaction writes a segment anew that would be the same, or its index is not kept in memory.",
    why: "The same bytes are there, and the index is read again or made from the segment.",
  },
  {
    kind: "The tree of conversations forgets what it heard.",
    why: "More engines run. The counts are the same but for the checks of S3, as they are with `--no-memo`.",
  },
];

/** Mistakes for which there is no place in these sources. */
export const IMPOSSIBLE: readonly Unseeded[] = [
  {
    kind: "A lock that a crash left keeps the directory shut.",
    why: "The kernel holds the lock and gives it back when the process ends. That the file is there says nothing.",
  },
  {
    kind: "Two threads change the same state.",
    why: "The engine has one thread. Calls take turns where they wait for the disk; the part `concurrency` makes them together.",
  },
  {
    kind: "Memory is read past its end, or after it was freed.",
    why: "JavaScript checks every access. What is in a buffer that was not filled could be read; F5 and C1 hold against that.",
  },
  {
    kind: "SHA-256, CRC-32, LZ4 or zstd computes something else.",
    why: "Their code is not in these sources. The model has other libraries for hashes and checksums, so that a difference violates M1 or M3.",
  },
  {
    kind: "Two logs of different lengths have one head.",
    why: "That is no mistake but a limit of the format `plain` (docs/FORMAT.md): an anchor has the number of records, too.",
  },
];
