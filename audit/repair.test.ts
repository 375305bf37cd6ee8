/**
 * Repairs: what is planned is what is done; every byte that is cut off is in quarantine; what could be read
 * still can; the stream takes appends; and a repair that crashed anywhere and is done again comes to the
 * same.
 */
import { describe, expect, test } from "vitest";
import { encoded, frameBytes, HandLog, text } from "../e2e/by-hand.ts";
import { DyingDisk, isDeath } from "../e2e/dying-disk.ts";
import { KimberliteWriter } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import { type Disk, type Format, Storage } from "../src/index.ts";
import { audit } from "./audit.ts";
import { OverlayDisk } from "../src/disk/overlay-disk.ts";
import { type Repair, repairStream } from "./repair.ts";
import { audited, linesOf } from "./testing.ts";

type Files = ReadonlyMap<string, Buffer>;

const EVENTS = Array.from({ length: 8 }, (_, i) => text(`event-${i}`));
const ALL = Number.POSITIVE_INFINITY;
const segment = (number: number): string => `1/segment_00000${number}.log`;

/** The content of every file on a disk below the data directory, but the lock. */
function filesOn(disk: MemoryDisk, directory = "/data"): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of disk.list(directory)) {
    const path = `${directory}/${name}`;
    if (name === "LOCK") continue;
    if (["1", "quarantine"].includes(name)) {
      for (const [below, bytes] of filesOn(disk, path)) files.set(below, bytes);
      continue;
    }
    const file = disk.open(path, "read");
    const bytes = Buffer.alloc(Number(file.size()));
    void file.read(bytes, 0);
    files.set(path.slice("/data/".length), bytes);
  }
  return files;
}

/** Eight events, three a segment, as this package leaves them. */
async function written(format: Format): Promise<Files> {
  const disk = new MemoryDisk("/data", new Map());
  const maxSegmentBytes = format === "plain" ? 3 * 55 : 3 * 65;
  const storage = await Storage.open("/data", { disk, format, maxSegmentBytes });
  for (const event of EVENTS) await storage.appendBatch(1n, [event]);
  await storage.close();
  return filesOn(disk);
}

/** So many events, three a segment, as Kimberlite leaves them. */
function kimberlites(count: number): Files {
  const writer = new KimberliteWriter(3 * 65);
  for (const event of EVENTS.slice(0, count)) writer.append([event], true);
  return new Map([...writer.files].map(([name, bytes]) => [`1/${name}`, bytes]));
}

/** The files after edits: a name and its new bytes, or none where it is removed. */
function edited(
  files: Files,
  ...edits: readonly (readonly [string, ((bytes: Buffer) => Uint8Array)?])[]
): Files {
  const copy = new Map(files);
  for (const [name, edit] of edits) {
    const bytes = files.get(name);
    if (bytes === undefined) throw new Error(`There is no ${name}.`);
    if (edit === undefined) copy.delete(name);
    else copy.set(name, Buffer.from(edit(bytes)));
  }
  return copy;
}

const flip = (byte: number) => (bytes: Buffer) => flipped(bytes, 8 * byte);
const cutTo = (size: number) => (bytes: Buffer) => bytes.subarray(0, size);
const garbage = (bytes: Buffer): Buffer => Buffer.alloc(bytes.length, 0x5a);

interface Case {
  readonly name: string;
  readonly files: Files;
  /** Offsets of records that are lost. */
  readonly lost: readonly number[];
  readonly cut: Repair["cut"];
  readonly nextOffset: number;
  /** What an audit finds afterwards. */
  readonly stays: readonly string[];
}

