/**
 * Predicates that several invariants share: that a storage shows and answers what the model does. Each
 * invariant says of what it asks it.
 * @module
 */
import type { Kind } from "../../model/hash.ts";
import { head as modelHead, type ModelLog, type ShownRecord } from "../../model/log.ts";
import type { StreamStatus, Verification } from "../../src/index.ts";
import type { PartName } from "../bounds.ts";
import { hex, sameBytes, samePayloads, sameRecords, show } from "../records.ts";
import type { Predicate } from "./invariant.ts";

type Parts = readonly PartName[];

/** A way of reading a part of a stream. */
export type Way = Readonly<{
  from: bigint;
  to: bigint;
  limit: number;
  reverse: boolean;
  verify: Verification;
}>;

/** What one way of reading showed, and what it should have. */
interface RangeRead {
  readonly way: Way;
  readonly appended: readonly ShownRecord[];
  readonly shown: readonly ShownRecord[];
}

/** A stream read whole and verified from its first record, and read in other ways. */
export interface WholeRead {
  readonly stream: bigint;
  readonly appended: readonly ShownRecord[];
  readonly shown: readonly ShownRecord[];
  readonly ranges: readonly RangeRead[];
}

const isWrong = ({ appended, shown }: RangeRead): boolean => !sameRecords(shown, appended);

function wayText({ from, to, limit, reverse, verify }: Way): string {
  return `from ${String(from)} to ${String(to)}, at most ${limit}, ${reverse ? "backwards" : "forwards"}, verified as ${verify}`;
}

/** That a read shows the records that the model has. */
export const showsTheLog = (of: string, parts: Parts): Predicate<WholeRead> => ({
  of,
  parts,
  holds: ({ appended, shown, ranges }) => sameRecords(shown, appended) && !ranges.some(isWrong),
  expected: ({ stream, appended, ranges }) => {
    const wrong = ranges.find(isWrong);
    const records = wrong === undefined ? show(appended) : `${wayText(wrong.way)}: ${show(wrong.appended)}`;
    return `stream ${String(stream)} to show ${records}`;
  },
  seen: ({ shown, ranges }) => show(ranges.find(isWrong)?.shown ?? shown),
});

/** What a stream's status says of its end, and what `head` answers. */
export interface EndTold {
  readonly stream: bigint;
  readonly status: StreamStatus;
  readonly nextOffset: bigint;
  readonly head: Uint8Array;
}

/** Whether each segment begins where the one before ends, the first at offset 0. */
const isWithoutGap = ({ segments }: StreamStatus): boolean =>
  segments.every(
    ({ firstOffset, nextOffset }, i) =>
      firstOffset === (segments[i - 1]?.nextOffset ?? 0n) && nextOffset >= firstOffset,
  );

const segmentsEnd = ({ segments }: StreamStatus): bigint => segments.at(-1)?.nextOffset ?? 0n;

/** That head, status and segments tell the same end. */
export const tellsOneEnd = (of: string, parts: Parts): Predicate<EndTold> => ({
  of,
  parts,
  holds: ({ status, nextOffset, head }) =>
    status.lostEnd === undefined &&
    nextOffset === status.nextOffset &&
    sameBytes(head, status.head) &&
    isWithoutGap(status) &&
    segmentsEnd(status) === nextOffset,
  expected: ({ stream, status }) =>
    `head and segments of stream ${String(stream)} to end at ${String(status.nextOffset)}, as its status does`,
  seen: ({ status, nextOffset }) =>
    `${String(nextOffset)}; ${String(segmentsEnd(status))}; ${String(status.lostEnd)}`,
});

/** Which streams are listed, and what a stream's status says of its end. */
export interface Listed {
  readonly stream: bigint;
  readonly log: ModelLog;
  readonly status: StreamStatus;
  readonly streams: readonly bigint[];
}

/** That a stream with records is listed and ends where the model does. */
export const isListed = (of: string, parts: Parts): Predicate<Listed> => ({
  of,
  parts,
  holds: ({ stream, log, status, streams }) =>
    Number(status.nextOffset) === log.records.length &&
    sameBytes(status.head, modelHead(log)) &&
    (log.records.length === 0 || streams.includes(stream)),
  expected: ({ stream, log }) => `stream ${String(stream)} to be there and to end at ${log.records.length}`,
  seen: ({ status, streams }) => `${String(status.nextOffset)} among ${streams.join(" ")}`,
});

/** What an iteration showed, and how it was verified. */
interface Iterated {
  readonly verify: Verification;
  readonly shown: readonly ShownRecord[];
}

/** The records and the payloads from one offset on, either way round. */
export interface ReadFromOffset {
  readonly from: bigint;
  readonly reverse: boolean;
  readonly appended: readonly ShownRecord[];
  readonly shown: readonly ShownRecord[];
  readonly iterated: readonly Iterated[];
  readonly appendedPayloads: readonly Uint8Array[];
  readonly shownPayloads: readonly Uint8Array[];
}

/** That every kind of read shows what the model has. */
export const readsFromOffset = (of: string, parts: Parts): Predicate<ReadFromOffset> => ({
  of,
  parts,
  holds: ({ appended, shown, iterated, appendedPayloads, shownPayloads }) =>
    sameRecords(shown, appended) &&
    iterated.every((one) => sameRecords(one.shown, appended)) &&
    samePayloads(shownPayloads, appendedPayloads),
  expected: ({ from, reverse, appended }) =>
    `from offset ${String(from)}${reverse ? ", the last first" : ""}, read in each way: ${show(appended)}`,
  seen: ({ shown, iterated, shownPayloads }) =>
    `records ${show(shown)}; ${shownPayloads.length} payloads; iterated ${iterated
      .map((one) => `${show(one.shown)}, verified as ${one.verify}`)
      .join(" and ")}`,
});

/** That no damage is reported. */
export const reportsNoDamage = (of: string, parts: Parts): Predicate<Pick<StreamStatus, "findings">> => ({
  of,
  parts,
  holds: ({ findings }) => !findings.some(({ action }) => action === "keep"),
  expected: () => "no damage reported, for there was only a crash",
  seen: ({ findings }) => String(findings.find(({ action }) => action === "keep")?.error),
});

/** What a call answered, as text. */
export interface Answered {
  readonly expected: string;
  readonly answered: string;
}

/** That a call answers what the model says. */
export const answersAsTheModel = (of: string, parts: Parts): Predicate<Answered> => ({
  of,
  parts,
  holds: ({ expected, answered }) => answered === expected,
  expected: ({ expected }) => expected,
  seen: ({ answered }) => answered,
});

/** Where a stream ends, as a call says. */
export interface ToldEnd {
  readonly stream: bigint;
  /** The model then. */
  readonly log: ModelLog;
  readonly nextOffset: bigint;
  readonly head: Uint8Array;
}

/** Whether this is where the model ends. */
export const isEndOf = ({ log, nextOffset, head }: Omit<ToldEnd, "stream">): boolean =>
  Number(nextOffset) === log.records.length && sameBytes(head, modelHead(log));

/** That what a call says of a stream's end is what the model says. */
export const endsAsTheModel = (of: string, parts: Parts): Predicate<ToldEnd> => ({
  of,
  parts,
  holds: isEndOf,
  expected: ({ stream, log }) =>
    `stream ${String(stream)} to end at ${log.records.length} with ${hex(modelHead(log))}`,
  seen: ({ nextOffset, head }) => `${String(nextOffset)} with ${hex(head)}`,
});

/** What is hashed. */
export interface HashInput {
  readonly kind: Kind;
  readonly previous: Uint8Array | undefined;
  readonly payload: Uint8Array;
}
