/**
 * A data directory in which any name may belong to anything: every kind of thing in every role, and what
 * becomes of the stream.
 *
 * Always: an answer without waiting, a `StorageError` where something is refused, no memory beyond what the
 * log is worth, and nothing that stood in the way thrown away or written through.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { failureOf, temporaryDirectories } from "../e2e/testing.ts";
import { systemError, WatchedDisk } from "../e2e/watched-disk.ts";
import type { Format } from "./types.ts";
import { StorageError } from "./error.ts";
import { Storage, type StorageOptions } from "./storage.ts";

const newDirectory = temporaryDirectories();
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Two records to a segment: a `plain` one ends before the limit, a `sentinel` one beyond. */
const optionsFor = (format: Format): StorageOptions => ({
  format,
  maxSegmentBytes: format === "plain" ? 300 : 250,
  checkpoints: { everyNRecords: 0 },
});
/** Two to a segment, so five segments, of which the last has one. */
const RECORDS = 9;
const SEALED = 2;
const ACTIVE = 4;
const ALL = Number.POSITIVE_INFINITY;
const payload = (i: number): Buffer => Buffer.alloc(90, i);

/**
 * What a name is made to belong to. `unreadable` is what a file without permission is to anybody but root.
 */
type Kind = (typeof KINDS)[number];
const KINDS = [
  "missing",
  "empty",
  "directory",
  "directory with a file",
  "FIFO",
  "socket",
  "link to a file",
  "link to a directory",
  "link to nowhere",
  "link to itself",
  "a terabyte of nothing",
  "600 MB of nothing",
  "unreadable",
] as const;

/** Makes a name belong to such a thing. What was there goes to `elsewhere`. */
async function become(file: string, kind: Kind, elsewhere: string): Promise<void> {
  const wasThere = fs.existsSync(file);
  if (wasThere) fs.renameSync(file, `${elsewhere}/target`);
  else fs.writeFileSync(`${elsewhere}/target`, "");
  switch (kind) {
    case "missing":
      return;
    case "empty":
      fs.writeFileSync(file, "");
      return;
    case "directory":
      fs.mkdirSync(file);
      return;
    case "directory with a file":
      fs.mkdirSync(file);
      fs.writeFileSync(`${file}/inside`, "kept");
      return;
    case "FIFO":
      execFileSync("mkfifo", [file]);
      return;
    case "socket": {
      // Its path would be too long for a socket's name; a link to the directory is not.
      const short = `${elsewhere}/s`;
      fs.symlinkSync(path.dirname(file), short);
      const server = createServer().listen(`${short}/${path.basename(file)}`);
      servers.push(server);
      await once(server, "listening");
      return;
    }
    case "link to a file":
      fs.symlinkSync(`${elsewhere}/target`, file);
      return;
    case "link to a directory":
      fs.mkdirSync(`${elsewhere}/directory`);
      fs.symlinkSync(`${elsewhere}/directory`, file);
      return;
    case "link to nowhere":
      fs.symlinkSync(`${elsewhere}/nowhere`, file);
      return;
    case "link to itself":
      fs.symlinkSync(file, file);
      return;
    case "a terabyte of nothing":
      fs.writeFileSync(file, "");
      fs.truncateSync(file, 2 ** 40);
      return;
    case "600 MB of nothing":
      fs.writeFileSync(file, "");
      fs.truncateSync(file, 600 * 2 ** 20);
      return;
    case "unreadable":
      // Root may read everything, so the disk is made to refuse it.
      if (wasThere) fs.renameSync(`${elsewhere}/target`, file);
      else fs.writeFileSync(file, "");
  }
}

/** What becomes of the stream. */
type Outcome =
  /** All records are read, and it takes appends. */
  | "whole"
  /** The same, and `status` tells of a damaged hint. */
  | "rebuilt"
  /** All records are read, and what stood behind them was set aside as a torn tail. */
  | "tail cut"
  /** Of a segment in the middle the records are lost; the others are read, and it takes appends. */
  | "segment lost"
  /** The last segment's records are lost, which is told; the others are read. */
  | "end lost"
  /** The stream is refused with `io`. */
  | "refused"
  /** `Storage.open` is refused with `io`. */
  | "not opened"
  /** There is no such stream. */
  | "no stream";

interface Role {
  readonly name: string;
  /** The path of what is exchanged, from the data directory on. */
  readonly file: (format: Format) => string;
  readonly outcomes: Readonly<Record<Kind, Outcome>>;
  /** What is different in a stream of the format `sentinel`. */
  readonly ofSentinel?: Readonly<Partial<Record<Kind, Outcome>>>;
  /** What is different for one who only reads. */
  readonly readOnlyOutcomes?: Readonly<Partial<Record<Kind, Outcome>>>;
}

