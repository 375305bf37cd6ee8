/**
 * The invariants: what must hold, why, and where it is checked. `docs/INVARIANTS.md` is written from here.
 * @module
 */

export type InvariantId =
  | "F1"
  | "F2"
  | "F3"
  | "F4"
  | "F5"
  | "F6"
  | "H1"
  | "H2"
  | "H3"
  | "H4"
  | "H5"
  | "I1"
  | "I2"
  | "D1"
  | "D2"
  | "D3"
  | "D4"
  | "D5"
  | "D6"
  | "D7"
  | "D8"
  | "C1"
  | "C2"
  | "C3"
  | "C4"
  | "C5"
  | "M1"
  | "M2"
  | "M3"
  | "L1"
  | "Z1"
  | "Z2"
  | "S1"
  | "S2"
  | "S3";

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
    id: "F1",
    sentence:
      "A record is read back as it was written, and takes 48 bytes more than its stored payload, 58 in the format sentinel.",
    why: "What is not read back as it was written is lost.",
    checkedBy:
      "Every coding of a record with payloads and offsets at the borders, against bytes laid out by hand.",
  },
  {
    id: "F2",
    sentence: "Every record has one encoding: what is accepted is written again byte for byte.",
    why: "Bytes that can vary unnoticed are a place to hide things, and make copies differ.",
    checkedBy: "Every value of every byte of records of each sort, the checksum made to fit.",
  },
  {
    id: "F3",
    sentence:
      "A record in which 1, 2 or 3 bits are flipped, or a burst of up to 32 bits, is rejected where it stands, unless its payload was made for it.",
    why: "These are what media and memory do. A payload made for it holds the checksum of its own beginning, so that a flipped length makes a shorter record of it: one checksum behind a length cannot tell.",
    checkedBy:
      "Every flip of up to so many bits and every short burst by the decoder alone; every burst of up to 32 bits by solving for those that the checksum misses, which must be refused for their offset or previous hash.",
  },
  {
    id: "F4",
    sentence:
      "A record whose end is missing is rejected as incomplete, wherever it was cut, and as nothing else.",
    why: "Recovery takes an incomplete record for a torn write, and a damaged one for damage.",
    checkedBy: "Every strict prefix of records of all codings and border sizes.",
  },
  {
    id: "F5",
    sentence:
      "Any bytes are read as what they are or refused with a StorageError: no other exception, no allocation beyond the input.",
    why: "A reader that stored bytes can bring down keeps everything else from being read (Kimberlite's index with a count of 2^61).",
    checkedBy:
      "All the shortest inputs, every value of every byte of files of each sort, and drawn inputs, beside readers written from docs/FORMAT.md.",
  },
  {
    id: "F6",
    sentence:
      "Kinds and compressions have codes of their own that lead back to them; a code that is not assigned is rejected.",
    why: "A kind mistaken for another changes what a record means.",
    checkedBy: "Every value of the byte that holds the codes, and every kind with every compression.",
  },
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
    id: "H3",
    sentence:
      "Any edit of the log is revealed by full verification against an anchor: the stream's record count and head, kept elsewhere.",
    why: "This is what the chain is for; an anchor fixes every record before it.",
    checkedBy:
      "Every edit of every small log, checksums set right, verified by the engine and by the model's reader against count and head.",
  },
  {
    id: "H4",
    sentence:
      "Without an anchor, or with half of one, exactly the edits listed in docs/TAMPERING.md go unnoticed: no more, no fewer.",
    why: "A limit that is not known is taken for protection (immudb checked the first and the last link only, GHSA-672p-m5jq-mrh8).",
    checkedBy:
      "The same edits, verified with nothing, the count only and the head only, against what a rule for each kind of edit says.",
  },
  {
    id: "H5",
    sentence: "Two logs with equal record count and equal head are equal, unless somebody breaks SHA-256.",
    why: "The head alone does not fix a log: [q, p] and the one record hash(q) || p have the same.",
    checkedBy:
      "Every small log over symbolic hashes, its payloads made of letters, hashes and keys, held against every log that has its head.",
  },
  {
    id: "I1",
    sentence: "An index look-up finds what a scan finds.",
    why: "The index is a hint; a wrong one must not be believed (Kimberlite filed checkpoints at wrong positions).",
    checkedBy:
      "Every record of every workload is read by its offset and compared; every index file is read by the model's reader and held against the records' true positions.",
  },
  {
    id: "I2",
    sentence: "An index or manifest that is missing, stale, cut or rotten changes speed, never an answer.",
    why: "Kimberlite believed an index that was ahead of the log, one with wrong positions, and a write-ahead file of noise.",
    checkedBy:
      "Every single fault in an index, a write-ahead file or a manifest; every record is then read from its offset and appended behind.",
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
    id: "D6",
    sentence: "After a failed sync nothing is acknowledged that a crash could lose.",
    why: "A kernel may mark pages clean that it failed to write; a second sync then succeeds and writes nothing (Rebello et al., ATC '20).",
    checkedBy:
      "Every sync of every workload fails, and leaves its pages dirty, clean or dropped; the machine crashes later, and what was acknowledged must be there.",
  },
  {
    id: "D7",
    sentence: "After a failed write the stream shows what it showed before, or refuses.",
    why: "Half a batch and a torn record behind a failed write made Kimberlite's stream unreadable.",
    checkedBy:
      "Every call of every workload, of its end and of the recovery behind it fails in every way, once and from then on; the disk is then repaired, and the engine must go on.",
  },
  {
    id: "D8",
    sentence: "Closing and reopening changes nothing.",
    why: "A restart is no event in the life of a log.",
    checkedBy: "Reopening is an operation of every workload; what is read before and after is compared.",
  },
  {
    id: "C1",
    sentence:
      "No single fault in stored bytes makes a read return wrong data: it is the right data or an error.",
    why: "A checksum that nobody looks at protects nothing.",
    checkedBy:
      "Every bit of every file is flipped, every sector zeroed, lost or written elsewhere, every file missing, cut or older; every record is then read from its offset.",
  },
  {
    id: "C2",
    sentence:
      "No single fault drops a record below the watermark without an error that names it; neither does one flipped bit with the index files gone.",
    why: 'Systems that cut the log at its first bad entry lose what was acknowledged ("Redundancy does not imply fault tolerance", FAST \'17).',
    checkedBy:
      "As C1: a record that is not returned has to be named by an error of the read or by what recovery reports. What is below the watermark the model says, after each operation, recovery and failing call, and the index files are held against it.",
  },
  {
    id: "C3",
    sentence:
      "Damage at one record leaves all records outside its checkpoint interval readable, and every other record without the chain.",
    why: "One bad sector must not cost the rest of the log.",
    checkedBy: "As C1, for faults that leave the other records' bytes where they were.",
  },
  {
    id: "C4",
    sentence: "Recovery throws no byte away.",
    why: "What looks like garbage to a program may be evidence to a person.",
    checkedBy:
      "Behind every fault, every byte that a segment lost in recovery is in quarantine; behind every crash, too.",
  },
  {
    id: "C5",
    sentence: "With strict durability a crash and corruption are never confused.",
    why: "Without a second durable fact the two leave identical bytes (Alagappan et al., FAST '18, appendix A).",
    checkedBy:
      "All that a crash can leave is compared, byte by byte, with all that one flipped bit in acknowledged data can leave: in the standard mode there are equal ones, in the strict mode none.",
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
  {
    id: "L1",
    sentence:
      "Appends and reads of a stream that are made together answer as if they had been made one after the other, in the order of the calls; batches do not interleave.",
    why: "An expectation that is compared before the place in the queue is known lets two writers take the same offset.",
    checkedBy:
      "Every sequence of up to three calls, none of which waits for the one before, on a storage whose disk answers at once or later, in memory and through a pipeline, against the model; not every order in which a disk's answers may come.",
  },
  {
    id: "Z1",
    sentence:
      "A compressed payload expands to what it was, and what is stored is never larger than the payload.",
    why: "A codec is somebody else's code between a log and its content.",
    checkedBy:
      "Each codec with payloads of every small size, of border sizes and drawn ones; the model expands what the engine stored.",
  },
  {
    id: "Z2",
    sentence:
      "A stored payload that claims more than the limit, or expands to more, is refused before it is expanded.",
    why: "Kimberlite allocates 4 GiB for five bytes of lz4, and expands a zstd bomb without limit.",
    checkedBy:
      "lz4 size prefixes and zstd frames that declare and hold more, less and as much, each with the refusal that follows from how it was made.",
  },
  {
    id: "S1",
    sentence: "A second opener of a data directory is refused; a crashed one leaves no stale lock.",
    why: "Two writers fork the chain; a lock file left behind keeps the directory shut.",
    checkedBy:
      "A second opener is refused behind every workload, and a fresh engine opens the directory after every crash; with real processes and SIGKILL in e2e/real-crash.test.ts.",
  },
  {
    id: "S2",
    sentence: "No stream id, file name or manifest entry reaches outside the data directory.",
    why: "A directory may come from a stranger.",
    checkedBy:
      "Every call to the disk behind every single fault in stored bytes, manifests included; the names of all files behind every failing call.",
  },
  {
    id: "S3",
    sentence:
      "What the engine does and answers depends on nothing but what it was asked and what the disk answered.",
    why: "What a clock, a draw or a global variable decides, no check can repeat; and the check lets an engine run only once for all disks that answer alike.",
    checkedBy:
      "One in a hundred engines of the parts crashes, failing-calls and kimberlite runs though its conversation with the disk was heard before, and must ask and answer the same.",
  },
];
