/**
 * Asking a stream in every public way where it ends and what it holds: the answers must be the model's, and
 * so must agree.
 * @module
 */
import { type ModelLog, read as modelRead } from "../model/log.ts";
import type { StreamStatus } from "../src/index.ts";
import { allOf, type EngineUnderTest } from "./conversations/engines.ts";
import { rangeShown } from "./erased.ts";
import type { EndTold, Listed, ReadFromOffset } from "./invariants/agreement.ts";
import type { InvariantId } from "./invariants/catalogue.ts";
import type { Check } from "./invariants/invariant.ts";
import { type Counts, observe } from "./tally.ts";

const ALL = Number.MAX_SAFE_INTEGER;

/** The checks of an invariant that are made of the answers. */
interface ChecksOfAnswers {
  readonly end: Check<EndTold, InvariantId>;
  readonly listing: Check<Listed, InvariantId>;
  readonly range: Check<ReadFromOffset, InvariantId>;
}

/**
 * `head` answers what the status says, or refuses where that calls the end lost; the segments lead there
 * without a gap.
 */
export async function checkEnd(
  storage: EngineUnderTest,
  stream: bigint,
  status: StreamStatus,
  check: Check<EndTold, InvariantId>,
  counts: Counts,
): Promise<void> {
  const { nextOffset, head } = await storage.head(stream);
  observe(counts, check, { stream, status, nextOffset, head });
}

/**
 * Every other question: which streams there are, and each kind of read from each of these offsets, either way
 * round.
 */
export async function checkAnswers(
  storage: EngineUnderTest,
  stream: bigint,
  log: ModelLog,
  offsets: Iterable<number>,
  checks: ChecksOfAnswers,
  counts: Counts,
): Promise<void> {
  const status = await storage.status(stream);
  await checkEnd(storage, stream, status, checks.end, counts);
  const streams = await storage.streams();
  observe(counts, checks.listing, { stream, log, status, streams });
  for (const offset of offsets) {
    const from = BigInt(Math.max(offset, 0));
    for (const reverse of [false, true])
      observe(counts, checks.range, await readFrom(storage, stream, log, from, reverse));
  }
}

async function readFrom(
  storage: EngineUnderTest,
  stream: bigint,
  log: ModelLog,
  from: bigint,
  reverse: boolean,
): Promise<ReadFromOffset> {
  const to = BigInt(log.records.length) + 1n;
  const asked = { from, to, limit: ALL, reverse };
  const read = rangeShown(log, asked, await storage.readRecords(stream, from, ALL, { reverse }));
  const iterated = [];
  for (const { verify, shown } of await iterations(storage, stream, { from, reverse }))
    iterated.push({ verify, shown: rangeShown(log, asked, shown).shown });
  const shownPayloads = await storage.readFrom(stream, from, ALL, { reverse });
  const data = modelRead(log, from, ALL);
  return {
    from,
    reverse,
    ...read,
    iterated,
    appendedPayloads: reverse ? data.toReversed() : data,
    shownPayloads,
  };
}

/** What an iteration gives, verified in the ways that no other read here is. */
async function iterations(
  storage: EngineUnderTest,
  stream: bigint,
  range: Readonly<{ from: bigint; reverse: boolean }>,
): Promise<ReadFromOffset["iterated"]> {
  const iterated = [];
  for (const verify of ["record", "genesis"] as const)
    iterated.push({ verify, shown: await allOf(storage.iterate(stream, { ...range, verify })) });
  return iterated;
}