/** The same for every kind but these. */
function all(outcome: Outcome, but: Partial<Record<Kind, Outcome>> = {}): Record<Kind, Outcome> {
  return { ...(Object.fromEntries(KINDS.map((kind) => [kind, outcome])) as Record<Kind, Outcome>), ...but };
}

const segment = (number: number): string => `1/segment_00000${number}.log`;
const suffix = (format: Format): string => (format === "plain" ? ".idx" : ".idx2");

const ROLES: readonly Role[] = [
  {
    name: "LOCK",
    file: () => "LOCK",
    outcomes: all("not opened", {
      missing: "whole",
      empty: "whole",
      "a terabyte of nothing": "whole",
      "600 MB of nothing": "whole",
    }),
    // Whoever only reads takes no lock.
    readOnlyOutcomes: all("whole"),
  },
  {
    name: "the stream's directory",
    file: () => "1",
    outcomes: all("refused", {
      missing: "no stream",
      directory: "no stream",
      "directory with a file": "no stream",
    }),
  },
  {
    name: "a sealed segment",
    file: () => segment(SEALED),
    outcomes: all("segment lost", { "link to a file": "whole", unreadable: "refused" }),
  },
  {
    name: "the active segment",
    file: () => segment(ACTIVE),
    outcomes: all("end lost", { unreadable: "refused" }),
    // A link is followed to read.
    readOnlyOutcomes: { "link to a file": "whole" },
  },
  {
    name: "the segment that would be next",
    file: () => segment(ACTIVE + 1),
    outcomes: all("whole", { unreadable: "refused", "600 MB of nothing": "tail cut" }),
  },
  {
    name: "the saved index of a sealed segment",
    file: (format) => segment(SEALED) + suffix(format),
    outcomes: all("rebuilt", { "link to a file": "whole" }),
    // Reading alone does not move it out of the way: the error says which right is missing.
    readOnlyOutcomes: { unreadable: "refused" },
    // Kimberlite's index says as much.
    ofSentinel: { missing: "whole" },
  },
  {
    name: "the saved index of the active segment",
    file: (format) => segment(ACTIVE) + suffix(format),
    outcomes: all("rebuilt", { missing: "whole" }),
    // Reading alone does not move it out of the way: the error says which right is missing.
    readOnlyOutcomes: { unreadable: "refused" },
  },
  {
    name: "the write-ahead file of the active segment",
    file: (format) => `${segment(ACTIVE)}${suffix(format)}.wal`,
    outcomes: all("rebuilt", {
      empty: "whole",
      "link to a file": "whole",
      "a terabyte of nothing": "whole",
      "600 MB of nothing": "whole",
    }),
  },
  {
    name: "the write-ahead file of a sealed segment",
    file: (format) => `${segment(SEALED)}${suffix(format)}.wal`,
    outcomes: all("whole"),
  },
  {
    name: "the manifest",
    file: () => "1/manifest.json",
    outcomes: all("rebuilt", { "link to a file": "whole" }),
    // Reading alone does not move it out of the way: the error says which right is missing.
    readOnlyOutcomes: { unreadable: "refused" },
  },
  { name: "quarantine", file: () => "1/quarantine", outcomes: all("whole") },
  { name: "what is to become the manifest", file: () => "1/manifest.json.tmp", outcomes: all("whole") },
  {
    name: "what is to become an index",
    file: (format) => `${segment(ACTIVE)}${suffix(format)}.tmp`,
    outcomes: all("whole"),
  },
  { name: "a name that means nothing", file: () => "1/notes.txt", outcomes: all("whole") },
];

/** Too large to be looked through in a test: a terabyte at the speed of memory takes minutes. */
const isLooked = (role: string, kind: Kind): boolean =>
  kind === "a terabyte of nothing" && /segment$|be next$/.test(role);

interface Fixture {
  readonly data: string;
  readonly elsewhere: string;
}

async function fixture(format: Format): Promise<Fixture> {
  const root = newDirectory();
  const [data, elsewhere] = [`${root}/data`, `${root}/elsewhere`];
  fs.mkdirSync(elsewhere);
  const storage = await Storage.open(data, { ...optionsFor(format), disk: new WatchedDisk() });
  for (let i = 0; i < RECORDS; i += 1) await storage.appendBatch(1n, [payload(i)]);
  await storage.close();
  return { data, elsewhere };
}

/** A disk on which a file may not be read or written. */
function diskFor(kind: Kind, file: string): WatchedDisk {
  let isThere = true;
  return new WatchedDisk((call) => {
    if (call.path.startsWith(`${file}.aside`)) isThere = false;
    const isIt = isThere && call.path === file;
    if (kind === "unreadable" && isIt && ["open", "list", "lock"].includes(call.name))
      throw systemError("EACCES");
    return undefined;
  });
}