function ownCases(format: Format, files: Files): Case[] {
  const size = format === "plain" ? 55 : 65;
  const ending = format === "plain" ? "idx" : "idx2";
  const wal = `${segment(2)}.${ending}.wal`;
  // A frame of one record has 56 bytes. Without the first the second proves how far records were durable, and
  // not where they are.
  const provesAlone = [wal, (bytes: Buffer) => bytes.subarray(56)] as const;
  const indexes = [...files.keys()].filter((name) => name.startsWith(`${segment(1)}.idx`));
  const noIndex = indexes.map((name) => [name] as const);
  return [
    {
      name: "the last segment is missing",
      files: edited(files, [segment(2)]),
      lost: [6, 7],
      cut: { file: "segment_000001.log", position: 3 * size },
      nextOffset: 6,
      stays: [],
    },
    {
      name: "the last record is damaged, and was durable",
      files: edited(files, [segment(2), flip(size + 50)], provesAlone),
      lost: [7],
      cut: { file: "segment_000002.log", position: size },
      nextOffset: 7,
      stays: [],
    },
    {
      name: "nothing of the last segment can be read",
      files: edited(files, [segment(2), garbage], provesAlone),
      lost: [6, 7],
      cut: { file: "segment_000001.log", position: 3 * size },
      nextOffset: 6,
      stays: [],
    },
    {
      name: "the end of the segment before an empty last one is damaged",
      files: edited(
        files,
        [segment(1), flip(3 * size - 9)],
        [segment(2), cutTo(0)],
        [wal, cutTo(0)],
        ...noIndex,
      ),
      lost: [5, 6, 7],
      cut: { file: "segment_000001.log", position: 2 * size },
      nextOffset: 5,
      stays: [],
    },
    {
      name: "a segment in the middle is missing, too",
      files: edited(files, [segment(1)], [segment(2), flip(size + 50)], provesAlone),
      lost: [3, 4, 5, 7],
      cut: { file: "segment_000002.log", position: size },
      nextOffset: 7,
      stays: ["damage missing-segment segment_000001.log, due 3"],
    },
    {
      name: "the last segment was cut below what its index names",
      files: edited(files, [segment(2), cutTo(size)]),
      lost: [7],
      cut: { file: "segment_000002.log", position: size },
      nextOffset: 7,
      stays: [],
    },
    {
      name: "a record in the middle is damaged: nothing brings it back",
      files: edited(files, [segment(1), flip(size + 50)]),
      lost: [4],
      cut: undefined,
      nextOffset: 8,
      stays: [`damage checksum-mismatch segment_000001.log at ${size} to ${2 * size}, due 4`],
    },
    {
      name: "an append was torn",
      files: edited(files, [segment(2), (bytes) => Buffer.concat([bytes, bytes.subarray(0, 20)])]),
      lost: [],
      cut: undefined,
      nextOffset: 8,
      stays: [],
    },
    {
      name: "the manifest is missing",
      files: edited(files, ["1/manifest.json"]),
      lost: [],
      cut: undefined,
      nextOffset: 8,
      stays: [],
    },
    {
      name: "nothing is wrong",
      files,
      lost: [],
      cut: undefined,
      nextOffset: 8,
      stays: [],
    },
  ];
}

function kimberliteCases(): Case[] {
  const files = kimberlites(8);
  const full = kimberlites(6);
  return [
    {
      name: "the last record is damaged",
      files: edited(files, [segment(2), flip(115)]),
      lost: [7],
      cut: { file: "segment_000002.log", position: 65 },
      nextOffset: 7,
      stays: [],
    },
    {
      name: "the last segment was cut below what the manifest counts",
      files: edited(files, [segment(2), cutTo(65)]),
      lost: [7],
      cut: { file: "segment_000002.log", position: 65 },
      nextOffset: 7,
      stays: [],
    },
    {
      name: "the last segment is missing",
      files: edited(files, [segment(2)]),
      lost: [6, 7],
      cut: { file: "segment_000001.log", position: 195 },
      nextOffset: 6,
      stays: [],
    },
    {
      name: "nothing of the last segment can be read",
      files: edited(files, [segment(2), garbage]),
      lost: [6, 7],
      cut: { file: "segment_000001.log", position: 195 },
      nextOffset: 6,
      stays: [],
    },
    {
      name: "the end of the segment before one that is only named is damaged",
      files: edited(full, [segment(1), flip(190)]),
      lost: [5],
      cut: { file: "segment_000001.log", position: 130 },
      nextOffset: 5,
      stays: [],
    },
    {
      name: "a record in the middle is damaged: nothing brings it back",
      files: edited(files, [segment(1), flip(115)]),
      lost: [4],
      cut: undefined,
      nextOffset: 8,
      stays: ["damage checksum-mismatch segment_000001.log at 65 to 130, due 4"],
    },
  ];
}

/** Repairs stream 1, after an audit. */
async function repaired(disk: Disk): Promise<Repair> {
  const report = await audited(disk);
  return repairStream(disk, "/data", report);
}

/** What is different between two states of a directory, as a plan lists it. */
function differences(before: Files, after: Files): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .flatMap((name) => {
      const [old, now] = [before.get(name), after.get(name)];
      if (old === undefined) return [`create ${name}`];
      if (now === undefined) return [`remove ${name}`];
      if (old.equals(now)) return [];
      return [`${now.length < old.length ? "cut" : now.length > old.length ? "extend" : "rewrite"} ${name}`];
    })
    .sort();
}

const inQuarantine = (name: string): boolean => name.startsWith("1/quarantine/");

const GROUPS: readonly (readonly [string, readonly Case[]])[] = [
  ["plain", ownCases("plain", await written("plain"))],
  ["sentinel", ownCases("sentinel", await written("sentinel"))],
  ["Kimberlite's", kimberliteCases()],
];

