/**
 * Pages of the manifest: when they are written, what they are worth, and what becomes of a stream whose pages
 * are not what they were.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";

import { HandLog, text } from "../../e2e/by-hand.ts";
import { contentOf, MemoryDisk } from "../../e2e/memory-disk.ts";
import { manifestFiles, pagedStream, pageFile, type Paging, segmentFile } from "../../e2e/paged-stream.ts";
import { failureOf, filesIn, flipped, restore, shown, temporaryDirectories } from "../../e2e/testing.ts";
import { type DiskCall, WatchedDisk } from "../../e2e/watched-disk.ts";
import { parsePage } from "../format/manifest.ts";
import { Storage } from "../storage.ts";

/** Thousands of openings: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

type Files = ReadonlyMap<string, Uint8Array>;

/** Each append begins a segment. */
const SETTINGS = { maxSegmentBytes: 1, checkpoints: { everyNRecords: 0 } };

const directory = temporaryDirectories();

const inStream = (files: Files): Map<string, Uint8Array> =>
  new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes]));

const diskWith = (files: Files): MemoryDisk => new MemoryDisk("/data", inStream(files));

/** What the stream's directory holds of the manifest. */
const manifestOn = (disk: MemoryDisk): Map<string, string> =>
  new Map(
    disk
      .list("/data/1")
      .filter((name) => name.startsWith("manifest"))
      .sort()
      .map((name) => [name, String(contentOf(disk, `1/${name}`))]),
  );

const texts = (files: Files): Map<string, string> =>
  new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, bytes]) => [name, String(bytes)]));

/**
 * Opens the stream and closes it again: what is found, as code and file; all its records, or what reading
 * ends with.
 */
async function opened(
  disk: MemoryDisk | WatchedDisk,
  root = "/data",
  readOnly = false,
): Promise<{ found: string[]; records: string[] | string }> {
  const storage = await Storage.open(root, { disk, ...SETTINGS, readOnly });
  try {
    const { findings } = await storage.status(1n);
    const found = findings.map(({ error }) => `${error.code} ${path.basename(String(error.file))}`);
    const read = storage.readRecords(1n, 0n, Infinity);
    const records = await read.then((all) => all.map(shown)).catch((error: unknown) => codeIn(error));
    return { found, records };
  } finally {
    await storage.close();
  }
}

const codeIn = (error: unknown): string => (error as { code: string }).code;

const SMALL: Paging = { segments: 8, pageSegments: 2 };
const { log: LOG, files: FILES } = pagedStream(SMALL);
const WHOLE = LOG.records.map(shown);
const PAGES = [0, 1, 2];

type Edit = readonly [name: string, edit?: ((bytes: Buffer) => Uint8Array) | undefined];

const changed = (...edits: readonly Edit[]): Map<string, Uint8Array> => {
  const files = new Map<string, Uint8Array>(FILES);
  for (const [name, edit] of edits) {
    const bytes = edit?.(FILES.get(name) ?? Buffer.alloc(0));
    if (bytes === undefined) files.delete(name);
    else files.set(name, bytes);
  }
  return files;
};

/** A page in which something else stands. */
const edited = (bytes: Buffer, edit: (segments: Record<string, number>[]) => void): Buffer => {
  const json = JSON.parse(String(bytes)) as { segments: Record<string, number>[] };
  edit(json.segments);
  return Buffer.from(JSON.stringify(json));
};

