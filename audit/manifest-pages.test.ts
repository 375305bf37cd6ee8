/**
 * Pages of the manifest as witnesses: what an audit says of those that are not what they were, and what a
 * repair leaves of them.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { text } from "../e2e/by-hand.ts";
import { DyingDisk, isDeath } from "../e2e/dying-disk.ts";
import { contentOf, MemoryDisk } from "../e2e/memory-disk.ts";
import { manifestFiles, pagedStream, pageFile, segmentFile } from "../e2e/paged-stream.ts";
import { restore, temporaryDirectories } from "../e2e/testing.ts";
import { WatchedDisk } from "../e2e/watched-disk.ts";
import { Storage } from "../src/index.ts";
import { audit } from "./audit.ts";
import { audited, linesOf } from "./testing.ts";
import { repairStream } from "./repair.ts";

const PAGING = { segments: 8, pageSegments: 2 };
const { log: LOG, files: FILES } = pagedStream(PAGING);
const HEAD = Buffer.from(LOG.head).toString("hex");

type Edit = readonly [name: string, edit?: (text: string) => string];

/** The stream after edits: a name and its new text, or none where it is removed. */
function edited(...edits: readonly Edit[]): MemoryDisk {
  const files = new Map<string, Uint8Array>(FILES);
  for (const [name, edit] of edits) {
    if (edit === undefined) files.delete(name);
    else files.set(name, Buffer.from(edit(String(FILES.get(name) ?? ""))));
  }
  return new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
}

const directory = temporaryDirectories();

/** A stream of the format `sentinel`, which has no pages, with a file that is called as one. */
async function sentinelWithPage(): Promise<MemoryDisk> {
  const disk = new MemoryDisk("/data", new Map());
  const storage = await Storage.open("/data", { disk, format: "sentinel" });
  await storage.appendBatch(1n, [text("e")]);
  await storage.close();
  await disk.open(`/data/1/${pageFile(0)}`, "create").close();
  return disk;
}

const gone = (...numbers: readonly number[]): Edit[] =>
  numbers.flatMap((number): Edit[] => [
    [segmentFile(number)],
    [`${segmentFile(number)}.idx`],
    [`${segmentFile(number)}.idx.wal`],
  ]);

test("a stream with pages is clean", async () => {
  const report = await audited(edited());
  expect(linesOf(report)).toStrictEqual([]);
  expect(report).toMatchObject({ nextOffset: 8, head: HEAD, verifiedFromGenesis: true });
});

describe("a page that is not what it was is damage, and the records are verified all the same", () => {
  const sentences = {
    missing: "The manifest begins after this page, which is missing.",
    unreadable: "The page of the manifest cannot be read, or contradicts itself or what follows it.",
  };
  test.each<[string, keyof typeof sentences, Edit[1]]>([
    ["missing", "missing", undefined],
    ["empty", "unreadable", () => ""],
    ["truncated", "unreadable", (text) => text.slice(0, 100)],
    ["another page", "unreadable", () => String(FILES.get(pageFile(0)))],
    [
      "with another border at its end",
      "unreadable",
      (text) => text.replace('"next_offset": 4', '"next_offset": 5'),
    ],
  ])("%s", async (_, sentence, edit) => {
    const report = await audited(edited(edit === undefined ? [pageFile(1)] : [pageFile(1), edit]));
    expect(linesOf(report)).toStrictEqual([`damage damaged-manifest ${pageFile(1)}`]);
    expect(report.findings[0]?.sentence).toBe(sentences[sentence]);
    expect(report).toMatchObject({ nextOffset: 8, head: HEAD, verifiedFromGenesis: true });
  });

  test("missing, with those after it: one finding names the run", async () => {
    const report = await audited(edited([pageFile(0)], [pageFile(1)], [pageFile(2)]));
    expect(linesOf(report)).toStrictEqual([`damage damaged-manifest ${pageFile(0)}`]);
    expect(report.findings[0]?.sentence).toBe(
      `This page of the manifest and those up to ${pageFile(2)} are missing or cannot be read.`,
    );
  });

  test("missing, with one between: each is named", async () => {
    const report = await audited(edited([pageFile(0)], [pageFile(2)]));
    expect(linesOf(report)).toStrictEqual([
      `damage damaged-manifest ${pageFile(0)}`,
      `damage damaged-manifest ${pageFile(2)}`,
    ]);
  });

  test("with another size: the page is named", async () => {
    const report = await audited(edited([pageFile(1), (text) => text.replace("49", "48")]));
    expect(linesOf(report)).toStrictEqual([`damage wrong-manifest ${pageFile(1)}`]);
  });

  test("with a larger size: the page is named", async () => {
    const report = await audited(edited([pageFile(1), (text) => text.replace("49", "50")]));
    expect(linesOf(report)).toStrictEqual([`damage truncated-log ${pageFile(1)}`]);
  });
});

