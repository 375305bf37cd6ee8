/**
 * Damaged places of a segment, as an audit reports them: where each ends, how many records it cost, whether a
 * crash can have left it, and what is verified up to it.
 */
import { describe, expect, test } from "vitest";
import { HandLog, join, text } from "../e2e/by-hand.ts";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { KimberliteWriter } from "../e2e/kimberlite-writer.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import { audit } from "./audit.ts";
import type { StreamReport } from "./report.ts";
import { auditSegment } from "./segment.ts";
import { audited, linesOf } from "./testing.ts";

type Files = Map<string, Uint8Array>;

const diskOf = (files: Files): MemoryDisk =>
  new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
const reportOn = (files: Files): Promise<StreamReport> => audited(diskOf(files));

describe.each(["plain", "sentinel"] as const)("format %s", (format) => {
  const hand = new HandDirectory(format);
  const header = format === "plain" ? 44 : 50;
  const log = hand.name(2);
  const [saved, frames] = [hand.name(2, "index"), hand.name(2, "frames")];
  const bytesOf = (files: Files, name: string): Uint8Array => files.get(name) ?? new Uint8Array(0);
  const flip = (files: Files, offset: number): Files => {
    const { segment, position } = hand.place(offset);
    const name = hand.name(segment);
    return files.set(name, flipped(bytesOf(files, name), (position + header) * 8));
  };
  const zeroed = (files: Files, offset: number): Files => {
    const { position, end } = hand.place(offset);
    return files.set(log, Buffer.from(bytesOf(files, log)).fill(0, position, end));
  };

  test("the first of two in one segment is as far as an anchor verifies anything", async () => {
    const anchors = [1, 2, 3, 4, 5].map((count) => ({
      origin: "example.com",
      stream: 1n,
      count,
      head: hand.hash(count - 1),
      line: count,
      text: "",
      signatures: [],
    }));
    const disk = diskOf(flip(flip(hand.files(), 1), 3));
    const [stream] = (await audit("/data", { disk, anchors })).streams;
    const hashAlone = (count: number): string =>
      `The hash after ${count} records is the one that was anchored, but not every record before it could be verified.`;
    const unknown = (count: number): string =>
      `The record before offset ${count} cannot be read, so its hash cannot be compared.`;
    expect(stream?.anchors.map(({ sentence }) => sentence)).toStrictEqual([
      "The first record is the one that was anchored.",
      unknown(2),
      hashAlone(3),
      unknown(4),
      hashAlone(5),
    ]);
  });

  test("a record that was durable is lost, and one that a crash left is not", async () => {
    const lost = await reportOn(zeroed(hand.files(), 12));
    const { position, end } = hand.place(12);
    expect(lost.findings).toMatchObject([{ severity: "damage", position, end, records: 1 }]);
    const unnamed = zeroed(hand.files(), 12).set(frames, hand.frame(11, 12));
    const left = await reportOn(unnamed);
    expect(left.findings).toMatchObject([{ severity: "notice", position, end: hand.place(13).end }]);
    expect(left.findings[0]?.records).toBe(undefined);
  });

  test("bytes in front of a record cost none", async () => {
    const { position } = hand.place(12);
    const bytes = bytesOf(hand.files(), log);
    const files = hand
      .files()
      .set(log, join(bytes.subarray(0, position), text("???"), bytes.subarray(position)));
    const findings = (await reportOn(files)).findings.filter(({ file }) => file.endsWith(".log"));
    expect(findings).toMatchObject([{ severity: "damage", position, end: position + 3, offset: 12 }]);
    expect(findings[0]?.records).toBe(undefined);
  });

  test("what is torn is counted as bytes and as nothing else", async () => {
    const bytes = bytesOf(hand.files(), log);
    const report = await reportOn(hand.files().set(log, bytes.subarray(0, -1)));
    const { position } = hand.place(13);
    expect(report.segments[2]).toMatchObject({
      bytes: bytes.length - 1,
      tornBytes: bytes.length - 1 - position,
      nextOffset: 13,
      head: Buffer.from(hand.hash(12)).toString("hex"),
    });
    expect(report).toMatchObject({
      bytes: hand.place(4).end + hand.place(8).end + bytes.length - 1,
      nextOffset: 13,
      verifiedFromGenesis: true,
    });
  });

  test("all that can be read is counted: kinds, and payloads as they were before they were compressed", async () => {
    const report = await reportOn(flip(hand.files(), 6));
    const read = hand.log.records.filter(({ offset }) => offset !== 6n);
    const payloadBytes = read.reduce((sum, { payload }) => sum + payload.length, 0);
    expect(report).toMatchObject({
      records: 13,
      kinds: { data: 10, checkpoint: 3, tombstone: 0, redacted: 0 },
      payloadBytes,
    });
  });

  test("a torn end does not hide that its segment is of another history", async () => {
    const other = new HandLog(0, format).append(...Array.from({ length: 12 }, (_, i) => text(`other-${i}`)));
    const files = hand.files().set(frames, new Uint8Array(0));
    files.delete(saved);
    const whole = other.bytes(9, 11);
    files.set(log, join(whole, other.bytes(11, 12).subarray(0, 20)));
    expect(linesOf(await reportOn(files))).toStrictEqual([
      `notice incomplete ${log} at ${whole.length} to ${whole.length + 20}, due 11`,
      `damage broken-chain ${log} at 0, due 9`,
    ]);
  });

  test("the head is known where the last record can be read, whatever is damaged before it", async () => {
    const head = Buffer.from(hand.hash(13)).toString("hex");
    expect(await reportOn(flip(hand.files(), 8))).toMatchObject({ head, verifiedFromGenesis: false });
    const unknown = await reportOn(flip(hand.files(), 13));
    expect(unknown).toMatchObject({ head: undefined, verifiedFromGenesis: false });
  });

  test("the first record of a segment after a missing one is due where the manifest says", async () => {
    const files = flip(hand.files(), 9);
    files.delete(hand.name(1));
    files.delete(hand.name(1, "index"));
    expect(linesOf(await reportOn(files))).toStrictEqual([
      `damage checksum-mismatch ${log} at 0 to ${hand.place(9).end}, due 9`,
      `damage missing-segment ${hand.name(1)}, due 5`,
    ]);
  });

  test("the bytes that are reported as read are all of a segment's, each once", async () => {
    const record = hand.record(0);
    const bytes = join(record, new Uint8Array(2 ** 23 + 2 ** 20));
    const job = {
      path: "/data/1",
      format,
      number: 0,
      isEmpty: false,
      isSealed: true,
      hasOwnIndex: true,
      fallbackOffset: 0,
      claimedBytes: 0,
      counts: [],
      chunkBytes: 2 ** 18,
    };
    const read: number[] = [];
    await auditSegment(job, diskOf(new Map([[hand.name(0), bytes]])), (more) => read.push(more));
    expect(read.length).toBeGreaterThan(1);
    expect(read.reduce((sum, more) => sum + more, 0)).toBe(bytes.length);
  });
});