describe("a stream with pages", () => {
  test("is opened without a word, and nothing is changed", async () => {
    const disk = diskWith(FILES);
    expect(await opened(disk)).toStrictEqual({ found: [], records: WHOLE });
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles(SMALL)));
  });

  test("a sealed segment that a page names is not scanned", async () => {
    const root = directory();
    restore(root, inStream(FILES));
    const read: string[] = [];
    const disk = new WatchedDisk(({ name, path: file }: DiskCall) => {
      if (name === "read" && file.endsWith(".log")) read.push(path.basename(file));
      return undefined;
    });
    const storage = await Storage.open(root, { disk });
    await storage.status(1n);
    expect(new Set(read)).toStrictEqual(new Set([segmentFile(6), segmentFile(7)]));
    await storage.close();
  });

  test("goes on with pages of its size: each rotation leaves what it must", async () => {
    const disk = diskWith(pagedStream({ segments: 1, pageSegments: 2 }).files);
    const storage = await Storage.open("/data", { disk, ...SETTINGS });
    for (let segments = 2; segments <= 9; segments += 1) {
      await storage.appendBatch(1n, [text("e")]);
      expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles({ segments, pageSegments: 2 })));
    }
    await storage.close();
    const log = new HandLog();
    for (let i = 0; i < 9; i += 1) log.append(text("e"));
    expect(await opened(disk)).toStrictEqual({ found: [], records: log.records.map(shown) });
  });

  test("that has one large manifest gets all its pages with the next rotation", async () => {
    const disk = diskWith(pagedStream({ ...SMALL, pages: 0 }).files);
    expect(await opened(disk)).toStrictEqual({ found: [], records: WHOLE });
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles({ ...SMALL, pages: 0 })));
    const storage = await Storage.open("/data", { disk, ...SETTINGS });
    await storage.appendBatch(1n, [text("e")]);
    await storage.close();
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles({ ...SMALL, segments: 9 })));
  });

  test("a page is durable under its name before the manifest that needs it gets its own", async () => {
    const root = directory();
    restore(root, inStream(pagedStream({ segments: 2, pageSegments: 2 }).files));
    const calls: string[] = [];
    const disk = new WatchedDisk(({ name, path: file }: DiskCall) => {
      const base = path.basename(file);
      if (["rename", "sync"].includes(name) && base.startsWith("manifest")) calls.push(`${name} ${base}`);
      if (name === "syncDirectory") calls.push(name);
      return undefined;
    });
    const storage = await Storage.open(root, { disk, ...SETTINGS });
    await storage.head(1n);
    calls.length = 0;
    await storage.appendBatch(1n, [text("e")]);
    await storage.close();
    expect(calls.slice(calls.indexOf("sync manifest-000000.json.tmp"))).toStrictEqual([
      "sync manifest-000000.json.tmp",
      "rename manifest-000000.json",
      "syncDirectory",
      "sync manifest.json.tmp",
      "rename manifest.json",
      "syncDirectory",
    ]);
  });

  test("a page is written once: neither the next rotation nor the next start does it again", async () => {
    const root = directory();
    restore(root, inStream(pagedStream({ segments: 2, pageSegments: 2 }).files));
    const created: string[] = [];
    const disk = new WatchedDisk(({ name, path: file }: DiskCall) => {
      if (name === "rename" && path.basename(file).startsWith("manifest")) created.push(path.basename(file));
      return undefined;
    });
    for (let start = 0; start < 2; start += 1) {
      const storage = await Storage.open(root, { disk, ...SETTINGS });
      await storage.appendBatch(1n, [text("e")]);
      if (start === 0) await storage.appendBatch(1n, [text("e")]);
      await storage.close();
    }
    const whole = "manifest.json";
    expect(created).toStrictEqual([pageFile(0), whole, whole, pageFile(1), whole]);
  });

  test("of the format sentinel has none, for Kimberlite reads one file", async () => {
    const disk = diskWith(new Map());
    const storage = await Storage.open("/data", { disk, ...SETTINGS, format: "sentinel" });
    for (let i = 0; i < 1002; i += 1) await storage.appendBatch(1n, [text("e")]);
    await storage.close();
    expect([...manifestOn(disk).keys()]).toStrictEqual(["manifest.json"]);
    const { segments } = JSON.parse(String(manifestOn(disk).get("manifest.json"))) as { segments: object[] };
    expect(segments).toHaveLength(1002);
  });

  test("has a page for each thousand", async () => {
    const disk = diskWith(new Map());
    const storage = await Storage.open("/data", { disk, ...SETTINGS });
    for (let segments = 1; segments <= 2003; segments += 1) {
      await storage.appendBatch(1n, [text("e")]);
      if (![1, 999, 1000, 1001, 1002, 2000, 2001, 2003].includes(segments)) continue;
      expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles({ segments, pageSegments: 1000 })));
    }
    await storage.close();
    expect((await opened(disk)).found).toStrictEqual([]);
  });
});

