/**
 * How much memory the audit of a large directory takes, and how long: `npm run bench:audit`.
 *
 * Writes a gigabyte of each format, of events of 100 bytes in segments of 256 MiB, and audits it as `kmb
 * audit` does, in a process of its own. Prints a line for each format and exits with 1 if a process ever held
 * 200 MB or more, or the audit did not come out clean. Needs 1.1 GB in the system's temporary directory; what
 * it wrote is removed again.
 *
 * `npm run bench:audit -- MEGABYTES` does it with another size.
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Format, Storage } from "../src/index.ts";

const EVENT_BYTES = 100;
const BATCH_EVENTS = 1000;
const RSS_MB_MAX = 200;
const KMB = fileURLToPath(new URL("../cli/kmb.js", import.meta.url));
/** Loaded into the audit's process: prints the most memory that it ever held, when it ends. */
const PEAK =
  "data:text/javascript,process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS+' KiB'))";

const megabytes = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(megabytes) || megabytes < 1)
  throw new Error("The size is a whole number of megabytes.");

for (const format of ["plain", "sentinel"] as const) {
  const directory = mkdtempSync(path.join(tmpdir(), "audit-"));
  try {
    await write(path.join(directory, "data"), format);
    if (!audit(path.join(directory, "data"), format)) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function write(data: string, format: Format): Promise<void> {
  const storage = await Storage.open(data, { format });
  const batch = Array.from({ length: BATCH_EVENTS }, (_, i) => Buffer.alloc(EVENT_BYTES, `event ${i} `));
  const batches = Math.ceil(
    (megabytes * 1e6) / (BATCH_EVENTS * (EVENT_BYTES + (format === "plain" ? 48 : 58))),
  );
  for (let i = 0; i < batches; i += 1) await storage.appendBatch(1n, batch, { fsync: false });
  await storage.close();
}

function audit(data: string, format: Format): boolean {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", PEAK, KMB, "audit", data], {
    encoding: "utf8",
  });
  const seconds = (performance.now() - started) / 1000;
  const rssMb = Number(/^peak (\d+) KiB$/m.exec(stderr)?.[1]) / 1024;
  const records = /^ {2}records +(\S+)/m.exec(stdout)?.[1] ?? "no";
  console.log(
    `${format.padEnd(8)} ${records} records, ${megabytes} MB: ${seconds.toFixed(1)} s, peak RSS ${rssMb.toFixed(0)} MB (below ${RSS_MB_MAX}), exit status ${String(status)}`,
  );
  return status === 0 && rssMb < RSS_MB_MAX;
}
