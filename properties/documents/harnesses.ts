/**
 * The 18 Kani harnesses of Kimberlite's storage crate (crates/kimberlite-storage/src/kani_proofs.rs), and
 * what takes the place of each here. `docs/KANI.md` is written from here.
 * @module
 */
import type { InvariantId } from "../invariants/catalogue.ts";
import { chainLinks, hashesApart, hashesRepeated } from "../format/chains.ts";
import { codesInRecords, codesWritten, kindCodes } from "../format/codes.ts";
import { bursts, flips } from "../format/flips.ts";
import { longBursts } from "../format/long-bursts.ts";
import { offsetOrder, roundTrip, smallNumbers } from "../format/round-trip.ts";
import type { Section } from "../format/section.ts";

export interface Harness {
  /** Of the function that is the harness. */
  readonly name: string;
  readonly claims: string;
  /** How far the harness goes. */
  readonly bound: string;
  readonly invariant: InvariantId;
  /** What is run in its place. */
  readonly sections: readonly Section[];
}

export const HARNESSES: readonly Harness[] = [
  {
    name: "verify_record_serialization_roundtrip",
    claims: "A record is decoded to what was encoded.",
    bound: "offsets below 1,000; one payload of 12 bytes; data, no previous hash",
    invariant: "F1",
    sections: [roundTrip, smallNumbers],
  },
  {
    name: "verify_crc32_detects_corruption",
    claims: "The CRC reveals damage.",
    bound: "one record of 4 bytes; any one byte before the CRC inverted",
    invariant: "F3",
    sections: [flips, bursts, longBursts],
  },
  {
    name: "verify_hash_chain_linking",
    claims: "A record carries the hash of the one before.",
    bound: "two records",
    invariant: "H2",
    sections: [chainLinks],
  },
  {
    name: "verify_hash_collision_resistance",
    claims: "Another payload has another hash.",
    bound: "two payloads",
    invariant: "H2",
    sections: [hashesApart],
  },
  {
    name: "verify_record_kind_preservation",
    claims: "The kind is decoded to what was encoded.",
    bound: "one checkpoint",
    invariant: "F6",
    sections: [codesWritten, codesInRecords, roundTrip],
  },
  {
    name: "verify_offset_ordering_preserved",
    claims: "Offsets are ordered as their numbers are.",
    bound: "any two offsets below 2^63, which are not encoded",
    invariant: "F1",
    sections: [offsetOrder],
  },
  {
    name: "verify_genesis_record_no_prev_hash",
    claims: "The first record has no previous hash.",
    bound: "one record",
    invariant: "H2",
    sections: [chainLinks],
  },
  {
    name: "verify_non_genesis_has_prev_hash",
    claims: "Every other record has one.",
    bound: "two records",
    invariant: "H2",
    sections: [chainLinks],
  },
  {
    name: "verify_empty_payload_valid",
    claims: "A payload may be empty.",
    bound: "one record",
    invariant: "F1",
    sections: [roundTrip, smallNumbers],
  },
  {
    name: "verify_large_payload_serialization",
    claims: "A large payload is decoded to what was encoded.",
    bound: "one payload of 1,024 bytes",
    invariant: "F1",
    sections: [roundTrip],
  },
  {
    name: "verify_record_kind_encoding_unique",
    claims: "Each kind has a code of its own.",
    bound: "3 kinds",
    invariant: "F6",
    sections: [codesWritten, kindCodes],
  },
  {
    name: "verify_record_kind_encoding_roundtrip",
    claims: "A kind's code is decoded to the kind.",
    bound: "3 kinds; no other codes",
    invariant: "F6",
    sections: [codesInRecords, kindCodes],
  },
  {
    name: "verify_chain_hash_deterministic",
    claims: "The same input has the same hash.",
    bound: "one input",
    invariant: "H1",
    sections: [hashesRepeated],
  },
  {
    name: "verify_chain_hash_different_data",
    claims: "Another payload has another chain hash.",
    bound: "two payloads",
    invariant: "H2",
    sections: [hashesApart],
  },
  {
    name: "verify_chain_hash_includes_prev",
    claims: "Another previous hash gives another chain hash.",
    bound: "one payload, with a previous hash and without",
    invariant: "H2",
    sections: [hashesApart],
  },
  {
    name: "verify_serialized_record_size",
    claims: "A record takes its payload's size and a constant.",
    bound: "payloads of up to 1,024 bytes",
    invariant: "F1",
    sections: [smallNumbers, roundTrip],
  },
  {
    name: "verify_record_sequence_offset_monotonic",
    claims: "Offsets increase from record to record.",
    bound: "two records",
    invariant: "H2",
    sections: [chainLinks],
  },
  {
    name: "verify_hash_includes_kind",
    claims: "Another kind has another hash.",
    bound: "one payload; 2 kinds",
    invariant: "H2",
    sections: [hashesApart],
  },
];