/** Ways in which a page is not what it was. */
const DAMAGES: readonly [string, (page: number) => Edit[1]][] = [
  ["that is missing", () => undefined],
  ["that is empty", () => () => Buffer.alloc(0)],
  ["of zeros", () => (bytes) => Buffer.alloc(bytes.length)],
  ["that is truncated", () => (bytes) => bytes.subarray(0, bytes.length / 2)],
  ["that holds another one", (page) => () => FILES.get(pageFile((page + 1) % 3)) ?? Buffer.alloc(0)],
  ["that holds the manifest", () => () => FILES.get("manifest.json") ?? Buffer.alloc(0)],
  [
    "of another stream, with more records",
    () => (bytes) =>
      edited(bytes, (segments) => {
        for (const segment of segments) {
          segment["first_offset"] = (segment["first_offset"] ?? 0) * 3;
          segment["next_offset"] = (segment["next_offset"] ?? 0) * 3;
        }
      }),
  ],
  [
    "of another stream, with larger records",
    () => (bytes) =>
      edited(bytes, (segments) => {
        segments.forEach((segment) => (segment["size_bytes"] = 60));
      }),
  ],
  ["with an entry less", () => (bytes) => edited(bytes, (segments) => segments.pop())],
  [
    "that contradicts itself",
    () => (bytes) => edited(bytes, ([first]) => Object.assign(first ?? {}, { next_offset: 0 })),
  ],
  [
    "with another border",
    () => (bytes) =>
      edited(bytes, ([first, second]) => {
        const next_offset = (first?.["next_offset"] ?? 0) + 1;
        Object.assign(first ?? {}, { next_offset });
        Object.assign(second ?? {}, { first_offset: next_offset });
      }),
  ],
  ["of 17 MiB", () => (bytes) => Buffer.concat([bytes, Buffer.alloc(17 * 2 ** 20, " ")])],
];

describe.each(DAMAGES)("a page %s", (_, damage) => {
  test.each(PAGES)(
    "page %i: every record is read, the page is rebuilt, and that is said once",
    async (page) => {
      const disk = diskWith(changed([pageFile(page), damage(page)]));
      const { found, records } = await opened(disk);
      expect(records).toStrictEqual(WHOLE);
      expect(found).toContain(`damaged-hint ${pageFile(page)}`);
      expect(found.every((each) => each.startsWith("damaged-hint manifest-"))).toBe(true);
      expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles(SMALL)));
      expect(await opened(disk)).toStrictEqual({ found: [], records: WHOLE });
    },
  );

  test.each(PAGES)("page %i: a reader sees the same and changes nothing", async (page) => {
    const files = changed([pageFile(page), damage(page)]);
    const disk = diskWith(files);
    const { found, records } = await opened(disk, "/data", true);
    expect(records).toStrictEqual(WHOLE);
    expect(found).toContain(`damaged-hint ${pageFile(page)}`);
    expect(manifestOn(disk)).toStrictEqual(
      texts(new Map([...files].filter(([name]) => name.startsWith("manifest")))),
    );
  });
});

describe("no file in a page's place", () => {
  test.each<[string, (file: string) => void]>([
    ["a FIFO", (file) => execFileSync("mkfifo", [file])],
    [
      "a directory",
      (file) => {
        fs.mkdirSync(file);
      },
    ],
    [
      "a link to nowhere",
      (file) => {
        fs.symlinkSync(`${file}.none`, file);
      },
    ],
  ])("%s keeps its content aside, and the page is rebuilt", async (_, put) => {
    const root = directory();
    restore(root, inStream(FILES));
    fs.rmSync(path.join(root, "1", pageFile(1)));
    put(path.join(root, "1", pageFile(1)));
    const { found, records } = await opened(new WatchedDisk(), root);
    expect(records).toStrictEqual(WHOLE);
    expect(found).toStrictEqual([`damaged-hint ${pageFile(1)}`]);
    expect(
      filesIn(root)
        .get(`1/${pageFile(1)}`)
        ?.equals(FILES.get(pageFile(1)) ?? Buffer.alloc(0)),
    ).toBe(true);
    expect((await opened(new WatchedDisk(), root)).found).toStrictEqual([]);
  });
});

