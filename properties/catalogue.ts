/**
 * The invariants: what must hold, why, and where it is checked. `docs/INVARIANTS.md` is written from here.
 * @module
 */

export type InvariantId = "H1" | "H2" | "I1" | "D1" | "D2" | "D3" | "D4" | "D5" | "D8" | "M1" | "M2" | "M3";

export interface Invariant {
  readonly id: InvariantId;
  /** What holds, in words that need no knowledge of the engine. */
  readonly sentence: string;
  /** Why it must, or whose experience it is. */
  readonly why: string;
  /** Which part of the bounded exhaustive check exercises it. */
  readonly checkedBy: string;
}

export const CATALOGUE: readonly Invariant[] = [
  {
    id: "H1",
    sentence: "The same calls give the same hashes, whatever the backend and the segment size.",
    why: "An anchor taken from one copy of a log must verify another.",
    checkedBy:
      "Every workload is run on three storages, one in memory and one that never rotates; their heads agree.",
  },
  {
    id: "H2",
    sentence: "Each record carries the hash of the record before; the first carries zeros.",
    why: "This is the chain: an edit anywhere shows in every later hash.",
    checkedBy:
      "Every record shown after every operation and every recovery, against hashes the model computes.",
  },
  {
    id: "I1",
    sentence: "An index look-up finds what a scan finds.",
    why: "The index is a hint; a wrong one must not be believed (Kimberlite filed checkpoints at wrong positions).",
    checkedBy:
      "Every record of every workload is read by its offset and compared; every index file is read by the model's reader and held against the records' true positions.",
  },
  {
    id: "D1",
    sentence:
      "A record acknowledged with sync survives every crash, and one acknowledged at all survives the death of the process.",
    why: "That is what fsync is called for.",
    checkedBy: "Every recovery from every crash state.",
  },
  {
    id: "D2",
    sentence: "What a crash leaves is a prefix of what was appended, reported without false alarm.",
    why: "A log with a hole, a reordering or a stranger in it is no log (Pillai et al., OSDI '14).",
    checkedBy: "Every recovery from every crash state.",
  },
  {
    id: "D3",
    sentence: "Recovering twice is recovering once, also when the first was crashed.",
    why: "Machines that crash tend to crash again while they start.",
    checkedBy:
      "Every recovered state is killed and recovered again; recovery itself is crashed at every change it makes.",
  },
  {
    id: "D4",
    sentence: "A record that recovery dropped never comes back, and one that it showed never goes.",
    why: "A reader acted on what it was shown.",
    checkedBy: "Every recovered state is appended to and crashed again in every way.",
  },
  {
    id: "D5",
    sentence: "After recovery the chain goes on where it ended: no fork, no gap, no reused offset.",
    why: "Kimberlite forked its chain after a restart and after a rotation.",
    checkedBy: "Every recovered state is appended to; offsets and hashes must be those of the model.",
  },
  {
    id: "D8",
    sentence: "Closing and reopening changes nothing.",
    why: "A restart is no event in the life of a log.",
    checkedBy: "Reopening is an operation of every workload; what is read before and after is compared.",
  },
  {
    id: "M1",
    sentence: "Without faults engine and model agree on every result of every operation.",
    why: "The model says what a log is; the engine has to be one.",
    checkedBy: "Every operation of every workload, refusals included.",
  },
  {
    id: "M2",
    sentence: "Storage, MemoryStorage and AppendPipeline are indistinguishable.",
    why: "Tests written against one must hold for the others.",
    checkedBy: "Every workload runs on all three in lock step.",
  },
  {
    id: "M3",
    sentence: "The model's own reader, given the bytes, sees what the engine says it wrote.",
    why: "An engine that reads its own mistakes back is consistent and wrong.",
    checkedBy: "The files after every workload and after every recovery that was appended to.",
  },
];