describe("a record at the end that nothing names, some of whose bytes are zero", () => {
  const MANIFEST =
    '{"segments":[{"segment_num":0,"first_offset":0,"next_offset":0,"size_bytes":0}],"active_segment":0,"format":"plain"}';
  /** Where the second of two records begins, and how many of its bytes are not payload. */
  const [START, OVERHEAD] = [49, 48];

  test.each<[string, boolean, size: number, from: number, to: number]>([
    ["its first whole sector", true, 70_097, 512, 1024],
    ["a later sector", true, 70_097, 4096, 4608],
    ["a sector far after", true, 70_097, 66_048, 66_560],
    ["what it has of its first sector", true, 70_097, START, 512],
    ["what it has of its last sector", true, 70_097, 69_632, 70_097],
    ["as much as a sector, but none as a whole", false, 70_097, 600, 1500],
    ["all but a byte of a sector", false, 70_097, 513, 1024],
    ["the last bytes, the only ones in their sector", true, 1032, 1024, 1032],
    ["the last bytes, too few to be no chance", false, 1031, 1024, 1031],
  ])("%s: left by a crash %s", async (_, isTorn, size, from, to) => {
    const log = new HandLog().append(text("a"), text("x".repeat(size - START - OVERHEAD)));
    const bytes = log.bytes().fill(0, from, to);
    const files: Files = new Map([
      ["manifest.json", text(MANIFEST)],
      ["segment_000000.log.idx.wal", text("")],
      ["segment_000000.log", bytes],
    ]);
    expect(linesOf(await reportOn(files))).toStrictEqual([
      expect.stringMatching(
        new RegExp(`^${isTorn ? "notice" : "damage"} [a-z-]+ segment_000000\\.log at 49 to ${size}, due 1$`),
      ),
    ]);
  });
});

test("what Kimberlite tore after all that its manifest counts is a notice", async () => {
  const writer = new KimberliteWriter().append([text("a"), text("b")], true);
  const before = new Map(writer.files);
  writer.append([text("c")], true);
  const end = before.get("segment_000000.log")?.length ?? 0;
  const more = writer.files.get("segment_000000.log")?.subarray(0, end + 20) ?? text("");
  expect(linesOf(await reportOn(new Map(before).set("segment_000000.log", Buffer.from(more))))).toStrictEqual(
    [`notice incomplete segment_000000.log at ${end} to ${end + 20}, due 2`],
  );
});
