/**
 * Crashes while a stream is opened and appended to whose segment has damaged records, and whose index
 * write-ahead file is missing: the process is killed after every change to the disk, and the power fails
 * after every one, with every combination of what may be left that recovery can tell apart.
 */
import { callText } from "../../fault-injection/disk-call.ts";
import { describe, expect, test, vi } from "vitest";
import { HandLog, indexBytes, text } from "../../e2e/by-hand.ts";
import type { PersistenceName } from "../../fault-injection/persistence.ts";
import { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { Storage } from "../../src/index.ts";
import type { Format } from "../../src/index.ts";
import { nobody } from "../../explore/choice.ts";
import { Odometer } from "../../explore/odometer.ts";

/** Thousands of recoveries: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

const RECORDS = 8;
const LAST = RECORDS - 1;
/** Calls to the disk of an append that begins a segment behind a damaged one. */
const CALLS = 16;
const APPENDED = "appended";
const SETTINGS = { checkpoints: { everyNRecords: 0 } };
const ALL = Array.from({ length: RECORDS }, (_, i) => i);

interface Damaged {
  readonly format: Format;
  readonly persistence: PersistenceName;
  /** Offsets of records with a flipped bit. */
  readonly flipped: readonly number[];
  /** Records that the saved index covers; 0 if it is missing, too. */
  readonly indexed: number;
  /** Whether the manifest is Kimberlite's, which names the format by not naming it, and one record. */
  readonly isKimberlites?: boolean;
}

const payload = (offset: number): string => `event-${offset}`;

function diskWith({ format, persistence, flipped, indexed, isKimberlites = false }: Damaged): SimulatedDisk {
  const disk = new SimulatedDisk({ sectorBytes: 512, persistence, choice: nobody });
  disk.makeDirectory("/data");
  disk.syncDirectory("/");
  disk.makeDirectory("/data/1");
  disk.syncDirectory("/data");
  const log = new HandLog(0, format);
  for (const offset of ALL) log.append(text(payload(offset)));
  const bytes = log.bytes();
  const recordBytes = bytes.length / RECORDS;
  for (const offset of flipped) {
    const at = offset * recordBytes + 50;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  }
  const segment = "/data/1/segment_000000.log";
  disk.store(segment, bytes);
  if (indexed > 0) {
    const entries = ALL.slice(0, indexed).map((i): [number] => [i * recordBytes]);
    const head = log.records[indexed - 1]?.hash ?? new Uint8Array(0);
    const name = format === "plain" ? `${segment}.idx` : `${segment}.idx2`;
    disk.store(name, indexBytes(entries, indexed * recordBytes, head));
  }
  const named = isKimberlites
    ? { next_offset: 1, size_bytes: recordBytes }
    : { next_offset: 0, size_bytes: 0 };
  const manifest = {
    segments: [{ segment_num: 0, first_offset: 0, ...named }],
    active_segment: 0,
    ...(isKimberlites ? {} : { format }),
  };
  disk.store("/data/1/manifest.json", Buffer.from(JSON.stringify(manifest)));
  return disk;
}

/**
 * What recovery shows: the payloads that can be read, one by one, and the offsets of the damage that it
 * reports.
 */
async function shown(disk: SimulatedDisk): Promise<{ payloads: string[]; damage: number[] }> {
  const storage = await Storage.open("/data", { disk, ...SETTINGS });
  const { findings, nextOffset } = await storage.status(1n);
  const payloads: string[] = [];
  for (let offset = 0n; offset < nextOffset; offset += 1n) {
    try {
      const options = { verify: "record", limit: 1, to: offset + 1n } as const;
      const [record] = await storage.readRecords(1n, offset, Infinity, options);
      if (record !== undefined) payloads.push(String(Buffer.from(record.payload)));
    } catch {
      // It cannot be read.
    }
  }
  await storage.close();
  const kept = findings.filter(({ action, what }) => action === "keep" && what !== "damaged hint");
  return { payloads, damage: kept.map(({ error }) => Number(error.offset)).sort((a, b) => a - b) };
}

/**
 * What the first opening must show: the payloads that can be read, and the offsets at which it reports
 * damage.
 */
function due({ flipped, indexed }: Damaged): { readable: string[]; reported: number[] } {
  // What an index covers is not looked at in opening, but for its last record; the last record of all, if
  // nothing covers it, is a torn append.
  const scanned = flipped.filter((offset) => offset >= indexed && offset !== LAST);
  // Where a record is damaged, the scan goes on with the run of intact ones that leads farthest, so it passes
  // over what is between two.
  const passed = ALL.filter((offset) => offset >= Math.min(...scanned) && offset <= Math.max(...scanned));
  return {
    readable: ALL.filter((offset) => !flipped.includes(offset) && !passed.includes(offset)).map(payload),
    reported: [...flipped.filter((offset) => offset === indexed - 1), ...passed.slice(0, 1)],
  };
}

/** Opens, appends, and recovers every state that a crash on the way may leave. @returns how many those are */
async function crashesOf(damaged: Damaged): Promise<number> {
  const { readable, reported } = due(damaged);
  const disk = diskWith(damaged);
  const moments: { readonly disk: SimulatedDisk; readonly after: string }[] = [];
  const keep = (after: string): void => void moments.push({ disk: disk.fork(nobody), after });
  keep("nothing");
  disk.onChange = (change) => {
    keep(callText(change));
  };
  const storage = await Storage.open("/data", { disk, ...SETTINGS });
  await storage.appendBatch(1n, [text(APPENDED)]);
  const acknowledged = moments.length - 1;
  await storage.close();

  let states = 0;
  for (const [i, moment] of moments.entries()) {
    for (const ending of ["kill", "crash"] as const) {
      const choices = new Odometer();
      do {
        choices.begin();
        const left = moment.disk.fork(choices);
        left[ending]();
        // What the first recovery leaves, a second finds.
        for (const recovery of ["first", "second"]) {
          const where = { ...damaged, after: moment.after, ending, path: choices.path(), recovery };
          const { payloads, damage } = await shown(left);
          const appended = i >= acknowledged || payloads.includes(APPENDED) ? [APPENDED] : [];
          expect({ ...where, payloads }).toStrictEqual({ ...where, payloads: [...readable, ...appended] });
          expect({ ...where, damage }).toStrictEqual({ ...where, damage: reported });
          left.kill();
        }
        states += 1;
      } while (choices.advance());
    }
  }
  // A segment that is known to be damaged is not appended to.
  const begun = moments.some(({ after }) => after === "create /data/1/segment_000001.log");
  expect({ ...damaged, begun }).toStrictEqual({ ...damaged, begun: reported.length > 0 });
  return states;
}

const NO_INDEX = { format: "plain", persistence: "posix", indexed: 0 } as const;

describe("a record that can be read before a crash can be read after it, and damage that was reported is reported", () => {
  test("with a flipped bit in one record and no index files", async () => {
    for (const flipped of ALL.slice(0, LAST)) {
      expect(await crashesOf({ ...NO_INDEX, flipped: [flipped] })).toBeGreaterThan(20);
      await crashesOf({ ...NO_INDEX, persistence: "ordered-metadata", flipped: [flipped] });
    }
  });

  test("with flipped bits in two records and no index files", async () => {
    for (const first of ALL)
      for (const second of ALL.slice(first + 1)) {
        if (first === LAST - 1) continue;
        await crashesOf({ ...NO_INDEX, flipped: [first, second] });
      }
  });

  test("in a stream of the format sentinel, Kimberlite's manifest or ours", async () => {
    for (const isKimberlites of [false, true]) {
      for (const flipped of [[2], [2, 5]])
        await crashesOf({ ...NO_INDEX, format: "sentinel", isKimberlites, flipped });
    }
  });

  test("after any call of the append has failed", async () => {
    const damaged = { ...NO_INDEX, flipped: [2] };
    const { readable, reported } = due(damaged);
    let failed = true;
    for (let calls = 0; failed; calls += 1) {
      const disk = diskWith(damaged);
      const storage = await Storage.open("/data", { disk, ...SETTINGS });
      await storage.head(1n);
      let left = calls;
      failed = false;
      disk.onFault = () => {
        left -= 1;
        if (left !== -1) return undefined;
        failed = true;
        return { fails: "EIO" };
      };
      await storage.appendBatch(1n, [text(APPENDED)]).catch(() => undefined);
      disk.onFault = undefined;
      await storage.close().catch(() => undefined);
      const { payloads, damage } = await shown(disk);
      const old = payloads.filter((each) => each !== APPENDED);
      expect({ calls, old, damage }).toStrictEqual({ calls, old: readable, damage: reported });
      expect(failed).toBe(calls < CALLS);
    }
  });

  test("with a saved index that covers the damage, or does not", async () => {
    for (let indexed = 1; indexed <= RECORDS; indexed += 1) {
      for (const flipped of [[2], [6], [7], [2, 6]]) {
        if (flipped[0] === LAST && indexed < RECORDS) continue;
        await crashesOf({ ...NO_INDEX, indexed, flipped });
      }
    }
  });
});
