/**
 * How much memory ten million events take, and how long the log takes to open again: `npm run bench:memory`.
 *
 * Appends 10 million events of 100 bytes in batches of 1000, syncs once, reads everything back through
 * `iterate`, closes, opens again and asks for the head. Prints a line for each step and exits with 1 if the
 * process ever held more than 300 MB or the opening took more than a second. Needs 1.5 GB in the system's
 * temporary directory; what it wrote is removed again.
 *
 * `npm run bench:memory -- EVENTS` does it with another number of events.
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Storage } from "../src/index.ts";

const EVENT_BYTES = 100;
const BATCH_EVENTS = 1000;
const RSS_MB_MAX = 300;
const REOPEN_SECONDS_MAX = 1;
const STREAM = 1n;

const events = Number(process.argv[2] ?? 10_000_000);
if (!Number.isInteger(events) || events < BATCH_EVENTS || events % BATCH_EVENTS !== 0) {
  throw new Error(`The number of events is a multiple of ${BATCH_EVENTS}.`);
}

const directory = mkdtempSync(path.join(tmpdir(), "ten-million-"));
try {
  process.exitCode = (await run(path.join(directory, "data"))) ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function run(data: string): Promise<boolean> {
  let storage = await Storage.open(data);
  await timed("append", () => append(storage));
  const before = await storage.head(STREAM);
  await timed("read", () => read(storage));
  await timed("close", () => storage.close());
  let nextOffset = 0n;
  const reopenSeconds = await timed("reopen", async () => {
    storage = await Storage.open(data);
    ({ nextOffset } = await storage.head(STREAM));
  });
  await storage.close();
  if (nextOffset !== before.nextOffset)
    throw new Error(`The log had ${before.nextOffset} records and has ${nextOffset}.`);
  const rssMb = peakRssMb();
  console.log(`peak RSS ${rssMb.toFixed(0)} MB (at most ${RSS_MB_MAX})`);
  console.log(`reopen   ${reopenSeconds.toFixed(3)} s (at most ${REOPEN_SECONDS_MAX})`);
  return rssMb <= RSS_MB_MAX && reopenSeconds <= REOPEN_SECONDS_MAX;
}

async function append(storage: Storage): Promise<void> {
  for (let first = 0; first < events; first += BATCH_EVENTS) {
    const bytes = Buffer.alloc(BATCH_EVENTS * EVENT_BYTES, "an event ");
    const batch: Uint8Array[] = [];
    for (let i = 0; i < BATCH_EVENTS; i += 1) {
      bytes.writeDoubleLE(first + i, i * EVENT_BYTES);
      batch.push(bytes.subarray(i * EVENT_BYTES, (i + 1) * EVENT_BYTES));
    }
    await storage.appendBatch(STREAM, batch, { fsync: false });
  }
  await storage.sync(STREAM);
}

async function read(storage: Storage): Promise<void> {
  let next = 0;
  for await (const { kind, payload } of storage.iterate(STREAM)) {
    if (kind !== "data") continue;
    const number = Buffer.from(payload.buffer, payload.byteOffset).readDoubleLE(0);
    if (number !== next) throw new Error(`Event ${next} came back as ${number}.`);
    next += 1;
  }
  if (next !== events) throw new Error(`Of ${events} events ${next} came back.`);
}

async function timed(what: string, work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${what.padEnd(8)} ${seconds.toFixed(3).padStart(8)} s   RSS so far ${peakRssMb().toFixed(0)} MB`,
  );
  return seconds;
}

function peakRssMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}