describe("what pages prove", () => {
  const gone = (number: number): [string][] => [[segmentFile(number)], [`${segmentFile(number)}.idx`]];

  test.each([0, 3, 5])("segment %i, which a page names, is missing: at each start", async (number) => {
    const disk = diskWith(changed(...gone(number)));
    for (let start = 0; start < 2; start += 1) {
      expect(await opened(disk)).toStrictEqual({
        found: [`missing-segment ${segmentFile(number)}`],
        records: "missing-segment",
      });
    }
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles(SMALL)));
  });

  test("its records are counted as the page counts them, also where whole pages of segments are missing", async () => {
    const disk = diskWith(changed(...gone(0), ...gone(1), ...gone(2), ...gone(3)));
    const storage = await Storage.open("/data", { disk, ...SETTINGS });
    const { segments } = await storage.status(1n);
    expect(segments.map(({ firstOffset }) => firstOffset)).toStrictEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n]);
    expect(await storage.readRecords(1n, 4n, Infinity, { verify: "record" })).toHaveLength(4);
    await storage.close();
  });

  test("a segment and its page are missing: that it is missing is known from the manifest and from what follows", async () => {
    const disk = diskWith(changed(...gone(2), [pageFile(1)]));
    expect(await opened(disk)).toStrictEqual({
      found: [`missing-segment ${segmentFile(2)}`, `damaged-hint ${pageFile(1)}`],
      records: "missing-segment",
    });
    expect((await opened(disk)).found).toStrictEqual([`missing-segment ${segmentFile(2)}`]);
  });

  test("nothing but the manifest and its pages is left: everything is missing, and nothing is changed", async () => {
    const disk = diskWith(manifestFiles(SMALL));
    const { found } = await opened(disk);
    expect(found).toStrictEqual(Array.from({ length: 8 }, (_, i) => `missing-segment ${segmentFile(i)}`));
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles(SMALL)));
  });

  test("a damaged record in a segment that a page names stays damage, and the page as it is", async () => {
    const disk = diskWith(changed([segmentFile(1), (bytes) => bytes.subarray(0, 20)]));
    for (let start = 0; start < 2; start += 1) {
      const { found, records } = await opened(disk);
      expect(found).toContain(`truncated-log ${segmentFile(1)}`);
      expect(records).toBe("incomplete");
    }
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles(SMALL)));
  });
});

