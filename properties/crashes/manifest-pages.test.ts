/**
 * Crashes around a rotation that writes a page of the manifest: the process is killed after every change to
 * the disk, and the power fails after every one, with every combination of what may be left that recovery can
 * tell apart.
 */
import { callText } from "../../fault-injection/disk-call.ts";
import { expect, test, vi } from "vitest";
import { text } from "../../e2e/by-hand.ts";
import { manifestFiles, pagedStream, pageFile } from "../../e2e/paged-stream.ts";
import type { PersistenceName } from "../../fault-injection/persistence.ts";
import { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { Storage } from "../../src/index.ts";
import { nobody } from "../../explore/choice.ts";
import { Odometer } from "../../explore/odometer.ts";
import { Extreme } from "../../explore/extreme.ts";

/** Thousands of recoveries: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

const SETTINGS = { maxSegmentBytes: 1, checkpoints: { everyNRecords: 0 } };
const PAGE_SEGMENTS = 2;

function diskWith(files: ReadonlyMap<string, Uint8Array>, persistence: PersistenceName): SimulatedDisk {
  const disk = new SimulatedDisk({ sectorBytes: 512, persistence, choice: nobody });
  disk.makeDirectory("/data");
  disk.syncDirectory("/");
  disk.makeDirectory("/data/1");
  disk.syncDirectory("/data");
  for (const [name, bytes] of files) disk.store(`/data/1/${name}`, bytes);
  return disk;
}

/** The manifest's files as a kernel that lives shows them. */
function manifestOn(disk: SimulatedDisk): Map<string, string> {
  const found = [...disk.fork(new Extreme(0)).files()].map(([path, bytes]): [string, string] => [
    path.slice("/data/1/".length),
    Buffer.from(bytes).toString(),
  ]);
  return new Map(found.filter(([name]) => /^manifest.*\.json$/.test(name)).sort());
}

const texts = (segments: number): Map<string, string> =>
  new Map(
    [...manifestFiles({ segments, pageSegments: PAGE_SEGMENTS })]
      .map(([name, bytes]): [string, string] => [name, String(bytes)])
      .sort(),
  );

/** What recovery comes to, but for torn appends. */
async function recovered(disk: SimulatedDisk): Promise<{ records: number; findings: string[] }> {
  const storage = await Storage.open("/data", { disk, ...SETTINGS });
  const { findings } = await storage.status(1n);
  const records = await storage.readRecords(1n, 0n, Infinity);
  await storage.close();
  // An append that a crash has torn is cut, which is said; nothing else is to be said.
  const told = findings.filter(({ action }) => action !== "cut").map(({ error }) => error.message);
  return { records: records.length, findings: told };
}

test.each<[string, PersistenceName, number, number | undefined]>([
  ["the first page", "posix", 2, undefined],
  ["the second page", "posix", 4, undefined],
  ["the second page", "ordered-metadata", 4, undefined],
  ["two pages of what was one manifest", "posix", 4, 0],
])(
  "%s, %s: every record is there, and nothing is said to be damaged",
  async (_, persistence, segments, pages) => {
    const { files } = pagedStream({ segments, pageSegments: PAGE_SEGMENTS, ...(pages === 0 && { pages }) });
    const disk = diskWith(files, persistence);
    const storage = await Storage.open("/data", { disk, ...SETTINGS });
    await storage.head(1n);
    const moments: { readonly disk: SimulatedDisk; readonly after: string }[] = [];
    disk.onChange = (change) => moments.push({ disk: disk.fork(nobody), after: callText(change) });
    await storage.appendBatch(1n, [text("e")]);
    expect(manifestOn(disk)).toStrictEqual(texts(segments + 1));
    expect(moments.map(({ after }) => after)).toContain(
      `rename /data/1/${pageFile(segments / 2 - 1)}.tmp to /data/1/${pageFile(segments / 2 - 1)}`,
    );

    const seen = { states: 0, withAllPages: 0 };
    for (const [i, moment] of moments.entries()) {
      const isAcknowledged = i === moments.length - 1;
      for (const ending of ["kill", "crash"] as const) {
        const choices = new Odometer();
        do {
          choices.begin();
          const left = moment.disk.fork(choices);
          left[ending]();
          const found = await recovered(left);
          const where = { after: moment.after, ending, path: choices.path() };
          expect({ ...where, findings: found.findings }).toStrictEqual({ ...where, findings: [] });
          expect(found.records).toBeGreaterThanOrEqual(isAcknowledged ? segments + 1 : segments);
          const manifest = manifestOn(left);
          if (manifest.size === texts(segments + 1).size) seen.withAllPages += 1;
          seen.states += 1;
          // What recovery leaves is a stream like any other.
          left.kill();
          const again = await recovered(left);
          expect(again).toStrictEqual({ records: found.records, findings: [] });
        } while (choices.advance());
      }
    }
    expect(seen.states).toBeGreaterThan(moments.length * 2);
    expect(seen.withAllPages).toBeGreaterThan(0);
    expect(seen.withAllPages).toBeLessThan(seen.states);
    await storage.close();
  },
);
