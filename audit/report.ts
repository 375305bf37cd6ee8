/**
 * What an audit comes to, as data: the shapes that its parts fill in and its readers print.
 * @module
 */
import type { Format, RecordKind } from "../src/index.ts";
import type { SegmentNumbers } from "../src/segment-numbers.ts";
import type { Erasures } from "./erasures.ts";

/**
 * `damage`: the log, or what bears witness to it, is not what was written, or cannot be shown to be.
 * `notice`: worth knowing, and nothing that a log must not have; Kimberlite itself leaves such.
 */
type Severity = "damage" | "notice";

/** What a finding can be; docs/AUDITORS.md says of each what it means. */
export const FINDING_CODES = [
  "checksum-mismatch",
  "malformed",
  "incomplete",
  "broken-chain",
  "wrong-offset",
  "undecodable-payload",
  "payload-limit",
  "unknown-codec",
  "missing-segment",
  "truncated-log",
  "unnamed-erasure",
  "damaged-manifest",
  "wrong-manifest",
  "stale-manifest",
  "damaged-index",
  "wrong-index",
  "missing-index",
  "index-lags",
  "readers-disagree",
  "unreadable-file",
  "empty-directory",
  "unknown-file",
  "merged-segment",
  "quarantine",
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];

/** Something that the audit found, where it is, and what may have led to it. */
export interface AuditFinding {
  readonly severity: Severity;
  /** A stable word to program against. */
  readonly code: FindingCode;
  /** Path of the file. */
  readonly file: string;
  /** Byte position in the file, and where what is wrong ends, if that is known. */
  readonly position?: number | undefined;
  readonly end?: number | undefined;
  /** Offset of the record that is due there, and how many records cannot be read, if that is known. */
  readonly offset?: number | undefined;
  readonly records?: number | undefined;
  readonly sentence: string;
  readonly cause: string;
}

/** How many records of each kind there are. */
export type Kinds = Readonly<Record<RecordKind, number>>;

/** How many words the index of such records has: each redacted one has two. */
export function indexWordsFor({ data, checkpoint, tombstone, redacted }: Kinds): number {
  return data + checkpoint + tombstone + 2 * redacted;
}

/** What is known of one segment once it was read. */
export interface SegmentReport extends SegmentNumbers {
  readonly file: string;
  /** Whether it could be read. If not, a finding says why, and nothing is known of it. */
  readonly wasRead: boolean;
  readonly bytes: number;
  /**
   * How many of them, at the end, are what a crash left of an append; they are not part of the log, and
   * recovery will set them aside.
   */
  readonly tornBytes: number;
  /** Offset of the first record; `undefined` if none could be read. */
  readonly firstOffset: number | undefined;
  /** One more than the offset of the last record that could be read. */
  readonly nextOffset: number;
  /** `prev_hash` of the first record, in hexadecimal, if that record could be read. */
  readonly firstPrevHash: string | undefined;
  /** Chain hash of the last record, in hexadecimal, if the segment can be read up to its end. */
  readonly head: string | undefined;
  readonly kinds: Kinds;
  /** How many records are erased: the offsets that redacted records stand for. */
  readonly erased: number;
  /** The redacted records, and the offsets that tombstones of this segment name. */
  readonly erasures: Erasures;
  /** Bytes of all payloads, expanded. */
  readonly payloadBytes: number;
  /**
   * Chain hashes at the record counts that were asked for, in hexadecimal, and where the record that comes to
   * that count ends.
   */
  readonly hashes: readonly { readonly count: number; readonly hash: string; readonly end: number }[];
  /** Where the last record that could be read ends. */
  readonly lastEnd: number;
  /**
   * Offset that is due at the first place where bytes are no records or the chain does not go on; `undefined`
   * if there is none.
   */
  readonly gapOffset: number | undefined;
  readonly findings: readonly AuditFinding[];
}

/** What an anchor says of a stream, and what came of it. */
export interface AnchorReport {
  readonly origin: string;
  /** The file that it stands in, if that was said, and the line at which it begins. */
  readonly file?: string;
  readonly line: number;
  readonly count: number;
  readonly head: string;
  readonly verdict: "matches" | "erased" | "cut-tail" | "rewritten" | "unverifiable" | "fork" | "refused";
  /** `unsigned`: it has no signature; `unchecked`: it has, but no key was given to check it with. */
  readonly signature: "verified" | "unsigned" | "unchecked" | "not-by-a-known-key" | "bad";
  readonly sentence: string;
}

/** What is known of one stream. */
export interface StreamReport {
  /** The stream's number in decimal: it may be larger than what a number holds. */
  readonly stream: string;
  readonly format: Format;
  readonly segments: readonly SegmentReport[];
  /** How many records could be read and verified. */
  readonly records: number;
  readonly bytes: number;
  readonly payloadBytes: number;
  readonly kinds: Kinds;
  /**
   * How many records are erased: the offsets that redacted records stand for. Those are among `records`, each
   * as one.
   */
  readonly erased: number;
  /**
   * One more than the last record's offset, which is the number of records ever appended if none is missing.
   */
  readonly nextOffset: number;
  /** How many records the manifest counts, if that is more. */
  readonly counted: number | undefined;
  /** Chain hash of the last record, in hexadecimal; `undefined` if it cannot be known. */
  readonly head: string | undefined;
  /** Whether the chain holds from the first record to the last without a gap. */
  readonly verifiedFromGenesis: boolean;
  /** Whether the engine's reader and the model's came to the same. */
  readonly readersAgree: boolean;
  readonly findings: readonly AuditFinding[];
  readonly anchors: readonly AnchorReport[];
  /** What this audit cannot tell, in sentences. */
  readonly notVerified: readonly string[];
}

export const AUDIT_SCHEMA = "kimberlite-storage/audit@1";

/** `--json` writes this. */
export interface AuditReport {
  readonly schema: typeof AUDIT_SCHEMA;
  readonly directory: string;
  readonly streams: readonly StreamReport[];
  /** What was found outside any stream. */
  readonly findings: readonly AuditFinding[];
  /** Anchors of streams that are not there. */
  readonly anchors: readonly AnchorReport[];
  /** Whether nothing is damaged and no anchor contradicts what is there. */
  readonly clean: boolean;
  readonly seconds: number;
}

/** Whether an anchor speaks against the stream, or cannot be trusted. */
export function isAgainst({ verdict, signature }: AnchorReport): boolean {
  return (
    (verdict !== "matches" && verdict !== "erased") ||
    signature === "bad" ||
    signature === "not-by-a-known-key"
  );
}