describe("what pages prove", () => {
  test("segments that they name and that are missing, with their records", async () => {
    const report = await audited(edited(...gone(1, 2, 3)));
    expect(linesOf(report)).toStrictEqual([`damage missing-segment ${segmentFile(1)}, due 1`]);
    expect(report.findings[0]).toMatchObject({ records: 3 });
  });

  test("a segment and its page are missing: that it was there is known from those after", async () => {
    const report = await audited(edited(...gone(2), [pageFile(1)]));
    expect(linesOf(report)).toStrictEqual([
      `damage damaged-manifest ${pageFile(1)}`,
      `damage missing-segment ${segmentFile(2)}, due 2`,
    ]);
    expect(report.nextOffset).toBe(8);
  });

  test("segments that an older manifest and a truncated log do not show any more", async () => {
    const older = String(manifestFiles({ segments: 3, pageSegments: 2 }).get("manifest.json"));
    const report = await audited(edited(["manifest.json", () => older], ...gone(3, 4, 5, 6, 7)));
    expect(linesOf(report)).toStrictEqual([
      `damage missing-index ${segmentFile(2)}.idx.wal`,
      `damage stale-manifest ${pageFile(1)}`,
      `damage stale-manifest ${pageFile(2)}`,
    ]);
    expect(report.findings[1]?.sentence).toBe(
      `The page names segments up to ${segmentFile(3)}; the manifest ends with ${segmentFile(2)}.`,
    );
  });

  test("a manifest that says that more precede it than anybody could have is held against what is there, at once", async () => {
    const first = 9_007_199_254_740_000;
    const entry = { segment_num: first, first_offset: 9, next_offset: 9, size_bytes: 0 };
    const json = JSON.stringify({ segments: [entry], active_segment: first, format: "plain" });
    const lines = linesOf(await audited(edited(["manifest.json", () => json])));
    expect(lines).toContain(`damage damaged-manifest ${pageFile(0)}`);
    expect(lines.filter((line) => line.includes("missing-segment")).length).toBeGreaterThan(0);
  });
});

test("a page that a crash left before the manifest that needs it is a notice", async () => {
  const older = manifestFiles({ segments: 4, pageSegments: 2, pages: 1 }).get("manifest.json");
  const { files } = pagedStream({ segments: 4, pageSegments: 2 });
  files
    .set("manifest.json", older ?? Buffer.alloc(0))
    .set(pageFile(1), FILES.get(pageFile(1)) ?? Buffer.alloc(0));
  const disk = new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
  expect(linesOf(await audited(disk))).toStrictEqual([`notice stale-manifest ${pageFile(1)}`]);
});

test("in the format sentinel a file that is called as a page is not part of the format", async () => {
  expect(linesOf(await audited(await sentinelWithPage()))).toStrictEqual([
    `notice unknown-file ${pageFile(0)}`,
  ]);
});

