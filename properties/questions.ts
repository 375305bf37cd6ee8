/**
 * Asking a stream in every public way where it ends and what it holds: the answers must be the model's, and so must agree.
 * @module
 */
import {
  head as modelHead,
  type ModelLog,
  range as modelRange,
  read as modelRead,
  type ShownRecord,
} from "../model/log.ts";
import type { StreamStatus } from "../src/index.ts";
import type { InvariantId } from "./catalogue.ts";
import { sameBytes, sameRecords, show } from "./comparison.ts";
import { allOf, type EngineUnderTest } from "./conversations/engines.ts";
import { check, type Counts } from "./tally.ts";

const ALL = Number.MAX_SAFE_INTEGER;

/** `head` answers what the status says, or refuses where that calls the end lost; the segments lead there without a gap. */
export async function checkEnd(
  storage: EngineUnderTest,
  stream: bigint,
  status: StreamStatus,
  invariant: InvariantId,
  counts: Counts,
): Promise<void> {
  const { nextOffset, head } = await storage.head(stream);
  let next = 0n;
  const isWhole = status.segments.every((segment) => {
    const follows = segment.firstOffset === next && segment.nextOffset >= next;
    next = segment.nextOffset;
    return follows;
  });
  check(
    counts,
    invariant,
    status.lostEnd === undefined &&
      nextOffset === status.nextOffset &&
      sameBytes(head, status.head) &&
      isWhole &&
      next === nextOffset,
    () =>
      `head and segments of stream ${String(stream)} to end at ${String(status.nextOffset)}, as its status does`,
    () => `${String(nextOffset)}; ${String(next)}; ${String(status.lostEnd)}`,
  );
}

/** Every other question: which streams there are, and each kind of read from each of these offsets, either way round. */
export async function checkAnswers(
  storage: EngineUnderTest,
  stream: bigint,
  log: ModelLog,
  offsets: Iterable<number>,
  invariant: InvariantId,
  counts: Counts,
): Promise<void> {
  const status = await storage.status(stream);
  await checkEnd(storage, stream, status, invariant, counts);
  const count = log.records.length;
  const streams = await storage.streams();
  check(
    counts,
    invariant,
    Number(status.nextOffset) === count &&
      sameBytes(status.head, modelHead(log)) &&
      (count === 0 || streams.some((id) => id === stream)),
    () => `stream ${String(stream)} to be there and to end at ${count}`,
    () => `${String(status.nextOffset)} among ${streams.join(" ")}`,
  );
  for (const offset of offsets) {
    const from = BigInt(Math.max(offset, 0));
    for (const reverse of [false, true])
      await checkRange(storage, stream, log, from, reverse, invariant, counts);
  }
}

async function checkRange(
  storage: EngineUnderTest,
  stream: bigint,
  log: ModelLog,
  from: bigint,
  reverse: boolean,
  invariant: InvariantId,
  counts: Counts,
): Promise<void> {
  const to = BigInt(log.records.length) + 1n;
  const expected = modelRange(log, { from, to, limit: ALL, reverse });
  const read = await storage.readRecords(stream, from, ALL, { reverse });
  const wrong = await wrongIteration(storage, stream, { from, reverse }, expected);
  const payloads = await storage.readFrom(stream, from, ALL, { reverse });
  const data = modelRead(log, from, ALL);
  const wanted = reverse ? data.toReversed() : data;
  check(
    counts,
    invariant,
    sameRecords(read, expected) &&
      wrong === undefined &&
      payloads.length === wanted.length &&
      payloads.every((payload, i) => sameBytes(payload, wanted[i])),
    () =>
      `from offset ${String(from)}${reverse ? ", the last first" : ""}, read in each way: ${show(expected)}`,
    () => `records ${show(read)}; ${payloads.length} payloads; iterated ${wrong ?? "likewise"}`,
  );
}

/** What an iteration gives where it does not give what it must, verified in the ways that no other read here is. */
async function wrongIteration(
  storage: EngineUnderTest,
  stream: bigint,
  range: Readonly<{ from: bigint; reverse: boolean }>,
  expected: readonly ShownRecord[],
): Promise<string | undefined> {
  for (const verify of ["record", "genesis"] as const) {
    const iterated = await allOf(storage.iterate(stream, { ...range, verify }));
    if (!sameRecords(iterated, expected)) return `${show(iterated)}, verified as ${verify}`;
  }
  return undefined;
}
