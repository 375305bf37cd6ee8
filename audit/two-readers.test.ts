/**
 * Where the two readers differ, the audit says so, at the record at which they do, and whatever else it finds
 * beside it. The model's reader is replaced by one that differs where a test wants it to.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { encoded, HandLog, join, text, u64 } from "../e2e/by-hand.ts";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import type * as ModelReader from "../model/reader.ts";
import type * as ModelTombstone from "../model/tombstone.ts";
import type { AnchorInFile } from "./anchor.ts";
import { audit } from "./audit.ts";
import type { StreamReport } from "./report.ts";
import { linesOf } from "./testing.ts";

type ModelAnswer = ReturnType<typeof ModelReader.readRecord>;
/** Answers instead of the model's reader, or does not. */
type Stub = (offset: number, bytes: Uint8Array) => ModelAnswer | undefined;

/** What the model's reader was asked about: a record, with the hash of the one before. */
const second = vi.hoisted(() => ({
  stub: undefined as Stub | undefined,
  asked: [] as { offset: number; hash: string }[],
  /** What it says is the first offset that no tombstone names; whether it reads tombstones otherwise. */
  unnamed: undefined as bigint | undefined,
  shift: false,
}));

vi.mock("../model/reader.ts", async (original) => {
  const model = await original<typeof ModelReader>();
  const readRecord: typeof model.readRecord = (format, bytes, last) => {
    const offset = last === undefined ? 0 : Number(last.offset) + 1;
    second.asked.push({ offset, hash: Buffer.from(last?.hash ?? []).toString("hex") });
    return second.stub?.(offset, bytes) ?? model.readRecord(format, bytes, last);
  };
  return { ...model, readRecord };
});

vi.mock("../model/tombstone.ts", async (original) => {
  const model = await original<typeof ModelTombstone>();
  const firstUnnamed: typeof model.firstUnnamed = (named, from) =>
    second.unnamed ?? model.firstUnnamed(named, from);
  const namedBy: typeof model.namedBy = (payload, offset) => {
    const named = model.namedBy(payload, offset);
    return named && second.shift ? { ...named, end: named.end + 1n } : named;
  };
  return { ...model, firstUnnamed, namedBy };
});

afterEach(() => {
  second.stub = undefined;
  second.unnamed = undefined;
  second.shift = false;
  second.asked.length = 0;
});

const REFUSED = "The second reader refuses it.";
const refusing =
  (...offsets: readonly number[]): Stub =>
  (offset) =>
    offsets.includes(offset) ? REFUSED : undefined;

const OFFSETS = Array.from({ length: 14 }, (_, offset) => offset);