describe.each(GROUPS)("%s", (_, cases) => {
  describe.each(cases)("$name", ({ files, lost, cut, nextOffset, stays }) => {
    test("is repaired as planned, and the plan changes nothing", async () => {
      const disk = new MemoryDisk("/data", files);
      const overlay = new OverlayDisk(disk);
      const planned = await repaired(overlay);
      expect(differences(files, filesOn(disk))).toStrictEqual([]);
      expect(planned).toMatchObject({ stream: "1", cut, nextOffset: BigInt(nextOffset) });

      const changes = (await overlay.changes()).map(
        ({ path, does }) => `${does} ${path.slice("/data/".length)}`,
      );
      const findings = linesOf(await audited(overlay));

      const done = await repaired(disk);
      expect(done).toStrictEqual(planned);
      expect(changes.sort()).toStrictEqual(differences(files, filesOn(disk)));
      expect(findings).toStrictEqual(linesOf(await audited(disk)));
    });

    test("every byte that is gone from its place is in quarantine", async () => {
      const disk = new MemoryDisk("/data", files);
      await repaired(disk);
      const after = filesOn(disk);
      const kept = new Map([...after].filter(([name]) => inQuarantine(name)));
      for (const [name, old] of files) {
        const now = after.get(name) ?? Buffer.alloc(0);
        if (now.subarray(0, old.length).equals(old)) continue;
        // Of what is replaced as a whole, all is kept; of a log, what was cut off.
        const start = name.endsWith(".log") && after.has(name) ? now.length : 0;
        const copies = [...kept].filter(([copy]) =>
          copy.startsWith(`1/quarantine/${name.slice(2)}.${start}.`),
        );
        const isHint = !name.endsWith(".log");
        if (isHint && copies.length === 0) {
          // Hints that recovery rewrites are rebuilt from the log, and nothing of that is lost.
          expect(cut, `${name} is not kept`).toBe(undefined);
          continue;
        }
        expect(copies.map(([, bytes]) => bytes.toString("hex"))).toStrictEqual([
          old.subarray(start).toString("hex"),
        ]);
      }
    });

    test("what could be read still can, and the stream goes on", async () => {
      const disk = new MemoryDisk("/data", files);
      await repaired(disk);
      expect(linesOf(await audited(disk)).filter((line) => line.startsWith("damage"))).toStrictEqual(stays);
      const storage = await Storage.open("/data", { disk });
      for (const [offset, event] of EVENTS.entries()) {
        if (lost.includes(offset) || offset >= nextOffset) continue;
        const [record] = await storage.readRecords(1n, BigInt(offset), 1, { verify: "record" });
        expect([record?.offset, Buffer.from(record?.payload ?? []).toString()]).toStrictEqual([
          BigInt(offset),
          Buffer.from(event).toString(),
        ]);
      }
      const { firstOffset } = await storage.appendBatch(1n, [text("and on")]);
      expect(firstOffset).toBe(BigInt(nextOffset));
      await storage.close();
      const again = await Storage.open("/data", { disk });
      const [last] = await again.readRecords(1n, BigInt(nextOffset), ALL, { verify: "record" });
      expect(Buffer.from(last?.payload ?? []).toString()).toBe("and on");
      await again.close();
    });

    test("done again it does nothing", async () => {
      const disk = new MemoryDisk("/data", files);
      await repaired(disk);
      const once = filesOn(disk);
      expect((await repaired(disk)).cut).toBe(undefined);
      expect(differences(once, filesOn(disk))).toStrictEqual([]);
    });

    test("crashed after any change and done again it comes to the same", async () => {
      const whole = new MemoryDisk("/data", files);
      await repaired(whole);
      const expected = filesOn(whole);
      let crashes = 0;
      for (let changes = 0; ; changes += 1) {
        const disk = new MemoryDisk("/data", files);
        if (!(await crashesAfter(disk, changes))) break;
        crashes += 1;
        await repaired(disk);
        const after = filesOn(disk);
        const outside = (all: Files): Files => new Map([...all].filter(([name]) => !inQuarantine(name)));
        expect(differences(outside(expected), outside(after)), `after ${changes} changes`).toStrictEqual([]);
        for (const [name, bytes] of expected) expect(after.get(name)?.equals(bytes), name).toBe(true);
      }
      // Every repair changes something, if only the lock.
      expect(crashes).toBeGreaterThan(0);
    });
  });
});

/** Repairs on a disk that fails for good after so many changes. Whether it did. */
async function crashesAfter(disk: MemoryDisk, changes: number): Promise<boolean> {
  const report = await audited(disk);
  try {
    await repairStream(new DyingDisk(disk, changes), "/data", report);
    return false;
  } catch (error) {
    if (isDeath(error)) return true;
    throw error;
  }
}

