/**
 * How fast a large stream is compacted, beside copying it, and in how much memory: `npm run bench:compact`.
 *
 * Writes a gigabyte of events of 1000 bytes in segments of 256 MiB, of which every second hundred is hidden,
 * copies the directory with `cp`, and compacts it in a process of its own. Exits with 1 if compacting is less
 * than a quarter as fast as copying, or the process ever held 200 MB or more. Needs 2.2 GB in the system's
 * temporary directory; what it wrote is removed again.
 *
 * `npm run bench:compact -- MEGABYTES` does it with another size.
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Storage } from "../src/index.ts";

const EVENT_BYTES = 1000;
const BATCH_EVENTS = 100;
const RSS_MB_MAX = 200;
const SPEED_MIN = 0.25;
const INDEX = new URL("../src/index.js", import.meta.url).href;
/** The process that compacts: prints what it did, how long it took, and the most memory that it ever held. */
const COMPACT = `
  const { Storage } = await import(${JSON.stringify(INDEX)});
  const storage = await Storage.open(process.argv[1]);
  await storage.head(1n);
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  const { recordsErased, bytesReclaimed } = await storage.compact(1n);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await storage.close();
  const { maxRSS } = process.resourceUsage();
  console.log(JSON.stringify({ recordsErased, bytesReclaimed, seconds, cpu: (user + system) / 1e6, maxRSS }));
`;

const megabytes = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(megabytes) || megabytes < 1)
  throw new Error("The size is a whole number of megabytes.");

const directory = mkdtempSync(path.join(tmpdir(), "compaction-"));
try {
  const data = path.join(directory, "data");
  await write(data);
  const copied = seconds(() => {
    spawnSync("cp", ["-r", data, path.join(directory, "copy")]);
    spawnSync("sync", ["-f", directory]);
  });
  if (!compact(data, copied)) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function write(data: string): Promise<void> {
  const storage = await Storage.open(data, { checkpoints: { everyNRecords: 0 } });
  const batches = Math.ceil((megabytes * 1e6) / (BATCH_EVENTS * (EVENT_BYTES + 48)));
  for (let i = 0; i < batches; i += 1) {
    const batch = Array.from({ length: BATCH_EVENTS }, (_, k) =>
      Buffer.alloc(EVENT_BYTES, `event ${i} ${k} `),
    );
    await storage.appendBatch(1n, batch, { fsync: false });
  }
  for (let i = 1; i < batches; i += 2)
    await storage.tombstone(1n, BigInt(i * BATCH_EVENTS), BigInt(BATCH_EVENTS), { fsync: false });
  await storage.close();
}

function seconds(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

interface Compacted {
  readonly recordsErased: number;
  readonly bytesReclaimed: number;
  readonly seconds: number;
  readonly cpu: number;
  readonly maxRSS: number;
}

function compact(data: string, copied: number): boolean {
  const node = ["--input-type=module", "--eval", COMPACT, data];
  const { stdout, stderr } = spawnSync(process.execPath, node, { encoding: "utf8" });
  if (stderr !== "") throw new Error(stderr);
  const done = JSON.parse(stdout) as Compacted;
  const rssMb = done.maxRSS / 1024;
  const speed = copied / done.seconds;
  console.log(
    `${megabytes} MB: ${done.recordsErased} records erased, ${Math.round(done.bytesReclaimed / 1e6)} MB reclaimed in ` +
      `${done.seconds.toFixed(1)} s (${done.cpu.toFixed(1)} s of CPU); cp and sync ${copied.toFixed(1)} s; ` +
      `${speed.toFixed(2)} of its speed (at least ${SPEED_MIN}), peak RSS ${rssMb.toFixed(0)} MB (below ${RSS_MB_MAX})`,
  );
  return speed >= SPEED_MIN && rssMb < RSS_MB_MAX;
}
