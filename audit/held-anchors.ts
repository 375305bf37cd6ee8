/**
 * Holding anchors against a stream: what each proves of it, or what it shows to be wrong.
 * @module
 */
import { type AnchorInFile, checkSignatures } from "./anchor.ts";
import type { OffsetRange } from "../src/format/offset-ranges.ts";
import type { AnchorReport } from "./report.ts";
import type { Verifier } from "./signed-note.ts";
import { recordsInWords } from "./text.ts";

/** What is known of a stream once it was read. */
export interface ReadStream {
  /** One more than the last record's offset. */
  readonly nextOffset: number;
  /** So many records, from the first on, continue one another without a gap. */
  readonly soundOffset: number;
  /** Chain hash after so many records, in hexadecimal, where they could be read. */
  readonly hashes: ReadonlyMap<number, string>;
  /** What redacted records stand for, ascending: of those records only the last one's hash is there. */
  readonly redactions: readonly OffsetRange[];
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
  const judged = anchors.map((anchor) => ({ anchor, signature: signatureOf(anchor, verifiers) }));
  const rivals = new Rivals();
  for (const { anchor, signature } of judged) if (isTrusted(signature)) rivals.add(anchor);
  judged.sort((a, b) => a.anchor.count - b.anchor.count);
  let matched: number | undefined;
  const reports = judged.map(({ anchor, signature }) => {
    const { verdict, sentence } = isTrusted(signature)
      ? verdictOf(anchor, rivals.of(anchor), stream, matched)
      : { verdict: "refused" as const, sentence: REFUSED[signature] };
    if (verdict === "matches") matched = anchor.count;
    return {
      origin: `${anchor.origin}/${String(anchor.stream)}`,
      ...(anchor.file === undefined ? {} : { file: anchor.file }),
      line: anchor.line,
      count: anchor.count,
      head: hexOf(anchor.head),
      verdict,
      signature,
      sentence,
    };
  });
  return reports.map((report) => (report.verdict === "erased" ? erasedVerdict(report, matched) : report));
}

/**
 * What an anchor comes to whose hash is erased: a later one that matches fixes all that came before it, also
 * what is erased; without one, nothing does.
 */
function erasedVerdict(report: AnchorReport, matched = 0): AnchorReport {
  if (matched > report.count) {
    const sentence = `${report.sentence} The anchor at ${recordsInWords(matched)} matches, and fixes what was there.`;
    return { ...report, sentence };
  }
  const sentence = `${report.sentence} No later anchor matches, so nothing fixes what was there.`;
  return { ...report, verdict: "unverifiable", sentence };
}

/** Whether the hash after so many records was erased: that of the last one in a redacted record is there. */
function isErasedAt(count: number, redactions: readonly OffsetRange[]): boolean {
  let low = 0;
  let high = redactions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((redactions[middle]?.to ?? Infinity) <= count) low = middle + 1;
    else high = middle;
  }
  return (redactions[low]?.from ?? Infinity) < count;
}

/**
 * Finds to an anchor the first of the same stream and count that has another head. O(1), however many there
 * are.
 */
class Rivals {
  readonly #anchors = new Map<string, [first: AnchorInFile, other?: AnchorInFile]>();

  add(anchor: AnchorInFile): void {
    const known = this.#anchors.get(keyOf(anchor));
    if (known === undefined) this.#anchors.set(keyOf(anchor), [anchor]);
    else if (known[1] === undefined && !isSameHead(known[0], anchor)) known[1] = anchor;
  }

  of(anchor: AnchorInFile): AnchorInFile | undefined {
    const [first, other] = this.#anchors.get(keyOf(anchor)) ?? [];
    return first === undefined || isSameHead(first, anchor) ? other : first;
  }
}

const keyOf = ({ origin, stream, count }: AnchorInFile): string => `${origin}/${String(stream)} ${count}`;

const isSameHead = (a: AnchorInFile, b: AnchorInFile): boolean => Buffer.compare(a.head, b.head) === 0;

type Signature = AnchorReport["signature"];

const isTrusted = (signature: Signature): signature is Exclude<Signature, keyof typeof REFUSED> =>
  signature !== "bad" && signature !== "not-by-a-known-key";

const REFUSED = {
  bad: "A signature is not one of this text: the anchor or the signature was changed.",
  "not-by-a-known-key": "None of the given keys has signed it, so it proves nothing.",
};

function signatureOf(anchor: AnchorInFile, verifiers: readonly Verifier[]): Signature {
  if (verifiers.length === 0) return anchor.signatures.length === 0 ? "unsigned" : "unchecked";
  const { verdict } = checkSignatures(anchor, verifiers);
  if (verdict === "signed") return "verified";
  return verdict === "bad-signature" ? "bad" : "not-by-a-known-key";
}

function verdictOf(
  anchor: AnchorInFile,
  rival: AnchorInFile | undefined,
  { nextOffset, soundOffset, hashes, redactions }: ReadStream,
  matched: number | undefined,
): Pick<AnchorReport, "verdict" | "sentence"> {
  const { count } = anchor;
  const wanted = hexOf(anchor.head);
  const fork =
    rival === undefined
      ? ""
      : ` The anchor in line ${rival.line}${rival.file === undefined ? "" : ` of ${rival.file}`} has another head for the same count: two histories were shown.`;
  const seen = count === 0 ? ZEROS : hashes.get(count);
  if (seen === wanted) {
    const sentence =
      count <= soundOffset
        ? count === 1
          ? "The first record is the one that was anchored."
          : `The first ${count} records are those that were anchored.`
        : `The hash after ${recordsInWords(count)} is the one that was anchored, but not every record before it could be verified.`;
    return { verdict: "matches", sentence: sentence + fork };
  }
  if (rival !== undefined && seen !== undefined) {
    return {
      verdict: "fork",
      sentence: `The stream has another head after ${recordsInWords(count)}.${fork}`,
    };
  }
  if (count > nextOffset) {
    const sentence = `The anchor counts ${recordsInWords(count)}, but the stream ends after ${nextOffset}: ${count - nextOffset} ${count - nextOffset === 1 ? "is" : "are"} missing.`;
    return { verdict: "cut-tail", sentence: sentence + fork };
  }
  if (seen === undefined && isErasedAt(count, redactions)) {
    const sentence = `The record before offset ${count} is erased, and its hash with it, so the hash cannot be compared.${fork}`;
    return { verdict: fork === "" ? "erased" : "unverifiable", sentence };
  }
  if (seen === undefined) {
    const sentence = `The record before offset ${count} cannot be read, so its hash cannot be compared.`;
    return { verdict: "unverifiable", sentence: sentence + fork };
  }
  const since =
    matched === undefined
      ? ""
      : ` It was rewritten after record ${matched}: up to there an older anchor matches.`;
  const sentence = `The stream has another head after ${recordsInWords(count)} than the one that was anchored.${since}`;
  return { verdict: "rewritten", sentence };
}

const ZEROS = "0".repeat(64);

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