test("damage before the end that is cut stays, with the records after it, and is said once", async () => {
  const disk = new MemoryDisk("/data", new Map());
  const storage = await Storage.open("/data", { disk });
  for (const event of EVENTS) await storage.appendBatch(1n, [event]);
  await storage.close();
  const damaged = edited(
    filesOn(disk),
    [segment(0), (bytes) => flip(2 * 55 + 50)(Buffer.from(flip(7 * 55 + 50)(bytes)))],
    // Without the first frame of 56 bytes the others prove how far records were durable, and not where they
    // are.
    [`${segment(0)}.idx.wal`, (bytes) => bytes.subarray(56)],
  );
  const repairedDisk = new MemoryDisk("/data", damaged);
  const { cut, recovered, nextOffset } = await repaired(repairedDisk);
  expect(nextOffset).toBe(7n);
  expect(linesOf(await audited(repairedDisk)).filter((line) => line.startsWith("damage"))).toStrictEqual([
    "damage checksum-mismatch segment_000000.log at 110 to 165, due 2",
    "damage missing-index segment_000000.log.idx.wal",
  ]);
  const writer = await Storage.open("/data", { disk: repairedDisk });
  await writer.appendBatch(1n, [text("and on")], { expectedOffset: 7n });
  await writer.close();
  const reader = await Storage.open("/data", { disk: repairedDisk });
  expect((await reader.readFrom(1n, 3n, ALL, { verify: "record" })).map(String)).toStrictEqual([
    ...[3, 4, 5, 6].map((i) => `event-${i}`),
    "and on",
  ]);
  await reader.close();
  expect(cut).toStrictEqual({ file: "segment_000000.log", position: 7 * 55 });

  expect(recovered.filter((line) => line.includes("offset 2,")).length).toBe(1);
  expect(new Set(recovered).size).toBe(recovered.length);
});

test("how many records there had been is said where it is known that there were more", async () => {
  const plain = await written("plain");
  const counted = async (files: Files): Promise<number | undefined> =>
    (await repaired(new MemoryDisk("/data", files))).counted;
  expect(await counted(plain)).toBe(undefined);
  expect(await counted(edited(plain, [segment(2)]))).toBe(8);
  expect(await counted(edited(kimberlites(8), [segment(2), cutTo(65)]))).toBe(8);
  expect(await counted(edited(kimberlites(8), [segment(1), flip(115)]))).toBe(undefined);
});

describe("what is refused", () => {
  test("to cut off an intact record that this version cannot read", async () => {
    const log = new HandLog().append(text("a"));
    const payload = text("no lz4 block");
    const unreadable = encoded({ offset: 1n, prevHash: log.head, kind: "data", compression: 1, payload });
    const manifest =
      '{"segments":[{"segment_num":0,"first_offset":0,"next_offset":0,"size_bytes":0}],"active_segment":0,"format":"plain"}';
    const files: Files = new Map([
      ["1/manifest.json", Buffer.from(manifest)],
      [segment(0), Buffer.concat([log.bytes(), unreadable])],
      [`${segment(0)}.idx.wal`, frameBytes([[0]], 49, log.head)],
    ]);
    const disk = new MemoryDisk("/data", files);
    await expect(repaired(disk)).rejects.toMatchObject({ offset: 1n });
    expect(filesOn(disk).get(segment(0))).toStrictEqual(files.get(segment(0)));
  });

  test("a directory that somebody has open", async () => {
    const files = kimberliteCases()[0]?.files ?? new Map<string, Buffer>();
    const disk = new MemoryDisk("/data", files);
    const report = await audited(disk);
    const locked: Disk = Object.assign(Object.create(disk) as MemoryDisk, { lock: () => undefined });
    await expect(repairStream(locked, "/data", report)).rejects.toMatchObject({ code: "locked" });
    expect(differences(files, filesOn(disk))).toStrictEqual([]);
  });

  test("a stream between others that are not touched", async () => {
    const [damagedFiles, others] = [kimberliteCases()[0]?.files ?? [], kimberlites(8)];
    const two = new Map([
      ...damagedFiles,
      ...[...others].map(([name, bytes]) => [`2${name.slice(1)}`, bytes] as const),
    ]);
    const disk = new MemoryDisk("/data", two);
    await repaired(disk);
    for (const [name, bytes] of others) {
      const file = disk.open(`/data/2${name.slice(1)}`, "read");
      const now = Buffer.alloc(Number(file.size()));
      void file.read(now, 0);
      expect(now.equals(bytes), name).toBe(true);
    }
    const { streams } = await audit("/data", { disk });
    expect(streams.map(({ records }) => records)).toStrictEqual([7, 8]);
  });
});
