/**
 * The pieces of work that are measured: one question, put once to one contestant.
 * @module
 */
import { FLOOR, type Question } from "../../properties/documents/performance.ts";
import type { Contestant, Log } from "./contestants/contestant.ts";
import { batchesOf } from "./payloads.ts";
import { Allowance, type Limits, type Sample, Stopwatch } from "./stopwatch.ts";

/** A piece of work. */
export interface Piece extends Limits {
  readonly question: Question;
  /** A new directory for appends; for others one that was filled. */
  readonly directory: string;
  readonly payloadBytes: number;
  readonly batchRecords: number;
  readonly isCold: boolean;
}

const CALLERS = 64;

/** After how many records the clock is looked at, where each takes less time than that. */
const LOOK_RECORDS = 64;
/** How often a log is opened in a piece, at most. */
const OPENINGS_MAX = 20;

/** Does a piece of work. */
export function measure(contestant: Contestant, piece: Piece): Promise<Sample> {
  switch (piece.question) {
    case "append":
    case "append-synced":
      return append(contestant, piece);
    case "callers":
      // The least that appends together can cost: one write and one sync for all who wait.
      return contestant.about.name === FLOOR
        ? append(contestant, { ...piece, batchRecords: CALLERS })
        : appendTogether(contestant, piece);
    case "read":
      return read(contestant, piece);
    case "audit":
      return auditAll(contestant, piece);
    case "point":
      return piece.isCold ? readCold(contestant, piece) : readWarm(contestant, piece);
    case "reopen":
      return reopen(contestant, piece);
  }
}

async function append(contestant: Contestant, piece: Piece): Promise<Sample> {
  const { payloadBytes, batchRecords, question } = piece;
  const log = await begin(contestant, piece);
  const batches = batchesOf(payloadBytes, batchRecords);
  const looks = question === "append" ? Math.ceil(LOOK_RECORDS / batchRecords) : 1;
  const watch = new Stopwatch();
  const records = await watch.time(async () => {
    const allowance = new Allowance(piece, payloadBytes);
    let done = 0;
    do {
      for (let i = 0; i < looks; i += 1) {
        const pending = log.append(batches[done % batches.length] ?? []);
        if (pending !== undefined) await pending;
        done += 1;
      }
    } while (allowance.hasMore(done * batchRecords));
    return done * batchRecords;
  });
  await log.close();
  return watch.sample(records);
}

async function appendTogether(contestant: Contestant, piece: Piece): Promise<Sample> {
  const log = await begin(contestant, piece);
  const batches = batchesOf(piece.payloadBytes, 1);
  const watch = new Stopwatch();
  const records = await watch.time(async () => {
    const allowance = new Allowance(piece, piece.payloadBytes);
    let done = 0;
    const call = async (): Promise<void> => {
      do {
        const batch = batches[done % batches.length] ?? [];
        done += 1;
        await log.append(batch);
      } while (allowance.hasMore(done));
    };
    await Promise.all(Array.from({ length: CALLERS }, call));
    return done;
  });
  await log.close();
  return watch.sample(records);
}

/** Opens a log for appends, and makes what is made with the first record. */
async function begin(
  contestant: Contestant,
  { question, directory, payloadBytes }: Pick<Piece, "question" | "directory" | "payloadBytes">,
): Promise<Log> {
  const log = await contestant.open(directory, question === "append" ? "append" : "append-synced");
  for (const batch of batchesOf(payloadBytes, 1).slice(0, 1)) await log.append(batch);
  return log;
}

/** Reads whole logs, as a contestant may have read more than it has handed out. */
async function read(contestant: Contestant, piece: Piece): Promise<Sample> {
  const log = await contestant.open(piece.directory, "read");
  const watch = new Stopwatch();
  const records = await watch.time(async () => {
    const allowance = new Allowance(piece, piece.payloadBytes);
    let done = 0;
    const visit = (payloadBytes: number): void => {
      if (payloadBytes === 0) throw new Error("A payload is empty.");
      done += 1;
    };
    do {
      const pending = log.read(visit);
      if (pending !== undefined) await pending;
    } while (allowance.hasMore(done));
    return done;
  });
  await log.close();
  return watch.sample(records);
}

async function auditAll({ audit, about }: Contestant, piece: Piece): Promise<Sample> {
  if (audit === undefined) throw new Error(`${about.name} has no audit.`);
  const watch = new Stopwatch();
  const records = await watch.time(() => audit(piece.directory));
  return watch.sample(records);
}

/** The golden ratio: its multiples are spread evenly, and neighbours in time are none in place. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const placeOf = (time: number, count: number): number => Math.floor(((time * GOLDEN) % 1) * count);

async function readWarm(contestant: Contestant, piece: Piece): Promise<Sample> {
  const log = await contestant.open(piece.directory, "read");
  const count = await log.count();
  await log.readOne(placeOf(1, count));
  const watch = new Stopwatch();
  const reads = await watch.time(async () => {
    const allowance = new Allowance(piece, piece.payloadBytes);
    let done = 0;
    do {
      const pending = log.readOne(placeOf(done + 2, count));
      if (pending instanceof Promise) await pending;
      done += 1;
    } while (allowance.hasMore(done));
    return done;
  });
  await log.close();
  return watch.sample(reads);
}

async function readCold(contestant: Contestant, piece: Piece): Promise<Sample> {
  const watch = new Stopwatch();
  const allowance = new Allowance(piece, piece.payloadBytes);
  let done = 0;
  do {
    const log = await contestant.open(piece.directory, "read");
    const place = placeOf(done + 1, await log.count());
    await watch.time(() => log.readOne(place));
    await log.close();
    done += 1;
  } while (done < OPENINGS_MAX && allowance.hasMore(done));
  return watch.sample(done);
}

async function reopen(contestant: Contestant, piece: Piece): Promise<Sample> {
  const watch = new Stopwatch();
  const allowance = new Allowance(piece, piece.payloadBytes);
  let done = 0;
  do {
    const log = await watch.time(async () => {
      const opened = await contestant.open(piece.directory, "read");
      await opened.count();
      return opened;
    });
    await log.close();
    done += 1;
  } while (done < OPENINGS_MAX && allowance.hasMore(done));
  return watch.sample(done);
}

/** A log to be read from. */
export interface Filling {
  readonly directory: string;
  readonly payloadBytes: number;
  readonly records: number;
}

/** Records and bytes that are appended at a time, at most, where a log is filled. */
const FILL_RECORDS = 1000;
const FILL_BYTES = 2 ** 23;

/** Fills a directory with at least so many records. */
export async function fill(contestant: Contestant, filling: Filling): Promise<void> {
  const { directory, payloadBytes, records } = filling;
  const log = await contestant.open(directory, "append");
  const batches = batchesOf(payloadBytes, Math.min(FILL_RECORDS, Math.ceil(FILL_BYTES / payloadBytes)));
  for (let done = 0, i = 0; done < records; i += 1) {
    const batch = batches[i % batches.length] ?? [];
    await log.append(batch);
    done += batch.length;
  }
  await log.close();
}
