/**
 * A stream that is appended to while it is audited: what is torn only until its end is written goes unsaid,
 * what an index seems to say is no proof, and damage in the log is damage however much is appended after it.
 */
import { describe, expect, test } from "vitest";
import { encoded, frameBytes, HandLog, join, text } from "../e2e/by-hand.ts";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import type { DiskFile, OpenMode } from "../src/index.ts";
import { audit } from "./audit.ts";
import { linesOf } from "./testing.ts";

/** Appends to a file whenever it is opened, as long as there is something left. */
class GrowingDisk extends MemoryDisk {
  readonly #path: string;
  readonly #parts: Uint8Array[];

  constructor(files: ReadonlyMap<string, Uint8Array>, name: string, parts: readonly Uint8Array[]) {
    super("/data", new Map([...files].map(([file, bytes]) => [`1/${file}`, bytes])));
    this.#path = `/data/1/${name}`;
    this.#parts = [...parts];
  }

  override open(path: string, mode: OpenMode): DiskFile {
    const file = super.open(path, mode);
    const part = path === this.#path ? this.#parts.shift() : undefined;
    if (part !== undefined) void file.write(part, file.size() as number);
    return file;
  }
}

describe.each(["plain", "sentinel"] as const)("format %s", (format) => {
  const hand = new HandDirectory(format);
  const [name, frames] = [hand.name(2), hand.name(2, "frames")];
  const { position, end } = hand.place(12);
  /** More records than the audit opens the file. */
  const later = new HandLog(0, format);
  for (const { kind, payload } of hand.log.records) {
    if (kind === "checkpoint") later.checkpoint();
    else later.append(payload);
  }
  for (let i = 0; i < 40; i += 1) later.append(text(`later-${i}`));
  const parts = later.records.slice(14).map((record) => encoded(record, format));
  const reportOn = async (
    files: ReadonlyMap<string, Uint8Array>,
    more: readonly Uint8Array[],
  ): Promise<{ lines: string[]; clean: boolean; records: number; causes: string[] }> => {
    const { clean, streams } = await audit("/data", { disk: new GrowingDisk(files, name, more) });
    const [stream] = streams;
    if (stream === undefined) throw new Error("There is a stream.");
    const causes = stream.findings.map(({ cause }) => cause);
    return { lines: linesOf(stream), clean, records: stream.records, causes };
  };
  const wrong = join(hand.frame(11, 12), frameBytes(hand.entries(12, 13), end, hand.hash(11)));
  const bytes = hand.files().get(name) ?? Buffer.alloc(0);

  test("there is nothing to say of records that are appended", async () => {
    const report = await reportOn(hand.files(), parts);
    expect(report).toMatchObject({ lines: [], clean: true });
    expect(report.records).toBeGreaterThan(14);
  });

  test("a record of which half was there at first goes unsaid once it is whole", async () => {
    const [record = Buffer.alloc(0)] = parts;
    const report = await reportOn(hand.files(), [record.subarray(0, 30), record.subarray(30)]);
    expect(report).toMatchObject({ lines: [], clean: true, records: 15 });
  });

  test("a damaged record is damage", async () => {
    const at = position + (format === "plain" ? 44 : 50);
    const report = await reportOn(hand.files().set(name, flipped(bytes, at * 8)), parts);
    expect(report.lines).toStrictEqual([`damage checksum-mismatch ${name} at ${position} to ${end}, due 12`]);
    expect(report.clean).toBe(false);
  });

  test("what an index says else is a notice, and damage once nothing is written any more", async () => {
    const report = await reportOn(hand.files().set(frames, wrong), parts);
    expect(report.lines).toStrictEqual([`notice wrong-index ${hand.name(2, "index")}, due 12`]);
    expect(report.causes[0]).toContain("written to while it was read");
    expect(report.clean).toBe(true);
    const [idle, part = Buffer.alloc(0)] = [hand.files().set(frames, wrong), parts[0]];
    expect(await reportOn(idle, [part])).toMatchObject({
      lines: [`damage wrong-index ${hand.name(2, "index")}, due 12`],
      clean: false,
    });
  });
});
