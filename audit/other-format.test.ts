/**
 * A manifest that names the other format: the audit reads the records as what they are, and says that the
 * manifest is not theirs.
 */
import { expect, test } from "vitest";
import { text } from "../e2e/by-hand.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { Storage } from "../src/index.ts";
import { OverlayDisk } from "../src/disk/overlay-disk.ts";
import { repairStream } from "./repair.ts";
import { audited, linesOf } from "./testing.ts";

test.each([
  ["plain", "sentinel"],
  ["sentinel", "plain"],
] as const)(
  "a %s stream whose manifest says %s is read whole, not clean, and nothing of it is cut",
  async (format, said) => {
    const disk = new MemoryDisk("/data", new Map());
    const storage = await Storage.open("/data", { disk, format, maxSegmentBytes: 100 });
    for (const event of ["a", "b", "c", "d", "e"]) await storage.appendBatch(1n, [text(event)]);
    await storage.close();
    const path = "/data/1/manifest.json";
    const file = disk.open(path, "update");
    const bytes = Buffer.alloc(Number(file.size()));
    void file.read(bytes, 0);
    const edited = bytes.toString().replace(`"${format}"`, `"${said}"`);
    void file.truncate(0);
    void file.write(Buffer.from(edited), 0);
    const report = await audited(disk);
    expect(report).toMatchObject({ format, records: 5, readersAgree: true });
    expect(linesOf(report)).toStrictEqual(["damage damaged-manifest manifest.json"]);
    const repair = await repairStream(new OverlayDisk(disk), "/data", report);
    expect(repair).toMatchObject({ cut: undefined, nextOffset: 5n });
  },
);