describe.each(["plain", "sentinel"] as const)("format %s", (format) => {
  const hand = new HandDirectory(format);
  const hashBefore = (offset: number): string =>
    offset === 0 ? "" : Buffer.from(hand.hash(offset - 1)).toString("hex");
  const at = (offset: number): string => {
    const { segment, position } = hand.place(offset);
    return `damage readers-disagree ${hand.name(segment)} at ${position}, due ${offset}`;
  };
  /**
   * The directory with one bit of each of some records the other way round: in the middle of what is stored.
   */
  const damaged = (...offsets: readonly number[]): Map<string, Uint8Array> => {
    const files = hand.files();
    for (const offset of offsets) {
      const { segment, position } = hand.place(offset);
      const header = format === "plain" ? 44 : 50;
      const bytes = files.get(hand.name(segment)) ?? Buffer.alloc(0);
      files.set(hand.name(segment), flipped(bytes, (position + header) * 8));
    }
    return files;
  };
  const mismatch = (offset: number): string => {
    const { segment, position, end } = hand.place(offset);
    return `damage checksum-mismatch ${hand.name(segment)} at ${position} to ${end}, due ${offset}`;
  };
  const reportOn = async (
    files: ReadonlyMap<string, Uint8Array>,
    anchors: readonly AnchorInFile[] = [],
  ): Promise<StreamReport & { clean: boolean }> => {
    const disk = new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
    const { clean, streams } = await audit("/data", { disk, anchors });
    const [stream] = streams;
    if (stream === undefined) throw new Error("There is a stream.");
    return { ...stream, clean };
  };
  const accepted = (offset: number): ModelAnswer => {
    const record = hand.log.records[offset];
    if (record === undefined) throw new RangeError(`There is no record ${offset}.`);
    return { record: { ...record, offset: BigInt(offset) as never }, size: hand.record(offset).length };
  };

  test("both read every record once, each with the hash of the one before", async () => {
    const report = await reportOn(hand.files());
    expect(linesOf(report)).toStrictEqual([]);
    expect(report).toMatchObject({ records: 14, verifiedFromGenesis: true, readersAgree: true, clean: true });
    expect(second.asked).toStrictEqual(OFFSETS.map((offset) => ({ offset, hash: hashBefore(offset) })));
  });

  test("both read every record once where some are damaged, the damaged ones too", async () => {
    const report = await reportOn(damaged(1, 6, 9));
    expect(linesOf(report)).toStrictEqual([mismatch(1), mismatch(6), mismatch(9)]);
    const asked = second.asked.toSorted((a, b) => a.offset - b.offset);
    // Nothing but the segment's first record says which hash is before it.
    const hash = (offset: number): string => (offset === 9 ? "0".repeat(64) : hashBefore(offset));
    expect(asked).toStrictEqual(OFFSETS.map((offset) => ({ offset, hash: hash(offset) })));
  });

  test.each(OFFSETS)("the second refuses record %i alone", async (offset) => {
    second.stub = refusing(offset);
    const report = await reportOn(hand.files());
    expect(linesOf(report)).toStrictEqual([at(offset)]);
    expect(report.findings[0]?.sentence).toBe(
      `The engine's reader accepts this record, but the model's reader does not: ${REFUSED}`,
    );
    expect(report).toMatchObject({
      records: 14,
      verifiedFromGenesis: false,
      readersAgree: false,
      clean: false,
    });
  });

  test.each(OFFSETS.slice(2, 5))("the second refuses record %i, after a damaged one", async (offset) => {
    second.stub = refusing(offset);
    const report = await reportOn(damaged(1));
    expect(linesOf(report)).toStrictEqual([mismatch(1), at(offset)]);
    expect(report).toMatchObject({ verifiedFromGenesis: false, readersAgree: false, clean: false });
  });

  test("the second refuses a record before a damaged one, one after it, and one in each other segment", async () => {
    second.stub = refusing(0, 3, 8, 9);
    const report = await reportOn(damaged(1, 12));
    expect(linesOf(report)).toStrictEqual([mismatch(1), at(0), at(3), at(8), mismatch(12), at(9)]);
  });

  test("the second comes to another hash of a segment's last record", async () => {
    second.stub = (offset) => {
      const found = accepted(offset);
      if (offset !== 8 || typeof found === "string") return undefined;
      return { ...found, record: { ...found.record, hash: flipped(found.record.hash, 255) } };
    };
    const report = await reportOn(hand.files());
    // Which of them it is nobody can say: the place is the first of those that the hash is over.
    expect(linesOf(report)).toStrictEqual([at(5)]);
    expect(report.findings[0]?.sentence).toBe("The two readers compute different hashes before offset 9.");
  });

  test("the second takes a segment's last two records for one that comes to the same hash", async () => {
    second.stub = (offset) => {
      const [one, other] = [accepted(7), accepted(8)];
      if (offset !== 7 || typeof one === "string" || typeof other === "string") return undefined;
      return { record: { ...other.record, offset: one.record.offset }, size: one.size + other.size };
    };
    expect(linesOf(await reportOn(hand.files()))).toStrictEqual([at(5)]);
  });

  test.each([[1], [4], [1, 3], [0, 2], [6, 12]])(
    "the second accepts what the first refuses: records %i, %i",
    async (...offsets) => {
      second.stub = (offset) => (offsets.includes(offset) ? accepted(offset) : undefined);
      const report = await reportOn(damaged(...offsets));
      const lines = linesOf(report);
      expect(lines.toSorted()).toStrictEqual([...offsets.map(mismatch), ...offsets.map(at)].toSorted());
      expect(report).toMatchObject({ verifiedFromGenesis: false, readersAgree: false, clean: false });
    },
  );

  test("what the second accepts is not taken for a torn append", async () => {
    second.stub = (offset) => (offset === 13 ? accepted(13) : undefined);
    const files = hand.files();
    // A sector that was never written, of a record that nothing names: what a crash leaves, were it not for
    // the second reader.
    const { position, end } = hand.place(13);
    const bytes = Buffer.from(files.get(hand.name(2)) ?? []);
    files.set(hand.name(2), bytes.fill(0, position));
    const report = await reportOn(files);
    const [first, ...others] = linesOf(report);
    expect(first).toMatch(new RegExp(`^damage \\S+ ${hand.name(2)} at ${position} to ${end}, due 13$`));
    expect(others).toStrictEqual([at(13)]);
    expect(report).toMatchObject({ readersAgree: false, clean: false });
  });

  test("a torn append is a notice beside what the readers do not agree on, and what is after it is no part of the log", async () => {
    const files = hand.files();
    const bytes = Buffer.from(files.get(hand.name(2)) ?? []);
    const { position, end } = hand.place(12);
    const notice = (to: number): RegExp =>
      new RegExp(`^notice \\S+ ${hand.name(2)} at ${position} to ${to}, due 12$`);
    files.set(hand.name(2, "frames"), hand.frame(11, 12));
    second.stub = refusing(10);
    const cut = await reportOn(new Map(files).set(hand.name(2), bytes.subarray(0, end - 1)));
    expect(linesOf(cut)).toStrictEqual([expect.stringMatching(notice(end - 1)), at(10)]);
    second.stub = refusing(13);
    const behind = await reportOn(
      new Map(files).set(hand.name(2), Buffer.from(bytes).fill(0, position, end)),
    );
    expect(linesOf(behind)).toStrictEqual([expect.stringMatching(notice(bytes.length))]);
    expect(behind).toMatchObject({ readersAgree: true, clean: true, nextOffset: 12 });
  });

  test("what this version alone cannot read is no disagreement", async () => {
    second.stub = (offset) => (offset === 4 ? accepted(4) : undefined);
    const files = hand.files();
    const [record] = hand.log.records.slice(4);
    if (record === undefined) throw new Error("There is such a record.");
    const odd = encoded({ ...record, compression: 1, payload: Uint8Array.of(1) }, format);
    const bytes = join(...[0, 1, 2, 3].map((offset) => hand.record(offset)), odd);
    const report = await reportOn(files.set(hand.name(0), bytes));
    expect(report.findings.map(({ code }) => code)).toContain("undecodable-payload");
    expect(report).toMatchObject({ readersAgree: true, clean: false });
  });

  test("nor does it end the comparison: what follows it is held against the second reader, too", async () => {
    second.stub = (offset) => (offset === 4 ? accepted(4) : undefined);
    const [record] = hand.log.records.slice(1);
    if (record === undefined) throw new Error("There is such a record.");
    const odd = encoded({ ...record, compression: 1, payload: Uint8Array.of(1) }, format);
    const last = flipped(hand.record(4), (format === "plain" ? 44 : 50) * 8);
    const before = join(hand.record(0), odd, hand.record(2), hand.record(3));
    const report = await reportOn(hand.files().set(hand.name(0), join(before, last)));
    const places = report.findings.map(({ code, position }) => [code, position]);
    expect(places).toContainEqual(["undecodable-payload", hand.record(0).length]);
    expect(places).toContainEqual(["readers-disagree", before.length]);
  });

  test("what both readers do not agree on is verified by no anchor, and what is before it is", async () => {
    const anchor = (count: number, line: number): AnchorInFile => {
      const head = hand.hash(count - 1);
      return { origin: "example.com", stream: 1n, count, head, line, text: "", signatures: [] };
    };
    second.stub = refusing(6);
    const { anchors } = await reportOn(hand.files(), [anchor(6, 1), anchor(7, 2), anchor(14, 3)]);
    expect(anchors.map(({ verdict, sentence }) => [verdict, sentence])).toStrictEqual([
      ["matches", "The first 6 records are those that were anchored."],
      ...[7, 14].map((count) => [
        "matches",
        `The hash after ${count} records is the one that was anchored, but not every record before it could be verified.`,
      ]),
    ]);
  });
});

describe("erased records", () => {
  const log = new HandLog()
    .append(...["a", "bb", "ccc"].map(text))
    .tombstone(0n, 2n)
    .append(text("d"));
  const [first, last] = [log.records[0], log.records[1]];
  if (first === undefined || last === undefined) throw new Error("There are five records.");
  const payload = join(last.hash, u64(2n));
  const bytes = join(encoded({ ...first, kind: "redacted", payload }), log.bytes(2));
  const reported = async (): Promise<string[]> => {
    const disk = new MemoryDisk("/data", new Map([["1/segment_000000.log", bytes]]));
    const { streams } = await audit("/data", { disk });
    return streams.flatMap(linesOf).filter((line) => /readers|erasure/.test(line));
  };

  test("are named by tombstones for both readers", async () => {
    expect(await reported()).toStrictEqual([]);
  });

  test("of which only the second misses a tombstone: they differ", async () => {
    second.unnamed = 1n;
    expect(await reported()).toStrictEqual(["damage readers-disagree segment_000000.log at 0, due 0"]);
  });

  test("that a tombstone names only for one of them: they differ", async () => {
    second.shift = true;
    expect(await reported()).toStrictEqual(["damage readers-disagree segment_000000.log at 0, due 0"]);
  });
});