/** Which of the records can be read by themselves. */
async function readable(storage: Storage): Promise<number[]> {
  const read: number[] = [];
  for (let i = 0; i < RECORDS; i += 1) {
    const records = storage.iterate(1n, { from: BigInt(i), verify: "record" });
    try {
      const next = await records.next();
      if (next.done !== true && payload(i).equals(next.value.payload)) read.push(i);
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
    }
  }
  return read;
}

const EVERY = Array.from({ length: RECORDS }, (_, i) => i);
const without = (number: number): number[] => EVERY.filter((i) => Math.floor(i / 2) !== number);

/**
 * What becomes of the stream when it is opened, read and, unless `readOnly`, appended to, more than a
 * segment.
 */
async function outcomeOf(
  data: string,
  disk: WatchedDisk,
  format: Format,
  readOnly: boolean,
): Promise<Outcome> {
  let storage: Storage;
  try {
    storage = await Storage.open(data, { ...optionsFor(format), disk, readOnly });
  } catch (error) {
    expect(error).toMatchObject({ name: "StorageError", code: "io" });
    return "not opened";
  }
  try {
    let status: Awaited<ReturnType<Storage["status"]>>;
    try {
      status = await storage.status(1n);
    } catch (error) {
      expect(error).toMatchObject({ name: "StorageError", code: "io" });
      return "refused";
    }
    const read = await readable(storage);
    if (read.length === 0 && status.nextOffset === 0n) return "no stream";
    if (!read.includes(RECORDS - 1)) {
      expect(read).toStrictEqual(without(ACTIVE));
      expect(status.findings.map(({ action }) => action)).toContain("keep");
      if (status.lostEnd === undefined) return "end lost";
      const error = await failureOf(() => storage.appendBatch(1n, [payload(0)]));
      expect(error).toBeInstanceOf(StorageError);
      return "end lost";
    }
    const appended = readOnly ? 0 : 5;
    for (let i = 0; i < appended; i += 1) {
      await storage.appendBatch(1n, [payload(100 + i)], { expectedOffset: BigInt(RECORDS + i) });
    }
    expect(await storage.readFrom(1n, BigInt(RECORDS), ALL, { verify: "record" })).toHaveLength(appended);
    if (read.length < RECORDS) {
      expect(read).toStrictEqual(without(SEALED));
      expect(status.findings.map(({ action }) => action)).toContain("keep");
      return "segment lost";
    }
    const whats = status.findings.map(({ what }) => what);
    if (whats.includes("torn tail, watermark unknown")) return "tail cut";
    expect(whats.filter((what) => what !== "damaged hint")).toStrictEqual([]);
    return whats.length > 0 ? "rebuilt" : "whole";
  } finally {
    await storage.close();
  }
}

/** What must outlive whatever the engine does. */
function kept({ elsewhere, data }: Fixture): string[] {
  const target = `${elsewhere}/target`;
  const inside = fs
    .readdirSync(data, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("/inside"));
  return [
    fs.statSync(target, { throwIfNoEntry: false })?.isFile() === true ? fs.readFileSync(target, "hex") : "",
    ...inside.map((name) => fs.readFileSync(path.join(data, name), "utf8")),
    String(fs.existsSync(`${elsewhere}/nowhere`)),
  ];
}

describe.each<Format>(["plain", "sentinel"])("A stream of format %s, where", (format) => {
  describe.each(ROLES)("$name is", ({ name, file, outcomes, ofSentinel, readOnlyOutcomes }) => {
    const expectedOf = (kind: Kind): Outcome =>
      (format === "sentinel" ? ofSentinel?.[kind] : undefined) ?? outcomes[kind];
    test.each(KINDS.filter((kind) => !isLooked(name, kind)).map((kind) => [kind, expectedOf(kind)] as const))(
      "%s: %s",
      async (kind, expected) => {
        const made = await fixture(format);
        const place = `${made.data}/${file(format)}`;
        await become(place, kind, made.elsewhere);
        const before = kept(made);
        const disk = diskFor(kind, place);
        const seen = await outcomeOf(made.data, diskFor(kind, place), format, true);
        expect(seen).toBe(readOnlyOutcomes?.[kind] ?? expected);
        expect(await outcomeOf(made.data, disk, format, false)).toBe(expected);
        expect(kept(made)).toStrictEqual(before);
        expect(disk.openFiles).toBe(0);
        if (expected === "rebuilt") expect(await shownAgain(made.data)).toBe("whole");
      },
    );
  });
});

/** After a rebuilding, everything is as it should be. */
async function shownAgain(data: string): Promise<string> {
  const storage = await Storage.open(data, { disk: new WatchedDisk() });
  try {
    const { findings, nextOffset } = await storage.status(1n);
    expect(await storage.readFrom(1n, 0n, ALL, { verify: "genesis" })).toHaveLength(Number(nextOffset));
    return findings.length === 0 ? "whole" : findings.map(({ error }) => error.message).join();
  } finally {
    await storage.close();
  }
}