describe("a manifest and pages that do not belong together", () => {
  test("the manifest is missing: it is rebuilt as one, and pages that it does not need stay", async () => {
    const disk = diskWith(changed(["manifest.json"]));
    expect(await opened(disk)).toStrictEqual({ found: ["damaged-hint manifest.json"], records: WHOLE });
    const manifest = manifestFiles({ segments: 8, pageSegments: 1000 }).get("manifest.json");
    expect(manifestOn(disk).get("manifest.json")).toBe(String(manifest));
    expect(manifestOn(disk).get(pageFile(0))).toBe(String(FILES.get(pageFile(0))));
    expect(await opened(disk)).toStrictEqual({ found: [], records: WHOLE });
  });

  test("a page that the manifest does not need is not read, and written over when it is due", async () => {
    const disk = diskWith(changed([pageFile(3), () => text("not even JSON")]));
    expect(await opened(disk)).toStrictEqual({ found: [], records: WHOLE });
    const storage = await Storage.open("/data", { disk, ...SETTINGS });
    await storage.appendBatch(1n, [text("e")]);
    await storage.close();
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles({ ...SMALL, segments: 9 })));
  });

  test("a page that the manifest does not need is not opened by recovery", async () => {
    const root = directory();
    restore(root, inStream(changed([pageFile(3), () => FILES.get(pageFile(0)) ?? Buffer.alloc(0)])));
    const seen = new Set<string>();
    const disk = new WatchedDisk(({ name, path: file }: DiskCall) => {
      if (name === "open") seen.add(path.basename(file));
      return undefined;
    });
    expect((await opened(disk, root)).found).toStrictEqual([]);
    expect([...seen].filter((name) => name.startsWith("manifest-")).sort()).toStrictEqual(
      PAGES.map(pageFile),
    );
  });

  test("both have another border between them: both are rebuilt", async () => {
    const page = (bytes: Buffer): Buffer =>
      edited(bytes, ([, last]) => Object.assign(last ?? {}, { next_offset: 7 }));
    const manifest = (bytes: Buffer): Buffer =>
      Buffer.from(String(bytes).replace('"first_offset": 6', '"first_offset": 7'));
    const disk = diskWith(changed([pageFile(2), page], ["manifest.json", manifest]));
    const { found, records } = await opened(disk);
    expect(records).toStrictEqual(WHOLE);
    expect(found).toContain(`damaged-hint ${pageFile(2)}`);
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles(SMALL)));
    expect(await opened(disk)).toStrictEqual({ found: [], records: WHOLE });
  });

  test("an older manifest is brought up to date, pages included", async () => {
    const older = manifestFiles({ segments: 3, pageSegments: 2 }).get("manifest.json");
    const disk = diskWith(changed(["manifest.json", () => older ?? Buffer.alloc(0)]));
    expect(await opened(disk)).toStrictEqual({ found: [], records: WHOLE });
    expect(manifestOn(disk)).toStrictEqual(texts(manifestFiles(SMALL)));
  });

  test.each([3000, 100_000])(
    "one that says that %i segments precede it, of which there is no trace, makes the end lost, and what is there is read",
    async (first) => {
      const foreign = { segment_num: first, first_offset: 9, next_offset: 9, size_bytes: 0 };
      const json = { segments: [foreign], active_segment: first, format: "plain" };
      const files = changed(["manifest.json", () => Buffer.from(JSON.stringify(json))]);
      const disk = diskWith(files);
      const storage = await Storage.open("/data", { disk, ...SETTINGS });
      expect((await storage.status(1n)).lostEnd?.code).toBe("missing-segment");
      const read = await storage.readRecords(1n, 0n, Infinity, { limit: 8 });
      expect(read.map(shown)).toStrictEqual(WHOLE);
      await storage.close();
      expect(contentOf(disk, `1/${segmentFile(7)}`).equals(LOG.bytes(7, 8))).toBe(true);
    },
  );

  test("one that says so of more than anybody could have had is refused at once", async () => {
    const first = 9_007_199_254_740_000;
    const foreign = { segment_num: first, first_offset: 9, next_offset: 9, size_bytes: 0 };
    const json = { segments: [foreign], active_segment: first, format: "plain" };
    const disk = diskWith(changed(["manifest.json", () => Buffer.from(JSON.stringify(json))]));
    const error = await failureOf(() => opened(disk));
    expect(codeIn(error)).toBe("missing-segment");
    expect(contentOf(disk, `1/${segmentFile(7)}`).equals(LOG.bytes(7, 8))).toBe(true);
  });
});

describe("any single fault in stored bytes changes speed, never an answer", () => {
  const faults = (name: string): Uint8Array[] => {
    const bytes = FILES.get(name) ?? Buffer.alloc(0);
    // Of each byte two bits, which two goes round.
    const flips = Array.from(bytes, (_, i) => [i, i + 3].map((bit) => flipped(bytes, 8 * i + (bit % 8))));
    return [...flips.flat(), ...Array.from(bytes, (_, length) => bytes.subarray(0, length))];
  };

  test.each([pageFile(1), "manifest.json"])("%s", async (name) => {
    for (const bytes of faults(name)) {
      const disk = diskWith(changed([name, () => bytes]));
      const storage = await Storage.open("/data", { disk, ...SETTINGS });
      const read = await storage.readRecords(1n, 0n, Infinity);
      expect(read.map(shown), String(bytes)).toStrictEqual(WHOLE);
      await storage.appendBatch(1n, [text("e")]);
      await storage.close();
      const { found, records } = await opened(disk);
      expect({ found, count: records.length }, String(bytes)).toStrictEqual({ found: [], count: 9 });
    }
  });
});

test("a page is one only of its number and size", () => {
  const bytes = FILES.get(pageFile(1)) ?? Buffer.alloc(0);
  expect(parsePage(bytes, 1, 2)).toStrictEqual([
    { number: 2, firstOffset: 2, nextOffset: 3, bytes: 49 },
    { number: 3, firstOffset: 3, nextOffset: 4, bytes: 49 },
  ]);
  expect(parsePage(bytes, 0, 2)).toBeUndefined();
  expect(parsePage(bytes, 2, 1)).toBeUndefined();
  expect(parsePage(bytes, 1, 3)).toBeUndefined();
});
