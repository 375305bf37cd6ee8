/**
 * Holding anchors against a stream: what each proves of it, or what it shows to be wrong.
 * @module
 */
import { type AnchorInFile, checkSignatures } from "./anchor.ts";
import type { AnchorReport } from "./report.ts";
import type { Verifier } from "./signed-note.ts";

/** What is known of a stream once it was read. */
export interface ReadStream {
  /** One more than the last record's offset. */
  readonly nextOffset: number;
  /** Chain hash behind so many records, in hexadecimal, where they could be read. */
  readonly hashes: ReadonlyMap<number, string>;
}

/** How anchors are trusted. */
export interface Trust {
  /** Keys of which one must have signed; if there are none, signatures are not checked. */
  readonly verifiers: readonly Verifier[];
}

/**
 * What each anchor comes to, in the order of their counts.
 *
 * @param anchors those of one stream
 * @throws NoteError if two of the keys cannot be told apart
 */
export function heldAgainst(
  anchors: readonly AnchorInFile[],
  stream: ReadStream,
  { verifiers }: Trust,
): AnchorReport[] {
  const inOrder = [...anchors].sort((a, b) => a.count - b.count);
  let matched: number | undefined;
  return inOrder.map((anchor) => {
    const signature = signatureOf(anchor, verifiers);
    const isTrusted = signature !== "bad" && signature !== "not-by-a-known-key";
    const { verdict, sentence } = isTrusted
      ? verdictOf(anchor, anchors, stream, matched)
      : { verdict: "refused" as const, sentence: REFUSED[signature] };
    if (verdict === "matches") matched = anchor.count;
    return {
      origin: `${anchor.origin}/${String(anchor.stream)}`,
      line: anchor.line,
      count: anchor.count,
      head: hexOf(anchor.head),
      verdict,
      signature,
      sentence,
    };
  });
}

const REFUSED = {
  bad: "A signature below it is not of this text: the anchor was changed, or the signature was.",
  "not-by-a-known-key": "None of the given keys has signed it, so it proves nothing.",
};

function signatureOf(anchor: AnchorInFile, verifiers: readonly Verifier[]): AnchorReport["signature"] {
  if (verifiers.length === 0) return anchor.signatures.length === 0 ? "unsigned" : "unchecked";
  const { verdict } = checkSignatures(anchor, verifiers);
  if (verdict === "signed") return "verified";
  return verdict === "bad-signature" ? "bad" : "not-by-a-known-key";
}

function verdictOf(
  anchor: AnchorInFile,
  all: readonly AnchorInFile[],
  { nextOffset, hashes }: ReadStream,
  matched: number | undefined,
): Pick<AnchorReport, "verdict" | "sentence"> {
  const { count } = anchor;
  const wanted = hexOf(anchor.head);
  const rival = all.find((other) => other.count === count && hexOf(other.head) !== wanted);
  const fork =
    rival === undefined
      ? ""
      : ` The anchor in line ${rival.line} has another head for the same count: two histories were shown.`;
  const seen = count === 0 ? ZEROS : hashes.get(count);
  if (seen === wanted) {
    return {
      verdict: "matches",
      sentence: `The first ${count} records are those that were anchored.${fork}`,
    };
  }
  if (rival !== undefined && seen !== undefined) {
    return { verdict: "fork", sentence: `The stream has another head behind ${count} records.${fork}` };
  }
  if (count > nextOffset) {
    const sentence = `The anchor counts ${count} records, and the stream ends behind ${nextOffset}: ${count - nextOffset} are missing.`;
    return { verdict: "cut-tail", sentence: sentence + fork };
  }
  if (seen === undefined) {
    const sentence = `The record before offset ${count} cannot be read, so its hash cannot be compared.`;
    return { verdict: "unverifiable", sentence: sentence + fork };
  }
  const since =
    matched === undefined
      ? ""
      : ` It was rewritten behind record ${matched}, up to which an older anchor matches.`;
  const sentence = `The stream has another head behind ${count} records than the one that was anchored.${since}`;
  return { verdict: "rewritten", sentence };
}

const ZEROS = "0".repeat(64);

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
