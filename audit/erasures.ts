/**
 * Redacted records of a stream, and the tombstones that must name what they stand for (docs/FORMAT.md,
 * section 4).
 *
 * A tombstone may be in any later segment, so each segment is asked for its part, and the parts are held
 * against each other at the end. Memory: O(redacted records + ranges that tombstones name), whatever they
 * stand for.
 * @module
 */
import { merged, type OffsetRange } from "../src/format/offset-ranges.ts";

/** A redacted record: the offsets that it stands for, and where it is in its segment. */
export interface Redaction extends OffsetRange {
  readonly position: number;
}

/** What one reader saw in a segment: its redacted records, and the offsets that its tombstones name. */
export interface Erasures {
  readonly redactions: readonly Redaction[];
  /** Ascending; they neither overlap nor touch. */
  readonly named: readonly OffsetRange[];
}

/** How many spans are kept before they are merged the first time. */
const LOOSE_MAX = 1024;

/** Collects what a reader sees of a segment, in any order. */
export class ErasureWatch {
  readonly #redactions: Redaction[] = [];
  #named: OffsetRange[] = [];
  #mergeAt = LOOSE_MAX;

  /** Takes a redacted record. */
  redaction(redaction: Redaction): void {
    this.#redactions.push(redaction);
  }

  /** Takes what a tombstone names; amortised O(log ranges). */
  tombstone(span: OffsetRange): void {
    const last = this.#named.at(-1);
    if (last?.to === span.from) {
      this.#named[this.#named.length - 1] = { from: last.from, to: span.to };
      return;
    }
    this.#named.push(span);
    if (this.#named.length < this.#mergeAt) return;
    this.#named = merged(this.#named);
    this.#mergeAt = Math.max(LOOSE_MAX, 2 * this.#named.length);
  }

  /** What was seen. */
  seen(): Erasures {
    return { redactions: this.#redactions, named: merged(this.#named) };
  }
}

/** What tombstones name of a redacted record's offsets. */
export interface Naming<T extends OffsetRange> {
  readonly redaction: T;
  /** What they name that meets its offsets; it may reach beyond them. */
  readonly named: readonly OffsetRange[];
  /** Its offsets that none of them names. */
  readonly missing: readonly OffsetRange[];
}

/**
 * Holds redacted records against what tombstones name. O(redactions + named)
 *
 * @param redactions ascending
 * @param named as `merged` makes them
 */
export function* namings<T extends OffsetRange>(
  redactions: readonly T[],
  named: readonly OffsetRange[],
): Generator<Naming<T>> {
  let first = 0;
  for (const redaction of redactions) {
    while ((named[first]?.to ?? Infinity) <= redaction.from) first += 1;
    let last = first;
    const missing: OffsetRange[] = [];
    let at = redaction.from;
    for (let next = named[last]; next !== undefined && next.from < redaction.to; next = named[last]) {
      if (at < next.from) missing.push({ from: at, to: next.from });
      at = next.to;
      last += 1;
    }
    if (at < redaction.to) missing.push({ from: at, to: redaction.to });
    yield { redaction, named: named.slice(first, last), missing };
  }
}

/** How many offsets they have together. */
export const offsetsIn = (spans: readonly OffsetRange[]): number =>
  spans.reduce((sum, { from, to }) => sum + to - from, 0);

/** Whether two readers saw the same. */
export function sameErasures(a: Erasures, b: Erasures): boolean {
  return (
    a.redactions.length === b.redactions.length &&
    a.redactions.every(
      (one, i) => one.position === b.redactions[i]?.position && sameSpan(one, b.redactions[i]),
    ) &&
    a.named.length === b.named.length &&
    a.named.every((one, i) => sameSpan(one, b.named[i]))
  );
}

const sameSpan = ({ from, to }: OffsetRange, other: OffsetRange | undefined): boolean =>
  from === other?.from && to === other.to;

/** Offsets as a sentence has them: `offset 3`, or `offsets 3 to 5, 9`; not more than a few spans. */
export function spansInWords(spans: readonly OffsetRange[]): string {
  const shown = spans
    .slice(0, SHOWN_MAX)
    .map(({ from, to }) => (to === from + 1 ? String(from) : `${from} to ${to - 1}`));
  const rest = spans.length > SHOWN_MAX ? ` and ${offsetsIn(spans.slice(SHOWN_MAX))} more` : "";
  return `${offsetsIn(spans) === 1 ? "offset" : "offsets"} ${shown.join(", ")}${rest}`;
}

const SHOWN_MAX = 5;