describe("a repair", () => {
  const aside = (disk: MemoryDisk): string[] =>
    disk
      .list("/data/1/quarantine")
      .map((name) => name.replace(/\.\d+\.[0-9a-f]{16}$/, ""))
      .sort();
  const pagesOn = (disk: MemoryDisk): string[] =>
    disk
      .list("/data/1")
      .filter((name) => name.startsWith("manifest"))
      .sort();

  test("of a stream whose last segments are lost keeps the pages before them and sets the others aside", async () => {
    const disk = edited(...gone(5, 6, 7));
    await repairStream(disk, "/data", await audited(disk));
    expect(pagesOn(disk)).toStrictEqual([pageFile(0), pageFile(1), "manifest.json"]);
    for (const name of [pageFile(0), pageFile(1)])
      expect(contentOf(disk, `1/${name}`).equals(FILES.get(name) ?? Buffer.alloc(0))).toBe(true);
    const { segments } = JSON.parse(String(contentOf(disk, "1/manifest.json"))) as { segments: object[] };
    expect(segments).toStrictEqual([{ segment_num: 4, first_offset: 4, next_offset: 4, size_bytes: 0 }]);
    expect(aside(disk)).toContain(pageFile(2));
    expect(aside(disk)).toContain("manifest.json");
    const after = await audited(disk);
    expect(linesOf(after)).toStrictEqual(["notice quarantine quarantine"]);
    expect(after.nextOffset).toBe(5);
  });

  test("crashed after any change and done again comes to the same", async () => {
    const edits = [...gone(5, 6, 7), [pageFile(0), () => String(FILES.get(pageFile(1)))] as const];
    const whole = edited(...edits);
    await repairStream(whole, "/data", await audited(whole));
    const contents = (disk: MemoryDisk): string[] =>
      disk
        .list("/data/1")
        .filter((name) => name !== "quarantine" && !name.endsWith(".tmp"))
        .sort()
        .map((name) => `${name} ${contentOf(disk, `1/${name}`).toString("hex")}`);
    let changes = 0;
    for (let isCrashed = true; isCrashed; changes += 1) {
      const disk = edited(...edits);
      const report = await audited(disk);
      isCrashed = await repairStream(new DyingDisk(disk, changes), "/data", report).then(
        () => false,
        (error: unknown) => isDeath(error),
      );
      await repairStream(disk, "/data", await audited(disk));
      expect(contents(disk)).toStrictEqual(contents(whole));
      expect(aside(disk)).toStrictEqual(expect.arrayContaining(aside(whole)));
    }
    expect(changes).toBeGreaterThan(40);
  });

  test("that cuts into a page names what is left of it in the manifest", async () => {
    const disk = edited(...gone(6, 7), [segmentFile(5)]);
    await repairStream(disk, "/data", await audited(disk));
    const { segments } = JSON.parse(String(contentOf(disk, "1/manifest.json"))) as { segments: object[] };
    expect(segments).toStrictEqual([{ segment_num: 4, first_offset: 4, next_offset: 4, size_bytes: 0 }]);
  });

  test("of a stream whose page was foreign and whose end is lost leaves the page as it has to be", async () => {
    const disk = edited(...gone(7), [pageFile(0), () => String(FILES.get(pageFile(1)))]);
    await repairStream(disk, "/data", await audited(disk));
    expect(contentOf(disk, `1/${pageFile(0)}`).equals(FILES.get(pageFile(0)) ?? Buffer.alloc(0))).toBe(true);
    expect(linesOf(await audited(disk))).toStrictEqual(["notice quarantine quarantine"]);
  });

  test("of a stream that is whole sets a spare page aside and says so", async () => {
    const disk = edited([pageFile(3), () => "spare"]);
    const { recovered, cut } = await repairStream(disk, "/data", await audited(disk));
    expect(cut).toBeUndefined();
    expect(recovered).toStrictEqual([`spare page of the manifest, set aside: /data/1/${pageFile(3)}`]);
    expect(aside(disk)).toStrictEqual([pageFile(3)]);
    expect(pagesOn(disk)).toStrictEqual([pageFile(0), pageFile(1), pageFile(2), "manifest.json"]);
  });

  test("leaves a directory that is called as a spare page", async () => {
    const root = directory();
    restore(root, new Map([...FILES].map(([name, bytes]) => [`1/${name}`, bytes])));
    fs.mkdirSync(path.join(root, "1", pageFile(3)));
    const disk = new WatchedDisk();
    const [report] = (await audit(root, { disk })).streams;
    if (report === undefined) throw new Error("There is no stream.");
    expect((await repairStream(disk, root, report)).recovered).toStrictEqual([]);
    expect(fs.statSync(path.join(root, "1", pageFile(3))).isDirectory()).toBe(true);
  });

  test("leaves what is called as a page in a stream of the format sentinel", async () => {
    const disk = await sentinelWithPage();
    const { recovered } = await repairStream(disk, "/data", await audited(disk));
    expect(recovered).toStrictEqual([]);
    expect(pagesOn(disk)).toStrictEqual([pageFile(0), "manifest.json"]);
  });

  test("writes no page that is as it has to be, and syncs the names once spare pages are removed", async () => {
    const root = directory();
    const files = edited(...gone(5, 6, 7));
    restore(root, new Map(files.list("/data/1").map((name) => [`1/${name}`, contentOf(files, `1/${name}`)])));
    const calls: string[] = [];
    const disk = new WatchedDisk(({ name, path: file }) => {
      calls.push(`${name} ${path.relative(root, file)}`);
      return undefined;
    });
    const [report] = (await audit(root, { disk })).streams;
    if (report === undefined) throw new Error("There is no stream.");
    await repairStream(disk, root, report);
    const renamed = calls.filter((call) => /^rename .*manifest/.test(call));
    expect(renamed).toStrictEqual(["rename 1/manifest.json"]);
    const removed = calls.lastIndexOf(`remove 1/${pageFile(2)}`);
    expect(removed).toBeGreaterThan(0);
    expect(calls.slice(removed)).toContain("syncDirectory 1");
  });
});
